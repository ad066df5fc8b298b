//! What a wrong command line is answered with: what clap says, and no secret.

use std::ffi::OsString;

use clap::{
    Error,
    error::{ContextKind, ContextValue},
};

use crate::auth::TOKEN_CHARS_MIN;

/// Their values are secrets, or what somebody takes for a place for one.
const SECRET_FLAGS: [&str; 5] = [
    "--token",
    "--tokens",
    "--tokens-file",
    "--kafka-sasl-password",
    "--kafka-ssl-key-password",
];

/// What clap says without the words that it stumbled over, where these may be secrets: a part of one that was given
/// without quotes, or a token in a wrong place. `None` where there is nothing to hide.
pub fn without_secrets(
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
