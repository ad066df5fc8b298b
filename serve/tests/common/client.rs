//! A client that speaks the session protocol by hand.

use std::{net::SocketAddr, time::Duration};

use decode_core::{
    frame::{FrameHeader, FrameReader},
    wire,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest as _, http::Request},
};

/// Nothing in these tests takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Something that listens.
pub(crate) trait At {
    fn address(&self) -> SocketAddr;
}

pub(crate) fn upgrade_request(address: SocketAddr) -> Request<()> {
    let mut request = format!("ws://{address}{}", wire::WS_PATH)
        .into_client_request()
        .expect("a URL");
    let protocol = wire::SUBPROTOCOL.parse().expect("a header value");
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", protocol);
    request
}

/// A client that speaks the protocol by hand.
pub(crate) struct Client {
    pub(crate) stream: WebSocketStream<TcpStream>,
    /// Frames received, in order.
    pub(crate) frames: Vec<FrameHeader>,
    pub(crate) bytes: u64,
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Incoming {
    Control(Value),
    Data,
    Closed(Option<u16>),
}

impl Client {
    pub(crate) async fn connect(server: &impl At) -> Self {
        Self::try_connect(server.address()).await.expect("upgrades")
    }

    pub(crate) async fn try_connect(address: SocketAddr) -> Result<Self, tungstenite::Error> {
        let stream = TcpStream::connect(address).await.expect("connects");
        Self::over(stream, address).await
    }

    pub(crate) async fn over(
        stream: TcpStream,
        address: SocketAddr,
    ) -> Result<Self, tungstenite::Error> {
        let (stream, response) = client_async(upgrade_request(address), stream).await?;
        assert_eq!(
            response.headers()["sec-websocket-protocol"],
            wire::SUBPROTOCOL
        );
        Ok(Self::over_stream(stream))
    }

    pub(crate) const fn over_stream(stream: WebSocketStream<TcpStream>) -> Self {
        Self {
            stream,
            frames: Vec::new(),
            bytes: 0,
        }
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.expect("sends");
    }

    /// The next message; data is taken into `frames`.
    pub(crate) async fn next(&mut self) -> Incoming {
        loop {
            let message = timeout(PATIENCE, self.stream.next())
                .await
                .expect("something comes");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Incoming::Control(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Binary(bytes))) => {
                    self.bytes += bytes.len() as u64;
                    let frames = FrameReader::new(&bytes).map(|frame| frame.expect("whole").header);
                    self.frames.extend(frames);
                    return Incoming::Data;
                }
                Some(Ok(Message::Close(frame))) => {
                    return Incoming::Closed(frame.map(|frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Incoming::Closed(None),
            }
        }
    }

    /// The next control message of that type; what comes before it is passed over.
    pub(crate) async fn control(&mut self, kind: &str) -> Value {
        loop {
            match self.next().await {
                Incoming::Control(message) if message["type"] == kind => return message,
                Incoming::Control(_) | Incoming::Data => {}
                Incoming::Closed(code) => panic!("closed with {code:?} before {kind}"),
            }
        }
    }

    /// Reads until the connection ends and says how.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Incoming::Closed(code) = self.next().await {
                return code;
            }
        }
    }

    pub(crate) async fn resume(&mut self, from: &str) -> Value {
        self.control(wire::control::WELCOME).await;
        self.send(&json!({
            "type": wire::control::RESUME, "protocol": wire::PROTOCOL_VERSION, "from": from,
        }))
        .await;
        self.control(wire::control::RESUMED).await
    }

    pub(crate) async fn ack(&mut self) {
        self.send(&json!({ "type": wire::control::ACK, "bytes": self.bytes.to_string() }))
            .await;
    }

    /// Reads until there are that many frames.
    pub(crate) async fn frames(&mut self, count: usize) {
        while self.frames.len() < count {
            match self.next().await {
                Incoming::Data => self.ack().await,
                Incoming::Control(_) => {}
                Incoming::Closed(code) => panic!("closed with {code:?}"),
            }
        }
    }

    pub(crate) fn offsets(&self, partition: u32) -> Vec<u64> {
        let of = |frame: &&FrameHeader| frame.partition == partition;
        self.frames
            .iter()
            .filter(of)
            .map(|frame| frame.offset)
            .collect()
    }
}
