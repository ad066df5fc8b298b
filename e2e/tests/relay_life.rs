//! The relay's own life: its end, its memory's end, a broker that goes away, a topic that comes late.

use std::time::Duration;

use dashstream_e2e::{
    http,
    java::JavaClient,
    kafka::{Kafka, unique},
    payload,
    producer::{Input, Topic, now_ms},
    reconcile::reconcile,
    relay::Relay,
    watcher::{Heard, Watcher, integer, outline},
};
use serde_json::json;

fn batch(from: u64, count: u64, value_len: usize) -> Vec<Input> {
    let inputs = (from..from + count).map(|n| Input {
        key: b"life".to_vec(),
        value: Some(payload::event_of_len("life", n, value_len)),
        timestamp_ms: now_ms(),
    });
    inputs.collect()
}

#[test]
fn ready_means_that_clients_are_let_in() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("ready", 8);
    for _ in 0..3 {
        let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
            return;
        };
        Watcher::try_connect(relay.address())
            .expect("/ready said so")
            .leave();
    }
}

#[test]
fn sigterm_says_goodbye_and_exits_0() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("term", 2);
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let connect = || Watcher::resume(relay.address(), &json!({"from": "earliest"})).0;
    let mut watchers = [connect(), connect(), connect()];
    for watcher in &mut watchers {
        watcher.control("replay_complete");
    }
    relay.terminate();
    for watcher in &mut watchers {
        let going = watcher.control("going_away");
        assert!(
            going["retryAfterMs"].is_u64() || going["retryAfterMs"].is_string(),
            "{going}"
        );
        let end = loop {
            match watcher.hear() {
                Heard::Closed(code) => break code,
                Heard::Control(_) | Heard::Frame(..) => {}
            }
        };
        assert_eq!(end, Some(1001));
    }
    let status = relay.wait(Duration::from_secs(15));
    assert_eq!(status.code(), Some(0));
}

/// MET-23
#[test]
fn a_cursor_older_than_memory_gets_the_exact_gap() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("evicted", 1);
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &["--log-bytes-max", "16M"])
    else {
        return;
    };
    for n in 0..50 {
        let produced = topic.produce_batch(0, batch(n, 1, 700_000));
        assert_eq!(produced[0].offset, n);
    }
    relay.wait_for("the whole topic read", Duration::from_secs(30), |relay| {
        let (_, welcome) = Watcher::resume(relay.address(), &json!({"from": "latest"}));
        let span = &welcome["partitions"]["0"];
        let received = relay
            .metrics()
            .sum("dashstream_messages_received_total", &[]);
        received == 50.0 && integer(&span["head"]) == 50 && integer(&span["earliest"]) > 0
    });

    let cursor = json!({"from": "cursor", "lastOffsetsByPartition": {"0": "3"}});
    let (mut watcher, welcome) = Watcher::resume(relay.address(), &cursor);
    let oldest = integer(&welcome["partitions"]["0"]["earliest"]);
    assert!(
        (20..50).contains(&oldest),
        "16 MiB hold some of 50 x 700 kB: {oldest}"
    );
    let stale = watcher.control("cursor_stale");
    assert_eq!(stale["partition"], json!(0));
    assert_eq!(
        (integer(&stale["requested"]), integer(&stale["oldest"])),
        (4, oldest)
    );
    let mut wanted = vec![format!("gap 4-{} evicted", oldest - 1)];
    wanted.extend((oldest..50).map(|offset| format!("record {offset}")));
    assert_eq!(outline(&watcher.frames_to(0, 50)), wanted);

    let metrics = relay.metrics();
    let of = |name: &str| metrics.sum(name, &[("partition", "0")]);
    let held = (50 - oldest) as f64;
    assert_eq!(of("dashstream_relay_log_frames"), held);
    assert!(of("dashstream_relay_log_bytes") >= held * 700_000.0);
    assert_eq!(of("dashstream_relay_log_earliest_offset"), oldest as f64);
    assert!((0.0..120.0).contains(&of("dashstream_relay_log_oldest_age_seconds")));
    assert_eq!(
        of("dashstream_relay_log_evicted_frames_total"),
        oldest as f64
    );
}

/// MET-09
#[test]
fn a_broker_that_comes_back_costs_nothing() {
    let Some(mut kafka) = Kafka::start("outage") else {
        return;
    };
    let topic = kafka.topic("outage", 1);
    let quick = ["--kafka-lag-check-interval-secs", "1"];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &quick) else {
        return;
    };
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "earliest"}));
    let first = topic.produce_batch(0, batch(0, 500, 300));
    assert_eq!(watcher.frames_to(0, 500).len(), first.len());

    kafka.stop();
    // Long enough for the relay to notice and to be in its backoff.
    std::thread::sleep(Duration::from_secs(3));
    relay.wait_for("failing probes counted", Duration::from_secs(60), |relay| {
        let failures = "websocket_kafka_lag_poll_failures_total";
        relay.metrics().sum(failures, &[]) > 0.0
    });
    assert!(
        relay.metrics().has("websocket_kafka_consumer_lag"),
        "what was last known stays"
    );
    kafka.start_again();
    let topic = Topic::open(kafka.brokers(), topic.name(), 1);
    let second = topic.produce_batch(0, batch(500, 500, 300));
    assert_eq!(second.last().map(|one| one.offset), Some(999));
    let frames = watcher.frames_to(0, 1000);
    let wanted: Vec<String> = (500..1000)
        .map(|offset| format!("record {offset}"))
        .collect();
    assert_eq!(
        outline(&frames),
        wanted,
        "on the connection that was there before"
    );
    relay.wait_ready();
    reconcile(&mut relay, 1000);
}

/// OPS-06, MET-08
#[test]
fn a_topic_that_comes_late_is_served_to_whoever_waits() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("late");
    let Some(mut relay) = Relay::launch(kafka.brokers(), &name, &[]) else {
        return;
    };
    // Absence must be seen as such, not as "not looked yet".
    std::thread::sleep(Duration::from_secs(1));
    let ready = http::get(relay.address(), "/ready").expect("an answer");
    assert_eq!(ready.status, 503, "{}", ready.body);
    assert!(
        relay.log().contains(&name),
        "the log names the topic that is absent"
    );

    let age = |relay: &Relay| {
        let metrics = relay.metrics();
        metrics.sum("websocket_last_kafka_message_age_seconds", &[])
    };
    assert_eq!(age(&relay), -1.0, "never");

    let topic = Topic::create(kafka.brokers(), &name, 2);
    relay.wait_ready();
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "earliest"}));
    let produced = topic.produce_batch(1, batch(0, 10, 300));
    assert_eq!(watcher.frames_to(1, 10).len(), produced.len());
    assert!((0.0..60.0).contains(&age(&relay)));
}

#[test]
fn a_partition_that_is_added_reaches_clients_that_are_connected() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let topic = kafka.topic("grow", 1);
    let quick = ["--kafka-metadata-interval-secs", "1"];
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &quick) else {
        return;
    };
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "latest"}));
    watcher.control("replay_complete");
    java.grow_topic(topic.name(), 3);
    let grown = Topic::open(kafka.brokers(), topic.name(), 3);
    // Records written before the relay knows of the partition count too.
    let produced = grown.produce_batch(2, batch(0, 20, 300));
    while watcher.position(2).is_none() {
        watcher.control("partitions");
    }
    assert_eq!(watcher.frames_to(2, 20).len(), produced.len());
}
