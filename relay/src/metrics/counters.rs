//! What the relay counts besides its clients. Names follow the metrics in [`super::table`].

use std::sync::Arc;

use dashstream_serve::{
    ClientCounters,
    counters::{Counter, Family, Gauge, Label, LastTime, Text, TextSet},
    histogram::{Histogram, Latencies},
};
use decode_core::wire::{GapCause, MessageKind, RejectCode};

use super::histogram::GapSizes;
use crate::checkpoint::Fault;

/// Kinds of failed calls to Kafka, as DashFlow's server names them.
#[derive(Clone, Copy, Debug)]
pub struct KafkaError;

impl TextSet for KafkaError {
    const VALUES: &'static [Text<Self>] = &[
        Text::new("dns_failure"),
        Text::new("connection_timeout"),
        Text::new("broker_down"),
        Text::new("decode_error"),
        Text::new("unknown"),
    ];
}

/// Whether a record was there before the relay's time. Old trouble is no news: it is counted apart
/// and raises no alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    New,
    Old,
}

impl Age {
    pub const ALL: [Self; 2] = [Self::New, Self::Old];

    /// That of an offset in a partition whose old records end at `boundary`.
    pub const fn of(offset: u64, boundary: u64) -> Self {
        if offset < boundary {
            Self::Old
        } else {
            Self::New
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Old => "old",
        }
    }
}

/// One of each per age.
#[derive(Debug, Default)]
pub struct ByAge<T> {
    new: T,
    old: T,
}

impl<T> ByAge<T> {
    pub fn of(&self, age: Age) -> &T {
        match age {
            Age::New => &self.new,
            Age::Old => &self.old,
        }
    }
}

/// What a sequence number can reveal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceFinding {
    Gap,
    Duplicate,
    Reorder,
}

impl SequenceFinding {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
        }
    }
}

impl Label for SequenceFinding {
    fn values() -> &'static [Self] {
        &[Self::Gap, Self::Duplicate, Self::Reorder]
    }
    fn text(self) -> &'static str {
        self.name()
    }
}

impl Label for Fault {
    fn values() -> &'static [Self] {
        &Self::ALL
    }
    fn text(self) -> &'static str {
        self.name()
    }
}

/// Everything the relay counts.
#[derive(Debug, Default)]
pub struct Counters {
    // Ingest. Each record has exactly one outcome: a kind, a reject code, or one of two gap causes.
    pub accepted: Family<MessageKind>,
    pub accepted_empty: Counter,
    pub accepted_by_age: ByAge<Counter>,
    pub rejects: ByAge<Family<RejectCode>>,
    /// Records refused without a reject code: oversized, or without a value.
    pub unusable: ByAge<Family<GapCause>>,
    pub received: Counter,
    pub gaps: Family<GapCause>,
    pub gap_offsets: Family<GapCause>,
    /// Gaps over batches that cannot be read.
    pub unreadable: ByAge<Counter>,
    pub marks: Counter,
    pub received_bytes: Counter,
    pub newer_schema: Counter,
    pub latency: Histogram<Latencies>,
    pub clock_skew: Counter,
    pub sequence_checked: Counter,
    pub sequence_unchecked: Counter,
    pub sequence_findings: Family<SequenceFinding>,
    pub sequence_old_findings: Family<SequenceFinding>,
    pub sequence_gap_size: Histogram<GapSizes>,
    pub sequence_series: Gauge,
    pub sequence_bytes: Gauge,
    pub sequence_pruned: Counter,
    pub sequence_returned: Gauge,
    pub segments: Counter,
    pub fetches: Counter,
    pub fetch_failures: Counter,
    pub probes: Counter,
    pub client_rebuilds: Counter,
    pub kafka_errors: Family<Text<KafkaError>>,
    pub lag_poll_failures: Counter,
    pub topic_resets: Counter,
    pub checkpoint_writes: Counter,
    pub checkpoint_failures: Counter,
    pub checkpoint_faults: Family<Fault>,
    pub last_record: LastTime,
    pub last_kafka_error: LastTime,
    pub clients: Arc<ClientCounters>,
}

impl Counters {
    /// Records read and accepted.
    pub fn accepted_total(&self) -> u64 {
        self.accepted.sum() + self.accepted_empty.get()
    }

    /// Records read and not accepted, whatever the reason.
    pub fn refused_total(&self) -> u64 {
        Age::ALL.iter().map(|&age| self.refused(age)).sum()
    }

    /// Records of one age that were not accepted.
    pub fn refused(&self, age: Age) -> u64 {
        self.rejects.of(age).sum() + self.unusable.of(age).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oversized_value_is_refused_and_a_trimmed_range_is_not() {
        let counters = Counters::default();
        counters.unusable.of(Age::Old).inc(GapCause::Oversized);
        counters.gaps.inc(GapCause::Retention);
        counters.rejects.of(Age::New).inc(RejectCode::Utf8);
        assert_eq!(counters.refused_total(), 2);
        assert_eq!(counters.refused(Age::New), 1);
    }
}
