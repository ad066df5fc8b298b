//! The file of tokens, read again while the relay runs. What it says is in force once two looks in a row have read
//! the same, so that a file that is being written is not taken for a short one; one that changes all the time is taken
//! as it is at the fifth look. Each line counts by itself: one that is no token is reported, the others are in force.
//!
//! A file that names nobody lets nobody in: one without a token, one that is gone, and one that cannot be read, as a
//! token may have been taken out of it. Because that locks everybody out, it has to last for five looks.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{
    Auth,
    tokens::{Listed, Token},
};

/// Between two looks: a token that is taken out is invalid within twice this, and a little more.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Looks in a row at a file that says something else than what is in force, after which it is taken as it is.
const UNLIKE_MAX: u32 = 5;
/// The largest file.
const FILE_BYTES_MAX: u64 = 256 * 1024;

type Sha = [u8; 32];

/// A file as it was read at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFile {
    path: String,
    digest: Sha,
}

impl TokenFile {
    /// Reads a file for the first time. Blocks.
    ///
    /// # Errors
    /// What is wrong with it, with nothing of what is in it, and without the path: somebody may have given a token in
    /// place of one.
    pub fn read(path: &str) -> Result<(Self, Vec<Token>), String> {
        let bytes = read(path)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8".to_owned())?;
        let tokens = Token::of_file(text)?;
        let file = Self {
            path: path.to_owned(),
            digest: Sha256::digest(&bytes).into(),
        };
        Ok((file, tokens))
    }
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("cannot be read: {error}");
    // Opening a pipe would wait for somebody who writes to it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    if read.map_err(failed)? as u64 > FILE_BYTES_MAX {
        return Err(format!("has more than {FILE_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

/// What is wrong with the file, and what that means for its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What follows "the token file" in a sentence.
    why: String,
    effect: Effect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It was found only just.
    OldStay,
    NoneIsValid,
    OthersAreValid,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            Effect::OldStay => "if that lasts, no token is valid within 30 s",
            Effect::NoneIsValid => "no token is valid",
            Effect::OthersAreValid => "the tokens of the other lines are valid",
        };
        write!(f, "the token file{}; {effect}", self.why)
    }
}

/// What is known of the file, from look to look.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Of what is in force; `None` for a file that could not be read.
    applied: Option<Sha>,
    /// Of what the look before found.
    seen: Option<Sha>,
    /// Looks in a row that found something else than what is in force.
    unlike: u32,
    trouble: Option<Trouble>,
}

/// What a look came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Looked {
    /// Those that are valid from here on, where that changes.
    tokens: Option<Vec<Token>>,
    /// Whether something else is wrong than before, or nothing is any more.
    is_news: bool,
}

impl Watched {
    pub(super) fn new(file: Option<&TokenFile>) -> Self {
        Self {
            applied: file.map(|file| file.digest),
            ..Self::default()
        }
    }

    fn look(&mut self, found: Result<Vec<u8>, String>) -> Looked {
        let digest = found
            .as_ref()
            .ok()
            .map(|bytes| Sha256::digest(bytes).into());
        let stays = std::mem::replace(&mut self.seen, digest) == digest;
        let is_in_force = digest == self.applied;
        self.unlike = if is_in_force { 0 } else { self.unlike + 1 };
        let (listed, trouble) = match found {
            Ok(bytes) => {
                // A line that is no text is a line that is no token.
                let listed = Listed::in_file(&String::from_utf8_lossy(&bytes));
                let trouble = listed.trouble().map(|why| format!(": {why}"));
                (listed, trouble)
            }
            Err(why) => (Listed::default(), Some(format!(" {why}"))),
        };
        let names_nobody = listed.tokens.is_empty();
        let is_taken = self.unlike >= UNLIKE_MAX || (stays && !names_nobody);
        let effect = match (names_nobody, is_in_force || is_taken) {
            (false, true) => Effect::OthersAreValid,
            (true, true) => Effect::NoneIsValid,
            (true, false) => Effect::OldStay,
            (false, false) => return Looked::default(),
        };
        // It may just be empty because somebody is about to write it.
        if effect == Effect::OldStay && digest.is_some() && !stays {
            return Looked::default();
        }
        let is_change = is_taken && !is_in_force;
        if is_change {
            self.applied = digest;
            self.unlike = 0;
        }
        let trouble = trouble.map(|why| Trouble { why, effect });
        let is_news = self.trouble != trouble;
        self.trouble = trouble;
        Looked {
            tokens: is_change.then_some(listed.tokens),
            is_news,
        }
    }
}

impl Auth {
    /// Whether tokens come from a file.
    pub const fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// What was wrong with the file at the last look, and what that means for its tokens.
    pub fn file_trouble(&self) -> Option<String> {
        let watched = self.watched.lock();
        watched.trouble.as_ref().map(ToString::to_string)
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
                    Ok(Err(_)) => break Err("cannot be read: the call failed".to_owned()),
                    Err(_) => self.looked(Err("cannot be read: no answer".to_owned())),
                }
            };
            self.looked(found);
        }
    }

    fn looked(&self, found: Result<Vec<u8>, String>) {
        let looked = self.watched.lock().look(found);
        if let Some(tokens) = looked.tokens {
            let replaced = self.in_force.replace(tokens);
            let (added, removed, valid) = (replaced.added, replaced.removed, replaced.valid);
            tracing::info!(added, removed, valid, "the token file has changed");
        }
        match self.file_trouble() {
            Some(trouble) if looked.is_news => tracing::error!("{trouble}"),
            None if looked.is_news => tracing::info!("the token file is in order again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
