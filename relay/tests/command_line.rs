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
