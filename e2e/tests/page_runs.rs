//! The page's views of runs and health in Chromium: a first visit, the real capture, and runs that come meanwhile.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use dashstream_e2e::{
    capture::{self, Captured},
    kafka::Kafka,
    page::Page,
    place,
    producer::{Input, Topic},
    relay::Relay,
    requirement::{Tool, need},
};
use dashstream_simulator::{SimConfig, Simulation};
use decode_core::frame::FrameWriter;
use run_model::{
    Store,
    runs::{RunChip, RunCounts, RunsQuery},
};

const PATIENCE: Duration = Duration::from_secs(300);
const PARTITIONS: u32 = 4;

/// What the page must count, by the same model without a browser.
fn counted(captured: &[Captured]) -> RunCounts {
    let mut store = Store::default();
    for one in captured {
        let mut message = Vec::new();
        let mut writer = FrameWriter::new(one.partition, one.offset);
        writer.record(&mut message, one.offset, one.timestamp_ms, &one.value);
        store.apply(message, |_| {});
    }
    store.runs(&RunsQuery::default()).counts
}

fn produce(topic: &Topic, captured: &[Captured]) {
    let inputs = captured.iter().map(|one| Input {
        key: one.key.clone(),
        value: Some(one.value.clone()),
        timestamp_ms: one.timestamp_ms,
    });
    assert_eq!(topic.produce(inputs).len(), captured.len());
}

/// Whether the page's script is so far.
fn wait_for(file: &Path) {
    let began = Instant::now();
    while !file.exists() {
        assert!(
            began.elapsed() < PATIENCE,
            "{} does not come",
            file.display()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// Simulated runs of now, about 80 records a second, until the page has seen enough.
fn produce_live(topic: &Topic, page: Page) -> serde_json::Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let config = SimConfig {
        seed: 7,
        start_us: u64::try_from(now.as_micros()).expect("a date"),
        ..SimConfig::default()
    };
    let mut simulation = Simulation::new(config);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| page.wait(PATIENCE));
        while !waiting.is_finished() {
            let part = simulation.by_ref().take(20).map(|record| Input {
                key: record.key,
                value: record.value,
                timestamp_ms: record.timestamp_ms,
            });
            assert_eq!(topic.produce(part).len(), 20);
            thread::sleep(Duration::from_millis(250));
        }
        waiting.join().expect("the page's script ends")
    })
}

/// STA-19, STA-20, UX-07, UX-14, UX-15, UX-18, MET-14: whoever opens the page sees the runs first: on an empty topic
/// what to do, then 36 runs of the real capture with what failed and is stuck, found, put in order and opened by
/// keyboard; and while others come, no line moves. Every look is accessible.
#[test]
fn the_runs_come_first_and_stand_still_while_read() {
    let Some(corpus) = need(Tool::Capture) else {
        return;
    };
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("runs", PARTITIONS);
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    if !relay.has_page() {
        return;
    }
    let captured = capture::read(&corpus.join("dashflow-real.capture"));
    let counts = counted(&captured);
    let [failed, stuck, lossy] =
        [RunChip::Failed, RunChip::Stuck, RunChip::Lossy].map(|chip| counts.of(chip).to_string());
    assert_eq!((counts.all, &*failed, &*stuck), (36, "3", "2"));
    let out = place::log_file("runs").with_extension("");
    let _ = fs::remove_dir_all(&out);
    let arguments = [
        "--url",
        &relay.url(),
        "--out",
        &out.display().to_string(),
        "--all",
        "36",
        "--failed",
        &failed,
        "--stuck",
        &stuck,
        "--lossy",
        &lossy,
    ];
    let Some(page) = Page::open("runs.mjs", &arguments) else {
        return;
    };
    wait_for(&out.join("empty.done"));
    produce(&topic, &captured);
    wait_for(&out.join("read.done"));
    let result = produce_live(&topic, page);
    assert_eq!(result["ok"], true, "{result}");
}
