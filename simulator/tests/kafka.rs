//! The binary against a broker: librdkafka's mock cluster as a process of its own, whose path comes
//! in `DASHSTREAM_MOCK_BROKER_BIN`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use dashstream_simulator::capture::{self, CapturedRecord};
use serde_json::Value;

const SIMULATOR: &str = env!("CARGO_BIN_EXE_dashstream-simulator");

struct Broker {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    address: String,
}

impl Broker {
    fn start(topic: &str) -> Option<Self> {
        let Some(binary) = std::env::var_os("DASHSTREAM_MOCK_BROKER_BIN") else {
            let required = std::env::var("DASHSTREAM_REQUIRE").is_ok_and(|value| value == "all");
            assert!(!required, "DASHSTREAM_MOCK_BROKER_BIN is not set");
            println!("SKIPPED: DASHSTREAM_MOCK_BROKER_BIN is not set");
            return None;
        };
        let mut child = Command::new(binary)
            .args(["--topic", topic])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the broker starts");
        let commands = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("its output"));
        let address = line(&mut answers);
        let address = address
            .strip_prefix("bootstrap=")
            .expect("an address")
            .to_owned();
        Some(Self {
            child,
            commands,
            answers,
            address,
        })
    }

    fn command(&mut self, text: &str) {
        let commands = self.commands.as_mut().expect("its input");
        writeln!(commands, "{text}").expect("the broker listens");
        assert_eq!(line(&mut self.answers), format!("ok {text}"));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It ends with its input.
        self.commands.take();
        let _ = self.child.wait();
    }
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("a line");
    line.trim_end().to_owned()
}

fn simulator(arguments: &[&str]) -> Child {
    Command::new(SIMULATOR)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the simulator starts")
}

fn ended(child: Child) -> (ExitStatus, Value, String) {
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let summary = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no summary: {error}\n{errors}"));
    (output.status, summary, errors)
}

/// A file of this test, in cargo's folder for them.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn by_partition(file: &Path) -> Vec<CapturedRecord> {
    let bytes = std::fs::read(file).expect("a file");
    let mut records = capture::read(&bytes).expect("a capture");
    records.sort_by_key(|record| record.partition);
    records
}

#[test]
fn kafka_takes_what_a_file_would_hold() {
    let Some(broker) = Broker::start("taken:4") else {
        return;
    };
    let (taken, file) = (scratch("taken.cap"), scratch("file.cap"));
    let same = [
        "--rate",
        "0",
        "--count",
        "5000",
        "--seed",
        "3",
        "--start-us",
        "1767225600000000",
    ];
    let taken_path = taken.to_str().expect("UTF-8");
    let to_kafka = [
        "--brokers",
        &broker.address,
        "--topic",
        "taken",
        "--dump",
        taken_path,
    ];
    let (status, summary, errors) = ended(simulator(&[&same[..], &to_kafka[..]].concat()));
    assert!(status.success(), "{errors}");
    assert_eq!(summary["records"], 5000);

    let to_file = ["--dump", file.to_str().expect("UTF-8"), "--partitions", "4"];
    assert!(
        ended(simulator(&[&same[..], &to_file[..]].concat()))
            .0
            .success()
    );
    assert_eq!(
        by_partition(&taken),
        by_partition(&file),
        "offsets included"
    );

    // And the file plays back to the same values.
    let again = scratch("again.cap");
    let again_path = again.to_str().expect("UTF-8");
    let play = [
        "--capture",
        taken_path,
        "--rate",
        "0",
        "--keep-timestamps",
        "--dump",
        again_path,
    ];
    assert!(
        ended(simulator(&[&play[..], &["--partitions", "4"]].concat()))
            .0
            .success()
    );
    assert_eq!(by_partition(&again), by_partition(&file));
}

#[test]
fn a_broker_that_goes_away_for_a_while_loses_nothing() {
    let Some(mut broker) = Broker::start("away:2") else {
        return;
    };
    let taken = scratch("away.cap");
    let child = simulator(&[
        "--brokers",
        &broker.address,
        "--topic",
        "away",
        "--rate",
        "400",
        "--count",
        "1600",
        "--dump",
        taken.to_str().expect("UTF-8"),
        "--work-scale",
        "1",
    ]);
    std::thread::sleep(Duration::from_millis(1500));
    broker.command("broker-down 1");
    std::thread::sleep(Duration::from_millis(1500));
    broker.command("broker-up 1");
    let (status, summary, errors) = ended(child);
    assert!(status.success(), "{errors}");
    assert_eq!(summary["records"], 1600);
    let records = by_partition(&taken);
    assert_eq!(records.len(), 1600);
    assert!(records.is_sorted_by(|a, b| a.partition < b.partition || a.offset < b.offset));
}

#[test]
fn sigterm_ends_it_cleanly() {
    let Some(broker) = Broker::start("term:1") else {
        return;
    };
    let topic = ["--brokers", &broker.address, "--topic", "term"];
    let mut child = simulator(&[&topic[..], &["--rate", "200"]].concat());
    // It says so when it begins to produce.
    let mut errors = BufReader::new(child.stderr.take().expect("its errors"));
    assert!(line(&mut errors).starts_with("producing to term"));
    std::thread::sleep(Duration::from_secs(1));
    let id = child.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &id]).status();
    assert!(kill.expect("kill runs").success());
    let (status, summary, _) = ended(child);
    assert!(status.success(), "{status}: {}", line(&mut errors));
    assert!(summary["records"].as_u64() > Some(0), "{summary}");
}

#[test]
fn what_is_missing_is_said() {
    let nobody = [
        "--brokers",
        "127.0.0.1:1",
        "--patience",
        "1",
        "--count",
        "1",
    ];
    let (status, summary, errors) = ended(simulator(&nobody));
    assert_eq!(
        (status.code(), &summary["records"]),
        (Some(1), &Value::from(0))
    );
    assert!(errors.contains("no Kafka at 127.0.0.1:1"), "{errors}");

    let Some(broker) = Broker::start("there:3") else {
        return;
    };
    let base = [
        "--brokers",
        &broker.address,
        "--patience",
        "1",
        "--count",
        "1",
    ];
    for (more, expected) in [
        (
            ["--topic", "elsewhere", "--partitions", "3"],
            "topic elsewhere did not appear",
        ),
        (
            ["--topic", "there", "--partitions", "4"],
            "topic there has 3 partitions, not 4",
        ),
    ] {
        let (status, _, errors) = ended(simulator(&[&base[..], &more[..]].concat()));
        assert_eq!(status.code(), Some(1));
        assert!(errors.contains(expected), "{errors}");
    }
}
