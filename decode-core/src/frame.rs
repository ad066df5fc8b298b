//! The data frames of the session protocol: a fixed header and a payload, back to back.
//!
//! Nothing in a frame depends on the client, so that any run of frames is a slice of a segment
//! which all clients share. `prev_next` makes continuity provable although offsets are sparse.

use alloc::vec::Vec;

use crate::wire::{
    FRAME_BYTE_LEN, FRAME_HEADER_LEN, FrameKind, GapCause, LAYOUT_VERSION, PAYLOAD_BYTES_MAX,
    REJECT_PREFIX_BYTES_MAX, RejectCode,
};

/// The decoded header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the frame carries.
    pub kind: FrameKind,
    /// Kafka partition.
    pub partition: u32,
    /// Kafka offset; of a gap the first missing one, of a mark the relay's next position.
    pub offset: u64,
    /// Where the frame before this one in the partition ended.
    pub prev_next: u64,
    /// Kafka timestamp in ms; of a gap the last missing offset, bit for bit.
    pub timestamp_ms: i64,
    /// Length of the payload in bytes.
    pub payload_len: u32,
    /// Gap cause or reject code; 0 for records and marks.
    pub code: u32,
}

impl FrameHeader {
    /// Last offset of a gap; the frame's own offset otherwise.
    #[must_use]
    pub const fn last_offset(&self) -> u64 {
        match self.kind {
            FrameKind::Gap => self.timestamp_ms.cast_unsigned(),
            FrameKind::Record | FrameKind::Reject | FrameKind::Mark => self.offset,
        }
    }

    /// The position that follows this frame.
    #[must_use]
    pub const fn next(&self) -> u64 {
        match self.kind {
            FrameKind::Mark => self.offset,
            FrameKind::Record | FrameKind::Gap | FrameKind::Reject => {
                self.last_offset().saturating_add(1)
            }
        }
    }

    /// Whether a reader who expects position `expected` next loses nothing by taking this frame.
    ///
    /// A cursor may lie inside a gap: what is missing before it was had from elsewhere.
    #[must_use]
    pub const fn continues(&self, expected: u64) -> bool {
        self.prev_next <= expected && expected <= self.last_offset()
    }

    /// Length of header and payload in bytes.
    #[must_use]
    pub const fn frame_len(&self) -> usize {
        FRAME_HEADER_LEN + self.payload_len as usize
    }

    /// The header as ten words, so that appending it is one copy.
    fn put(&self, out: &mut Vec<u8>) {
        let [offset, offset_high] = halves(self.offset);
        let [prev_next, prev_next_high] = halves(self.prev_next);
        let [timestamp, timestamp_high] = halves(self.timestamp_ms.cast_unsigned());
        let words = [
            u32::from_le_bytes([LAYOUT_VERSION, self.kind.number(), 0, 0]),
            self.partition,
            offset,
            offset_high,
            prev_next,
            prev_next_high,
            timestamp,
            timestamp_high,
            self.payload_len,
            self.code,
        ];
        out.extend_from_slice(words.map(u32::to_le_bytes).as_flattened());
    }
}

/// The low and the high word.
const fn halves(long: u64) -> [u32; 2] {
    [long as u32, (long >> 32) as u32]
}

/// One frame, borrowed from the message it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The header.
    pub header: FrameHeader,
    /// The Kafka value; of a reject its first bytes; empty otherwise.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// Appends it as it stands. `payload` must have the length that the header says.
    pub fn put(&self, out: &mut Vec<u8>) {
        self.header.put(out);
        out.extend_from_slice(self.payload);
    }
}

/// Why bytes are no run of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The bytes end inside a header or payload.
    Truncated,
    /// Another layout version.
    Layout(u8),
    /// The reserved bytes are not zero.
    Reserved,
    /// A payload over the limit.
    PayloadTooLarge(u32),
    /// A gap that ends before it starts, or a payload where there is none.
    Inconsistent,
}

impl FrameError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Truncated => "frame_truncated",
            Self::Layout(_) => "frame_layout",
            Self::Reserved => "frame_reserved",
            Self::PayloadTooLarge(_) => "frame_too_large",
            Self::Inconsistent => "frame_inconsistent",
        }
    }
}

impl core::fmt::Display for FrameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Layout(version) => write!(f, "{}: version {version}", self.code()),
            Self::PayloadTooLarge(len) => write!(f, "{}: {len} bytes", self.code()),
            Self::Truncated | Self::Reserved | Self::Inconsistent => f.write_str(self.code()),
        }
    }
}

impl core::error::Error for FrameError {}

/// Iterates over the frames of one message without copying. Frames of a kind this build does not
/// know are passed over and counted; after an error it yields nothing more.
#[derive(Clone, Debug)]
pub struct FrameReader<'a> {
    rest: &'a [u8],
    unknown: usize,
}

impl<'a> FrameReader<'a> {
    /// A reader over a run of frames.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            unknown: 0,
        }
    }

    /// Frames passed over so far.
    #[must_use]
    pub const fn unknown(&self) -> usize {
        self.unknown
    }

    /// The bytes not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn step(&mut self) -> Result<Option<Frame<'a>>, FrameError> {
        let Some((head, rest)) = self.rest.split_first_chunk::<FRAME_HEADER_LEN>() else {
            return Err(FrameError::Truncated);
        };
        let raw = RawHeader::parse(head);
        if raw.version != LAYOUT_VERSION {
            return Err(FrameError::Layout(raw.version));
        }
        if raw.reserved != 0 {
            return Err(FrameError::Reserved);
        }
        if raw.payload_len as usize > PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN {
            return Err(FrameError::PayloadTooLarge(raw.payload_len));
        }
        let Some((payload, rest)) = rest.split_at_checked(raw.payload_len as usize) else {
            return Err(FrameError::Truncated);
        };
        self.rest = rest;
        let Some(kind) = FrameKind::from_number(raw.kind) else {
            self.unknown += 1;
            return Ok(None);
        };
        let header = raw.known(kind);
        let has_payload = matches!(kind, FrameKind::Record | FrameKind::Reject);
        if header.last_offset() < header.offset || (!has_payload && !payload.is_empty()) {
            return Err(FrameError::Inconsistent);
        }
        Ok(Some(Frame { header, payload }))
    }
}

impl<'a> Iterator for FrameReader<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.step() {
                Ok(None) => {}
                Ok(Some(frame)) => return Some(Ok(frame)),
                Err(error) => {
                    self.rest = &[];
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// The length of the fewest first frames of a run that have at least so many bytes; of all, where those have fewer.
#[must_use]
pub fn first_frames(frames: &[u8], bytes_min: usize) -> usize {
    let mut reader = FrameReader::new(frames);
    let mut len = 0;
    while len < bytes_min && !reader.rest().is_empty() {
        // What comes after the last frame that is known goes with it.
        let _ = reader.next();
        len = frames.len() - reader.rest().len();
    }
    len
}

/// Header fields before the kind is known.
struct RawHeader {
    version: u8,
    kind: u8,
    reserved: u16,
    partition: u32,
    offset: u64,
    prev_next: u64,
    timestamp: u64,
    payload_len: u32,
    code: u32,
}

impl RawHeader {
    fn parse(bytes: &[u8; FRAME_HEADER_LEN]) -> Self {
        let [version, kind, r0, r1, rest @ ..] = bytes;
        let (words, _) = rest.as_chunks::<4>();
        let word = |i: usize| words.get(i).map_or(0, |w| u32::from_le_bytes(*w));
        let long = |i: usize| u64::from(word(i)) | u64::from(word(i + 1)) << 32;
        Self {
            version: *version,
            kind: *kind,
            reserved: u16::from_le_bytes([*r0, *r1]),
            partition: word(0),
            offset: long(1),
            prev_next: long(3),
            timestamp: long(5),
            payload_len: word(7),
            code: word(8),
        }
    }

    const fn known(&self, kind: FrameKind) -> FrameHeader {
        FrameHeader {
            kind,
            partition: self.partition,
            offset: self.offset,
            prev_next: self.prev_next,
            timestamp_ms: self.timestamp.cast_signed(),
            payload_len: self.payload_len,
            code: self.code,
        }
    }
}

/// Appends the frames of one partition to a buffer, chaining `prev_next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameWriter {
    partition: u32,
    position: u64,
}

impl FrameWriter {
    /// A writer whose next frame continues from `position`.
    #[must_use]
    pub const fn new(partition: u32, position: u64) -> Self {
        Self {
            partition,
            position,
        }
    }

    /// Where the next frame continues from.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// A record. The caller has checked its size.
    pub fn record(&mut self, out: &mut Vec<u8>, offset: u64, timestamp_ms: i64, payload: &[u8]) {
        self.frame(out, FrameKind::Record, offset, timestamp_ms, 0, payload);
    }

    /// A record that was not accepted: its code and its first bytes.
    pub fn reject(
        &mut self,
        out: &mut Vec<u8>,
        offset: u64,
        timestamp_ms: i64,
        code: RejectCode,
        payload: &[u8],
    ) {
        let head = payload.get(..REJECT_PREFIX_BYTES_MAX).unwrap_or(payload);
        self.frame(
            out,
            FrameKind::Reject,
            offset,
            timestamp_ms,
            code.number(),
            head,
        );
    }

    /// The offsets `first..=last` cannot be delivered.
    pub fn gap(&mut self, out: &mut Vec<u8>, first: u64, last: u64, cause: GapCause) {
        self.frame(
            out,
            FrameKind::Gap,
            first,
            last.cast_signed(),
            cause.number(),
            &[],
        );
    }

    /// The relay's position is `position` although no record ends there.
    pub fn mark(&mut self, out: &mut Vec<u8>, position: u64) {
        self.frame(out, FrameKind::Mark, position, 0, 0, &[]);
    }

    fn frame(
        &mut self,
        out: &mut Vec<u8>,
        kind: FrameKind,
        offset: u64,
        timestamp_ms: i64,
        code: u32,
        payload: &[u8],
    ) {
        let header = FrameHeader {
            kind,
            partition: self.partition,
            offset,
            prev_next: self.position,
            timestamp_ms,
            payload_len: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            code,
        };
        debug_assert!(
            offset >= self.position,
            "frames of a partition rise strictly"
        );
        header.put(out);
        out.extend_from_slice(payload);
        self.position = header.next();
    }
}

#[cfg(test)]
mod tests;
