//! What a real Kafka topic can hold besides good records, through the real relay, as a client sees it:
//! never a stall, never a record twice, and nothing missing without its name.

use std::{process::Command, time::Duration};

use dashstream_e2e::{
    child::until,
    java::JavaClient,
    kafka::{Kafka, unique},
    payload,
    producer::{Input, Topic, now_ms},
    reconcile::reconcile,
    relay::{Metrics, Relay},
    requirement::{Tool, need},
    watcher::{Watcher, integer, outline},
};
use decode_core::wire::{FrameKind, PAYLOAD_BYTES_MAX, REJECT_PREFIX_BYTES_MAX};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

fn input(value: Option<Vec<u8>>) -> Input {
    Input {
        key: b"trap".to_vec(),
        value,
        timestamp_ms: now_ms(),
    }
}

fn good(sequence: u64) -> Vec<u8> {
    payload::event("trap", "node", sequence)
}

fn produce(topic: &Topic, values: Vec<Option<Vec<u8>>>) {
    let count = values.len();
    let inputs = values.into_iter().map(input).collect();
    assert_eq!(topic.produce_batch(0, inputs).len(), count);
}

/// The marker of a transaction's end is written after the client was told that it ended.
fn wait_marker(topic: &Topic, end: u64) {
    until("the transaction's marker", PATIENCE, || {
        (topic.end(0) == end).then_some(())
    });
}

fn from_earliest(relay: &Relay) -> Watcher {
    Watcher::resume(relay.address(), &json!({"from": "earliest"})).0
}

/// What a client that comes new gets up to the position, and that a client which was there before is
/// told the same.
fn told(relay: &Relay, before: Option<&mut Watcher>, position: u64) -> Vec<String> {
    let mut watcher = from_earliest(relay);
    let list = outline(&watcher.frames_to(0, position));
    if let Some(before) = before {
        assert_eq!(
            outline(&before.frames_to(0, position)),
            list,
            "the client that was there"
        );
    }
    list
}

#[test]
fn commit_markers_at_the_end_do_not_stall() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let topic = kafka.topic("commit", 1);
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let mut early = from_earliest(&relay);
    for round in 0..2 {
        java.begin();
        for n in 0..3 {
            java.add(
                (topic.name(), 0),
                Some(b"k"),
                Some(&good(round * 3 + n)),
                &[],
            );
        }
        java.flush();
        java.commit();
        // 0 1 2 commit 4 5 6 commit
        wait_marker(&topic, 4 * (round + 1));
    }
    let wanted: Vec<String> = [0, 1, 2, 4, 5, 6]
        .iter()
        .map(|offset| format!("record {offset}"))
        .collect();
    assert_eq!(told(&relay, Some(&mut early), 8), wanted);

    // A client that starts at the end gets what follows at once.
    let (mut late, _) = Watcher::resume(relay.address(), &json!({"from": "latest"}));
    late.control("replay_complete");
    produce(&topic, vec![Some(good(9))]);
    assert_eq!(outline(&late.frames_to(0, 9)), ["record 8"]);
    assert_eq!(outline(&early.frames_to(0, 9)), ["record 8"]);
}

#[test]
fn the_replay_of_a_topic_that_ends_in_a_marker_is_complete() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let topic = kafka.topic("complete", 1);
    java.begin();
    java.add((topic.name(), 0), None, Some(&good(1)), &[]);
    java.flush();
    java.commit();
    wait_marker(&topic, 2);
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let mut watcher = from_earliest(&relay);
    let complete = watcher.control("replay_complete");
    assert_eq!(complete["lastOffsetsByPartition"], json!({"0": "1"}));
    assert_eq!(watcher.position(0), Some(2));
}

/// X6: what a transaction wrote that was aborted did not happen: neither it nor the marker is shown or counted as
/// lost, live and in a replay.
#[test]
fn records_of_aborted_transactions_are_left_out() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let topic = kafka.topic("abort", 1);
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let mut early = from_earliest(&relay);
    java.begin();
    java.add((topic.name(), 0), None, Some(&good(1)), &[]);
    java.add((topic.name(), 0), None, Some(&good(2)), &[]);
    java.flush();
    java.abort();
    wait_marker(&topic, 3);
    produce(&topic, vec![Some(good(3))]);
    assert_eq!(told(&relay, Some(&mut early), 4), ["record 3"]);
    let metrics = relay.metrics();
    let counted = |name| metrics.sum(name, &[]);
    assert_eq!(counted("dashstream_relay_aborted_records_total"), 2.0);
    assert_eq!(counted("dashstream_relay_gaps_total"), 0.0);
}

/// X6: a transaction every ten records costs a catch-up no more than a fetch for some of them.
#[test]
fn a_catch_up_over_many_markers_takes_few_fetches() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let topic = kafka.topic("markers", 1);
    let transactions = 100;
    for transaction in 0..transactions {
        java.begin();
        for n in 0..10 {
            java.add(
                (topic.name(), 0),
                None,
                Some(&good(1 + transaction * 10 + n)),
                &[],
            );
        }
        java.flush();
        java.commit();
    }
    let end = transactions * 11;
    wait_marker(&topic, end);
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    assert_eq!(told(&relay, None, end - 1).len() as u64, transactions * 10);
    let metrics = relay.metrics();
    let fetches = metrics.sum("dashstream_relay_fetches_total", &[]);
    assert!(fetches < 20.0, "{fetches} fetches for 1,000 records");
}

/// X5: a transaction that stays open is named by `/health`, the lag counts what it hides, and no client is told that it
/// has caught up with Kafka.
#[test]
fn an_open_transaction_is_named() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let topic = kafka.topic("open", 1);
    produce(&topic, vec![Some(good(1))]);
    java.begin();
    java.add((topic.name(), 0), None, Some(&good(2)), &[]);
    assert_eq!(java.flush(), [1]);
    let quick = ["--kafka-lag-check-interval-secs=1"];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &quick) else {
        return;
    };
    relay.wait_for("the transaction in /health", PATIENCE, |relay| {
        let health = relay.get("/health").body;
        health.contains("open transaction hides the records from offset 1")
    });
    assert_eq!(
        relay.metrics().sum("websocket_kafka_consumer_lag", &[]),
        1.0
    );
    assert!(
        relay
            .metrics()
            .sum("dashstream_relay_open_transaction_seconds", &[])
            > 1.0
    );
    let mut watcher = from_earliest(&relay);
    assert_eq!(outline(&watcher.frames_to(0, 1)), ["record 0"]);
    java.commit();
    let complete = watcher.control("replay_complete");
    let last = &complete["lastOffsetsByPartition"];
    assert_eq!(
        last,
        &json!({"0": "1"}),
        "not before what was hidden had come"
    );
    relay.wait_for("health", PATIENCE, |relay| {
        relay.get("/health").status == 200
    });
    assert!(!relay.get("/health").body.contains("open transaction"));
}

/// X14: what clients see as a record's time is what Kafka says it is.
#[test]
fn the_time_of_a_record_is_the_brokers_where_the_topic_says_so() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let name = unique("append-time");
    java.create_topic(&name, 1, &["message.timestamp.type=LogAppendTime"]);
    let topic = Topic::open(kafka.brokers(), &name, 1);
    let before = now_ms();
    let old = Input {
        timestamp_ms: 1_577_836_800_000,
        ..input(Some(good(1)))
    };
    assert_eq!(topic.produce_batch(0, vec![old]).len(), 1);
    let Some(relay) = Relay::start(kafka.brokers(), &name, &[]) else {
        return;
    };
    let frames = from_earliest(&relay).frames_to(0, 1);
    let time = frames[0].0.timestamp_ms;
    assert!((before..=now_ms()).contains(&time), "{time}");
}

/// X24: an impossible time in a batch is unknown, and costs none of the records beside it.
#[test]
fn an_impossible_time_costs_only_itself() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let name = unique("times");
    let any = "message.timestamp.after.max.ms=9223372036854775807";
    java.create_topic(&name, 1, &[any]);
    let topic = Topic::open(kafka.brokers(), &name, 1);
    let time = now_ms();
    let batch = (0..50).map(|n| Input {
        // Of the year 255,000.
        timestamp_ms: if n == 20 { 8_000_000_000_000_000 } else { time },
        ..input(Some(good(n + 1)))
    });
    assert_eq!(topic.produce_batch(0, batch.collect()).len(), 50);
    let Some(relay) = Relay::start(kafka.brokers(), &name, &[]) else {
        return;
    };
    let frames = from_earliest(&relay).frames_to(0, 50);
    let all: Vec<String> = (0..50).map(|offset| format!("record {offset}")).collect();
    assert_eq!(outline(&frames), all);
    for (header, _) in &frames {
        let expected = if header.offset == 20 { -1 } else { time };
        assert_eq!(header.timestamp_ms, expected, "{header:?}");
    }
}

#[test]
fn holes_of_compaction_are_no_gaps() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(kcat) = need(Tool::Kcat) else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let name = unique("compact");
    let settings = [
        "cleanup.policy=compact",
        "min.cleanable.dirty.ratio=0.01",
        "segment.ms=100",
        "max.compaction.lag.ms=100",
        "min.compaction.lag.ms=0",
        "delete.retention.ms=0",
    ];
    java.create_topic(&name, 1, &settings);
    let mut sequence = 0;
    let mut round = || {
        // What remains of a round is its last of each key, here 1, 4 and 6: not without holes.
        for key in ["a", "b", "a", "a", "c", "a", "a"] {
            sequence += 1;
            java.add((&name, 0), Some(key.as_bytes()), Some(&good(sequence)), &[]);
            java.flush();
        }
    };
    round();
    let topic = Topic::open(kafka.brokers(), &name, 1);
    let held = || -> Vec<u64> {
        let output = Command::new(&kcat)
            .args([
                "-b",
                kafka.brokers(),
                "-C",
                "-e",
                "-q",
                "-t",
                &name,
                "-f",
                "%o\n",
            ])
            .output()
            .expect("kcat runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines()
            .map(|line| line.parse().expect("an offset"))
            .collect()
    };
    // A segment is closed by the first record after its time, so records must go on coming.
    let offsets = until("a compacted log", PATIENCE, || {
        round();
        std::thread::sleep(Duration::from_secs(3));
        let offsets = held();
        let holes = offsets.windows(2).any(|pair| pair[1] > pair[0] + 1);
        // Twice the same: the cleaner is not in the middle of it.
        std::thread::sleep(Duration::from_secs(1));
        (holes && held() == offsets).then_some(offsets)
    });
    let Some(relay) = Relay::start(kafka.brokers(), &name, &[]) else {
        return;
    };
    let wanted: Vec<String> = offsets
        .iter()
        .map(|offset| format!("record {offset}"))
        .collect();
    assert_eq!(told(&relay, None, topic.end(0)), wanted);
}

/// A header without a value is legal.
#[test]
fn null_headers_are_no_trouble() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let topic = kafka.topic("null-headers", 1);
    for n in 0..3 {
        java.add(
            (topic.name(), 0),
            Some(b"k"),
            Some(&good(1 + n)),
            &[("trace", None)],
        );
    }
    assert_eq!(java.flush(), [0, 1, 2]);
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    assert_eq!(told(&relay, None, 3), ["record 0", "record 1", "record 2"]);
}

#[test]
fn a_batch_damaged_on_the_brokers_disk_is_one_gap() {
    let Some(mut kafka) = Kafka::start("damaged") else {
        return;
    };
    let topic = kafka.topic("damaged", 1);
    produce(&topic, vec![Some(good(1)), Some(good(2))]);
    let struck = payload::event("struck", "node", 3);
    produce(
        &topic,
        vec![Some(struck.clone()), Some(good(4)), Some(good(5))],
    );
    produce(&topic, vec![Some(good(6))]);
    kafka.stop();
    let log = kafka
        .partition_dir(topic.name(), 0)
        .join("00000000000000000000.log");
    let mut bytes = std::fs::read(&log).expect("the broker's log");
    let at = bytes.windows(struck.len()).position(|part| part == struck);
    bytes[at.expect("the record lies in the log") + 5] ^= 0x10;
    std::fs::write(&log, bytes).expect("the broker's log can be written");
    kafka.start_again();

    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let wanted = [
        "record 0",
        "record 1",
        "gap 2-4 unreadable_batch",
        "record 5",
    ];
    assert_eq!(told(&relay, None, 6), wanted);
    let metrics = relay.metrics();
    let cause = [("cause", "unreadable_batch")];
    assert_eq!(metrics.sum("dashstream_relay_gaps_total", &cause), 1.0);
    assert_eq!(
        metrics.sum("dashstream_relay_gap_offsets_total", &cause),
        3.0
    );
}

#[test]
fn what_cannot_be_delivered_is_named_where_it_stood() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let name = unique("refused");
    java.create_topic(&name, 1, &["max.message.bytes=20971520"]);
    let topic = Topic::open(kafka.brokers(), &name, 1);
    let Some(mut relay) = Relay::start(kafka.brokers(), &name, &[]) else {
        return;
    };
    let mut early = from_earliest(&relay);

    let largest = payload::event_of_len("trap", 1, 1 + PAYLOAD_BYTES_MAX);
    let too_large = payload::event_of_len("trap", 2, 2 + PAYLOAD_BYTES_MAX);
    let mut long_junk = vec![0x7b; 3 * REJECT_PREFIX_BYTES_MAX];
    long_junk[1] = 0x22;
    let values: Vec<Option<Vec<u8>>> = vec![
        Some(good(1)),
        None,
        Some(Vec::new()),
        Some(b"\x02not a frame byte".to_vec()),
        Some(b"\x01not zstd".to_vec()),
        Some(b"\x00\x0a\x7fcut off".to_vec()),
        Some(long_junk.clone()),
        None,
        None,
        Some(vec![0x00]),
    ];
    produce(&topic, values.clone());
    for value in [
        largest.clone(),
        too_large,
        vec![0; 11 * 1024 * 1024],
        good(2),
    ] {
        produce(&topic, vec![Some(value)]);
    }
    let wanted = [
        "record 0",
        "gap 1-1 null_value",
        "reject 2 empty",
        "reject 3 bad_frame",
        "reject 4 decompress",
        "reject 5 protobuf",
        "reject 6 bad_frame",
        "gap 7-7 null_value",
        "gap 8-8 null_value",
        "record 9",
        "record 10",
        "gap 11-11 oversized",
        "gap 12-12 oversized",
        "record 13",
    ];
    assert_eq!(told(&relay, Some(&mut early), 14), wanted);

    let mut watcher = from_earliest(&relay);
    for (header, body) in watcher.frames_to(0, 14) {
        let offset = usize::try_from(header.offset).expect("a small offset");
        match offset {
            6 => assert_eq!(body, long_junk[..REJECT_PREFIX_BYTES_MAX]),
            10 => assert!(body == largest, "the largest record is not the same"),
            0 | 2..=5 | 9 => assert_eq!(Some(&body), values[offset].as_ref()),
            _ => {}
        }
    }
    let metrics = reconcile(&mut relay, 14);
    each_has_its_own_outcome(&metrics);
}

/// Each of the 14 records above is counted under exactly one outcome.
fn each_has_its_own_outcome(metrics: &Metrics) {
    let gaps = |cause| metrics.sum("dashstream_relay_gaps_total", &[("cause", cause)]);
    let rejects = |code| metrics.sum("dashstream_relay_rejects_total", &[("code", code)]);
    let accepted = |kind| metrics.sum("dashstream_relay_records_accepted_total", &[("kind", kind)]);
    assert_eq!((accepted("event"), accepted("none")), (3.0, 1.0));
    assert_eq!((gaps("null_value"), gaps("oversized")), (3.0, 2.0));
    let codes = ["empty", "bad_frame", "decompress", "protobuf"];
    assert_eq!(codes.map(rejects), [1.0, 2.0, 1.0, 1.0]);
    let read = |status| metrics.sum("websocket_kafka_messages_total", &[("status", status)]);
    assert_eq!((read("success"), read("error")), (4.0, 10.0));
}

#[test]
fn what_retention_took_is_a_gap() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("retention", 1);
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let mut early = from_earliest(&relay);
    produce(&topic, (0..5).map(|n| Some(good(n))).collect());
    assert_eq!(early.frames_to(0, 5).len(), 5);

    // The relay sleeps while records come and go.
    signal(&relay, "-STOP");
    // Its last fetch must have come back empty, or the answer waits in the socket.
    std::thread::sleep(Duration::from_secs(1));
    produce(&topic, (5..15).map(|n| Some(good(n))).collect());
    topic.delete_before(0, 12);
    signal(&relay, "-CONT");
    let wanted = ["gap 5-11 retention", "record 12", "record 13", "record 14"];
    assert_eq!(outline(&early.frames_to(0, 15)), wanted);
    let mut list: Vec<String> = (0..5).map(|offset| format!("record {offset}")).collect();
    list.extend(wanted.map(str::to_owned));
    assert_eq!(told(&relay, None, 15), list);
    // Seven of the fifteen were gone before they could be read.
    let metrics = reconcile(&mut relay, 8);
    let cause = [("cause", "retention")];
    let offsets = metrics.sum("dashstream_relay_gap_offsets_total", &cause);
    assert_eq!(offsets, 7.0);
}

#[test]
fn a_topic_made_anew_is_told_to_clients_of_the_old_one() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("recreated", 1);
    let name = topic.name().to_owned();
    let quick = [
        "--kafka-metadata-interval-secs",
        "1",
        "--kafka-lag-check-interval-secs",
        "1",
    ];
    let Some(mut relay) = Relay::start(kafka.brokers(), &name, &quick) else {
        return;
    };
    let mut early = from_earliest(&relay);
    produce(&topic, (0..50).map(|n| Some(good(n))).collect());
    assert_eq!(early.frames_to(0, 50).len(), 50);
    topic.delete();
    let topic = Topic::create(kafka.brokers(), &name, 1);
    produce(&topic, (100..105).map(|n| Some(good(n))).collect());
    relay.wait_for("the relay to notice", PATIENCE, |relay| {
        let metrics = relay.metrics();
        metrics.sum("dashstream_relay_topic_resets_total", &[]) == 1.0
    });

    relay.kill();
    relay.start_again();
    let cursor = json!({"from": "cursor", "lastOffsetsByPartition": {"0": "49"}});
    let (mut watcher, _) = Watcher::resume(relay.address(), &cursor);
    let reset = watcher.control("topic_reset");
    assert_eq!(
        (integer(&reset["requested"]), integer(&reset["position"])),
        (50, 0)
    );
    let frames = watcher.frames_to(0, 5);
    let records: Vec<&[u8]> = frames
        .iter()
        .filter(|(header, _)| header.kind == FrameKind::Record)
        .map(|(_, payload)| payload.as_slice())
        .collect();
    let wanted: Vec<Vec<u8>> = (100..105).map(good).collect();
    assert_eq!(records, wanted);
    reconcile(&mut relay, 5);
}

fn signal(relay: &Relay, signal: &str) {
    let pid = relay.pid().to_string();
    let sent = Command::new("kill")
        .args([signal, &pid])
        .status()
        .expect("kill runs");
    assert!(sent.success());
}
