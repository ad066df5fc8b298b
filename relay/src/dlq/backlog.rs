//! Letters that are lost: counted, said in a bounded number of lines, and remembered for a while, as
//! reading is not held up for a queue that loses letters anyway.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{counts::Counts, outcome::Reason};
use dashstream_serve::LogLimit;

/// For at least this long after a loss nothing waits for room: reading is held up for a third of the
/// time at most, however slowly letters are taken.
const NO_WAIT_AFTER_LOSS: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Backlog {
    counts: Arc<Counts>,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    log: LogLimit,
    /// Since when the store does not keep up, as far as known.
    behind: Option<Behind>,
}

#[derive(Debug)]
struct Behind {
    since: Instant,
    stored_since: bool,
}

impl Backlog {
    pub(super) fn new(counts: Arc<Counts>) -> Self {
        Self {
            counts,
            began: Instant::now(),
            state: Mutex::default(),
        }
    }

    /// Whether it is worth waiting for room: nothing was lost lately, and letters are stored again.
    pub(super) fn may_wait(&self) -> bool {
        let state = self.state.lock();
        state.behind.as_ref().is_none_or(|behind| {
            behind.stored_since && behind.since.elapsed() >= NO_WAIT_AFTER_LOSS
        })
    }

    pub(super) fn stored(&self) {
        if let Some(behind) = &mut self.state.lock().behind {
            behind.stored_since = true;
        }
    }

    /// A letter was lost, or got no room in the longest time that is waited for it.
    pub(super) fn fall_behind(&self) {
        self.state.lock().behind = Some(Behind {
            since: Instant::now(),
            stored_since: false,
        });
    }

    pub(super) fn lost(&self, partition: u32, offset: u64, reason: Reason) {
        self.counts.failed.inc(reason);
        // None of them says anything about the letters that come next.
        if !matches!(
            reason,
            Reason::Backpressure | Reason::RecordTooLarge | Reason::Fault
        ) {
            self.fall_behind();
        }
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(unsaid) = self.state.lock().log.allow(now_ms) {
            let reason = reason.text();
            tracing::warn!(partition, offset, reason, unsaid, "dead letter lost");
        }
    }
}
