//! A Kafka broker for one test: librdkafka's mock cluster as a process, where it was built.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Broker {
    child: Child,
    commands: Option<ChildStdin>,
    _answers: BufReader<ChildStdout>,
    pub address: String,
}

impl Broker {
    /// With one topic, `NAME:PARTITIONS`.
    pub fn start(topic: &str) -> Option<Self> {
        let built =
            Path::new(env!("CARGO_BIN_EXE_dashstream")).with_file_name("dashstream-mock-broker");
        let binary = std::env::var_os("DASHSTREAM_MOCK_BROKER_BIN").map_or(built, PathBuf::from);
        if !binary.is_file() {
            super::support::skip("no mock broker (DASHSTREAM_MOCK_BROKER_BIN)");
            return None;
        }
        let mut child = Command::new(binary)
            .args(["--topic", topic])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the broker starts");
        let commands = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("its output"));
        let mut address = String::new();
        answers.read_line(&mut address).expect("a line");
        let address = address
            .trim_end()
            .strip_prefix("bootstrap=")
            .expect("an address")
            .to_owned();
        Some(Self {
            child,
            commands,
            _answers: answers,
            address,
        })
    }
}

impl Drop for Broker {
    /// It ends with its input.
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.child.wait();
    }
}

/// A second Kafka client, written by others.
pub fn kcat() -> Option<PathBuf> {
    let given = std::env::var_os("DASHSTREAM_KCAT").map(PathBuf::from);
    let kcat = given.unwrap_or_else(|| PathBuf::from("/usr/bin/kcat"));
    if kcat.is_file() {
        return Some(kcat);
    }
    super::support::skip("no kcat (DASHSTREAM_KCAT)");
    None
}
