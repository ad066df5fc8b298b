//! Payloads with known bytes and the verdict each must get.

mod support;

use decode_core::wire::{FRAME_RAW, MessageKind, PAYLOAD_BYTES_MAX, RejectCode};
use decode_core::{Decoder, EventFacts, EventSink, Framing, Mode};
use support::unhex;

const EVENT: &str = "0a440a370a10000102030405060708090a0b0c0d0e0f108080f9c0c1c482031a0764656661756c74\
220b73657373696f6e2d313233280130014801100a1a07616e616c797a65";

const BATCH: &str = "42b1010a350a10000102030405060708090a0b0c0d0e0f108080f9c0c1c482031a0764656661756c74220b73657373696f6e2d31323330084801\
123b0a370a10000102030405060708090a0b0c0d0e0f108080f9c0c1c482031a0764656661756c74220b73657373696f6e2d313233280730014801100b\
123b0a370a10000102030405060708090a0b0c0d0e0f108080f9c0c1c482031a0764656661756c74220b73657373696f6e2d313233280830014801100a";

fn framed(byte: u8, body: &[u8]) -> Vec<u8> {
    [&[byte], body].concat()
}

fn verdict(payload: &[u8], mode: Mode) -> Result<Option<MessageKind>, RejectCode> {
    let mut decoder = Decoder::new(mode);
    decoder
        .decode(payload, &mut ())
        .map(|d| d.summary.kind)
        .map_err(|e| e.code())
}

#[derive(Default)]
struct Seen(Vec<(u64, i32, String)>);

impl<'a> EventSink<'a> for Seen {
    fn event(&mut self, event: &EventFacts<'a>) {
        self.0.push((
            event.header.sequence,
            event.event_type,
            event.header.thread.to_string(),
        ));
    }
    fn restart(&mut self) {
        self.0.clear();
    }
}

/// DEC-08
#[test]
fn an_event_says_what_it_says() {
    let payload = framed(FRAME_RAW, &unhex(EVENT));
    let mut decoder = Decoder::new(Mode::Strict);
    let decoded = decoder.decode(&payload, &mut ()).expect("valid");
    assert_eq!(decoded.framing, Framing::Raw);
    let summary = decoded.summary;
    assert_eq!(summary.kind, Some(MessageKind::Event));
    assert_eq!((summary.event_type, summary.node.as_str()), (10, "analyze"));
    let header = summary.header;
    assert_eq!(
        (
            header.thread.as_str(),
            header.tenant.as_str(),
            header.sequence
        ),
        ("session-123", "default", 1)
    );
    assert_eq!(header.timestamp_us, 1_700_000_000_000_000);
    assert_eq!(header.message_id, (0u8..16).collect::<Vec<_>>());
    assert_eq!((header.message_type, header.schema_version_raw), (1, 1));
}

/// DEC-18
#[test]
fn a_batch_gives_its_inner_sequences() {
    let payload = framed(FRAME_RAW, &unhex(BATCH));
    let mut decoder = Decoder::new(Mode::Strict);
    let mut seen = Seen::default();
    let summary = decoder.decode(&payload, &mut seen).expect("valid").summary;
    assert_eq!(
        (summary.kind, summary.inner_events),
        (Some(MessageKind::EventBatch), 2)
    );
    assert_eq!(summary.header.sequence, 0);
    let thread = "session-123".to_owned();
    assert_eq!(seen.0, [(7, 11, thread.clone()), (8, 10, thread)]);
}

/// DEC-01, DEC-02, DEC-16, DEC-10
#[test]
fn edge_inputs_get_their_verdicts() {
    let event = unhex(EVENT);
    let packed = include_bytes!("../no-std-program/src/event.bin");
    let ok = Ok(Some(MessageKind::Event));
    let cases: [(&str, Vec<u8>, Result<_, _>, Result<_, _>); 10] = [
        (
            "empty",
            vec![],
            Err(RejectCode::Empty),
            Err(RejectCode::Empty),
        ),
        ("frame byte alone", vec![0], Ok(None), Ok(None)),
        (
            "zstd frame byte alone",
            vec![1],
            Err(RejectCode::Decompress),
            Err(RejectCode::Decompress),
        ),
        (
            "byte 2",
            vec![2, 8, 1],
            Err(RejectCode::BadFrame),
            Err(RejectCode::Protobuf),
        ),
        (
            "unframed protobuf",
            event.clone(),
            Err(RejectCode::BadFrame),
            ok,
        ),
        ("framed zstd", packed.to_vec(), ok, ok),
        (
            "unframed zstd",
            packed[1..].to_vec(),
            Err(RejectCode::BadFrame),
            ok,
        ),
        (
            "JSON",
            b"{\"}".to_vec(),
            Err(RejectCode::BadFrame),
            Err(RejectCode::Protobuf),
        ),
        (
            "framed, cut",
            framed(0, &event[..10]),
            Err(RejectCode::Protobuf),
            Err(RejectCode::Protobuf),
        ),
        // Whatever the inside would look like without its frame byte, it is not tried.
        (
            "zstd byte, plain body",
            framed(1, &event),
            Err(RejectCode::Decompress),
            Err(RejectCode::Decompress),
        ),
    ];
    for (name, payload, strict, compatible) in cases {
        assert_eq!(verdict(&payload, Mode::Strict), strict, "{name}, strict");
        assert_eq!(
            verdict(&payload, Mode::Compatible),
            compatible,
            "{name}, compatible"
        );
    }
}

/// DEC-06
#[test]
fn the_largest_legal_value_is_accepted_and_one_byte_more_is_not() {
    // An unknown field 15 of bytes fills the body to the limit exactly.
    let content = PAYLOAD_BYTES_MAX - 5;
    let mut body = vec![15 << 3 | 2];
    let mut rest = content;
    while rest >= 0x80 {
        body.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    body.push(rest as u8);
    body.resize(PAYLOAD_BYTES_MAX, 0);
    assert_eq!(verdict(&framed(0, &body), Mode::Strict), Ok(None));
    body.push(0);
    assert_eq!(
        verdict(&framed(0, &body), Mode::Strict),
        Err(RejectCode::TooLarge)
    );
}

#[test]
fn every_truncation_of_an_event_is_refused_or_shorter_and_never_a_panic() {
    let event = unhex(EVENT);
    for len in 1..event.len() {
        let got = verdict(&framed(0, &event[..len]), Mode::Strict);
        assert_eq!(got, Err(RejectCode::Protobuf), "{len} bytes");
    }
}

/// DEC-19, VER-01: 0 stands for the first version, and a newer one inside a batch counts for the
/// whole record.
#[test]
fn the_schema_version_is_that_of_the_newest_part() {
    let mut batch = unhex(BATCH);
    let mut decoder = Decoder::new(Mode::Strict);
    let payload = framed(FRAME_RAW, &batch);
    let summary = decoder.decode(&payload, &mut ()).expect("valid").summary;
    assert_eq!(
        (summary.schema_version_max, summary.newer_schema()),
        (1, None)
    );
    // The last event's header ends in 48 01: field 9 = 1.
    let at = batch
        .windows(3)
        .rposition(|w| w == [0x48, 0x01, 0x10])
        .expect("a version");
    batch[at + 1] = 7;
    let payload = framed(FRAME_RAW, &batch);
    let summary = decoder.decode(&payload, &mut ()).expect("valid").summary;
    assert_eq!(summary.header.schema_version(), 1);
    assert_eq!(summary.newer_schema(), Some(7));
    let empty = [FRAME_RAW, 0x0A, 0x00];
    let summary = decoder.decode(&empty, &mut ()).expect("valid").summary;
    assert_eq!(
        (
            summary.header.schema_version_raw,
            summary.schema_version_max
        ),
        (0, 1)
    );
}
