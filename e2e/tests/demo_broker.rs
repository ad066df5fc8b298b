//! What `cargo xtask demo` starts, as processes: the small Kafka in memory, the simulator and the relay.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use dashstream_e2e::{
    place,
    relay::Relay,
    requirement::{Tool, need},
    watcher::Watcher,
};
use dashstream_simulator::capture;
use decode_core::wire::FrameKind;
use serde_json::json;

const TOPIC: &str = "demo";
const COUNT: usize = 20_000;

/// It ends with its input, and so with this.
struct DemoKafka {
    child: Child,
    address: String,
}

impl DemoKafka {
    fn start() -> Option<Self> {
        let mut child = Command::new(need(Tool::DemoBroker)?)
            .args(["--topic", &format!("{TOPIC}:4")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the broker starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.trim_end().strip_prefix("bootstrap=");
        Some(Self {
            address: address.expect("an address").to_owned(),
            child,
        })
    }
}

impl Drop for DemoKafka {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}

#[test]
fn every_record_of_the_demo_reaches_the_relay() {
    let (Some(kafka), Some(simulator)) = (DemoKafka::start(), need(Tool::Simulator)) else {
        return;
    };
    let Some(relay) = Relay::start(&kafka.address, TOPIC, &[]) else {
        return;
    };
    let taken = place::log_file("taken");
    let produced = Command::new(simulator)
        .args(["--brokers", &kafka.address, "--topic", TOPIC])
        .args(["--rate", "0", "--count", &COUNT.to_string(), "--dump"])
        .arg(&taken)
        .output()
        .expect("the simulator runs");
    assert!(produced.status.success(), "{produced:?}");
    let records = capture::read(&fs::read(&taken).expect("its file")).expect("a capture");
    assert_eq!(records.len(), COUNT);
    let mut counts = BTreeMap::<u32, u64>::new();
    for record in &records {
        *counts.entry(record.partition).or_default() += 1;
    }
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "earliest"}));
    let mut frames = Vec::new();
    // The watcher itself refuses what is left out, repeated or out of order.
    for (partition, count) in &counts {
        frames.extend(watcher.frames_to(*partition, *count));
    }
    for (partition, count) in counts {
        assert_eq!(watcher.position(partition), Some(count), "{partition}");
    }
    let records = frames
        .iter()
        .filter(|(header, _)| header.kind == FrameKind::Record);
    assert!(records.count() > COUNT * 98 / 100, "few are bad");
    watcher.leave();
}
