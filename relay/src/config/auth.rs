//! Who is let in: the options of tokens, and the one that does without.

use std::{net::IpAddr, time::Duration};

use clap::Args;
use serde::Serialize;

use super::{
    dlq::switch,
    reader::Reader,
    security::Secret,
    value::{self, as_millis},
};
use crate::auth::{SESSION_SECS_DEFAULT, Token, TokenFile};

/// The options.
#[derive(Clone, Debug, Args)]
pub struct AuthOptions {
    /// File of tokens: a line ROLE TOKEN [NAME] for each, with the role viewer or admin. Read again as it changes.
    // Somebody may give the tokens themselves: no message shows what was given.
    #[arg(
        long,
        env = "DASHSTREAM_TOKENS_FILE",
        global = true,
        default_value = "",
        hide_env_values = true
    )]
    pub tokens_file: String,

    /// The tokens themselves, separated by commas. Prefer the variable or the file: others on the machine can read
    /// the arguments of a process.
    #[arg(
        long,
        env = "DASHSTREAM_TOKENS",
        global = true,
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub tokens: Secret,

    /// Let anyone who reaches the port see everything, without a token: true or false.
    #[arg(
        long,
        env = "DASHSTREAM_INSECURE_ALLOW_ANYONE",
        global = true,
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    pub insecure_allow_anyone: String,

    /// Whether requests from this machine to a loopback address need a token too: true or false.
    #[arg(
        long,
        env = "DASHSTREAM_LOOPBACK_NEEDS_TOKEN",
        global = true,
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    pub loopback_needs_token: String,

    /// How long the session of a page lasts that signed in.
    #[arg(
        long,
        env = "DASHSTREAM_SESSION_SECS",
        global = true,
        default_value = "43200"
    )]
    pub session_secs: String,
}

/// Who is let in. What it shows of itself holds no token.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthConfig {
    #[serde(skip)]
    pub tokens: Vec<Token>,
    #[serde(skip)]
    pub file: Option<TokenFile>,
    pub tokens_from: TokensFrom,
    pub insecure_allow_anyone: bool,
    pub loopback_needs_token: bool,
    #[serde(rename = "sessionMs", serialize_with = "as_millis")]
    pub session: Duration,
}

/// Where tokens come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokensFrom {
    Nowhere,
    File,
    Environment,
}

/// Thirty days.
const SESSION_SECS_MAX: u64 = 30 * 24 * 60 * 60;
const _: () = assert!(SESSION_SECS_DEFAULT == 43_200);

impl Reader {
    /// `host` is what is listened on.
    pub(super) fn auth(&mut self, o: &AuthOptions, host: Option<IpAddr>) -> Option<AuthConfig> {
        let path = o.tokens_file.trim();
        let file = self.read("tokens_file", file(path));
        let given = o.tokens.text();
        let list = self.read("tokens", list(given, !path.is_empty()));
        let anyone = switch(&o.insecure_allow_anyone).and_then(|is_on| {
            if is_on && !(path.is_empty() && given.is_empty()) {
                return Err(CONTRADICTION.to_owned());
            }
            Ok(is_on)
        });
        let anyone = self.read("insecure_allow_anyone", anyone);
        let loopback = self.read("loopback_needs_token", switch(&o.loopback_needs_token));
        let session = value::seconds(&o.session_secs, 1, SESSION_SECS_MAX);
        let session = self.read("session_secs", session);
        let (file, list, anyone) = (file?, list?, anyone?);
        let (tokens_from, tokens, file) = match (file, list) {
            (Some((file, tokens)), _) => (TokensFrom::File, tokens, Some(file)),
            (None, Some(tokens)) => (TokensFrom::Environment, tokens, None),
            (None, None) => (TokensFrom::Nowhere, Vec::new(), None),
        };
        let is_open = tokens.is_empty() && !anyone;
        let host = host?;
        if is_open && !host.is_loopback() {
            self.read::<()>("host", Err(format!("{host} {UNGUARDED}")));
            return None;
        }
        Some(AuthConfig {
            tokens,
            file,
            tokens_from,
            insecure_allow_anyone: anyone,
            loopback_needs_token: loopback?,
            session: session?,
        })
    }
}

const UNGUARDED: &str = "can be reached from other machines, and nobody would need a token: name a file of tokens \
    with --tokens-file (DASHSTREAM_TOKENS_FILE), or let anyone see everything with --insecure-allow-anyone \
    (DASHSTREAM_INSECURE_ALLOW_ANYONE=true)";
const CONTRADICTION: &str = "cannot be combined with tokens, which would mean nothing";

fn file(path: &str) -> Result<Option<(TokenFile, Vec<Token>)>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    TokenFile::read(path).map(Some)
}

fn list(text: &str, has_file: bool) -> Result<Option<Vec<Token>>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let tokens = Token::of_list(text)?;
    if has_file {
        return Err("cannot be combined with a file of tokens".to_owned());
    }
    Ok(Some(tokens))
}
