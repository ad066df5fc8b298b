//! What the socket delivered and the engine has not processed yet. A long message is applied in parts, so that the
//! page's questions are answered in between; what comes behind it waits, in its order.
//!
//! A relay that keeps to the protocol bounds it: it sends at most one window of data ahead of the acknowledgements, and
//! only what was applied is acknowledged. The browser's own queue before this one has no other bound either.

use std::collections::VecDeque;

use decode_core::frame::first_frames;
use session::client::Undisposed;

use super::socket::SocketEvent;

/// Something that the socket delivered.
pub(super) struct Arrived {
    /// The connection that it belongs to.
    pub(super) epoch: u64,
    pub(super) at_ms: u64,
    pub(super) event: SocketEvent,
}

/// A message that the session has accepted.
pub(super) struct Begun {
    pub(super) undisposed: Undisposed,
    pub(super) parts: Parts,
}

/// A message, cut between its frames.
pub(super) struct Parts {
    message: Vec<u8>,
    /// Bytes of the parts taken so far.
    given: usize,
}

impl Parts {
    pub(super) const fn new(message: Vec<u8>) -> Self {
        Self { message, given: 0 }
    }

    /// The next frames as a message of their own, of at least so many bytes if there are as many.
    pub(super) fn take(&mut self, bytes_min: usize) -> Vec<u8> {
        let left = self.message.get(self.given..).unwrap_or_default();
        let len = first_frames(left, bytes_min);
        self.given += len;
        if len == self.message.len() {
            // Most messages are one part, which needs no copy.
            return std::mem::take(&mut self.message);
        }
        left.get(..len).unwrap_or_default().to_vec()
    }

    pub(super) const fn is_over(&self) -> bool {
        self.given >= self.message.len()
    }
}

/// In the order of arrival.
#[derive(Default)]
pub(super) struct Intake {
    waiting: VecDeque<Arrived>,
    /// Before all that waits.
    pub(super) begun: Option<Begun>,
}

impl Intake {
    pub(super) fn push(&mut self, arrived: Arrived) {
        self.waiting.push_back(arrived);
    }

    pub(super) fn pop(&mut self) -> Option<Arrived> {
        self.waiting.pop_front()
    }

    /// Binary messages that the session has not seen.
    pub(super) fn messages(&self) -> u64 {
        let is_data = |arrived: &&Arrived| matches!(arrived.event, SocketEvent::Data(_));
        self.waiting.iter().filter(is_data).count() as u64
    }
}

/// How many bytes of frames are given to the store at once. The first records of a worker run code that is only being
/// compiled, which takes ten times as long: parts begin small.
pub(super) struct PartSize(usize);

impl PartSize {
    pub(super) const fn new() -> Self {
        Self(PART_BYTES_MIN)
    }

    pub(super) fn next(&mut self) -> usize {
        let now = self.0;
        self.0 = (2 * now).min(PART_BYTES_MAX);
        now
    }
}

/// Less than one record, so that the first part holds one.
const PART_BYTES_MIN: usize = 64;
/// Takes about a quarter of a millisecond to apply.
const PART_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use decode_core::frame::FrameWriter;

    use super::*;

    fn frames(count: u64, payload: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        let mut writer = FrameWriter::new(0, 0);
        (0..count).for_each(|offset| writer.record(&mut message, offset, 0, payload));
        message
    }

    #[test]
    fn a_long_message_is_given_in_parts_of_whole_frames() {
        for (count, payload_len, parts_wanted) in
            [(0, 0, 1), (3, 100, 1), (400, 300, 9), (3, 20_000, 3)]
        {
            let message = frames(count, &vec![7; payload_len]);
            let (mut parts, mut given) = (Parts::new(message.clone()), vec![]);
            loop {
                given.push(parts.take(PART_BYTES_MAX));
                if parts.is_over() {
                    break;
                }
            }
            assert_eq!(given.len(), parts_wanted, "{count} x {payload_len}");
            assert_eq!(given.concat(), message);
            let frame = message.len() / (count.max(1) as usize);
            assert!(
                given
                    .iter()
                    .all(|part| part.len() < PART_BYTES_MAX + frame.max(1))
            );
            assert!(given.iter().all(|part| part.len() % frame.max(1) == 0));
        }
    }

    #[test]
    fn parts_begin_small_and_grow() {
        let mut size = PartSize::new();
        let sizes: Vec<_> = (0..10).map(|_| size.next()).collect();
        assert_eq!(
            sizes,
            [
                64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 16_384
            ]
        );
    }
}
