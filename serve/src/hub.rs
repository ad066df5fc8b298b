//! The log that all sessions read, and the signal that wakes them. The lock is never held across
//! an await: whoever feeds it appends a segment and lets go, a session takes slices and lets go.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use session::{
    Segment, TailLog,
    control::Fingerprint,
    log::{AppendError, PartitionView},
};
use tokio::sync::watch;

use crate::history::Floor;

/// What sessions wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signal {
    /// Version of the log after the last change.
    pub version: u64,
    /// The server shuts down; clients may come back after this long.
    pub closing_retry_after_ms: Option<u64>,
}

/// Shared by whoever feeds the log, sessions and whoever reports.
#[derive(Debug)]
pub struct Hub {
    log: RwLock<TailLog>,
    signal: watch::Sender<Signal>,
    settled: AtomicBool,
}

impl Hub {
    /// An empty log that holds at most so many bytes.
    #[must_use]
    pub fn new(log_bytes_max: usize) -> Self {
        Self {
            log: RwLock::new(TailLog::new(log_bytes_max)),
            signal: watch::Sender::default(),
            settled: AtomicBool::new(false),
        }
    }

    /// Starts a partition at `position`; Kafka's end is known to be `end`.
    pub fn add_partition(&self, partition: u32, position: u64, end: u64) {
        self.change(|log| {
            log.add_partition(partition, position);
            log.set_kafka_end(partition, end);
        });
    }

    /// Notes that the topic has this partition, whose start is not known yet.
    pub fn expect_partition(&self, partition: u32) {
        self.log.write().expect_partition(partition);
    }

    /// Drops what is held of a partition that was recreated, and starts it at `position` again.
    pub fn restart_partition(&self, partition: u32, position: u64, end: u64) {
        self.change(|log| {
            log.restart_partition(partition, position);
            log.set_kafka_end(partition, end);
        });
    }

    /// Drops what is held of a partition whose log in Kafka was truncated, and starts it at its new end.
    pub fn truncate_partition(&self, partition: u32, end: u64) {
        self.change(|log| {
            log.truncate_partition(partition, end);
            log.set_kafka_end(partition, end);
        });
    }

    /// Appends a segment and wakes every session once.
    pub fn append(&self, segment: Segment) -> Result<(), AppendError> {
        self.change(|log| log.append(segment))
    }

    /// Notes Kafka's end; wakes nobody, as it brings no data.
    pub fn set_kafka_end(&self, partition: u32, end: u64) {
        self.log.write().set_kafka_end(partition, end);
    }

    /// Notes how far back a tier behind memory reaches; wakes nobody, as who is behind asks anyway.
    pub fn set_floor(&self, floor: &Floor) {
        let mut log = self.log.write();
        log.set_floor(floor.partition, floor.incarnation, floor.position);
    }

    /// Notes the record right before a partition's log.
    pub fn set_before(&self, partition: u32, record: Fingerprint) {
        self.log.write().set_before(partition, record);
    }

    /// Notes whether a partition waits for its release, and wakes the sessions: replays may end by it.
    pub fn set_paused(&self, partition: u32, paused: bool) {
        self.change(|log| log.set_paused(partition, paused));
    }

    /// Reads the log. Keep the guard for as short as possible, and never across an await.
    pub fn log(&self) -> impl std::ops::Deref<Target = TailLog> + '_ {
        self.log.read()
    }

    /// What each partition holds, ascending.
    pub fn partitions(&self) -> Vec<PartitionView> {
        self.log().partitions().collect()
    }

    /// Hears of every change of the log that a session could care about, and of the end.
    pub fn subscribe(&self) -> watch::Receiver<Signal> {
        self.signal.subscribe()
    }

    /// Tells every session to say goodbye.
    pub fn close(&self, retry_after_ms: u64) {
        self.signal
            .send_modify(|signal| signal.closing_retry_after_ms = Some(retry_after_ms));
    }

    /// Whether sessions were told to say goodbye.
    pub fn is_closing(&self) -> bool {
        self.signal.borrow().closing_retry_after_ms.is_some()
    }

    /// Whether the partitions found at start have their place in the log: before that, cursors of clients
    /// could not be judged, so nobody is let in.
    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// Lets clients in.
    pub fn set_settled(&self) {
        self.settled.store(true, Ordering::Release);
    }

    fn change<T>(&self, change: impl FnOnce(&mut TailLog) -> T) -> T {
        let mut log = self.log.write();
        let result = change(&mut log);
        let version = log.version();
        drop(log);
        // Two appends may come here in the other order; the higher version is the one that counts.
        self.signal.send_if_modified(|signal| {
            let newer = version > signal.version;
            signal.version = signal.version.max(version);
            newer
        });
        result
    }
}

#[cfg(test)]
mod tests {
    use session::SegmentBuilder;

    use super::*;

    #[test]
    fn a_segment_wakes_once_and_an_end_wakes_nobody() {
        let hub = Hub::new(1 << 20);
        let mut signal = hub.subscribe();
        hub.add_partition(0, 5, 9);
        assert!(signal.has_changed().expect("the hub lives"));
        signal.mark_unchanged();
        hub.set_kafka_end(0, 12);
        assert!(!signal.has_changed().expect("the hub lives"));

        let mut builder = SegmentBuilder::new(0, 5);
        builder.record(5, 1, b"x");
        hub.append(builder.finish().expect("one frame"))
            .expect("continues at 5");
        assert!(signal.has_changed().expect("the hub lives"));
        signal.mark_unchanged();
        hub.set_paused(0, true);
        assert!(
            signal.has_changed().expect("the hub lives"),
            "replays that wait for the partition may end"
        );
        let views = hub.partitions();
        assert_eq!(
            (views[0].held_from, views[0].end, views[0].head),
            (5, 6, 12)
        );
    }
}
