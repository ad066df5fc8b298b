//! The tail log: what the relay holds in memory, as ready-made frames.
//!
//! Ingest appends segments; every session reads slices of them from its own cursor. The bound is
//! in bytes over all partitions, and the oldest segment goes first, whichever partition it is of.
//!
//! Live records come one or two at a time. Each is read at once, as a segment of its own, and joined
//! with its neighbours by and by, so that a replay sends full messages and holding a record costs
//! little more than the record.

mod alive;
mod segment;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use decode_core::wire::GapCause;

use crate::control::Fingerprint;
use crate::limits::{JOINED_BYTES_MAX, JOINED_LOG_SHARE};

use alive::Alive;
pub use segment::{Segment, SegmentBuilder, SegmentError, Slice};

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
        held_from: u64,
        /// The oldest position that can be served at all: from here to `held_from` a session may ask for it.
        earliest: u64,
    },
    /// The cursor is beyond the end.
    Ahead {
        /// The end.
        end: u64,
    },
    /// No such partition.
    Unknown,
}

/// What the log knows of the record at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordAt {
    /// The log does not reach so far yet.
    NotYet,
    /// Nothing: it is not held, or no record lies there. That may be the work of compaction or
    /// eviction and says nothing of the topic.
    Unknown,
    /// A record with this Kafka timestamp, ms.
    At(i64),
}

/// Why a segment is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Its partition was not added.
    UnknownPartition(u32),
    /// It does not start where the partition's log ends.
    Discontinuous {
        /// Where the log ends.
        end: u64,
        /// Where the segment starts.
        start: u64,
    },
}

impl core::fmt::Display for AppendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::UnknownPartition(partition) => write!(f, "unknown partition {partition}"),
            Self::Discontinuous { end, start } => {
                write!(f, "segment starts at {start}, the log ends at {end}")
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
    /// First position that memory holds.
    pub held_from: u64,
    /// First position that can be served at all; at most `held_from`, and less where a tier behind memory
    /// has more.
    pub earliest: u64,
    /// Next offset that is appended.
    pub end: u64,
    /// Kafka's end of the partition as last reported; never below `end`.
    pub head: u64,
    /// How often its topic was recreated.
    pub incarnation: u64,
    /// Position at which the log before that ended; 0 if there was none.
    pub former_end: u64,
    /// Why that log is gone.
    pub former_cause: GapCause,
    /// Whether nothing is appended until somebody releases it.
    pub paused: bool,
    /// Bytes held, with the index and what it takes to keep them.
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

/// A segment and its place in the order of eviction.
#[derive(Debug)]
struct Held {
    segment: Segment,
    /// Number of the append that completed it.
    age: u64,
}

impl Held {
    /// What it costs to hold, in bytes: the queue it is in may be half empty.
    fn cost(&self) -> usize {
        self.segment.allocated() + 2 * size_of::<Self>() + ORDER_ENTRY_BYTES
    }
}

/// An entry of [`TailLog::order`]: key and value, in nodes that may be half full.
const ORDER_ENTRY_BYTES: usize = 2 * (size_of::<u64>() + size_of::<u32>());

#[derive(Debug)]
struct PartitionLog {
    segments: VecDeque<Held>,
    origin: u64,
    held_from: u64,
    /// First position that a tier behind memory has.
    floor: Option<u64>,
    end: u64,
    kafka_end: u64,
    incarnation: u64,
    former_end: u64,
    former_cause: GapCause,
    paused: bool,
    /// A record right before the log began, of the same topic.
    before: Option<Fingerprint>,
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
            held_from: position,
            floor: None,
            end: position,
            kafka_end: position,
            incarnation: 0,
            former_end: 0,
            former_cause: GapCause::TopicReset,
            paused: false,
            before: None,
            bytes: 0,
            frames: 0,
            evicted_frames: 0,
            evicted_bytes: 0,
        }
    }

    fn evict_oldest(&mut self) -> usize {
        let Some(held) = self.segments.pop_front() else {
            return 0;
        };
        let (cost, segment) = (held.cost(), held.segment);
        self.held_from = segment.end;
        self.bytes -= cost;
        self.frames -= segment.frames();
        self.evicted_frames += segment.frames() as u64;
        self.evicted_bytes += segment.bytes.len() as u64;
        cost
    }

    /// How many of the newest segments are joined with one of `bytes` that follows them.
    ///
    /// One that is larger than all after it waits until they have grown. So what is copied becomes
    /// part of something at least twice as large, a byte is copied once per doubling, and at most one
    /// segment per doubling waits.
    fn neighbours(&self, bytes: usize, joined_bytes_max: usize) -> usize {
        let mut joined = bytes;
        let fits = |held: &&Held| {
            let len = held.segment.bytes.len();
            let fits = len <= joined && joined.saturating_add(len) <= joined_bytes_max;
            joined += if fits { len } else { 0 };
            fits
        };
        self.segments.iter().rev().take_while(fits).count()
    }

    fn read(&self, position: u64, bytes_max: usize) -> Read {
        if position == self.end {
            return Read::CaughtUp;
        }
        if position > self.end {
            return Read::Ahead { end: self.end };
        }
        if position < self.held_from {
            return Read::Behind {
                held_from: self.held_from,
                earliest: self.earliest(),
            };
        }
        let at = self
            .segments
            .partition_point(|held| held.segment.end <= position);
        match self.segments.get(at) {
            Some(held) => Read::Data(held.segment.slice(position, bytes_max)),
            None => Read::CaughtUp,
        }
    }

    fn record_at(&self, offset: u64) -> RecordAt {
        if offset >= self.end {
            return RecordAt::NotYet;
        }
        if let Some(before) = self.before.filter(|before| before.offset == offset) {
            return RecordAt::At(before.timestamp_ms);
        }
        let at = self
            .segments
            .partition_point(|held| held.segment.end <= offset);
        let held = self.segments.get(at);
        let timestamp_ms = held.and_then(|held| held.segment.timestamp_at(offset));
        timestamp_ms.map_or(RecordAt::Unknown, RecordAt::At)
    }

    fn head(&self) -> u64 {
        self.kafka_end.max(self.end)
    }

    fn earliest(&self) -> u64 {
        let floor = self.floor.unwrap_or(self.held_from);
        floor.min(self.held_from)
    }
}

/// The relay's memory. See the module text.
#[derive(Debug)]
pub struct TailLog {
    partitions: BTreeMap<u32, PartitionLog>,
    /// Partitions of the topic that were not added yet.
    unplaced: BTreeSet<u32>,
    /// Partition of each segment by age, so oldest first.
    order: BTreeMap<u64, u32>,
    appends: u64,
    bytes: usize,
    bytes_max: usize,
    joined_bytes_max: usize,
    version: u64,
    alive: Alive,
}

impl TailLog {
    /// An empty log that holds at most `bytes_max` (but always the newest segment).
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        // What is joined is evicted together.
        let share = bytes_max / JOINED_LOG_SHARE;
        Self {
            partitions: BTreeMap::new(),
            unplaced: BTreeSet::new(),
            order: BTreeMap::new(),
            appends: 0,
            bytes: 0,
            bytes_max,
            joined_bytes_max: if share < JOINED_BYTES_MAX {
                share
            } else {
                JOINED_BYTES_MAX
            },
            version: 0,
            alive: Alive::default(),
        }
    }

    /// Starts a partition's log at `position`. Adding one that exists changes nothing.
    pub fn add_partition(&mut self, partition: u32, position: u64) {
        self.version += 1;
        self.unplaced.remove(&partition);
        self.partitions
            .entry(partition)
            .or_insert_with(|| PartitionLog::starting(position));
    }

    /// Notes that the topic has this partition, which may be added later.
    pub fn expect_partition(&mut self, partition: u32) {
        if !self.partitions.contains_key(&partition) {
            self.unplaced.insert(partition);
        }
    }

    /// Partitions that the topic has and this log does not, ascending.
    pub fn unplaced(&self) -> impl Iterator<Item = u32> + '_ {
        self.unplaced.iter().copied()
    }

    /// Starts a partition's log over at `position`, whatever it holds: offsets there are those of
    /// another topic from here on. Sessions see it by the incarnation.
    pub fn restart_partition(&mut self, partition: u32, position: u64) {
        self.version += 1;
        let started = PartitionLog::starting(position);
        let Some(log) = self.partitions.get_mut(&partition) else {
            self.unplaced.remove(&partition);
            self.partitions.insert(partition, started);
            return;
        };
        self.bytes -= log.bytes;
        for held in &log.segments {
            self.order.remove(&held.age);
        }
        *log = PartitionLog {
            incarnation: log.incarnation + 1,
            former_end: log.end,
            evicted_frames: log.evicted_frames,
            evicted_bytes: log.evicted_bytes,
            ..started
        };
    }

    /// As [`Self::restart_partition`], where Kafka's log of the same topic lost its records from `end` on: what comes
    /// next has their offsets.
    pub fn truncate_partition(&mut self, partition: u32, end: u64) {
        self.restart_partition(partition, end);
        if let Some(log) = self.partitions.get_mut(&partition) {
            log.former_cause = GapCause::Truncated;
        }
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

    /// Notes the first position that a tier behind memory can serve of a partition's log of this incarnation;
    /// `None` where none has anything.
    pub fn set_floor(&mut self, partition: u32, incarnation: u64, floor: Option<u64>) {
        let log = self.partitions.get_mut(&partition);
        if let Some(log) = log.filter(|log| log.incarnation == incarnation) {
            log.floor = floor;
        }
    }

    /// Notes a record that lies before the beginning of a partition's log. A client that was at the end
    /// when the relay was restarted proves by it that the topic is the same.
    pub fn set_before(&mut self, partition: u32, record: Fingerprint) {
        if let Some(log) = self.partitions.get_mut(&partition) {
            log.before = Some(record);
        }
    }

    /// Notes whether a partition's reading waits for somebody's word, whatever Kafka holds.
    pub fn set_paused(&mut self, partition: u32, paused: bool) {
        if let Some(log) = self.partitions.get_mut(&partition) {
            log.paused = paused;
            self.version += 1;
        }
    }

    /// What is known of the record at an offset of a partition.
    #[must_use]
    pub fn record_at(&self, partition: u32, offset: u64) -> RecordAt {
        let log = self.partitions.get(&partition);
        log.map_or(RecordAt::Unknown, |log| log.record_at(offset))
    }

    /// Appends a segment and evicts what no longer fits.
    ///
    /// # Errors
    /// The partition is unknown, or the segment does not start at its end; nothing is changed.
    pub fn append(&mut self, segment: Segment) -> Result<(), AppendError> {
        let partition = segment.partition;
        let log = self
            .partitions
            .get_mut(&partition)
            .ok_or(AppendError::UnknownPartition(partition))?;
        if segment.start != log.end {
            return Err(AppendError::Discontinuous {
                end: log.end,
                start: segment.start,
            });
        }
        log.end = segment.end;
        log.frames += segment.frames();
        self.bytes -= log.bytes;
        self.appends += 1;
        let count = log.neighbours(segment.bytes.len(), self.joined_bytes_max);
        let neighbours = log.segments.len() - count..;
        for held in log.segments.range(neighbours.clone()) {
            self.order.remove(&held.age);
            log.bytes -= held.cost();
        }
        let neighbours = log.segments.drain(neighbours).map(|held| held.segment);
        // As old as its newest part: a record is never evicted before an older one of another
        // partition because a still older one lies beside it.
        let held = Held {
            segment: self.alive.count(segment.preceded_by(neighbours)),
            age: self.appends,
        };
        log.bytes += held.cost();
        log.segments.push_back(held);
        self.bytes += log.bytes;
        self.order.insert(self.appends, partition);
        self.version += 1;
        self.evict();
        Ok(())
    }

    fn evict(&mut self) {
        while self.bytes > self.bytes_max && self.order.len() > 1 {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            if let Some(log) = self.partitions.get_mut(&oldest) {
                self.bytes -= log.evict_oldest();
            }
        }
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

    /// Bytes held, with the index and what it takes to keep them.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of segments that this log holds no more and that slices taken of them keep: what clients are being sent.
    #[must_use]
    pub fn bytes_held_elsewhere(&self) -> usize {
        let segments = self.partitions.values().flat_map(|log| &log.segments);
        let held: usize = segments.map(|held| held.segment.bytes.len()).sum();
        self.alive.bytes().saturating_sub(held)
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
        held_from: log.held_from,
        earliest: log.earliest(),
        end: log.end,
        head: log.head(),
        incarnation: log.incarnation,
        former_end: log.former_end,
        former_cause: log.former_cause,
        paused: log.paused,
        bytes: log.bytes,
        frames: log.frames,
        oldest_timestamp_ms: log
            .segments
            .front()
            .map(|held| held.segment.newest_timestamp_ms)
            .filter(|&ms| ms != i64::MIN),
        evicted_frames: log.evicted_frames,
        evicted_bytes: log.evicted_bytes,
    }
}

#[cfg(test)]
mod tests;
