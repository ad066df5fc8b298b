//! What is said of a command line: what clap says and the URLs in it, and no secret.

use std::ffi::OsString;

use clap::Error;
use clap::error::{ContextKind, ContextValue};
use dashstream_serve::misplaced::hidden;

/// Their values are secrets, or what somebody takes for a place for one.
const SECRET_FLAGS: [&str; 3] = ["--token", "--token-file", "--header"];

/// What clap says without the words that it stumbled over, where these may be secrets: a part of one that was given
/// without quotes, or a token in a wrong place. `None` where there is nothing to hide.
pub(crate) fn without_secrets(
    error: &Error,
    arguments: impl IntoIterator<Item = OsString>,
) -> Option<String> {
    let words = WORDS.iter().filter_map(|kind| match error.get(*kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    });
    hidden(&error.to_string(), words, &SECRET_FLAGS, arguments)
}

const WORDS: [ContextKind; 3] = [
    ContextKind::InvalidSubcommand,
    ContextKind::InvalidArg,
    ContextKind::InvalidValue,
];

/// A URL as messages have it: without a login, and without a query, which may hold a secret too.
pub(crate) fn shown_url(url: &str) -> String {
    let (url, query) = match url.find(['?', '#']) {
        Some(at) => (&url[..at], "?..."),
        None => (url, ""),
    };
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (login, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("...@", rest),
        None => ("", rest),
    };
    format!("{scheme}{login}{rest}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SEC-01: neither a login nor a query, which may hold a secret, is in a message.
    #[test]
    fn a_url_is_shown_without_secrets() {
        for (url, shown) in [
            ("relay:3002", "relay:3002"),
            ("wss://relay/deep/ws", "wss://relay/deep/ws"),
            ("wss://relay/ws?token=s3cret@x#s3cret", "wss://relay/ws?..."),
            ("user:s3cret@relay:1", "...@relay:1"),
            ("ws://a:b@s3cret@relay/ws", "ws://...@relay/ws"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }
}
