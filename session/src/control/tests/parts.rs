//! Messages whose maps do not fit into one message.

use decode_core::wire::{CONTROL_BYTES_MAX, MESSAGE_PARTITIONS_MAX, RESUME_PARTITIONS_MAX};

use super::*;

const RECORD: Fingerprint = Fingerprint {
    offset: u64::MAX - 1,
    timestamp_ms: i64::MIN,
};

/// The last partitions there are, so that their numbers are the longest.
fn partitions(count: usize) -> impl DoubleEndedIterator<Item = Partition> + Clone {
    (0..count as u32).rev().map(|n| Partition(u32::MAX - n))
}

fn resume(listed: usize, unlisted: usize) -> Resume {
    let cursor = Unlisted {
        position: u64::MAX,
        last: Some(RECORD),
    };
    Resume {
        namespace: Some("n".repeat(64)),
        from: From::Cursor,
        cursors: Cursors {
            positions: partitions(listed).map(|p| (p, Decimal(u64::MAX))).collect(),
            fingerprints: partitions(listed).map(|p| (p, RECORD)).collect(),
            unlisted: (0..unlisted as u32)
                .map(|n| (Partition(n), cursor))
                .collect(),
        },
        parts: 0,
    }
}

/// RES-22: a resume of as many partitions as a relay without parts takes is one message, whatever it says.
#[test]
fn a_resume_that_older_relays_take_is_one_message() {
    let resume = resume(MESSAGE_PARTITIONS_MAX, 0);
    let texts = resume.clone().to_texts();
    assert_eq!(texts.len(), 1);
    assert!(texts[0].len() <= CONTROL_BYTES_MAX);
    assert_eq!(parse_client(&texts[0]), Ok(ClientMessage::Resume(resume)));
}

/// RES-22, RES-31: every message of a client stays within the limit, however many partitions there are, and its parts
/// say all that the whole says.
#[test]
fn the_largest_messages_of_a_client_fit_in_parts() {
    let whole = resume(RESUME_PARTITIONS_MAX, 512);
    let texts = whole.clone().to_texts();
    assert_eq!(texts.len(), 64 + 2 + 1);
    let mut cursors = Cursors::default();
    for (n, text) in texts.iter().enumerate() {
        assert!(text.len() <= CONTROL_BYTES_MAX, "{} bytes", text.len());
        match parse_client(text).expect("readable") {
            ClientMessage::Part(part) => {
                cursors.positions.extend(part.positions);
                cursors.fingerprints.extend(part.fingerprints);
                cursors.unlisted.extend(part.unlisted);
            }
            ClientMessage::Resume(last) => {
                assert_eq!((last.parts, n), (66, texts.len() - 1));
                assert!(last.cursors.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(cursors, whole.cursors);

    let ack = Ack {
        bytes: u64::MAX,
        offsets: whole.cursors.positions,
    };
    let mut offsets = ByPartition::new();
    for message in ack.clone().split(MESSAGE_PARTITIONS_MAX) {
        let text = message.to_text();
        assert!(text.len() <= CONTROL_BYTES_MAX, "{} bytes", text.len());
        let Ok(ClientMessage::Ack(part)) = parse_client(&text) else {
            panic!("{text}")
        };
        assert!(part.offsets.len() <= MESSAGE_PARTITIONS_MAX);
        assert_eq!(part.bytes, ack.bytes);
        offsets.extend(part.offsets);
    }
    assert_eq!(offsets, ack.offsets);
    let nothing = Ack {
        bytes: 7,
        offsets: ByPartition::new(),
    };
    assert_eq!(nothing.split(3).count(), 1);
}

/// RES-31: and every message of a relay.
#[test]
fn the_largest_messages_of_a_relay_fit_in_parts() {
    let span = Span {
        earliest: Decimal(u64::MAX),
        head: Decimal(u64::MAX),
    };
    let all = || partitions(RESUME_PARTITIONS_MAX);
    let map: ByPartition = all().map(|p| (p, Decimal(u64::MAX))).collect();
    for message in one_of_each() {
        let (large, parts) = match message {
            RelayMessage::Welcome(welcome) => {
                let partitions = all().map(|p| (p, span)).collect();
                let welcome = Welcome {
                    partitions,
                    notice: "n".repeat(4_096),
                    ..welcome
                };
                (RelayMessage::Welcome(welcome), 64)
            }
            RelayMessage::Resumed { .. } => {
                let (heads, positions) = (map.clone(), map.clone());
                let resumed = RelayMessage::Resumed {
                    heads,
                    positions,
                    parts: 0,
                };
                (resumed, 64)
            }
            RelayMessage::ReplayComplete { mode, .. } => {
                let complete = RelayMessage::ReplayComplete {
                    mode,
                    total_replayed: Decimal(u64::MAX),
                    last_offsets_by_partition: map.clone(),
                    blocked: all().map(|p| p.0).collect(),
                    missing: all()
                        .map(|p| p.0)
                        .take(crate::limits::MISSING_NAMED_MAX)
                        .collect(),
                    parts: 0,
                };
                (complete, 128)
            }
            RelayMessage::Partitions { .. } => {
                let position = Decimal(u64::MAX);
                let partitions = all().map(|p| (p, Start { position })).collect();
                (RelayMessage::Partitions { partitions }, 63)
            }
            other => (other, 0),
        };
        let texts = large.to_texts();
        assert_eq!(texts.len(), parts + 1);
        for text in texts {
            assert!(text.len() <= CONTROL_BYTES_MAX, "{} bytes", text.len());
            parse_relay(&text).expect("readable").expect("known");
        }
    }
}

/// RES-23: what a client says of partitions that the relay did not list is as strict as the rest.
#[test]
fn unlisted_cursors_are_checked() {
    let resume = |rest: &str| {
        let text = alloc::format!(
            r#"{{"type":"resume","protocol":1,"from":"cursor","positions":{{"1":"5"}},"unlisted":{rest}}}"#
        );
        parse_client(&text).map_err(|error| error.code)
    };
    let ClientMessage::Resume(good) =
        resume(r#"{"2":{"position":"9","offset":"8","timestampMs":"-3"},"7":{"position":"0"}}"#)
            .expect("good")
    else {
        panic!("a resume")
    };
    assert_eq!(good.cursors.len(), 3);
    for (bad, code) in [
        (r#"{"1":{"position":"9"}}"#, ErrorCode::InvalidPartition),
        (r#"{"x":{"position":"9"}}"#, ErrorCode::InvalidPartition),
        (r#"{"2":{}}"#, ErrorCode::InvalidOffset),
        (
            r#"{"2":{"position":"9","offset":"9","timestampMs":"1"}}"#,
            ErrorCode::InvalidOffset,
        ),
        (
            r#"{"2":{"position":"9","offset":"3"}}"#,
            ErrorCode::InvalidOffset,
        ),
        (r#"{"2":"9"}"#, ErrorCode::InvalidOffset),
        (r"[]", ErrorCode::InvalidJson),
    ] {
        assert_eq!(resume(bad), Err(code), "{bad}");
    }
    let many: Vec<_> = (10..523)
        .map(|p| alloc::format!(r#""{p}":{{"position":"1"}}"#))
        .collect();
    let many = alloc::format!("{{{}}}", many.join(","));
    assert_eq!(resume(&many), Err(ErrorCode::TooManyPartitions));
    let of = r#"{"type":"part","of":"ack","positions":{}}"#;
    assert_eq!(code(of), ErrorCode::Unsupported);
}
