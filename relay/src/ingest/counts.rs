//! What is counted of reading: relaxed atomics, written on the way of each record.

use dashstream_counters::{Bounds, Counter, Family, Gauge, Histogram, LastTime, Latencies, labels};
use decode_core::wire::{GapCause, MessageKind, RejectCode};

use crate::{age::Age, kafka::KafkaError};

labels! {
    /// What a sequence number can reveal.
    pub enum SequenceFinding {
        Gap = "gap",
        Duplicate = "duplicate",
        Reorder = "reorder",
    }
}

/// Gap sizes, with the ends that DashFlow uses.
#[derive(Debug)]
pub struct GapSizes;

impl Bounds for GapSizes {
    const BOUNDS: &'static [f64] = &[
        1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 5e3, 1e4,
    ];
}

/// Everything counted of reading. Each record has exactly one outcome: a kind, a reject code, or one of two gap causes.
#[derive(Debug, Default)]
pub struct Counts {
    pub accepted: Family<MessageKind>,
    pub accepted_empty: Counter,
    pub accepted_by_age: Family<Age>,
    pub rejects: Family<Age, Family<RejectCode>>,
    /// Records refused without a reject code: oversized, or without a value.
    pub unusable: Family<Age, Family<GapCause>>,
    pub received: Counter,
    pub gaps: Family<GapCause>,
    pub gap_offsets: Family<GapCause>,
    /// Gaps over batches that cannot be read.
    pub unreadable: Family<Age>,
    pub marks: Counter,
    pub received_bytes: Counter,
    pub newer_schema: Counter,
    pub latency: Histogram<Latencies>,
    pub clock_skew: Counter,
    pub sequences: SequenceCounts,
    pub segments: Counter,
    pub fetches: Counter,
    pub fetch_failures: Counter,
    pub probes: Counter,
    pub client_rebuilds: Counter,
    pub kafka_errors: Family<KafkaError>,
    pub lag_poll_failures: Counter,
    pub topic_resets: Counter,
    /// Logs that lost their end.
    pub truncations: Counter,
    /// Records left out because their transaction was aborted.
    pub aborted: Counter,
    pub last_record: LastTime,
    pub last_kafka_error: LastTime,
}

/// What is counted of sequence numbers.
#[derive(Debug, Default)]
pub struct SequenceCounts {
    pub checked: Counter,
    pub unchecked: Counter,
    pub findings: Family<SequenceFinding>,
    pub old_findings: Family<SequenceFinding>,
    pub gap_size: Histogram<GapSizes>,
    pub series: Gauge,
    pub bytes: Gauge,
    pub pruned: Counter,
    pub returned: Gauge,
}

impl Counts {
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
        let counts = Counts::default();
        counts.unusable.of(Age::Historical).inc(GapCause::Oversized);
        counts.gaps.inc(GapCause::Retention);
        counts.rejects.of(Age::New).inc(RejectCode::Utf8);
        assert_eq!(counts.refused_total(), 2);
        assert_eq!(counts.refused(Age::New), 1);
    }
}
