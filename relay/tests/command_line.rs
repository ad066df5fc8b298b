//! The relay's binary and its configuration: what it says before it starts.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    process::{Command, Output},
};

fn check_config(variables: &[(&str, &[u8])]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dashstream-relay"));
    command.arg("check-config").env_clear();
    for (name, value) in variables {
        command.env(name, OsStr::from_bytes(value));
    }
    let Output { status, stderr, .. } = command.output().expect("it runs");
    (status.code(), String::from_utf8(stderr).expect("UTF-8"))
}

/// OPS-04: a variable without effect is named before a start, too.
#[test]
fn variables_without_effect_are_named() {
    let (code, told) = check_config(&[("KAFKA_TYPO", b"1"), ("DASHSTREAM_FOO", b"1")]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("KAFKA_TYPO") && told.contains("DASHSTREAM_FOO"));
    assert_eq!(check_config(&[]), (Some(0), String::new()));
}

/// DLQ-03, OPS-04: a queue that fails closed and forgets at a restart what it waits for says so.
#[test]
fn failing_closed_without_checkpoints_is_warned_of() {
    let closed: [(&str, &[u8]); 2] = [("KAFKA_DLQ_TOPIC", b"dead"), ("DLQ_FAIL_CLOSED", b"true")];
    let (code, told) = check_config(&closed);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("--checkpoint-dir"), "{told}");
    let [topic, closed] = closed;
    let dir: (&str, &[u8]) = ("DASHSTREAM_CHECKPOINT_DIR", b"checkpoints");
    assert_eq!(
        check_config(&[topic, closed, dir]),
        (Some(0), String::new())
    );
    assert_eq!(check_config(&[topic]), (Some(0), String::new()));
}

/// SEC-12: whatever is wrong in one value is told at once, with its variable.
#[test]
fn what_means_nothing_is_refused_by_name() {
    let (code, told) = check_config(&[
        ("KAFKA_BROKERS", b":9092,h:0,h:99999,a b:1,fine:9092"),
        ("RUST_LOG", b"%%%"),
        ("WEBSOCKET_PORT", b"http"),
    ]);
    assert_eq!(code, Some(2), "{told}");
    let parts = ["\":9092\"", "\"h:0\"", "\"h:99999\"", "\"a b:1\""];
    let names = ["KAFKA_BROKERS", "RUST_LOG", "WEBSOCKET_PORT"];
    for part in parts.iter().chain(&names) {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("fine"), "{told}");

    let (code, told) = check_config(&[("KAFKA_TOPIC", b"\xFF"), ("KAFKA_BROKERS", b"\xFE:1")]);
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("KAFKA_TOPIC") && told.contains("KAFKA_BROKERS"),
        "{told}"
    );
}

/// SEC-01: a token that was given in a wrong place, or without its quotes, is repeated nowhere.
#[test]
fn no_misplaced_token_is_repeated() {
    const TOKEN: &str = "s3cret0123456789abcdef0123456789";
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_dashstream-relay"))
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8(text).expect("UTF-8"),
        )
    };
    let file = format!("--tokens-file=admin {TOKEN}");
    let joined = format!("--token={TOKEN}");
    for (arguments, told) in [
        (&["check-config", &file][..], "--tokens-file"),
        (&["--tokens-file", TOKEN], "DASHSTREAM_TOKENS_FILE"),
        (&["--tokens", "admin", TOKEN], "subcommand"),
        (&["--kafka-sasl-password", "two", "s3cret"], "subcommand"),
        (&["check-config", "--tokens", "admin", "s3cret"], "argument"),
        (&[TOKEN], "subcommand"),
        (&[&joined], "--token"),
        (&["release", TOKEN], "<PARTITION>"),
        (&["release", "3", TOKEN], "argument"),
        (&["release", "3", "--offset", TOKEN], "--offset"),
    ] {
        let (code, text) = run(arguments, &[]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(told) && !text.contains("s3cret"), "{text}");
    }
    let (code, text) = run(&["relaese"], &[]);
    assert_eq!(code, Some(2));
    assert!(text.contains("'relaese'"), "a slip is shown: {text}");
    let named = ("DASHSTREAM_TOKENS_FILE", TOKEN);
    for arguments in [&["--help"][..], &["release", "--help"], &["check-config"]] {
        let (_, text) = run(arguments, &[named, ("DASHSTREAM_TOKEN", TOKEN)]);
        assert!(
            text.contains("DASHSTREAM_TOKENS_FILE") && !text.contains("s3cret"),
            "{text}"
        );
    }
}

/// SEC-01: tokens on loopback only mean that something forwards requests, which may look like the operator's.
#[test]
fn a_forwarder_on_this_machine_is_warned_of() {
    let tokens: (&str, &[u8]) = (
        "DASHSTREAM_TOKENS",
        b"viewer 0123456789abcdef0123456789abcdef",
    );
    let (code, told) = check_config(&[tokens]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("--loopback-needs-token"), "{told}");
    for more in [
        ("DASHSTREAM_LOOPBACK_NEEDS_TOKEN", &b"true"[..]),
        ("WEBSOCKET_HOST", b"0.0.0.0"),
    ] {
        assert_eq!(check_config(&[tokens, more]), (Some(0), String::new()));
    }
}
