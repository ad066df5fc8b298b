//! What is said of a command line: what clap says and the URLs in it, and no secret.

use std::ffi::OsString;

use clap::Error;
use clap::error::{ContextKind, ContextValue};

/// Their values are secrets, or what somebody takes for a place for one.
const SECRET_FLAGS: [&str; 3] = ["--token", "--token-file", "--header"];
/// No token of a relay is shorter.
const TOKEN_CHARS_MIN: usize = 32;

/// What clap says without the words that it stumbled over, where these may be secrets: a part of one that was given
/// without quotes, or a token in a wrong place. `None` where there is nothing to hide.
pub(crate) fn without_secrets(
    error: &Error,
    arguments: impl IntoIterator<Item = OsString>,
) -> Option<String> {
    let has_secret = arguments.into_iter().any(|argument| {
        let text = argument.to_string_lossy();
        SECRET_FLAGS.contains(&text.split('=').next().unwrap_or_default())
    });
    let words = WORDS.iter().filter_map(|kind| match error.get(*kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    });
    // clap gives a flag without its value, and the name of a value in brackets.
    let is_name = |word: &str| word.is_empty() || word.starts_with(['-', '<', '[']);
    let may_be_secret =
        |word: &&str| !is_name(word) && (has_secret || word.len() >= TOKEN_CHARS_MIN);
    let hidden: Vec<_> = words.filter(may_be_secret).collect();
    let hide = |text: String, word: &&str| text.replace(word, "(not shown: it may be a secret)");
    (!hidden.is_empty()).then(|| hidden.iter().fold(error.to_string(), hide))
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
