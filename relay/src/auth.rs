//! Who may come in: static tokens, sessions that a page gets for one, and whoever is on this machine.
//!
//! A request is from somebody with a role if it shows a valid token (in `Authorization`, or as a subprotocol of a
//! WebSocket), or a session's cookie, or if it comes from this machine and not through a proxy. What a role may do
//! is not decided here. Tokens are kept as digests, and none of what a request shows is ever logged.

mod attempts;
mod counts;
mod file;
mod session;
mod tokens;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dashstream_serve::gate::{
    Authenticating, Authenticator, Credentials, Identity, Refused, Role, Shown, cookies,
};
use decode_core::wire;
use hyper::http::HeaderMap;
use parking_lot::Mutex;
use tokio::time::Instant;

pub use attempts::WRONG_PER_MINUTE_MAX;
pub use counts::{Counts, SignIn};
pub use file::{CHECK_INTERVAL, TokenFile};
pub use session::SESSION_SECS_DEFAULT;
pub use tokens::{TOKEN_CHARS_MAX, Token};

use crate::access;
use attempts::Attempts;
use file::Watched;
use session::Sessions;
use tokens::{Held, InForce};

/// Who is let in, as the configuration says.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Those that are valid at the start.
    pub tokens: Vec<Token>,
    /// Where they come from, if that is to be read again.
    pub file: Option<TokenFile>,
    /// Whether whoever reaches the port may see everything.
    pub allows_anyone: bool,
    /// Whether requests from this machine need a token too.
    pub loopback_needs_token: bool,
    /// How long a session lasts.
    pub session: Duration,
    /// Tells the sessions of one topic from those of another relay under the same host name.
    pub namespace: String,
}

/// The relay's authenticator.
#[derive(Debug)]
pub struct Auth {
    in_force: InForce,
    file: Option<TokenFile>,
    watched: Mutex<Watched>,
    allows_anyone: bool,
    loopback_needs_token: bool,
    /// Whether somebody was meant to have a token; none may be valid at the moment.
    has_tokens: bool,
    sessions: Sessions,
    attempts: Attempts,
    counts: Counts,
}

impl Auth {
    /// Nothing is read again before [`Self::watch`] runs.
    pub fn new(admission: Admission) -> Self {
        let watched = Watched::new(admission.file.as_ref());
        Self {
            has_tokens: admission.file.is_some() || !admission.tokens.is_empty(),
            in_force: InForce::new(admission.tokens),
            file: admission.file,
            watched: Mutex::new(watched),
            allows_anyone: admission.allows_anyone,
            loopback_needs_token: admission.loopback_needs_token,
            sessions: Sessions::new(&admission.namespace, admission.session),
            attempts: Attempts::default(),
            counts: Counts::default(),
        }
    }

    /// How often people signed in, and were refused.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many tokens of a role are valid.
    pub fn valid_tokens(&self, role: Role) -> usize {
        self.in_force.count(role)
    }

    /// The cookie of a session for a token, to be set by the answer, in place of what the request's headers have.
    /// `is_secure` says that the browser speaks TLS.
    ///
    /// # Errors
    /// The token is not valid, or too many from this address were not.
    pub fn sign_in(
        &self,
        address: IpAddr,
        headers: &HeaderMap,
        token: &str,
        is_secure: bool,
    ) -> Result<SignedIn, Refused> {
        let held = self.held(token, address)?;
        let held = held.ok_or(Refused::Unauthenticated)?;
        self.end_sessions(headers);
        let cookie = self.sessions.cookie(&held, SystemTime::now(), is_secure);
        Ok(SignedIn {
            cookie,
            role: held.token.role,
            name: held.token.name.clone(),
        })
    }

    /// Ends the sessions of a request with all that was opened with them, and gives the cookie that removes them.
    pub fn sign_out(&self, headers: &HeaderMap, is_secure: bool) -> String {
        self.end_sessions(headers);
        self.sessions.end(is_secure)
    }

    /// A browser has one session: signing in again ends the earlier one.
    fn end_sessions(&self, headers: &HeaderMap) {
        let now = SystemTime::now();
        for value in cookies(headers, self.sessions.cookie_name()) {
            if let Some(session) = self.sessions.check(value, &self.in_force, now) {
                self.sessions.sign_out(&session, now);
            }
        }
    }

    /// The token that is valid and is this one; a wrong one counts against the address.
    fn held(&self, token: &str, address: IpAddr) -> Result<Option<Arc<Held>>, Refused> {
        let now = std::time::Instant::now();
        if !self.attempts.may_try(address, now) {
            return Err(Refused::Attempts);
        }
        let held = self.in_force.of_text(token);
        if held.is_none() {
            self.attempts.failed(address, now);
        }
        Ok(held)
    }

    /// The role of somebody who shows nothing.
    fn free_role(&self, credentials: &Credentials<'_>) -> Option<Role> {
        let is_operator = access::is_from_here(credentials)
            && !(self.has_tokens && access::looks_forwarded(credentials));
        if is_operator && !self.loopback_needs_token {
            return Some(Role::Admin);
        }
        self.allows_anyone.then_some(Role::Viewer)
    }

    fn identify(&self, credentials: &Credentials<'_>) -> Result<Identity, Refused> {
        let free = self.free_role(credentials);
        if let Some(token) = shown_token(credentials) {
            match self.held(&token, credentials.address) {
                Ok(Some(held)) => return Ok(held.identity()),
                Ok(None) => {}
                // Whoever needs no token may have one for another relay.
                Err(_) if free.is_some() => {}
                Err(refused) => return Err(refused),
            }
        }
        // Where the relay is served in two folders of a host, a browser may have a cookie for each.
        let mut cookies = cookies(credentials.headers(), self.sessions.cookie_name());
        let session = cookies.find_map(|cookie| self.session(cookie));
        Ok(session.unwrap_or_else(|| Identity::unnamed(free)))
    }

    fn session(&self, cookie: &str) -> Option<Identity> {
        let now = SystemTime::now();
        let session = self.sessions.check(cookie, &self.in_force, now)?;
        let valid = self.sessions.valid(&session, now)?;
        let identity = session.held.identity().and_while(valid);
        Some(identity.until(Instant::now() + session.left))
    }
}

impl Authenticator for Auth {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> Authenticating<'a> {
        Box::pin(std::future::ready(self.identify(&credentials)))
    }
}

/// What a sign-in came to.
pub struct SignedIn {
    /// The value of `Set-Cookie`.
    pub cookie: String,
    pub role: Role,
    pub name: Option<Arc<str>>,
}

/// The token of the header, or of a subprotocol. What is no token, or are several, is a wrong one.
fn shown_token(credentials: &Credentials<'_>) -> Option<String> {
    match credentials.bearer() {
        Some(Shown::One(token)) => return Some(token.to_owned()),
        Some(Shown::Several) => return Some(String::new()),
        None => {}
    }
    let token = match credentials.subprotocol(wire::BEARER_SUBPROTOCOL)? {
        Shown::One(offered) => URL_SAFE_NO_PAD.decode(offered).unwrap_or_default(),
        Shown::Several => Vec::new(),
    };
    Some(String::from_utf8(token).unwrap_or_default())
}

#[cfg(test)]
mod tests;
