//! `validate` on lines of JSON, made up here and by kcat itself, and on the dead letters of both
//! kinds of DashFlow.

#[path = "support/broker.rs"]
mod broker;
mod support;

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::{Folder, dashstream, event, json_lines};

fn verdicts(stdout: &str) -> Vec<(Value, Value)> {
    let lines = json_lines(stdout);
    let (_, lines) = lines.split_last().expect("a summary");
    lines
        .iter()
        .map(|line| (line["verdict"].clone(), line["code"].clone()))
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// As DashFlow's library writes it: cut at `kept` bytes.
fn library_letter(payload: &[u8], kept: usize, offset: u64) -> String {
    let head = &payload[..kept.min(payload.len())];
    let mut letter = json!({
        "original_payload_base64": STANDARD.encode(head), "error": "e",
        "source_topic": "dashstream-events", "source_partition": 2, "source_offset": offset,
        "timestamp": "2026-01-01T00:00:00Z", "consumer_id": "group",
        "error_type": "decode_error", "trace_id": "7e1f",
    });
    if kept < payload.len() {
        letter["original_payload_truncated"] = json!(true);
        letter["original_payload_size_bytes"] = json!(payload.len());
        letter["original_payload_included_bytes"] = json!(kept);
        letter["original_payload_sha256"] = json!(sha256(payload));
    }
    letter.to_string()
}

/// As DashFlow's server writes it.
fn server_letter(payload: &[u8], full: bool, offset: u64) -> String {
    let last = payload.len().checked_sub(16).map(|at| &payload[at..]);
    json!({
        "trace_id": "7e1f", "timestamp": "2026-01-01T00:00:00Z", "error": "e",
        "error_type": "invalid_protobuf", "payload_sha256": sha256(payload),
        "original_payload_base64": full.then(|| STANDARD.encode(payload)),
        "payload_truncation_note": null, "message_size": payload.len(),
        "first_bytes_hex": format!("{:02x?}", &payload[..payload.len().min(16)]),
        "last_bytes_hex": last.map_or_else(String::new, |last| format!("{last:02x?}")),
        "kafka_partition": 1, "kafka_offset": offset, "message_count": 9,
        "thread_id": null, "tenant_id": null,
    })
    .to_string()
}

/// An event with a node name of that many letters.
fn long_event(len: usize) -> Vec<u8> {
    let mut node = vec![0x1A];
    varint(&mut node, len);
    node.resize(node.len() + len, b'n');
    let mut payload = vec![0, 0x0A];
    varint(&mut payload, node.len());
    payload.extend(node);
    payload
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[test]
fn dead_letters_of_the_library() {
    let big = long_event(600_000);
    let mut bad = big.clone();
    // Inside what is kept: a text that is none.
    bad[300_000] = 0xFF;
    let kept = 512 * 1024;
    let mut wrong: Value = serde_json::from_str(&library_letter(&event(1), 99, 5)).expect("JSON");
    wrong["original_payload_sha256"] = json!(sha256(b"another"));
    let input = [
        library_letter(&event(1), 99, 0),
        library_letter(b"{\"a\":1}", 99, 1),
        String::new(),
        library_letter(&big, kept, 2),
        library_letter(&bad, kept, 3),
        "{\"original_payload_base64\":".to_owned(),
        wrong.to_string(),
    ]
    .join("\n");
    let finished = dashstream(&["validate", "--json"], input.as_bytes());
    assert_eq!(finished.code, Some(1), "two cannot be read: {finished:?}");
    assert_eq!(
        verdicts(&finished.stdout),
        [
            (json!("accepted"), json!(null)),
            (json!("rejected"), json!("bad_frame")),
            (json!("truncated"), json!(null)),
            (json!("rejected"), json!("utf8")),
            (json!("unreadable"), json!(null)),
            (json!("unreadable"), json!(null)),
        ]
    );
    let lines = json_lines(&finished.stdout);
    assert_eq!(
        (
            &lines[2]["index"],
            &lines[2]["bytes"],
            &lines[2]["partition"]
        ),
        (&json!(2), &json!(big.len()), &json!(2))
    );
    assert_eq!(lines[2]["offset"], "2");
    assert_eq!(
        (
            &lines[6]["summary"]["truncated"],
            &lines[6]["summary"]["unreadable"]
        ),
        (&json!(1), &json!(2))
    );

    let cut = library_letter(&big, kept, 2);
    let finished = dashstream(&["validate", "--format", "dlq"], cut.as_bytes());
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let expected =
        "-[0] partition 2 offset 2: truncated: the first 524288 of 600009 bytes do not decide\n";
    assert!(finished.stdout.starts_with(expected), "{finished:?}");
    let inspected = dashstream(&["inspect"], cut.as_bytes());
    assert_eq!(inspected.code, Some(3), "{inspected:?}");
    assert_eq!(json_lines(&inspected.stdout)[0]["@truncated"]["kept"], kept);
}

/// What is wrong with the payload of a letter is said by the byte where it is.
#[test]
fn dead_letters_are_told_by_the_byte() {
    for (payload, expected) in [
        (&b"{}"[..], "bad_frame: unknown frame byte at byte 0"),
        (b"\x00\x0A\x7Fcut", "protobuf: truncated field at byte 2"),
        (b"\x00\x0A\x04\x0A\x02\xFFx", "at byte "),
    ] {
        let letter = library_letter(payload, payload.len(), 9);
        let finished = dashstream(&["validate", "--format", "dlq"], letter.as_bytes());
        assert_eq!(finished.code, Some(3), "{finished:?}");
        let line = finished.stdout.lines().next().unwrap_or_default();
        let said = line.strip_prefix("-[0] partition 2 offset 9: rejected ");
        assert!(
            said.is_some_and(|said| said.contains(expected)),
            "{expected}: {line}"
        );
    }
}

#[test]
fn dead_letters_of_the_server() {
    let big = long_event(100);
    let mut wrong: Value = serde_json::from_str(&server_letter(&big, true, 4)).expect("JSON");
    wrong["payload_sha256"] = json!(sha256(b"another"));
    let oversized = json!({
        "trace_id": "7e1f", "timestamp": "x", "error": "e", "error_type": "payload_too_large",
        "payload_sha256": sha256(b"?"), "original_payload_base64": null,
        "payload_truncation_note": "not kept", "message_size": 20_000_000,
        "first_bytes_hex": "[00]", "last_bytes_hex": "", "kafka_partition": 1, "kafka_offset": 5,
        "message_count": 9,
    });
    let input = [
        server_letter(&event(1), true, 0),
        server_letter(&event(1), false, 1),
        server_letter(&big, false, 2),
        server_letter(b"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]", false, 3),
        oversized.to_string(),
        server_letter(b"", false, 6),
    ]
    .join("\n");
    let finished = dashstream(&["validate", "--json"], input.as_bytes());
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_eq!(
        verdicts(&finished.stdout),
        [
            (json!("accepted"), json!(null)),
            (json!("accepted"), json!(null)),
            (json!("truncated"), json!(null)),
            (json!("rejected"), json!("bad_frame")),
            (json!("rejected"), json!("too_large")),
            (json!("rejected"), json!("empty")),
        ]
    );
    let finished = dashstream(&["validate"], wrong.to_string().as_bytes());
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("SHA-256"), "{finished:?}");
}

/// DEC-16: a null is neither a decode error nor silence, and an empty value is something else.
#[test]
fn lines_of_kcat() {
    let line = |offset: u64, payload: &[u8]| {
        let mut line = format!(
            "{{\"topic\":\"t\",\"partition\":3,\"offset\":{offset},\"tstype\":\"create\",\"ts\":1,\
             \"broker\":1,\"key\":\"k\",\"payload\":"
        )
        .into_bytes();
        line.extend_from_slice(payload);
        line.extend(b"}\n");
        line
    };
    let good = b"\"\\u0000\\n\\u000B\\n\\u0005\\\"\\u0001t(\\u0001\\u0010\\n\\u001A\\u0000\"";
    let input = [
        line(0, good),
        line(1, b"\"\\u0001(\xB5/\xFD\""),
        line(2, b"null"),
        line(3, b"\"\""),
        line(4, "\"\\u0001(\u{FFFD}/\u{FFFD}\"".as_bytes()),
        line(5, b"[1,2]"),
    ]
    .concat();
    let finished = dashstream(&["validate", "--json"], &input);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(
        verdicts(&finished.stdout),
        [
            (json!("accepted"), json!(null)),
            (json!("rejected"), json!("decompress")),
            (json!("gap"), json!("null_value")),
            (json!("rejected"), json!("empty")),
            (json!("unreadable"), json!(null)),
            (json!("unreadable"), json!(null)),
        ]
    );
    let summary = &json_lines(&finished.stdout)[6]["summary"];
    assert_eq!(summary["codes"], json!({"decompress": 1, "empty": 1}));
    assert_eq!(summary["gapCauses"], json!({"null_value": 1}));

    let base64 = format!("\"{}\"", STANDARD.encode(event(7)));
    let finished = dashstream(
        &["validate", "--base64", "--json"],
        &line(0, base64.as_bytes()),
    );
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(json_lines(&finished.stdout)[0]["sequence"], "7");
    let finished = dashstream(&["validate", "--base64", "--format", "dlq"], b"");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let finished = dashstream(&["validate", "--base64"], &event(7));
    assert_eq!(finished.code, Some(1), "not ignored: {finished:?}");
}

#[test]
fn what_kcat_really_writes_is_read_to_the_byte() {
    let Some(kcat) = broker::kcat() else { return };
    let Some(broker) = broker::Broker::start("t:1") else {
        return;
    };
    let folder = Folder::new("kcat");
    let mut zstd = vec![1, 0x28, 0xB5, 0x2F, 0xFD, 0x20, 13, 0x69, 0, 0];
    zstd.extend_from_slice(&event(9)[1..]);
    // A message id of bytes that are no UTF-8.
    let id = [0xFF, 0xFE, 0x80, 0x00, 0x22, 0x5C];
    let mut binary = vec![0, 0x0A, 15, 0x0A, 13, 0x0A, 6];
    binary.extend(id);
    binary.extend([0x22, 1, b't', 0x28, 5]);
    let payloads = [event(1), zstd, binary, vec![0]];
    for (number, payload) in payloads.iter().enumerate() {
        let file = folder.file(&number.to_string(), payload);
        let produced = Command::new(&kcat)
            .args([
                "-P",
                "-b",
                &broker.address,
                "-t",
                "t",
                "-p",
                "0",
                "-k",
                "a \"key\"",
            ])
            .args(["-H", "name=value", &file])
            .status();
        assert!(produced.expect("kcat runs").success());
    }
    let consumed = Command::new(&kcat)
        .args(["-C", "-b", &broker.address, "-t", "t", "-p", "0"])
        .args(["-o", "beginning", "-e", "-q", "-J"])
        .output();
    let output = consumed.expect("kcat runs").stdout;
    let raw = support::delimited(&payloads.each_ref().map(|payload| &payload[..]));

    let of_kcat = dashstream(&["validate", "--json"], &output);
    let of_raw = dashstream(&["validate", "--json", "--format", "delimited"], &raw);
    assert_eq!(of_kcat.code, Some(0), "{of_kcat:?}");
    let (of_kcat, of_raw) = (json_lines(&of_kcat.stdout), json_lines(&of_raw.stdout));
    assert_eq!(of_kcat.len(), payloads.len() + 1);
    for (index, (of_kcat, of_raw)) in of_kcat.iter().zip(&of_raw).enumerate() {
        let mut of_kcat = of_kcat.clone();
        if index < payloads.len() {
            assert_eq!(of_kcat["partition"], 0);
            assert_eq!(of_kcat["offset"], index.to_string());
            let line = of_kcat.as_object_mut().expect("an object");
            line.remove("partition");
            line.remove("offset");
        }
        assert_eq!(of_kcat, *of_raw);
    }
}
