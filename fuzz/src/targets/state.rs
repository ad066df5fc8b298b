//! Graph state: what is read is written and read again without change, sizes are what they say, and
//! an operation either does all of what it says or nothing.

use dashstream_proto::v1::StateDiff;
use prost::Message as _;
use run_model::state::{STATE_BYTES_MAX, STATE_DEPTH_MAX, Value, after_diff};

pub(super) fn run(input: &[u8]) {
    let Some((len, rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    let (state, diff) = rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()));
    let parsed = Value::parse(state);
    match (std::str::from_utf8(state), &parsed) {
        (Ok(text), Ok(_)) => assert!(is_json(text)),
        (Ok(text), Err(error)) => {
            let read: Result<serde_json::Value, _> = serde_json::from_str(text);
            assert!(read.is_err(), "{error}");
            // A number that no double holds may come first.
            assert!(!is_json(text) || error.what == HALF_A_PAIR, "{error}");
        }
        (Err(_), parsed) => assert!(parsed.is_err()),
    }
    let Ok(state) = parsed else { return };
    check(&state);
    let Ok(diff) = StateDiff::decode(diff) else {
        return;
    };
    let before = state.to_text();
    let after = after_diff(&state, &diff);
    assert_eq!(state.to_text(), before, "the state before a diff changed");
    match after {
        Ok(after) => check(&after),
        Err(error) => assert!(!error.code().is_empty() && error.to_string().len() < 4_000),
    }
}

/// Whether serde_json takes it, and reads it too if numbers that no double holds are let pass.
fn is_json(text: &str) -> bool {
    let ignored: Result<serde::de::IgnoredAny, _> = serde_json::from_str(text);
    let read: Result<serde_json::Value, _> = serde_json::from_str(text);
    let passes = |error: serde_json::Error| error.to_string().starts_with(OUT_OF_RANGE);
    ignored.is_ok() && read.map_or_else(passes, |_| true)
}

fn check(value: &Value) {
    let size = value.size();
    assert!(size.bytes <= STATE_BYTES_MAX && value.depth() <= STATE_DEPTH_MAX);
    assert!(size.depth >= value.depth());
    let text = value.to_text();
    assert_eq!(text.len(), size.bytes);
    let again = Value::parse(text.as_bytes()).expect("our own text");
    assert_eq!(again.to_text(), text);
    assert_eq!(again.size().values, size.values);
    assert!(again.same(value) && value.same(&again));
    assert_eq!(again.sha256(), value.sha256());
}

const HALF_A_PAIR: &str = "half a surrogate pair";
const OUT_OF_RANGE: &str = "number out of range";
