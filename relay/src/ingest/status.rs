//! What ingest knows about itself, for `/health`, `/ready` and the gauges. Written by the partition
//! loops with relaxed stores; a reader may see two fields a moment apart.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
};

use dashstream_counters::LastTime;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use crate::kafka::{Failure, KafkaError};

/// The topic as the relay last saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicState {
    /// No broker has answered yet.
    Connecting,
    /// Brokers answer, and the topic is not among theirs.
    Absent,
    /// It is there and its partitions are known.
    Present,
}

/// What the loop of one partition is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looking for the offset to start from.
    Starting,
    /// Fetching, or waiting for new records.
    Reading,
    /// The last call failed; the next one waits for its backoff.
    Retrying,
    /// Stopped at a record until an operator releases it.
    Paused,
    /// The topic was recreated: on the way back to its start.
    Reset,
    /// The topic was recreated with fewer partitions, and this one is not among them.
    Gone,
}

impl Phase {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Reading => "reading",
            Self::Retrying => "retrying",
            Self::Paused => "paused",
            Self::Reset => "reset",
            Self::Gone => "gone",
        }
    }

    const ALL: [Self; 6] = [
        Self::Starting,
        Self::Reading,
        Self::Retrying,
        Self::Paused,
        Self::Reset,
        Self::Gone,
    ];
}

/// The last call to Kafka that failed, until one succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub kind: KafkaError,
    pub text: String,
}

impl Trouble {
    fn of(failure: &Failure) -> Self {
        Self {
            kind: failure.kind(),
            text: failure.to_string(),
        }
    }
}

/// Records that an open transaction keeps from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// Where the transaction begins.
    pub offset: u64,
    /// Since when it has been the first that is open, on the relay's clock.
    pub since_ms: u64,
}

/// What a partition stopped at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub offset: u64,
    /// One of few, for a label.
    pub code: &'static str,
    /// For people.
    pub reason: String,
}

/// One partition.
#[derive(Debug)]
pub struct PartitionStatus {
    phase: AtomicU8,
    position: AtomicU64,
    end: AtomicU64,
    catching_up: AtomicBool,
    pause: Mutex<Option<Pause>>,
    trouble: Mutex<Option<Trouble>>,
    hidden: Mutex<Option<Hidden>>,
    released: Notify,
    pub last_answer: LastTime,
    pub last_record: LastTime,
    pub last_probe: LastTime,
}

const UNKNOWN: u64 = u64::MAX;

impl Default for PartitionStatus {
    fn default() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Starting as u8),
            position: AtomicU64::new(UNKNOWN),
            end: AtomicU64::new(UNKNOWN),
            catching_up: AtomicBool::new(true),
            pause: Mutex::default(),
            trouble: Mutex::default(),
            hidden: Mutex::default(),
            released: Notify::new(),
            last_answer: LastTime::default(),
            last_record: LastTime::default(),
            last_probe: LastTime::default(),
        }
    }
}

impl PartitionStatus {
    pub fn phase(&self) -> Phase {
        let stored = usize::from(self.phase.load(Ordering::Relaxed));
        Phase::ALL.get(stored).copied().unwrap_or(Phase::Starting)
    }

    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub fn position(&self) -> Option<u64> {
        known(&self.position)
    }

    pub fn set_position(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
    }

    /// Where the partition ended when it was last asked for, open transactions included.
    pub fn end(&self) -> Option<u64> {
        known(&self.end)
    }

    pub fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Relaxed);
    }

    /// Notes both ends of the partition: where it ends, and where the first open transaction begins.
    pub fn see_ends(&self, high_watermark: u64, last_stable: u64, now_ms: u64) {
        self.set_end(high_watermark);
        let mut hidden = self.hidden.lock();
        if high_watermark <= last_stable {
            *hidden = None;
        } else if hidden.is_none_or(|hidden| hidden.offset != last_stable) {
            *hidden = Some(Hidden {
                offset: last_stable,
                since_ms: now_ms,
            });
        }
    }

    /// What an open transaction hides, if one is open.
    pub fn hidden(&self) -> Option<Hidden> {
        *self.hidden.lock()
    }

    /// Whether the end found at start is still ahead.
    pub fn is_catching_up(&self) -> bool {
        self.catching_up.load(Ordering::Relaxed)
    }

    pub fn set_catching_up(&self, catching_up: bool) {
        self.catching_up.store(catching_up, Ordering::Relaxed);
    }

    /// Why reading fails, if it does.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().clone()
    }

    pub(crate) fn fail(&self, failure: &Failure) {
        *self.trouble.lock() = Some(Trouble::of(failure));
    }

    pub(crate) fn succeed(&self) {
        *self.trouble.lock() = None;
    }

    /// What it stopped at, if it did.
    pub fn paused(&self) -> Option<Pause> {
        self.pause.lock().clone()
    }

    pub fn pause(&self, pause: Pause) {
        *self.pause.lock() = Some(pause);
    }

    /// Lets the partition go on, with the record it stopped at. With an offset only if it stopped
    /// there, so that asking twice does not also release what it stops at next.
    pub fn release(&self, offset: Option<u64>) -> Option<Pause> {
        let mut pause = self.pause.lock();
        let here = |pause: &mut Pause| offset.is_none_or(|offset| offset == pause.offset);
        let lifted = pause.take_if(here);
        drop(pause);
        if lifted.is_some() {
            self.released.notify_one();
        }
        lifted
    }

    /// Waits until nothing is paused.
    pub(super) async fn released(&self) {
        while self.pause.lock().is_some() {
            self.released.notified().await;
        }
    }

    /// Offsets between the relay and the end, as of the last probe.
    pub fn lag(&self) -> Option<u64> {
        Some(self.end()?.saturating_sub(self.position()?))
    }
}

fn known(value: &AtomicU64) -> Option<u64> {
    Some(value.load(Ordering::Relaxed)).filter(|&value| value != UNKNOWN)
}

/// The whole of ingest.
#[derive(Debug, Default)]
pub struct IngestStatus {
    topic: AtomicU8,
    trouble: Mutex<Option<Trouble>>,
    partitions: RwLock<BTreeMap<u32, Arc<PartitionStatus>>>,
}

impl IngestStatus {
    pub fn topic(&self) -> TopicState {
        match self.topic.load(Ordering::Relaxed) {
            1 => TopicState::Absent,
            2 => TopicState::Present,
            _ => TopicState::Connecting,
        }
    }

    pub fn set_topic(&self, state: TopicState) {
        let stored = match state {
            TopicState::Connecting => 0,
            TopicState::Absent => 1,
            TopicState::Present => 2,
        };
        self.topic.store(stored, Ordering::Relaxed);
    }

    /// Why asking for the topic fails, if it does.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().clone()
    }

    pub(crate) fn fail(&self, failure: &Failure) {
        *self.trouble.lock() = Some(Trouble::of(failure));
    }

    pub(crate) fn succeed(&self) {
        *self.trouble.lock() = None;
    }

    /// The status of a partition, made where it is not there yet.
    pub fn partition(&self, partition: u32) -> Arc<PartitionStatus> {
        Arc::clone(self.partitions.write().entry(partition).or_default())
    }

    pub fn partitions(&self) -> Vec<(u32, Arc<PartitionStatus>)> {
        let partitions = self.partitions.read();
        partitions
            .iter()
            .map(|(&partition, status)| (partition, Arc::clone(status)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_survive_storage() {
        let status = PartitionStatus::default();
        for phase in Phase::ALL {
            status.set_phase(phase);
            assert_eq!(status.phase(), phase);
        }
    }

    #[test]
    fn lag_is_unknown_until_both_ends_are_known() {
        let status = PartitionStatus::default();
        assert_eq!(status.lag(), None);
        status.set_end(10);
        assert_eq!(status.lag(), None);
        status.set_position(12);
        assert_eq!(status.lag(), Some(0));
    }
}
