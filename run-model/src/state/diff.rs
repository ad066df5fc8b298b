//! A state diff as a whole, and the hash that proves what it came to.

use core::fmt;

use dashstream_proto::v1::StateDiff;
use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use super::parse::JsonError;
use super::patch::PatchError;
use super::value::Value;
use super::{STATE_BYTES_MAX, STATE_DEPTH_MAX};

/// Why a diff cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiffError {
    /// Its full state is no JSON.
    FullState(JsonError),
    /// Its full state is larger than the limit.
    FullStateTooLarge,
    /// One of its operations cannot be applied.
    Patch(PatchError),
}

impl DiffError {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FullState(_) => "diff_full_state",
            Self::FullStateTooLarge => Fault::TooLarge.code(),
            Self::Patch(error) => error.fault.code(),
        }
    }
}

impl fmt::Display for DiffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FullState(error) => write!(f, "{}: {error}", self.code()),
            Self::FullStateTooLarge => f.write_str(self.code()),
            Self::Patch(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for DiffError {}

/// The state after a diff. A full state wins over operations; with neither, nothing changed.
///
/// # Errors
/// See [`DiffError`]; the state before is still what it was.
pub fn after_diff(state: &Value, diff: &StateDiff) -> Result<Value, DiffError> {
    if !diff.full_state.is_empty() {
        let full = Value::parse(&diff.full_state).map_err(DiffError::FullState)?;
        // Its own text can be shorter than the canonical one: escapes.
        let size = full.size();
        if size.bytes > STATE_BYTES_MAX || size.depth > STATE_DEPTH_MAX {
            return Err(DiffError::FullStateTooLarge);
        }
        return Ok(full);
    }
    let mut next = state.clone();
    next.apply(&diff.operations).map_err(DiffError::Patch)?;
    Ok(next)
}

/// What a diff's hash says of the state after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashCheck {
    /// The producer's state is this one.
    Same,
    /// It is another.
    Different,
    /// The diff has no hash.
    Absent,
}

/// Compares the hash of a diff with the state after that diff.
#[must_use]
pub fn check_hash(state: &Value, diff: &StateDiff) -> HashCheck {
    if diff.state_hash.is_empty() {
        HashCheck::Absent
    } else if diff.state_hash == state.sha256() {
        HashCheck::Same
    } else {
        HashCheck::Different
    }
}

impl Value {
    /// SHA-256 of the canonical text, which is not put together for it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        let mut hasher = Hasher(Sha256::new());
        // A hasher takes everything.
        let _ = self.write_text(&mut hasher);
        hasher.0.finalize().into()
    }
}

struct Hasher(Sha256);

impl fmt::Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}
