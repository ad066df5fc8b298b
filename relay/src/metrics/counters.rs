//! What the relay counts besides its clients. Names follow the metrics in [`super::table`].

use std::sync::Arc;

use dashstream_counters::{Counter, Family, Gauge, Histogram, LastTime, Latencies, labels};
use dashstream_serve::ClientCounters;
use decode_core::wire::{GapCause, MessageKind, RejectCode};

use super::histogram::GapSizes;
use crate::checkpoint::Fault;

labels! {
    /// Kinds of failed calls to Kafka, as DashFlow's server names them.
    pub enum KafkaError {
        DnsFailure = "dns_failure",
        ConnectionTimeout = "connection_timeout",
        BrokerDown = "broker_down",
        DecodeError = "decode_error",
        Unknown = "unknown",
    }
}

labels! {
    /// Whether a record was there before the relay's time. Old trouble is no news: it is counted apart
    /// and raises no alarm.
    pub enum Age {
        New = "new",
        Old = "old",
    }
}

impl Age {
    /// That of an offset in a partition whose old records end at `boundary`.
    pub const fn of(offset: u64, boundary: u64) -> Self {
        if offset < boundary {
            Self::Old
        } else {
            Self::New
        }
    }
}

labels! {
    /// What a sequence number can reveal.
    pub enum SequenceFinding {
        Gap = "gap",
        Duplicate = "duplicate",
        Reorder = "reorder",
    }
}

/// Everything the relay counts.
#[derive(Debug, Default)]
pub struct Counters {
    // Ingest. Each record has exactly one outcome: a kind, a reject code, or one of two gap causes.
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
    pub kafka_errors: Family<KafkaError>,
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
