//! Static tokens: how they are written, and those in force. A token is kept as its digest, with the role and the
//! name it stands for.

use std::{fmt, sync::Arc};

use dashstream_serve::gate::{Identity, Role};
use decode_core::wire::TOKEN_CHARS_MIN;
use parking_lot::RwLock;
use ring::hmac;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::watch;

/// Longest token.
pub const TOKEN_CHARS_MAX: usize = 512;
const NAME_CHARS_MAX: usize = 64;
/// Each request is compared with all of them.
const TOKENS_MAX: usize = 256;

/// One token as it is configured.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    digest: [u8; 32],
    pub role: Role,
    /// For the log.
    pub name: Option<Arc<str>>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("role", &self.role)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// The tokens of a file: one a line, as `ROLE TOKEN [NAME]`; empty lines and lines that begin with `#` are
    /// passed over.
    ///
    /// # Errors
    /// A sentence with the number of the line, and nothing of what it says: that may be a token.
    pub fn of_file(text: &str) -> Result<Vec<Self>, String> {
        Listed::in_file(text).or_mistake()
    }

    /// The same with commas in place of line ends, and without comments.
    ///
    /// # Errors
    /// A sentence with the number of the entry.
    pub fn of_list(text: &str) -> Result<Vec<Self>, String> {
        let entries = text.split([',', '\n']).map(str::trim);
        Listed::of(entries.zip(1..), "entry").or_mistake()
    }

    fn parse(entry: &str) -> Result<Self, String> {
        let mut words = entry.split_whitespace();
        let (Some(role), Some(token), name, None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err("expected ROLE TOKEN [NAME]".to_owned());
        };
        let role = match role {
            "viewer" => Role::Viewer,
            "admin" => Role::Admin,
            _ => return Err("the role is neither viewer nor admin".to_owned()),
        };
        if !(TOKEN_CHARS_MIN..=TOKEN_CHARS_MAX).contains(&token.len()) {
            let text =
                format!("the token must have {TOKEN_CHARS_MIN} to {TOKEN_CHARS_MAX} characters");
            return Err(text);
        }
        // What `Authorization: Bearer` can carry (RFC 6750).
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
        if !token.bytes().all(legal) {
            return Err("the token has characters other than A-Z a-z 0-9 - . _ ~ + / =".to_owned());
        }
        let is_name = |name: &str| {
            name.len() <= NAME_CHARS_MAX
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._@".contains(&b))
        };
        if !name.is_none_or(is_name) {
            let text = format!(
                "the name has more than {NAME_CHARS_MAX} characters, or others than A-Z a-z 0-9 - . _ @"
            );
            return Err(text);
        }
        Ok(Self {
            digest: Sha256::digest(token).into(),
            role,
            name: name.map(Arc::from),
        })
    }
}

/// What a text lists: each entry by itself, so that one that is no token changes nothing for the others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) tokens: Vec<Token>,
    /// Sentences about entries that are none, with their number and nothing of what they say.
    pub(super) mistakes: Vec<String>,
}

impl Listed {
    pub(super) fn in_file(text: &str) -> Self {
        // Some editors mark a file as UTF-8 at its start.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().map(str::trim);
        let entries = lines.zip(1..).filter(|(line, _)| !line.starts_with('#'));
        Self::of(entries, "line")
    }

    fn of<'a>(entries: impl Iterator<Item = (&'a str, usize)>, kind: &str) -> Self {
        let mut listed = Self::default();
        for (entry, number) in entries.filter(|(entry, _)| !entry.is_empty()) {
            let added = Token::parse(entry).and_then(|token| listed.add(token));
            if let Err(why) = added {
                listed.mistakes.push(format!("{kind} {number}: {why}"));
            }
        }
        listed
    }

    fn add(&mut self, token: Token) -> Result<(), String> {
        let mut known = self.tokens.iter_mut();
        if let Some(known) = known.find(|known| known.digest == token.digest) {
            // Whichever line is meant, nobody gets more than the other says.
            known.role = known.role.min(token.role);
            return Err("the same token is there twice".to_owned());
        }
        if self.tokens.len() == TOKENS_MAX {
            return Err(format!("there are more than {TOKENS_MAX} tokens"));
        }
        self.tokens.push(token);
        Ok(())
    }

    /// The tokens if there are any and nothing is wrong.
    fn or_mistake(self) -> Result<Vec<Token>, String> {
        match self.mistakes.into_iter().next() {
            Some(mistake) => Err(mistake),
            None if self.tokens.is_empty() => Err(NONE.to_owned()),
            None => Ok(self.tokens),
        }
    }

    /// What is wrong with it, in one sentence.
    pub(super) fn trouble(&self) -> Option<String> {
        let none = self.tokens.is_empty().then(|| NONE.to_owned());
        match self.mistakes.as_slice() {
            [] => none,
            [mistake] => Some(mistake.clone()),
            [mistake, more @ ..] => Some(format!("{mistake}; and {} more", more.len())),
        }
    }
}

const NONE: &str = "there is no token";

/// A token that is, or was, valid.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) token: Token,
    /// Names the token in a session, without saying anything about it.
    pub(super) id: [u8; ID_BYTES],
    /// Signs sessions of this token. Whoever has the token has the key: relays with the same tokens agree on it.
    pub(super) key: hmac::Key,
    valid: watch::Sender<bool>,
}

pub(super) const ID_BYTES: usize = 16;

impl Held {
    fn new(token: Token) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &token.digest);
        let tag = hmac::sign(&key, b"the id of a dashstream token");
        let mut id = [0; ID_BYTES];
        id.iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        Self {
            token,
            id,
            key,
            valid: watch::Sender::new(true),
        }
    }

    /// Whoever shows it, for as long as it is valid.
    pub(super) fn identity(&self) -> Identity {
        Identity::while_valid(self.token.role, self.valid.subscribe())
            .named(self.token.name.clone())
    }
}

/// The valid tokens.
#[derive(Debug)]
pub(super) struct InForce(RwLock<Vec<Arc<Held>>>);

impl InForce {
    pub(super) fn new(tokens: Vec<Token>) -> Self {
        let held = tokens.into_iter().map(Held::new).map(Arc::new);
        Self(RwLock::new(held.collect()))
    }

    /// Compares with every token, however early one matches, so that the time tells nothing.
    pub(super) fn of_text(&self, token: &str) -> Option<Arc<Held>> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        self.find(|held| bool::from(held.token.digest.ct_eq(&digest)))
    }

    pub(super) fn of_id(&self, id: &[u8]) -> Option<Arc<Held>> {
        self.find(|held| bool::from(held.id.ct_eq(id)))
    }

    fn find(&self, is_it: impl Fn(&Held) -> bool) -> Option<Arc<Held>> {
        let held = self.0.read();
        let mut found = None;
        for one in held.iter() {
            if is_it(one) {
                found = Some(one);
            }
        }
        found.map(Arc::clone)
    }

    pub(super) fn count(&self, role: Role) -> usize {
        let held = self.0.read();
        held.iter().filter(|held| held.token.role == role).count()
    }

    /// Makes these the valid ones, and says how many came and went. What was opened with one that went, or that has
    /// another role now, ends.
    pub(super) fn replace(&self, tokens: Vec<Token>) -> Replaced {
        let mut held = self.0.write();
        let mut before = std::mem::take(&mut *held);
        let mut added = 0;
        for token in tokens {
            let same =
                |one: &Arc<Held>| one.token.digest == token.digest && one.token.role == token.role;
            match before.iter().position(same) {
                Some(at) => held.push(before.swap_remove(at)),
                None => {
                    added += 1;
                    held.push(Arc::new(Held::new(token)));
                }
            }
        }
        for gone in &before {
            gone.valid.send_replace(false);
        }
        Replaced {
            added,
            removed: before.len(),
            valid: held.len(),
        }
    }
}

/// What a change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    pub(super) added: usize,
    pub(super) removed: usize,
    pub(super) valid: usize,
}
