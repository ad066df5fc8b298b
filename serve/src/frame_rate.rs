//! How many WebSocket frames a peer sends, of any kind and size, counted in its bytes before anything reads
//! them: pings, pongs and empty fragments cost work too, and no message shows them.

use std::time::Instant;

use crate::limits::FRAMES_PER_SECOND_MAX;

/// A bound on the frames of one peer.
#[derive(Debug)]
pub(crate) struct FrameRate {
    /// Of the header that is being read.
    header: [u8; HEADER_BYTES_MAX],
    header_len: usize,
    payload_left: u64,
    allowed: f64,
    since: Instant,
}

impl FrameRate {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            header: [0; HEADER_BYTES_MAX],
            header_len: 0,
            payload_left: 0,
            allowed: FRAMES_PER_SECOND_MAX,
            since: now,
        }
    }

    /// Takes what was read; `false` when that is more frames than allowed.
    pub(crate) fn take(&mut self, bytes: &[u8], now: Instant) -> bool {
        let earned = now.duration_since(self.since).as_secs_f64() * FRAMES_PER_SECOND_MAX;
        self.since = now;
        let frames = f64::from(self.frames(bytes));
        self.allowed = (self.allowed + earned).min(FRAMES_PER_SECOND_MAX) - frames;
        self.allowed >= 0.0
    }

    /// How many headers end in these bytes.
    fn frames(&mut self, mut bytes: &[u8]) -> u32 {
        let mut frames = 0;
        while let Some((first, rest)) = bytes.split_first() {
            let skipped = usize::try_from(self.payload_left)
                .map_or(bytes.len(), |left| left.min(bytes.len()));
            if skipped > 0 {
                self.payload_left -= skipped as u64;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.header.get_mut(self.header_len) {
                *place = *first;
            }
            self.header_len += 1;
            bytes = rest;
            if self.header_len >= 2 && self.header_len == self.header_bytes() {
                self.payload_left = self.payload_bytes();
                self.header_len = 0;
                frames += 1;
            }
        }
        frames
    }

    /// Length of the header whose first two bytes are there (RFC 6455, section 5.2).
    const fn header_bytes(&self) -> usize {
        let extended = match self.header[1] & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        2 + extended + mask
    }

    fn payload_bytes(&self) -> u64 {
        let [_, len, a, b, c, d, e, f, g, h, ..] = self.header;
        match len & 0x7F {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            len => u64::from(len),
        }
    }
}

const HEADER_BYTES_MAX: usize = 14;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Frames of each kind of length, masked as a client's are.
    fn some_frames() -> (Vec<u8>, u32) {
        let mask = [1, 2, 3, 4];
        let mut bytes = vec![0x89, 0x80];
        bytes.extend(mask);
        for len in [0_u8, 5, 125] {
            bytes.extend([0x81, 0x80 | len]);
            bytes.extend(mask);
            bytes.extend(vec![0x82; usize::from(len)]);
        }
        bytes.extend([0x81, 0x80 | 126, 1, 0]);
        bytes.extend(mask);
        bytes.extend(vec![0; 256]);
        bytes.extend([0x81, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 1]);
        bytes.extend(mask);
        bytes.extend(vec![0xFF; 65_537]);
        bytes.extend([0x88, 0]);
        (bytes, 7)
    }

    #[test]
    fn frames_are_counted_however_they_are_cut() {
        let (bytes, count) = some_frames();
        for step in [1, 2, 3, 7, 100, bytes.len()] {
            let mut rate = FrameRate::new(Instant::now());
            let counted: u32 = bytes.chunks(step).map(|part| rate.frames(part)).sum();
            assert_eq!(
                (counted, rate.header_len, rate.payload_left),
                (count, 0, 0),
                "{step}"
            );
        }
    }

    #[test]
    fn a_burst_is_allowed_and_no_more_than_the_rate_after_it() {
        let begin = Instant::now();
        let mut rate = FrameRate::new(begin);
        let empty = [0x00, 0x80, 0, 0, 0, 0].repeat(FRAMES_PER_SECOND_MAX as usize);
        assert!(rate.take(&empty, begin));
        assert!(!rate.take(&empty[..6], begin));
        let mut rate = FrameRate::new(begin);
        for second in 0..100 {
            assert!(
                rate.take(&empty, begin + Duration::from_secs(second)),
                "{second}"
            );
        }
        assert!(!rate.take(&empty[..12], begin + Duration::from_secs(99)));
    }
}
