//! `inspect` as a process: trees of what is refused, and captures read by their index.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use decode_core::capture::CaptureWriter;
use decode_core::frame::FrameWriter;
use decode_core::wire::GapCause;
use serde_json::json;
use support::{Folder, dashstream, event, json_lines};

/// DEC-10: a refusal has a typed reason and reaches the screen, with the place.
#[test]
fn a_refused_record_is_shown_down_to_its_failure() {
    let mut bad = event(1);
    bad[6] = 2;
    let input = support::delimited(&[&event(7), &bad]);
    let finished = dashstream(&["inspect"], &input);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let lines = json_lines(&finished.stdout);
    assert_eq!(lines.len(), 2);
    let rejected = &lines[1]["@rejected"];
    assert_eq!(rejected["code"], "protobuf");
    let shown = rejected["tree"].as_array().expect("a tree");
    assert_eq!(
        json!(shown),
        json!([
            "protobuf, 13 bytes, raw",
            "       0  1 event: Event, 11 bytes",
            "       2    1 header: Header, 5 bytes",
            "       4      4 thread_id: \"t(\", 2 bytes",
            "       8      <-- protobuf: field number 0",
        ])
    );
    assert!(finished.stderr.starts_with("-[1]: "), "{finished:?}");
    for line in shown {
        let line = line.as_str().expect("a line");
        assert!(finished.stderr.contains(line), "{line}");
    }
}

/// DEC-11: any damage to any record of every kind leads to a tree that ends at a failure.
#[test]
fn any_damage_has_a_tree() {
    let Some(capture) = support::real_capture() else {
        return;
    };
    let bytes = fs::read(&capture).expect("a file");
    let mut damaged = Vec::new();
    let mut rest = &bytes[..];
    for number in 0_usize.. {
        let Some((head, after)) = rest.split_first_chunk::<20>() else {
            break;
        };
        let (_, after) = prefixed(after);
        let (value, after) = prefixed(after);
        rest = after;
        let mut value = value.to_vec();
        // Cut somewhere, or a byte changed somewhere: a fixed choice, the same in every run.
        let at = (number * 7919 + 13) % value.len();
        if number % 2 == 0 {
            value.truncate(at);
        } else {
            value[at] ^= 0x5A;
        }
        damaged.extend_from_slice(head);
        damaged.extend(0_u32.to_le_bytes());
        damaged.extend((value.len() as u32).to_le_bytes());
        damaged.extend(value);
    }
    let finished = dashstream(&["inspect", "--format", "dashflow"], &damaged);
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let lines = json_lines(&finished.stdout);
    assert_eq!(lines.len(), 903);
    let mut refused = 0;
    for line in &lines {
        let Some(rejected) = line.get("@rejected") else {
            continue;
        };
        refused += 1;
        let tree = rejected["tree"].as_array().expect("a tree");
        let last = tree.last().and_then(|line| line.as_str()).expect("lines");
        let code = rejected["code"].as_str().expect("a code");
        assert!(last.contains(&format!("<-- {code}: ")), "{tree:#?}");
    }
    assert!(refused > 500, "{refused}");
}

fn prefixed(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (len, rest) = bytes.split_first_chunk().expect("a length");
    rest.split_at(u32::from_le_bytes(*len) as usize)
}

/// Two partitions in turn, a block for every ten records of each.
fn capture() -> (Vec<u8>, Vec<usize>) {
    let mut writers = [FrameWriter::new(0, 0), FrameWriter::new(4, 1000)];
    let mut capture = CaptureWriter::new("{}").expect("short metadata");
    let (mut file, mut piece, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
    for block in 0..5_u64 {
        let mut frames = Vec::new();
        for number in block * 10..block * 10 + 10 {
            for (writer, first) in writers.iter_mut().zip([0, 1000]) {
                writer.record(&mut frames, first + number, 5, &event(number as u8));
            }
        }
        if block == 4 {
            writers[0].gap(&mut frames, 50, 50, GapCause::Oversized);
        }
        capture.frames(&frames).expect("whole frames");
        capture.take(&mut piece);
        file.append(&mut piece);
        blocks.push(file.len());
        capture.close_block().expect("room");
    }
    capture.take(&mut piece);
    file.append(&mut piece);
    file.extend(capture.finish().expect("room"));
    (file, blocks)
}

#[test]
fn a_capture_is_read_by_its_index() {
    let folder = Folder::new("index");
    let (whole, blocks) = capture();
    let path = folder.file("whole", &whole);
    let sequences = |args: &[&str]| {
        let finished = dashstream(&[&["inspect"], args].concat(), b"");
        let lines = json_lines(&finished.stdout);
        let of = |line: &serde_json::Value| match line.get("@gap") {
            Some(gap) => gap["last"].clone(),
            None => line["event"]["header"]["sequence"].clone(),
        };
        (finished.code, lines.iter().map(of).collect::<Vec<_>>())
    };
    let numbers = |range: std::ops::Range<u64>| -> Vec<_> {
        range.map(|number| json!(number.to_string())).collect()
    };
    let (code, found) = sequences(&["--partition", "4", "--offset", "1045", &path]);
    assert_eq!((code, found), (Some(0), numbers(45..50)));
    let (code, found) = sequences(&["--partition", "0", "--offset", "48", &path]);
    assert_eq!((code, found), (Some(3), numbers(48..51)), "the gap too");
    let (code, found) = sequences(&["--partition", "7", &path]);
    assert_eq!((code, found), (Some(1), Vec::new()), "no such partition");
    let (code, found) = sequences(&["--offset", "1049", &path]);
    assert_eq!((code, found), (Some(0), numbers(49..50)));

    // Damage in the first block is met only by who reads it.
    let mut damaged = whole.clone();
    damaged[blocks[0] + 40] ^= 1;
    let damaged = folder.file("damaged", &damaged);
    let (code, found) = sequences(&["--partition", "4", "--offset", "1045", &damaged]);
    assert_eq!((code, found), (Some(0), numbers(45..50)));
    assert_eq!(sequences(&["--partition", "4", &damaged]).0, Some(1));
    assert_eq!(sequences(&[&damaged]).0, Some(1));

    // Its writer died: read from the start.
    let unfinished = folder.file("unfinished", &whole[..blocks[4]]);
    let (code, found) = sequences(&["--partition", "4", "--offset", "1035", &unfinished]);
    assert_eq!((code, found), (Some(0), numbers(35..40)));
}

/// What is asked for and cannot be told is an error, never an empty answer.
#[test]
fn places_are_asked_of_formats_that_hold_them() {
    let mut bad = event(1);
    bad[6] = 2;
    let folder = Folder::new("places");
    let payload = folder.file("payload", &bad);
    let delimited = folder.file("delimited", &support::delimited(&[&bad, &bad]));
    for asked in ["--partition", "--offset"] {
        for file in [&payload, &delimited] {
            let finished = dashstream(&["inspect", asked, "0", file], b"");
            assert_eq!(finished.code, Some(2), "{finished:?}");
            assert!(finished.stderr.contains("--partition"), "{finished:?}");
        }
    }
    // A line that cannot be read may be the one that is wanted.
    let finished = dashstream(&["inspect", "--format", "dlq", "--partition", "0"], b"{}\n");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("@unreadable"), "{finished:?}");
}

/// What is piped in comes out at once, not when the sender ends.
#[test]
fn a_record_comes_out_before_the_next_one_goes_in() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dashstream"))
        .args(["inspect", "--format", "delimited", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    for sequence in 1..4 {
        let record = support::delimited(&[&event(sequence)]);
        stdin.write_all(&record).expect("it reads");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it writes");
        let record: serde_json::Value = serde_json::from_str(&line).expect("a text");
        let header = &record["event"]["header"];
        assert_eq!(header["sequence"], sequence.to_string());
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}
