//! One number each.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// At 0.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds to it.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number as it was last found.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Replaces it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that rises and falls.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    /// Raises the level until the guard is dropped, on whichever path that happens.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> LevelGuard {
        self.hold_many(1)
    }

    /// The same by more than one.
    #[must_use]
    pub fn hold_many(self: &Arc<Self>, count: usize) -> LevelGuard {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.0.fetch_add(count, Ordering::Relaxed);
        LevelGuard {
            level: Arc::clone(self),
            count,
        }
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

/// Keeps a [`Level`] raised.
#[derive(Debug)]
pub struct LevelGuard {
    level: Arc<Level>,
    count: i64,
}

impl Drop for LevelGuard {
    fn drop(&mut self) {
        self.level.0.fetch_sub(self.count, Ordering::Relaxed);
    }
}

/// The time of the last event of some kind, in milliseconds of the process's monotonic clock.
#[derive(Debug)]
pub struct LastTime(AtomicU64);

impl Default for LastTime {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl LastTime {
    /// It happened at this time.
    pub fn set(&self, now_ms: u64) {
        self.0.store(now_ms, Ordering::Relaxed);
    }

    /// When it happened last, if it ever did.
    #[must_use]
    pub fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&ms| ms != u64::MAX)
    }

    /// How long ago that was, in milliseconds.
    #[must_use]
    pub fn age_ms(&self, now_ms: u64) -> Option<u64> {
        self.get().map(|ms| now_ms.saturating_sub(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_falls_when_its_guard_goes() {
        let level = Arc::new(Level::default());
        let guard = level.hold();
        assert_eq!(level.get(), 1);
        drop(guard);
        assert_eq!(level.get(), 0);
    }

    #[test]
    fn an_event_that_never_happened_has_no_age() {
        let last = LastTime::default();
        assert_eq!(last.age_ms(7), None);
        last.set(5);
        assert_eq!(last.age_ms(7), Some(2));
        assert_eq!(last.age_ms(3), Some(0), "a reader may be a moment behind");
    }
}
