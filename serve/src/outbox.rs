//! Data messages on their way to a socket.
//!
//! How much is sent, and in which frames, is up to the [`Pace`].
//!
//! A server's WebSocket frame is a header of 2 to 10 bytes and the payload as it is. So the payload
//! goes from the log's segment to the kernel without a copy: headers and slices of several messages
//! are gathered into one vectored write. Tungstenite, through which everything else goes, would copy
//! each message into a buffer of its own, which grows with the largest message and never shrinks.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use dashstream_counters::{Level, LevelGuard};
use decode_core::wire::MESSAGE_BYTES_TARGET;

use crate::{
    limits::{SOCKET_WRITE_BYTES_TARGET, SOCKET_WRITE_MESSAGES_MAX},
    pace::Pace,
    socket::Socket,
};

/// The last frame of a message, in the first byte of a frame (RFC 6455, section 5.2).
const FIN: u8 = 0x80;
/// The first frame of a binary message.
const BINARY: u8 = 0x02;
/// Any further one.
const CONTINUATION: u8 = 0x00;
const PING: u8 = 0x09;
/// Longest header of an unmasked frame.
const HEADER_BYTES_MAX: usize = 10;

/// Messages that were taken from the session and not yet by the kernel, in order.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Payloads that no frame was made of yet; of the first one a part may be gone.
    messages: VecDeque<Bytes>,
    is_first_begun: bool,
    frames: VecDeque<Frame>,
    bytes: usize,
    pace: Pace,
    is_greeted: bool,
    /// While this is there, everything is a copy.
    copied: Option<LevelGuard>,
}

#[derive(Debug)]
struct Frame {
    header: [u8; HEADER_BYTES_MAX],
    /// The part of the header that is still to be sent.
    header_from: u8,
    header_to: u8,
    payload: Bytes,
}

impl Frame {
    fn new(first: u8, payload: Bytes) -> Self {
        let mut header = [0; HEADER_BYTES_MAX];
        header[0] = first;
        let header_to = match payload.len() {
            len @ 0..=125 => {
                header[1] = len as u8;
                2
            }
            len @ 126..=0xFFFF => {
                header[1] = 126;
                header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                4
            }
            len => {
                header[1] = 127;
                header[2..10].copy_from_slice(&(len as u64).to_be_bytes());
                10
            }
        };
        Self {
            header,
            header_from: 0,
            header_to,
            payload,
        }
    }

    fn header(&self) -> &[u8] {
        &self.header[usize::from(self.header_from)..usize::from(self.header_to)]
    }

    fn len(&self) -> usize {
        self.header().len() + self.payload.len()
    }

    fn is_begun(&self) -> bool {
        self.header_from > 0
    }

    /// Drops the first `count` bytes, and says how many of them were beyond its end.
    fn advance(&mut self, count: usize) -> usize {
        let header = count.min(self.header().len());
        self.header_from += header as u8;
        let payload = (count - header).min(self.payload.len());
        self.payload.advance(payload);
        count - header - payload
    }
}

impl Outbox {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            messages: VecDeque::new(),
            is_first_begun: false,
            frames: VecDeque::new(),
            bytes: 0,
            pace,
            is_greeted: false,
            copied: None,
        }
    }

    /// The first ping, once: whoever answers it is one whose answers tell how far it has read. `true` if it is to be
    /// sent.
    pub(crate) fn greet(&mut self, now_ms: u64) -> bool {
        if self.is_greeted {
            return false;
        }
        self.is_greeted = true;
        let ping = self.pace.ping(now_ms);
        self.ping(ping);
        true
    }

    /// When what is held back for want of a first answer goes on.
    pub(crate) fn decides_ms(&self) -> Option<u64> {
        let is_held = self.frames.is_empty() && !self.messages.is_empty();
        self.pace.decides_ms().filter(|_| is_held)
    }

    fn ping(&mut self, payload: [u8; 8]) {
        let frame = Frame::new(FIN | PING, Bytes::copy_from_slice(&payload));
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    pub(crate) fn push(&mut self, payload: Bytes) {
        self.copied = None;
        self.bytes += payload.len();
        self.messages.push_back(payload);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.frames.is_empty()
    }

    /// Whether there is enough for one system call.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= SOCKET_WRITE_BYTES_TARGET
            || self.messages.len() + self.frames.len() >= SOCKET_WRITE_MESSAGES_MAX
    }

    /// Whether a frame is half sent, so that nothing else may be written.
    pub(crate) fn is_mid_frame(&self) -> bool {
        self.frames.front().is_some_and(Frame::is_begun)
    }

    /// An answer to a ping; `true` if it shows anything.
    pub(crate) fn pong(&mut self, payload: &[u8], now_ms: u64) -> bool {
        self.pace.pong(payload, now_ms)
    }

    /// An `ack` for that many bytes of payload.
    pub(crate) fn acked(&mut self, payload_bytes: u64) {
        self.pace.acked(payload_bytes);
    }

    /// Whether the client was sent what it has not shown to have read; nothing if its answers do not tell.
    pub(crate) fn is_unread(&self) -> Option<bool> {
        self.pace.is_unread()
    }

    /// Asks whether what was sent last was read, unless that is being asked.
    pub(crate) fn ask(&mut self, now_ms: u64) {
        if self.pace.is_unasked() {
            let ping = self.pace.ping(now_ms);
            self.ping(ping);
        }
    }

    /// Holds nothing back any more. `false` if that changes nothing, or frames wait for the kernel.
    pub(crate) fn let_go(&mut self) -> bool {
        self.frames.is_empty() && self.pace.let_go()
    }

    /// Copies what is left of messages, for a client that takes long: each is a part of a segment, and keeps all of it.
    /// A larger message is most of its segment and stays as it is.
    pub(crate) fn copy(&mut self, copied_bytes: &Arc<Level>) {
        if self.copied.is_some() {
            return;
        }
        let frames = self.frames.iter_mut().map(|frame| &mut frame.payload);
        let mut copied = 0;
        for payload in self.messages.iter_mut().chain(frames) {
            if payload.len() <= MESSAGE_BYTES_TARGET {
                copied += payload.len();
                *payload = Bytes::copy_from_slice(payload);
            }
        }
        self.copied = Some(copied_bytes.hold_many(copied));
    }

    /// Writes until nothing is left, or what is left is held back.
    pub(crate) fn poll_drain(
        &mut self,
        socket: &mut Socket,
        context: &mut Context<'_>,
        now_ms: u64,
    ) -> Poll<io::Result<()>> {
        loop {
            self.frame(now_ms);
            if self.frames.is_empty() {
                // What is held back goes on with an answer that is read, or at a tick.
                let is_held = !self.messages.is_empty();
                return if is_held {
                    Poll::Pending
                } else {
                    Poll::Ready(Ok(()))
                };
            }
            let written = ready!(self.poll_write(socket, context))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
    }

    /// Makes frames of messages, as many as one system call takes and the pace allows.
    fn frame(&mut self, now_ms: u64) {
        while self.frames.len() + 1 < SOCKET_WRITE_MESSAGES_MAX
            && let Some(message) = self.messages.front_mut()
            && let Some(piece) = self.pace.piece(message.len(), now_ms)
        {
            let opcode = if self.is_first_begun {
                CONTINUATION
            } else {
                BINARY
            };
            let is_last = piece == message.len();
            let payload = message.split_to(piece);
            let first = if is_last { FIN | opcode } else { opcode };
            let frame = Frame::new(first, payload);
            self.is_first_begun = !is_last;
            if is_last {
                self.messages.pop_front();
            }
            self.bytes += frame.header().len();
            self.pace.sent(frame.len(), piece);
            self.frames.push_back(frame);
            if self.pace.wants_ping() {
                let ping = self.pace.ping(now_ms);
                self.ping(ping);
            }
        }
    }

    fn poll_write(
        &mut self,
        socket: &mut Socket,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); 2 * SOCKET_WRITE_MESSAGES_MAX];
        let mut count = 0;
        let parts = self.frames.iter().flat_map(|f| [f.header(), &f.payload]);
        for (slot, part) in slices.iter_mut().zip(parts.filter(|part| !part.is_empty())) {
            *slot = IoSlice::new(part);
            count += 1;
        }
        let slices = slices.get(..count).unwrap_or_default();
        let written = ready!(socket.poll_write_slices(context, slices))?;
        self.advance(written);
        socket.hold(self.is_mid_frame());
        Poll::Ready(Ok(written))
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes = self.bytes.saturating_sub(written);
        while let Some(first) = self.frames.front_mut() {
            written = first.advance(written);
            if first.len() > 0 {
                break;
            }
            self.frames.pop_front();
        }
        if self.is_empty() {
            self.copied = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(len: usize) -> Vec<u8> {
        Frame::new(FIN | BINARY, Bytes::from(vec![0; len]))
            .header()
            .to_vec()
    }

    #[test]
    fn headers_follow_the_three_lengths() {
        assert_eq!(header(0), [0x82, 0]);
        assert_eq!(header(125), [0x82, 125]);
        assert_eq!(header(126), [0x82, 126, 0, 126]);
        assert_eq!(header(65_535), [0x82, 126, 0xFF, 0xFF]);
        assert_eq!(header(65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    /// What would be written, without the pings.
    fn written(outbox: &Outbox) -> Vec<u8> {
        let frames = outbox.frames.iter();
        frames
            .flat_map(|frame| [frame.header(), &frame.payload].concat())
            .collect()
    }

    fn outbox() -> Outbox {
        let mut outbox = Outbox::new(Pace::new(5_000));
        assert!(outbox.greet(0) && !outbox.greet(0));
        let greeting = written(&outbox);
        assert_eq!(greeting, [0x89, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        outbox.advance(greeting.len());
        outbox
    }

    // However the kernel cuts the bytes, they come out as they went in.
    #[test]
    fn any_split_of_writes_gives_the_same_bytes() {
        let messages: Vec<Vec<u8>> = vec![vec![1; 3], vec![], vec![2; 130], vec![3; 1]];
        let whole: Vec<u8> = messages
            .iter()
            .flat_map(|payload| [header(payload.len()), payload.clone()].concat())
            .collect();
        for step in 1..=whole.len() {
            let mut outbox = outbox();
            messages
                .iter()
                .for_each(|payload| outbox.push(Bytes::from(payload.clone())));
            outbox.frame(0);
            let mut sent = Vec::new();
            while !outbox.is_empty() {
                let rest = written(&outbox);
                assert_eq!(rest.len(), outbox.bytes);
                let count = step.min(rest.len());
                sent.extend_from_slice(&rest[..count]);
                outbox.advance(count);
                let boundary = [0, 5, 7, 141].contains(&sent.len());
                assert_eq!(outbox.is_mid_frame(), !boundary && sent.len() < whole.len());
            }
            assert_eq!(sent, whole);
        }
    }

    /// M-1009: a client that answers pings is sent a little, with pings in between, until it has answered.
    #[test]
    fn a_long_message_is_cut_with_pings_in_between() {
        let mut outbox = outbox();
        assert!(outbox.pong(&0_u64.to_be_bytes(), 0));
        outbox.push(Bytes::from(vec![7; 10_000]));
        outbox.frame(0);
        let firsts: Vec<u8> = outbox.frames.iter().map(|frame| frame.header[0]).collect();
        assert_eq!(firsts, [0x02, 0x89, 0x00, 0x89, 0x00, 0x89, 0x00, 0x89]);
        let payload = |outbox: &Outbox| {
            let data = outbox.frames.iter().filter(|frame| frame.header[0] != 0x89);
            data.map(|frame| frame.payload.len()).sum::<usize>()
        };
        assert_eq!(payload(&outbox), 2_000);
        assert_eq!(outbox.is_unread(), Some(true));
        assert!(!outbox.pong(b"unasked", 10) && !outbox.pong(&9_u64.to_be_bytes(), 10));
        outbox.frame(10);
        assert_eq!(payload(&outbox), 2_000, "nothing was shown");
        assert!(outbox.pong(&1_u64.to_be_bytes(), 10), "a quarter is read");
        outbox.frame(10);
        assert_eq!(
            payload(&outbox),
            10_000,
            "more is sent ahead of one that answers at once"
        );
        assert_eq!(
            outbox.frames.back().map(|frame| frame.header[0] & FIN),
            Some(FIN)
        );
        assert!(!outbox.let_go(), "the kernel is to take frames");
        outbox.advance(outbox.bytes);
        assert!(outbox.is_empty() && outbox.let_go() && !outbox.let_go());
        assert_eq!(outbox.is_unread(), None);
    }
}
