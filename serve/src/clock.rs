//! The one clock of the process: milliseconds since it started, monotonic. Machines and status
//! values get their time from here, so that no two of them disagree about "now".

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Copied freely; all copies of one clock agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that shows 0.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// What it shows, in ms.
    #[must_use]
    pub fn now_ms(self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The instant at which [`Self::now_ms`] reaches `ms`.
    pub fn instant(self, ms: u64) -> Instant {
        self.start + std::time::Duration::from_millis(ms)
    }

    /// Milliseconds since 1970, to compare with the timestamps of records.
    pub fn wall_ms() -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .unwrap_or(0)
    }
}
