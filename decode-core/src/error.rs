//! Why a payload is refused: a stable code, where, and a short fixed text. No allocation, so that
//! refusing is as cheap as accepting.

use crate::wire::RejectCode;

/// A payload that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    code: RejectCode,
    at: usize,
    what: &'static str,
}

impl Reject {
    pub(crate) const fn new(code: RejectCode, at: usize, what: &'static str) -> Self {
        Self { code, at, what }
    }

    /// Protobuf damage at byte `at` of the slice being read.
    pub(crate) const fn protobuf(at: usize, what: &'static str) -> Self {
        Self::new(RejectCode::Protobuf, at, what)
    }

    /// The same error seen from a slice that starts `base` bytes further out.
    pub(crate) const fn shifted(self, base: usize) -> Self {
        Self {
            at: self.at + base,
            ..self
        }
    }

    /// The stable code: what metrics, control messages and exit codes go by.
    #[must_use]
    pub const fn code(&self) -> RejectCode {
        self.code
    }

    /// Byte offset of the damage: in the payload for framing and size, in the compressed body for
    /// decompression, in the protobuf for everything else.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// A fixed English text.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }
}

impl core::fmt::Display for Reject {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {} at byte {}", self.code, self.what, self.at)
    }
}

impl core::error::Error for Reject {}
