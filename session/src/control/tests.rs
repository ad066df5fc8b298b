use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use decode_core::wire::{ErrorCode, control};

use super::relay::Start;
use super::*;

mod parts;

fn code(text: &str) -> ErrorCode {
    parse_client(text).expect_err("must be refused").code
}

/// RES-23, RES-24
#[test]
fn junk_is_refused_with_its_code() {
    for (text, expected) in [
        ("", ErrorCode::InvalidJson),
        ("[]", ErrorCode::InvalidJson),
        ("{}", ErrorCode::UnknownType),
        (r#"{"type":7}"#, ErrorCode::UnknownType),
        (r#"{"type":"cursor_reset"}"#, ErrorCode::UnknownType),
        (r#"{"type":"resume"}"#, ErrorCode::UnsupportedProtocol),
        (
            r#"{"type":"resume","protocol":2,"from":"latest"}"#,
            ErrorCode::UnsupportedProtocol,
        ),
        (
            r#"{"type":"resume","protocol":"1","from":"latest"}"#,
            ErrorCode::UnsupportedProtocol,
        ),
        (r#"{"type":"resume","protocol":1}"#, ErrorCode::UnknownFrom),
        (
            r#"{"type":"resume","protocol":1,"from":"newest"}"#,
            ErrorCode::UnknownFrom,
        ),
        (
            r#"{"type":"resume","protocol":1,"from":"active"}"#,
            ErrorCode::Unsupported,
        ),
        (
            r#"{"type":"resume","protocol":1,"from":"latest","scope":{}}"#,
            ErrorCode::Unsupported,
        ),
        (
            r#"{"type":"resume","protocol":1,"from":"latest","namespace":1}"#,
            ErrorCode::InvalidJson,
        ),
        (r#"{"type":"ack"}"#, ErrorCode::InvalidAck),
        (r#"{"type":"ack","bytes":-1}"#, ErrorCode::InvalidAck),
        (r#"{"type":"ack","bytes":1.5}"#, ErrorCode::InvalidAck),
        (r#"{"type":"report","rejects":"x"}"#, ErrorCode::InvalidJson),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
}

/// RES-23: what is there twice could be read in two ways, so it is refused, whatever it says.
#[test]
fn a_repeated_key_is_refused() {
    let escaped = concat!(r#"{"type":"ping","n":1,"#, r#""n":1}"#);
    for (text, key, of_resume) in [
        (
            r#"{"type":"resume","protocol":1,"from":"cursor","positions":{"0":"5","0":"7"}}"#,
            r#""0""#,
            true,
        ),
        (
            r#"{"type":"resume","protocol":1,"from":"latest","from":"earliest"}"#,
            r#""from""#,
            true,
        ),
        (r#"{"type":"ping","type":"resume"}"#, r#""type""#, false),
        (
            r#"{"type":"ack","bytes":"1","bytes":"1"}"#,
            r#""bytes""#,
            false,
        ),
        (
            r#"{"type":"ping","later":[{"a":{"b":1,"b":1}}]}"#,
            r#""b""#,
            false,
        ),
        (escaped, r#""n""#, false),
    ] {
        let error = parse_client(text).expect_err("must be refused");
        assert_eq!(error.code, ErrorCode::InvalidJson, "{text}");
        assert_eq!(error.of_resume, of_resume, "{text}");
        assert!(error.message.contains(key), "{text}: {}", error.message);
    }
    let once = r#"{"type":"ping","a":{"x":[1,-1,1.5,null,true,"x"]},"b":{"x":{}}}"#;
    assert_eq!(parse_client(once), Ok(ClientMessage::Ping));
    assert_eq!(code(r#"{"type":"ping"} {}"#), ErrorCode::InvalidJson);
    let deep = "[".repeat(1_000);
    assert_eq!(code(&deep), ErrorCode::InvalidJson);
}

/// RES-22, SEQ-13
#[test]
fn bad_partitions_and_offsets_are_listed() {
    let resume = |map: &str| {
        let text = alloc::format!(
            r#"{{"type":"resume","protocol":1,"from":"cursor","lastOffsetsByPartition":{map}}}"#
        );
        parse_client(&text)
    };
    let error = resume(r#"{"0":"1","-1":"2","x":"3","1":"-4","2":"18446744073709551616"}"#)
        .expect_err("must be refused");
    assert!(error.of_resume);
    assert_eq!(error.invalid_partitions, ["-1", "x"]);
    assert_eq!(
        error.invalid_offsets,
        [r#""-4""#, r#""18446744073709551616""#]
    );
    assert!(resume(r#"{"00":"1"}"#).is_err());
    assert!(resume(r#"{"0":"01"}"#).is_err());
    assert!(resume(r#"{"0":"+1"}"#).is_err());
    assert!(resume(r#"{"4294967296":"1"}"#).is_err());
    assert!(resume(r#"{"0":1e3}"#).is_err());
    assert!(resume(r#"{"0":"18446744073709551615"}"#).is_err());
    assert!(resume(r#"[]"#).is_err());
    let good = resume(r#"{"0":"41","7":9007199254740993}"#).expect("good");
    let ClientMessage::Resume(good) = good else {
        panic!("a resume")
    };
    let positions: Vec<_> = good
        .cursors
        .positions
        .into_iter()
        .map(|(p, o)| (p.0, o.0))
        .collect();
    assert_eq!(positions, [(0, 42), (7, 9_007_199_254_740_994)]);
}

/// RES-19, RES-22: a fingerprint is taken whole or the resume is refused whole.
#[test]
fn fingerprints_are_checked() {
    let resume = |positions: &str, fingerprints: &str| {
        parse_client(&alloc::format!(
            r#"{{"type":"resume","protocol":1,"from":"cursor",{positions},"fingerprints":{fingerprints}}}"#
        ))
    };
    let at = r#""positions":{"0":"42"},"lastOffsetsByPartition":{"1":"7"}"#;
    for entry in [
        "7",
        "{}",
        r#"{"offset":"1"}"#,
        r#"{"offset":"-1","timestampMs":"1"}"#,
        r#"{"offset":"1","timestampMs":"-0"}"#,
        r#"{"offset":"1","timestampMs":"+1"}"#,
        r#"{"offset":"1","timestampMs":1.5}"#,
        r#"{"offset":"1","timestampMs":"9223372036854775808"}"#,
        // Not before the position.
        r#"{"offset":"42","timestampMs":"1"}"#,
    ] {
        let error = resume(at, &alloc::format!(r#"{{"0":{entry}}}"#)).expect_err(entry);
        assert!(error.of_resume);
        assert_eq!(error.code, ErrorCode::InvalidFingerprint, "{entry}");
    }
    let record = r#"{"offset":"8","timestampMs":"1"}"#;
    for (fingerprints, expected, partitions) in [
        ("[]".to_string(), ErrorCode::InvalidJson, vec![]),
        (
            alloc::format!(r#"{{"x":{record}}}"#),
            ErrorCode::InvalidPartition,
            vec!["x"],
        ),
        (
            alloc::format!(r#"{{"0":{record},"1":{record},"2":{record}}}"#),
            ErrorCode::InvalidFingerprint,
            vec!["1", "2"],
        ),
    ] {
        let error = resume(at, &fingerprints).expect_err("must be refused");
        assert_eq!(error.code, expected, "{fingerprints}");
        assert_eq!(error.invalid_partitions, partitions, "{fingerprints}");
    }
    let good =
        r#"{"0":{"offset":41,"timestampMs":-1},"1":{"offset":"7","timestampMs":"1700000000000"}}"#;
    let Ok(ClientMessage::Resume(good)) = resume(at, good) else {
        panic!("good")
    };
    let read = |p: u32| {
        good.cursors
            .fingerprint(Partition(p))
            .map(|f| (f.offset, f.timestamp_ms))
    };
    assert_eq!(
        (read(0), read(1)),
        (Some((41, -1)), Some((7, 1_700_000_000_000)))
    );
}

/// SEC-04
#[test]
fn a_message_over_the_limit_is_not_parsed() {
    let text = " ".repeat(decode_core::wire::CONTROL_BYTES_MAX + 1);
    assert_eq!(code(&text), ErrorCode::TooLarge);
}

/// DEC-09
#[test]
fn client_messages_round_trip() {
    let positions = ByPartition::from([(Partition(3), Decimal(u64::MAX))]);
    let record = Fingerprint {
        offset: u64::MAX - 1,
        timestamp_ms: i64::MIN,
    };
    let unlisted = |last| Unlisted {
        position: u64::MAX,
        last,
    };
    let cursors = Cursors {
        positions: positions.clone(),
        fingerprints: vec![(Partition(3), record)],
        unlisted: vec![
            (Partition(4), unlisted(None)),
            (Partition(5), unlisted(Some(record))),
        ],
    };
    for message in [
        ClientMessage::Resume(Resume {
            namespace: Some("n".to_string()),
            from: From::Cursor,
            cursors: cursors.clone(),
            parts: 2,
        }),
        ClientMessage::Part(cursors),
        ClientMessage::Ack(Ack {
            bytes: 1 << 60,
            offsets: positions,
        }),
        ClientMessage::Ping,
        ClientMessage::Report(Report {
            apply_lag_ms: 1,
            backlog_frames: 2,
            rejects: 3,
        }),
    ] {
        let text = message.to_text();
        assert_eq!(parse_client(&text).as_ref(), Ok(&message), "{text}");
    }
}

fn welcome() -> Welcome {
    let span = Span {
        earliest: Decimal(1),
        head: Decimal(2),
    };
    Welcome {
        protocol: 1,
        relay_version: "0".to_string(),
        namespace: "n".to_string(),
        topic: "t".to_string(),
        schema_version: 1,
        mode: "strict".to_string(),
        notice: String::new(),
        window_bytes: 1,
        payload_bytes_max: 1,
        limits: WireLimits {
            control_bytes_max: 1,
            resume_partitions_max: 1,
            resume_deadline_ms: 1,
            ack_stall_ms_max: 1,
        },
        partitions: ByPartition::from([(Partition(0), span)]),
        parts: 3,
    }
}

fn one_of_each() -> Vec<RelayMessage> {
    let map = ByPartition::from([(Partition(0), Decimal(5))]);
    vec![
        RelayMessage::Welcome(welcome()),
        RelayMessage::Resumed {
            heads: map.clone(),
            positions: map.clone(),
            parts: 0,
        },
        RelayMessage::Part(RelayPart {
            of: "resumed".to_string(),
            heads: map.clone(),
            positions: map.clone(),
            ..RelayPart::default()
        }),
        RelayMessage::ReplayProgress {
            sent: Decimal(1),
            estimated_total: Decimal(2),
        },
        RelayMessage::ReplayComplete {
            mode: "cursor".to_string(),
            total_replayed: Decimal(1),
            last_offsets_by_partition: map,
            blocked: vec![4],
            missing: vec![5],
            parts: 1,
        },
        RelayMessage::Pong,
        RelayMessage::CursorStale {
            partition: 1,
            requested: Decimal(1),
            oldest: Decimal(2),
        },
        RelayMessage::TopicReset {
            partition: 1,
            requested: Decimal(1),
            position: Decimal(2),
        },
        RelayMessage::Partitions {
            partitions: ByPartition::from([(
                Partition(4),
                Start {
                    position: Decimal(0),
                },
            )]),
        },
        RelayMessage::SchemaStatus {
            partition: 0,
            state: "ok".to_string(),
            version: 1,
            count: Decimal(0),
        },
        RelayMessage::GoingAway {
            reason: "r".to_string(),
            retry_after_ms: 1,
        },
        RelayMessage::ResumeError(RelayText::default()),
        RelayMessage::Error(RelayText::default()),
    ]
}

/// RES-26
#[test]
fn relay_types_are_those_of_wire() {
    let messages = one_of_each();
    assert_eq!(messages.len(), control::OF_RELAY.len());
    for (message, name) in messages.iter().zip(control::OF_RELAY) {
        let text = message.to_text();
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["type"], name);
        assert_eq!(
            parse_relay(&text).expect("readable").as_ref(),
            Some(message),
            "{text}"
        );
    }
}

#[test]
fn clients_pass_over_types_they_do_not_know_and_new_fields() {
    assert_eq!(
        parse_relay(r#"{"type":"confetti","n":1}"#).expect("readable"),
        None
    );
    let pong = parse_relay(r#"{"type":"pong","later":true}"#).expect("readable");
    assert_eq!(pong, Some(RelayMessage::Pong));
    assert!(parse_relay("{}").is_err());
    assert!(parse_relay(r#"{"type":"resumed"}"#).is_err());
}

/// RES-26: the documentation shows what the code speaks.
#[test]
fn every_example_of_the_protocol_document_parses() {
    let document = include_str!("../../../docs/protocol.md");
    let blocks = document
        .split("```json")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let mut parsed = 0;
    for block in blocks {
        for object in serde_json::Deserializer::from_str(block).into_iter::<serde_json::Value>() {
            let text = object.expect("JSON").to_string();
            let known = parse_client(&text).is_ok()
                || parse_relay(&text).is_ok_and(|message| message.is_some());
            assert!(known, "{text}");
            parsed += 1;
        }
    }
    assert!(parsed >= 10, "only {parsed} examples found");
}
