//! Who is let in at the WebSocket path, decided in one order for an upgrade and for whoever asks why there
//! would be none. Each refusal says in plain text what is missing.

use std::sync::Arc;

use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
    http::HeaderMap,
};

use crate::{
    Peer, Server,
    answer::plain,
    counters::Refusal as Reason,
    handshake::{self, Flaw},
    permit::{Permit, Refused},
    rules::{FOREIGN_HOST, Foreign},
};

/// Why a request for a WebSocket is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoUpgrade,
    Handshake(Flaw),
    Foreign(Foreign),
    Closing,
    Starting,
    Full(Refused),
}

/// Lets a client in, for as long as it holds the permit.
pub(crate) fn admit(
    server: &Arc<Server>,
    headers: &HeaderMap,
    peer: Peer,
) -> Result<Permit, Refusal> {
    check(server, headers)?;
    server.permits.take(peer.0).map_err(Refusal::Full)
}

/// What an upgrade would be refused with. No browser shows its page why an upgrade was refused, but a page
/// may ask without one.
pub(crate) fn explain(server: &Server, headers: &HeaderMap, peer: Peer) -> Result<(), Refusal> {
    check(server, headers)?;
    server.permits.check(peer.0).map_err(Refusal::Full)
}

fn check(server: &Server, headers: &HeaderMap) -> Result<(), Refusal> {
    server.rules.check(headers).map_err(Refusal::Foreign)?;
    if server.hub.is_closing() {
        return Err(Refusal::Closing);
    }
    if !server.hub.is_settled() {
        return Err(Refusal::Starting);
    }
    Ok(())
}

impl Refusal {
    /// The answer that says so.
    pub(crate) fn answer(self) -> Response<bytes::Bytes> {
        let (status, text) = self.status_and_text();
        let mut response = plain(status, text);
        let headers = response.headers_mut();
        if status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static(handshake::VERSION),
            );
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// What it is counted as.
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::NoUpgrade | Self::Handshake(Flaw::Version | Flaw::Key) => Reason::Handshake,
            Self::Handshake(Flaw::Subprotocol) => Reason::Subprotocol,
            Self::Foreign(Foreign::Host) => Reason::Host,
            Self::Foreign(Foreign::Origin) => Reason::Origin,
            Self::Closing => Reason::Shutdown,
            Self::Starting => Reason::Starting,
            Self::Full(refused) => refused.reason(),
        }
    }

    const fn status_and_text(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoUpgrade => (
                StatusCode::UPGRADE_REQUIRED,
                "This is a WebSocket endpoint; the request asks for no upgrade.\n",
            ),
            Self::Handshake(Flaw::Version) => (
                StatusCode::UPGRADE_REQUIRED,
                "Only WebSocket version 13 is spoken here.\n",
            ),
            Self::Handshake(Flaw::Key) => (
                StatusCode::BAD_REQUEST,
                "Sec-WebSocket-Key must be there once, with 16 bytes in base64.\n",
            ),
            Self::Handshake(Flaw::Subprotocol) => (
                StatusCode::BAD_REQUEST,
                "Ask for the WebSocket subprotocol dashstream.v1; no other one is spoken here.\n",
            ),
            Self::Foreign(Foreign::Host) => (StatusCode::FORBIDDEN, FOREIGN_HOST),
            Self::Foreign(Foreign::Origin) => (
                StatusCode::FORBIDDEN,
                "Pages of this origin may not connect; --allowed-origin (WEBSOCKET_ALLOWED_ORIGINS) of the \
                 relay lists those that may.\n",
            ),
            Self::Closing => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The relay is shutting down.\n",
            ),
            Self::Starting => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The relay has no partition of the topic yet; see /health.\n",
            ),
            Self::Full(Refused::PerAddress) => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many connections from this address (a relay's --max-connections-per-ip).\n",
            ),
            Self::Full(Refused::Total) => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many connections (a relay's --max-connections).\n",
            ),
        }
    }
}
