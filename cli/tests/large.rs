//! `validate` on inputs that are larger than its memory, and the ways its output can end.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{delimited, event, json_lines};

fn validate(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dashstream"))
        .arg("validate")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// Chunks of very different cost, each larger than what one core is given at once.
#[test]
fn the_output_is_in_the_order_of_the_input() {
    let mut zstd = vec![1, 0x28, 0xB5, 0x2F, 0xFD, 0x20, 13, 0x69, 0, 0];
    zstd.extend_from_slice(&event(9)[1..]);
    let mut payloads = Vec::new();
    for round in 0..40_usize {
        let cheap = b"{".as_slice();
        for number in 0..5_000 {
            payloads.push(if round % 4 == 0 || number % 7 == 0 {
                &zstd
            } else {
                cheap
            });
        }
    }
    let input = delimited(&payloads);
    let finished = support::dashstream(&["validate", "--json", "--format", "delimited"], &input);
    assert_eq!(finished.code, Some(3));
    let lines = json_lines(&finished.stdout);
    assert_eq!(lines.len(), payloads.len() + 1);
    for (index, (line, payload)) in lines.iter().zip(&payloads).enumerate() {
        let verdict = if payload.len() > 1 {
            "accepted"
        } else {
            "rejected"
        };
        assert_eq!(
            (&line["index"], &line["verdict"]),
            (&json!(index), &json!(verdict)),
        );
    }
    let summary = &lines[payloads.len()]["summary"];
    assert_eq!(summary["payloads"], payloads.len());
    let bytes: usize = payloads.iter().map(|payload| payload.len()).sum();
    assert_eq!(summary["bytes"], bytes);
}

/// The memory it takes does not grow with what it reads.
#[cfg(target_os = "linux")]
#[test]
fn more_than_fits_into_memory() {
    const TOTAL_BYTES: usize = 600_000_000;
    const HELD_BYTES_MAX: u64 = 150_000_000;
    let mut child = validate(&["--format", "delimited"]);
    let mut input = child.stdin.take().expect("stdin is piped");
    let mut text = vec![0, 0x0A, 0x84, 0x80, 0x04, 0x1A, 0x80, 0x80, 0x04];
    text.resize(text.len() + 65_536, b'n');
    let piece = delimited(&[&text, &event(1)]).repeat(8);
    let pieces = TOTAL_BYTES / piece.len();
    for _ in 0..pieces {
        input.write_all(&piece).expect("it reads");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let peak_kb: u64 = status
        .expect("a running process")
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse().ok())
        .expect("its peak");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let expected = format!("{} payloads", pieces * 16);
    assert!(stdout.starts_with(&expected), "{stdout}");
    assert!(peak_kb * 1024 < HELD_BYTES_MAX, "{peak_kb} kB");
}

#[test]
fn a_reader_that_leaves_early_is_no_error_although_the_input_goes_on() {
    for args in [&["--json"][..], &[]] {
        let mut child = validate(args);
        let mut input = child.stdin.take().expect("stdin is piped");
        let mut output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let rejected = delimited(&[b"{"]).repeat(200_000);
        let feed = std::thread::spawn(move || {
            while input.write_all(&rejected).is_ok() {}
            input
        });
        let mut first = String::new();
        output.read_line(&mut first).expect("a line");
        assert!(first.contains("bad_frame"), "{first}");
        drop(output);
        let mut stderr = String::new();
        let mut errors = child.stderr.take().expect("stderr is piped");
        errors.read_to_string(&mut stderr).expect("UTF-8");
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
        assert_eq!(stderr, "");
        drop(feed.join());
    }
}

/// A pipe from which nothing comes any more does not keep it alive.
#[test]
fn it_does_not_wait_for_input_when_nobody_reads() {
    let mut child = validate(&["--format", "delimited"]);
    let mut input = child.stdin.take().expect("stdin is piped");
    drop(child.stdout.take());
    let rejected = delimited(&[b"{"]).repeat(100_000);
    // It may end before it has read everything.
    let _ = input.write_all(&rejected);
    let since = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        assert!(since.elapsed() < Duration::from_secs(20), "it hangs");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(input);
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    let binary = env!("CARGO_BIN_EXE_dashstream");
    let folder = support::Folder::new("progress");
    let file = folder.file("input", &delimited(&[&event(1)]).repeat(50_000));
    let quiet = support::dashstream(&["validate", &file], b"");
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));

    // `script` gives its command a terminal.
    let shown = Command::new("script")
        .args(["-qec", &format!("{binary} validate {file}"), "/dev/null"])
        .stdin(Stdio::null())
        .output();
    let Ok(shown) = shown else {
        support::skip("no script(1)");
        return;
    };
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(shown.contains(" payloads, "), "{shown:?}");
    assert!(shown.contains(" %), "), "{shown:?}");
    let (_, after) = shown.rsplit_once("\r\x1b[K").expect("it is cleared");
    assert!(
        after.starts_with("50000 payloads, 700000 bytes: "),
        "{after:?}"
    );
}
