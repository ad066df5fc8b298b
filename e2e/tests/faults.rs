//! Trouble in the records and in the topic, on a real Kafka. Each test ends with sums that agree.

use std::time::Duration;

use dashstream_e2e::{
    http,
    java::JavaClient,
    kafka::{Kafka, unique},
    payload,
    producer::{Input, Topic, now_ms},
    reconcile::reconcile,
    relay::Relay,
    watcher::{Watcher, outline},
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

fn input(thread: &str, value: Option<Vec<u8>>) -> Input {
    Input {
        key: thread.into(),
        value,
        timestamp_ms: now_ms(),
    }
}

fn events(thread: &str, numbers: std::ops::Range<u64>) -> Vec<Input> {
    numbers
        .map(|n| input(thread, Some(payload::event(thread, "node", n + 1))))
        .collect()
}

/// One record in a hundred is noise: each becomes a reject in its place, and the others are untouched.
///
/// DEC-10, DEC-11
#[test]
fn one_percent_of_garbage_costs_one_percent() {
    const RECORDS: u64 = 20_000;
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("garbage", 2);
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "earliest"}));
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut bad = 0;
    for partition in 0..2 {
        let thread = format!("garbage-{partition}");
        let inputs: Vec<Input> = events(&thread, 0..RECORDS / 2)
            .into_iter()
            .enumerate()
            .map(|(at, good)| {
                if at % 100 != 57 {
                    return good;
                }
                bad += 1;
                input(&thread, Some(noise.bytes()))
            })
            .collect();
        for batch in inputs.chunks(500) {
            let _produced = topic.produce_batch(partition, batch.to_vec());
        }
    }
    let mut rejects = 0;
    for partition in 0..2 {
        let frames = watcher.frames_to(partition, RECORDS / 2);
        rejects += outline(&frames)
            .iter()
            .filter(|line| line.starts_with("reject"))
            .count();
    }
    let metrics = reconcile(&mut relay, RECORDS);
    let refused = metrics.sum("dashstream_relay_refused_total", &[]);
    assert_eq!((bad, refused), (RECORDS / 100, (RECORDS / 100) as f64));
    assert_eq!(rejects as u64, bad);
    assert_eq!(
        metrics.sum("dashstream_sequence_gaps_total", &[]),
        bad as f64,
        "the sequence number that was in each piece of noise is missed"
    );
}

/// What no relay here would serve is named, and what follows it comes.
///
/// DLQ-07
#[test]
fn records_of_20_mb_are_named_and_passed() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let name = unique("large");
    java.create_topic(&name, 1, &["max.message.bytes=30000000"]);
    let topic = Topic::open(kafka.brokers(), &name, 1);
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "earliest"}));
    for round in 0..3 {
        let _small = topic.produce_batch(0, events("large", round..round + 1));
        let large = payload::event_of_len("huge", round + 1, 20_000_000);
        let _large = topic.produce_batch(0, vec![input("huge", Some(large))]);
    }
    let _last = topic.produce_batch(0, events("large", 3..4));
    let lines = outline(&watcher.frames_to(0, 7));
    let wanted = [
        "record 0",
        "gap 1-1 oversized",
        "record 2",
        "gap 3-3 oversized",
        "record 4",
        "gap 5-5 oversized",
        "record 6",
    ];
    assert_eq!(lines, wanted);
    let metrics = reconcile(&mut relay, 7);
    assert_eq!(
        metrics.sum("dashstream_relay_gaps_total", &[("cause", "oversized")]),
        3.0
    );
}

/// OPS-02
#[test]
fn partitions_that_are_added_are_read_from_their_first_record() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let topic = kafka.topic("added", 1);
    let quick = ["--kafka-metadata-interval-secs", "1"];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &quick) else {
        return;
    };
    let _first = topic.produce_batch(0, events("added-0", 0..100));
    java.grow_topic(topic.name(), 4);
    let grown = Topic::open(kafka.brokers(), topic.name(), 4);
    for partition in 1..4 {
        let thread = format!("added-{partition}");
        let _more = grown.produce_batch(partition, events(&thread, 0..100));
        let noise = vec![input(&thread, Some(vec![0xff, 1, 2, 3]))];
        let _bad = grown.produce_batch(partition, noise);
    }
    let metrics = reconcile(&mut relay, 403);
    // Whatever such a partition holds came while the relay ran: it is new.
    assert_eq!(
        metrics.sum("dashstream_relay_refused_total", &[("age", "new")]),
        3.0
    );
}

/// A gap in the numbers of a producer stops its partition at the record behind it, if that was asked for,
/// and no other one; released, the partition goes on with that record, and nothing is lost.
///
/// DLQ-02, OPS-02
#[test]
fn a_sequence_gap_halts_its_partition_until_it_is_released() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("halted", 2);
    let halt = ["--sequence-policy=halt"];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &halt) else {
        return;
    };
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "earliest"}));
    let mut inputs = events("halted", 0..2);
    // Three and four are missing.
    inputs.extend(events("halted", 4..7));
    let _produced = topic.produce_batch(0, inputs);
    let _other = topic.produce_batch(1, events("goes on", 0..10));
    relay.wait_for("it is halted", PATIENCE, |relay| {
        relay.metrics().sum("dashstream_relay_paused", &[]) == 1.0
    });
    let before = [watcher.frames_to(1, 10), watcher.frames_to(0, 2)].concat();
    assert_eq!(before.len(), 12);
    let health: Value = serde_json::from_str(&relay.get("/health").body).expect("JSON");
    assert_eq!(health["status"], "degraded");
    let paused = &health["partitions"]["0"]["paused"];
    assert_eq!(paused["offset"], "2", "{health}");
    assert!(health["partitions"]["1"]["paused"].is_null(), "{health}");

    let path = "/admin/partitions/0/release?offset=2";
    let answer = http::post(relay.address(), path, "X-DashStream-Admin: release\r\n");
    assert_eq!(answer.expect("an answer").status, 200);
    let rest = outline(&watcher.frames_to(0, 5));
    assert_eq!(rest, ["record 2", "record 3", "record 4"]);
    let metrics = reconcile(&mut relay, 15);
    assert_eq!(metrics.sum("dashstream_sequence_gaps_total", &[]), 1.0);
    assert_eq!(metrics.sum("dashstream_relay_paused", &[]), 0.0);
}

/// A dead letter topic that is not there costs letters, each counted, and no record.
///
/// DLQ-05
#[test]
fn a_dead_letter_topic_that_is_missing_costs_no_record() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("letterless", 1);
    let absent = unique("absent-letters");
    let dlq = ["--kafka-dlq-topic", &absent, "--dlq-send-timeout-secs", "1"];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &dlq) else {
        return;
    };
    let mut inputs = events("letterless", 0..200);
    inputs.extend((0..5).map(|n| input("letterless", Some(vec![0xee, n]))));
    inputs.extend(events("letterless", 200..300));
    let count = inputs.len() as u64;
    let _produced = topic.produce_batch(0, inputs);
    reconcile(&mut relay, count);
    relay.wait_for("lost letters counted", PATIENCE, |relay| {
        relay
            .metrics()
            .sum("websocket_dlq_send_failures_total", &[])
            == 5.0
    });
    assert_eq!(relay.metrics().sum("websocket_dlq_sends_total", &[]), 0.0);
}

/// xorshift64*: the same noise in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Up to 2 KB whose first byte is no frame byte, so that none of it can be taken for a payload.
    fn bytes(&mut self) -> Vec<u8> {
        let length = self.next() % 2_000 + 1;
        let mut bytes: Vec<u8> = (0..length).map(|_| self.next() as u8).collect();
        bytes[0] |= 0x80;
        bytes
    }
}
