//! The tail log: what the relay holds in memory, as ready-made frames.
//!
//! Ingest appends segments; every session reads slices of them from its own cursor. The bound is
//! in bytes over all partitions, and the oldest segment goes first, whichever partition it is of.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;
use decode_core::frame::FrameWriter;
use decode_core::wire::{GapCause, RejectCode};

/// A run of frames of one partition with an index over it.
#[derive(Clone, Debug)]
pub struct Segment {
    partition: u32,
    start: u64,
    end: u64,
    bytes: Bytes,
    index: Vec<IndexEntry>,
    newest_timestamp_ms: i64,
}

/// Where a frame begins and which position follows it.
#[derive(Clone, Copy, Debug)]
struct IndexEntry {
    next: u64,
    at: usize,
}

impl Segment {
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

    /// The position after its last frame.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// What it costs to hold.
    fn cost(&self) -> usize {
        self.bytes.len() + self.index.len() * size_of::<IndexEntry>()
    }

    /// The frames from `position` on, as many as fit into `bytes_max` and at least one.
    fn slice(&self, position: u64, bytes_max: usize) -> Slice {
        let first = self.index.partition_point(|frame| frame.next <= position);
        let start = self.at(first);
        let fitting = self
            .index
            .partition_point(|frame| frame.at <= start.saturating_add(bytes_max));
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

    fn at(&self, frame: usize) -> usize {
        self.index
            .get(frame)
            .map_or(self.bytes.len(), |entry| entry.at)
    }
}

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
        self.index.push(IndexEntry {
            next: self.writer.position(),
            at,
        });
    }

    /// The finished segment; `None` if it holds nothing.
    #[must_use]
    pub fn finish(self) -> Option<Segment> {
        if self.index.is_empty() {
            return None;
        }
        Some(Segment {
            partition: self.partition,
            start: self.start,
            end: self.writer.position(),
            bytes: self.bytes.into(),
            index: self.index,
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

/// What a cursor finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Frames.
    Data(Slice),
    /// Nothing yet: the cursor is at the end.
    CaughtUp,
    /// The cursor is older than what is held.
    Behind {
        /// The oldest position held.
        earliest: u64,
    },
    /// The cursor is beyond the end.
    Ahead {
        /// The end.
        head: u64,
    },
    /// No such partition.
    Unknown,
}

/// Why a segment is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError {
    /// Its partition was not added.
    UnknownPartition(u32),
    /// It does not start where the partition's log ends.
    Discontinuous {
        /// Where the log ends.
        head: u64,
        /// Where the segment starts.
        start: u64,
    },
}

impl core::fmt::Display for AppendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::UnknownPartition(partition) => write!(f, "unknown partition {partition}"),
            Self::Discontinuous { head, start } => {
                write!(f, "segment starts at {start}, the log ends at {head}")
            }
        }
    }
}

impl core::error::Error for AppendError {}

/// What one partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionView {
    /// Partition.
    pub partition: u32,
    /// Position the log began at, whether still held or not.
    pub origin: u64,
    /// Oldest position held.
    pub earliest: u64,
    /// Position the log ends at.
    pub head: u64,
    /// Kafka's end as last heard; never below `head`.
    pub end: u64,
    /// How often it was started over.
    pub incarnation: u64,
    /// Position at which the log before that ended; 0 if there was none.
    pub former_end: u64,
    /// Bytes held, index included.
    pub bytes: usize,
    /// Frames held.
    pub frames: usize,
    /// Newest Kafka timestamp of the oldest segment held.
    pub oldest_timestamp_ms: Option<i64>,
    /// Frames evicted since the start.
    pub evicted_frames: u64,
    /// Bytes evicted since the start.
    pub evicted_bytes: u64,
}

#[derive(Debug)]
struct PartitionLog {
    segments: VecDeque<Segment>,
    origin: u64,
    earliest: u64,
    head: u64,
    kafka_end: u64,
    incarnation: u64,
    former_end: u64,
    bytes: usize,
    frames: usize,
    evicted_frames: u64,
    evicted_bytes: u64,
}

impl PartitionLog {
    const fn starting(position: u64) -> Self {
        Self {
            segments: VecDeque::new(),
            origin: position,
            earliest: position,
            head: position,
            kafka_end: position,
            incarnation: 0,
            former_end: 0,
            bytes: 0,
            frames: 0,
            evicted_frames: 0,
            evicted_bytes: 0,
        }
    }

    fn evict_oldest(&mut self) -> usize {
        let Some(segment) = self.segments.pop_front() else {
            return 0;
        };
        let cost = segment.cost();
        self.earliest = segment.end;
        self.bytes -= cost;
        self.frames -= segment.frames();
        self.evicted_frames += segment.frames() as u64;
        self.evicted_bytes += segment.bytes.len() as u64;
        cost
    }

    fn read(&self, position: u64, bytes_max: usize) -> Read {
        if position == self.head {
            return Read::CaughtUp;
        }
        if position > self.head {
            return Read::Ahead { head: self.head };
        }
        if position < self.earliest {
            return Read::Behind {
                earliest: self.earliest,
            };
        }
        let at = self
            .segments
            .partition_point(|segment| segment.end <= position);
        match self.segments.get(at) {
            Some(segment) => Read::Data(segment.slice(position, bytes_max)),
            None => Read::CaughtUp,
        }
    }

    const fn end(&self) -> u64 {
        if self.kafka_end > self.head {
            self.kafka_end
        } else {
            self.head
        }
    }
}

/// The relay's memory. See the module text.
#[derive(Debug)]
pub struct TailLog {
    partitions: BTreeMap<u32, PartitionLog>,
    /// Partition of each segment, oldest append first.
    order: VecDeque<u32>,
    bytes: usize,
    bytes_max: usize,
    version: u64,
}

impl TailLog {
    /// An empty log that holds at most `bytes_max` (but always the newest segment).
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self {
            partitions: BTreeMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            bytes_max,
            version: 0,
        }
    }

    /// Starts a partition's log at `position`. Adding one that exists changes nothing.
    pub fn add_partition(&mut self, partition: u32, position: u64) {
        self.version += 1;
        self.partitions
            .entry(partition)
            .or_insert_with(|| PartitionLog::starting(position));
    }

    /// Starts a partition's log over at `position`, whatever it holds: offsets there are those of
    /// another topic from here on. Sessions see it by the incarnation.
    pub fn restart_partition(&mut self, partition: u32, position: u64) {
        self.version += 1;
        let started = PartitionLog::starting(position);
        let Some(log) = self.partitions.get_mut(&partition) else {
            self.partitions.insert(partition, started);
            return;
        };
        self.bytes -= log.bytes;
        self.order.retain(|&other| other != partition);
        *log = PartitionLog {
            incarnation: log.incarnation + 1,
            former_end: log.head,
            evicted_frames: log.evicted_frames,
            evicted_bytes: log.evicted_bytes,
            ..started
        };
    }

    /// How often a partition was started over.
    #[must_use]
    pub fn incarnation(&self, partition: u32) -> Option<u64> {
        self.partitions.get(&partition).map(|log| log.incarnation)
    }

    /// Notes Kafka's end of a partition, so that a cursor ahead of the log can be told from one
    /// that points nowhere.
    pub fn set_kafka_end(&mut self, partition: u32, end: u64) {
        if let Some(log) = self.partitions.get_mut(&partition) {
            log.kafka_end = end;
        }
    }

    /// Appends a segment and evicts what no longer fits.
    ///
    /// # Errors
    /// The partition is unknown, or the segment does not start at its head; nothing is changed.
    pub fn append(&mut self, segment: Segment) -> Result<(), AppendError> {
        let partition = segment.partition;
        let log = self
            .partitions
            .get_mut(&partition)
            .ok_or(AppendError::UnknownPartition(partition))?;
        if segment.start != log.head {
            return Err(AppendError::Discontinuous {
                head: log.head,
                start: segment.start,
            });
        }
        let cost = segment.cost();
        log.head = segment.end;
        log.bytes += cost;
        log.frames += segment.frames();
        log.segments.push_back(segment);
        self.bytes += cost;
        self.order.push_back(partition);
        self.version += 1;
        while self.bytes > self.bytes_max && self.order.len() > 1 {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(log) = self.partitions.get_mut(&oldest) {
                self.bytes -= log.evict_oldest();
            }
        }
        Ok(())
    }

    /// What a cursor at `position` finds: at most `bytes_max`, but at least one frame.
    #[must_use]
    pub fn read(&self, partition: u32, position: u64, bytes_max: usize) -> Read {
        match self.partitions.get(&partition) {
            Some(log) => log.read(position, bytes_max),
            None => Read::Unknown,
        }
    }

    /// Every partition, ascending.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = PartitionView> + '_ {
        self.partitions
            .iter()
            .map(|(&partition, log)| view(partition, log))
    }

    /// One partition.
    #[must_use]
    pub fn partition(&self, partition: u32) -> Option<PartitionView> {
        self.partitions
            .get(&partition)
            .map(|log| view(partition, log))
    }

    /// Number of partitions.
    #[must_use]
    pub fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// Bytes held, index included.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Rises with every change a session could care about.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }
}

fn view(partition: u32, log: &PartitionLog) -> PartitionView {
    PartitionView {
        partition,
        origin: log.origin,
        earliest: log.earliest,
        head: log.head,
        end: log.end(),
        incarnation: log.incarnation,
        former_end: log.former_end,
        bytes: log.bytes,
        frames: log.frames,
        oldest_timestamp_ms: log
            .segments
            .front()
            .map(|segment| segment.newest_timestamp_ms)
            .filter(|&ms| ms != i64::MIN),
        evicted_frames: log.evicted_frames,
        evicted_bytes: log.evicted_bytes,
    }
}

#[cfg(test)]
mod tests;
