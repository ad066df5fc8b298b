//! `tail` and `record` as processes against the relay's session machine on a real socket: nothing
//! lost, nothing twice, whatever happens to the connection.

#[path = "support/relay.rs"]
mod relay;
mod support;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use decode_core::capture::{Block, CaptureReader, Ending};
use decode_core::frame::FrameReader;
use decode_core::wire::{FrameKind, GapCause, RejectCode};
use relay::{Manners, Relay};
use serde_json::{Value, json};
use session::digest::StreamDigest;
use session::{SegmentBuilder, TailLog};
use support::{Folder, closed, dashstream, event, exit_code, full};

#[test]
fn tail_prints_every_record_reject_and_gap_in_its_place() {
    let log = Log::new(1, 0);
    let mut segment = SegmentBuilder::new(0, 0);
    segment.record(0, 1_700_000_000_123, &event(1));
    segment.gap(1, 4, GapCause::Oversized);
    segment.reject(5, 1_700_000_000_124, RejectCode::Protobuf, b"\x00\xFF");
    segment.mark(8);
    segment.record(8, 1_700_000_000_125, &event(2));
    log.append(segment);
    let relay = Relay::start(&log.shared, Manners::default());

    let finished = dashstream(
        &["tail", &relay.url(), "--until-complete", "--timeout", "30"],
        b"",
    );
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_eq!(
        finished.stdout,
        "0:0 2023-11-14T22:13:20.123Z NODE_START         t 1 -\n\
         0:1 GAP to 4 oversized\n\
         0:5 2023-11-14T22:13:20.124Z REJECT protobuf\n\
         0:8 2023-11-14T22:13:20.125Z NODE_START         t 2 -\n"
    );

    let args = [
        "tail",
        &relay.url(),
        "--json",
        "--until-records",
        "3",
        "--timeout",
        "30",
    ];
    let finished = dashstream(&args, b"");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_eq!(
        lines(&finished.stdout),
        [
            json!({"partition": 0, "offset": "0", "timestampMs": 1_700_000_000_123_u64,
                "kind": "event", "eventType": "NODE_START", "threadId": "t", "sequence": "1",
                "node": "", "innerEvents": 0, "schemaVersion": 1, "bytes": 14}),
            json!({"partition": 0, "offset": "1", "last": "4", "gap": "oversized"}),
            json!({"partition": 0, "offset": "5", "timestampMs": 1_700_000_000_124_u64,
                "reject": "protobuf", "bytes": 2}),
            json!({"partition": 0, "offset": "8", "timestampMs": 1_700_000_000_125_u64,
                "kind": "event", "eventType": "NODE_START", "threadId": "t", "sequence": "2",
                "node": "", "innerEvents": 0, "schemaVersion": 1, "bytes": 14}),
        ]
    );
}

#[test]
fn partitions_that_the_relay_cannot_serve_are_named() {
    let folder = Folder::new("missing");
    let log = Log::new(2, 10);
    {
        let mut tail = log.shared.lock().expect("the log");
        tail.expect_partition(7);
        tail.expect_partition(1);
    }
    let relay = Relay::start(&log.shared, Manners::default());
    let (url, file) = (relay.url(), folder.path("it.dscap"));
    let until = ["--until-complete", "--timeout", "30"];
    for command in [&["tail", &url][..], &["record", &url, "-o", &file]] {
        let finished = dashstream(&[command, &until].concat(), b"");
        assert_eq!(finished.code, Some(3), "{finished:?}");
        let named = "missing: partitions of the topic that the relay cannot serve yet: 7\n";
        assert!(finished.stderr.contains(named), "{finished:?}");
    }
    log.shared.lock().expect("the log").add_partition(7, 0);
    let finished = dashstream(&[&["tail", &url][..], &until].concat(), b"");
    assert_eq!(finished.code, Some(0), "{finished:?}");

    // What was found decides, not who still reads.
    log.shared.lock().expect("the log").expect_partition(9);
    let args = [
        "tail",
        &url,
        "--quiet",
        "--digest",
        "--until-complete",
        "--timeout",
        "30",
    ];
    for streams in [closed, full] {
        let seen = exit_code(&args, b"", closed(), streams());
        assert_eq!(seen, Some(3));
    }
}

#[test]
fn a_cursor_continues_after_its_offset() {
    let log = Log::new(2, 100);
    let relay = Relay::start(&log.shared, Manners::default());
    let url = relay.url();
    let from = |cursor: &str| {
        let args = [
            "tail",
            &url,
            "--cursor",
            cursor,
            "--until-complete",
            "--timeout",
            "30",
            "--json",
        ];
        let finished = dashstream(&args, b"");
        assert_eq!(finished.code, Some(0), "{cursor}: {finished:?}");
        let mut counts = [0; 2];
        for line in lines(&finished.stdout) {
            counts[line["partition"].as_u64().expect("a number") as usize] += 1;
        }
        counts
    };
    assert_eq!(from("0:41"), [58, 100]);
    assert_eq!(from("0:41,1:98"), [58, 1]);
    assert_eq!(from("0:99,1:99"), [0, 0]);
    // With the time of its record the cursor proves its topic; another time is another topic's.
    assert_eq!(from("0:41@1700000000000,1:98"), [58, 1]);
    assert_eq!(from("0:41@1700000000001,1:98"), [100, 1]);

    let args = ["tail", &url, "--cursor", "7:1", "--timeout", "30"];
    let finished = dashstream(&args, b"");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("no partition 7"), "{finished:?}");
}

/// RES-02
#[test]
fn a_connection_that_breaks_again_and_again_costs_nothing() {
    let log = Log::new(3, 2_000);
    let whole = log.frame_bytes();
    let relay = Relay::start(
        &log.shared,
        Manners {
            cut_after_bytes: Some(whole / 4),
        },
    );
    let args = [
        "tail",
        &relay.url(),
        "--quiet",
        "--digest",
        "--until-records",
        "6000",
        "--timeout",
        "60",
    ];
    let finished = dashstream(&args, b"");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(lines(&finished.stdout), [log.totals()]);
    let breaks = finished.stderr.matches("disconnected").count();
    assert!(breaks >= 2, "{finished:?}");
}

/// RES-02
#[test]
fn a_relay_that_is_killed_and_started_again_costs_nothing() {
    let log = Log::new(4, 500);
    let relay = Relay::start(&log.shared, Manners::default());
    let child = Command::new(env!("CARGO_BIN_EXE_dashstream"))
        .args([
            "tail",
            &relay.url(),
            "--quiet",
            "--digest",
            "--until-records",
            "4000",
            "--timeout",
            "60",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    std::thread::sleep(Duration::from_millis(500));
    let address = relay.address;
    drop(relay);
    // The second half is only there after the restart.
    log.fill(500);
    std::thread::sleep(Duration::from_millis(300));
    let relay = Relay::start_at(address, &log.shared, Manners::default());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(lines(&stdout), [log.totals()]);
    drop(relay);
}

#[test]
fn a_recording_holds_what_was_delivered() {
    let folder = Folder::new("record");
    let file = folder.path("it.dscap");
    let log = Log::new(2, 300);
    let relay = Relay::start(
        &log.shared,
        Manners {
            cut_after_bytes: Some(log.frame_bytes() / 2),
        },
    );
    let args = [
        "record",
        &relay.url(),
        "-o",
        &file,
        "--until-records",
        "600",
        "--timeout",
        "60",
        "--digest",
    ];
    let finished = dashstream(&args, b"");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(lines(&finished.stdout), [log.totals()]);

    let mut reader = CaptureReader::new();
    reader.push(&std::fs::read(&file).expect("the recording"));
    let mut digest = StreamDigest::new();
    let mut records = 0;
    while let Some(block) = reader.next_block().expect("a sound recording") {
        match block {
            Block::Metadata(text) => {
                let metadata: Value = serde_json::from_str(text).expect("JSON");
                assert_eq!(metadata["namespace"], "test/events");
            }
            Block::Data { frames, .. } => {
                for frame in FrameReader::new(frames) {
                    let frame = frame.expect("a whole frame");
                    digest.update(&frame);
                    records += usize::from(frame.header.kind == FrameKind::Record);
                }
            }
            Block::Index(_) => {}
        }
    }
    assert_eq!((records, reader.ending()), (600, Ending::Complete));
    for partition in [0, 1] {
        assert_eq!(digest.hex(partition), log.digest().hex(partition));
    }

    let again = dashstream(&args, b"");
    assert_eq!(again.code, Some(1), "{again:?}");
    let validated = dashstream(&["validate", &file], b"");
    assert_eq!(validated.code, Some(0), "{validated:?}");
    assert!(validated.stdout.contains("600 accepted"), "{validated:?}");
}

#[test]
fn the_end_conditions_and_their_exit_codes() {
    let log = Log::new(1, 10);
    let relay = Relay::start(&log.shared, Manners::default());
    let url = relay.url();
    for (args, code) in [
        (&["--until-complete"][..], 0),
        (&["--for", "0.3"], 0),
        (&["--until-records", "11", "--timeout", "0.5"], 1),
        (&["--from", "latest", "--until-complete"], 0),
        (&["--from", "cursor"], 2),
        (&["--for", "soon"], 2),
        (&["--cursor", "0"], 2),
        (&["--cursor", "0:1,0:5"], 2),
        (&["--cursor", "0:1@soon"], 2),
        (&["--until-records", "0"], 2),
    ] {
        let all: Vec<&str> = ["tail", &url].iter().chain(args).copied().collect();
        let finished = dashstream(&all, b"");
        assert_eq!(finished.code, Some(code), "{args:?}: {finished:?}");
    }
    drop(relay);
    let started = Instant::now();
    let finished = dashstream(&["tail", &url, "--connect-timeout", "0.5"], b"");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("not connected"), "{finished:?}");
    assert!(!finished.stderr.contains("disconnected"), "{finished:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(
        dashstream(&["tail", "ftp://127.0.0.1:1"], b"").code,
        Some(2)
    );
}

/// Whoever answers that there is nothing is not asked again.
#[test]
fn a_server_that_is_no_relay_is_left_at_once() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = listener.local_addr().expect("an address").to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).expect("a request");
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nNothing\n";
        stream.write_all(answer).expect("sends");
    });
    let started = Instant::now();
    let finished = dashstream(&["tail", &url, "--connect-timeout", "60"], b"");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("404"), "{finished:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
    server.join().expect("the server");
}

/// A log that a test fills, and what a client must have seen of it.
struct Log {
    shared: Arc<Mutex<TailLog>>,
    partitions: u32,
}

impl Log {
    fn new(partitions: u32, records: u64) -> Self {
        let mut log = TailLog::new(64 << 20);
        for partition in 0..partitions {
            log.add_partition(partition, 0);
        }
        let log = Self {
            shared: Arc::new(Mutex::new(log)),
            partitions,
        };
        log.fill(records);
        log
    }

    /// Adds so many records to every partition, in several segments.
    fn fill(&self, records: u64) {
        for partition in 0..self.partitions {
            let head = self.head(partition);
            for chunk in (head..head + records).collect::<Vec<_>>().chunks(64) {
                let mut segment = SegmentBuilder::new(partition, chunk[0]);
                for offset in chunk {
                    segment.record(*offset, 1_700_000_000_000, &event((offset % 100) as u8));
                }
                self.append(segment);
            }
        }
    }

    fn append(&self, segment: SegmentBuilder) {
        let segment = segment.finish().expect("not empty");
        self.shared
            .lock()
            .expect("no panic")
            .append(segment)
            .expect("in order");
    }

    fn head(&self, partition: u32) -> u64 {
        let log = self.shared.lock().expect("no panic");
        log.partition(partition).map_or(0, |view| view.head)
    }

    fn each(&self, mut visit: impl FnMut(u32, &[u8])) {
        let log = self.shared.lock().expect("no panic");
        for partition in 0..self.partitions {
            let mut position = 0;
            while let session::log::Read::Data(slice) = log.read(partition, position, 1 << 16) {
                visit(partition, &slice.bytes);
                position = slice.next;
            }
        }
    }

    fn frame_bytes(&self) -> usize {
        let mut bytes = 0;
        self.each(|_, frames| bytes += frames.len());
        bytes
    }

    fn digest(&self) -> StreamDigest {
        let mut digest = StreamDigest::new();
        self.each(|_, frames| {
            FrameReader::new(frames)
                .flatten()
                .for_each(|f| digest.update(&f))
        });
        digest
    }

    /// What `--digest` must print.
    fn totals(&self) -> Value {
        let digest = self.digest();
        let mut partitions = BTreeMap::new();
        let mut records = 0;
        for partition in 0..self.partitions {
            let head = self.head(partition);
            records += head;
            partitions.insert(
                partition.to_string(),
                json!({"position": head.to_string(), "records": head, "gaps": 0, "rejects": 0,
                    "digest": digest.hex(partition)}),
            );
        }
        json!({"records": records, "gaps": 0, "rejects": 0, "partitions": partitions})
    }
}

fn lines(output: &str) -> Vec<Value> {
    output
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// X18: a name whose first address swallows what is sent to it is reached by its second one within 5 s. The name
/// is resolved by a file of hosts of the test's own, where the kernel allows a mount namespace.
#[cfg(target_os = "linux")]
#[test]
fn a_second_address_of_a_name_is_tried() {
    let folder = Folder::new("hosts");
    let hosts = folder.file("hosts", b"127.0.0.2 two.test\n127.0.0.3 two.test\n");
    let log = Log::new(1, 5);
    let relay = Relay::start_at(([127, 0, 0, 3], 0).into(), &log.shared, Manners::default());
    // A listener whose queue is full: the kernel drops who wants to connect.
    let hole = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let hole = hole.expect("a socket");
    let address: std::net::SocketAddr = ([127, 0, 0, 2], relay.address.port()).into();
    hole.bind(&address.into()).expect("nobody else is there");
    hole.listen(0).expect("it listens");
    let fill = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300));
    let _queued: Vec<_> = std::iter::from_fn(|| fill().ok()).take(8).collect();

    let script = format!("mount --bind {hosts} /etc/hosts && exec \"$0\" \"$@\"");
    let in_namespace = |command: &[&str]| {
        let unshare = ["--user", "--map-root-user", "--mount", "sh", "-c", &script];
        Command::new("unshare").args(unshare).args(command).output()
    };
    if !in_namespace(&["true"]).is_ok_and(|output| output.status.success()) {
        support::skip("a_second_address_of_a_name_is_tried: no mount namespace here");
        return;
    }
    let url = format!("two.test:{}", relay.address.port());
    let started = Instant::now();
    let binary = env!("CARGO_BIN_EXE_dashstream");
    let args = [binary, "tail", &url, "--until-complete", "--timeout", "30"];
    let output = in_namespace(&args).expect("unshare starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    let named = format!("{address} does not answer, connected to {}", relay.address);
    assert!(stderr.contains(&named), "{stderr}");
}
