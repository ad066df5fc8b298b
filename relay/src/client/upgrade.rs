//! The upgrade at the WebSocket path: checks, the 101, and the task that follows it. Each refusal
//! says in plain text what is missing.

use std::sync::Arc;

use decode_core::wire;
use hyper::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
    http::HeaderMap,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::reply::Response;

use super::{Peer, Permit, Refused, connection, socket::Socket};
use crate::{config::Origin, http::plain, relay::Shared};

/// Why a request for a WebSocket is refused.
struct Refusal {
    status: StatusCode,
    reason: &'static str,
    text: &'static str,
}

const fn refusal(status: StatusCode, reason: &'static str, text: &'static str) -> Refusal {
    Refusal {
        status,
        reason,
        text,
    }
}

/// Answers a request at the WebSocket path.
pub fn answer(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
    peer: Peer,
) -> Response {
    match admit(shared, headers, upgrade, peer) {
        Ok(response) => response,
        Err(refusal) => {
            shared.counters.refusals.add_text(refusal.reason, 1);
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
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
    peer: Peer,
) -> Result<Response, Refusal> {
    let handshake = |text| refusal(StatusCode::UPGRADE_REQUIRED, "handshake", text);
    let Some(upgrade) = upgrade.filter(|_| has_token(headers, &header::UPGRADE, "websocket"))
    else {
        let text = "This is a WebSocket endpoint; the request asks for no upgrade.\n";
        return Err(match would_be_refused(shared, headers, peer) {
            Some(refused) => refusal(refused.status, "handshake", refused.text),
            None => handshake(text),
        });
    };
    if !has_token(headers, &header::SEC_WEBSOCKET_VERSION, VERSION) {
        return Err(handshake("Only WebSocket version 13 is spoken here.\n"));
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return Err(refusal(
            StatusCode::BAD_REQUEST,
            "handshake",
            "The Sec-WebSocket-Key header is missing.\n",
        ));
    };
    if !has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, wire::SUBPROTOCOL) {
        return Err(refusal(
            StatusCode::BAD_REQUEST,
            "subprotocol",
            "Ask for the WebSocket subprotocol dashstream.v1; no other one is spoken here.\n",
        ));
    }
    if !is_own_or_listed(shared, headers) {
        return Err(FOREIGN);
    }
    is_open(shared)?;
    let permit = shared.permits.take(peer.0).map_err(full)?;
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| handshake("The Sec-WebSocket-Key header is not usable.\n"))?;
    tokio::spawn(Box::pin(begin(Arc::clone(shared), upgrade, permit)));
    Ok(switching_protocols(accept))
}

/// What a browser's request for an upgrade would be refused with. No browser shows its page why an
/// upgrade was refused, but a page may ask with a plain GET, which comes without its origin.
fn would_be_refused(shared: &Shared, headers: &HeaderMap, peer: Peer) -> Option<Refusal> {
    let host = headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let is_welcome = match (headers.contains_key(header::ORIGIN), host) {
        (false, Some(host)) => ["http", "https"].iter().any(|scheme| {
            let mut supposed = headers.clone();
            if let Ok(origin) = HeaderValue::try_from(format!("{scheme}://{host}")) {
                supposed.insert(header::ORIGIN, origin);
            }
            is_own_or_listed(shared, &supposed)
        }),
        _ => is_own_or_listed(shared, headers),
    };
    if !is_welcome {
        return Some(FOREIGN);
    }
    let room = || shared.permits.check(peer.0).map_err(full);
    is_open(shared).and_then(|()| room()).err()
}

const FOREIGN: Refusal = refusal(
    StatusCode::FORBIDDEN,
    "origin",
    "Pages of this origin may not connect (see --allowed-origin).\n",
);

fn is_own_or_listed(shared: &Shared, headers: &HeaderMap) -> bool {
    let listen = &shared.config.listen;
    is_origin_welcome(headers, &listen.allowed_origins, listen.host.is_loopback())
}

/// Whether anybody is let in.
fn is_open(shared: &Shared) -> Result<(), Refusal> {
    if shared.hub.is_closing() {
        let text = "The relay shuts down.\n";
        return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "shutdown", text));
    }
    if !shared.ingest.is_settled() {
        let text = "The relay has no partition of the topic yet; see /health.\n";
        return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "starting", text));
    }
    Ok(())
}

fn full(refused: Refused) -> Refusal {
    let (reason, text) = match refused {
        Refused::PerAddress => (
            "per_ip",
            "Too many connections from this address (see --max-connections-per-ip).\n",
        ),
        Refused::Total => ("total", "Too many connections (see --max-connections).\n"),
    };
    refusal(StatusCode::TOO_MANY_REQUESTS, reason, text)
}

fn switching_protocols(accept: HeaderValue) -> Response {
    let mut response = Response::new(bytes::Bytes::new().into());
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
async fn begin(shared: Arc<Shared>, upgrade: OnUpgrade, permit: Permit) {
    let Ok(upgraded) = upgrade.await else {
        return;
    };
    if let Some((socket, already_read)) = socket_of(upgraded) {
        connection::run(shared, socket, already_read).await;
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

/// A browser says which page connects. The relay's own page may, and those of listed origins.
///
/// On loopback a name other than localhost is no proof of being the relay's own page: any name can
/// be made to point to 127.0.0.1. Such a name must be listed. Without the header it is no browser.
fn is_origin_welcome(headers: &HeaderMap, allowed: &[Origin], loopback: bool) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Some(origin) = origin.to_str().ok().map(str::to_ascii_lowercase) else {
        return false;
    };
    if allowed.iter().any(|known| known.as_str() == origin) {
        return true;
    }
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
        && (!loopback || is_local_name(authority))
}

fn is_local_name(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // holds SEC-02: pages of other origins cannot connect.
    #[test]
    fn origins() {
        let allowed = Origin::parse_list("https://ops.example").expect("an origin");
        let welcome = |origin: Option<&'static str>, host: &'static str, loopback| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            headers.insert(header::HOST, HeaderValue::from_static(host));
            is_origin_welcome(&headers, &allowed, loopback)
        };
        assert!(welcome(None, "127.0.0.1:3002", true), "no browser");
        assert!(welcome(
            Some("http://127.0.0.1:3002"),
            "127.0.0.1:3002",
            true
        ));
        assert!(welcome(
            Some("http://localhost:3002"),
            "LOCALHOST:3002",
            true
        ));
        assert!(welcome(Some("http://[::1]:3002"), "[::1]:3002", true));
        assert!(
            welcome(Some("https://OPS.example"), "relay:3002", true),
            "listed"
        );
        assert!(welcome(
            Some("https://relay.example"),
            "relay.example",
            false
        ));
        assert!(!welcome(
            Some("http://rebound.example:3002"),
            "rebound.example:3002",
            true
        ));
        assert!(!welcome(
            Some("https://evil.example"),
            "127.0.0.1:3002",
            true
        ));
        assert!(
            !welcome(Some("http://127.0.0.1:5173"), "127.0.0.1:3002", true),
            "another port"
        );
        assert!(!welcome(Some("null"), "127.0.0.1:3002", false));
    }
}
