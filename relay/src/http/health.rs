//! What `/health` and `/ready` say. Both judge by recent time and by real answers of the brokers;
//! a quiet topic is healthy.

use std::collections::{BTreeMap, VecDeque};

use dashstream_counters::LastTime;
use decode_core::wire::CloseCode;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    checkpoint::Checkpoints,
    ingest::{PartitionStatus, Phase, TopicState},
    limits,
    metrics::{Age, Counters},
    relay::Shared,
};

/// How the relay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    Starting,
    Degraded,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Starting => "starting",
            Self::Degraded => "degraded",
        }
    }
}

/// A judgement with its reasons and the numbers it rests on.
#[derive(Debug)]
pub struct Health {
    pub status: Status,
    pub reasons: Vec<String>,
    details: Value,
}

impl Health {
    pub fn of(shared: &Shared) -> Self {
        let now_ms = shared.clock.now_ms();
        let mut status = Status::Ok;
        let mut reasons = Vec::new();
        match shared.ingest.topic() {
            TopicState::Connecting => {
                status = Status::Starting;
                reasons.push("no broker has answered yet".to_owned());
            }
            TopicState::Absent => {
                let served = shared.hub.is_settled();
                status = if served {
                    Status::Degraded
                } else {
                    Status::Starting
                };
                reasons.push(format!(
                    "the topic {} does not exist",
                    shared.config.kafka.topic
                ));
            }
            TopicState::Present => {}
        }
        for (partition, state) in shared.ingest.partitions() {
            match partition_trouble(&state, now_ms, stale_after_ms(shared)) {
                Some((Status::Degraded, reason)) => {
                    status = Status::Degraded;
                    reasons.push(format!("partition {partition}: {reason}"));
                }
                Some((_, reason)) => {
                    status = if status == Status::Ok {
                        Status::Starting
                    } else {
                        status
                    };
                    reasons.push(format!("partition {partition}: {reason}"));
                }
                None => {}
            }
        }
        for partition in shared.dlq_counts.waiting() {
            status = Status::Degraded;
            reasons.push(format!(
                "partition {partition}: waits until its dead letter is stored"
            ));
        }
        let checkpoints = shared.checkpoints.as_ref();
        for (partition, trouble) in checkpoints.map_or_else(Vec::new, Checkpoints::troubles) {
            status = Status::Degraded;
            reasons.push(format!("partition {partition}: {}", trouble.reason()));
        }
        let recent = shared.window.recent(&shared.counters, now_ms);
        if recent.has_too_many_refused() {
            status = Status::Degraded;
            reasons.push(format!(
                "{} of {} records in the last {} s were refused",
                recent.refused,
                recent.accepted + recent.refused,
                recent.span_ms / 1000
            ));
        }
        Self {
            status,
            reasons,
            details: details(shared, now_ms, recent),
        }
    }

    pub fn to_json(&self) -> Value {
        let mut value = self.details.clone();
        if let Value::Object(object) = &mut value {
            object.insert("status".into(), self.status.name().into());
            object.insert("reasons".into(), json!(self.reasons));
        }
        value
    }
}

/// A partition that is starting or in trouble, and why. Reads wait for as long as a call to Kafka may
/// take, and where letters are waited for, so the probe of its end says first that a broker is silent.
fn partition_trouble(
    state: &PartitionStatus,
    now_ms: u64,
    stale_after_ms: u64,
) -> Option<(Status, String)> {
    let degraded = |reason: String| Some((Status::Degraded, reason));
    if let Some(pause) = state.paused() {
        return degraded(format!(
            "paused at offset {} until it is released: {}",
            pause.offset, pause.reason
        ));
    }
    match state.phase() {
        Phase::Paused => degraded("paused at a record until it is released".to_owned()),
        Phase::Reset => degraded("the topic was made anew; begins again".to_owned()),
        Phase::Starting => Some((Status::Starting, "looking for its start".to_owned())),
        Phase::Retrying if is_stale(&state.last_answer, now_ms, stale_after_ms) => {
            degraded("its broker does not answer".to_owned())
        }
        Phase::Reading | Phase::Probing | Phase::Retrying
            if is_stale(&state.last_probe, now_ms, stale_after_ms) =>
        {
            degraded(NO_PROBE.to_owned())
        }
        Phase::Reading | Phase::Probing | Phase::Retrying | Phase::Gone => None,
    }
}

const NO_PROBE: &str = "no answer to the probe of its end";

fn is_stale(last: &LastTime, now_ms: u64, stale_after_ms: u64) -> bool {
    last.age_ms(now_ms).is_none_or(|age| age > stale_after_ms)
}

fn stale_after_ms(shared: &Shared) -> u64 {
    let interval = shared.config.kafka.lag_check_interval.as_millis();
    u64::try_from(interval)
        .unwrap_or(u64::MAX)
        .saturating_mul(limits::PROBE_INTERVALS_MAX)
}

/// What stands between the relay and serving clients; empty when it is ready.
pub(super) fn missing_for_readiness(shared: &Shared) -> Vec<String> {
    let now_ms = shared.clock.now_ms();
    let mut missing = Vec::new();
    if shared.hub.is_closing() {
        missing.push("the relay is shutting down".to_owned());
    }
    match shared.ingest.topic() {
        TopicState::Connecting => missing.push("no broker has answered yet".to_owned()),
        TopicState::Absent => missing.push("the topic does not exist".to_owned()),
        TopicState::Present => {}
    }
    if !shared.hub.is_settled() {
        missing.push("partitions have no position yet; clients are not let in".to_owned());
    }
    for (partition, state) in shared.ingest.partitions() {
        if state.phase() == Phase::Gone {
            continue;
        }
        if is_stale(&state.last_probe, now_ms, stale_after_ms(shared)) {
            missing.push(format!("partition {partition}: {NO_PROBE}"));
        }
    }
    missing
}

fn details(shared: &Shared, now_ms: u64, recent: Recent) -> Value {
    let log = shared.hub.partitions();
    let checkpoints: BTreeMap<_, _> = match &shared.checkpoints {
        Some(checkpoints) => checkpoints.stored().into_iter().collect(),
        None => BTreeMap::new(),
    };
    let partitions: serde_json::Map<String, Value> = shared
        .ingest
        .partitions()
        .into_iter()
        .map(|(partition, state)| {
            let held = log.iter().find(|held| held.partition == partition);
            let value = json!({
                "phase": state.phase().name(),
                "paused": state.paused().map(|pause| json!({
                    "offset": pause.offset.to_string(),
                    "reason": pause.reason,
                })),
                "catchingUp": state.is_catching_up(),
                "position": text(state.position()),
                "end": text(state.end()),
                "lag": text(state.lag()),
                "checkpoint": text(checkpoints.get(&partition).copied()),
                "lastRecordAgoMs": state.last_record.age_ms(now_ms),
                "lastAnswerAgoMs": state.last_answer.age_ms(now_ms),
                "lastProbeAgoMs": state.last_probe.age_ms(now_ms),
                "earliest": text(held.map(|held| held.held_from)),
                "head": text(held.map(|held| held.end)),
                "logBytes": held.map(|held| held.bytes),
                "logFrames": held.map(|held| held.frames),
            });
            (partition.to_string(), value)
        })
        .collect();
    let counters = &shared.counters;
    json!({
        "topic": {
            "name": shared.config.kafka.topic.as_str(),
            "state": match shared.ingest.topic() {
                TopicState::Connecting => "connecting",
                TopicState::Absent => "absent",
                TopicState::Present => "present",
            },
        },
        "partitions": partitions,
        "clients": counters.clients.connected.get(),
        "uptimeMs": now_ms,
        "lastRecordAgoMs": counters.last_record.age_ms(now_ms),
        "lastKafkaErrorAgoMs": counters.last_kafka_error.age_ms(now_ms),
        "window": {
            "spanMs": recent.span_ms,
            "accepted": recent.accepted,
            "refused": recent.refused,
            "kafkaErrors": recent.kafka_errors,
            "sendFailures": recent.send_failures,
            "sendTimeouts": recent.send_timeouts,
        },
    })
}

/// 64-bit numbers leave the relay as text, as everywhere in its protocol.
fn text(value: Option<u64>) -> Option<String> {
    value.map(|value| value.to_string())
}

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
    fn now(counters: &Counters, now_ms: u64) -> Self {
        Self {
            at_ms: now_ms,
            accepted: counters.accepted_by_age.of(Age::New).get(),
            refused: counters.refused(Age::New),
            kafka_errors: counters.kafka_errors.sum(),
            send_failures: counters.clients.send_failures.get(),
            send_timeouts: counters.clients.closes.get(CloseCode::SendStalled),
        }
    }
}

/// What happened between the oldest sample still in the window and now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recent {
    span_ms: u64,
    accepted: u64,
    refused: u64,
    kafka_errors: u64,
    send_failures: u64,
    send_timeouts: u64,
}

impl Recent {
    fn has_too_many_refused(self) -> bool {
        let all = self.accepted + self.refused;
        all >= limits::HEALTH_SAMPLE_MIN
            && self.refused * 100 > all * limits::HEALTH_REFUSED_PERCENT_MAX
    }
}

impl Window {
    /// Called at intervals; keeps one sample from before the window and all within it.
    pub fn sample(&self, counters: &Counters, now_ms: u64) {
        let mut samples = self.samples.lock();
        samples.push_back(Sample::now(counters, now_ms));
        let begin = now_ms.saturating_sub(limits::HEALTH_WINDOW_MS);
        while samples.get(1).is_some_and(|second| second.at_ms <= begin) {
            samples.pop_front();
        }
    }

    fn recent(&self, counters: &Counters, now_ms: u64) -> Recent {
        let first = self.samples.lock().front().copied().unwrap_or_default();
        let last = Sample::now(counters, now_ms);
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
    use decode_core::wire::RejectCode;

    use super::*;
    use crate::{ingest::Pause, metrics::KafkaError};

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
        let (window, counters) = (Window::default(), Counters::default());
        let step = limits::HEALTH_WINDOW_MS / 4;
        window.sample(&counters, 0);
        let rejects = counters.rejects.of(Age::New);
        rejects.add(RejectCode::Protobuf, 200);
        counters.kafka_errors.add(KafkaError::BrokerDown, 3);
        counters.clients.send_failures.add(4);
        counters.clients.closes.add(CloseCode::SendStalled, 5);
        let all = Recent {
            span_ms: step,
            accepted: 0,
            refused: 200,
            kafka_errors: 3,
            send_failures: 4,
            send_timeouts: 5,
        };
        assert_eq!(window.recent(&counters, step), all);
        assert!(all.has_too_many_refused());
        for at in 1..=5 {
            window.sample(&counters, at * step);
        }
        let recent = window.recent(&counters, 5 * step);
        let nothing = Recent {
            span_ms: limits::HEALTH_WINDOW_MS,
            ..Recent::default()
        };
        assert_eq!(recent, nothing);
        assert!(!recent.has_too_many_refused());
        assert_eq!(
            (
                counters.refused_total(),
                counters.clients.send_failures.get()
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

    // holds MET-07: a partition without traffic is in no trouble while its broker answers.
    #[test]
    fn quiet_is_not_broken() {
        let state = PartitionStatus::default();
        assert!(matches!(
            partition_trouble(&state, 0, 10),
            Some((Status::Starting, _))
        ));
        for phase in [Phase::Reading, Phase::Probing, Phase::Retrying] {
            state.set_phase(phase);
            state.last_answer.set(1_000_000);
            state.last_probe.set(1_000_000);
            assert_eq!(partition_trouble(&state, 1_000_005, 10), None);
            assert!(matches!(
                partition_trouble(&state, 1_000_011, 10),
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
        assert_eq!(partition_trouble(&state, 60, 10), None);
        let trouble = Some((Status::Degraded, NO_PROBE.to_owned()));
        assert_eq!(partition_trouble(&state, 61, 10), trouble);
        state.last_probe.set(1_000);
        assert_eq!(partition_trouble(&state, 1_005, 10), None);
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
            let trouble = partition_trouble(&state, 5, 10);
            let (status, reason) = trouble.expect("it is paused");
            assert_eq!(status, Status::Degraded);
            assert!(
                reason.contains("offset 4711") && reason.contains("protobuf"),
                "{reason}"
            );
        }
    }
}
