//! librdkafka's mock cluster as a process, for faults that a real broker does not have on demand: a leader
//! that moves, a broker that is slow, answers that are errors.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::requirement::{Tool, need};

/// A running cluster. It ends with its standard input, and so with this.
#[derive(Debug)]
pub struct MockKafka {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    brokers: String,
}

impl MockKafka {
    /// A cluster of so many brokers with one topic, or `None` after saying SKIPPED.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(brokers: u32, topic: &str, partitions: u32) -> Option<Self> {
        let program = need(Tool::MockBroker)?;
        let mut child = Command::new(program)
            .args(["--brokers", &brokers.to_string()])
            .args(["--topic", &format!("{topic}:{partitions}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the mock broker can be started");
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a piped output"));
        let mut mock = Self {
            child,
            orders,
            answers,
            brokers: String::new(),
        };
        let first = mock.line();
        let brokers = first.strip_prefix("bootstrap=").expect("its first line");
        mock.brokers = brokers.to_owned();
        Some(mock)
    }

    /// Bootstrap addresses.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives it one of the commands it documents.
    ///
    /// # Panics
    /// When it refuses.
    pub fn order(&mut self, command: &str) {
        let orders = self.orders.as_mut().expect("it runs");
        writeln!(orders, "{command}").expect("it runs");
        let answer = self.line();
        assert!(answer.starts_with("ok"), "{command}: {answer}");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        read.expect("the mock broker answers");
        line.trim_end().to_owned()
    }
}

impl Drop for MockKafka {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It ends by itself now; waiting only keeps it from staying behind as a zombie.
        let _status = self.child.wait();
    }
}
