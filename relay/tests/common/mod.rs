//! A relay on a free port whose log is filled by hand, and plain clients for it.
#![allow(dead_code, reason = "each test file uses its part of this")]

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use clap::Parser as _;
use dashstream_relay::{
    app::App,
    config::{Cli, Config},
    ingest::TopicState,
    shared::Shared,
};
use decode_core::{
    frame::{FrameHeader, FrameReader},
    wire,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use session::SegmentBuilder;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest as _, http::Request},
};

/// Nothing in these tests takes longer, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Rig {
    pub(crate) relay: App,
}

impl Rig {
    /// A relay that serves partitions 0 to 3 from offset 0, all empty.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let rig = Self::start_without_partitions(arguments).await;
        let shared = rig.shared();
        shared.ingest.set_topic(TopicState::Present);
        for partition in 0..4 {
            shared.hub.add_partition(partition, 0, 0);
        }
        shared.hub.set_settled();
        rig
    }

    pub(crate) async fn start_without_partitions(arguments: &[&str]) -> Self {
        let all = ["dashstream-relay", "--port=0", "--drain-secs=1"];
        let all = all.iter().chain(arguments);
        let options = Cli::try_parse_from(all)
            .expect("options clap knows")
            .options;
        let config = Config::from_args(&options).expect("a usable configuration");
        let shared = Shared::new(config).expect("metrics register");
        Self {
            relay: App::start_by_hand(shared).await.expect("a free port"),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.relay.shared
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.relay.address
    }

    /// Its address as a client names it.
    pub(crate) fn reachable(&self) -> SocketAddr {
        SocketAddr::new([127, 0, 0, 1].into(), self.address().port())
    }

    /// Appends records with the given payloads to a partition.
    pub(crate) fn append<'a>(&self, partition: u32, payloads: impl IntoIterator<Item = &'a [u8]>) {
        let hub = &self.shared().hub;
        let head = hub.log().partition(partition).expect("a partition").end;
        let mut builder = SegmentBuilder::new(partition, head);
        for (offset, payload) in (head..).zip(payloads) {
            builder.record(offset, 1_700_000_000_000, payload);
        }
        hub.append(builder.finish().expect("payloads"))
            .expect("continues the log");
    }

    /// The value of one series of `/metrics`.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let text = get(self.address(), "/metrics").await.body;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} in {text}"))
            .parse()
            .expect("a number")
    }

    /// Waits until this address has a slot again.
    pub(crate) async fn until_answered(&self) {
        let asked = async {
            loop {
                let mut stream = TcpStream::connect(self.address()).await.expect("connects");
                let request = format!("GET /version HTTP/1.0\r\nHost: {}\r\n\r\n", self.address());
                let mut answer = Vec::new();
                let sent = stream.write_all(request.as_bytes()).await;
                if sent.is_ok()
                    && stream
                        .read_to_end(&mut answer)
                        .await
                        .is_ok_and(|read| read > 0)
                {
                    return;
                }
            }
        };
        timeout(PATIENCE, asked).await.expect("in time");
    }

    /// Waits until a series has that value.
    pub(crate) async fn until_metric(&self, series: &str, value: f64) {
        let reached = async {
            while self.metric(series).await != value {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(PATIENCE, reached).await.is_err() {
            panic!("{series} is {} and not {value}", self.metric(series).await);
        }
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// One request on a connection of its own.
pub(crate) async fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let has_body = !request.starts_with("HEAD ");
    let answer = timeout(PATIENCE, read_answer(&mut stream, has_body))
        .await
        .expect("in time");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .expect("a status");
    Answer {
        status: status.parse().expect("a number"),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

/// Reads a head and as much of a body as the head announces, or all there is.
async fn read_answer(stream: &mut TcpStream, has_body: bool) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            if !has_body || head.starts_with("http/1.1 101") {
                return format!("{head}\r\n\r\n");
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map(|length| length.parse::<usize>().expect("a number"));
            if length.is_some_and(|length| body.len() >= length) {
                return text.into_owned();
            }
        }
        if stream.read_buf(&mut bytes).await.expect("answers") == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    get_with(address, path, "").await
}

/// `headers` are whole lines, each with its end.
pub(crate) async fn get_with(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    send(address, &request).await
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
    pub(crate) async fn connect(rig: &Rig) -> Self {
        Self::try_connect(rig.address()).await.expect("upgrades")
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
        Ok(Self {
            stream,
            frames: Vec::new(),
            bytes: 0,
        })
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
