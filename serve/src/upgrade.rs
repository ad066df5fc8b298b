//! The upgrade at the WebSocket path: the checks that concern a WebSocket only, the 101, and the task that
//! follows it.

use std::sync::Arc;

use bytes::Bytes;
use decode_core::wire;
use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
    http::HeaderMap,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;

use crate::{Peer, Server, connection, gate::Refused, handshake, permit::Permit, socket::Socket};

/// Answers a request at the WebSocket path that passed the gate. Without an upgrade it says what one would be
/// refused with: a GET of the page served here, or OPTIONS, to which browsers add the page's origin.
pub fn answer(
    server: &Arc<Server>,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
    peer: Peer,
) -> Response<Bytes> {
    let Some(upgrade) = upgrade.filter(|_| handshake::asks_for_upgrade(headers)) else {
        let room = || server.permits.check(peer.address);
        let explained = judge(server, headers, &peer).and_then(|()| room());
        let refused = explained.err().unwrap_or(Refused::NoUpgrade);
        return server.refuse_as(refused, Refused::NoUpgrade.label());
    };
    match admit(server, headers, &peer) {
        Ok((accept, permit)) => {
            server.spawn(begin(Arc::clone(server), peer, upgrade, permit));
            switching_protocols(accept)
        }
        Err(refused) => {
            if matches!(refused, Refused::Host | Refused::Origin) {
                server.log_foreign(headers, &peer);
            }
            server.refuse(refused)
        }
    }
}

/// The handshake, then what [`judge`] says, then room.
fn admit(
    server: &Server,
    headers: &HeaderMap,
    peer: &Peer,
) -> Result<(HeaderValue, Permit), Refused> {
    let accept = handshake::accept(headers)?;
    judge(server, headers, peer)?;
    Ok((accept, server.permits.take(peer.address)?))
}

/// What depends neither on the handshake nor on how many others there are.
fn judge(server: &Server, headers: &HeaderMap, peer: &Peer) -> Result<(), Refused> {
    let place = peer.place.as_ref();
    server.rules.check(headers, place, peer.is_tls)?;
    if server.hub.is_closing() {
        return Err(Refused::Shutdown);
    }
    if !server.hub.is_settled() {
        return Err(Refused::Starting);
    }
    Ok(())
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
