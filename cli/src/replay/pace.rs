//! When a record is due.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// At once.
    Fast,
    /// Records a second.
    Rate(f64),
    /// So many times as fast as they came.
    Speed(f64),
}

impl Pace {
    /// Whether it makes a difference in which order partitions come.
    pub(super) const fn is_timed(self) -> bool {
        !matches!(self, Self::Fast)
    }

    /// How long after the start the record with this number is due that came so many milliseconds
    /// after the first.
    pub(super) fn due(self, number: u64, since_first_ms: i64) -> Duration {
        let seconds = match self {
            Self::Fast => 0.0,
            Self::Rate(rate) => number as f64 / rate,
            Self::Speed(speed) => since_first_ms.max(0) as f64 / 1000.0 / speed,
        };
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(DUE_MAX)
            .min(DUE_MAX)
    }
}

/// Ten years: further than any clock arithmetic must go.
const DUE_MAX: Duration = Duration::from_secs(315_360_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_due() {
        let ms = Duration::from_millis;
        assert_eq!(Pace::Fast.due(9, 9_000), ms(0));
        assert_eq!(Pace::Rate(100.0).due(50, 9_000), ms(500));
        assert_eq!(Pace::Speed(2.0).due(9, 9_000), ms(4_500));
        assert_eq!(Pace::Speed(2.0).due(9, -5), ms(0));
        assert_eq!(Pace::Speed(1e-300).due(9, i64::MAX), DUE_MAX);
    }
}
