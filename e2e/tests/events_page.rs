//! The event list in Chromium, and the captures that are saved from it: opened again by the page and read by the
//! command line tool, they give the same answers.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use dashstream_e2e::{
    child::until,
    cli::Cli,
    page::Page,
    place,
    simulated::{Planned, plan},
};
use decode_core::{
    capture::CaptureWriter,
    frame::FrameWriter,
    wire::{GapCause, RejectCode},
};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(600);
const PARTITIONS: u32 = 3;
/// As many as are read off the screen within seconds.
const RECORDS: usize = 700;
/// Where the last partition begins: retention took what was before.
const YOUNG_FIRST: u64 = 1_000;

/// Simulated runs as a relay delivers them: one partition after the other, the first with a gap.
fn stream() -> Vec<u8> {
    let mut planned = plan(42, 8_000, PARTITIONS);
    planned.truncate(RECORDS);
    let mut frames = Vec::new();
    for partition in 0..PARTITIONS {
        let first = if partition + 1 == PARTITIONS {
            YOUNG_FIRST
        } else {
            0
        };
        let mut writer = FrameWriter::new(partition, first);
        let of = |one: &&Planned| crc32fast::hash(one.input.key.as_ref()) % PARTITIONS == partition;
        for (offset, one) in (first..).zip(planned.iter().filter(of)) {
            let time = one.input.timestamp_ms;
            match &one.input.value {
                Some(value) => writer.record(&mut frames, offset, time, value),
                None => writer.gap(&mut frames, offset, offset, GapCause::NullValue),
            }
        }
        if partition == 0 {
            let next = writer.position();
            writer.gap(&mut frames, next, next + 9, GapCause::Oversized);
            let time = planned.last().expect("records").input.timestamp_ms;
            writer.reject(&mut frames, next + 10, time, RejectCode::BadFrame, b"\x07");
        }
    }
    let metadata = r#"{"writer":"test","topic":"events","mode":"strict"}"#;
    let mut writer = CaptureWriter::new(metadata).expect("short metadata");
    writer.frames(&frames).expect("frames of our own");
    writer.finish().expect("few blocks")
}

/// The lines of JSON that the tool answers with, in a log of their own.
fn told(arguments: &[&str]) -> Option<Vec<Value>> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("told-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let done = Cli::start(&name, arguments)?.wait(PATIENCE);
    assert!(
        // 3: all was read, and records that cannot be decoded are among it.
        matches!(done.status.code(), Some(0 | 3)),
        "{arguments:?}: {}",
        done.errors
    );
    let lines = done.output.lines();
    let parsed = lines.map(|line| serde_json::from_str(line).expect("JSON"));
    Some(parsed.collect())
}

/// What `validate` says of each record, without its place in the file.
fn verdicts(file: &str) -> Option<BTreeSet<String>> {
    let all = told(&["validate", file, "--json"])?;
    let records = all.into_iter().filter(|line| line.get("summary").is_none());
    let without_place = records.map(|mut line| {
        let object = line.as_object_mut().expect("an object");
        object.remove("input");
        object.remove("index");
        line.to_string()
    });
    Some(without_place.collect())
}

/// Issue 11, the page, 4, 6 and 7; X34, D6, D10, D19, D20, D-30, D-31.
#[test]
fn the_event_list_is_narrowed_gone_through_and_saved() {
    let page = place::web().join("dist");
    if !page.join("index.html").exists() {
        eprintln!("SKIPPED: the page is not built");
        return;
    }
    let out = place::log_file("events").with_extension("");
    fs::create_dir_all(&out).expect("a folder for captures and pictures");
    let whole = out.join("whole.dscap");
    fs::write(&whole, stream()).expect("room for a small capture");
    let (whole, page, out) = (text(&whole), text(&page), text(&out));
    let arguments = [
        "replay", &whole, "--serve", "0", "--page", &page, "--for", "600",
    ];
    let Some(serving) = Cli::start("serve", &arguments) else {
        return;
    };
    let url = until("the address it serves at", Duration::from_secs(60), || {
        let output = serving.output();
        let url = output.lines().next()?.trim().to_owned();
        url.starts_with("http://").then_some(url)
    });
    let young = format!("{}:{YOUNG_FIRST}", PARTITIONS - 1);
    let arguments = ["--url", &url, "--out", &out, "--young", &young];
    let Some(page) = Page::open("events.mjs", &arguments) else {
        return;
    };
    let result = page.wait(PATIENCE);
    assert_eq!(result["ok"], true, "{result}");
    let saved = result["saved"].as_array().expect("a list");
    let names: Vec<_> = saved.iter().map(|one| one["name"].clone()).collect();
    let expected = [
        "all", "thread", "types", "problems", "text", "run", "attempt",
    ];
    assert_eq!(names, expected);
    for one in saved {
        assert_same_answers(&whole, one);
    }
}

/// The tool reads of a saved file what it reads of the whole stream: all of it, or a part.
fn assert_same_answers(whole: &str, saved: &Value) {
    let (name, file) = (saved["name"].as_str(), saved["file"].as_str());
    let (name, file) = (name.expect("a name"), file.expect("a file"));
    let (Some(all), Some(part)) = (verdicts(whole), verdicts(file)) else {
        return;
    };
    assert!(part.is_subset(&all) && !part.is_empty(), "{name}");
    assert_eq!(part.len() == all.len(), name == "all", "{name}");
    let runs = |file: &str, arguments: &[&str]| {
        let arguments = [&["runs", file, "--json"], arguments].concat();
        told(&arguments)
    };
    match name {
        "all" => assert_eq!(runs(file, &[]), runs(whole, &[])),
        "run" | "attempt" => {
            let id = saved["run"].as_str().expect("an address");
            let id = id.split(':').take(3).collect::<Vec<_>>().join(":");
            let here = runs(file, &[]).unwrap_or_default();
            let one = here.iter().find(|run| run["id"] == id.as_str());
            let thread = one.expect("the run")["thread"].as_str().expect("a thread");
            let there = runs(whole, &["--thread", thread]).unwrap_or_default();
            let rows = |all: &[Value]| -> Vec<Value> {
                all.iter()
                    .filter(|line| line.get("summary").is_none())
                    .cloned()
                    .collect()
            };
            assert_eq!(rows(&here), rows(&there), "{name}");
        }
        _ => {}
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
