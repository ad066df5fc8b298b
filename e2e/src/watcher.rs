//! A client of the session protocol written from its documentation and not from the session crate, so
//! that a misreading shared by both machines there shows. It acknowledges what it reads and checks
//! continuity, and has no reconnect: tests want to see the end of a connection.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use decode_core::{
    frame::{FrameHeader, FrameReader},
    wire,
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    self, HandshakeError, Message, WebSocket,
    client::IntoClientRequest as _,
    http::{HeaderValue, StatusCode},
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// One connection.
#[derive(Debug)]
pub struct Watcher {
    socket: WebSocket<TcpStream>,
    waiting: VecDeque<Heard>,
    positions: BTreeMap<u32, u64>,
    disposed_bytes: u64,
    patience: Duration,
}

/// What came over the connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A control message.
    Control(Value),
    /// A data frame, checked against the position expected.
    Frame(FrameHeader, Vec<u8>),
    /// The end, with the close code if there was a closing handshake.
    Closed(Option<u16>),
}

impl Watcher {
    /// Connects, reads `welcome`, and resumes with the given fields.
    ///
    /// # Panics
    /// When the relay does not answer as documented.
    #[must_use]
    pub fn resume(address: SocketAddr, fields: &Value) -> (Self, Value) {
        let mut watcher = Self::connect(address);
        let welcome = watcher.control(wire::control::WELCOME);
        let mut resume = json!({"type": wire::control::RESUME, "protocol": wire::PROTOCOL_VERSION});
        let target = resume.as_object_mut().expect("an object");
        target.extend(fields.as_object().expect("an object").clone());
        watcher.send(&resume);
        (watcher, welcome)
    }

    /// Connects and says nothing. Comes back where the relay asks for that (503), as any client does.
    ///
    /// # Panics
    /// When the relay refuses the upgrade.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let mut refused = 0;
        loop {
            match Self::try_connect(address) {
                Ok(watcher) => return watcher,
                Err(StatusCode::SERVICE_UNAVAILABLE) if refused < REFUSED_MAX => refused += 1,
                Err(status) => panic!("the relay does not upgrade: {status}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Connects once.
    ///
    /// # Errors
    /// The status with which the relay refused.
    ///
    /// # Panics
    /// When there is no answer of the relay.
    pub fn try_connect(address: SocketAddr) -> Result<Self, StatusCode> {
        let stream = TcpStream::connect(address).expect("the relay listens");
        let url = format!("ws://{address}{}", wire::WS_PATH);
        let mut request = url.into_client_request().expect("a valid address");
        let protocol = HeaderValue::from_static(wire::SUBPROTOCOL);
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let socket = match tungstenite::client(request, stream) {
            Ok((socket, _)) => socket,
            Err(HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                return Err(response.status());
            }
            Err(error) => panic!("no upgrade: {error}"),
        };
        Ok(Self {
            socket,
            waiting: VecDeque::new(),
            positions: BTreeMap::new(),
            disposed_bytes: 0,
            patience: Duration::from_secs(30),
        })
    }

    /// The position after the last frame of a partition.
    #[must_use]
    pub fn position(&self, partition: u32) -> Option<u64> {
        self.positions.get(&partition).copied()
    }

    /// The next thing heard.
    ///
    /// # Panics
    /// When nothing comes for long, or what comes breaks the protocol.
    pub fn hear(&mut self) -> Heard {
        let patience = self.patience;
        self.hear_within(patience)
            .unwrap_or_else(|| panic!("nothing came within {patience:?}"))
    }

    /// The next thing heard, or `None` if nothing comes in that time.
    ///
    /// # Panics
    /// When what comes breaks the protocol.
    pub fn hear_within(&mut self, patience: Duration) -> Option<Heard> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(heard) = self.waiting.pop_front() {
                self.note(&heard);
                return Some(heard);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let timeout = Some(left.max(Duration::from_millis(1)));
            self.socket
                .get_ref()
                .set_read_timeout(timeout)
                .expect("a socket takes a timeout");
            match self.socket.read() {
                Ok(message) => self.take(message),
                Err(tungstenite::Error::Io(error)) if is_timeout(&error) => return None,
                Err(_) => return Some(Heard::Closed(None)),
            }
        }
    }

    /// Reads on to the next control message of that type; frames before it are passed over.
    ///
    /// # Panics
    /// When the connection ends before.
    pub fn control(&mut self, wanted: &str) -> Value {
        loop {
            match self.hear() {
                Heard::Control(message) if message["type"] == wanted => return message,
                Heard::Closed(code) => panic!("closed ({code:?}) before {wanted}"),
                Heard::Control(_) | Heard::Frame(..) => {}
            }
        }
    }

    /// Collects frames until the partition's position reaches the given one.
    ///
    /// # Panics
    /// When the connection ends before.
    pub fn frames_to(&mut self, partition: u32, position: u64) -> Vec<(FrameHeader, Vec<u8>)> {
        let mut frames = Vec::new();
        while self.position(partition).is_none_or(|at| at < position) {
            match self.hear() {
                Heard::Frame(header, payload) => frames.push((header, payload)),
                Heard::Control(_) => {}
                Heard::Closed(code) => panic!("closed ({code:?}) before position {position}"),
            }
        }
        frames
    }

    /// Sends a control message.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn send(&mut self, message: &Value) {
        let text = Message::text(message.to_string());
        self.socket.send(text).expect("the connection stands");
    }

    /// Closes from this side.
    pub fn leave(mut self) {
        let normal = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        // The relay may be gone; then there is nobody to take leave of.
        let _gone: tungstenite::Result<()> = self.socket.close(Some(normal));
        while self.socket.read().is_ok() {}
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Text(text) => {
                let control = serde_json::from_str(&text).expect("control messages are JSON");
                self.waiting.push_back(Heard::Control(control));
            }
            Message::Binary(bytes) => {
                for frame in FrameReader::new(&bytes) {
                    let frame = frame.expect("the relay sends whole frames");
                    self.waiting
                        .push_back(Heard::Frame(frame.header, frame.payload.to_vec()));
                }
            }
            Message::Close(close) => {
                let code = close.map(|close| u16::from(close.code));
                self.waiting.push_back(Heard::Closed(code));
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }

    fn note(&mut self, heard: &Heard) {
        match heard {
            Heard::Control(message) if message["type"] == wire::control::RESUMED => {
                self.positions = positions(&message["positions"]);
            }
            Heard::Control(message) if message["type"] == wire::control::PARTITIONS => {
                for (partition, start) in message["partitions"].as_object().expect("an object") {
                    let partition = partition.parse().expect("a partition");
                    self.positions
                        .insert(partition, integer(&start["position"]));
                }
            }
            Heard::Control(message) if message["type"] == wire::control::TOPIC_RESET => {
                let partition = message["partition"].as_u64().expect("a partition");
                let partition = u32::try_from(partition).expect("a partition");
                self.positions
                    .insert(partition, integer(&message["position"]));
            }
            Heard::Frame(header, _) => self.accept(header),
            Heard::Control(_) | Heard::Closed(_) => {}
        }
    }

    fn accept(&mut self, header: &FrameHeader) {
        let expected = self.positions.get(&header.partition).copied();
        let expected = expected.unwrap_or_else(|| panic!("a partition nobody named: {header:?}"));
        let (last, next) = match header.kind {
            wire::FrameKind::Gap => (header.last_offset(), header.last_offset() + 1),
            wire::FrameKind::Mark => (header.offset, header.offset),
            wire::FrameKind::Record | wire::FrameKind::Reject => (header.offset, header.offset + 1),
        };
        assert!(
            header.prev_next <= expected && expected <= last,
            "position {expected}, but {header:?}"
        );
        self.positions.insert(header.partition, next);
        self.disposed_bytes += header.frame_len() as u64;
        let ack = json!({"type": wire::control::ACK, "bytes": self.disposed_bytes.to_string()});
        // One ack per whole message is enough, and the relay limits control messages per second.
        if self.waiting.is_empty() {
            let text = Message::text(ack.to_string());
            // The relay may have gone away meanwhile; reading will tell.
            let _gone: tungstenite::Result<()> = self.socket.send(text);
        }
    }
}

/// A map of partition to 64-bit integer.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn positions(map: &Value) -> BTreeMap<u32, u64> {
    let entries = map.as_object().expect("an object").iter();
    entries
        .map(|(partition, value)| (partition.parse().expect("a partition"), integer(value)))
        .collect()
}

/// A 64-bit integer as decimal text.
///
/// # Panics
/// When it is anything else.
#[must_use]
pub fn integer(value: &Value) -> u64 {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("no decimal text: {value}"));
    text.parse()
        .unwrap_or_else(|_| panic!("no integer: {text}"))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

const REFUSED_MAX: u32 = 50;

/// Frames as a list to compare: `record 4`, `gap 5-7 retention`, `reject 8 bad_frame`. Marks are left
/// out, because where they fall depends on timing.
#[must_use]
pub fn outline(frames: &[(FrameHeader, Vec<u8>)]) -> Vec<String> {
    let told = frames.iter().filter_map(|(header, _)| match header.kind {
        wire::FrameKind::Record => Some(format!("record {}", header.offset)),
        wire::FrameKind::Reject => {
            let code = wire::RejectCode::from_number(header.code).map(wire::RejectCode::code);
            Some(format!(
                "reject {} {}",
                header.offset,
                code.unwrap_or("unknown")
            ))
        }
        wire::FrameKind::Gap => {
            let cause = wire::GapCause::from_number(header.code).map(wire::GapCause::code);
            let (first, last) = (header.offset, header.last_offset());
            Some(format!("gap {first}-{last} {}", cause.unwrap_or("unknown")))
        }
        wire::FrameKind::Mark => None,
    });
    told.collect()
}
