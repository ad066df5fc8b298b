//! The WebSocket to a relay: opens, sends, closes, and tells what happens as events.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use decode_core::wire::{
    CloseCode, FRAME_BYTE_LEN, FRAME_HEADER_LEN, MESSAGE_BYTES_TARGET, PAYLOAD_BYTES_MAX,
    SUBPROTOCOL, WS_PATH,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::outcome::Failure;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Opening = Pin<Box<dyn Future<Output = Result<(Socket, Response), Error>>>>;

/// At most one socket at a time.
pub(crate) struct Link {
    request: Request,
    state: State,
}

enum State {
    Down,
    Opening(Opening),
    Up(Box<Socket>),
    /// Nothing could be sent any more.
    Lost,
}

pub(crate) enum Event {
    Opened,
    Text(Utf8Bytes),
    Binary(Bytes),
    Closed {
        code: u16,
        reason: String,
    },
    /// There was no connection. `is_final` where asking again would be answered alike.
    Refused {
        reason: String,
        is_final: bool,
    },
}

impl Link {
    /// A link to `ws://HOST:PORT[/PATH]`; `http://` and no scheme mean the same, no path means the
    /// relay's own.
    pub(crate) fn new(url: &str) -> Result<Self, Failure> {
        let wrong = |why: &dyn std::fmt::Display| Failure::Usage(format!("\"{url}\": {why}"));
        let rest = match url.split_once("://") {
            None => url,
            Some(("ws" | "http", rest)) => rest,
            Some((scheme, _)) => return Err(wrong(&format!("{scheme} is not supported, use ws"))),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        check_authority(authority).map_err(|why| wrong(&why))?;
        let path = if path.is_empty() || path == "/" {
            WS_PATH
        } else {
            path
        };
        let full = format!("ws://{authority}{path}");
        let mut request = full.into_client_request().map_err(|error| wrong(&error))?;
        request.headers_mut().insert(
            "Sec-WebSocket-Protocol",
            HeaderValue::from_static(SUBPROTOCOL),
        );
        Ok(Self {
            request,
            state: State::Down,
        })
    }

    pub(crate) fn open(&mut self) {
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(MESSAGE_BYTES_MAX);
        config.max_frame_size = Some(MESSAGE_BYTES_MAX);
        let request = self.request.clone();
        let opening = connect_async_with_config(request, Some(config), true);
        self.state = State::Opening(Box::pin(opening));
    }

    /// Sends a control message. What fails here shows as the next event.
    pub(crate) async fn send(&mut self, text: String) {
        let State::Up(socket) = &mut self.state else {
            return;
        };
        let sent = timeout(SEND_TIMEOUT, socket.send(Message::text(text))).await;
        if !matches!(sent, Ok(Ok(()))) {
            self.state = State::Lost;
        }
    }

    pub(crate) async fn close(&mut self, code: CloseCode, reason: &str) {
        if let State::Up(socket) = &mut self.state {
            let frame = CloseFrame {
                code: code.number().into(),
                reason: reason.into(),
            };
            // The peer may be gone already.
            let _ = timeout(CLOSE_TIMEOUT, WebSocketStream::close(socket, Some(frame))).await;
        }
        self.state = State::Down;
    }

    /// What happens next; never returns while there is no socket. May be dropped at any time.
    pub(crate) async fn event(&mut self) -> Event {
        match &mut self.state {
            State::Down => std::future::pending().await,
            State::Lost => self.down(NO_CLOSE_FRAME, "nothing could be sent".to_owned()),
            State::Opening(opening) => match opening.await {
                Ok((socket, _)) => {
                    self.state = State::Up(Box::new(socket));
                    Event::Opened
                }
                Err(error) => {
                    self.state = State::Down;
                    refused(&error)
                }
            },
            State::Up(socket) => loop {
                return match socket.next().await {
                    Some(Ok(Message::Text(text))) => Event::Text(text),
                    Some(Ok(Message::Binary(bytes))) => Event::Binary(bytes),
                    Some(Ok(Message::Close(Some(frame)))) => {
                        self.down(frame.code.into(), frame.reason.to_string())
                    }
                    Some(Ok(Message::Close(None))) => self.down(NO_CLOSE_CODE, String::new()),
                    // Pings are answered by the library.
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => self.down(NO_CLOSE_FRAME, error.to_string()),
                    None => self.down(NO_CLOSE_FRAME, "the connection ended".to_owned()),
                };
            },
        }
    }

    fn down(&mut self, code: u16, reason: String) -> Event {
        self.state = State::Down;
        Event::Closed { code, reason }
    }
}

/// Why a connection could not be had. A server that answers, but not as a relay does, will do so
/// the next time; one that is busy, or not ready, may not.
fn refused(error: &Error) -> Event {
    let Error::Http(answer) = error else {
        let reason = error.to_string();
        return Event::Refused {
            reason,
            is_final: false,
        };
    };
    let status = answer.status();
    let text = String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default());
    let line = text.lines().next().unwrap_or_default();
    let is_text = line.len() <= REASON_BYTES_MAX && !line.starts_with('<');
    let reason = if is_text && !line.is_empty() {
        format!("{status}: {line}")
    } else {
        format!("{status}: no relay answers like that")
    };
    Event::Refused {
        reason,
        is_final: status.is_client_error() && !PASSING.contains(&status.as_u16()),
    }
}

/// Of 4xx: too slow, too early, too many.
const PASSING: [u16; 3] = [408, 425, 429];
const REASON_BYTES_MAX: usize = 200;

/// HOST:PORT and nothing else. The library behind takes port 80 where it finds no number that it
/// understands.
fn check_authority(authority: &str) -> Result<(), String> {
    let expected = || "expected HOST:PORT or ws://HOST:PORT".to_owned();
    let (host, port) = authority.rsplit_once(':').ok_or_else(expected)?;
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let strange = |c: char| matches!(c, '@' | '?' | '#') || (c == ':' && !is_bracketed);
    if host.is_empty() || host.contains(strange) {
        return Err(expected());
    }
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(1..) if is_number => Ok(()),
        _ => Err(format!("\"{port}\" is no port, 1 to 65535")),
    }
}

/// One frame of the largest legal size, or a run of smaller ones.
const MESSAGE_BYTES_MAX: usize =
    FRAME_HEADER_LEN + PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN + MESSAGE_BYTES_TARGET;
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// What RFC 6455 reserves for a close frame without code, and for no close frame at all.
const NO_CLOSE_CODE: u16 = 1005;
pub(crate) const NO_CLOSE_FRAME: u16 = 1006;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_completed() {
        for (url, expected) in [
            ("127.0.0.1:3002", "ws://127.0.0.1:3002/ws"),
            ("http://relay:3002/", "ws://relay:3002/ws"),
            ("ws://relay:3002", "ws://relay:3002/ws"),
            ("ws://relay:80/deep/ws", "ws://relay:80/deep/ws"),
            ("ws://[::1]:3002", "ws://[::1]:3002/ws"),
        ] {
            let link = Link::new(url).expect("a valid URL");
            assert_eq!(link.request.uri().to_string(), expected);
        }
        for url in [
            "wss://relay:3002",
            "ftp://relay:3002",
            "",
            "ws://",
            "ws://a b:1",
            "relay",
            "ws://relay/ws",
            "[::1]",
            "::1:3002",
            ":3002",
            "relay:",
            "relay:0",
            "relay:+80",
            "127.0.0.1:99999",
            "user:secret@relay:3002",
            "relay?x:3002",
        ] {
            assert!(matches!(Link::new(url), Err(Failure::Usage(_))), "{url}");
        }
    }
}
