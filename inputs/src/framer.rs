//! Data frames of what an input holds, so that the store takes it as it takes a relay's messages.

use decode_core::frame::{FrameWriter, first_frames};
use decode_core::wire::{GapCause, RejectCode};

use crate::found::{Content, Item};

/// Collects items as one message of data frames.
#[derive(Debug, Default)]
pub struct Framer {
    message: Vec<u8>,
    /// Bytes of it that were taken already.
    taken: usize,
    items: u64,
    unusable: u64,
}

impl Framer {
    /// Adds an item. Formats that do not say where a record stood count it by its place in the input, as if it
    /// were in that partition.
    pub fn add(&mut self, item: &Item<'_>, partition: u32) {
        self.items += 1;
        let (partition, offset, prev_next) = match item.place {
            Some(place) => (place.partition, place.offset, place.prev_next),
            None => (partition, item.index.unwrap_or(0), None),
        };
        let timestamp_ms = item.timestamp_ms.unwrap_or(0);
        let message = &mut self.message;
        let mut writer = FrameWriter::new(partition, prev_next.unwrap_or(offset));
        match item.content {
            Content::Payload(payload) => writer.record(message, offset, timestamp_ms, payload),
            Content::Null => writer.gap(message, offset, offset, GapCause::NullValue),
            Content::Gap { last, cause } => match GapCause::from_number(cause) {
                Some(cause) => writer.gap(message, offset, last, cause),
                None => self.unusable += 1,
            },
            Content::Rejected { code, prefix } => match RejectCode::from_number(code) {
                Some(code) => writer.reject(message, offset, timestamp_ms, code, prefix),
                None => self.unusable += 1,
            },
            Content::TooLong(_) | Content::Truncated { .. } | Content::Unreadable(_) => {
                self.unusable += 1;
            }
        }
    }

    /// Bytes of the frames that are waiting.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.message.len() - self.taken
    }

    /// Whether none are.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The frames, for the store.
    pub fn take(&mut self) -> Vec<u8> {
        if self.taken > 0 {
            // In room of its own: it may be held for long, and what was before it would be held with it.
            return self.take_some(usize::MAX);
        }
        std::mem::take(&mut self.message)
    }

    /// The first of them, until they are so long; all, where they are shorter.
    pub fn take_some(&mut self, bytes_min: usize) -> Vec<u8> {
        let waiting = self.message.get(self.taken..).unwrap_or_default();
        let len = first_frames(waiting, bytes_min);
        let some = waiting.get(..len).unwrap_or_default().to_vec();
        self.taken += len;
        // What is left is moved once for every time as much was taken.
        if self.taken >= self.len() {
            self.message.drain(..self.taken);
            self.taken = 0;
        }
        some
    }

    /// Items added so far.
    #[must_use]
    pub const fn items(&self) -> u64 {
        self.items
    }

    /// Items that could not be used and were no gap or rejection of the input's own: payloads that are too long,
    /// cut, or lines that are not what they should be.
    #[must_use]
    pub const fn unusable(&self) -> u64 {
        self.unusable
    }
}

#[cfg(test)]
mod tests {
    use decode_core::frame::FrameReader;
    use decode_core::wire::{FRAME_HEADER_LEN, FrameKind};

    use super::*;
    use crate::found::Place;

    #[test]
    fn frames_are_taken_whole_and_in_their_order() {
        let filled = || {
            let mut framer = Framer::default();
            for index in 0..5 {
                let payload = Content::Payload(&[0; 60]);
                framer.add(&Item::new(Some(index), None, payload), 0);
            }
            framer
        };
        let whole = filled().take();
        let frame = FRAME_HEADER_LEN + 60;
        for (bytes_min, lens) in [
            (1, vec![1, 1, 1, 1, 1]),
            (frame, vec![1, 1, 1, 1, 1]),
            (frame + 1, vec![2, 2, 1]),
            (usize::MAX, vec![5]),
        ] {
            let mut framer = filled();
            let mut parts = Vec::new();
            while !framer.is_empty() {
                let part = framer.take_some(bytes_min);
                assert_eq!(part.capacity(), part.len(), "no room is held with it");
                parts.push(part);
            }
            let found: Vec<_> = parts.iter().map(|part| part.len() / frame).collect();
            assert_eq!(found, lens, "{bytes_min}");
            assert_eq!(parts.concat(), whole, "{bytes_min}");
        }
        let mut framer = filled();
        let mut parts = framer.take_some(1);
        let one = Content::Payload(&[0; 60]);
        framer.add(&Item::new(Some(5), None, one), 0);
        assert_eq!(framer.len(), 5 * frame);
        parts.extend(framer.take());
        assert_eq!(parts.get(..whole.len()), Some(&whole[..]));
        assert_eq!((parts.len(), framer.len()), (6 * frame, 0));
        assert!(framer.take_some(1).is_empty());
    }

    /// What was taken is let go, also where something always waits.
    #[test]
    fn a_long_input_takes_no_more_room_than_what_waits() {
        let mut framer = Framer::default();
        let frame = FRAME_HEADER_LEN + 60;
        for index in 0..10_000 {
            framer.add(&Item::new(Some(index), None, Content::Payload(&[0; 60])), 0);
            if framer.len() > 100 * frame {
                assert_eq!(framer.take_some(frame).len(), frame);
            }
        }
        assert_eq!(framer.len(), 100 * frame);
        assert!(framer.message.capacity() <= 500 * frame);
    }

    #[test]
    fn items_become_frames_at_their_places() {
        let mut framer = Framer::default();
        let place = Place::new(2, 7);
        framer.add(&Item::new(Some(0), Some(place), Content::Payload(b"\0")), 9);
        framer.add(&Item::new(Some(1), None, Content::Null), 9);
        framer.add(&Item::new(Some(2), None, Content::TooLong(1)), 9);
        let gap = Content::Gap { last: 5, cause: 1 };
        framer.add(&Item::new(None, Some(Place::new(0, 3)), gap), 9);
        let message = framer.take();
        let seen: Vec<_> = FrameReader::new(&message)
            .map(|frame| {
                let header = frame.expect("written here").header;
                (
                    header.kind,
                    header.partition,
                    header.offset,
                    header.last_offset(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (FrameKind::Record, 2, 7, 7),
                (FrameKind::Gap, 9, 1, 1),
                (FrameKind::Gap, 0, 3, 5)
            ]
        );
        assert_eq!((framer.items(), framer.unusable()), (4, 1));
        assert!(framer.is_empty());
    }
}
