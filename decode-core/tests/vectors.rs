//! The shared vectors: every payload gets the verdict its line says, in both modes, and every
//! accepted one the text its line says, byte for byte.

mod support;

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
