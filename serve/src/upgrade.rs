//! The upgrade at the WebSocket path: the 101, and the task that follows it. Who is let in is decided by
//! the gate.

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

use crate::{
    Peer, Server, connection,
    gate::{self, Refusal},
    handshake,
    permit::Permit,
    socket::Socket,
};

/// Answers a request at the WebSocket path. Without an upgrade it says what one would be refused with: a
/// GET of the page served here, or OPTIONS, to which browsers add the page's origin.
pub fn answer(
    server: &Arc<Server>,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
    peer: Peer,
) -> Response<Bytes> {
    admit(server, headers, upgrade, peer).unwrap_or_else(|refusal| refusal.answer())
}

fn admit(
    server: &Arc<Server>,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
    peer: Peer,
) -> Result<Response<Bytes>, Refusal> {
    let Some(upgrade) = upgrade.filter(|_| handshake::asks_for_upgrade(headers)) else {
        server.counters.refusals.inc(Refusal::NoUpgrade.reason());
        gate::explain(server, headers, peer)?;
        return Err(Refusal::NoUpgrade);
    };
    let admitted = handshake::accept(headers)
        .map_err(Refusal::Handshake)
        .and_then(|accept| Ok((accept, gate::admit(server, headers, peer)?)));
    let (accept, permit) = admitted.inspect_err(|refusal| {
        server.counters.refusals.inc(refusal.reason());
        if let Refusal::Foreign(_) = refusal {
            server.log_foreign(headers, peer);
        }
    })?;
    server.spawn(begin(Arc::clone(server), peer, upgrade, permit));
    Ok(switching_protocols(accept))
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
