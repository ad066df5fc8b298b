//! What a consumer can verify in simulated runs: differences replay to the hashes, checkpoints
//! hold the state, headers are whole, and the same seed gives the same bytes.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "a test looks at the cases it is about"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use dashstream_proto::v1::attribute_value::Value as Attribute;
use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::diff_operation::OpType;
use dashstream_proto::v1::{Checkpoint, CompressionType, DashStreamMessage, EventType, StateDiff};
use dashstream_simulator::{Bad, Pace, Scenario, SimConfig, SimRecord, Simulation, partition_of};
use prost::Message as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{header, messages, played, unframed};

fn patched(mut state: Value, diff: &StateDiff) -> Result<Value, String> {
    if !diff.full_state.is_empty() {
        return serde_json::from_slice(&diff.full_state).map_err(|e| e.to_string());
    }
    let operations = diff.operations.iter().map(|operation| {
        let name = match operation.op() {
            OpType::Add => "add",
            OpType::Remove => "remove",
            OpType::Replace => "replace",
            other => panic!("never produced: {other:?}"),
        };
        let mut object = json!({"op": name, "path": operation.path});
        if operation.op() != OpType::Remove {
            object["value"] = serde_json::from_slice(&operation.value).expect("JSON value");
        }
        object
    });
    let patch: json_patch::Patch = serde_json::from_value(operations.collect()).expect("a patch");
    json_patch::patch(&mut state, &patch).map_err(|e| e.to_string())?;
    Ok(state)
}

fn checkpoint_state(checkpoint: &Checkpoint) -> Vec<u8> {
    let Some(info) = &checkpoint.compression_info else {
        return checkpoint.state.clone();
    };
    assert_eq!(info.r#type(), CompressionType::CompressionZstd);
    assert_eq!(info.compressed_size, checkpoint.state.len() as u64);
    let state = zstd::stream::decode_all(checkpoint.state.as_slice()).expect("a bare zstd frame");
    assert_eq!(info.uncompressed_size, state.len() as u64);
    assert!(state.len() >= 512);
    state
}

/// How a consumer fares that replays a thread.
#[derive(Debug, Default, PartialEq)]
struct Replay {
    verified: usize,
    broken: usize,
    checkpoints: usize,
    /// Differences that name a checkpoint which never arrived.
    unknown_base: usize,
}

fn replay(messages: &[Message]) -> Replay {
    let mut out = Replay::default();
    let mut state = None;
    let mut known = BTreeSet::from([Vec::new()]);
    let events = messages.iter().flat_map(|message| match message {
        Message::EventBatch(batch) => batch.events.iter().cloned().map(Message::Event).collect(),
        other => vec![other.clone()],
    });
    for message in events {
        match message {
            Message::Event(event) if event.event_type() == EventType::GraphStart => {
                let initial = event.attributes.get("initial_state_json");
                state = initial.and_then(|value| match &value.value {
                    Some(Attribute::StringValue(text)) => serde_json::from_str(text).ok(),
                    _ => None,
                });
            }
            Message::StateDiff(diff) => {
                out.unknown_base += usize::from(!known.contains(&diff.base_checkpoint_id));
                let next = state.clone().and_then(|state| patched(state, &diff).ok());
                let holds = next.as_ref().is_some_and(|next| {
                    Sha256::digest(next.to_string().as_bytes()).as_slice() == diff.state_hash
                });
                out.verified += usize::from(holds);
                out.broken += usize::from(!holds);
                state = next.or(state);
            }
            Message::Checkpoint(checkpoint) => {
                let bytes = checkpoint_state(&checkpoint);
                assert_eq!(Sha256::digest(&bytes).as_slice(), checkpoint.checksum);
                assert_eq!(checkpoint.checkpoint_id.len(), 16);
                known.insert(checkpoint.checkpoint_id);
                state = Some(serde_json::from_slice(&bytes).expect("JSON state"));
                out.checkpoints += 1;
            }
            _ => {}
        }
    }
    out
}

#[test]
fn differences_replay_to_their_hashes() {
    let lossy = [Scenario::Drop, Scenario::Oversize, Scenario::RedactUrl];
    for scenario in Scenario::ALL
        .iter()
        .filter(|scenario| !lossy.contains(scenario))
    {
        let records = played(*scenario, 11);
        let threads: BTreeSet<_> = records.iter().map(|r| r.thread.clone()).collect();
        for thread in threads {
            let own: Vec<_> = records
                .iter()
                .filter(|r| r.thread == thread)
                .cloned()
                .collect();
            let replay = replay(&messages(&own));
            let differences = own.iter().filter(|r| r.kind == "state_diff").count();
            assert_eq!(replay.verified, differences, "{thread}: {replay:?}");
            assert_eq!((replay.broken, replay.unknown_base), (0, 0), "{thread}");
        }
    }
}

#[test]
fn losses_show_and_checkpoints_repair_them() {
    let dropped = replay(&messages(&played(Scenario::Drop, 1)));
    assert!(
        dropped.broken > 0 && dropped.unknown_base > 0 && dropped.checkpoints > 2,
        "{dropped:?}"
    );
    let refused = replay(&messages(&played(Scenario::Oversize, 1)));
    assert_eq!(
        (refused.verified, refused.broken, refused.checkpoints),
        (3, 1, 1)
    );
    let cut = replay(&messages(&played(Scenario::RedactUrl, 1)));
    assert_eq!(
        (cut.verified, cut.broken),
        (0, 3),
        "the initial state is no JSON"
    );
}

#[test]
fn secrets_never_leave() {
    for scenario in [Scenario::Redact, Scenario::RedactUrl] {
        let bodies = messages(&played(scenario, 4))
            .into_iter()
            .flat_map(|message| {
                let message = Some(message);
                DashStreamMessage { message }.encode_to_vec()
            });
        let text = String::from_utf8_lossy(&bodies.collect::<Vec<_>>()).into_owned();
        assert!(!text.contains("\"sk-") && !text.contains("service:"));
        assert!(text.contains("[CREDENTIALS]"));
    }
}

#[test]
fn every_message_is_whole_and_unique() {
    let mut ids = BTreeSet::new();
    for record in simulated(5, 4_000) {
        let Some(value) = record.value.filter(|_| record.scenario != "bad") else {
            continue;
        };
        let (frame, message) = unframed(&value);
        let own = header(&message);
        assert_eq!(own.thread_id.as_bytes(), record.key);
        assert_eq!(own.schema_version, 1);
        assert_eq!(
            own.compression,
            i32::from(frame),
            "the header mirrors the frame"
        );
        assert!(own.timestamp_us > 0 && own.timestamp_us.unsigned_abs() <= record.due_us);
        assert_eq!(own.message_id.len(), 16);
        assert!(ids.insert(own.message_id.clone()));
        let unsequenced = matches!(message, Message::EventBatch(_) | Message::ExecutionTrace(_));
        assert_eq!(own.sequence == 0, unsequenced);
        assert_eq!(record.timestamp_ms.unsigned_abs(), record.due_us / 1000);
    }
}

fn simulated(seed: u64, count: usize) -> Vec<SimRecord> {
    let config = SimConfig {
        seed,
        bad_share: 0.02,
        ..SimConfig::default()
    };
    Simulation::new(config).take(count).collect()
}

#[test]
fn the_seed_decides_every_byte() {
    let first = simulated(9, 3_000);
    assert_eq!(first, simulated(9, 3_000));
    assert_ne!(first, simulated(10, 3_000));
    assert!(first.is_sorted_by_key(|record| record.due_us));
}

#[test]
fn a_long_simulation_has_everything() {
    let records = simulated(2, 40_000);
    let kinds: BTreeMap<&str, usize> =
        records.iter().fold(BTreeMap::new(), |mut counts, record| {
            *counts.entry(record.kind).or_default() += 1;
            counts
        });
    let bad = Bad::ALL.map(Bad::name);
    let all = [
        "event",
        "state_diff",
        "token_chunk",
        "tool_execution",
        "checkpoint",
        "metrics",
        "error",
        "event_batch",
        "execution_trace",
    ];
    for kind in all.iter().chain(&bad) {
        assert!(kinds.contains_key(kind), "no {kind} in {kinds:?}");
    }
    let scenarios: BTreeSet<_> = records.iter().map(|r| r.scenario).collect();
    for scenario in Scenario::ALL {
        assert!(
            scenarios.contains(scenario.name()),
            "no {}",
            scenario.name()
        );
        assert_eq!(Scenario::from_name(scenario.name()), Some(*scenario));
    }
    let share = bad.iter().filter_map(|kind| kinds.get(kind)).sum::<usize>();
    assert!(
        (500..1_200).contains(&share),
        "{share} of 40000 with a share of 0.02"
    );
}

#[test]
fn the_rate_is_kept() {
    let config = SimConfig {
        pace: Pace::RecordsPerSecond(500.0),
        ..SimConfig::default()
    };
    let start_us = config.start_us;
    let records: Vec<_> = Simulation::new(config).take(20_000).collect();
    let seconds = (records[19_999].due_us - start_us) / 1_000_000;
    assert!(
        (36..48).contains(&seconds),
        "20000 records at 500/s took {seconds} s"
    );
}

#[test]
fn partitions_are_those_of_librdkafka() {
    // Seen in a real cluster of four partitions.
    let cases = [
        ("cap-linear", 2),
        ("cap-parallel", 3),
        ("cap-fail", 1),
        ("поток/α 1", 0),
    ];
    for (thread, partition) in cases {
        assert_eq!(partition_of(thread.as_bytes(), 4), partition, "{thread}");
    }
}
