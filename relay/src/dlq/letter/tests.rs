use serde_json::Value;

use super::*;

const OPEN: Limits = Limits {
    include_full_payload: false,
    record_bytes_max: 1_000_000,
};

fn refused(value: Option<&[u8]>) -> Refused<'_> {
    Refused {
        partition: 3,
        offset: 41,
        key: Some(b"thread-1"),
        value,
        cause: Cause::Rejected(RejectCode::Protobuf),
    }
}

fn json(letter: &Letter) -> Value {
    serde_json::from_slice(&letter.to_json().expect("serialises")).expect("is JSON")
}

/// DLQ-04: topic, partition, offset, key, size, digest, reason, both ends.
#[test]
fn a_small_record_is_told_in_full() {
    let value: Vec<u8> = (0..40).collect();
    let letter = Letter::new("t", &refused(Some(&value)), OPEN, 1_700_000_000_123);
    let text = json(&letter);
    assert_eq!(text["source_topic"], "t");
    assert_eq!(text["source_partition"], 3);
    assert_eq!(text["source_offset"], 41);
    assert_eq!(text["source_key_base64"], STANDARD.encode("thread-1"));
    assert_eq!(text["message_size"], 40);
    assert_eq!(text["error_type"], "decode_error");
    assert_eq!(text["reject_code"], RejectCode::Protobuf.code());
    assert_eq!(text["timestamp"], "2023-11-14T22:13:20.123Z");
    assert_eq!(text["original_payload_base64"], STANDARD.encode(&value));
    assert_eq!(text["payload_sha256"], hex(&Sha256::digest(&value)));
    assert_eq!(
        text["first_bytes_hex"],
        "[00, 01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f]"
    );
    assert!(
        text["last_bytes_hex"]
            .as_str()
            .is_some_and(|t| t.ends_with("26, 27]"))
    );
    assert_eq!(text["trace_id"], letter.key());
    // The library omits what does not apply.
    for absent in [
        "original_payload_size_bytes",
        "original_payload_included_bytes",
        "original_payload_truncated",
        "original_payload_sha256",
        "payload_truncation_note",
    ] {
        assert!(text.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn the_same_record_has_the_same_key_and_no_other_has_it() {
    let key = |topic, partition, offset| letter_id(topic, partition, offset).to_string();
    // Known from Python: uuid.uuid5(uuid.NAMESPACE_OID, "t/3/41").
    assert_eq!(key("t", 3, 41), "34b1a0aa-e9f3-5b16-ade1-e81376d9a532");
    assert_ne!(key("t", 3, 41), key("t", 34, 1));
    assert_ne!(key("t", 3, 41), key("t2", 3, 41));
    let one = Letter::new("t", &refused(None), OPEN, 1);
    let again = Letter::new("t", &refused(None), OPEN, 2);
    assert_eq!(one.key(), again.key());
    assert_eq!(one.partition_of(7), again.partition_of(7));
    assert_eq!(one.partition_of(0), 0);
}

/// DLQ-04: 512 KiB, with size and digest of the whole; more by opt-in; never above the limit.
#[test]
fn a_large_record_is_cut_and_says_so() {
    let value = vec![0xA5; 2_000_000];
    let letter = Letter::new("t", &refused(Some(&value)), OPEN, 0);
    let text = json(&letter);
    assert_eq!(text["original_payload_truncated"], true);
    assert_eq!(text["original_payload_size_bytes"], 2_000_000);
    assert_eq!(text["original_payload_included_bytes"], KEPT_BYTES_MAX);
    assert_eq!(
        text["original_payload_sha256"],
        hex(&Sha256::digest(&value))
    );
    let kept = STANDARD.decode(text["original_payload_base64"].as_str().expect("text"));
    assert_eq!(kept.expect("base64").len(), KEPT_BYTES_MAX);
    assert_eq!(
        text["payload_truncation_note"],
        "the first 524288 of 2000000 bytes"
    );

    let full = Limits {
        include_full_payload: true,
        record_bytes_max: 4_000_000,
    };
    let whole = Letter::new("t", &refused(Some(&value)), full, 0);
    assert!(!whole.is_truncated());
    assert!(json(&whole).get("original_payload_truncated").is_none());
}

#[test]
fn no_letter_is_larger_than_its_limit() {
    let topic = "t".repeat(249);
    let key = vec![0xFF; 5000];
    for record_bytes_max in [16 * 1024, 100_000, 1_000_000, 3_000_000] {
        for include_full_payload in [false, true] {
            let limits = Limits {
                include_full_payload,
                record_bytes_max,
            };
            let value = vec![0xFF; 4_000_000];
            let refused = Refused {
                partition: u32::MAX,
                offset: u64::MAX,
                key: Some(&key),
                ..refused(Some(&value))
            };
            let mut letter = Letter::new(&topic, &refused, limits, i64::MAX);
            let size = |letter: &Letter| letter.key().len() + letter.to_json().expect("fine").len();
            assert!(size(&letter) <= record_bytes_max, "{record_bytes_max}");
            let before = size(&letter);
            assert!(letter.shrink() && size(&letter) < before);
            while letter.shrink() {}
            assert!(size(&letter) <= ENVELOPE_BYTES_MAX);
            assert!(letter.is_truncated());
        }
    }
}

#[test]
fn a_record_without_a_value_is_a_letter_too() {
    let letter = Letter::new(
        "t",
        &Refused {
            key: None,
            cause: Cause::Unusable(GapCause::NullValue),
            ..refused(None)
        },
        OPEN,
        0,
    );
    let text = json(&letter);
    assert_eq!(text["original_payload_base64"], "");
    assert_eq!(text["message_size"], 0);
    assert_eq!(text["error_type"], "io_error");
    assert_eq!(text["first_bytes_hex"], "[]");
    assert!(text.get("source_key_base64").is_none());
    assert!(text.get("original_payload_truncated").is_none());
}

#[test]
fn every_cause_has_types_that_are_known() {
    let causes = RejectCode::ALL.iter().map(|&code| Cause::Rejected(code));
    let more = [GapCause::Oversized, GapCause::NullValue].map(Cause::Unusable);
    for cause in causes.chain(more) {
        assert!(!cause.letter_type().is_empty());
    }
}
