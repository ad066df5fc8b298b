//! Segments: runs of frames of one partition, ready to be sent, with an index over them.
//!
//! They do not know where they are held; [`TailLog`](super::TailLog) decides what is joined.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use decode_core::frame::{FrameError, FrameReader, FrameWriter};
use decode_core::wire::{FrameKind, GapCause, RejectCode};

/// A run of frames of one partition with an index over it.
#[derive(Clone)]
pub struct Segment {
    pub(super) partition: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) bytes: Bytes,
    index: Box<[IndexEntry]>,
    pub(super) newest_timestamp_ms: i64,
}

impl core::fmt::Debug for Segment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (frames, bytes) = (self.frames(), self.bytes.len());
        let (partition, range) = (self.partition, self.start..self.end);
        write!(
            f,
            "Segment({partition}: {range:?}, {frames} frames, {bytes} bytes)"
        )
    }
}

/// Where a frame begins and which position follows it.
///
/// There is one for each frame that memory holds. The four bytes that the alignment leaves are where the
/// number of a record's audience goes once a relay serves only some of its records to some clients
/// (docs/decisions/history-and-audience.md).
#[derive(Clone, Copy, Debug)]
struct IndexEntry {
    next: u64,
    at: u32,
}

const _: () = assert!(size_of::<IndexEntry>() == 16);

impl IndexEntry {
    const fn new(next: u64, at: usize) -> Self {
        // A segment is far smaller: its builders end it at a bound, and `parse` checks it.
        Self {
            next,
            at: at as u32,
        }
    }

    const fn at(&self) -> usize {
        self.at as usize
    }
}

/// Why bytes are not a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentError {
    /// No frame, or more bytes than a segment may have.
    Size(usize),
    /// They are not a run of frames.
    Frame(FrameError),
    /// A frame of a kind that this build does not know: its place in the order is unknown too.
    UnknownKind,
    /// A frame of another partition.
    Mixed {
        /// Partition of the first frame.
        partition: u32,
        /// The other one.
        other: u32,
    },
    /// A frame that does not continue where the one before it ended.
    Broken {
        /// Where that one ended.
        expected: u64,
        /// Where this one continues from.
        prev_next: u64,
    },
}

impl core::fmt::Display for SegmentError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Size(bytes) => write!(f, "a segment cannot have {bytes} bytes"),
            Self::Frame(error) => error.fmt(f),
            Self::UnknownKind => f.write_str("a frame of an unknown kind"),
            Self::Mixed { partition, other } => {
                write!(f, "frames of the partitions {partition} and {other}")
            }
            Self::Broken {
                expected,
                prev_next,
            } => write!(f, "expected {expected}, a frame continues from {prev_next}"),
        }
    }
}

impl core::error::Error for SegmentError {}

impl Segment {
    /// Reads a run of frames as [`SegmentBuilder`] builds it: of one partition, each frame continuing where
    /// the one before it ended. The bytes are kept as they are.
    ///
    /// # Errors
    /// What is wrong with them. Nothing about them is known then.
    pub fn parse(bytes: Bytes) -> Result<Self, SegmentError> {
        if bytes.is_empty() || u32::try_from(bytes.len()).is_err() {
            return Err(SegmentError::Size(bytes.len()));
        }
        let mut index = Vec::new();
        let mut newest_timestamp_ms = i64::MIN;
        let mut first: Option<(u32, u64)> = None;
        let mut end = 0;
        let mut reader = FrameReader::new(&bytes);
        loop {
            let at = bytes.len() - reader.rest().len();
            let Some(frame) = reader.next() else { break };
            let header = frame.map_err(SegmentError::Frame)?.header;
            let (partition, _) = *first.get_or_insert((header.partition, header.prev_next));
            if header.partition != partition {
                let other = header.partition;
                return Err(SegmentError::Mixed { partition, other });
            }
            let continues = index.is_empty() || header.prev_next == end;
            if !continues || header.offset < header.prev_next || header.next() <= header.prev_next {
                return Err(SegmentError::Broken {
                    expected: if index.is_empty() {
                        header.prev_next
                    } else {
                        end
                    },
                    prev_next: header.prev_next,
                });
            }
            if matches!(header.kind, FrameKind::Record | FrameKind::Reject) {
                newest_timestamp_ms = newest_timestamp_ms.max(header.timestamp_ms);
            }
            end = header.next();
            index.push(IndexEntry::new(end, at));
        }
        match (first, reader.unknown()) {
            (Some((partition, start)), 0) => Ok(Self {
                partition,
                start,
                end,
                bytes,
                index: index.into_boxed_slice(),
                newest_timestamp_ms,
            }),
            _ => Err(SegmentError::UnknownKind),
        }
    }

    /// The same frames, their bytes held by an owner that the caller makes of them, such as one that gives
    /// memory back to a budget. Where it holds other bytes the segment stays as it is.
    #[must_use]
    pub fn held_by(self, owner: impl FnOnce(Bytes) -> Bytes) -> Self {
        let place = (self.bytes.as_ptr(), self.bytes.len());
        let bytes = owner(self.bytes.clone());
        let is_same = (bytes.as_ptr(), bytes.len()) == place;
        Self {
            bytes: if is_same { bytes } else { self.bytes },
            ..self
        }
    }

    /// Partition of every frame in it.
    #[must_use]
    pub const fn partition(&self) -> u32 {
        self.partition
    }

    /// Number of frames.
    #[must_use]
    pub const fn frames(&self) -> usize {
        self.index.len()
    }

    /// The frames.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The position at which its first frame continues.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// The position after its last frame.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Bytes of memory behind it: frames, index, and what the allocator adds.
    pub(super) fn allocated(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.index) + ALLOCATIONS * ALLOCATION_BYTES + SHARED_BYTES
    }

    /// This segment with those right before it, in their order, as one. Without any it is not
    /// copied. Slices that were taken of them stay as they are.
    pub(super) fn preceded_by(self, before: impl ExactSizeIterator<Item = Self>) -> Self {
        if before.len() == 0 {
            return self;
        }
        let mut joined = Self {
            bytes: Bytes::new(),
            index: Box::default(),
            ..self
        };
        let run: Vec<_> = before.chain([self]).collect();
        let mut bytes = Vec::with_capacity(run.iter().map(|segment| segment.bytes.len()).sum());
        let mut index = Vec::with_capacity(run.iter().map(Self::frames).sum());
        for segment in &run {
            let base = bytes.len();
            let moved = |frame: &IndexEntry| IndexEntry::new(frame.next, base + frame.at());
            index.extend(segment.index.iter().map(moved));
            bytes.extend_from_slice(&segment.bytes);
            joined.start = joined.start.min(segment.start);
            joined.newest_timestamp_ms =
                joined.newest_timestamp_ms.max(segment.newest_timestamp_ms);
        }
        joined.bytes = bytes.into();
        joined.index = index.into_boxed_slice();
        joined
    }

    /// The frames from `position` on, as many as fit into `bytes_max` and at least one.
    pub(crate) fn slice(&self, position: u64, bytes_max: usize) -> Slice {
        let first = self.index.partition_point(|frame| frame.next <= position);
        let start = self.at(first);
        let fitting = self
            .index
            .partition_point(|frame| frame.at() <= start.saturating_add(bytes_max));
        // The frame that begins within the limit may end beyond it; the last one ends at the end.
        let mut last = fitting.max(first + 1);
        if last > first + 1 && self.at(last) > start.saturating_add(bytes_max) {
            last -= 1;
        }
        let end = self.at(last);
        let next = self
            .index
            .get(last - 1)
            .map_or(self.end, |frame| frame.next);
        Slice {
            bytes: self.bytes.slice(start..end),
            frames: last - first,
            next,
        }
    }

    /// Kafka timestamp of the record at `offset`, accepted or not.
    pub(super) fn timestamp_at(&self, offset: u64) -> Option<i64> {
        let frame = self.index.partition_point(|frame| frame.next <= offset);
        let bytes = self.bytes.get(self.at(frame)..)?;
        let header = FrameReader::new(bytes).next()?.ok()?.header;
        let is_record = matches!(header.kind, FrameKind::Record | FrameKind::Reject);
        (is_record && header.offset == offset).then_some(header.timestamp_ms)
    }

    fn at(&self, frame: usize) -> usize {
        self.index
            .get(frame)
            .map_or(self.bytes.len(), IndexEntry::at)
    }
}

/// Allocations behind a segment: frames, the count of who shares them, index.
const ALLOCATIONS: usize = 3;
/// What an allocator adds to each: its header, and rounding up to 16 bytes.
const ALLOCATION_BYTES: usize = 16;
/// Where [`Bytes`] counts who shares it.
const SHARED_BYTES: usize = 3 * size_of::<usize>();

/// Builds a segment frame by frame.
#[derive(Debug)]
pub struct SegmentBuilder {
    partition: u32,
    start: u64,
    writer: FrameWriter,
    bytes: Vec<u8>,
    index: Vec<IndexEntry>,
    newest_timestamp_ms: i64,
}

impl SegmentBuilder {
    /// A builder that continues the partition's log at `position`.
    #[must_use]
    pub fn new(partition: u32, position: u64) -> Self {
        Self {
            partition,
            start: position,
            writer: FrameWriter::new(partition, position),
            bytes: Vec::new(),
            index: Vec::new(),
            newest_timestamp_ms: i64::MIN,
        }
    }

    /// Makes room for what is known to come, so that building copies each payload once.
    pub fn reserve(&mut self, frames: usize, bytes: usize) {
        self.index.reserve(frames);
        self.bytes.reserve(bytes);
    }

    /// The position after the last frame so far.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.writer.position()
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds no frame yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Appends a record.
    pub fn record(&mut self, offset: u64, timestamp_ms: i64, payload: &[u8]) {
        self.newest_timestamp_ms = self.newest_timestamp_ms.max(timestamp_ms);
        self.frame(|writer, out| writer.record(out, offset, timestamp_ms, payload));
    }

    /// Appends a record that was not accepted.
    pub fn reject(&mut self, offset: u64, timestamp_ms: i64, code: RejectCode, payload: &[u8]) {
        self.newest_timestamp_ms = self.newest_timestamp_ms.max(timestamp_ms);
        self.frame(|writer, out| writer.reject(out, offset, timestamp_ms, code, payload));
    }

    /// Appends a gap over `first..=last`.
    pub fn gap(&mut self, first: u64, last: u64, cause: GapCause) {
        self.frame(|writer, out| writer.gap(out, first, last, cause));
    }

    /// Appends a mark if it moves the position.
    pub fn mark(&mut self, position: u64) {
        if position > self.position() {
            self.frame(|writer, out| writer.mark(out, position));
        }
    }

    fn frame(&mut self, write: impl FnOnce(&mut FrameWriter, &mut Vec<u8>)) {
        let at = self.bytes.len();
        write(&mut self.writer, &mut self.bytes);
        self.index.push(IndexEntry::new(self.writer.position(), at));
    }

    /// The finished segment; `None` if it holds nothing.
    #[must_use]
    pub fn finish(mut self) -> Option<Segment> {
        if self.index.is_empty() {
            return None;
        }
        // It may be held for long, and what it costs is taken from its length.
        self.bytes.shrink_to_fit();
        Some(Segment {
            partition: self.partition,
            start: self.start,
            end: self.writer.position(),
            bytes: self.bytes.into(),
            index: self.index.into_boxed_slice(),
            newest_timestamp_ms: self.newest_timestamp_ms,
        })
    }
}

/// A run of frames a session may send as one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The frames.
    pub bytes: Bytes,
    /// How many.
    pub frames: usize,
    /// The position after them.
    pub next: u64,
}
