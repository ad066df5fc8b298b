//! Streams that cannot be written: the real binary with a standard error or output that is full, closed or not read.
#![cfg(target_os = "linux")]

use std::{
    fs::OpenOptions,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Nothing in these tests takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A relay without a broker, so that it has something to say all the time.
struct Relay {
    process: Child,
    address: String,
}

impl Relay {
    fn start(log: Stdio) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_dashstream-relay"))
            .args(["--port=0", "--kafka-brokers=127.0.0.1:1", "--drain-secs=1"])
            .args(["--kafka-backoff-min-ms=1", "--kafka-backoff-max-ms=1"])
            .env_clear()
            .env("RUST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("it starts");
        let output = process.stdout.take().expect("piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line
            .trim()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        assert!(address.contains(':'), "{line}");
        Self { process, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// What a series without labels shows.
    fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics");
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(series, _)| *series == name);
        let (_, value) = found.expect("the series is there");
        value.parse().expect("a number")
    }

    /// It goes on working: calls to Kafka are tried and fail, lines are lost, and it ends as it should.
    fn works_and_stops(mut self) {
        let begin = Instant::now();
        let errors = self.metric("websocket_infrastructure_errors_total");
        loop {
            let lost = self.metric("dashstream_relay_log_lines_dropped_total");
            let more = self.metric("websocket_infrastructure_errors_total");
            if lost > 0.0 && more > errors {
                break;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "{lost} lines lost, {more} errors"
            );
            // Only the relay's own retries can change what is asked for.
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.metric("dashstream_relay_ended_tasks"), 0.0);
        let pid = self.process.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(killed.expect("kill is there").success());
        let status = self.process.wait().expect("it ends");
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// X2
#[test]
fn a_full_disk_stops_nothing() {
    let full = OpenOptions::new().write(true).open("/dev/full");
    let full = full.expect("Linux has one");
    Relay::start(full.into()).works_and_stops();
}

/// X2
#[test]
fn a_pipe_whose_reader_is_gone_stops_nothing() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    Relay::start(writer.into()).works_and_stops();
}

/// X2
#[test]
fn a_pipe_that_nobody_reads_stops_nothing() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    Relay::start(writer.into()).works_and_stops();
    drop(reader);
}

/// A pipe that takes nothing more, for as long as its reader is held.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let blocks = Arc::<AtomicUsize>::default();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut filling = writer.try_clone().expect("a second end");
    let counted = Arc::clone(&blocks);
    thread::spawn(move || {
        while filling.write_all(&[b'x'; 4096]).is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut before = usize::MAX;
    loop {
        // Full is what nobody could write to for this long.
        thread::sleep(Duration::from_millis(300));
        let written = blocks.load(Ordering::Relaxed);
        if written == before && written > 0 {
            return (reader, writer);
        }
        before = written;
    }
}

/// The exit code, once it has ended.
fn ended(mut process: Child) -> Option<i32> {
    let begin = Instant::now();
    loop {
        if let Some(status) = process.try_wait().expect("it can be waited for") {
            return status.code();
        }
        if begin.elapsed() > PATIENCE {
            process.kill().ok();
            process.wait().ok();
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// X2: a standard output that takes nothing keeps no signal from being heard.
#[test]
fn an_output_that_nobody_reads_stops_no_signal() {
    let (reader, writer) = full_pipe();
    let mut process = Command::new(env!("CARGO_BIN_EXE_dashstream-relay"))
        .args(["--port=0", "--kafka-brokers=127.0.0.1:1", "--drain-secs=0"])
        .env_clear()
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut log = BufReader::new(process.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("listening") {
        line.clear();
        assert!(log.read_line(&mut line).expect("its log") > 0, "it ended");
    }
    // What it says after that nobody reads.
    let rest = thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    let pid = process.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(killed.expect("kill is there").success());
    assert_eq!(ended(process), Some(0));
    rest.join().expect("it is read to its end").ok();
    drop(reader);
}

/// X2: nor does a standard error that takes nothing keep a relay that cannot run from ending with its exit code.
#[test]
fn a_log_that_nobody_reads_keeps_no_exit_code() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    for (option, code) in [(format!("--port={port}"), 1), ("--port=x".to_owned(), 2)] {
        let (reader, writer) = full_pipe();
        let process = Command::new(env!("CARGO_BIN_EXE_dashstream-relay"))
            .args(["--kafka-brokers=127.0.0.1:1", &option])
            .env_clear()
            .stdout(Stdio::null())
            .stderr(writer)
            .spawn()
            .expect("it starts");
        assert_eq!(ended(process), Some(code), "{option}");
        drop(reader);
    }
}
