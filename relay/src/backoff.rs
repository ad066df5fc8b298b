//! Waiting between failures: doubling from the smallest delay to the largest, back to the smallest
//! after a success.

use std::time::Duration;

use crate::config::BackoffConfig;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    config: BackoffConfig,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(config: BackoffConfig) -> Self {
        Self {
            config,
            failures: 0,
        }
    }

    /// Notes a failure and says how long to wait.
    pub(crate) fn fail(&mut self) -> Duration {
        let delay = delay(self.config, self.failures);
        self.failures = self.failures.saturating_add(1).min(u32::BITS);
        delay
    }

    pub(crate) fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub(crate) fn failures(self) -> u32 {
        self.failures
    }
}

/// How long to wait after so many failures in a row and one more.
pub(crate) fn delay(config: BackoffConfig, before: u32) -> Duration {
    let factor = 1_u32.checked_shl(before).unwrap_or(u32::MAX);
    let doubled = config.min.checked_mul(factor);
    doubled.map_or(config.max, |delay| delay.min(config.max))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OPS-08: 100 ms doubling to 5 s unless configured, and the smallest again after a success.
    #[test]
    fn delays_double_to_the_largest_and_start_over() {
        let mut backoff = Backoff::default();
        let delays: Vec<_> = (0..8).map(|_| backoff.fail().as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        (0..1000).for_each(|_| assert_eq!(backoff.fail().as_millis(), 5000));
        backoff.succeed();
        assert_eq!(backoff.fail().as_millis(), 100);

        let (min, max) = (Duration::from_millis(7), Duration::from_millis(20));
        let mut backoff = Backoff::new(BackoffConfig { min, max });
        let delays: Vec<_> = (0..4).map(|_| backoff.fail().as_millis()).collect();
        assert_eq!(delays, [7, 14, 20, 20]);
    }
}
