//! Each call against what `kafka-protocol` writes, whose types are generated from Kafka's own schemas, in every
//! version spoken. `vectors/README.md` says how its messages are made.

use kafka_wire::TopicId;

use super::*;
use crate::aborted::Aborted;

const MESSAGES: &str = include_str!("../../vectors/messages.txt");

/// The bytes of one message.
fn vector(what: &str, version: i16) -> Vec<u8> {
    let begin = format!("{what} {version} ");
    let found = MESSAGES.lines().find_map(|line| line.strip_prefix(&begin));
    let hex = found
        .unwrap_or_else(|| panic!("there is no {begin}"))
        .as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("hex") as u8;
    hex.chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

fn writes<C: Call>(call: &C, what: &str, version: i16) {
    let expected = vector(&format!("{what}-request"), version);
    assert_eq!(
        request(call, version, 7, "relay"),
        expected,
        "{what} {version}"
    );
}

/// What is read of an answer. Whatever is cut off or changed gives an error or something else, and no panic.
fn reads<C: Call>(what: &str, version: i16) -> C::Answer {
    let whole = bytes::Bytes::from(vector(&format!("{what}-answer"), version));
    for end in 0..whole.len() {
        let _cut = answer::<C>(version, 7, &mut Reader::new(whole.slice(..end)));
        for bits in [0xff, 0x80, 0x01] {
            let mut changed = whole.to_vec();
            changed[end] ^= bits;
            let _changed = answer::<C>(version, 7, &mut Reader::new(changed.into()));
        }
    }
    let other = answer::<C>(version, 8, &mut Reader::new(whole.clone()));
    assert!(other.is_err(), "it answers another request");
    answer::<C>(version, 7, &mut Reader::new(whole)).expect("an answer")
}

fn versions(api: Api) -> std::ops::RangeInclusive<i16> {
    let (low, high) = api.spoken();
    low..=high
}

#[test]
fn fetches_are_written() {
    for version in versions(Api::Fetch) {
        let asked = |partition, topic| fetch::Asked {
            topic,
            topic_id: TopicId(5),
            partition,
            offset: 41,
            leader_epoch: 3,
            last_epoch: 2,
            max_bytes: 1_000,
        };
        let call = fetch::Fetch {
            max_wait_ms: 500,
            max_bytes: 9_000,
            partitions: vec![asked(0, "runs"), asked(4, "runs"), asked(0, "other")],
        };
        writes(&call, "fetch", version);
    }
}

#[test]
fn what_was_fetched_is_read() {
    for version in versions(Api::Fetch) {
        let read = reads::<fetch::Fetch<'_>>("fetch", version);
        let [first, second, third] = read.partitions.as_slice() else {
            panic!("{read:?}");
        };
        assert_eq!((first.high_watermark, first.last_stable_offset), (100, 90));
        assert_eq!((first.log_start_offset, first.code), (5, 0));
        assert_eq!(first.aborted, Aborted::new(vec![(9, 12)]));
        assert_eq!((&*first.records, first.records_len), (&b"batches"[..], 7));
        assert_eq!((second.diverging, second.records.len()), (Some((4, 80)), 0));
        assert_eq!(
            (third.partition, third.code, third.diverging),
            (2, 29, None)
        );
        let expected = if version >= fetch::FIRST_WITH_IDS {
            fetch::TopicKey::Id(TopicId(5))
        } else {
            fetch::TopicKey::Name("runs".to_owned())
        };
        assert_eq!(first.topic, expected);
    }
}

/// X1: what is too large to keep is cut off, and what comes before it is understood.
#[test]
fn an_answer_cut_inside_its_records_is_read_up_to_there() {
    let (_, version) = Api::Fetch.spoken();
    let whole = bytes::Bytes::from(vector("fetch-answer", version));
    let at = whole
        .windows(7)
        .position(|seven| seven == b"batches")
        .expect("records");
    let mut cut = Reader::new(whole.slice(..at + 3));
    let read = answer::<fetch::Fetch<'_>>(version, 7, &mut cut).expect("an answer");
    assert_eq!(read.partitions.len(), 1);
    let first = &read.partitions[0];
    assert_eq!((&*first.records, first.records_len), (&b"bat"[..], 7));
}

#[test]
fn metadata_is_understood() {
    for version in versions(Api::Metadata) {
        writes(&metadata::Metadata { topic: "runs" }, "metadata", version);
        let read = reads::<metadata::Metadata<'_>>("metadata", version);
        let broker = metadata::Broker {
            node: 1,
            host: "kafka-1".to_owned(),
            port: 9092,
        };
        assert_eq!(read.brokers, [broker]);
        let topic = &read.topics[0];
        assert_eq!(
            (topic.name.as_str(), topic.id, topic.code),
            ("runs", TopicId(5), 0)
        );
        let expected = metadata::Partition {
            code: 0,
            index: 3,
            leader: 1,
            leader_epoch: 8,
        };
        assert_eq!(topic.partitions, [expected]);
    }
}

#[test]
fn offsets_are_understood() {
    for version in versions(Api::ListOffsets) {
        let call = list_offsets::ListOffsets {
            topic: "runs",
            partition: 3,
            read_committed: true,
            timestamp: list_offsets::EARLIEST,
        };
        writes(&call, "list-offsets", version);
        let expected = list_offsets::Answer {
            partition: 3,
            code: 6,
            offset: 77,
        };
        assert_eq!(
            reads::<list_offsets::ListOffsets<'_>>("list-offsets", version),
            [expected]
        );
    }
}

#[test]
fn leader_epochs_are_understood() {
    for version in versions(Api::OffsetForLeaderEpoch) {
        let call = leader_epoch::OffsetForLeaderEpoch {
            topic: "runs",
            partition: 3,
            epoch: 8,
        };
        writes(&call, "leader-epoch", version);
        let expected = leader_epoch::Answer {
            partition: 3,
            code: 0,
            epoch: 7,
            end_offset: 50,
        };
        let read = reads::<leader_epoch::OffsetForLeaderEpoch<'_>>("leader-epoch", version);
        assert_eq!(read, [expected]);
    }
}

#[test]
fn versions_are_understood_from_old_and_new_brokers() {
    for version in [0, 3] {
        writes(&api_versions::ApiVersions, "versions", version);
        let read = reads::<api_versions::ApiVersions>("versions", version);
        assert_eq!(
            (read.code, read.versions.choose(Api::Fetch, i16::MAX)),
            (0, Ok(16))
        );
    }
    // A broker that does not know version 3 says so in version 0.
    let mut old = Reader::new(vector("versions-unsupported-answer", 0).into());
    let read = answer::<api_versions::ApiVersions>(3, 7, &mut old).expect("an answer");
    assert_eq!(read.code, api_versions::UNSUPPORTED_VERSION);
}

#[test]
fn logins_are_understood() {
    writes(&sasl::Handshake { mechanism: "PLAIN" }, "handshake", 1);
    let read = reads::<sasl::Handshake<'_>>("handshake", 1);
    assert_eq!((read.code, read.mechanisms.len()), (33, 2));

    writes(&sasl::Authenticate { data: b"me" }, "authenticate", 2);
    let read = reads::<sasl::Authenticate<'_>>("authenticate", 2);
    assert_eq!(
        (read.problem.as_deref(), &*read.data),
        (Some("no"), &b"go on"[..])
    );
    assert_eq!(read.lifetime_ms, 60_000);
}
