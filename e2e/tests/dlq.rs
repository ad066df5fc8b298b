//! Dead letters on a real Kafka: what is stored, under which key, and what happens where the topic is
//! absent or takes less than was configured.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use clap::Parser as _;
use dashstream_e2e::{
    java::JavaClient,
    kafka::{Kafka, unique},
    producer::{Input, Topic, now_ms},
    relay::Relay,
};
use dashstream_relay::{
    config::{Cli, Config},
    dashflow_names::LetterError,
    dlq::{Cause, Counts, Dlq, Outcome, Reason, Refused},
};
use decode_core::wire::{GapCause, RejectCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::{runtime::Runtime, time::timeout};

const SOURCE: &str = "the-source";

/// The queue as the relay makes it from these flags.
fn queue(brokers: &str, topic: &str, more: &[&str]) -> (Dlq, Arc<Counts>) {
    let fixed = [
        "dashstream-relay",
        "--kafka-brokers",
        brokers,
        "--kafka-topic",
        SOURCE,
        "--kafka-dlq-topic",
        topic,
    ];
    let cli = Cli::try_parse_from(fixed.iter().chain(more)).expect("flags clap knows");
    let config = Config::from_args(&cli.options).expect("a usable configuration");
    let counts = Arc::<Counts>::default();
    let dlq = Dlq::new(&config.kafka, Arc::clone(&counts), Arc::default()).expect("it has a topic");
    (dlq, counts)
}

fn refused(offset: u64, value: Option<&[u8]>) -> Refused<'_> {
    Refused {
        partition: 2,
        offset,
        key: Some(b"thread"),
        value,
        cause: value.map_or(Cause::Unusable(GapCause::NullValue), |_| {
            Cause::Rejected(RejectCode::BadFrame)
        }),
    }
}

/// Key and value of every letter, with the partition it lies in.
fn letters(topic: &Topic) -> Vec<(String, Value, u32)> {
    let mut all = Vec::new();
    for partition in 0..topic.partitions() {
        for read in topic.read(partition) {
            let key = String::from_utf8(read.record.key.expect("a key")).expect("text");
            let value = serde_json::from_slice(&read.record.value.expect("a value"));
            all.push((key, value.expect("JSON"), partition));
        }
    }
    all
}

/// DLQ-04, DLQ-05: what is offered is stored once per record, whole or cut; offered again, as by a
/// second relay or after a restart, it lies under the same key in the same partition.
#[test]
fn letters_are_stored_and_repeat_under_their_key() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("dlq", 3);
    let large = vec![0x7B; 3_000_000];
    let records: [Option<&[u8]>; 3] = [Some(b"junk"), Some(&large), None];
    let runtime = Runtime::new().expect("a runtime");
    for _relay in 0..2 {
        let (dlq, counts) = queue(kafka.brokers(), topic.name(), &[]);
        runtime.block_on(async {
            let mut offers = Vec::new();
            for (at, value) in (10..).zip(records) {
                offers.push(dlq.offer(&refused(at, value)).await);
            }
            for offer in offers {
                assert_eq!(offer.await, Outcome::Stored);
            }
        });
        assert_eq!(counts.sent.get(LetterError::InvalidProtobuf), 2);
        assert_eq!(counts.sent.get(LetterError::PayloadMissing), 1);
        assert_eq!(counts.truncated.get(), 1);
    }
    let stored = letters(&topic);
    assert_eq!(stored.len(), 6);
    for offset in 10..13_u64 {
        let of_record: Vec<_> = stored
            .iter()
            .filter(|(_, value, _)| value["source_offset"] == offset)
            .collect();
        let [(key, value, partition), (key_again, _, partition_again)] = of_record[..] else {
            panic!("{of_record:?}");
        };
        assert_eq!((key, partition), (key_again, partition_again));
        assert_eq!(value["trace_id"], *key);
        assert_eq!(value["source_topic"], SOURCE);
        assert_eq!(value["source_partition"], 2);
    }
    let (_, cut, _) = stored
        .iter()
        .find(|(_, value, _)| value["source_offset"] == 11)
        .expect("the large one");
    assert_eq!(cut["original_payload_size_bytes"], large.len());
    assert_eq!(cut["original_payload_included_bytes"], 512 * 1024);
    let digest: String = Sha256::digest(&large)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(cut["original_payload_sha256"], digest);
}

/// DLQ-04: a topic that takes less than was configured gets less of the payload.
#[test]
fn a_topic_with_a_smaller_limit_gets_smaller_letters() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let name = unique("dlq-small");
    java.create_topic(&name, 1, &["max.message.bytes=100000"]);
    let (dlq, counts) = queue(kafka.brokers(), &name, &[]);
    let large = vec![0x7B; 600_000];
    let runtime = Runtime::new().expect("a runtime");
    let outcome = runtime.block_on(async { dlq.offer(&refused(0, Some(&large))).await.await });
    assert_eq!(outcome, Outcome::Stored);
    assert_eq!(counts.truncated.get(), 1);
    let stored = letters(&Topic::open(kafka.brokers(), &name, 1));
    let included = stored[0].1["original_payload_included_bytes"]
        .as_u64()
        .expect("a number");
    assert!((1..100_000).contains(&included), "{included}");
}

/// DLQ-03, DLQ-05: without its topic the queue loses letters with their reason, or, failing closed,
/// holds the partition; it never makes the topic, and finds it when somebody else does.
#[test]
fn an_absent_topic_is_told_and_found_later() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("dlq-absent");
    let runtime = Runtime::new().expect("a runtime");
    // On a busy machine the broker's answers may take longer than the default.
    let patient = ["--dlq-send-timeout-secs=60"];
    let (open, open_counts) = queue(kafka.brokers(), &name, &patient);
    let (closed, closed_counts) = queue(kafka.brokers(), &name, &["--dlq-fail-closed=true"]);
    let outcome = runtime.block_on(async { open.offer(&refused(1, Some(b"junk"))).await.await });
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(open_counts.failed.get(Reason::TopicAbsent), 1);

    let topic = runtime.block_on(async {
        let mut held = closed.offer(&refused(2, Some(b"junk"))).await;
        let early = timeout(Duration::from_secs(3), &mut held).await;
        assert!(early.is_err(), "stored where there is no topic: {early:?}");
        assert_eq!(closed_counts.waiting(), [2]);
        // The fixture has a runtime of its own.
        let (brokers, name) = (kafka.brokers().to_owned(), name.clone());
        let created = tokio::task::spawn_blocking(move || Topic::create(&brokers, &name, 1));
        let topic = created.await.expect("nobody made it before");
        let stored = timeout(Duration::from_secs(30), held).await;
        assert_eq!(stored.expect("in time"), Outcome::Stored);
        assert!(closed_counts.waiting().is_empty());
        assert_eq!(
            open.offer(&refused(3, Some(b"junk"))).await.await,
            Outcome::Stored
        );
        topic
    });
    assert!(closed_counts.retries.get() > 0);
    assert_eq!(closed_counts.failed.sum(), 0);
    let mut offsets: Vec<_> = letters(&topic)
        .iter()
        .map(|(_, value, _)| value["source_offset"].as_u64())
        .collect();
    offsets.sort_unstable();
    assert_eq!(offsets, [Some(2), Some(3)]);
}

fn input(value: &[u8]) -> Input {
    Input {
        key: b"thread".to_vec(),
        value: Some(value.to_vec()),
        timestamp_ms: now_ms(),
    }
}

/// The empty event, framed and not compressed.
const GOOD: &[u8] = &[0x00, 0x0A, 0x00];
const BROKEN: &[u8] = b"{\"not\": \"framed\"}";

fn stored(relay: &Relay) -> f64 {
    relay.metrics().sum("websocket_dlq_sends_total", &[])
}

/// DLQ-06: a history full of broken records raises no letter; the same trouble after the start does,
/// one letter a record, and the numbers agree.
#[test]
fn history_makes_no_letters_and_fresh_trouble_does() {
    let Some(kafka) = Kafka::shared() else { return };
    let source = kafka.topic("dlq-source", 1);
    let letters_topic = kafka.topic("dlq-letters", 1);
    let old = source.produce((0..200).map(|_| input(BROKEN)));
    assert_eq!(old.len(), 200);
    let flags = ["--kafka-dlq-topic", letters_topic.name()];
    let Some(mut relay) = Relay::start(kafka.brokers(), source.name(), &flags) else {
        return;
    };
    let patience = Duration::from_secs(60);
    relay.wait_for("the history is read", patience, |relay| {
        let metrics = relay.metrics();
        metrics.sum("websocket_old_data_decode_errors_total", &[]) == 200.0
    });
    assert_eq!(stored(&relay), 0.0);
    let values = [BROKEN, GOOD, BROKEN, BROKEN];
    let fresh = source.produce(values.iter().map(|value| input(value)));
    relay.wait_for("letters are stored", patience, |relay| stored(relay) >= 3.0);
    let metrics = relay.metrics();
    let records = |status| metrics.sum("websocket_kafka_messages_total", &[("status", status)]);
    assert_eq!(
        (records("success"), records("error"), stored(&relay)),
        (1.0, 3.0, 3.0)
    );
    assert_eq!(metrics.sum("websocket_dlq_send_failures_total", &[]), 0.0);
    let mut offsets: Vec<_> = letters(&letters_topic)
        .iter()
        .map(|(_, value, _)| value["source_offset"].as_u64().expect("a number"))
        .collect();
    offsets.sort_unstable();
    assert_eq!(offsets, [fresh[0].offset, fresh[2].offset, fresh[3].offset]);
}

/// DLQ-03, DLQ-05: thousands of records that are refused at once are as many letters, failing open or
/// closed, as long as Kafka takes them.
#[test]
fn a_burst_loses_no_letter() {
    const RECORDS: u64 = 5_000;
    let Some(kafka) = Kafka::shared() else { return };
    let source = kafka.topic("dlq-burst", 1);
    for closed in ["false", "true"] {
        let letters_topic = kafka.topic("dlq-burst-letters", 1);
        let closed = format!("--dlq-fail-closed={closed}");
        let flags = ["--kafka-dlq-topic", letters_topic.name(), &closed];
        let Some(mut relay) = Relay::start(kafka.brokers(), source.name(), &flags) else {
            return;
        };
        let fresh = source.produce((0..RECORDS).map(|_| input(BROKEN)));
        let settled = |relay: &Relay| {
            stored(relay)
                + relay
                    .metrics()
                    .sum("websocket_dlq_send_failures_total", &[])
        };
        let patience = Duration::from_secs(60);
        relay.wait_for("every letter has an end", patience, |relay| {
            settled(relay) >= fresh.len() as f64
        });
        assert_eq!(stored(&relay), fresh.len() as f64);
        let told: BTreeSet<_> = letters(&letters_topic)
            .iter()
            .map(|(_, value, _)| value["source_offset"].as_u64().expect("a number"))
            .collect();
        assert!(fresh.iter().all(|record| told.contains(&record.offset)));
    }
}

/// DLQ-03: failing closed without its topic, the partition goes no further and `/health` says so; once
/// the topic is there it goes on by itself.
#[test]
fn a_partition_waits_for_its_letter() {
    let Some(kafka) = Kafka::shared() else { return };
    let source = kafka.topic("dlq-closed", 1);
    let absent = unique("dlq-closed-letters");
    let flags = ["--kafka-dlq-topic", &absent, "--dlq-fail-closed=true"];
    let Some(mut relay) = Relay::start(kafka.brokers(), source.name(), &flags) else {
        return;
    };
    let patience = Duration::from_secs(60);
    let success = |relay: &Relay| {
        let metrics = relay.metrics();
        metrics.sum("websocket_kafka_messages_total", &[("status", "success")])
    };
    assert_eq!(source.produce([input(BROKEN)]).len(), 1);
    relay.wait_for("health names the partition", patience, |relay| {
        let health = relay.get("/health").body;
        health.contains("partition 0: waits until its dead letter is stored")
    });
    let waiting = relay
        .metrics()
        .sum("dashstream_relay_dlq_waiting_partitions", &[]);
    assert_eq!(waiting, 1.0);
    assert_eq!(source.produce([input(GOOD)]).len(), 1);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(success(&relay), 0.0, "it read on");
    let letters_topic = Topic::create(kafka.brokers(), &absent, 1);
    relay.wait_for("it goes on", patience, |relay| success(relay) == 1.0);
    assert_eq!(letters(&letters_topic).len(), 1);
    assert!(!relay.get("/health").body.contains("dead letter"));
}
