//! What a wrong command line is answered with: what clap says, and no secret.

use std::ffi::OsString;

use clap::{
    Error,
    error::{ContextKind, ContextValue},
};

use dashstream_serve::misplaced::hidden;

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
