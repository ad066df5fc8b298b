//! Where the relay starts to read a real topic, what is old there and what is new, and what becomes of
//! it while the brokers are away.

use std::{path::PathBuf, time::Duration};

use dashstream_e2e::{
    http,
    kafka::Kafka,
    payload,
    place::fresh_dir,
    producer::{Input, Topic, now_ms},
    reconcile::reconcile,
    relay::Relay,
    watcher::{Watcher, integer, outline},
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const BROKEN: &[u8] = b"{\"not\": \"framed\"}";

fn input(value: Vec<u8>, timestamp_ms: i64) -> Input {
    Input {
        key: b"start".to_vec(),
        value: Some(value),
        timestamp_ms,
    }
}

fn good(sequence: u64) -> Vec<u8> {
    payload::event("start", "node", sequence)
}

fn produce(topic: &Topic, partition: u32, values: impl IntoIterator<Item = Vec<u8>>) {
    let inputs: Vec<_> = values
        .into_iter()
        .map(|value| input(value, now_ms()))
        .collect();
    let count = inputs.len();
    assert_eq!(topic.produce_batch(partition, inputs).len(), count);
}

/// All that a client gets which asks for everything.
fn everything(relay: &Relay, partition: u32, position: u64) -> Vec<String> {
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "earliest"}));
    let mut frames = watcher.frames_to(partition, position);
    frames.retain(|(header, _)| header.partition == partition);
    outline(&frames)
}

fn records(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|offset| format!("record {offset}")).collect()
}

/// The offsets of the records that have a letter, with repetitions.
fn letters(topic: &Topic) -> Vec<u64> {
    let read = topic.read(0).into_iter().map(|read| {
        let value = read.record.value.expect("a letter");
        let letter: Value = serde_json::from_slice(&value).expect("JSON");
        letter["source_offset"].as_u64().expect("an offset")
    });
    let mut offsets: Vec<_> = read.collect();
    offsets.sort_unstable();
    offsets
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(fresh_dir(name))
    }

    fn flag(&self) -> String {
        format!("--checkpoint-dir={}", self.0.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A leftover in the temporary folder is no reason to fail a test.
        let _left: std::io::Result<()> = std::fs::remove_dir_all(&self.0);
    }
}

/// OPS-03: a duration back, by the timestamps of the records, asked of a real Kafka.
#[test]
fn a_time_back_starts_at_its_first_record() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("back", 2);
    let hours = [9, 5, 3, 1, 0];
    let inputs = hours.map(|hours| input(good(1), now_ms() - hours * 3_600_000));
    let _produced = topic.produce_batch(0, inputs.to_vec());
    let _produced = topic.produce_batch(1, vec![input(good(1), now_ms() - 9 * 3_600_000)]);
    for (back, first) in [("4h", 2), ("30m", 4), ("7d", 0)] {
        let flags = ["--kafka-auto-offset-reset", back];
        let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &flags) else {
            return;
        };
        assert_eq!(everything(&relay, 0, 5), records(first..5), "{back}");
        let (_, welcome) = Watcher::resume(relay.address(), &json!({"from": "latest"}));
        let quiet = &welcome["partitions"]["1"];
        let wanted = if back == "7d" { 0 } else { 1 };
        assert_eq!(
            integer(&quiet["earliest"]),
            wanted,
            "{back}, no record as young"
        );
    }
}

/// M-1003 (DLQ-06, MET-10): a history full of broken records is old, whatever it holds; the same trouble
/// later is new. Catching up ends also where nothing comes and where nothing ever was.
#[test]
fn broken_history_is_no_news_and_fresh_trouble_is() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("history", 3);
    let letters_topic = kafka.topic("history-letters", 1);
    produce(&topic, 0, (0..300).map(|_| BROKEN.to_vec()));
    produce(&topic, 1, (1..=20).map(good));
    let flags = ["--kafka-dlq-topic", letters_topic.name()];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &flags) else {
        return;
    };
    relay.wait_for("all partitions caught up", PATIENCE, |relay| {
        let metrics = relay.metrics();
        let phases = metrics.sum("websocket_kafka_catchup_phase", &[]);
        metrics.has("websocket_kafka_catchup_phase") && phases == 0.0
    });
    let metrics = reconcile(&mut relay, 320);
    let errors = |metrics: &dashstream_e2e::relay::Metrics, status| {
        metrics.sum("websocket_kafka_messages_total", &[("status", status)])
    };
    assert_eq!(errors(&metrics, "old_data_error"), 300.0);
    assert_eq!(errors(&metrics, "error"), 0.0);
    assert!(letters(&letters_topic).is_empty());
    assert!(relay.get("/health").body.contains("\"status\":\"ok\""));

    produce(&topic, 0, [BROKEN.to_vec(), good(1), BROKEN.to_vec()]);
    relay.wait_for("letters are stored", PATIENCE, |relay| {
        relay.metrics().sum("websocket_dlq_sends_total", &[]) >= 2.0
    });
    let metrics = reconcile(&mut relay, 323);
    assert_eq!(errors(&metrics, "old_data_error"), 300.0);
    assert_eq!(errors(&metrics, "error"), 2.0);
    assert_eq!(letters(&letters_topic), [300, 302]);
}

/// M-1003 (DLQ-06), OPS-02: with a checkpoint, what arrived while the relay was down is new, and what it
/// had dealt with is not dealt with twice, although clients still get all of it.
#[test]
fn what_arrives_while_the_relay_is_down_is_new() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("down", 1);
    let letters_topic = kafka.topic("down-letters", 1);
    let folder = Folder::new("down");
    produce(&topic, 0, (0..10).map(|_| BROKEN.to_vec()));
    let dir = folder.flag();
    let flags = ["--kafka-dlq-topic", letters_topic.name(), dir.as_str()];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &flags) else {
        return;
    };
    produce(&topic, 0, [BROKEN.to_vec(), good(1)]);
    reconcile(&mut relay, 12);
    relay.terminate();
    assert_eq!(relay.wait(Duration::from_secs(30)).code(), Some(0));
    assert_eq!(letters(&letters_topic), [10], "its letter was waited for");

    produce(&topic, 0, [BROKEN.to_vec(), good(2), BROKEN.to_vec()]);
    relay.start_again();
    let metrics = reconcile(&mut relay, 15);
    let refused = |age| metrics.sum("dashstream_relay_refused_total", &[("age", age)]);
    assert_eq!((refused("old"), refused("new")), (11.0, 2.0));
    relay.wait_for("letters are stored", PATIENCE, |relay| {
        relay.metrics().sum("websocket_dlq_sends_total", &[]) >= 2.0
    });
    assert_eq!(letters(&letters_topic), [10, 12, 14]);
    let list = everything(&relay, 0, 15);
    assert_eq!((list.len(), list[11].as_str()), (15, "record 11"));
    let health: Value = serde_json::from_str(&relay.get("/health").body).expect("JSON");
    assert!(
        health["partitions"]["0"]["checkpoint"].is_string(),
        "{health}"
    );
}

/// OPS-03, RES-17: with `latest` the checkpoint is where reading starts; what retention took before that
/// is a gap in its place, and a client with an older cursor is told of what lies before the log.
#[test]
fn a_checkpoint_that_retention_passed_is_a_gap() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("passed", 1);
    let folder = Folder::new("passed");
    let dir = folder.flag();
    let flags = ["--kafka-auto-offset-reset=latest", dir.as_str()];
    produce(&topic, 0, (0..5).map(good));
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &flags) else {
        return;
    };
    produce(&topic, 0, (5..10).map(good));
    assert_eq!(everything(&relay, 0, 10), records(5..10));
    relay.terminate();
    assert_eq!(relay.wait(Duration::from_secs(30)).code(), Some(0));

    produce(&topic, 0, (10..20).map(good));
    relay.start_again();
    assert_eq!(
        everything(&relay, 0, 20),
        records(10..20),
        "from the checkpoint"
    );
    relay.terminate();
    assert_eq!(relay.wait(Duration::from_secs(30)).code(), Some(0));

    produce(&topic, 0, (20..40).map(good));
    topic.delete_before(0, 33);
    relay.start_again();
    let cursor = json!({"from": "cursor", "lastOffsetsByPartition": {"0": "14"}});
    let (mut watcher, _) = Watcher::resume(relay.address(), &cursor);
    let mut wanted = vec![
        "gap 15-19 evicted".to_owned(),
        "gap 20-32 retention".to_owned(),
    ];
    wanted.extend(records(33..40));
    assert_eq!(outline(&watcher.frames_to(0, 40)), wanted);
    let cause = [("cause", "retention")];
    let lost = relay
        .metrics()
        .sum("dashstream_relay_gap_offsets_total", &cause);
    assert_eq!(lost, 13.0);
}

/// OPS-08, BND-08: with all brokers gone the client is rebuilt, readiness follows the probe of the
/// end, and both come back by themselves.
#[test]
fn readiness_follows_the_brokers() {
    let Some(mut kafka) = Kafka::start("probe") else {
        return;
    };
    let topic = kafka.topic("probe", 2);
    let flags = [
        "--kafka-lag-check-interval-secs=1",
        "--kafka-operation-timeout-secs=2",
        "--kafka-backoff-min-ms=50",
        "--kafka-backoff-max-ms=400",
    ];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &flags) else {
        return;
    };
    let ready = |relay: &Relay| http::get(relay.address(), "/ready").map(|answer| answer.status);
    kafka.stop();
    relay.wait_for("not ready", PATIENCE, |relay| {
        ready(relay).is_ok_and(|status| status == 503)
    });
    // A broker that stops in good order gives up its partitions first: until it is gone they have no leader.
    relay.wait_for("the cause is named", PATIENCE, |relay| {
        let body = relay.get("/ready").body;
        body.contains("the connection to its broker fails")
    });
    relay.wait_for("a client rebuilt", PATIENCE, |relay| {
        let metrics = relay.metrics();
        metrics.sum("dashstream_relay_client_rebuilds_total", &[]) >= 1.0
    });
    kafka.start_again();
    relay.wait_ready();
    let topic = Topic::open(kafka.brokers(), topic.name(), 2);
    produce(&topic, 1, (0..10).map(good));
    assert_eq!(everything(&relay, 1, 10), records(0..10));
    reconcile(&mut relay, 10);
}
