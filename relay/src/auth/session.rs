//! Sessions of pages: a cookie that says which token it was given for and until when, signed with a key that
//! follows from the token. Relays with the same tokens take each other's, and a token that is taken away takes its
//! sessions with it. The relay remembers only those that are in use, so that signing out ends their connections, and
//! those that signed out, until they would have ended.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use ring::hmac;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::tokens::{Held, ID_BYTES, InForce};

/// Twelve hours: a working day.
pub const SESSION_SECS_DEFAULT: u64 = 12 * 60 * 60;
/// Clocks of relays may differ by this much.
const CLOCK_SKEW_SECS_MAX: u64 = 300;
/// Sessions remembered, besides those that are in use. Of more than these that signed out, those of the token with the
/// most are forgotten, the first to end first: whoever has the token gains nothing by a cookie, and nobody makes room
/// for a cookie of another's.
pub(super) const REMEMBERED_MAX: usize = 4096;
const NONCE_BYTES: usize = 8;
const TIME_BYTES: usize = 8;
const TAG_BYTES: usize = 32;

/// The signature, by which a session is known.
type Tag = [u8; TAG_BYTES];

#[derive(Debug)]
pub(super) struct Sessions {
    name: String,
    lifetime: Duration,
    remembered: Mutex<HashMap<Tag, Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    token: [u8; ID_BYTES],
    expires: u64,
    /// Until it signs out.
    valid: watch::Sender<bool>,
}

/// A session whose signature, token and time are good.
pub(super) struct Session {
    pub(super) held: Arc<Held>,
    pub(super) left: Duration,
    tag: Tag,
    expires: u64,
}

impl Sessions {
    /// Browsers give a cookie to every port of a host: the namespace keeps relays of other topics apart.
    pub(super) fn new(namespace: &str, lifetime: Duration) -> Self {
        let digest: [u8; 32] = Sha256::digest(namespace).into();
        let [a, b, c, d, ..] = digest;
        let name = format!(
            "dashstream_session_{:08x}",
            u32::from_be_bytes([a, b, c, d])
        );
        Self {
            name,
            lifetime,
            remembered: Mutex::default(),
        }
    }

    pub(super) fn cookie_name(&self) -> &str {
        &self.name
    }

    /// `Set-Cookie` for a session. Without a Path a browser takes the folder that the request was sent to, which is
    /// where the relay is, also where a proxy puts it under a path that the relay does not know.
    pub(super) fn cookie(&self, held: &Held, now: SystemTime, is_secure: bool) -> String {
        let expires = seconds(now) + self.lifetime.as_secs();
        self.set(&self.value(held, expires), self.lifetime, is_secure)
    }

    /// `Set-Cookie` that removes it.
    pub(super) fn end(&self, is_secure: bool) -> String {
        self.set("", Duration::ZERO, is_secure)
    }

    fn set(&self, value: &str, lifetime: Duration, is_secure: bool) -> String {
        let (name, secs) = (&self.name, lifetime.as_secs());
        let secure = if is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Max-Age={secs}; HttpOnly; SameSite=Strict{secure}")
    }

    fn value(&self, held: &Held, expires: u64) -> String {
        // Two people with one token have two sessions.
        let nonce = RandomState::new().hash_one(expires).to_be_bytes();
        let claim = [&nonce[..], &expires.to_be_bytes()[..]].concat();
        let tag = hmac::sign(&held.key, &self.signed(&claim));
        URL_SAFE_NO_PAD.encode([&held.id[..], &claim, tag.as_ref()].concat())
    }

    /// What is signed besides the token, which is the key.
    fn signed(&self, claim: &[u8]) -> Vec<u8> {
        [b"a session of ", self.name.as_bytes(), b" ", claim].concat()
    }

    /// Of a cookie's value, whether or not it signed out.
    pub(super) fn check(
        &self,
        value: &str,
        in_force: &InForce,
        now: SystemTime,
    ) -> Option<Session> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (id, rest) = bytes.split_at_checked(ID_BYTES)?;
        let (claim, tag) = rest.split_at_checked(NONCE_BYTES + TIME_BYTES)?;
        let tag = Tag::try_from(tag).ok()?;
        let held = in_force.of_id(id)?;
        hmac::verify(&held.key, &self.signed(claim), &tag).ok()?;
        let expires = u64::from_be_bytes(*claim.last_chunk::<TIME_BYTES>()?);
        // One of before the lifetime was shortened is not valid for longer than it is now.
        let left = expires.checked_sub(seconds(now)).filter(|left| *left > 0)?;
        let longest = self.lifetime.as_secs() + CLOCK_SKEW_SECS_MAX;
        (left <= longest).then(|| Session {
            held,
            left: Duration::from_secs(left),
            tag,
            expires,
        })
    }

    /// Says when it signs out; `None` if it did.
    pub(super) fn valid(
        &self,
        session: &Session,
        now: SystemTime,
    ) -> Option<watch::Receiver<bool>> {
        self.remember(session, now, |valid| {
            let is_valid = *valid.borrow();
            is_valid.then(|| valid.subscribe())
        })
    }

    /// Ends it, and what was opened with it.
    pub(super) fn sign_out(&self, session: &Session, now: SystemTime) {
        self.remember(session, now, |valid| {
            valid.send_replace(false);
        });
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.remembered.lock().len()
    }

    fn remember<T>(
        &self,
        session: &Session,
        now: SystemTime,
        with: impl FnOnce(&watch::Sender<bool>) -> T,
    ) -> T {
        let mut all = self.remembered.lock();
        if all.len() >= REMEMBERED_MAX && !all.contains_key(&session.tag) {
            forget(&mut all, seconds(now));
        }
        let remembered = all.entry(session.tag).or_insert_with(|| Remembered {
            token: session.held.id,
            expires: session.expires,
            valid: watch::Sender::new(true),
        });
        with(&remembered.valid)
    }
}

/// Makes room: what is over and what nobody uses, then the one that signed out and would end first of the token that
/// has the most of these. What is in use stays; there are no more of these than connections.
fn forget(all: &mut HashMap<Tag, Remembered>, now_secs: u64) {
    all.retain(|_, one| {
        let is_used = !*one.valid.borrow() || one.valid.receiver_count() > 0;
        is_used && one.expires > now_secs
    });
    if all.len() >= REMEMBERED_MAX {
        let signed_out = || all.iter().filter(|(_, one)| !*one.valid.borrow());
        let mut by_token: HashMap<_, usize> = HashMap::new();
        signed_out().for_each(|(_, one)| *by_token.entry(one.token).or_default() += 1);
        let most = by_token.into_iter().max_by_key(|(_, count)| *count);
        let of_most = |one: &Remembered| most.is_some_and(|(token, _)| token == one.token);
        let first = signed_out()
            .filter(|(_, one)| of_most(one))
            .min_by_key(|(_, one)| one.expires);
        if let Some(tag) = first.map(|(tag, _)| *tag) {
            all.remove(&tag);
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
