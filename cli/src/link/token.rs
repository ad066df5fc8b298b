//! The token that the tool shows to a relay. That of a file is read for every connection, so that it can be replaced
//! while the tool runs.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::outcome::Failure;

#[derive(clap::Args, Clone, Default)]
pub(crate) struct TokenArgs {
    /// Show the relay this token. Others on the machine can read the arguments of a process: prefer the variable or
    /// --token-file
    // Checked later: clap would print a wrong one.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "DASHSTREAM_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// Show the relay the token in this file, which is read for every connection; before --token
    // Somebody may give the token itself: no message shows what was given.
    #[arg(
        long,
        value_name = "FILE",
        env = "DASHSTREAM_TOKEN_FILE",
        hide_env_values = true
    )]
    token_file: Option<PathBuf>,
}

impl TokenArgs {
    /// Whether another one may be shown at the next connection.
    pub(super) fn may_change(&self) -> bool {
        self.file().is_some()
    }

    /// A variable that is set to nothing is not set.
    fn file(&self) -> Option<&Path> {
        let file = self.token_file.as_deref();
        file.filter(|file| !file.as_os_str().is_empty())
    }

    /// The value of `Authorization`, if there is a token. What is wrong with one is said without showing it.
    pub(super) fn credentials(&self) -> Result<Option<HeaderValue>, Failure> {
        let (token, origin) = match (self.file(), &self.token) {
            (Some(file), _) => (read(file)?, "--token-file"),
            (None, Some(token)) if token.is_empty() => return Ok(None),
            (None, Some(token)) => (token.clone(), "--token"),
            (None, None) => return Ok(None),
        };
        // Some editors mark a file as UTF-8 at its start.
        let token = token.trim_start_matches('\u{feff}').trim();
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if token.is_empty() || !token.bytes().all(is_legal) {
            let text =
                format!("{origin}: a token has the characters A-Z a-z 0-9 - . _ ~ + / = only");
            return Err(Failure::Usage(text));
        }
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value.map_err(|_| Failure::Usage(format!("{origin}: it is too long")))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::Io(format!("--token-file: {error}"));
    let mut text = String::new();
    let opened = File::open(file).map_err(failed)?;
    let read = opened.take(TOKEN_FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(failed)?;
    Ok(text)
}

/// More than any token has.
const TOKEN_FILE_BYTES_MAX: u64 = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(token: Option<&str>, file: Option<&Path>) -> Result<Option<String>, String> {
        let args = TokenArgs {
            token: token.map(str::to_owned),
            token_file: file.map(Path::to_path_buf),
        };
        let value = args.credentials().map_err(|failure| match failure {
            Failure::Usage(text) | Failure::Io(text) => text,
            Failure::ReaderGone => "no output".to_owned(),
        })?;
        assert!(!format!("{value:?}").contains("s3cret"));
        Ok(value.map(|value| value.to_str().expect("ASCII").to_owned()))
    }

    /// SEC-01: a token comes from the file before the command line, and no error shows one.
    #[test]
    fn a_token_is_read_and_never_shown() {
        let name = format!("dashstream-token-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, "s3cret/of+file==\n").expect("a temporary file");
        let bearer = |token: &str| Ok(Some(format!("Bearer {token}")));
        assert_eq!(shown(None, None), Ok(None));
        assert_eq!(shown(Some(""), None), Ok(None));
        assert_eq!(shown(Some("s3cret"), None), bearer("s3cret"));
        assert_eq!(shown(Some("x"), Some(&file)), bearer("s3cret/of+file=="));
        std::fs::write(&file, "\u{feff}s3cret\r\n").expect("a temporary file");
        assert_eq!(shown(None, Some(&file)), bearer("s3cret"));
        for wrong in ["s3cret two", "s3cret\u{e9}", "s3cret\r\nX: y"] {
            let error = shown(Some(wrong), None).expect_err("not a token");
            assert!(
                error.starts_with("--token: ") && !error.contains("s3cret"),
                "{error}"
            );
            std::fs::write(&file, wrong).expect("a temporary file");
            let error = shown(None, Some(&file)).expect_err("not a token");
            assert!(
                error.starts_with("--token-file: ") && !error.contains("s3cret"),
                "{error}"
            );
        }
        std::fs::remove_file(&file).expect("it exists");
        assert!(shown(None, Some(&file)).is_err());
        let error = shown(None, Some(Path::new("s3cret"))).expect_err("no file");
        assert!(
            error.starts_with("--token-file: ") && !error.contains("s3cret"),
            "{error}"
        );
    }
}
