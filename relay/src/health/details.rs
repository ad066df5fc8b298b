//! The numbers that the judgement rests on.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{ingest::TopicState, recent::Recent, shared::Shared};

pub(super) fn of(shared: &Shared, now_ms: u64, recent: Recent) -> Value {
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
                "openTransaction": state.hidden().map(|hidden| hidden.offset.to_string()),
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
    let counts = &shared.counts;
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
        "clients": counts.clients.connected.get(),
        "uptimeMs": now_ms,
        "lastRecordAgoMs": counts.ingest.last_record.age_ms(now_ms),
        "lastKafkaErrorAgoMs": counts.ingest.last_kafka_error.age_ms(now_ms),
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
