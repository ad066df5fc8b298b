//! Graph state: JSON whose numbers keep the text they came with, changed by the operations that
//! producers send, and its hash.
//!
//! A producer hashes the text it would write. Reading a number as a floating-point value and
//! writing it again gives another text sooner or later (`1.0`, `1e16`, integers over 2^53), so
//! nothing here does: a [`Value`] is what the bytes say, and its canonical text differs from them
//! only in white space, the order of keys and the spelling of strings.
//!
//! A clone shares all of its parts; a change copies only the containers on its path. Size and
//! nesting of every value are known without walking it, and bounded.

mod canonical;
mod checkpoint;
mod diff;
mod escape;
mod fault;
mod number;
mod parse;
mod patch;
mod pointer;
mod value;

pub use checkpoint::{CheckpointError, checkpoint_text};
pub use diff::{DiffError, HashCheck, after_diff, check_hash};
pub use fault::Fault;
pub use parse::JsonError;
pub use patch::PatchError;
pub use value::{Array, Number, Object, Size, Text, Value};

use decode_core::wire::DECOMPRESSED_BYTES_MAX;

/// Longest canonical text of a state, in bytes. No message can carry a longer one.
pub const STATE_BYTES_MAX: usize = DECOMPRESSED_BYTES_MAX;
/// Most values in a state, containers and what is in them counted alike.
pub const STATE_VALUES_MAX: usize = 1_000_000;
/// Deepest nesting of arrays and objects. Producers' own JSON reader goes no deeper.
pub const STATE_DEPTH_MAX: u32 = 128;
/// Most operations in one diff.
pub const OPERATIONS_MAX: usize = 10_000;
/// Longest JSON pointer in bytes.
pub const POINTER_BYTES_MAX: usize = 8 * 1024;
/// Characters of a pointer that an error repeats.
pub const PREVIEW_CHARS_MAX: usize = 120;

#[cfg(test)]
mod tests;
