//! Waiting between failures: doubling from the smallest delay to the largest, back to the smallest
//! after a success.

use std::time::Duration;

use crate::limits::{BACKOFF_MS_MAX, BACKOFF_MS_MIN};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Notes a failure and says how long to wait.
    pub(super) fn fail(&mut self) -> Duration {
        let doubled = BACKOFF_MS_MIN
            .checked_shl(self.failures)
            .unwrap_or(BACKOFF_MS_MAX);
        self.failures = self.failures.saturating_add(1).min(u64::BITS / 2);
        Duration::from_millis(doubled.min(BACKOFF_MS_MAX))
    }

    pub(super) fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub(super) fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_to_the_largest_and_start_over() {
        let mut backoff = Backoff::default();
        let delays: Vec<_> = (0..8).map(|_| backoff.fail().as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        (0..1000).for_each(|_| assert!(backoff.fail().as_millis() <= 5000));
        backoff.succeed();
        assert_eq!(backoff.fail().as_millis(), 100);
    }
}
