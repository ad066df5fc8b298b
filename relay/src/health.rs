//! What `/health` and `/ready` say. Both judge by recent time and by real answers of the brokers;
//! a quiet topic is healthy.

mod details;
mod partition;
mod status;

use serde_json::{Value, json};

pub use status::Status;

use crate::{
    checkpoint::Checkpoints,
    ingest::{Phase, TopicState},
    limits,
    shared::Shared,
};
use partition::{said, unserved};

/// A judgement with its reasons and the numbers it rests on.
#[derive(Debug)]
pub struct Health {
    pub status: Status,
    pub reasons: Vec<String>,
    details: Value,
}

/// Collects reasons; the worst decides.
struct Findings {
    status: Status,
    reasons: Vec<String>,
}

impl Findings {
    fn add(&mut self, status: Status, reason: String) {
        self.status = self.status.max(status);
        self.reasons.push(reason);
    }
}

impl Health {
    pub fn of(shared: &Shared) -> Self {
        let now_ms = shared.clock.now_ms();
        let mut found = Findings {
            status: Status::Ok,
            reasons: Vec::new(),
        };
        of_topic(shared, &mut found);
        for (partition, state) in shared.ingest.partitions() {
            let trouble = partition::trouble(&state, now_ms, stale_after_ms(shared));
            if let Some((status, reason)) = trouble {
                found.add(status, format!("partition {partition}: {reason}"));
            }
        }
        of_parts(shared, &mut found);
        let recent = shared.window.recent(&shared.counts, now_ms);
        if recent.has_too_many_refused() {
            let reason = format!(
                "{} of {} records in the last {} s were rejected",
                recent.refused,
                recent.accepted + recent.refused,
                recent.span_ms / 1000
            );
            found.add(Status::Degraded, reason);
        }
        Self {
            status: found.status,
            reasons: found.reasons,
            details: details::of(shared, now_ms, recent),
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

fn of_topic(shared: &Shared, found: &mut Findings) {
    let is_served = shared.hub.is_settled();
    let waits = if is_served {
        Status::Degraded
    } else {
        Status::Starting
    };
    let topic = shared.ingest.topic();
    if topic == TopicState::Absent {
        let topic = &shared.config.kafka.topic;
        found.add(waits, format!("the topic {topic} {ABSENT}"));
    }
    match shared.ingest.trouble() {
        Some(trouble) => found.add(waits, format!("the topic: {}", said(&trouble))),
        None if topic == TopicState::Connecting => {
            found.add(Status::Starting, UNANSWERED.to_owned());
        }
        None => {}
    }
}

const ABSENT: &str = "does not exist";
const UNANSWERED: &str = "no broker has answered yet";

fn of_parts(shared: &Shared, found: &mut Findings) {
    for task in shared.tasks.ended() {
        let reason = format!("{task}: this task ended unexpectedly; restart the relay");
        found.add(Status::Degraded, reason);
    }
    for partition in shared.counts.dlq.waiting() {
        let reason = format!("partition {partition}: waits until its dead letter is stored");
        found.add(Status::Degraded, reason);
    }
    if let Some(trouble) = shared.auth.file_trouble() {
        found.add(Status::Degraded, trouble);
    }
    let checkpoints = shared.checkpoints.as_ref();
    for (partition, trouble) in checkpoints.map_or_else(Vec::new, Checkpoints::troubles) {
        let reason = format!("partition {partition}: {}", trouble.reason());
        found.add(Status::Degraded, reason);
    }
}

fn stale_after_ms(shared: &Shared) -> u64 {
    let interval = shared.config.kafka.lag_check_interval.as_millis();
    u64::try_from(interval)
        .unwrap_or(u64::MAX)
        .saturating_mul(limits::PROBE_INTERVALS_MAX)
}

/// What stands between the relay and serving clients; empty when it is ready. A partition that cannot be read makes
/// the relay degraded; only where none can be read, there is nothing to serve.
pub(crate) fn missing_for_readiness(shared: &Shared) -> Vec<String> {
    let now_ms = shared.clock.now_ms();
    let mut missing = Vec::new();
    if shared.hub.is_closing() {
        missing.push("the relay is shutting down".to_owned());
    }
    for task in shared.tasks.ended() {
        missing.push(format!("{task}: this task ended unexpectedly"));
    }
    match shared.ingest.topic() {
        TopicState::Connecting => {
            let trouble = shared.ingest.trouble();
            let said = |trouble| said(&trouble);
            missing.push(trouble.map_or_else(|| UNANSWERED.to_owned(), said));
        }
        TopicState::Absent => missing.push(format!("the topic {ABSENT}")),
        TopicState::Present => {}
    }
    if !shared.hub.is_settled() {
        missing.push("partitions have no position yet; clients are not let in".to_owned());
    }
    let partitions = shared.ingest.partitions().into_iter();
    let partitions = partitions.filter(|(_, state)| state.phase() != Phase::Gone);
    let (mut count, mut reasons) = (0, Vec::new());
    for (partition, state) in partitions {
        count += 1;
        if let Some(reason) = unserved(&state, now_ms, stale_after_ms(shared)) {
            reasons.push(format!("partition {partition}: {reason}"));
        }
    }
    if reasons.len() == count {
        missing.extend(reasons);
    }
    missing
}
