//! The upgrade at the WebSocket path: checks, the 101, and the task that follows it. Each refusal
//! says in plain text what is missing.

use std::sync::Arc;

use bytes::Bytes;
use decode_core::wire;
use hyper::{
    Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
    http::HeaderMap,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    Peer, Server,
    answer::plain,
    connection,
    counters::Refusal as Reason,
    origin::is_origin_welcome,
    permit::{Permit, Refused},
    socket::Socket,
};

/// Why a request for a WebSocket is refused.
struct Refusal {
    status: StatusCode,
    reason: Reason,
    text: &'static str,
}

const fn refusal(status: StatusCode, reason: Reason, text: &'static str) -> Refusal {
    Refusal {
        status,
        reason,
        text,
    }
}

/// Answers a request at the WebSocket path.
pub fn answer(
    server: &Arc<Server>,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
    peer: Peer,
) -> Response<Bytes> {
    match admit(server, headers, upgrade, peer) {
        Ok(response) => response,
        Err(refusal) => {
            server.counters.refusals.inc(refusal.reason);
            let mut response = plain(refusal.status, refusal.text);
            let headers = response.headers_mut();
            if refusal.status == StatusCode::UPGRADE_REQUIRED {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(
                    header::SEC_WEBSOCKET_VERSION,
                    HeaderValue::from_static(VERSION),
                );
            }
            if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
    }
}

/// The only version of the WebSocket protocol there is.
const VERSION: &str = "13";

fn admit(
    server: &Arc<Server>,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
    peer: Peer,
) -> Result<Response<Bytes>, Refusal> {
    let handshake = |text| refusal(StatusCode::UPGRADE_REQUIRED, Reason::Handshake, text);
    let asks = has_token(headers, &header::UPGRADE, "websocket")
        && has_token(headers, &header::CONNECTION, "upgrade");
    let Some(upgrade) = upgrade.filter(|_| asks) else {
        let text = "This is a WebSocket endpoint; the request asks for no upgrade.\n";
        return Err(match would_be_refused(server, headers, peer) {
            Some(refused) => refusal(refused.status, Reason::Handshake, refused.text),
            None => handshake(text),
        });
    };
    if !has_token(headers, &header::SEC_WEBSOCKET_VERSION, VERSION) {
        return Err(handshake("Only WebSocket version 13 is spoken here.\n"));
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return Err(refusal(
            StatusCode::BAD_REQUEST,
            Reason::Handshake,
            "The Sec-WebSocket-Key header is missing.\n",
        ));
    };
    if !has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, wire::SUBPROTOCOL) {
        return Err(refusal(
            StatusCode::BAD_REQUEST,
            Reason::Subprotocol,
            "Ask for the WebSocket subprotocol dashstream.v1; no other one is spoken here.\n",
        ));
    }
    if !is_own_or_listed(server, headers) {
        return Err(FOREIGN);
    }
    is_open(server)?;
    let permit = server.permits.take(peer.0).map_err(full)?;
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| handshake("The Sec-WebSocket-Key header is not usable.\n"))?;
    server.spawn(begin(Arc::clone(server), peer, upgrade, permit));
    Ok(switching_protocols(accept))
}

/// What a browser's request for an upgrade would be refused with. No browser shows its page why an
/// upgrade was refused, but a page may ask with a plain GET, which comes without its origin.
fn would_be_refused(server: &Server, headers: &HeaderMap, peer: Peer) -> Option<Refusal> {
    let host = headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let is_welcome = match (headers.contains_key(header::ORIGIN), host) {
        (false, Some(host)) => ["http", "https"].iter().any(|scheme| {
            let mut supposed = headers.clone();
            if let Ok(origin) = HeaderValue::try_from(format!("{scheme}://{host}")) {
                supposed.insert(header::ORIGIN, origin);
            }
            is_own_or_listed(server, &supposed)
        }),
        _ => is_own_or_listed(server, headers),
    };
    if !is_welcome {
        return Some(FOREIGN);
    }
    let room = || server.permits.check(peer.0).map_err(full);
    is_open(server).and_then(|()| room()).err()
}

const FOREIGN: Refusal = refusal(
    StatusCode::FORBIDDEN,
    Reason::Origin,
    "Pages of this origin may not connect (a relay allows them by --allowed-origin).\n",
);

fn is_own_or_listed(server: &Server, headers: &HeaderMap) -> bool {
    let rules = &server.rules;
    is_origin_welcome(headers, &rules.allowed_origins, rules.is_loopback)
}

/// Whether anybody is let in.
fn is_open(server: &Server) -> Result<(), Refusal> {
    if server.hub.is_closing() {
        let text = "The relay shuts down.\n";
        return Err(refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::Shutdown,
            text,
        ));
    }
    if !server.hub.is_settled() {
        let text = "The relay has no partition of the topic yet; see /health.\n";
        return Err(refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::Starting,
            text,
        ));
    }
    Ok(())
}

fn full(refused: Refused) -> Refusal {
    let (reason, text) = match refused {
        Refused::PerAddress => (
            Reason::PerAddress,
            "Too many connections from this address (a relay's --max-connections-per-ip).\n",
        ),
        Refused::Total => (
            Reason::Total,
            "Too many connections (a relay's --max-connections).\n",
        ),
    };
    refusal(StatusCode::TOO_MANY_REQUESTS, reason, text)
}

fn switching_protocols(accept: HeaderValue) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(wire::SUBPROTOCOL),
    );
    response
}

/// The connection from the moment hyper lets its socket go.
async fn begin(server: Arc<Server>, peer: Peer, upgrade: OnUpgrade, permit: Permit) {
    let Ok(upgraded) = upgrade.await else {
        return;
    };
    if let Some((socket, already_read)) = socket_of(upgraded) {
        connection::run(server, peer, socket, already_read).await;
    }
    drop(permit);
}

/// The relay's own socket behind hyper's wrapping, and what was read from it beyond the request.
fn socket_of(upgraded: Upgraded) -> Option<(Socket, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<Socket>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf.to_vec()))
}

/// Whether a comma-separated header holds a token.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}
