//! Exit codes are as documented whatever becomes of stdout and stderr.

#![cfg(target_os = "linux")]

mod support;

use std::process::Stdio;

use support::{Folder, closed, dashstream, delimited, event, exit_code, full};

#[test]
fn a_stderr_that_cannot_be_written_changes_no_exit_code() {
    let folder = Folder::new("stderr");
    let good = delimited(&[&event(1)]);
    let bad = delimited(&[&event(1), b"\x00\xFF", &event(2)]);
    let cases: [(&[&str], &[u8], i32); 10] = [
        (&["validate", "--format", "delimited"], &good, 0),
        (&["validate", "--format", "delimited"], &bad, 3),
        (&["validate", "--format", "delimited"], &bad[..9], 1),
        (&["validate", "--format", "capture"], b"", 1),
        (&["inspect", "--format", "delimited"], &bad, 3),
        (
            &["inspect", "--offset", "3", "--format", "delimited"],
            &good,
            2,
        ),
        (&["inspect", &folder.path("absent")], b"", 1),
        (&["tail", "127.0.0.1:1", "--connect-timeout", "0.1"], b"", 1),
        (&["tail", "nowhere"], b"", 2),
        (&["replay", "-", "--serve", "0", "--for", "0.1"], b"", 1),
    ];
    for (args, stdin, expected) in cases {
        let seen = exit_code(args, stdin, Stdio::null(), Stdio::null());
        assert_eq!(seen, Some(expected), "{args:?}");
        for (name, stderr) in [("full", full()), ("closed", closed())] {
            let seen = exit_code(args, stdin, Stdio::null(), stderr);
            assert_eq!(seen, Some(expected), "{args:?}, stderr {name}");
        }
    }
}

#[test]
fn a_stdout_that_cannot_be_written_is_an_error_and_one_that_is_closed_is_none() {
    let bad = delimited(&[b"\x00\xFF"]);
    for command in ["validate", "inspect"] {
        let args = [command, "--format", "delimited"];
        assert_eq!(exit_code(&args, &bad, full(), full()), Some(1), "{command}");
        assert_eq!(
            exit_code(&args, &bad, closed(), closed()),
            Some(0),
            "{command}"
        );
    }
    for command in ["man", "completions"] {
        let args: &[&str] = if command == "man" {
            &["man"]
        } else {
            &["completions", "bash"]
        };
        assert_eq!(exit_code(args, b"", full(), full()), Some(1), "{command}");
        assert_eq!(
            exit_code(args, b"", closed(), closed()),
            Some(0),
            "{command}"
        );
    }
    assert_eq!(exit_code(&["--help"], b"", closed(), closed()), Some(0));
    assert_eq!(exit_code(&["--help"], b"", full(), full()), Some(0));
}

#[test]
fn an_empty_capture_and_a_file_of_zeros_are_refused_in_words() {
    let folder = Folder::new("zeros");
    let empty = folder.file("empty", b"");
    let zeros = folder.file("zeros", &vec![0; 1 << 20]);
    let mut half = delimited(&[&event(1)]);
    half.resize(1 << 20, 0);
    let half = folder.file("half", &half);
    for (args, words) in [
        (&["validate", "--format", "capture", &empty][..], "is empty"),
        (&["inspect", "--format", "capture", &empty], "is empty"),
        (&["replay", &empty, "--serve", "0"], "is empty"),
        (&["validate", &zeros], "filled with zeros"),
        (&["inspect", &zeros], "filled with zeros"),
        (&["replay", &zeros, "--serve", "0"], "filled with zeros"),
        (
            &["validate", "--format", "delimited", &zeros],
            "filled with zeros",
        ),
        (
            &["validate", "--format", "dashflow", &zeros],
            "filled with zeros",
        ),
        (&["validate", &half], "filled with zeros"),
    ] {
        let finished = dashstream(args, b"");
        assert_eq!(finished.code, Some(1), "{args:?} {finished:?}");
        assert!(finished.stderr.contains(words), "{args:?} {finished:?}");
        let lines = finished.stdout.lines().count() + finished.stderr.lines().count();
        assert!(lines < 400, "{args:?}: {lines} lines");
    }
    let finished = dashstream(&["validate", "--format", "payload", &empty], b"");
    assert_eq!(
        finished.code,
        Some(3),
        "an empty payload is one: {finished:?}"
    );
}
