//! `runs` and `run` as processes, over runs of the simulator: one golden file per query.

mod support;

use std::fs;
use std::path::PathBuf;

use dashstream_simulator::capture::{CapturedRecord, write};
use dashstream_simulator::{Rng, Scenario, Setting, partition_of, play};
use support::{Finished, Folder, dashstream, json_lines};

/// What happened on a few threads, as Kafka holds it.
fn input() -> Vec<u8> {
    let mut out = Vec::new();
    let mut offsets = [0; 4];
    let scenarios = [
        Scenario::Loop,
        Scenario::Fail,
        Scenario::Interrupt,
        Scenario::ParallelFail,
        Scenario::Stream,
        Scenario::Drop,
    ];
    for (n, scenario) in (0_u64..).zip(scenarios) {
        let setting = Setting {
            start_us: 1_767_225_600_000_000 + n * 60_000_000,
            work_scale: 1.0,
            id: format!("{n:04}"),
        };
        for record in play(scenario, Rng::new(n), setting) {
            let partition = partition_of(&record.key, 4);
            let offset = &mut offsets[partition as usize];
            let record = CapturedRecord {
                partition,
                offset: *offset,
                timestamp_ms: record.timestamp_ms,
                key: Some(record.key),
                value: record.value,
            };
            *offset += 1;
            write(&mut out, &record).expect("written");
        }
    }
    out
}

fn ask(args: &[&str]) -> Finished {
    let finished = dashstream(args, &input());
    assert_eq!(
        (finished.code, finished.stderr.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
    finished
}

/// The answer is that of the golden file. A change on purpose is taken over with
/// `DASHSTREAM_GOLDEN=write`.
fn is_golden(name: &str, args: &[&str]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let found = ask(args).stdout;
    if std::env::var("DASHSTREAM_GOLDEN").as_deref() == Ok("write") {
        fs::write(&path, &found).expect("written");
    }
    let golden = fs::read_to_string(&path).expect("a golden file");
    assert!(
        found == golden,
        "{name}: found\n{found}\nexpected\n{golden}"
    );
}

/// STA-19, STA-20
#[test]
fn runs_are_listed_with_their_ends() {
    is_golden("runs.txt", &["runs"]);
    is_golden("runs.jsonl", &["runs", "--json"]);
    is_golden("runs-failed.jsonl", &["runs", "--failed", "--json"]);
}

#[test]
fn a_run_is_shown_with_its_spans_texts_and_gaps() {
    is_golden("run-stream.txt", &["run", "--texts", "stream-0004"]);
    is_golden(
        "run-stream.jsonl",
        &["run", "--texts", "--json", "stream-0004#1"],
    );
    is_golden(
        "run-drop.jsonl",
        &["run", "--errors", "--json", "drop-0005"],
    );
}

/// Filters of one kind each, and what they find.
#[test]
fn filters_find_what_they_say() {
    let statuses = |flag: &[&str]| -> Vec<String> {
        let args = [&["runs", "--json"], flag].concat();
        let lines = json_lines(&ask(&args).stdout);
        let rows = lines.iter().filter(|line| line.get("summary").is_none());
        rows.map(|row| row["status"].as_str().expect("a status").to_owned())
            .collect()
    };
    assert_eq!(statuses(&["--failed"]), ["failed"]);
    assert_eq!(statuses(&["--stuck"]), ["no_end_seen"]);
    assert_eq!(statuses(&["--lossy"]), ["completed"]);
    assert!(statuses(&["--waiting"]).is_empty());
    assert_eq!(
        statuses(&["--thread", "interrupt-0002"]),
        ["interrupted", "completed"]
    );
    assert_eq!(statuses(&["--search", "PARSE"]), ["failed"]);
}

/// A run that is not there is a failure; a damaged record is found, and the runs are shown.
#[test]
fn what_cannot_be_answered_is_said() {
    let missing = dashstream(&["run", "nobody"], &input());
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("no run \"nobody\""), "{missing:?}");
    let folder = Folder::new("runs");
    let damaged = folder.file("damaged", b"\x00\x0F");
    let args = ["runs", "--format", "payload", &damaged];
    let finished = dashstream(&args, b"");
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(3), "0 runs: \n")
    );
}
