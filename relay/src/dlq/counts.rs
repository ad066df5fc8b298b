//! What is counted of dead letters.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::{Cause, Reason};
use crate::metrics::Counter;

/// Every letter ends as one of these: stored, under the type of its error, or failed, with a reason.
#[derive(Debug, Default)]
pub struct Counts {
    sent: [Counter; Cause::TYPES.len()],
    failed: [Counter; Reason::ALL.len()],
    /// Attempts that were followed by another one.
    pub retries: Counter,
    /// Letters stored without the whole payload.
    pub truncated: Counter,
    /// How many letters each partition waits for.
    waiting: Mutex<BTreeMap<u32, usize>>,
}

impl Counts {
    pub(super) fn sent(&self, cause: Cause) {
        let at = Cause::TYPES
            .iter()
            .position(|name| *name == cause.metric_type());
        if let Some(counter) = at.and_then(|at| self.sent.get(at)) {
            counter.inc();
        }
    }

    pub(super) fn failed(&self, reason: Reason) {
        if let Some(counter) = self.failed.get(reason as usize) {
            counter.inc();
        }
    }

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

    /// Letters stored, by type of error.
    pub fn sent_by_type(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Cause::TYPES
            .into_iter()
            .zip(self.sent.iter().map(Counter::get))
    }

    /// Letters lost, by reason.
    pub fn failed_by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let names = Reason::ALL.into_iter().map(Reason::name);
        names.zip(self.failed.iter().map(Counter::get))
    }
}
