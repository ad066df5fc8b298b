//! The refusal of a client's message.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use decode_core::wire::ErrorCode;

/// Why a client's message is refused. Nothing of it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlError {
    /// One of [`ErrorCode`].
    pub code: ErrorCode,
    /// An English text.
    pub message: String,
    /// Partitions that are the trouble, as sent (at most [`LISTED_MAX`]).
    pub invalid_partitions: Vec<String>,
    /// Offsets that are the trouble, as sent (at most [`LISTED_MAX`]).
    pub invalid_offsets: Vec<String>,
    /// How many partitions and offsets are the trouble, listed or not.
    pub invalid_counts: (usize, usize),
    /// Whether the refused message was a `resume`.
    pub of_resume: bool,
}

impl ControlError {
    pub(crate) fn new(code: ErrorCode, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            invalid_partitions: Vec::new(),
            invalid_offsets: Vec::new(),
            invalid_counts: (0, 0),
            of_resume: false,
        }
    }

    /// Names a partition that is the trouble.
    pub(crate) fn partition(&mut self, text: &str) {
        self.invalid_counts.0 += 1;
        if self.invalid_partitions.len() < LISTED_MAX {
            self.invalid_partitions.push(shown(text));
        }
    }

    /// Names an offset that is the trouble.
    pub(super) fn offset(&mut self, text: &str) {
        self.invalid_counts.1 += 1;
        if self.invalid_offsets.len() < LISTED_MAX {
            self.invalid_offsets.push(shown(text));
        }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl core::error::Error for ControlError {}

/// The beginning of a client's text, to be repeated to it.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// Bad entries listed in one error.
pub const LISTED_MAX: usize = 16;
/// Characters of a client's text repeated to it.
const SHOWN_CHARS_MAX: usize = 64;
