//! `replay --serve` as a process, watched by `tail` and `record` and asked by strangers.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use decode_core::capture::CaptureWriter;
use decode_core::frame::FrameWriter;
use decode_core::wire::{GapCause, RejectCode};
use serde_json::json;
use support::{Finished, Folder, dashflow_record, dashstream, event, json_lines};

/// A serving process; ended when dropped.
struct Serving {
    child: Child,
    /// `127.0.0.1:PORT`
    address: String,
}

impl Serving {
    fn start(file: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dashstream"))
            .args(["replay", file, "--serve", "0"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut url = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        output.read_line(&mut url).expect("a line");
        let address = url
            .trim()
            .trim_start_matches("http://")
            .trim_end_matches('/');
        assert!(address.starts_with("127.0.0.1:"), "{url:?}");
        Self {
            address: address.to_owned(),
            child,
        }
    }

    /// Head and body of an answer.
    fn ask(&self, request: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a socket");
        let request = format!(
            "{request}\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
        let body = answer.split_off(end.expect("a head") + 4);
        (String::from_utf8(answer).expect("UTF-8"), body)
    }
}

/// SEC-01: a capture is served to other machines only by whoever says so in words.
#[test]
fn other_machines_are_let_in_only_in_words() {
    let folder = Folder::new("anyone");
    let record = dashflow_record(0, 0, 1_700_000_000_000, Some(b"t"), Some(&event(1)));
    let file = folder.file("one.capture", &record);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let refused = dashstream(&["replay", &file, "--serve", address], b"");
        assert_eq!(refused.code, Some(2), "{refused:?}");
        let said = refused.stderr.contains("--insecure-allow-anyone");
        assert!(said, "{refused:?}");
    }
    let short = ["--for", "1", "--insecure-allow-anyone"];
    for address in ["0.0.0.0:0", "127.0.0.1:0"] {
        let words = [&["replay", &file, "--serve", address][..], &short].concat();
        let served = dashstream(&words, b"");
        assert_eq!(served.code, Some(0), "{served:?}");
    }
}

/// Follows what is served until it is complete.
fn follow(serving: &Serving, command: &str, more: &[&str]) -> Finished {
    let all = [
        command,
        &serving.address,
        "--until-complete",
        "--timeout",
        "60",
    ];
    dashstream(&[&all[..], more].concat(), b"")
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every kind of frame, in two partitions.
fn capture() -> Vec<u8> {
    let mut frames = Vec::new();
    let mut one = FrameWriter::new(1, 100);
    let mut two = FrameWriter::new(2, 0);
    one.record(&mut frames, 103, 1_000, &event(1));
    two.record(&mut frames, 0, 1_001, &event(2));
    one.gap(&mut frames, 104, 109, GapCause::Oversized);
    one.reject(&mut frames, 110, 1_002, RejectCode::Utf8, b"\x00\xFF");
    two.mark(&mut frames, 50);
    for offset in 50..5_000 {
        two.record(&mut frames, offset, 1_003, &event(3));
    }
    one.record(&mut frames, 111, 1_004, &event(4));
    let metadata = json!({"topic": "events", "mode": "compatible"});
    let mut capture = CaptureWriter::new(&metadata.to_string()).expect("short metadata");
    capture.frames(&frames).expect("whole frames");
    capture.finish().expect("room")
}

#[test]
fn a_recording_is_served_as_it_was_recorded() {
    let folder = Folder::new("serve");
    let file = folder.file("first.dscap", &capture());
    let serving = Serving::start(&file, &[]);
    let tailed = follow(&serving, "tail", &["--json", "--digest"]);
    assert_eq!(tailed.code, Some(3), "{tailed:?}");
    assert!(tailed.stderr.contains("compatible"), "{}", tailed.stderr);
    let mut lines = json_lines(&tailed.stdout);
    let digest = lines.pop().expect("a digest");
    assert_eq!(
        (&digest["records"], &digest["gaps"], &digest["rejects"]),
        (&json!(4_953), &json!(1), &json!(1))
    );
    let one: Vec<_> = lines.iter().filter(|line| line["partition"] == 1).collect();
    assert_eq!(one.len(), 4);
    assert_eq!(
        (&one[0]["offset"], &one[0]["timestampMs"]),
        (&json!("103"), &json!(1_000))
    );
    assert_eq!(
        (&one[1]["last"], &one[1]["gap"]),
        (&json!("109"), &json!("oversized"))
    );
    assert_eq!(
        (&one[2]["offset"], &one[2]["reject"]),
        (&json!("110"), &json!("utf8"))
    );

    // Recorded from here it is the same again.
    let again = folder.path("again.dscap");
    let recorded = follow(&serving, "record", &["-o", &again, "--digest"]);
    assert_eq!(recorded.code, Some(3), "{recorded:?}");
    assert_eq!(json_lines(&recorded.stdout)[0], digest);
    let of_again = Serving::start(&again, &[]);
    let tailed = follow(&of_again, "tail", &["--quiet", "--digest"]);
    assert_eq!(json_lines(&tailed.stdout)[0], digest);

    // A cursor works as with a relay.
    let from = ["--quiet", "--digest", "--cursor", "1:110,2:4998"];
    let tailed = follow(&serving, "tail", &from);
    assert_eq!(tailed.code, Some(0), "{tailed:?}");
    assert_eq!(json_lines(&tailed.stdout)[0]["records"], 2);
}

#[test]
fn what_no_relay_has_judged_is_judged() {
    let records = [
        dashflow_record(0, 7, 1_700_000_000_000, Some(b"t"), Some(&event(1))),
        dashflow_record(0, 8, 1_700_000_000_001, None, Some(b"{}")),
        dashflow_record(0, 9, 1_700_000_000_002, Some(b"t"), None),
        dashflow_record(0, 12, 1_700_000_000_003, Some(b"t"), Some(&event(2)[1..])),
    ]
    .concat();
    let folder = Folder::new("judged");
    let file = folder.file("capture", &records);
    for (mode, expected) in [
        (
            "--strict",
            ["bad_frame", "null_value", "bad_frame"].as_slice(),
        ),
        ("--compatible", &["protobuf", "null_value"]),
    ] {
        let serving = Serving::start(&file, &[mode]);
        let tailed = follow(&serving, "tail", &["--json"]);
        assert_eq!(tailed.code, Some(3), "{tailed:?}");
        let lines = json_lines(&tailed.stdout);
        let found: Vec<_> = lines
            .iter()
            .filter_map(|line| line.get("reject").or_else(|| line.get("gap")))
            .collect();
        assert_eq!(found, *expected);
        assert_eq!(lines.len(), 4);
    }
}

#[test]
fn the_real_capture_comes_out_as_it_is() {
    let Some(capture) = support::real_capture() else {
        return;
    };
    let serving = Serving::start(&capture, &[]);
    let folder = Folder::new("real");
    let recorded = folder.path("real.dscap");
    let finished = follow(&serving, "record", &["-o", &recorded]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let texts = |file: &str| {
        let inspected = dashstream(&["inspect", file], b"");
        let mut lines: Vec<String> = inspected.stdout.lines().map(str::to_owned).collect();
        // Partitions take turns on the wire.
        lines.sort();
        lines
    };
    let (original, again) = (texts(&capture), texts(&recorded));
    assert_eq!(original.len(), 903);
    assert!(original == again);
}

#[test]
fn records_come_at_their_pace() {
    let records: Vec<u8> = (0..10_u64)
        .flat_map(|number| {
            let time = 1_700_000_000_000 + number as i64 * 1000;
            dashflow_record(0, number, time, None, Some(&event(1)))
        })
        .collect();
    let folder = Folder::new("slow");
    let file = folder.file("capture", &records);
    let serving = Serving::start(&file, &["--speed", "10"]);
    let since = Instant::now();
    let tail = [
        "tail",
        &serving.address,
        "--until-records",
        "10",
        "--timeout",
        "60",
    ];
    let tailed = dashstream(&[&tail[..], &["--quiet", "--digest"]].concat(), b"");
    assert_eq!(tailed.code, Some(0), "{tailed:?}");
    let elapsed = since.elapsed();
    assert!(
        elapsed > Duration::from_millis(600) && elapsed < Duration::from_secs(30),
        "{elapsed:?}"
    );
}

/// SEC-02: read-only, for its own page and for tools; nothing outside the page's folder.
#[test]
fn strangers_get_nothing() {
    let folder = Folder::new("page");
    let file = folder.file("first.dscap", &capture());
    std::fs::create_dir_all(folder.path("dist/assets")).expect("a folder");
    folder.file("dist/index.html", b"<!doctype html>page");
    folder.file("dist/assets/a.wasm", b"\0asm");
    folder.file("dist/assets/a.wasm.gz", b"coded");
    let page = folder.path("dist");
    let serving = Serving::start(&file, &["--page", &page]);

    let (head, body) = serving.ask("GET / HTTP/1.1");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("text/html") && head.contains("default-src 'none'"),
        "{head}"
    );
    assert_eq!(body, b"<!doctype html>page");
    let (head, body) = serving.ask("GET /assets/a.wasm HTTP/1.1");
    assert!(head.contains("application/wasm"), "{head}");
    assert_eq!(body, b"\0asm");
    // The build left it compressed beside.
    let accept = |coding: &str| format!("GET /assets/a.wasm HTTP/1.1\r\nAccept-Encoding: {coding}");
    let (head, body) = serving.ask(&accept("gzip, br;q=0.5"));
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert_eq!(body, b"coded");
    let (head, body) = serving.ask(&accept("br"));
    assert!(!head.contains("content-encoding"), "{head}");
    assert_eq!(body, b"\0asm");
    let (head, body) = serving.ask("HEAD / HTTP/1.1");
    assert!(
        head.starts_with("HTTP/1.1 200 ") && body.is_empty(),
        "{head}"
    );

    let upgrade = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let protocol = "\r\nSec-WebSocket-Protocol: dashstream.v1";
    for (request, status) in [
        ("GET /../first.dscap HTTP/1.1".to_owned(), "404"),
        ("GET /%2e%2e/first.dscap HTTP/1.1".to_owned(), "404"),
        ("GET //index.html HTTP/1.1".to_owned(), "404"),
        ("POST / HTTP/1.1\r\nContent-Length: 0".to_owned(), "405"),
        ("GET /ws HTTP/1.1".to_owned(), "426"),
        (upgrade.replace("GET", "POST"), "405"),
        (upgrade.to_owned(), "426"),
        (
            format!("{upgrade}{protocol}\r\nOrigin: https://evil.example"),
            "403",
        ),
    ] {
        // Asked with `Connection: close` an upgrade cannot happen; to another origin not even that is said.
        let (head, _) = serving.ask(&request);
        assert!(head.contains(&format!(" {status} ")), "{request}: {head}");
    }
    // With the header as it must be, the origin decides.
    for (more, status) in [
        ("", "101"),
        ("\r\nOrigin: https://evil.example", "403"),
        ("\r\nOrigin: null", "403"),
    ] {
        let mut stream = TcpStream::connect(&serving.address).expect("it listens");
        let address = &serving.address;
        let request =
            format!("{upgrade}{protocol}\r\nConnection: Upgrade\r\nHost: {address}{more}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("a line");
        assert!(line.contains(&format!(" {status} ")), "{more}: {line}");
    }
    let no_page = dashstream(
        &["replay", &file, "--serve", "0", "--page", &folder.path("x")],
        b"",
    );
    assert_eq!(no_page.code, Some(1), "{no_page:?}");
}

#[cfg(unix)]
#[test]
fn it_ends_when_told_and_tells_its_clients() {
    let folder = Folder::new("ends");
    let file = folder.file("first.dscap", &capture());
    let mut serving = Serving::start(&file, &[]);
    let tail = Command::new(env!("CARGO_BIN_EXE_dashstream"))
        .args(["tail", &serving.address, "--for", "5", "--from", "latest"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut errors = BufReader::new({
        let mut tail = tail;
        let errors = tail.stderr.take().expect("stderr is piped");
        std::thread::spawn(move || drop(tail.wait()));
        errors
    });
    let mut line = String::new();
    errors.read_line(&mut line).expect("the greeting");
    assert!(line.contains("file/"), "{line}");
    std::thread::sleep(Duration::from_millis(300));
    let told = Command::new("kill")
        .arg(serving.child.id().to_string())
        .status();
    assert!(told.expect("kill").success());
    let status = serving.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(3), "the file holds gaps");
    line.clear();
    while !line.contains("disconnected") {
        assert!(errors.read_line(&mut line).expect("UTF-8") > 0, "{line}");
    }
    assert!(line.contains("going_away: shutdown"), "{line}");
    assert!(line.contains("disconnected: 1001"), "{line}");

    let limited = ["replay", &file, "--serve", "0", "--for", "0.1"];
    let since = Instant::now();
    assert_eq!(dashstream(&limited, b"").code, Some(3));
    assert!(since.elapsed() < Duration::from_secs(10));
}
