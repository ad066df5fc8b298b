//! One opened run in Chromium, on what the real library sent.

use std::{fs, path::Path, time::Duration};

use dashstream_e2e::{
    child::until,
    cli::Cli,
    page::{self, Page},
    place,
    requirement::{Tool, need},
};
use dashstream_proto::v1::{
    AttributeValue, DashStreamMessage, Error, Event, EventType, Header, TokenChunk, ToolExecution,
    attribute_value::Value, dash_stream_message::Message,
};
use decode_core::{
    capture::CaptureWriter,
    encode::{EncodeOptions, encode},
    frame::FrameWriter,
    wire::{PAYLOAD_BYTES_MAX, RejectCode},
};

use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(240);
/// For a walk that judges more than fifty looks.
const PATIENCE_WALK: Duration = Duration::from_secs(900);

/// As web/e2e/foreign.mjs has it.
const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{202e}\u{2066}abc`\u{200b}\0end";
const TIME_US: i64 = 1_763_790_000_000_000;

/// Half of a pair, a NUL, and a line of much of what a record may hold, in JSON.
fn hostile_arguments() -> Vec<u8> {
    let long = HOSTILE.repeat(7 * 1024 * 1024 / HOSTILE.len());
    let json = json!({ HOSTILE: HOSTILE, "long": long }).to_string();
    let json = json.replacen('{', r#"{"half":"\ud800\u0000","#, 1);
    json.into_bytes()
}

/// A run whose every name and text would do harm if it were taken for markup.
fn hostile_messages() -> [Message; 6] {
    let header = |at: u8| {
        Some(Header {
            message_id: vec![at; 16],
            thread_id: HOSTILE.to_owned(),
            sequence: at.into(),
            timestamp_us: TIME_US + i64::from(at) * 1_000,
            schema_version: 1,
            ..Header::default()
        })
    };
    let event = |at, event_type: EventType, node: &str| Event {
        header: header(at),
        event_type: event_type.into(),
        node_id: node.to_owned(),
        ..Event::default()
    };
    let text = || AttributeValue {
        value: Some(Value::StringValue(HOSTILE.to_owned())),
    };
    [
        Message::Event(Event {
            attributes: [("graph_name".to_owned(), text())].into(),
            ..event(1, EventType::GraphStart, "")
        }),
        Message::Event(event(2, EventType::NodeStart, HOSTILE)),
        Message::TokenChunk(TokenChunk {
            header: header(3),
            request_id: HOSTILE.to_owned(),
            text: HOSTILE.to_owned(),
            ..TokenChunk::default()
        }),
        Message::ToolExecution(ToolExecution {
            header: header(4),
            call_id: HOSTILE.to_owned(),
            tool_name: HOSTILE.to_owned(),
            stage: 4,
            arguments: hostile_arguments(),
            error: HOSTILE.to_owned(),
            ..ToolExecution::default()
        }),
        Message::Error(Error {
            header: header(5),
            error_code: HOSTILE.to_owned(),
            message: HOSTILE.to_owned(),
            stack_trace: HOSTILE.to_owned(),
            severity: 4,
            ..Error::default()
        }),
        Message::Event(Event {
            attributes: [("error".to_owned(), text())].into(),
            ..event(6, EventType::NodeError, HOSTILE)
        }),
    ]
}

/// A capture of it that says of itself what would do harm, too; its last record cannot be read.
fn hostile_run() -> Vec<u8> {
    let mut frames = Vec::new();
    let mut writer = FrameWriter::new(0, 0);
    for (offset, message) in hostile_messages().into_iter().enumerate() {
        let message = DashStreamMessage {
            message: Some(message),
        };
        let options = EncodeOptions {
            message_bytes_max: PAYLOAD_BYTES_MAX,
            ..EncodeOptions::default()
        };
        let record = encode(&message, &options, &mut |_| None);
        let record = record.expect("it can be encoded");
        writer.record(&mut frames, offset as u64, TIME_US / 1_000, &record);
    }
    let rejected = ["\0".as_bytes(), HOSTILE.as_bytes()].concat();
    writer.reject(
        &mut frames,
        6,
        TIME_US / 1_000,
        RejectCode::Protobuf,
        &rejected,
    );
    let metadata = json!({
        "writer": "test",
        "topic": HOSTILE,
        "mode": "strict",
        "startedAt": HOSTILE,
        "leftOut": HOSTILE,
    });
    let mut writer = CaptureWriter::new(&metadata.to_string()).expect("short metadata");
    writer.frames(&frames).expect("frames of our own");
    writer.finish().expect("one block")
}

/// SEC-09, BND-15, UX-15: markup, overrides, isolates that are never closed, NUL, half of a pair and a line of 7 MiB
/// stay text, alone in their box, in each view at each width; in Markdown what is hidden is written out.
#[test]
fn what_a_hostile_stream_says_stays_in_its_box() {
    let Some(page) = page::built() else { return };
    let out = place::log_file("hostile").with_extension("");
    fs::create_dir_all(&out).expect("a folder for the pictures");
    let made = out.join("hostile.dscap");
    fs::write(&made, hostile_run()).expect("room for a capture");
    let Some((_serving, url)) = serve("serve-all-hostile", &made, &page) else {
        return;
    };
    let (file, out) = (made.display().to_string(), out.display().to_string());
    walk(
        "hostile.mjs",
        &["--url", &url, "--file", &file, "--out", &out],
        PATIENCE,
    );
}

/// UX-15, D-38: each view and what opens in it, in both themes, with forced colours and at 200 % zoom, has nothing
/// that WCAG 2.2 A and AA would name, and nothing that sticks out.
#[test]
fn every_view_is_accessible_in_every_look() {
    let Some(corpus) = need(Tool::Capture) else {
        return;
    };
    let Some(page) = page::built() else { return };
    let capture = corpus.join("dashflow-real.capture");
    let Some((_serving, url)) = serve("serve-looks", &capture, &page) else {
        return;
    };
    let out = place::log_file("looks").with_extension("");
    let (file, out) = (capture.display().to_string(), out.display().to_string());
    walk(
        "looks.mjs",
        &["--url", &url, "--file", &file, "--out", &out],
        PATIENCE_WALK,
    );
}

/// Nothing that a script looks for may be amiss.
fn walk(script: &str, arguments: &[&str], patience: Duration) {
    if let Some(page) = Page::open(script, arguments) {
        let result = page.wait(patience);
        assert_eq!(result["ok"], true, "{result}");
    }
}

/// A capture behind the page, and where.
fn serve(name: &str, file: &Path, page: &Path) -> Option<(Cli, String)> {
    let (file, page) = (file.display().to_string(), page.display().to_string());
    let arguments = [
        "replay", &file, "--serve", "0", "--page", &page, "--for", "900",
    ];
    let serving = Cli::start(name, &arguments)?;
    let url = until("the address it serves at", Duration::from_secs(60), || {
        let output = serving.output();
        let url = output.lines().next()?.trim().to_owned();
        url.starts_with("http://").then_some(url)
    });
    Some((serving, url))
}

/// STA-20, PRO-02, PRO-08, TIM-04, UX-03, UX-11, UX-15, UX-18, SEC-09, BND-15: the waterfall and its treegrid,
/// the walk by keyboard, errors within a run and across runs, links, waiting, losses, Markdown, and hostile text
/// that stays text and turns no words around it.
#[test]
fn a_run_of_the_real_capture_is_read_from_inside() {
    let Some(corpus) = need(Tool::Capture) else {
        return;
    };
    let Some(page) = page::built() else { return };
    let out = place::log_file("run").with_extension("");
    fs::create_dir_all(&out).expect("a folder for the pictures");
    let made = out.join("hostile.dscap");
    fs::write(&made, hostile_run()).expect("room for a small capture");
    let Some((_real, url)) = serve("serve-real", &corpus.join("dashflow-real.capture"), &page)
    else {
        return;
    };
    let Some((_hostile, hostile)) = serve("serve-hostile", &made, &page) else {
        return;
    };
    let out = out.display().to_string();
    walk(
        "run.mjs",
        &["--url", &url, "--hostile", &hostile, "--out", &out],
        PATIENCE,
    );
}
