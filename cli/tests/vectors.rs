//! The shared vectors through the binary: `validate` and `inspect` say what the decoder says.

#[path = "../../decode-core/tests/support/mod.rs"]
mod shared;
mod support;

use serde_json::Value;
use support::{dashstream, delimited};

/// DEC-07: the tool reaches the verdicts of the decoder.
#[test]
fn validate_gives_every_vector_its_verdict() {
    let vectors = shared::vectors();
    let payloads: Vec<&[u8]> = vectors.iter().map(|vector| &vector.payload[..]).collect();
    let input = delimited(&payloads);
    for mode in ["--strict", "--compatible"] {
        let args = ["validate", "--json", "--format", "delimited", mode];
        let finished = dashstream(&args, &input);
        assert_eq!(finished.code, Some(3), "{}", finished.stderr);
        let lines: Vec<Value> = finished
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(lines.len(), vectors.len() + 1);
        for (vector, line) in vectors.iter().zip(&lines) {
            let expected = if mode == "--strict" {
                &vector.strict
            } else {
                &vector.compatible
            };
            let verdict = line["code"].as_str().unwrap_or("ok");
            assert_eq!(verdict, expected, "{} {mode}", vector.name);
            assert_eq!(
                line["verdict"] == "accepted",
                expected == "ok",
                "{} {mode}",
                vector.name
            );
        }
    }
}

#[test]
fn inspect_gives_every_accepted_vector_its_text() {
    let vectors = shared::vectors();
    let accepted: Vec<_> = vectors
        .iter()
        .filter(|vector| vector.compatible == "ok")
        .collect();
    let payloads: Vec<&[u8]> = accepted.iter().map(|vector| &vector.payload[..]).collect();
    let args = ["inspect", "--format", "delimited", "--compatible"];
    let finished = dashstream(&args, &delimited(&payloads));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout.lines().count(), accepted.len());
    for (vector, line) in accepted.iter().zip(finished.stdout.lines()) {
        assert!(line == vector.text, "{}: {line}", vector.name);
    }
}
