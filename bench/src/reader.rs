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

    /// The next WebSocket message: opcode, and where its payload lies in the buffer.
    async fn message(&mut self) -> io::Result<(u8, usize, usize)> {
        loop {
            let waiting = self.buffer.get(self.start..self.end).unwrap_or_default();
            if let Some((opcode, head, length)) = message_head(waiting) {
                if waiting.len() >= head + length {
                    let from = self.start + head;
                    self.start = from + length;
                    return Ok((opcode, from, from + length));
                }
                self.reserve(head + length);
            }
            self.fill().await?;
        }
    }

    fn reserve(&mut self, length: usize) {
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let count = self.stream.read(room).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.end += count;
        Ok(())
    }

    async fn send(&mut self, text: &str) -> io::Result<()> {
        let mut frame = vec![0x80 | OPCODE_TEXT];
        match u8::try_from(text.len()) {
            Ok(length) if length < 126 => frame.push(0x80 | length),
            _ => {
                let length = u16::try_from(text.len()).expect("a short control message");
                frame.push(0x80 | 126);
                frame.extend_from_slice(&length.to_be_bytes());
            }
        }
        // A mask of zeros leaves the text as it is.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
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

/// Opcode, length of the head and length of the payload, if the head is complete.
fn message_head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    assert!(
        first & 0x80 != 0,
        "messages of a client that answers no pings are whole"
    );
    let opcode = first & 0x0f;
    match second {
        126 => {
            let length: [u8; 2] = bytes.get(2..4)?.try_into().ok()?;
            Some((opcode, 4, usize::from(u16::from_be_bytes(length))))
        }
        127 => {
            let length: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            Some((
                opcode,
                10,
                usize::try_from(u64::from_be_bytes(length)).ok()?,
            ))
        }
        length => Some((opcode, 2, usize::from(length))),
    }
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

const OPCODE_TEXT: u8 = 1;
const OPCODE_BINARY: u8 = 2;
/// Enough for one full message of the relay and the beginning of the next.
const BUFFER_BYTES: usize = 128 * 1024;
