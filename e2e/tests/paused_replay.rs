//! A replay that meets a paused partition, on a real Kafka.

use std::time::Duration;

use dashstream_e2e::{
    cli::Cli,
    http,
    kafka::Kafka,
    payload,
    producer::{Input, now_ms},
    relay::Relay,
    watcher::{Watcher, integer, outline},
};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

fn input(value: Option<Vec<u8>>) -> Input {
    Input {
        key: b"paused".to_vec(),
        value,
        timestamp_ms: now_ms(),
    }
}

fn good(sequence: u64) -> Vec<u8> {
    payload::event("paused", "node", sequence)
}

fn from_earliest(relay: &Relay) -> Watcher {
    Watcher::resume(relay.address(), &json!({"from": "earliest"})).0
}

/// RES-27, DLQ-02: a partition that is paused at a record keeps no replay open. Kafka holds more, so the
/// end of the replay names it; what lies behind comes on the same connection when it is released.
#[test]
fn a_paused_partition_is_named_at_the_end_of_a_replay() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("traps-paused", 1);
    let options = [
        "--kafka-on-decode-error=pause",
        "--kafka-lag-check-interval-secs=1",
    ];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &options) else {
        return;
    };
    let bad = Some(b"\x07no frame".to_vec());
    let values = [Some(good(1)), Some(good(2)), bad, Some(good(3))];
    let produced = topic.produce_batch(0, values.map(input).to_vec());
    assert_eq!(produced.len(), 4);
    relay.wait_for("it is paused", PATIENCE, |relay| {
        relay.metrics().sum("dashstream_relay_paused", &[]) == 1.0
    });
    relay.wait_for("Kafka's end is known", PATIENCE, |relay| {
        let (mut probe, welcome) = Watcher::resume(relay.address(), &json!({"from": "latest"}));
        probe.control("resumed");
        integer(&welcome["partitions"]["0"]["head"]) == 4
    });
    let mut client = from_earliest(&relay);
    assert_eq!(integer(&client.control("resumed")["heads"]["0"]), 4);
    let complete = client.control("replay_complete");
    assert_eq!(complete["blocked"], json!([0]));
    assert_eq!(complete["totalReplayed"], "2");
    assert_eq!(complete["lastOffsetsByPartition"]["0"], "1");
    let url = relay.ws_url();
    let Some(tool) = Cli::start(
        "tail",
        &["tail", &url, "--until-complete", "--timeout", "30"],
    ) else {
        return;
    };
    let finished = tool.wait(PATIENCE);
    // What the relay holds back was not received.
    assert_eq!(finished.status.code(), Some(3), "{}", finished.errors);
    assert!(finished.errors.contains("paused: "), "{}", finished.errors);

    let path = "/admin/partitions/0/release?offset=2";
    let answer = http::post(relay.address(), path, "X-DashStream-Admin: release\r\n");
    assert_eq!(answer.expect("an answer").status, 200);
    let rest = outline(&client.frames_to(0, 4));
    assert_eq!(rest, ["reject 2 bad_frame", "record 3"]);
    assert_eq!(
        from_earliest(&relay).control("replay_complete")["blocked"],
        json!([])
    );
}
