//! A log that loses its end under a relay, as after an election that let a replica win which did not have it.

use std::{fs, time::Duration};

use dashstream_e2e::{
    kafka::Kafka,
    payload,
    producer::{Input, Topic, now_ms},
    relay::Relay,
    watcher::{Watcher, outline},
};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

fn produce(topic: &Topic, numbers: std::ops::Range<u64>) {
    for n in numbers {
        let value = if n % 5 == 2 {
            b"\x02not a frame byte".to_vec()
        } else {
            payload::event("cut", "node", n)
        };
        let input = Input {
            key: b"cut".to_vec(),
            value: Some(value),
            timestamp_ms: now_ms(),
        };
        assert_eq!(topic.produce_batch(0, vec![input]).len(), 1);
    }
}

/// X7: the relay goes on at the new end, reads nothing a second time and writes no letter twice; the client that was
/// there is told what is gone.
#[test]
fn a_truncated_log_goes_on_at_its_new_end() {
    let Some(mut kafka) = Kafka::start("truncation") else {
        return;
    };
    let topic = kafka.topic("truncation", 1);
    let letters = kafka.topic("truncation-letters", 1);
    let (name, letters_name) = (topic.name().to_owned(), letters.name().to_owned());
    let options = [
        "--kafka-lag-check-interval-secs=1",
        "--kafka-operation-timeout-secs=5",
        "--kafka-backoff-max-ms=500",
        "--kafka-dlq-topic",
        &letters_name,
    ];
    let Some(mut relay) = Relay::start(kafka.brokers(), &name, &options) else {
        return;
    };
    let mut early = Watcher::resume(relay.address(), &json!({"from": "earliest"})).0;
    let dir = kafka.partition_dir(&name, 0);
    produce(&topic, 0..6);
    let kept = || {
        fs::metadata(dir.join("00000000000000000000.log"))
            .expect("a log")
            .len()
    };
    let len = kept();
    produce(&topic, 6..10);
    assert_eq!(early.frames_to(0, 10).len(), 10);
    relay.wait_for("the letters", PATIENCE, |_| letters.end(0) == 2);
    let received = relay
        .metrics()
        .sum("dashstream_messages_received_total", &[]);

    kafka.stop();
    kafka.cut_log(&name, 0, |_| len);
    kafka.start_again();
    let topic = Topic::open(kafka.brokers(), &name, 1);
    assert_eq!(topic.end(0), 6, "the broker took what was left");
    let reset = early.control("topic_reset");
    assert_eq!(
        (&reset["requested"], &reset["position"]),
        (&json!("10"), &json!("6"))
    );
    produce(&topic, 10..13);
    assert_eq!(
        outline(&early.frames_to(0, 9)),
        ["record 6", "record 7", "reject 8 bad_frame"]
    );

    let metrics = relay.metrics();
    let count = |name: &str| metrics.sum(name, &[]);
    assert_eq!(
        count("dashstream_messages_received_total") - received,
        3.0,
        "no old ones"
    );
    assert_eq!(count("dashstream_relay_truncations_total"), 1.0);
    assert_eq!(count("dashstream_relay_topic_resets_total"), 0.0);
    let cause = [("cause", "truncated")];
    assert_eq!(
        metrics.sum("dashstream_relay_gap_offsets_total", &cause),
        4.0
    );
    relay.wait_for("the new letter", PATIENCE, |_| {
        Topic::open(kafka.brokers(), &letters_name, 1).end(0) == 3
    });
}
