//! Who gets in: the one gate that every request passes, and every reason to be refused.
//!
//! A request is checked in one order, whatever it asks for: its form, who it is from ([`Authenticator`]), and
//! whether that person may ([`Access`], by path). A WebSocket of a page that may not connect is refused before
//! anybody looks at its credentials. It is checked further where it is upgraded: the handshake, whether the server is
//! ready, and whether there is room; a plain GET at the same path is told what these checks would say, since no
//! browser tells its page why an upgrade was refused.
//!
//! Refusals are in one table: a status, a label for metrics, a code for programs and a sentence for people.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use bytes::Bytes;
use decode_core::wire;
use futures_util::future::select_all;
use hyper::{
    Method, Response, StatusCode, Version,
    header::{self, HeaderName, HeaderValue},
    http::{HeaderMap, request::Parts, uri::Authority},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{answer::plain, arrival::Arrival, counters::Refusal as Label};

/// What somebody may do. Who may do more may do less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May see what the server serves.
    Viewer,
    /// May change something too.
    Admin,
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The client's address: that of the connection, or what trusted proxies say.
    pub address: IpAddr,
    /// Whether the client speaks TLS with the outermost trusted proxy, if that says so.
    pub is_tls: Option<bool>,
    /// Under which host and port the client asked.
    pub(crate) place: Option<Authority>,
    /// What is known of who it is.
    pub identity: Identity,
}

impl Peer {
    /// Somebody whose credentials nobody looked at.
    pub(crate) fn unknown(arrival: Arrival) -> Self {
        Self::known(arrival, Identity::unnamed(None))
    }

    fn known(arrival: Arrival, identity: Identity) -> Self {
        let Arrival {
            address,
            is_tls,
            place,
            is_of_proxy: _,
        } = arrival;
        Self {
            address,
            is_tls,
            place,
            identity,
        }
    }
}

/// What an [`Authenticator`] found out about a request.
#[derive(Clone, Debug)]
pub struct Identity {
    role: Option<Role>,
    name: Option<Arc<str>>,
    /// One becomes `false`, or loses its sender, when the credentials are no longer valid.
    valid: Vec<watch::Receiver<bool>>,
    /// When the credentials expire.
    until: Option<Instant>,
}

impl Identity {
    /// Somebody without credentials, for as long as they like.
    #[must_use]
    pub const fn unnamed(role: Option<Role>) -> Self {
        Self {
            role,
            name: None,
            valid: Vec::new(),
            until: None,
        }
    }

    /// Somebody whose credentials may become invalid: `valid` says `false` then, and a WebSocket that was opened
    /// with them is closed with 4001.
    #[must_use]
    pub fn while_valid(role: Role, valid: watch::Receiver<bool>) -> Self {
        Self {
            valid: vec![valid],
            ..Self::unnamed(Some(role))
        }
    }

    /// The same with credentials that this can end too.
    #[must_use]
    pub fn and_while(mut self, valid: watch::Receiver<bool>) -> Self {
        self.valid.push(valid);
        self
    }

    /// The same with credentials that also expire at this time.
    #[must_use]
    pub fn until(self, until: Instant) -> Self {
        Self {
            until: Some(until),
            ..self
        }
    }

    /// The same with a name for the log.
    #[must_use]
    pub fn named(self, name: Option<Arc<str>>) -> Self {
        Self { name, ..self }
    }

    /// A name for the log, where the credentials have one. Never a secret.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether they may do what a role may do.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        let is_valid = self.valid.iter().all(|valid| *valid.borrow())
            && self.until.is_none_or(|until| Instant::now() < until);
        is_valid && self.role.is_some_and(|own| own >= role)
    }

    /// Waits until the credentials are no longer valid.
    pub(crate) async fn ended(&mut self) {
        let until = self.until;
        let revoked = self.valid.iter_mut().map(|valid| {
            Box::pin(async move {
                valid.wait_for(|valid| !valid).await.ok();
            })
        });
        let revoked = async move {
            match revoked.len() {
                0 => std::future::pending().await,
                _ => {
                    select_all(revoked).await;
                }
            }
        };
        let expired = async move {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = revoked => {}
            () = expired => {}
        }
    }
}

/// What a request may show to prove who it is from. None of it may reach a log, an error or a metric.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The client's address: that of the connection, or what trusted proxies say.
    pub address: IpAddr,
    /// Whether the client speaks TLS with the outermost trusted proxy, if that says so.
    pub is_tls: Option<bool>,
    /// Whether the connection is that of a trusted proxy, also where it does not say who its client is.
    pub is_of_proxy: bool,
    /// The version of HTTP in which it was asked.
    pub version: Version,
    headers: &'a HeaderMap,
}

impl<'a> Credentials<'a> {
    /// The token of an `Authorization: Bearer` header.
    #[must_use]
    pub fn bearer(&self) -> Option<Shown<'a>> {
        let mut values = self.headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next()?;
        if values.next().is_some() {
            return Some(Shown::Several);
        }
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let is_token = scheme.eq_ignore_ascii_case("bearer");
        is_token.then(|| Shown::One(token.trim_start()))
    }

    /// What follows this prefix in an offered WebSocket subprotocol: the only place where a browser's page can put
    /// a token for a WebSocket.
    #[must_use]
    pub fn subprotocol(&self, prefix: &str) -> Option<Shown<'a>> {
        let offered = self.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let offered = offered.iter().filter_map(|value| value.to_str().ok());
        let offered = offered.flat_map(|value| value.split(','));
        let mut shown = offered.filter_map(|one| one.trim().strip_prefix(prefix));
        let one = shown.next()?;
        Some(shown.next().map_or(Shown::One(one), |_| Shown::Several))
    }

    /// The values of a cookie: browsers send those of several folders, the innermost first.
    pub fn cookies(&self, name: &str) -> impl Iterator<Item = &'a str> {
        cookies(self.headers, name)
    }

    /// All headers, such as those that a proxy adds.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }
}

/// What a request shows in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// This.
    One(&'a str),
    /// More than one thing: whoever checked another one on the way would have let in somebody else.
    Several,
}

/// The values of a cookie of a request, in its order.
pub fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';'));
    pairs.filter_map(move |pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

/// An identity on its way, or why nobody looks at the credentials.
pub type Authenticating<'a> = Pin<Box<dyn Future<Output = Result<Identity, Refused>> + Send + 'a>>;

/// Finds out who a request is from. It may wait, for a key that has to be fetched say, in bounded time.
///
/// Credentials that are wrong are an identity without a role, just as none are: what that is worth is decided by
/// what is asked for.
pub trait Authenticator: Send + Sync + 'static {
    /// Who shows these credentials.
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> Authenticating<'a>;
}

/// Lets everybody do everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everybody;

impl Authenticator for Everybody {
    fn authenticate<'a>(&'a self, _: Credentials<'a>) -> Authenticating<'a> {
        let everybody = Identity::unnamed(Some(Role::Admin));
        Box::pin(std::future::ready(Ok(everybody)))
    }
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: whoever reaches the port, whatever they show.
    Anybody,
    /// Nothing, but the answer may tell more to somebody with a role.
    Optional,
    /// Somebody with this role.
    Needs(Role),
}

/// What decides who gets in. The program that serves knows its paths and its flags; this knows the order.
#[derive(Clone)]
pub struct Gate {
    /// Finds out who a request is from.
    pub authenticator: Arc<dyn Authenticator>,
    /// What a method at a path needs.
    pub access: fn(&Method, &str) -> Access,
    /// A sentence that follows a refusal, where there is something to be done about it: the name of a setting.
    pub hint: fn(Refused) -> &'static str,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl Default for Gate {
    /// Everybody may do everything.
    fn default() -> Self {
        Self {
            authenticator: Arc::new(Everybody),
            access: |_, _| Access::Needs(Role::Viewer),
            hint: |_| "",
        }
    }
}

impl Gate {
    /// Who a request is from, if they may do what it asks for.
    pub(crate) async fn admit(&self, request: &Parts, arrival: Arrival) -> Result<Peer, Refused> {
        let access = (self.access)(&request.method, request.uri.path());
        if access == Access::Anybody {
            return Ok(Peer::unknown(arrival));
        }
        let credentials = Credentials {
            address: arrival.address,
            is_tls: arrival.is_tls,
            is_of_proxy: arrival.is_of_proxy,
            version: request.version,
            headers: &request.headers,
        };
        let identity = match self.authenticator.authenticate(credentials).await {
            Ok(identity) => identity,
            Err(_) if access == Access::Optional => Identity::unnamed(None),
            Err(refused) => return Err(refused),
        };
        match access {
            Access::Anybody | Access::Optional => {}
            Access::Needs(role) if identity.may(role) => {}
            Access::Needs(_) if identity.may(Role::Viewer) => return Err(Refused::NotAllowed),
            Access::Needs(_) => return Err(Refused::Unauthenticated),
        }
        Ok(Peer::known(arrival, identity))
    }

    /// The answer that says why.
    pub(crate) fn answer(&self, refused: Refused) -> Response<Bytes> {
        let row = refused.row();
        let status = row.status;
        let (text, hint) = (row.text, (self.hint)(refused));
        let text = if hint.is_empty() {
            format!("{text}\n")
        } else {
            format!("{text} {hint}\n")
        };
        let mut response = plain(status, text);
        let headers = response.headers_mut();
        // Without an upgrade nothing is refused that could be had.
        if refused != Refused::NoUpgrade {
            headers.insert(REFUSAL, HeaderValue::from_static(row.code));
        }
        if status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            let version = HeaderValue::from_static(WEBSOCKET_VERSION);
            headers.insert(header::SEC_WEBSOCKET_VERSION, version);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

const REFUSAL: HeaderName = HeaderName::from_static(wire::REFUSAL_HEADER);
/// The only version of the WebSocket protocol there is.
pub(crate) const WEBSOCKET_VERSION: &str = "13";

struct Row {
    status: StatusCode,
    label: Label,
    code: &'static str,
    text: &'static str,
}

macro_rules! refusals {
    ($($(#[$meta:meta])* $name:ident = $status:ident, $label:ident, $code:expr, $text:literal;)+) => {
        /// Why a request is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refused { $($(#[$meta])* $name),+ }

        impl Refused {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        status: StatusCode::$status,
                        label: Label::$label,
                        code: $code,
                        text: $text,
                    }),+
                }
            }
        }
    };
}

refusals! {
    /// A plain request at the path of the WebSocket.
    NoUpgrade = UPGRADE_REQUIRED, Handshake, "no_upgrade",
        "This is a WebSocket endpoint; the request does not ask for an upgrade.";
    /// Another version of the WebSocket protocol.
    Version = UPGRADE_REQUIRED, Handshake, "version",
        "Only WebSocket version 13 is supported.";
    /// No `Sec-WebSocket-Key`, or one that is not valid.
    Key = BAD_REQUEST, Handshake, "key",
        "One Sec-WebSocket-Key header is needed, with 16 bytes in base64.";
    /// The subprotocol was not offered.
    Subprotocol = BAD_REQUEST, Subprotocol, "subprotocol",
        "The WebSocket subprotocol dashstream.v1 must be offered.";
    /// A WebSocket asked for under a name that is not one of this server's.
    Host = FORBIDDEN, Host, "host",
        "This server is not known under this host name.";
    /// Anything else asked for under such a name.
    Misdirected = MISDIRECTED_REQUEST, Host, "misdirected",
        "This server is not known under this host name.";
    /// What a trusted proxy says of where it comes from is not to be understood.
    Forwarded = BAD_REQUEST, Forwarded, "forwarded",
        "Its Forwarded or X-Forwarded headers are not valid, or both kinds are present.";
    /// A page of another origin.
    Origin = FORBIDDEN, Origin, "origin",
        "Pages of this origin may not connect.";
    /// Without valid credentials.
    Unauthenticated = UNAUTHORIZED, Unauthenticated, wire::UNAUTHENTICATED,
        "This needs valid credentials.";
    /// With credentials that are not enough.
    NotAllowed = FORBIDDEN, NotAllowed, "not_allowed",
        "These credentials do not allow this.";
    /// After too many wrong credentials.
    Attempts = TOO_MANY_REQUESTS, Attempts, "attempts",
        "Too many wrong credentials were shown from this address; wait a minute.";
    /// Nothing can be served yet.
    Starting = SERVICE_UNAVAILABLE, Starting, "starting",
        "The server is not ready yet.";
    /// It goes away.
    Shutdown = SERVICE_UNAVAILABLE, Shutdown, "shutdown",
        "The server is shutting down.";
    /// As many connections of one address as may be.
    PerAddress = TOO_MANY_REQUESTS, PerAddress, "per_ip",
        "Too many connections from this address.";
    /// As many connections as may be.
    Total = TOO_MANY_REQUESTS, Total, "total",
        "Too many connections.";
}

impl Refused {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().status.as_u16()
    }

    /// The stable code in the header of the answer.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// Under which label it is counted.
    #[must_use]
    pub const fn label(self) -> Label {
        self.row().label
    }
}

#[cfg(test)]
mod tests;
