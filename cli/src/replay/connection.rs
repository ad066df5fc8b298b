//! One request, and what may become of it: a session over a WebSocket.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use decode_core::wire::{CONTROL_BYTES_MAX, CloseCode, SUBPROTOCOL, WS_PATH};
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use session::{ServerInput, ServerOutput, ServerSession};
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::page::{HEADERS, policy};
use super::serve::Shared;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Answers a request. `held` lives as long as what the request starts.
pub(super) fn respond<H: Send + 'static>(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    held: H,
) -> Response<Full<Bytes>> {
    let host = request.headers().get(header::HOST);
    let policy = policy(host.and_then(|host| host.to_str().ok()));
    let mut response = route(shared, request, held);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn route<H: Send + 'static>(
    shared: &Arc<Shared>,
    mut request: Request<Incoming>,
    held: H,
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path != WS_PATH {
        return match *request.method() {
            Method::GET | Method::HEAD => file(shared, path),
            _ => text(
                StatusCode::METHOD_NOT_ALLOWED,
                "Only GET is answered here.\n",
            ),
        };
    }
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let upgrade = upgrade.filter(|_| request.method() == Method::GET);
    match admit(shared, request.headers(), upgrade) {
        Ok((upgrade, accept)) => {
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                if let Ok(upgraded) = upgrade.await {
                    run(&shared, upgraded).await;
                }
                drop(held);
            });
            switching_protocols(accept)
        }
        Err((status, why)) => text(status, why),
    }
}

fn file(shared: &Shared, path: &str) -> Response<Full<Bytes>> {
    match shared.page.file(path) {
        Some((mime, content)) => whole(StatusCode::OK, mime, content),
        None if path == "/" => text(StatusCode::OK, NO_PAGE),
        None => text(StatusCode::NOT_FOUND, "There is nothing here.\n"),
    }
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let content = Bytes::from_static(text.as_bytes());
    whole(status, "text/plain; charset=utf-8", content)
}

fn whole(status: StatusCode, mime: &'static str, content: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(content));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn switching_protocols(accept: HeaderValue) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    response
}

fn admit(
    shared: &Shared,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
) -> Result<(OnUpgrade, HeaderValue), (StatusCode, &'static str)> {
    let handshake = (
        StatusCode::UPGRADE_REQUIRED,
        "This is a WebSocket endpoint, version 13.\n",
    );
    let upgrade = upgrade
        .filter(|_| has_token(headers, &header::CONNECTION, "upgrade"))
        .filter(|_| has_token(headers, &header::UPGRADE, "websocket"));
    let version = has_token(headers, &header::SEC_WEBSOCKET_VERSION, "13");
    let upgrade = upgrade.filter(|_| version).ok_or(handshake)?;
    if !has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        let why = "Ask for the WebSocket subprotocol of the session protocol.\n";
        return Err((StatusCode::BAD_REQUEST, why));
    }
    if !is_origin_welcome(headers, shared.is_local) {
        let why = "Pages of another origin may not connect.\n";
        return Err((StatusCode::FORBIDDEN, why));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(handshake)?;
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
    Ok((upgrade, accept.map_err(|_| handshake)?))
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

/// A browser says which page connects: only the one served here may. Any name can be made to
/// point to 127.0.0.1, so there it must be an address or localhost. Without the header it is no
/// browser.
fn is_origin_welcome(headers: &HeaderMap, is_local: bool) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let same = host.is_some_and(|host| host.eq_ignore_ascii_case(authority));
    same && (!is_local || is_local_name(authority))
}

fn is_local_name(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok()
}

/// Drives a session over a socket to its end.
async fn run(shared: &Shared, upgraded: Upgraded) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(CONTROL_BYTES_MAX))
        .max_frame_size(Some(CONTROL_BYTES_MAX));
    let io = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let mut session = ServerSession::new(shared.config.clone(), &shared.log(), shared.now());
    let mut grown = shared.grown.subscribe();
    let mut closing = shared.closing.subscribe();
    let mut told = false;
    loop {
        let output = session.poll(&shared.log(), shared.now());
        let message = match output {
            ServerOutput::Text(text) => Message::text(text),
            ServerOutput::Data(bytes) => Message::binary(bytes),
            ServerOutput::Close(code, reason) => return close(&mut socket, code, reason).await,
            ServerOutput::Wait { until_ms } => {
                let wake = until_ms.map(|ms| shared.instant(ms));
                let timer = async {
                    match wake {
                        Some(wake) => sleep_until(wake).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    message = socket.next() => {
                        if !take(&mut session, shared, message) {
                            return;
                        }
                    }
                    _ = grown.changed() => {}
                    _ = closing.changed(), if !told => {
                        told = true;
                        let input = ServerInput::Shutdown { retry_after_ms: RETRY_AFTER_MS };
                        session.handle(input, &shared.log(), shared.now());
                    }
                    () = timer => {}
                }
                continue;
            }
        };
        // A peer that takes nothing for so long is gone, whatever it says.
        if !matches!(
            timeout(SEND_TIMEOUT, socket.send(message)).await,
            Ok(Ok(()))
        ) {
            return;
        }
    }
}

/// Gives a message to the session; `false` when there is no more to come.
fn take(
    session: &mut ServerSession,
    shared: &Shared,
    message: Option<Result<Message, Error>>,
) -> bool {
    let input = match &message {
        Some(Ok(Message::Text(text))) => ServerInput::Text(text.as_str()),
        Some(Ok(Message::Binary(_))) => ServerInput::Binary,
        // Pings and closes are answered by the library.
        Some(Ok(_)) => return true,
        Some(Err(Error::Capacity(_))) => ServerInput::Oversized,
        Some(Err(_)) | None => return false,
    };
    session.handle(input, &shared.log(), shared.now());
    true
}

async fn close(socket: &mut Socket, code: CloseCode, reason: String) {
    let frame = CloseFrame {
        code: code.number().into(),
        reason: reason.into(),
    };
    let goodbye = async {
        let closed = WebSocketStream::close(socket, Some(frame)).await;
        // Until the peer ends its side: ending at once could take the close frame from it.
        while closed.is_ok() && socket.next().await.is_some_and(|message| message.is_ok()) {}
    };
    let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
}

const NO_PAGE: &str = "A capture is served here. Watch it with `dashstream tail`, or serve the \
                       page too: `dashstream replay --serve .. --page web/dist`.\n";
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// A file does not come back by itself.
const RETRY_AFTER_MS: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// SEC-02
    #[test]
    fn only_its_own_page_may_connect() {
        let welcome = |origin: Option<&'static str>, host: &'static str, is_local| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            headers.insert(header::HOST, HeaderValue::from_static(host));
            is_origin_welcome(&headers, is_local)
        };
        let local = "127.0.0.1:3002";
        assert!(welcome(None, local, true), "no browser");
        assert!(welcome(Some("http://127.0.0.1:3002"), local, true));
        assert!(welcome(Some("http://localhost:1"), "LOCALHOST:1", true));
        assert!(welcome(Some("http://[::1]:3002"), "[::1]:3002", true));
        assert!(welcome(Some("https://file.example"), "file.example", false));
        assert!(!welcome(
            Some("http://rebound.example"),
            "rebound.example",
            true
        ));
        assert!(!welcome(Some("http://127.0.0.1:5173"), local, true));
        assert!(!welcome(Some("null"), local, false));
    }
}
