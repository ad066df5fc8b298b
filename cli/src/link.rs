//! The WebSocket to a relay: opens, sends, closes, and reports what happens as events.

mod dial;
mod target;
mod tls;
mod token;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use decode_core::wire::{
    CloseCode, FRAME_BYTE_LEN, FRAME_HEADER_LEN, MESSAGE_BYTES_TARGET, PAYLOAD_BYTES_MAX,
};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::{StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::outcome::Failure;
pub(crate) use target::ConnectArgs;
use target::Target;
use token::TokenArgs;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Opening = Pin<Box<dyn Future<Output = Result<Socket, Refused>>>>;

/// At most one socket at a time.
pub(crate) struct Link {
    target: Target,
    token: TokenArgs,
    tls: Option<Arc<ClientConfig>>,
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
    Closed { code: u16, reason: String },
    Refused(Refused),
}

/// There was no connection.
pub(crate) struct Refused {
    pub(crate) reason: String,
    /// Asking again would be answered alike.
    pub(crate) is_final: bool,
    /// The relay asks for credentials, and there are no others.
    pub(crate) is_shut_out: bool,
}

impl Refused {
    /// What may be otherwise the next time, or not.
    const fn because(reason: String, is_final: bool) -> Self {
        Self {
            reason,
            is_final,
            is_shut_out: false,
        }
    }
}

impl Link {
    /// A link to the relay at this URL; see [`Target::new`].
    pub(crate) fn new(url: &str, args: &ConnectArgs) -> Result<Self, Failure> {
        let target = Target::new(url, args)?;
        let shows_token = args.token.credentials()?.is_some();
        if shows_token && !target.is_tls && !target.is_loopback() {
            say!("dashstream: without TLS the token crosses the network in clear text");
        }
        let tls = match target.is_tls {
            true => Some(tls::config(args.ca())?),
            false if args.ca().is_some() => {
                let text = "--ca is about wss and https";
                return Err(Failure::Usage(text.to_owned()));
            }
            false => None,
        };
        Ok(Self {
            target,
            token: args.token.clone(),
            tls,
            state: State::Down,
        })
    }

    pub(crate) fn open(&mut self) {
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(MESSAGE_BYTES_MAX);
        config.max_frame_size = Some(MESSAGE_BYTES_MAX);
        let Target {
            request,
            host,
            port,
            ..
        } = &self.target;
        let (mut request, host, port) = (request.clone(), host.clone(), *port);
        let credentials = self.token.credentials();
        let may_change = self.token.may_change();
        let tls = self.tls.clone().map_or(Connector::Plain, Connector::Rustls);
        self.state = State::Opening(Box::pin(async move {
            // Said with --header, they are those.
            if let Some(credentials) =
                credentials.map_err(|e| Refused::because(e.to_string(), false))?
            {
                let headers = request.headers_mut();
                headers.entry(header::AUTHORIZATION).or_insert(credentials);
            }
            let stream = dial::dial(&host, port).await;
            let stream = stream.map_err(|reason| Refused::because(reason, false))?;
            client_async_tls_with_config(request, stream, Some(config), Some(tls))
                .await
                .map(|(socket, _)| socket)
                .map_err(|error| Refused {
                    is_shut_out: is_unauthorized(&error) && !may_change,
                    ..refused(&error)
                })
        }));
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
                Ok(socket) => {
                    self.state = State::Up(Box::new(socket));
                    Event::Opened
                }
                Err(refused) => {
                    self.state = State::Down;
                    Event::Refused(refused)
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
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "another crate's, open to additions"
)]
fn refused(error: &Error) -> Refused {
    match error {
        Error::Http(answer) => refused_by(answer),
        Error::Io(error) => {
            let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
            let reason = match tls {
                Some(rustls::Error::InvalidMessage(_)) => "TLS is not spoken there".to_owned(),
                Some(tls) => format!("TLS: {tls}"),
                None => error.to_string(),
            };
            Refused::because(reason, tls.is_some())
        }
        error => Refused::because(error.to_string(), matches!(error, Error::Tls(_))),
    }
}

fn is_unauthorized(error: &Error) -> bool {
    matches!(error, Error::Http(answer) if answer.status() == StatusCode::UNAUTHORIZED)
}

fn refused_by(answer: &Response) -> Refused {
    let status = answer.status();
    let moved = answer.headers().get(header::LOCATION);
    if let Some(Ok(place)) = moved.map(|place| place.to_str())
        && status.is_redirection()
    {
        let place: String = place.chars().take(REASON_BYTES_MAX).collect();
        return Refused::because(format!("{status}: it is at {place:?}"), true);
    }
    let text = String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default());
    let line = text.lines().next().unwrap_or_default();
    let is_text = line.len() <= REASON_BYTES_MAX && !line.starts_with('<');
    let reason = if is_text && !line.is_empty() {
        format!("{status}: {line}")
    } else if status == StatusCode::UNAUTHORIZED {
        format!("{status}: the server requires a login, see --token-file and --header")
    } else {
        format!("{status}: this is not the answer of a relay")
    };
    let is_final = status.is_client_error() && !PASSING.contains(&status.as_u16());
    Refused::because(reason, is_final)
}

/// Of 4xx: too slow, too early, too many.
const PASSING: [u16; 3] = [408, 425, 429];
const REASON_BYTES_MAX: usize = 200;

/// One frame of the largest legal size, or a run of smaller ones.
const MESSAGE_BYTES_MAX: usize =
    FRAME_HEADER_LEN + PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN + MESSAGE_BYTES_TARGET;
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// What RFC 6455 reserves for a close frame without code, and for no close frame at all.
const NO_CLOSE_CODE: u16 = 1005;
pub(crate) const NO_CLOSE_FRAME: u16 = 1006;
