//! Captures opened in the page, in Chromium, with no relay behind it.

use std::{fs, path::Path, time::Duration};

use dashstream_e2e::{
    cli::Cli,
    page::{self, Page},
    place,
    requirement::{Tool, need},
};
use dashstream_proto::v1::{
    DashStreamMessage, DiffOperation, Event, EventBatch, Header, StateDiff, ToolExecution,
    dash_stream_message::Message,
};
use decode_core::{
    capture::CaptureWriter,
    encode::{EncodeOptions, encode},
    frame::FrameWriter,
    wire::{GapCause, PAYLOAD_BYTES_MAX},
};

const PATIENCE: Duration = Duration::from_secs(300);
const TIME_MS: i64 = 1_763_790_000_000;
/// As web/e2e/capture.mjs has it.
const HOSTILE: &str =
    "<img src=x onerror=alert(1)>\u{202e}\u{2066}abc\u{200b}\u{1F468}\u{200d}\u{1F469}end";

fn payload(message: Message) -> Vec<u8> {
    let message = DashStreamMessage {
        message: Some(message),
    };
    let options = EncodeOptions {
        message_bytes_max: PAYLOAD_BYTES_MAX,
        ..EncodeOptions::default()
    };
    encode(&message, &options, &mut |_| None).expect("it can be encoded")
}

fn header(sequence: u64) -> Option<Header> {
    Some(Header {
        message_id: vec![sequence as u8 + 1; 16],
        thread_id: "shapes".to_owned(),
        sequence,
        timestamp_us: TIME_MS * 1_000,
        schema_version: 1,
        ..Header::default()
    })
}

fn event(sequence: u64, event_type: i32, node: &str) -> Event {
    Event {
        header: header(sequence),
        event_type,
        node_id: node.to_owned(),
        ..Event::default()
    }
}

fn tool(sequence: u64, arguments: &[u8], result: Vec<u8>) -> Vec<u8> {
    payload(Message::ToolExecution(ToolExecution {
        header: header(sequence),
        tool_name: "search".to_owned(),
        stage: 3,
        arguments: arguments.to_vec(),
        result,
        ..ToolExecution::default()
    }))
}

/// What is hard to show: a batch, hostile text, a very long value, a type without a name, damage, a gap, escapes.
fn shapes() -> Vec<u8> {
    let batch = Message::EventBatch(EventBatch {
        header: header(0),
        events: vec![
            event(1, 10, "first"),
            event(2, 10, "second"),
            event(3, 10, "third"),
        ],
    });
    let long = format!("\"{}needle\"", "0123456789abcdef".repeat(9 * 65_536));
    let diff = Message::StateDiff(StateDiff {
        header: header(7),
        operations: vec![DiffOperation {
            path: "/a".to_owned(),
            value: br#""\ud800\u0000""#.to_vec(),
            ..DiffOperation::default()
        }],
        ..StateDiff::default()
    });
    let records = [
        payload(batch),
        tool(4, "{\"q\":\"café\",\"n\":[1,2]}".as_bytes(), HOSTILE.into()),
        tool(5, b"{}", long.into_bytes()),
        payload(Message::Event(event(6, 70_000, "n"))),
        b"\x00\x0a\x04\x12\x7fx".to_vec(),
    ];
    let mut frames = Vec::new();
    let mut writer = FrameWriter::new(0, 0);
    for (offset, record) in records.iter().enumerate() {
        writer.record(&mut frames, offset as u64, TIME_MS, record);
    }
    writer.gap(&mut frames, 5, 5, GapCause::Retention);
    writer.record(&mut frames, 6, TIME_MS, &payload(diff));
    file_of(&frames)
}

fn file_of(frames: &[u8]) -> Vec<u8> {
    let metadata = r#"{"writer":"test","topic":"shapes","mode":"strict"}"#;
    let mut writer = CaptureWriter::new(metadata).expect("short metadata");
    writer.frames(frames).expect("frames of our own");
    writer.finish().expect("few blocks")
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// Issue H, 6; X31, X32, X36, D-39: captures open by picker and by drop, everything in them can be read, what
/// cannot be is named, and the real capture gives the totals that the command line tool gives.
#[test]
fn captures_open_in_the_page_without_a_relay() {
    let Some(dist) = page::built() else { return };
    let out = place::log_file("captures").with_extension("");
    let files = out.join("files");
    fs::create_dir_all(&files).expect("a folder for the captures");
    let whole = shapes();
    write(&files, "shapes.dscap", &whole);
    write(&files, "cut.dscap", &whole[..whole.len() / 2]);
    write(&files, "empty.dscap", b"");
    write(&files, "zeros.bin", &[0; 4_096]);
    let mut small = Vec::new();
    let one = payload(Message::Event(event(1, 10, "only")));
    FrameWriter::new(0, 0).record(&mut small, 0, TIME_MS, &one);
    write(&files, "small.dscap", &file_of(&small));
    let real = need(Tool::Capture).map(|corpus| corpus.join("dashflow-real.capture"));
    let (dist, files, out) = (text(&dist), text(&files), text(&out));
    let mut arguments = vec!["--dist", &dist, "--files", &files, "--out", &out];
    let real = real.as_deref().map(text);
    if let Some(real) = &real {
        arguments.extend(["--real", real]);
    }
    let Some(page) = Page::open("capture.mjs", &arguments) else {
        return;
    };
    let result = page.wait(PATIENCE);
    assert_eq!(result["ok"], true, "{result}");
    let Some(real) = real else { return };
    let checks = result["checks"].as_array().expect("a list");
    let shown = checks
        .iter()
        .find(|check| check["name"] == "the real capture");
    let shown = &shown.expect("it was opened")["seen"];
    let Some(cli) = Cli::start("validate", &["validate", &real, "--json"]) else {
        return;
    };
    let told = cli.wait(PATIENCE);
    assert_eq!(told.status.code(), Some(0), "{}", told.errors);
    let summary = told.output.lines().last().unwrap_or_default();
    let summary: serde_json::Value = serde_json::from_str(summary).expect("JSON");
    assert_eq!(
        shown["records"], summary["summary"]["accepted"],
        "{shown} {summary}"
    );
    assert_eq!(shown["records"], 903);
    assert_eq!(shown["rejects"], 0);
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
