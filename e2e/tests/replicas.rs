//! Several relays on one topic: each reads all of it, and a client may come back to any of them.

use std::net::{Ipv6Addr, TcpListener};

use dashstream_e2e::{
    kafka::Kafka,
    payload,
    producer::{Input, Topic, now_ms},
    reconcile::reconcile,
    relay::Relay,
    requirement::skip,
    watcher::{Watcher, outline},
};
use serde_json::{Map, Value, json};

const PARTITIONS: u32 = 3;
const EACH: u64 = 400;

fn produce(topic: &Topic, from: u64) {
    for partition in 0..PARTITIONS {
        let thread = format!("replicas-{partition}");
        let inputs = (from..from + EACH).map(|n| Input {
            key: thread.clone().into_bytes(),
            value: Some(payload::event(&thread, "node", n + 1)),
            timestamp_ms: now_ms(),
        });
        let _produced = topic.produce_batch(partition, inputs.collect());
    }
}

/// OPS-01
#[test]
fn a_client_goes_on_at_another_relay_where_it_left_the_first() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("replicas", PARTITIONS);
    let start = || Relay::start(kafka.brokers(), topic.name(), &[]);
    let (Some(mut first), Some(mut second)) = (start(), start()) else {
        return;
    };
    produce(&topic, 0);

    let (mut watcher, welcome) = Watcher::resume(first.address(), &json!({"from": "earliest"}));
    let namespace = welcome["namespace"].clone();
    let mut lines = outline(&watcher.frames_to(1, EACH / 2));
    let positions: Map<String, Value> = (0..PARTITIONS)
        .map(|partition| {
            let position = watcher.position(partition).expect("named by resumed");
            (partition.to_string(), json!(position.to_string()))
        })
        .collect();
    watcher.leave();

    produce(&topic, EACH);
    let resume = json!({
        "from": "cursor",
        "namespace": namespace,
        "positions": positions,
    });
    let (mut watcher, welcome) = Watcher::resume(second.address(), &resume);
    assert_eq!(welcome["namespace"], namespace, "one topic, one namespace");
    for partition in 0..PARTITIONS {
        lines.extend(outline(&watcher.frames_to(partition, 2 * EACH)));
    }
    // The watcher has checked the order and that nothing is left out after the first frame.
    let wanted = PARTITIONS as usize * 2 * EACH as usize;
    assert_eq!(lines.len(), wanted, "each record once, from {resume} on");
    assert!(lines.iter().all(|line| line.starts_with("record")));

    let all = u64::from(PARTITIONS) * 2 * EACH;
    reconcile(&mut first, all);
    reconcile(&mut second, all);
}

/// OPS-07
#[test]
fn the_relay_serves_ipv6_as_it_serves_ipv4() {
    let Some(kafka) = Kafka::shared() else { return };
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        skip("this machine has no IPv6");
        return;
    }
    let topic = kafka.topic("ipv6", 1);
    let Some(relay) = Relay::start_on(
        Ipv6Addr::LOCALHOST.into(),
        kafka.brokers(),
        topic.name(),
        &[],
    ) else {
        return;
    };
    assert!(relay.address().is_ipv6());
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "earliest"}));
    produce_one(&topic);
    assert_eq!(outline(&watcher.frames_to(0, 1)), ["record 0"]);
}

fn produce_one(topic: &Topic) {
    let one = Input {
        key: b"ipv6".to_vec(),
        value: Some(payload::event("ipv6", "node", 1)),
        timestamp_ms: now_ms(),
    };
    let _produced = topic.produce_batch(0, vec![one]);
}
