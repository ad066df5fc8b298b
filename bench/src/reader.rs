//! A light client of the relay: enough of WebSocket and of the session protocol to count what it gets and
//! to acknowledge it, and little else, so that the machine's time goes to the relay.

use std::{collections::BTreeMap, io, net::SocketAddr};

use decode_core::wire;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// One connection, past its `welcome`.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The part of `buffer` not yet looked at.
    start: usize,
    end: usize,
    /// A message of which more is to come: its opcode, and where in `buffer` the beginning lies.
    begun: Option<(u8, usize, usize)>,
    received_bytes: u64,
    acknowledged_bytes: u64,
    /// Bytes after which it acknowledges.
    ack_bytes: u64,
    /// What the relay said first.
    pub(crate) welcome: Value,
}

/// What one connection got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) records: u64,
    pub(crate) others: u64,
}

impl Reader {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Sec-WebSocket-Protocol: {}\r\n\r\n",
            wire::WS_PATH,
            wire::SUBPROTOCOL
        );
        stream.write_all(request.as_bytes()).await?;
        let mut reader = Self {
            stream,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            begun: None,
            received_bytes: 0,
            acknowledged_bytes: 0,
            ack_bytes: 0,
            welcome: Value::Null,
        };
        reader.read_upgrade().await?;
        reader.read_welcome().await?;
        Ok(reader)
    }

    /// Next offset of each partition at the time of the connection, as `welcome` told it.
    pub(crate) fn heads(&self) -> BTreeMap<String, u64> {
        let partitions = self.welcome["partitions"].as_object().expect("partitions");
        let head = |span: &Value| span["head"].as_str().and_then(|text| text.parse().ok());
        let heads = partitions
            .iter()
            .map(|(name, span)| (name.clone(), head(span)));
        heads
            .map(|(name, head)| (name, head.expect("an offset")))
            .collect()
    }

    /// Says where to start.
    pub(crate) async fn resume(&mut self, fields: Value) -> io::Result<()> {
        let mut message =
            json!({"type": wire::control::RESUME, "protocol": wire::PROTOCOL_VERSION});
        let object = message.as_object_mut().expect("an object");
        object.extend(fields.as_object().expect("an object").clone());
        self.send(&message.to_string()).await
    }

    /// Reads until that many records came; `each` sees every record's Kafka time.
    pub(crate) async fn read_records(
        &mut self,
        count: u64,
        mut each: impl FnMut(i64),
    ) -> io::Result<Got> {
        let mut got = Got::default();
        while got.records < count {
            let (opcode, from, to) = self.message().await?;
            if opcode == OPCODE_BINARY {
                let bytes = self
                    .buffer
                    .get(from..to)
                    .expect("a message lies in the buffer");
                walk(bytes, &mut got, &mut each);
                self.received_bytes += (to - from) as u64;
                self.acknowledge().await?;
            }
        }
        Ok(got)
    }

    /// Reads until a control message of that type.
    pub(crate) async fn read_control(&mut self, wanted: &str) -> io::Result<()> {
        loop {
            let (opcode, from, to) = self.message().await?;
            if opcode == OPCODE_TEXT && self.control(from, to)["type"] == wanted {
                return Ok(());
            }
        }
    }

    async fn acknowledge(&mut self) -> io::Result<()> {
        if self.received_bytes - self.acknowledged_bytes < self.ack_bytes {
            return Ok(());
        }
        self.acknowledged_bytes = self.received_bytes;
        let bytes = self.received_bytes.to_string();
        self.send(&json!({"type": wire::control::ACK, "bytes": bytes}).to_string())
            .await
    }

    async fn read_upgrade(&mut self) -> io::Result<()> {
        loop {
            let head = self.buffer.get(..self.end).unwrap_or_default();
            if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                let status = head.get(..12).unwrap_or_default();
                if status != b"HTTP/1.1 101" {
                    return Err(io::Error::other(String::from_utf8_lossy(head).into_owned()));
                }
                self.start = at + 4;
                return Ok(());
            }
            self.fill().await?;
        }
    }

    async fn read_welcome(&mut self) -> io::Result<()> {
        let (_, from, to) = self.message().await?;
        self.welcome = self.control(from, to);
        assert_eq!(self.welcome["type"], wire::control::WELCOME);
        let window = self.welcome["windowBytes"].as_u64().expect("a window");
        self.ack_bytes = window / 4;
        Ok(())
    }

    fn control(&self, from: usize, to: usize) -> Value {
        let bytes = self
            .buffer
            .get(from..to)
            .expect("a message lies in the buffer");
        serde_json::from_slice(bytes).expect("control messages are JSON")
    }

    /// The next WebSocket message: opcode, and where its payload lies in the buffer. Pings are answered, as a
    /// browser does it: the relay sends as fast as they are.
    async fn message(&mut self) -> io::Result<(u8, usize, usize)> {
        loop {
            let waiting = self.buffer.get(self.start..self.end).unwrap_or_default();
            let Some(Head {
                opcode,
                is_last,
                head,
                length,
            }) = message_head(waiting)
            else {
                self.fill().await?;
                continue;
            };
            if waiting.len() < head + length {
                let before = self.start - self.kept_from();
                self.reserve(before + head + length);
                self.fill().await?;
                continue;
            }
            let (from, to) = (self.start + head, self.start + head + length);
            self.start = to;
            let (opcode, from, to) = match (opcode, self.begun.take()) {
                (OPCODE_PING, begun) => {
                    self.begun = begun;
                    let data = self.buffer.get(from..to).unwrap_or_default().to_vec();
                    self.send_frame(OPCODE_PONG, &data).await?;
                    continue;
                }
                (OPCODE_CONTINUATION, Some((opcode, first, end))) => {
                    self.buffer.copy_within(from..to, end);
                    (opcode, first, end + length)
                }
                (_, _) => (opcode, from, to),
            };
            if is_last {
                return Ok((opcode, from, to));
            }
            self.begun = Some((opcode, from, to));
        }
    }

    /// Where what is still needed of the buffer begins.
    fn kept_from(&self) -> usize {
        self.begun.map_or(self.start, |(_, from, _)| from)
    }

    fn reserve(&mut self, length: usize) {
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        let base = self.kept_from();
        self.buffer.copy_within(base..self.end, 0);
        self.end -= base;
        self.start -= base;
        self.begun = self
            .begun
            .map(|(opcode, from, to)| (opcode, from - base, to - base));
        if self.end == self.buffer.len() {
            self.reserve(self.end + BUFFER_BYTES);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let count = self.stream.read(room).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.end += count;
        Ok(())
    }

    async fn send(&mut self, text: &str) -> io::Result<()> {
        self.send_frame(OPCODE_TEXT, text.as_bytes()).await
    }

    async fn send_frame(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![LAST | opcode];
        match u8::try_from(payload.len()) {
            Ok(length) if length < 126 => frame.push(0x80 | length),
            _ => {
                let length = u16::try_from(payload.len()).expect("a short control message");
                frame.push(0x80 | 126);
                frame.extend_from_slice(&length.to_be_bytes());
            }
        }
        // A mask of zeros leaves the payload as it is.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame).await
    }
}

/// Reads bytes until so many came: the floor's reader.
pub(crate) async fn drain(mut stream: TcpStream, bytes: u64) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut left = bytes;
    while left > 0 {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= count as u64;
    }
    Ok(())
}

/// The beginning of a WebSocket frame.
struct Head {
    opcode: u8,
    is_last: bool,
    /// Bytes of the head itself.
    head: usize,
    /// Bytes of the payload.
    length: usize,
}

/// The head, if it is complete.
fn message_head(bytes: &[u8]) -> Option<Head> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (head, length) = match second {
        126 => {
            let length: [u8; 2] = bytes.get(2..4)?.try_into().ok()?;
            (4, usize::from(u16::from_be_bytes(length)))
        }
        127 => {
            let length: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            (10, usize::try_from(u64::from_be_bytes(length)).ok()?)
        }
        length => (2, usize::from(length)),
    };
    Some(Head {
        opcode: first & 0x0f,
        is_last: first & LAST != 0,
        head,
        length,
    })
}

fn walk(mut bytes: &[u8], got: &mut Got, each: &mut impl FnMut(i64)) {
    while let Some((head, rest)) = bytes.split_first_chunk::<{ wire::FRAME_HEADER_LEN }>() {
        let word = |at: usize| -> [u8; 4] {
            head.get(at..at + 4)
                .and_then(|four| four.try_into().ok())
                .expect("within the header")
        };
        if head.get(1) == Some(&wire::FrameKind::Record.number()) {
            got.records += 1;
            let time: Option<[u8; 8]> = head.get(24..32).and_then(|eight| eight.try_into().ok());
            each(i64::from_le_bytes(time.expect("within the header")));
        } else {
            got.others += 1;
        }
        let length = u32::from_le_bytes(word(32)) as usize;
        bytes = rest.get(length..).expect("the relay sends whole frames");
    }
    assert!(bytes.is_empty(), "the relay sends whole frames");
}

const LAST: u8 = 0x80;
const OPCODE_CONTINUATION: u8 = 0;
const OPCODE_TEXT: u8 = 1;
const OPCODE_BINARY: u8 = 2;
const OPCODE_PING: u8 = 9;
const OPCODE_PONG: u8 = 10;
/// Enough for one full message of the relay and the beginning of the next.
const BUFFER_BYTES: usize = 128 * 1024;
