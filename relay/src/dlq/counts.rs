//! What is counted of dead letters.

use std::collections::BTreeMap;

use dashstream_counters::{Counter, Family};
use parking_lot::Mutex;

use super::outcome::Reason;
use crate::dashflow_names::LetterError;

/// Every letter ends as one of these: stored, under the type of its error, or failed, with a reason.
#[derive(Debug, Default)]
pub struct Counts {
    pub sent: Family<LetterError>,
    pub failed: Family<Reason>,
    /// Attempts that were followed by another one.
    pub retries: Counter,
    /// Letters stored without the whole payload.
    pub truncated: Counter,
    /// How many letters each partition waits for.
    waiting: Mutex<BTreeMap<u32, usize>>,
}

impl Counts {
    /// Whether the partition did not wait before.
    pub(super) fn start_waiting(&self, partition: u32) -> bool {
        let mut waiting = self.waiting.lock();
        let letters = waiting.entry(partition).or_default();
        *letters += 1;
        *letters == 1
    }

    pub(super) fn stop_waiting(&self, partition: u32) {
        let mut waiting = self.waiting.lock();
        if let Some(letters) = waiting.get_mut(&partition) {
            *letters -= 1;
            if *letters == 0 {
                waiting.remove(&partition);
            }
        }
    }

    /// Partitions that wait because a letter could not be stored yet; only where the queue
    /// fails closed.
    pub fn waiting(&self) -> Vec<u32> {
        self.waiting.lock().keys().copied().collect()
    }
}
