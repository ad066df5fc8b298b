//! `validate` and `inspect` as processes: formats, verdicts, exit codes.

mod support;

use decode_core::capture::CaptureWriter;
use decode_core::frame::FrameWriter;
use decode_core::wire::{GapCause, PAYLOAD_BYTES_MAX, RejectCode};
use serde_json::{Value, json};
use support::{Folder, dashstream, delimited, event};

#[test]
fn accepted_payloads_exit_0_rejected_3() {
    let folder = Folder::new("exit");
    let good = folder.file("good", &event(1));
    let json = folder.file("json", b"{\"a\":1}");
    let legacy = folder.file("legacy", &event(1)[1..]);
    for (args, code) in [
        (vec!["validate", &good], 0),
        (vec!["validate", &good, &json], 3),
        (vec!["validate", &legacy], 3),
        (vec!["validate", "--strict", &legacy], 3),
        (vec!["validate", "--compatible", &legacy, &good], 0),
        (vec!["validate", "--compatible", &json], 3),
        (vec!["inspect", &good], 0),
        (vec!["inspect", &json], 3),
    ] {
        let finished = dashstream(&args, b"");
        assert_eq!(finished.code, Some(code), "{args:?}: {finished:?}");
    }
}

#[test]
fn unreadable_input_exits_1_and_the_rest_is_still_read() {
    let folder = Folder::new("unreadable");
    let missing = folder.path("missing");
    let good = folder.file("good", &event(1));
    let finished = dashstream(&["validate", &missing, &good], b"");
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("missing"), "{finished:?}");
    assert!(finished.stdout.contains("1 accepted"), "{finished:?}");

    let mut cut = delimited(&[&event(1), &event(2)]);
    cut.pop();
    let finished = dashstream(&["validate", "--format", "delimited"], &cut);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("ends inside"), "{finished:?}");
    let finished = dashstream(&["validate", "--format", "capture"], b"no capture at all");
    assert!(finished.stderr.contains("does not start"), "{finished:?}");
    let finished = dashstream(&["validate", "--format", "delimited"], &cut);
    assert!(finished.stdout.contains("1 accepted"), "{finished:?}");
}

#[test]
fn a_wrong_command_line_exits_2() {
    for args in [
        &["validate", "--strict", "--compatible"][..],
        &["validate", "--format", "xml"],
        &["validate", "--no-such-flag"],
        &["tail", "127.0.0.1:1", "--from", "latest", "--cursor", "0:1"],
        &["tail", "127.0.0.1:1", "--from", "cursor"],
        &["tail", "127.0.0.1:99999"],
        &["no-such-command"],
        &[],
    ] {
        assert_eq!(dashstream(args, b"").code, Some(2), "{args:?}");
    }
}

#[test]
fn json_has_one_object_per_payload_and_a_summary() {
    let newer = [0, 0x0A, 4, 0x0A, 2, 0x48, 2];
    let input = delimited(&[&event(7), b"", &newer, &[0], &event(7)[..9]]);
    let finished = dashstream(&["validate", "--json"], &input);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let lines: Vec<Value> = lines(&finished.stdout);
    let line = |index: u64, verdict: &str, more: Value| {
        let mut line = json!({
            "input": "-", "index": index, "verdict": verdict, "code": null, "kind": null,
            "threadId": null, "sequence": null, "schemaVersion": null, "mismatch": null,
            "bytes": 0, "decodedBytes": null,
        });
        for (key, value) in more.as_object().expect("an object") {
            line[key] = value.clone();
        }
        line
    };
    assert_eq!(
        lines,
        [
            line(
                0,
                "accepted",
                json!({
                    "kind": "event", "threadId": "t", "sequence": "7", "schemaVersion": 1,
                    "mismatch": false, "bytes": 14, "decodedBytes": 13,
                })
            ),
            line(1, "rejected", json!({"code": "empty"})),
            line(
                2,
                "accepted",
                json!({
                    "kind": "event", "threadId": "", "sequence": "0", "schemaVersion": 2,
                    "mismatch": true, "bytes": 7, "decodedBytes": 6,
                })
            ),
            line(
                3,
                "accepted",
                json!({
                    "threadId": "", "sequence": "0", "schemaVersion": 1, "mismatch": false,
                    "bytes": 1, "decodedBytes": 0,
                })
            ),
            line(4, "rejected", json!({"code": "protobuf", "bytes": 9})),
            json!({"summary": {
                "payloads": 5, "accepted": 3, "rejected": 2, "truncated": 0, "unreadable": 0,
                "gaps": 0, "mismatches": 1, "bytes": 31, "kinds": {"event": 2, "unset": 1},
                "codes": {"empty": 1, "protobuf": 1}, "gapCauses": {},
            }}),
        ]
    );
}

#[test]
fn a_batch_has_the_highest_sequence_inside() {
    let event = &event(9)[3..];
    let mut inner = vec![0x12, event.len() as u8];
    inner.extend_from_slice(event);
    let mut payload = vec![0, 0x42, inner.len() as u8];
    payload.extend(inner);
    let finished = dashstream(&["validate", "--json", "--format", "payload"], &payload);
    let line = &lines(&finished.stdout)[0];
    assert_eq!(
        (&line["kind"], &line["threadId"]),
        (&json!("event_batch"), &json!("t"))
    );
    assert_eq!(line["sequence"], "9");
}

#[test]
fn a_capture_shows_rejects_and_gaps_in_their_place() {
    let mut frames = Vec::new();
    let mut partition = FrameWriter::new(3, 0);
    partition.record(&mut frames, 0, 1, &event(1));
    partition.gap(&mut frames, 1, 4, GapCause::Retention);
    partition.reject(&mut frames, 5, 1, RejectCode::Utf8, b"\x00\xFF");
    partition.mark(&mut frames, 9);
    partition.record(&mut frames, 9, 1, &event(2));
    let mut writer = CaptureWriter::new("{}").expect("short metadata");
    writer.frames(&frames).expect("whole frames");
    let file = writer.finish().expect("room");

    let finished = dashstream(&["validate", "--json"], &file);
    assert_eq!(finished.code, Some(3));
    let seen: Vec<_> = lines(&finished.stdout)
        .iter()
        .map(|line| {
            (
                line["offset"].clone(),
                line["verdict"].clone(),
                line["code"].clone(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (json!("0"), json!("accepted"), json!(null)),
            (json!("1"), json!("gap"), json!("retention")),
            (json!("5"), json!("rejected"), json!("utf8")),
            (json!("9"), json!("accepted"), json!(null)),
            (json!(null), json!(null), json!(null)),
        ]
    );

    let finished = dashstream(&["inspect", "--partition", "3", "--offset", "4"], &file);
    let seen = lines(&finished.stdout);
    assert_eq!(seen[0]["@gap"]["last"], "4");
    assert_eq!(
        seen[1]["@rejected"],
        json!({
            "code": "utf8", "what": "refused by the relay", "hex": "00ff",
        })
    );
    assert_eq!(seen[2]["event"]["header"]["sequence"], "2");
    assert_eq!(seen.len(), 3);

    // Its writer died before the index: the data is there, and that is said.
    let cut = &file[..file.len() - 20 - 12 - 32];
    let finished = dashstream(&["validate"], cut);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stderr.contains("did not finish"), "{finished:?}");
    let finished = dashstream(&["validate"], &file[..file.len() - 90]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
}

#[test]
fn payloads_at_and_over_the_limit() {
    // One header field after the other, the last of which counts.
    let body_of = |len: usize| {
        let mut body = vec![0];
        let inner = len - 5;
        body.extend([
            0x0A,
            inner as u8 | 0x80,
            (inner >> 7) as u8 | 0x80,
            (inner >> 14) as u8 | 0x80,
        ]);
        body.push((inner >> 21) as u8);
        body.extend([0x28, 1].iter().cycle().take(inner));
        body
    };
    let at = body_of(PAYLOAD_BYTES_MAX - 1);
    let over = body_of(PAYLOAD_BYTES_MAX + 1);
    let finished = dashstream(&["validate", "--format", "payload"], &at);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let finished = dashstream(&["validate", "--format", "payload"], &over);
    assert!(
        finished.stdout.contains("rejected too_large"),
        "{finished:?}"
    );
    let both = delimited(&[&over, &event(1)]);
    let finished = dashstream(&["validate", "--format", "delimited"], &both);
    assert!(
        finished.stdout.contains("1 accepted, 1 rejected"),
        "{finished:?}"
    );
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_dashstream"))
        .args(["inspect", "--format", "delimited"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("stdin is piped");
    let payloads = delimited(&[&event(1)]).repeat(200_000);
    let feed = std::thread::spawn(move || drop(input.write_all(&payloads)));
    let mut first = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    output.read_line(&mut first).expect("a line");
    drop(output);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    feed.join().expect("feeder");
    assert!(first.starts_with("{\"event\":"), "{first}");
}

#[test]
fn the_real_capture_is_accepted_whole() {
    let Some(capture) = support::real_capture() else {
        return;
    };
    let finished = dashstream(&["validate", "--json", &capture], b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let lines = lines(&finished.stdout);
    assert_eq!(lines.len(), 904);
    assert_eq!(
        lines[903]["summary"],
        json!({
            "payloads": 903, "accepted": 903, "rejected": 0, "truncated": 0, "unreadable": 0,
            "gaps": 0, "mismatches": 0, "bytes": 230_057, "codes": {}, "gapCauses": {},
            "kinds": {
                "event": 510, "state_diff": 177, "token_chunk": 95, "checkpoint": 48,
                "tool_execution": 30, "event_batch": 25, "metrics": 12, "error": 6,
            },
        })
    );
    let inspected = dashstream(&["inspect", &capture], b"");
    assert_eq!(
        (inspected.code, inspected.stdout.lines().count()),
        (Some(0), 903)
    );
}

fn lines(output: &str) -> Vec<Value> {
    output
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}
