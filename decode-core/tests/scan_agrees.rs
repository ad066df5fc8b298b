//! The checked pass against prost, the full decoder: the same verdict on the same bytes, and the
//! same facts. Seeded mutations of messages of every kind, bounded in number.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "a test looks at the cases it is about"
)]

mod support;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{self, DashStreamMessage, Header};
use decode_core::scan::{MAP_WIRE_TYPE, scan};
use decode_core::text::canonical_json;
use decode_core::wire::{INNER_EVENTS_MAX, MessageKind, NESTING_DEPTH_MAX, RejectCode};
use decode_core::{EventFacts, EventSink, Reject};
use prost::Message as _;
use support::Random;

#[derive(Default)]
struct Events(Vec<(u64, i32, String)>);

impl<'a> EventSink<'a> for Events {
    fn event(&mut self, event: &EventFacts<'a>) {
        self.0.push((
            event.header.sequence,
            event.event_type,
            event.node.to_string(),
        ));
    }
    fn restart(&mut self) {
        self.0.clear();
    }
}

/// The two places where the pass refuses what prost accepts.
fn is_stricter(reject: Reject) -> bool {
    reject.what() == MAP_WIRE_TYPE || reject.code() == RejectCode::TooManyEvents
}

fn compare(body: &[u8]) -> bool {
    let mut events = Events::default();
    let scanned = scan(body, &mut events);
    let full = DashStreamMessage::decode(body);
    let hex = || body.iter().map(|b| format!("{b:02x}")).collect::<String>();
    if scanned.is_err_and(is_stricter) {
        return false;
    }
    assert_eq!(
        scanned.is_ok(),
        full.is_ok(),
        "{scanned:?} {full:?} on {}",
        hex()
    );
    let (Ok(summary), Ok(full)) = (scanned, full) else {
        return false;
    };
    let Some(message) = full.message else {
        assert_eq!(summary.kind, None, "{}", hex());
        return true;
    };
    let default = Header::default();
    let header = message.header().unwrap_or(&default);
    assert_eq!(
        summary.header.present,
        message.header().is_some(),
        "{}",
        hex()
    );
    assert_eq!(summary.header.thread, header.thread_id, "{}", hex());
    assert_eq!(summary.header.tenant, header.tenant_id, "{}", hex());
    assert_eq!(summary.header.sequence, header.sequence, "{}", hex());
    assert_eq!(
        summary.header.timestamp_us,
        header.timestamp_us,
        "{}",
        hex()
    );
    assert_eq!(summary.header.message_id, header.message_id, "{}", hex());
    assert_eq!(
        summary.header.schema_version_raw,
        header.schema_version,
        "{}",
        hex()
    );
    assert_eq!(summary.header.message_type, header.r#type, "{}", hex());
    match message {
        Message::Event(event) => {
            assert_eq!(summary.kind, Some(MessageKind::Event));
            assert_eq!(summary.node, event.node_id);
            let own = (summary.event_type, summary.duration_us);
            assert_eq!(own, (event.event_type, event.duration_us));
        }
        Message::EventBatch(batch) => {
            let full: Vec<_> = batch
                .events
                .iter()
                .map(|e| {
                    let sequence = e.header.as_ref().map_or(0, |h| h.sequence);
                    (sequence, e.event_type, e.node_id.clone())
                })
                .collect();
            assert_eq!(events.0, full, "{}", hex());
        }
        Message::Metrics(metrics) => assert_eq!(summary.scope, metrics.scope),
        Message::ToolExecution(tool) => assert_eq!(summary.text, tool.tool_name),
        _ => {}
    }
    true
}

/// Any 64 bits.
fn any(random: &mut Random) -> u64 {
    random.below(1 << 32) << 32 | random.below(1 << 32)
}

fn header(random: &mut Random) -> Option<Header> {
    Some(Header {
        message_id: (0..16).map(|_| any(random) as u8).collect(),
        timestamp_us: any(random) as i64,
        tenant_id: "tenant-ß".into(),
        thread_id: "поток/α 1".into(),
        sequence: any(random),
        r#type: random.below(12) as i32,
        schema_version: random.below(4) as u32,
        ..Header::default()
    })
}

fn value(random: &mut Random, depth: u32) -> v1::AttributeValue {
    use v1::attribute_value::Value;
    let value = match random.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::StringValue("text €".into()),
        1 => Value::IntValue(any(random) as i64),
        2 => Value::FloatValue(f64::from_bits(any(random))),
        3 => Value::BoolValue(random.below(2) == 0),
        4 => Value::BytesValue(vec![0xFF, 0xFE]),
        5 => Value::ArrayValue(v1::AttributeArray {
            values: (0..2).map(|_| self::value(random, depth - 1)).collect(),
        }),
        _ => Value::MapValue(v1::AttributeMap {
            values: [("k".to_owned(), self::value(random, depth - 1))].into(),
        }),
    };
    v1::AttributeValue { value: Some(value) }
}

fn event(random: &mut Random) -> v1::Event {
    v1::Event {
        header: header(random),
        event_type: random.below(100) as i32,
        node_id: "node".into(),
        attributes: [
            ("a".to_owned(), value(random, 3)),
            (String::new(), value(random, 1)),
        ]
        .into(),
        duration_us: any(random) as i64,
        llm_request_id: "req".into(),
    }
}

#[allow(clippy::too_many_lines, reason = "one arm per kind")]
fn message(random: &mut Random) -> Message {
    match random.below(9) {
        0 => Message::Event(event(random)),
        1 => Message::StateDiff(v1::StateDiff {
            header: header(random),
            operations: vec![v1::DiffOperation {
                path: "/a".into(),
                ..Default::default()
            }],
            state_hash: vec![1; 32],
            ..Default::default()
        }),
        2 => Message::TokenChunk(v1::TokenChunk {
            header: header(random),
            token_ids: vec![1, 300, u32::MAX],
            logprobs: vec![-0.5, f32::NAN],
            text: "tok".into(),
            stats: Some(v1::TokenStats::default()),
            ..Default::default()
        }),
        3 => Message::ToolExecution(v1::ToolExecution {
            header: header(random),
            tool_name: "search".into(),
            error_details: Some(v1::Error {
                message: "e".into(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        4 => Message::Checkpoint(v1::Checkpoint {
            header: header(random),
            state: vec![0; 40],
            compression_info: Some(v1::CompressionInfo {
                compression_ratio: 2.5,
                ..Default::default()
            }),
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            ..Default::default()
        }),
        5 => Message::Metrics(v1::Metrics {
            header: header(random),
            scope: "node".into(),
            scope_id: "n".into(),
            metrics: [(
                "m".to_owned(),
                v1::MetricValue {
                    unit: "us".into(),
                    ..Default::default()
                },
            )]
            .into(),
            ..Default::default()
        }),
        6 => Message::Error(v1::Error {
            header: header(random),
            suggestions: vec!["a".into(), String::new()],
            ..Default::default()
        }),
        7 => Message::EventBatch(v1::EventBatch {
            header: header(random),
            events: (0..3).map(|_| event(random)).collect(),
        }),
        _ => Message::ExecutionTrace(v1::ExecutionTrace {
            header: header(random),
            nodes_executed: vec![v1::NodeExecutionRecord {
                node: "n".into(),
                ..Default::default()
            }],
            metadata: [("k".to_owned(), vec![1, 2])].into(),
            ..Default::default()
        }),
    }
}

fn mutate(random: &mut Random, body: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        if body.is_empty() {
            return;
        }
        let at = random.below(body.len() as u64) as usize;
        match random.below(7) {
            0 => body[at] = any(random) as u8,
            1 => body[at] ^= 1 << random.below(8),
            2 => body.truncate(at),
            3 => drop(body.remove(at)),
            4 => body.insert(at, any(random) as u8),
            5 => body.extend_from_within(at..),
            _ => body.insert(
                at,
                [0x0A, 0x12, 0x1B, 0x1C, 0x80, 0xFF][random.below(6) as usize],
            ),
        }
    }
}

/// DEC-11
#[test]
fn scan_agrees_with_prost() {
    let mut random = Random::new(20_261_122);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..2_000 {
        let whole = DashStreamMessage {
            message: Some(message(&mut random)),
        };
        let body = whole.encode_to_vec();
        assert!(compare(&body), "an encoded message is valid");
        for _ in 0..20 {
            let mut mutated = body.clone();
            mutate(&mut random, &mut mutated);
            if compare(&mutated) {
                good += 1
            } else {
                bad += 1
            }
        }
    }
    assert!(
        good > 2_000 && bad > 2_000,
        "{good} accepted, {bad} refused: the test is lopsided"
    );
}

/// An attribute nested `arrays` arrays deep, hand-made: encoders have limits of their own.
fn nested(arrays: u32) -> Vec<u8> {
    let wrap = |number: u8, inner: &[u8]| {
        let mut out = vec![number << 3 | 2];
        let mut len = inner.len();
        while len >= 0x80 {
            out.push(len as u8 | 0x80);
            len >>= 7;
        }
        out.push(len as u8);
        out.extend_from_slice(inner);
        out
    };
    let mut value = vec![];
    for _ in 0..arrays {
        value = wrap(6, &wrap(1, &value));
    }
    wrap(1, &wrap(4, &wrap(2, &value)))
}

/// DEC-11
#[test]
fn nesting_is_cut_where_prost_cuts_it() {
    // Event, map entry and value are three levels; each array adds two.
    let fits = (NESTING_DEPTH_MAX - 3) / 2;
    for arrays in [0, 1, fits - 1, fits, fits + 1, fits + 2, 1_000, 100_000] {
        let body = nested(arrays);
        compare(&body);
        let code = scan(&body, &mut ()).map(drop).map_err(|e| e.code());
        let expected = if arrays <= fits {
            Ok(())
        } else {
            Err(RejectCode::TooDeep)
        };
        assert_eq!(code, expected, "{arrays} arrays");
    }
    let groups = |depth: usize| {
        let mut body = [0xFB, 0x01].repeat(depth);
        body.extend([0xFC, 0x01].repeat(depth));
        body
    };
    for depth in [1, 98, 99, 100, 101, 10_000] {
        compare(&groups(depth));
    }
}

/// VER-03
#[test]
fn a_later_member_of_the_oneof_replaces_an_earlier_one() {
    let mut random = Random::new(7);
    let batch = DashStreamMessage {
        message: Some(Message::EventBatch(v1::EventBatch {
            header: None,
            events: vec![event(&mut random)],
        })),
    };
    let token = DashStreamMessage {
        message: Some(Message::TokenChunk(v1::TokenChunk::default())),
    };
    let body = [batch.encode_to_vec(), token.encode_to_vec()].concat();
    let mut events = Events::default();
    let summary = scan(&body, &mut events).expect("valid");
    assert_eq!(summary.kind, Some(MessageKind::TokenChunk));
    assert!(events.0.is_empty());
    compare(&body);
    compare(&[batch.encode_to_vec(), batch.encode_to_vec()].concat());
}

/// DEC-11, BND-01: the bound on events holds for pass and text, where prost has none.
#[test]
fn a_batch_is_cut_where_it_holds_too_many_events() {
    let events = |count: u32| v1::EventBatch {
        header: None,
        events: vec![v1::Event::default(); count as usize],
    };
    let batch = |count| {
        let message = Some(Message::EventBatch(events(count)));
        DashStreamMessage { message }.encode_to_vec()
    };
    let verdict = |body: &[u8]| {
        let scanned = scan(body, &mut ()).map(|summary| summary.inner_events);
        let text = canonical_json(body).map(|text| text.matches("{}").count() as u32);
        assert_eq!(scanned, text, "pass and text");
        scanned.map_err(|reject| (reject.code(), reject.at()))
    };
    let max = INNER_EVENTS_MAX;
    for count in [max - 1, max] {
        let body = batch(count);
        assert!(compare(&body), "{count} events");
        assert_eq!(verdict(&body), Ok(count));
    }
    // Tag and length of the batch, then two bytes an event.
    let first_over = 4 + 2 * max as usize;
    let too_many = |at| Err((RejectCode::TooManyEvents, at));
    for count in [max + 1, 5_000_000] {
        let body = batch(count);
        assert!(DashStreamMessage::decode(&body[..]).is_ok(), "prost");
        let prefix = body.len() - 2 * count as usize;
        assert_eq!(verdict(&body), too_many(prefix + first_over - 4));
    }
    // Merged, the parts of a batch count together; replaced, they do not.
    let token = DashStreamMessage {
        message: Some(Message::TokenChunk(v1::TokenChunk::default())),
    };
    let parts = [batch(max - 2), batch(3)];
    assert_eq!(
        verdict(&parts.concat()),
        too_many(parts[0].len() + 2 + 2 * 2)
    );
    let replaced = [&parts[0], &token.encode_to_vec(), &parts[1]];
    assert!(compare(&replaced.map(Vec::as_slice).concat()));
}

#[test]
fn kinds_are_numbered_as_the_envelope_numbers_them() {
    for field in dashstream_proto::schema::DASH_STREAM_MESSAGE.fields {
        let kind = MessageKind::from_number(field.number as u8).expect("every member has a kind");
        assert_eq!(kind.code(), field.name);
    }
    assert_eq!(
        MessageKind::ALL.len(),
        dashstream_proto::schema::DASH_STREAM_MESSAGE.fields.len()
    );
}
