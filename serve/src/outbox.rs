//! Data messages on their way to a socket.
//!
//! A server's WebSocket frame is a header of 2 to 10 bytes and the payload as it is. So the payload
//! goes from the log's segment to the kernel without a copy: headers and slices of several messages
//! are gathered into one vectored write. Tungstenite, through which everything else goes, would copy
//! each message into a buffer of its own, which grows with the largest message and never shrinks.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};

use crate::{
    limits::{SOCKET_WRITE_BYTES_TARGET, SOCKET_WRITE_MESSAGES_MAX},
    socket::Socket,
};

/// First byte of a whole binary message: FIN and opcode 2 (RFC 6455, section 5.2).
const BINARY_FIN: u8 = 0x82;
/// Longest header of an unmasked frame.
const HEADER_BYTES_MAX: usize = 10;

/// Messages that were taken from the session and not yet by the kernel, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    messages: VecDeque<Message>,
    bytes: usize,
}

#[derive(Debug)]
struct Message {
    header: [u8; HEADER_BYTES_MAX],
    /// The part of the header that is still to be sent.
    header_from: u8,
    header_to: u8,
    payload: Bytes,
}

impl Message {
    fn new(payload: Bytes) -> Self {
        let mut header = [0; HEADER_BYTES_MAX];
        header[0] = BINARY_FIN;
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
    pub(crate) fn push(&mut self, payload: Bytes) {
        let message = Message::new(payload);
        self.bytes += message.len();
        self.messages.push_back(message);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether there is enough for one system call.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= SOCKET_WRITE_BYTES_TARGET || self.messages.len() >= SOCKET_WRITE_MESSAGES_MAX
    }

    /// Whether a frame is half sent, so that nothing else may be written.
    pub(crate) fn is_mid_frame(&self) -> bool {
        self.messages.front().is_some_and(Message::is_begun)
    }

    /// Writes until nothing is left.
    pub(crate) fn poll_drain(
        &mut self,
        socket: &mut Socket,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = ready!(self.poll_write(socket, context))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        socket: &mut Socket,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); 2 * SOCKET_WRITE_MESSAGES_MAX];
        let mut count = 0;
        let parts = self.messages.iter().flat_map(|m| [m.header(), &m.payload]);
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
        while let Some(first) = self.messages.front_mut() {
            written = first.advance(written);
            if first.len() > 0 {
                break;
            }
            self.messages.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(len: usize) -> Vec<u8> {
        Message::new(Bytes::from(vec![0; len])).header().to_vec()
    }

    #[test]
    fn headers_follow_the_three_lengths() {
        assert_eq!(header(0), [0x82, 0]);
        assert_eq!(header(125), [0x82, 125]);
        assert_eq!(header(126), [0x82, 126, 0, 126]);
        assert_eq!(header(65_535), [0x82, 126, 0xFF, 0xFF]);
        assert_eq!(header(65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
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
            let mut outbox = Outbox::default();
            messages
                .iter()
                .for_each(|payload| outbox.push(Bytes::from(payload.clone())));
            let mut sent = Vec::new();
            while !outbox.is_empty() {
                let rest: Vec<u8> = outbox
                    .messages
                    .iter()
                    .flat_map(|m| [m.header(), &m.payload].concat())
                    .collect();
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
}
