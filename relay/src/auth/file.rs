//! The file of tokens, read again while the relay runs. A change takes effect once two looks in a row have read the
//! same, so that a file that is being written is not taken for a short one. One that changes all the time is taken as
//! it is at the fifth look. A file that is of no use leaves the tokens as they are.

use std::{
    fs::File,
    io::{self, Read as _},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Auth, tokens::Token};

/// Between two looks: a token that is taken out is invalid within twice this, and a little more.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Looks in a row at a file that is each time another, after which it is taken as it is: nobody writes for so long.
const UNLIKE_MAX: u32 = 5;
/// The largest file.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// A file as it was read at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFile {
    path: String,
    digest: [u8; 32],
}

impl TokenFile {
    /// Reads a file for the first time. Blocks.
    ///
    /// # Errors
    /// A sentence that names the file, and nothing of what is in it.
    pub fn read(path: &str) -> Result<(Self, Vec<Token>), String> {
        let bytes = read(path)?;
        let tokens = tokens_in(path, &bytes)?;
        let file = Self {
            path: path.to_owned(),
            digest: Sha256::digest(&bytes).into(),
        };
        Ok((file, tokens))
    }
}

fn tokens_in(path: &str, bytes: &[u8]) -> Result<Vec<Token>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8"))?;
    Token::of_file(text).map_err(|why| format!("{path}: {why}"))
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("{path}: {error}");
    // Opening a pipe would wait for somebody who writes to it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(format!("{path} is not a file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    if read.map_err(failed)? as u64 > FILE_BYTES_MAX {
        return Err(format!("{path} has more than {FILE_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

/// What is known of the file, from look to look.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Of what is in force.
    applied: [u8; 32],
    /// Of what the look before found, where that is something else.
    seen: Option<[u8; 32]>,
    /// Looks in a row that found something else than what is in force, and not twice the same.
    unlike: u32,
    trouble: Option<String>,
}

/// What a look came to.
#[derive(Debug, PartialEq, Eq)]
enum Looked {
    Nothing,
    Trouble,
    /// It was of no use at the look before, and has what is in force.
    Recovered,
    Changed(Vec<Token>),
}

impl Watched {
    pub(super) fn new(file: Option<&TokenFile>) -> Self {
        Self {
            applied: file.map_or([0; 32], |file| file.digest),
            ..Self::default()
        }
    }

    fn look(&mut self, path: &str, found: Result<Vec<u8>, String>) -> Looked {
        let bytes = match found {
            Ok(bytes) => bytes,
            Err(trouble) => {
                self.seen = None;
                return self.is_of_no_use(trouble);
            }
        };
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if digest == self.applied {
            self.seen = None;
            self.unlike = 0;
            return match self.trouble.take() {
                Some(_) => Looked::Recovered,
                None => Looked::Nothing,
            };
        }
        self.unlike += 1;
        let stays = self.seen.replace(digest) == Some(digest);
        if !stays && self.unlike < UNLIKE_MAX {
            return Looked::Nothing;
        }
        self.unlike = 0;
        match tokens_in(path, &bytes) {
            Ok(tokens) => {
                self.applied = digest;
                self.seen = None;
                self.trouble = None;
                Looked::Changed(tokens)
            }
            Err(trouble) => self.is_of_no_use(trouble),
        }
    }

    /// Said once, until it is something else.
    fn is_of_no_use(&mut self, trouble: String) -> Looked {
        if self.trouble.as_ref() == Some(&trouble) {
            return Looked::Nothing;
        }
        self.trouble = Some(trouble);
        Looked::Trouble
    }
}

impl Auth {
    /// Whether tokens come from a file.
    pub const fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Why the file was of no use at the last look; the tokens of before are valid meanwhile.
    pub fn file_trouble(&self) -> Option<String> {
        self.watched.lock().trouble.clone()
    }

    /// Looks at the file for as long as it is run.
    pub async fn watch(self: Arc<Self>) {
        let Some(path) = self.file.as_ref().map(|file| file.path.clone()) else {
            return std::future::pending().await;
        };
        let mut looks = interval(CHECK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let asked = path.clone();
            let mut reading = tokio::task::spawn_blocking(move || read(&asked));
            // A folder on a network may hang; then there is no second call until the first has ended.
            let found = loop {
                match timeout(CHECK_INTERVAL, &mut reading).await {
                    Ok(Ok(found)) => break found,
                    Ok(Err(_)) => break Err(format!("{path}: reading it failed")),
                    Err(_) => self.looked(&path, Err(format!("{path}: no answer"))),
                }
            };
            self.looked(&path, found);
        }
    }

    fn looked(&self, path: &str, found: Result<Vec<u8>, String>) {
        let looked = self.watched.lock().look(path, found);
        match looked {
            Looked::Nothing => {}
            Looked::Trouble => {
                let why = self.file_trouble().unwrap_or_default();
                tracing::error!(
                    why,
                    "the token file cannot be used; the tokens read before stay valid"
                );
            }
            Looked::Recovered => tracing::info!("the token file can be used again, unchanged"),
            Looked::Changed(tokens) => {
                let replaced = self.in_force.replace(tokens);
                let (added, removed, valid) = (replaced.added, replaced.removed, replaced.valid);
                tracing::info!(added, removed, valid, "the token file has changed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[u8] = b"admin 0123456789abcdef0123456789abcdef";
    const NEW: &[u8] = b"admin fedcba9876543210fedcba9876543210\n";

    fn watched() -> Watched {
        Watched {
            applied: Sha256::digest(OLD).into(),
            ..Watched::default()
        }
    }

    fn found(bytes: &[u8]) -> Result<Vec<u8>, String> {
        Ok(bytes.to_vec())
    }

    /// SEC-01: a file that is being written is not taken for what it is to become.
    #[test]
    fn a_change_takes_effect_when_it_stays() {
        let mut watched = watched();
        assert_eq!(watched.look("f", found(OLD)), Looked::Nothing);
        for half in [&b""[..], &NEW[..20], &NEW[..38]] {
            assert_eq!(watched.look("f", found(half)), Looked::Nothing);
        }
        assert_eq!(watched.look("f", found(NEW)), Looked::Nothing);
        let changed = watched.look("f", found(NEW));
        assert!(matches!(&changed, Looked::Changed(tokens) if tokens.len() == 1));
        assert_eq!(watched.look("f", found(NEW)), Looked::Nothing);
    }

    /// SEC-01: a token that was taken out does not stay valid because the file goes on changing.
    #[test]
    fn a_file_that_changes_all_the_time_is_taken_as_it_is() {
        let mut watched = watched();
        let other = |n: u32| [format!("# {n}\n").as_bytes(), NEW].concat();
        for n in 1..UNLIKE_MAX {
            assert_eq!(watched.look("f", Ok(other(n))), Looked::Nothing);
        }
        let taken = watched.look("f", Ok(other(UNLIKE_MAX)));
        assert!(matches!(&taken, Looked::Changed(tokens) if tokens.len() == 1));
        assert_eq!(watched.look("f", Ok(other(0))), Looked::Nothing);
    }

    /// SEC-01: however long a mistake stood, what replaces it is not taken half written.
    #[test]
    fn a_mistake_that_stays_does_not_hurry_its_mend() {
        let mut watched = watched();
        (0..3 * UNLIKE_MAX).for_each(|_| drop(watched.look("f", found(b"wrong"))));
        assert_eq!(watched.look("f", found(OLD)), Looked::Recovered);
        (0..3 * UNLIKE_MAX).for_each(|_| drop(watched.look("f", found(b"wrong"))));
        let half = [OLD, b"\nadmin fedcba9876543210fedcba98765432"].concat();
        assert_eq!(watched.look("f", Ok(half)), Looked::Nothing);
    }

    /// SEC-12: a file that is of no use is said once, and changes nothing.
    #[test]
    fn what_is_of_no_use_is_said_once() {
        let mut watched = watched();
        let gone = || Err("f: gone".to_owned());
        assert_eq!(watched.look("f", gone()), Looked::Trouble);
        assert_eq!(watched.look("f", gone()), Looked::Nothing);
        assert_eq!(watched.look("f", found(b"")), Looked::Nothing);
        assert_eq!(watched.look("f", found(b"")), Looked::Trouble);
        assert_eq!(watched.trouble.as_deref(), Some("f: there is no token"));
        assert_eq!(watched.look("f", found(b"")), Looked::Nothing);
        assert_eq!(watched.look("f", found(OLD)), Looked::Recovered);
        assert_eq!(watched.trouble, None);
        assert_eq!(watched.look("f", gone()), Looked::Trouble, "said again");
    }
}
