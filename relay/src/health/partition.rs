//! What ails one partition, in words that are for everybody: no broker is named.

use dashstream_counters::LastTime;

use super::status::Status;
use crate::{
    ingest::{PartitionStatus, Phase, Trouble},
    kafka::KafkaError,
};

/// A partition that is starting or in trouble, and why. Reads wait for as long as a call to Kafka may
/// take, and where letters are waited for, so the probe of its end says first that a broker is silent.
pub(super) fn trouble(
    state: &PartitionStatus,
    now_ms: u64,
    stale_after_ms: u64,
) -> Option<(Status, String)> {
    let degraded = |reason: &str| Some((Status::Degraded, reason.to_owned()));
    if let Some(pause) = state.paused() {
        return degraded(&format!(
            "paused at offset {} until it is released: {}",
            pause.offset, pause.reason
        ));
    }
    if let Some(reason) = lasting(state) {
        return degraded(&reason);
    }
    if let Some(hidden) = state.hidden()
        && now_ms.saturating_sub(hidden.since_ms) > stale_after_ms
    {
        return degraded(&format!(
            "an open transaction hides the records from offset {} on: its producer has to end it, or Kafka does \
             after the transaction's timeout",
            hidden.offset
        ));
    }
    match state.phase() {
        Phase::Paused => degraded("paused at a record until it is released"),
        Phase::Reset => {
            degraded("the topic was recreated; reading starts again from its beginning")
        }
        Phase::Starting => Some((Status::Starting, "determining its start offset".to_owned())),
        Phase::Retrying if is_stale(&state.last_answer, now_ms, stale_after_ms) => {
            let trouble = state.trouble();
            let reason = trouble.map_or_else(|| NO_ANSWER.to_owned(), |trouble| said(&trouble));
            degraded(&reason)
        }
        Phase::Reading | Phase::Retrying if is_stale(&state.last_probe, now_ms, stale_after_ms) => {
            degraded(&unprobed(state))
        }
        Phase::Reading | Phase::Retrying | Phase::Gone => None,
    }
}

/// Why nothing can be read of a partition.
pub(super) fn unserved(
    state: &PartitionStatus,
    now_ms: u64,
    stale_after_ms: u64,
) -> Option<String> {
    let stale = is_stale(&state.last_probe, now_ms, stale_after_ms);
    lasting(state).or_else(|| stale.then(|| unprobed(state)))
}

/// Why no probe is answered: what reading fails of, where it does.
fn unprobed(state: &PartitionStatus) -> String {
    let trouble = state.trouble();
    trouble.map_or_else(|| NO_PROBE.to_owned(), |trouble| said(&trouble))
}

/// A failure that does not pass by itself, from its first moment on.
fn lasting(state: &PartitionStatus) -> Option<String> {
    let trouble = state.trouble()?;
    (!trouble.kind.may_pass()).then(|| said(&trouble))
}

/// What a failure means. Which permission is missing is in its text, which names no broker.
pub(super) fn said(trouble: &Trouble) -> String {
    if trouble.kind == KafkaError::NotAuthorized {
        return trouble.text.clone();
    }
    cause(trouble.kind).to_owned()
}

const NO_PROBE: &str = "no answer to the request for its end offset";
const NO_ANSWER: &str = "its broker does not answer";

/// What a kind of failure means to an operator.
pub(super) const fn cause(kind: KafkaError) -> &'static str {
    match kind {
        KafkaError::DnsFailure => "the name of a broker cannot be resolved",
        KafkaError::ConnectionTimeout => NO_ANSWER,
        KafkaError::BrokerDown => "the connection to its broker fails",
        KafkaError::TlsFailure => "TLS to a broker fails: check certificates and names",
        KafkaError::AuthenticationFailed => "a broker refuses the login",
        KafkaError::NotAuthorized => {
            "the login lacks a permission: READ and DESCRIBE on the topic are needed"
        }
        KafkaError::NoLeader => "it has no leader",
        KafkaError::DecodeError => "an answer of its broker cannot be decoded",
        KafkaError::Unknown => "calls to its broker fail; the log has the reason",
    }
}

fn is_stale(last: &LastTime, now_ms: u64, stale_after_ms: u64) -> bool {
    last.age_ms(now_ms).is_none_or(|age| age > stale_after_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ingest::Pause, kafka::Failure};

    // holds MET-07: a partition without traffic is in no trouble while its broker answers.
    #[test]
    fn quiet_is_not_broken() {
        let state = PartitionStatus::default();
        assert!(matches!(
            trouble(&state, 0, 10),
            Some((Status::Starting, _))
        ));
        for phase in [Phase::Reading, Phase::Retrying] {
            state.set_phase(phase);
            state.last_answer.set(1_000_000);
            state.last_probe.set(1_000_000);
            assert_eq!(trouble(&state, 1_000_005, 10), None);
            assert!(matches!(
                trouble(&state, 1_000_011, 10),
                Some((Status::Degraded, _))
            ));
        }
    }

    /// MET-06, MET-07: a broker that hangs is noticed when its probe is overdue, though the read that waits for
    /// it has not failed; a read that waits for something else is no broker in trouble.
    #[test]
    fn a_hung_broker_is_noticed_by_the_probe() {
        let state = PartitionStatus::default();
        state.set_phase(Phase::Reading);
        state.last_answer.set(100);
        state.last_probe.set(50);
        assert_eq!(trouble(&state, 60, 10), None);
        let overdue = Some((Status::Degraded, NO_PROBE.to_owned()));
        assert_eq!(trouble(&state, 61, 10), overdue);
        state.last_probe.set(1_000);
        assert_eq!(trouble(&state, 1_005, 10), None);
    }

    /// X15: where probes are not answered either, the cause that reading knows is said, at both places.
    #[test]
    fn a_known_cause_is_said_for_probes_too() {
        let state = PartitionStatus::default();
        state.set_phase(Phase::Retrying);
        state.last_answer.set(100);
        state.last_probe.set(50);
        state.fail(&Failure::Other {
            kind: KafkaError::TlsFailure,
            text: "expired".to_owned(),
        });
        let cause = cause(KafkaError::TlsFailure).to_owned();
        let degraded = Some((Status::Degraded, cause.clone()));
        assert_eq!(trouble(&state, 105, 10), degraded);
        assert_eq!(unserved(&state, 105, 10), Some(cause));
    }

    /// X5: an open transaction is named once it has hidden records for longer than probes take to notice a broker.
    #[test]
    fn an_open_transaction_is_named() {
        let state = PartitionStatus::default();
        state.set_phase(Phase::Reading);
        state.last_probe.set(1_000);
        state.see_ends(20, 12, 1_000);
        assert_eq!(
            trouble(&state, 1_010, 10),
            None,
            "every transaction hides some for a moment"
        );
        state.see_ends(25, 12, 1_009);
        state.last_probe.set(1_011);
        let (status, reason) = trouble(&state, 1_011, 10).expect("for longer");
        assert_eq!(status, Status::Degraded);
        assert!(
            reason.contains("open transaction") && reason.contains("offset 12"),
            "{reason}"
        );
        state.see_ends(26, 21, 1_012);
        assert_eq!(trouble(&state, 1_020, 10), None, "another one");
        state.see_ends(26, 26, 1_030);
        assert_eq!((state.hidden(), state.lag()), (None, None));
    }

    /// DLQ-02: the reason names offset and cause, also while the broker is looked for.
    #[test]
    fn a_pause_is_told_with_offset_and_reason() {
        let state = PartitionStatus::default();
        state.pause(Pause {
            offset: 4711,
            code: "protobuf",
            reason: "the record cannot be used: protobuf".to_owned(),
        });
        for phase in [Phase::Paused, Phase::Retrying] {
            state.set_phase(phase);
            let trouble = trouble(&state, 5, 10);
            let (status, reason) = trouble.expect("it is paused");
            assert_eq!(status, Status::Degraded);
            assert!(
                reason.contains("offset 4711") && reason.contains("protobuf"),
                "{reason}"
            );
        }
    }

    /// X15, X21: what does not pass by itself is named at once, and nothing is served of such a partition though its
    /// broker answers probes; what may pass is not news before an answer is overdue.
    #[test]
    fn the_known_cause_is_said() {
        let state = PartitionStatus::default();
        state.set_phase(Phase::Retrying);
        state.last_answer.set(100);
        state.last_probe.set(100);
        let fail = |kind| {
            let is_denied = kind == KafkaError::NotAuthorized;
            let said = if is_denied {
                cause(kind)
            } else {
                "a.broker.example: refused"
            };
            let text = said.to_owned();
            state.fail(&Failure::Other { kind, text });
        };
        for &kind in KafkaError::ALL {
            fail(kind);
            let expected = (Status::Degraded, cause(kind).to_owned());
            let now = trouble(&state, 105, 10);
            let late = trouble(&state, 111, 10);
            assert_eq!(late, Some(expected.clone()), "{kind:?}");
            assert_eq!(now, (!kind.may_pass()).then_some(expected), "{kind:?}");
            assert_eq!(
                unserved(&state, 105, 10).is_some(),
                !kind.may_pass(),
                "{kind:?}"
            );
            assert!(!cause(kind).contains("example"));
        }
        state.succeed();
        assert_eq!(trouble(&state, 105, 10), None);
        assert_eq!(unserved(&state, 105, 10), None);
    }
}
