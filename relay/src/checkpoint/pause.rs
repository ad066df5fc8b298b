//! A pause as a checkpoint keeps it: the record a partition waits at, and why. The numbers of a halted
//! series are in memory only, so that without this a restart would take the record for a beginning.

use std::fmt;

use decode_core::wire::{GapCause, RejectCode};
use serde_json::{Value, json};

/// A record that is not passed until an operator releases it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPause {
    pub offset: u64,
    pub cause: PauseCause,
}

/// Why a partition waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseCause {
    /// A number left a gap.
    Sequence { expected: u64, received: u64 },
    /// The record cannot be used; holds the code.
    Unusable(&'static str),
    /// The file says that it waits, and nothing of use about why.
    Unknown,
}

const SEQUENCE: &str = "sequence";
const UNKNOWN: &str = "unknown";

impl PauseCause {
    /// For a label.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sequence { .. } => SEQUENCE,
            Self::Unusable(code) => code,
            Self::Unknown => UNKNOWN,
        }
    }

    fn of(pause: &Value) -> Self {
        match pause["code"].as_str() {
            Some(SEQUENCE) => match (pause["expected"].as_u64(), pause["received"].as_u64()) {
                (Some(expected), Some(received)) => Self::Sequence { expected, received },
                _ => Self::Unknown,
            },
            Some(text) => known_code(text).map_or(Self::Unknown, Self::Unusable),
            None => Self::Unknown,
        }
    }
}

impl fmt::Display for PauseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence { expected, received } => {
                write!(f, "sequence {received} where {expected} was expected")
            }
            Self::Unusable(code) if *code == GapCause::UnreadableBatch.code() => {
                write!(f, "the batch cannot be read: {code}")
            }
            Self::Unusable(code) => write!(f, "the record cannot be used: {code}"),
            Self::Unknown => f.write_str("the checkpoint has a pause for a reason unknown"),
        }
    }
}

/// The code of this text, as labels need one that lives as long as the process.
fn known_code(text: &str) -> Option<&'static str> {
    let rejects = RejectCode::ALL.iter().map(|code| code.code());
    let mut known = rejects.chain(GapCause::ALL.iter().map(|cause| cause.code()));
    known.find(|&code| code == text)
}

impl StoredPause {
    /// What a file says whose checkpoint is at `settled`. Whatever cannot be made out is a pause still:
    /// one too many costs a release, one too few a record that nobody looked at.
    pub(super) fn of(pause: &Value, settled: u64) -> Option<Self> {
        if pause.is_null() {
            return None;
        }
        let offset = pause["offset"].as_i64();
        let offset = offset.and_then(|offset| u64::try_from(offset).ok());
        let pause = Self {
            offset: offset.unwrap_or(settled),
            cause: PauseCause::of(pause),
        };
        // Somebody moved the checkpoint beyond the record, and that is one way to pass it.
        (pause.offset >= settled).then_some(pause)
    }

    pub(super) fn to_json(self) -> Value {
        let (offset, code) = (self.offset, self.cause.code());
        match self.cause {
            PauseCause::Sequence { expected, received } => json!({
                "offset": offset,
                "code": code,
                "expected": expected,
                "received": received,
            }),
            PauseCause::Unusable(_) | PauseCause::Unknown => {
                json!({ "offset": offset, "code": code })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DLQ-02: what was written comes back, for every code there is.
    #[test]
    fn every_pause_comes_back() {
        let sequence = PauseCause::Sequence {
            expected: 3,
            received: u64::MAX,
        };
        let codes = RejectCode::ALL.iter().map(|code| code.code());
        let codes = codes.chain(GapCause::ALL.iter().map(|cause| cause.code()));
        let causes = codes.map(PauseCause::Unusable);
        for cause in causes.chain([sequence, PauseCause::Unknown]) {
            let pause = StoredPause { offset: 7, cause };
            assert_eq!(StoredPause::of(&pause.to_json(), 5), Some(pause));
        }
    }

    /// DLQ-02: a field that makes no sense is a pause for a reason unknown, at the checkpoint where its
    /// offset is of no use; behind the checkpoint, or null, there is none.
    #[test]
    fn a_bad_pause_is_a_pause() {
        for (pause, offset) in [
            (json!({"offset": 7, "code": "later"}), 7),
            (json!({"offset": 7, "code": 4}), 7),
            (
                json!({"offset": 7, "code": "sequence", "expected": -1, "received": 2}),
                7,
            ),
            (json!({"offset": 7}), 7),
            (json!({"offset": -7}), 5),
            (json!({"offset": "7"}), 5),
            (json!({"offset": u64::MAX}), 5),
            (json!({}), 5),
            (json!("bad_frame"), 5),
            (json!([]), 5),
        ] {
            let cause = PauseCause::Unknown;
            let wanted = StoredPause { offset, cause };
            assert_eq!(StoredPause::of(&pause, 5), Some(wanted), "{pause}");
        }
        let behind = json!({"offset": 4, "code": "bad_frame"});
        assert_eq!(
            StoredPause::of(&behind, 5),
            None,
            "the checkpoint was moved"
        );
        assert_eq!(StoredPause::of(&Value::Null, 5), None);
    }
}
