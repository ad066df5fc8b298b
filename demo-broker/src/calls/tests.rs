//! Each call against what `kafka-protocol` writes, whose types are generated from Kafka's own schemas, in every
//! version spoken. `kafka-client/vectors` says how `messages.txt` is made.

use std::collections::BTreeMap;

use kafka_wire::TopicId;

use super::*;
use crate::{
    batch::{Batch, tests::batch},
    broker::Key,
};

const MESSAGES: &str = include_str!("messages.txt");

/// As the messages have it: one topic, and a batch of three records in its first partition.
fn broker() -> Broker {
    let address = "127.0.0.1:9092".parse().expect("an address");
    let topics = vec!["runs:2".parse().expect("a topic")];
    let broker = Broker::with_ids(address, topics, 10_000, || TopicId(5));
    let batches = Batch::split(batch(3, 40, b"packed").into()).expect("a batch");
    let runs = Key::Name("runs".to_owned());
    assert_eq!(broker.append(&runs, 0, batches), Ok((0, 0)));
    broker
}

/// Requests and answers in bytes, by what they are and their version.
fn messages() -> BTreeMap<(&'static str, i16), Vec<u8>> {
    let message = |line: &'static str| {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("three words");
        let (what, version, hex) = (word(), word().parse().expect("a version"), word());
        let digit = |digit: &u8| char::from(*digit).to_digit(16).expect("hex") as u8;
        let byte = |pair: &[u8]| pair.iter().fold(0, |byte, half| byte << 4 | digit(half));
        (
            (what, version),
            hex.as_bytes().chunks(2).map(byte).collect(),
        )
    };
    MESSAGES.lines().map(message).collect()
}

#[tokio::test]
async fn every_version_of_every_call_is_answered_as_kafka_would() {
    let messages = messages();
    let mut answered = Vec::new();
    for ((what, version), request) in &messages {
        let Some(what) = what.strip_suffix("-request") else {
            continue;
        };
        let expected = messages.iter().find(|((other, its), _)| {
            other.strip_suffix("-answer") == Some(what) && its == version
        });
        let given = answer(&broker(), request.clone().into()).await;
        assert_eq!(
            given,
            Ok(expected.map(|(_, bytes)| bytes.clone())),
            "{what} {version}"
        );
        answered.push((what, *version));
    }
    for call in Call::ALL {
        let of_call = answered.iter().filter(|(what, _)| *what == name(call));
        let versions: Vec<_> = of_call.map(|(_, version)| *version).collect();
        assert_eq!(versions, call.spoken().collect::<Vec<_>>(), "{call:?}");
    }
}

const fn name(call: Call) -> &'static str {
    match call {
        Call::Produce => "produce",
        Call::Fetch => "fetch",
        Call::ListOffsets => "list-offsets",
        Call::Metadata => "metadata",
        Call::Versions => "versions",
        Call::LeaderEpoch => "leader-epoch",
    }
}

#[tokio::test(start_paused = true)]
async fn damaged_requests_do_no_harm() {
    for ((what, _), request) in &messages() {
        if !what.ends_with("-request") {
            continue;
        }
        for end in 0..request.len() {
            let _cut = answer(&broker(), request[..end].to_vec().into()).await;
            for bits in [0xff, 0x80, 0x01] {
                let mut changed = request.clone();
                changed[end] ^= bits;
                let _changed = answer(&broker(), changed.into()).await;
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_version_of_the_first_question_is_told_what_is_spoken() {
    let request = [0, 18, 0, 9, 0, 0, 0, 7, 0xff, 0xff];
    let told = answer(&broker(), request.to_vec().into()).await;
    let told = told.expect("an answer").expect("an answer");
    assert_eq!(told[..10], [0, 0, 0, 7, 0, 35, 0, 0, 0, 6]);
    for unknown in [[0, 18, 0, 9], [0, 1, 0, 17], [0, 11, 0, 0]] {
        let request = [&unknown[..], &[0, 0, 0, 7]].concat();
        assert!(
            answer(&broker(), request.into()).await.is_err(),
            "{unknown:?}"
        );
    }
}

/// A fetch of one partition by version 4.
fn fetch(offset: i64, wait_ms: i32, bytes_min: i32, bytes_max: i32) -> Bytes {
    let mut to = kafka_wire::Writer::default();
    for number in [1, 4] {
        to.i16(number);
    }
    to.i32(7);
    to.string("test");
    to.i32(-1);
    for number in [wait_ms, bytes_min, bytes_max] {
        to.i32(number);
    }
    to.i8(0);
    to.i32(1);
    to.string("runs");
    to.i32(1);
    to.i32(0);
    to.i64(offset);
    to.i32(bytes_max);
    to.bytes.into()
}

async fn fetched(broker: &Broker, request: Bytes) -> usize {
    let whole = answer(broker, request).await.expect("an answer");
    // Head, throttling, topic, partition, code, ends and no aborted transaction.
    whole.expect("an answer").len() - (4 + 4 + 4 + 6 + 4 + 4 + 2 + 16 + 4 + 4)
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_until_there_is_more() {
    let broker = broker();
    let one = batch(3, 40, b"packed");
    let at = tokio::time::Instant::now();
    assert_eq!(fetched(&broker, fetch(0, 500, 1, 1_000)).await, one.len());
    assert_eq!(at.elapsed().as_millis(), 0, "there is something");
    assert_eq!(fetched(&broker, fetch(3, 500, 1, 1_000)).await, 0);
    assert_eq!(at.elapsed().as_millis(), 500, "there was nothing");
    let later = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let batches = Batch::split(one.clone().into()).expect("a batch");
        broker.append(&Key::Name("runs".to_owned()), 0, batches)
    };
    let (bytes, _) = tokio::join!(fetched(&broker, fetch(3, 60_000, 1, 1_000)), later);
    assert_eq!((bytes, at.elapsed().as_millis()), (one.len(), 600));
    // More than one batch is wanted, and nobody waits for ever.
    let wanted = fetch(3, i32::MAX, 1_000, 1_000);
    assert_eq!(fetched(&broker, wanted).await, one.len());
    assert_eq!(at.elapsed().as_millis(), 30_600);
}

#[tokio::test]
async fn an_answer_keeps_to_the_bytes_asked_for_but_for_one_batch() {
    let broker = broker();
    let one = batch(3, 40, b"packed");
    for _ in 0..3 {
        let batches = Batch::split(one.clone().into()).expect("a batch");
        let appended = broker.append(&Key::Name("runs".to_owned()), 0, batches);
        assert!(appended.is_ok());
    }
    for (bytes_max, batches) in [
        (0, 1),
        (1, 1),
        (one.len() * 2, 2),
        (one.len() * 3 - 1, 2),
        (10_000, 4),
    ] {
        let asked = fetch(0, 0, 0, i32::try_from(bytes_max).expect("few"));
        assert_eq!(
            fetched(&broker, asked).await,
            one.len() * batches,
            "{bytes_max}"
        );
    }
}
