//! The shared vectors: every payload gets the verdict its line says, in both modes, and every
//! accepted one the text its line says, byte for byte.

mod support;

use std::path::Path;
use std::process::Command;

use decode_core::{Decoder, Mode};
use support::vectors;

/// DEC-01, DEC-02, DEC-03, DEC-04, DEC-06, DEC-09, VER-03: each has its lines among the vectors.
#[test]
fn every_payload_gets_its_verdict_and_text() {
    let vectors = vectors();
    assert!(vectors.len() > 200);
    let mut strict = Decoder::new(Mode::Strict);
    let mut compatible = Decoder::new(Mode::Compatible);
    let mut wrong = Vec::new();
    for vector in &vectors {
        for (decoder, expected) in [
            (&mut strict, &vector.strict),
            (&mut compatible, &vector.compatible),
        ] {
            let mode = decoder.mode().name();
            let decoded = decoder.decode(&vector.payload, &mut ());
            let verdict = decoded
                .as_ref()
                .map_or_else(|reject| reject.code().code(), |_| "ok");
            if verdict != expected {
                wrong.push(format!("{} {mode}: {verdict}, not {expected}", vector.name));
            }
            let text = decoded.and_then(|decoded| decoded.canonical_json());
            if text.as_ref().is_ok_and(|text| *text != vector.text) {
                wrong.push(format!(
                    "{} {mode}: {text:?}, not {}",
                    vector.name, vector.text
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The valid vectors are made by encoders that are not this project's: the file is what the kept
/// script makes of them.
#[test]
fn the_file_is_what_the_official_encoders_make() {
    let Some(python) = support::python() else {
        return;
    };
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let made = Command::new(python)
        .arg(vectors.join("tools/official.py"))
        .arg("vectors")
        .output()
        .expect("python starts");
    assert!(made.status.success(), "official.py vectors failed");
    let made = String::from_utf8(made.stdout).expect("UTF-8");
    let kept = std::fs::read_to_string(vectors.join("payloads.tsv")).expect("the vectors");
    let differs = |(made, kept): &(&str, &str)| made != kept;
    let first = made.lines().zip(kept.lines()).find(differs);
    assert_eq!(first, None, "made, kept");
    assert_eq!(made.len(), kept.len());
}
