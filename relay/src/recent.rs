//! Recent time, by samples of the counters: what happened longer ago says nothing about how the relay is.

use std::collections::VecDeque;

use decode_core::wire::CloseCode;
use parking_lot::Mutex;

use crate::{age::Age, counts::Counts, limits};

/// Samples of the counters, so that health can look at recent time only.
#[derive(Debug, Default)]
pub struct Window {
    samples: Mutex<VecDeque<Sample>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    at_ms: u64,
    accepted: u64,
    refused: u64,
    kafka_errors: u64,
    send_failures: u64,
    send_timeouts: u64,
}

impl Sample {
    fn now(counts: &Counts, now_ms: u64) -> Self {
        Self {
            at_ms: now_ms,
            accepted: counts.ingest.accepted_by_age.of(Age::New).get(),
            refused: counts.ingest.refused(Age::New),
            kafka_errors: counts.ingest.kafka_errors.sum(),
            send_failures: counts.clients.send_failures.get(),
            send_timeouts: counts.clients.closes.get(CloseCode::SendStalled),
        }
    }
}

/// What happened between the oldest sample still in the window and now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    pub span_ms: u64,
    pub accepted: u64,
    pub refused: u64,
    pub kafka_errors: u64,
    pub send_failures: u64,
    pub send_timeouts: u64,
}

impl Recent {
    pub(crate) fn has_too_many_refused(self) -> bool {
        let all = self.accepted + self.refused;
        all >= limits::HEALTH_SAMPLE_MIN
            && self.refused * 100 > all * limits::HEALTH_REFUSED_PERCENT_MAX
    }
}

impl Window {
    /// Called at intervals; keeps one sample from before the window and all within it.
    pub fn sample(&self, counts: &Counts, now_ms: u64) {
        let mut samples = self.samples.lock();
        samples.push_back(Sample::now(counts, now_ms));
        let begin = now_ms.saturating_sub(limits::HEALTH_WINDOW_MS);
        while samples.get(1).is_some_and(|second| second.at_ms <= begin) {
            samples.pop_front();
        }
    }

    pub(crate) fn recent(&self, counts: &Counts, now_ms: u64) -> Recent {
        let first = self.samples.lock().front().copied().unwrap_or_default();
        let last = Sample::now(counts, now_ms);
        Recent {
            span_ms: last.at_ms.saturating_sub(first.at_ms),
            accepted: last.accepted.saturating_sub(first.accepted),
            refused: last.refused.saturating_sub(first.refused),
            kafka_errors: last.kafka_errors.saturating_sub(first.kafka_errors),
            send_failures: last.send_failures.saturating_sub(first.send_failures),
            send_timeouts: last.send_timeouts.saturating_sub(first.send_timeouts),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use decode_core::wire::RejectCode;

    use super::*;
    use crate::kafka::KafkaError;

    fn counts() -> Counts {
        Counts::new(Arc::default())
    }

    fn recent(accepted: u64, refused: u64) -> Recent {
        Recent {
            span_ms: 1,
            accepted,
            refused,
            ..Recent::default()
        }
    }

    /// MET-04, MET-13: what happened longer ago than the window is in no judgement and no number of
    /// it, and is in the totals still.
    #[test]
    fn the_window_forgets_what_the_totals_keep() {
        let (window, counts) = (Window::default(), counts());
        let step = limits::HEALTH_WINDOW_MS / 4;
        window.sample(&counts, 0);
        let rejects = counts.ingest.rejects.of(Age::New);
        rejects.add(RejectCode::Protobuf, 200);
        counts.ingest.kafka_errors.add(KafkaError::BrokerDown, 3);
        counts.clients.send_failures.add(4);
        counts.clients.closes.add(CloseCode::SendStalled, 5);
        let all = Recent {
            span_ms: step,
            accepted: 0,
            refused: 200,
            kafka_errors: 3,
            send_failures: 4,
            send_timeouts: 5,
        };
        assert_eq!(window.recent(&counts, step), all);
        assert!(all.has_too_many_refused());
        for at in 1..=5 {
            window.sample(&counts, at * step);
        }
        let recent = window.recent(&counts, 5 * step);
        let nothing = Recent {
            span_ms: limits::HEALTH_WINDOW_MS,
            ..Recent::default()
        };
        assert_eq!(recent, nothing);
        assert!(!recent.has_too_many_refused());
        assert_eq!(
            (
                counts.ingest.refused_total(),
                counts.clients.send_failures.get()
            ),
            (200, 4)
        );
    }

    // holds MET-05: a share needs a sample to be judged by.
    #[test]
    fn few_records_are_no_sample() {
        assert!(!recent(0, 99).has_too_many_refused());
        assert!(recent(0, 100).has_too_many_refused());
        assert!(!recent(99, 1).has_too_many_refused());
        assert!(recent(98, 2).has_too_many_refused());
    }
}
