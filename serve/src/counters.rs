//! The numbers themselves: relaxed atomics, written on hot paths and read by a scrape.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use decode_core::wire::{CloseCode, GapCause, MessageKind, RejectCode, error_code};
use session::{control::From as ReplayFrom, server::ReplayStats};

use crate::histogram::{Backlogs, Histogram, Latencies};

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn inc(&self) {
        self.add(1);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number as it was last found.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that rises and falls.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    /// Raises the level until the guard is dropped, on whichever path that happens.
    pub fn hold(self: &std::sync::Arc<Self>) -> LevelGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        LevelGuard(std::sync::Arc::clone(self))
    }

    pub fn get(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

#[derive(Debug)]
pub struct LevelGuard(std::sync::Arc<Level>);

impl Drop for LevelGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The time of the last event of some kind, in milliseconds of [`crate::clock::Clock`].
#[derive(Debug)]
pub struct LastTime(AtomicU64);

impl Default for LastTime {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl LastTime {
    pub fn set(&self, now_ms: u64) {
        self.0.store(now_ms, Ordering::Relaxed);
    }

    pub fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&ms| ms != u64::MAX)
    }

    pub fn age_ms(&self, now_ms: u64) -> Option<u64> {
        self.get().map(|ms| now_ms.saturating_sub(ms))
    }
}

/// The values of a label: known from the start, so that each series exists at 0.
pub trait Label: Copy + 'static {
    fn values() -> &'static [Self];
    fn text(self) -> &'static str;
}

macro_rules! wire_labels {
    ($($name:ty),+) => {$(
        impl Label for $name {
            fn values() -> &'static [Self] { Self::ALL }
            fn text(self) -> &'static str { self.code() }
        }
    )+};
}
wire_labels!(CloseCode, GapCause, MessageKind, RejectCode);

/// A label whose values are texts. What is not among them is counted as the last one.
#[derive(Clone, Copy, Debug)]
pub struct Text<T: TextSet>(&'static str, std::marker::PhantomData<T>);

pub trait TextSet: Copy + 'static {
    const VALUES: &'static [Text<Self>];
}

impl<T: TextSet> Text<T> {
    pub const fn new(text: &'static str) -> Self {
        Self(text, std::marker::PhantomData)
    }
}

impl<T: TextSet> Label for Text<T> {
    fn values() -> &'static [Self] {
        T::VALUES
    }
    fn text(self) -> &'static str {
        self.0
    }
}

/// One counter per label value.
#[derive(Debug)]
pub struct Family<L: Label> {
    counters: Box<[Counter]>,
    label: std::marker::PhantomData<L>,
}

impl<L: Label> Default for Family<L> {
    fn default() -> Self {
        Self {
            counters: L::values().iter().map(|_| Counter::default()).collect(),
            label: std::marker::PhantomData,
        }
    }
}

impl<L: Label> Family<L> {
    pub fn inc(&self, value: L) {
        self.add(value, 1);
    }

    pub fn add(&self, value: L, count: u64) {
        self.add_text(value.text(), count);
    }

    /// Counts under the value with that text, or under the last value if there is none.
    pub fn add_text(&self, text: &str, count: u64) {
        let values = L::values();
        let at = values.iter().position(|value| value.text() == text);
        let at = at.unwrap_or_else(|| values.len().saturating_sub(1));
        if let Some(counter) = self.counters.get(at) {
            counter.add(count);
        }
    }

    pub fn get(&self, value: L) -> u64 {
        let mut counts = self.iter().filter(|(text, _)| *text == value.text());
        counts.next().map_or(0, |(_, count)| count)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        L::values()
            .iter()
            .map(|value| value.text())
            .zip(self.counters.iter().map(Counter::get))
    }

    pub fn sum(&self) -> u64 {
        self.counters.iter().map(Counter::get).sum()
    }
}

macro_rules! text_sets {
    ($($(#[$meta:meta])* $set:ident: $($text:expr),+;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub struct $set;
        impl TextSet for $set {
            const VALUES: &'static [Text<Self>] = &[$(Text::new($text)),+];
        }
    )+};
}

text_sets! {
    /// Codes of refused control messages.
    ControlError:
        error_code::INVALID_JSON, error_code::UNKNOWN_TYPE, error_code::UNKNOWN_FROM,
        error_code::UNSUPPORTED_PROTOCOL, error_code::UNSUPPORTED, error_code::INVALID_PARTITION,
        error_code::INVALID_OFFSET, error_code::INVALID_FINGERPRINT,
        error_code::TOO_MANY_PARTITIONS, error_code::WRONG_NAMESPACE, error_code::OUT_OF_ORDER,
        error_code::INVALID_ACK, error_code::TOO_LARGE, error_code::TOO_MANY_MESSAGES,
        error_code::UNEXPECTED_BINARY, "other";
    /// Why an upgrade was refused.
    Refusal: "per_ip", "total", "origin", "subprotocol", "handshake", "starting", "shutdown";
    /// How a WebSocket ended where no close code of the relay's says so.
    Ending: "peer_closed", "peer_lost", "relay_closed";
}

impl Label for ReplayFrom {
    fn values() -> &'static [Self] {
        &[Self::Cursor, Self::Earliest, Self::Latest]
    }
    fn text(self) -> &'static str {
        self.name()
    }
}

/// What clients were given to catch up with, by how they asked for it.
#[derive(Debug, Default)]
pub struct Replays {
    pub requests: Family<ReplayFrom>,
    pub frames: Family<ReplayFrom>,
    pub bytes: Family<ReplayFrom>,
    pub gaps: Family<ReplayFrom>,
    pub gap_offsets: Family<ReplayFrom>,
    pub capped: Family<ReplayFrom>,
    pub took: [Histogram<Latencies>; 3],
}

impl Replays {
    /// Adds what happened to one connection between two looks at it.
    pub fn add(&self, now: ReplayStats, before: ReplayStats) {
        let Some(from) = now.from else { return };
        self.requests.add(from, u64::from(before.from.is_none()));
        self.frames.add(from, now.frames - before.frames);
        self.bytes.add(from, now.bytes - before.bytes);
        self.gaps.add(from, now.gaps - before.gaps);
        self.gap_offsets
            .add(from, now.gap_positions - before.gap_positions);
        let capped = before.gaps == 0 && now.gaps > 0;
        self.capped.add(from, u64::from(capped));
        if let (Some(took_ms), None) = (now.took_ms, before.took_ms)
            && let Some((_, histogram)) = self.took().find(|(value, _)| *value == from)
        {
            histogram.observe(took_ms as f64);
        }
    }

    pub fn took(&self) -> impl Iterator<Item = (ReplayFrom, &Histogram<Latencies>)> {
        ReplayFrom::values().iter().copied().zip(&self.took)
    }
}

/// Everything that is counted of clients and their connections.
#[derive(Debug, Default)]
pub struct ClientCounters {
    pub connected: std::sync::Arc<Level>,
    pub sessions: Counter,
    pub closes: Family<CloseCode>,
    pub endings: Family<Text<Ending>>,
    pub refusals: Family<Text<Refusal>>,
    pub control_errors: Family<Text<ControlError>>,
    pub stale_cursors: Counter,
    pub stale_offsets: Counter,
    pub replays: Replays,
    pub client_reports: Counter,
    pub client_rejects: Counter,
    pub client_apply_lag: Histogram<Latencies>,
    pub client_backlog: Histogram<Backlogs>,
    pub sent_frames: Counter,
    pub sent_bytes: Counter,
    pub sent_data_messages: Counter,
    pub sent_control_messages: Counter,
    pub socket_writes: Counter,
    pub send_failures: Counter,
    pub http_connections: std::sync::Arc<Level>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_count_by_value_and_keep_strangers_last() {
        let family = Family::<Text<Ending>>::default();
        family.add_text("peer_lost", 2);
        family.add_text("nobody knows", 1);
        let counts: Vec<_> = family.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counts, [("peer_lost", 2), ("relay_closed", 1)]);
        assert_eq!(family.sum(), 3);
    }

    #[test]
    fn a_level_falls_when_its_guard_goes() {
        let level = std::sync::Arc::new(Level::default());
        let guard = level.hold();
        assert_eq!(level.get(), 1);
        drop(guard);
        assert_eq!(level.get(), 0);
    }
}
