//! `runs` and `run` as processes, over runs of the simulator: one golden file per query.

#[path = "support/relay.rs"]
mod relay;
mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use dashstream_simulator::capture::{CapturedRecord, write};
use dashstream_simulator::{Rng, Scenario, Setting, partition_of, play};
use relay::{Manners, Relay};
use session::{SegmentBuilder, TailLog};
use support::{Finished, Folder, dashstream, json_lines};

/// When the first of them began.
const START_US: u64 = 1_767_225_600_000_000;

/// What happened on a few threads, as Kafka holds it.
fn records(start_us: u64) -> Vec<CapturedRecord> {
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
            start_us: start_us + n * 60_000_000,
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
            out.push(record);
        }
    }
    out
}

fn input() -> Vec<u8> {
    let mut out = Vec::new();
    for record in records(START_US) {
        write(&mut out, &record).expect("written");
    }
    out
}

/// A relay that holds these.
fn relay_of(records: &[CapturedRecord]) -> Relay {
    let mut log = TailLog::new(64 << 20);
    for partition in 0..4 {
        log.add_partition(partition, 0);
        let mine = records
            .iter()
            .filter(|record| record.partition == partition);
        let mut segment = SegmentBuilder::new(partition, 0);
        for record in mine {
            let value = record.value.as_deref().expect("no tombstone");
            segment.record(record.offset, record.timestamp_ms, value);
        }
        if let Some(segment) = segment.finish() {
            log.append(segment).expect("in order");
        }
    }
    Relay::start(&Arc::new(Mutex::new(log)), Manners::default())
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

/// STA-19: what a relay holds is answered as the same records of a file are; there a run may go on.
#[test]
fn a_relay_is_an_input_like_a_file() {
    let relay = relay_of(&records(START_US));
    let url = relay.url();
    for args in [
        &["runs"][..],
        &["runs", "--json"],
        &["run", "--texts", "--json", "stream-0004#1"],
        &["run", "--errors", "drop-0005"],
    ] {
        let of_relay = dashstream(&[args, &[&url]].concat(), b"");
        assert_eq!(of_relay.code, Some(0), "{of_relay:?}");
        assert_eq!(of_relay.stdout, ask(args).stdout);
    }
    drop(relay);

    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let mut begun = records(now.as_micros() as u64);
    begun.truncate(3);
    let relay = relay_of(&begun);
    let finished = dashstream(&["runs", "--json", &relay.url()], b"");
    let [run, _summary] = &json_lines(&finished.stdout)[..] else {
        panic!("one run: {finished:?}")
    };
    assert_eq!(run["status"], "running", "{finished:?}");
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// A relay is asked alone; one that is not there is a failure.
#[test]
fn a_relay_that_cannot_be_asked_is_said() {
    let other = ["runs", "ws://127.0.0.1:1", "file"];
    let format = ["runs", "ws://127.0.0.1:1", "--format", "kcat"];
    for args in [&other[..], &format] {
        let finished = dashstream(args, b"");
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains("the only input"), "{finished:?}");
    }
    let args = ["run", "t", "http://127.0.0.1:1", "--timeout", "1"];
    let finished = dashstream(&args, b"");
    assert_eq!(finished.code, Some(1), "{finished:?}");
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
