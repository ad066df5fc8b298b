//! The Java client of Apache Kafka, kept running behind a pipe: what rskafka cannot produce
//! (transactions, null header values, several such records in one batch, topic settings).

use std::{
    env,
    ffi::OsString,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::{
    place,
    requirement::{Tool, need},
};

/// The class path of all jars of a folder.
#[must_use]
pub fn class_path(libs: &Path) -> OsString {
    libs.join("*").into_os_string()
}

/// A running Java client. It ends when its standard input does, so it cannot outlive the test.
#[derive(Debug)]
pub struct JavaClient {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// A header of a record: name, and value or null.
pub type Header<'a> = (&'a str, Option<&'a [u8]>);

impl JavaClient {
    /// Starts it, or says SKIPPED.
    ///
    /// # Panics
    /// When Java cannot be started.
    #[must_use]
    pub fn start(brokers: &str) -> Option<Self> {
        let libs = need(Tool::Kafka)?;
        let mut child = Command::new("java")
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            // Without a configuration log4j writes errors to the standard output, among the answers.
            .arg("-Dlog4j2.level=OFF")
            .arg("-cp")
            .arg(class_path(&libs))
            .arg(place::root().join("e2e/tools/KafkaCommands.java"))
            .arg(brokers)
            .env_remove("CLASSPATH")
            .current_dir(env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("java can be started");
        let commands = child.stdin.take().expect("a piped input");
        let answers = BufReader::new(child.stdout.take().expect("a piped output"));
        Some(Self {
            child,
            commands,
            answers,
        })
    }

    /// Creates a topic with settings such as `cleanup.policy=compact`.
    pub fn create_topic(&mut self, name: &str, partitions: u32, settings: &[&str]) {
        self.ask(&format!("topic {name} {partitions} {}", settings.join(" ")));
    }

    /// Gives a topic more partitions.
    pub fn grow_topic(&mut self, name: &str, partitions: u32) {
        self.ask(&format!("grow {name} {partitions}"));
    }

    /// Lets a user do one thing with a topic, such as `DESCRIBE`.
    pub fn allow(&mut self, user: &str, operation: &str, topic: &str) {
        self.ask(&format!("allow {user} {operation} {topic}"));
    }

    /// Puts a record into the open batch.
    pub fn add(
        &mut self,
        (topic, partition): (&str, u32),
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) {
        let mut line = format!("add {topic} {partition} {} {}", hex(key), hex(value));
        for (name, value) in headers {
            line.push_str(&format!(" {name}={}", hex(*value)));
        }
        self.ask(&line);
    }

    /// Sends what was added since the last flush, as one batch per partition, and tells the offsets.
    pub fn flush(&mut self) -> Vec<u64> {
        let answer = self.ask("flush");
        let numbers = answer.split_whitespace();
        numbers
            .map(|text| text.parse().expect("an offset"))
            .collect()
    }

    /// Opens a transaction; what is added belongs to it until it is ended.
    pub fn begin(&mut self) {
        self.ask("begin");
    }

    /// Ends the open transaction with a commit marker in every partition it wrote to.
    pub fn commit(&mut self) {
        self.ask("commit");
    }

    /// Ends the open transaction with an abort marker in every partition it wrote to.
    pub fn abort(&mut self) {
        self.ask("abort");
    }

    /// Every consumer group that the broker knows, also one that only holds committed offsets.
    pub fn groups(&mut self) -> Vec<String> {
        let answer = self.ask("groups");
        answer.split_whitespace().map(str::to_owned).collect()
    }

    /// Commits offset 0 of partition 0 for a group without members.
    pub fn commit_for(&mut self, group: &str, topic: &str) {
        self.ask(&format!("commit-for {group} {topic}"));
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.commands, "{line}").expect("the Java client reads its input");
        self.commands
            .flush()
            .expect("the Java client reads its input");
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .expect("the Java client answers");
        let command = line.split(' ').next().unwrap_or_default();
        match answer.trim_end().strip_prefix("ok") {
            Some(rest) => rest.trim().to_owned(),
            None => panic!("Java client, {command}: {answer}"),
        }
    }
}

impl Drop for JavaClient {
    fn drop(&mut self) {
        // It may be gone already; either way it is not there afterwards.
        let _gone: std::io::Result<()> = self.child.kill();
        let _gone: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}

fn hex(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "null".to_owned(),
        Some(bytes) => {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x{}", digits.concat())
        }
    }
}
