//! What the real DashFlow library sent, through a real Kafka and the relay to the tool and the page: every
//! record once, and read as the official protobuf runtime reads it.

use std::{collections::BTreeMap, path::Path, process::Command, time::Duration};

use dashstream_e2e::{
    capture::{self, Captured},
    cli::Cli,
    digest::{Expected, Verdict},
    kafka::Kafka,
    place,
    producer::{Input, Produced, Topic},
    readers::Readers,
    relay::Relay,
    requirement::{Tool, need},
};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(120);
const PARTITIONS: u32 = 4;

type Place = (u64, String);

/// Produces the capture as it was: same keys, and so the same partitions and offsets.
fn produce(topic: &Topic, captured: &[Captured]) -> Vec<Produced> {
    let inputs = captured.iter().map(|one| Input {
        key: one.key.clone(),
        value: Some(one.value.clone()),
        timestamp_ms: one.timestamp_ms,
    });
    let mut produced = topic.produce(inputs);
    produced.sort_by_key(|one| (one.partition, one.offset));
    for (one, captured) in produced.iter().zip(captured) {
        assert_eq!(
            (one.partition, one.offset),
            (captured.partition, captured.offset)
        );
        assert_eq!(one.input.key, captured.key);
    }
    produced
}

#[test]
fn the_real_capture_reaches_tool_and_page_and_reads_as_official() {
    let Some(corpus) = need(Tool::Capture) else {
        return;
    };
    let Some(kafka) = Kafka::shared() else { return };
    let file = corpus.join("dashflow-real.capture");
    let captured = capture::read(&file);
    assert_eq!(captured.len(), 903);
    let topic = kafka.topic("real", PARTITIONS);
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let produced = produce(&topic, &captured);
    let pairs: Vec<_> = produced
        .into_iter()
        .map(|one| (one, Verdict::Record))
        .collect();
    let expected = Expected::of(&pairs);
    let Some(readers) = Readers::start(&relay, &expected, PATIENCE) else {
        return;
    };
    readers.finish(&expected, PATIENCE);
    let metrics = relay.metrics();
    assert_eq!(
        metrics.sum("dashstream_relay_records_accepted_total", &[]),
        903.0
    );

    let Some(official) = official(&file) else {
        return;
    };
    let told = told(&relay, captured.len());
    assert_eq!(told.len(), official.len());
    for (place, official) in &official {
        let told = told
            .get(place)
            .unwrap_or_else(|| panic!("{place:?} was not told"));
        compare(place, told, official);
    }
}

/// Each line of `dashstream tail --json`, by place.
fn told(relay: &Relay, count: usize) -> BTreeMap<Place, Value> {
    let url = relay.ws_url();
    let count = count.to_string();
    let arguments = [
        "tail",
        &url,
        "--json",
        "--until-complete",
        "--until-records",
        &count,
        "--timeout",
        "60",
    ];
    let tail = Cli::start("json", &arguments).expect("the tool ran before");
    let finished = tail.wait(PATIENCE);
    assert_eq!(finished.status.code(), Some(0), "{}", finished.errors);
    by_place(&finished.output)
}

/// What the official runtime says, by place.
fn official(file: &Path) -> Option<BTreeMap<Place, Value>> {
    let python = need(Tool::Python)?;
    let output = Command::new(python)
        .arg(place::root().join("e2e/tools/official_facts.py"))
        .arg(file)
        .arg(place::root().join("proto/dashstream.proto"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(by_place(&String::from_utf8(output.stdout).expect("UTF-8")))
}

fn by_place(lines: &str) -> BTreeMap<Place, Value> {
    let mut all = BTreeMap::new();
    for line in lines.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let partition = value["partition"].as_u64().expect("a partition");
        let offset = value["offset"].as_str().expect("an offset").to_owned();
        let twice = all.insert((partition, offset), value);
        assert_eq!(twice, None, "a place came twice");
    }
    all
}

fn compare(place: &Place, told: &Value, official: &Value) {
    for field in [
        "kind",
        "threadId",
        "sequence",
        "innerEvents",
        "schemaVersion",
        "bytes",
    ] {
        assert_eq!(told[field], official[field], "{field} of {place:?}");
    }
    let event_type = official["eventType"].as_str();
    let plain = event_type.map(|name| name.strip_prefix("EVENT_TYPE_").unwrap_or(name));
    assert_eq!(told["eventType"].as_str(), plain, "event type of {place:?}");
    if let Some(node) = official.get("node") {
        assert_eq!(&told["node"], node, "node of {place:?}");
    }
}
