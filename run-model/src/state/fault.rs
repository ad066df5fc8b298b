//! What can be wrong with an operation of a diff.

use super::parse::JsonError;

/// What is wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An operation number this build does not know.
    Operation(i32),
    /// A value encoding that nobody here can read.
    Encoding(i32),
    /// The value is no JSON.
    Json(JsonError),
    /// Not a JSON pointer.
    Pointer,
    /// A pointer over the limit.
    PointerTooLong,
    /// Nothing is there, or nothing above it.
    Missing,
    /// An array index that is none, or beyond the end.
    Index,
    /// The value there is not the one that was expected.
    Test,
    /// A value cannot be moved into itself.
    IntoItself,
    /// The document itself cannot be removed.
    Root,
    /// More operations than the limit.
    TooManyOperations,
    /// The state would be larger, or nested deeper, than the limits.
    TooLarge,
}

impl Fault {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Operation(_) => "patch_operation",
            Self::Encoding(_) => "patch_encoding",
            Self::Json(_) => "patch_json",
            Self::Pointer => "patch_pointer",
            Self::PointerTooLong => "patch_pointer_too_long",
            Self::Missing => "patch_missing",
            Self::Index => "patch_index",
            Self::Test => "patch_test",
            Self::IntoItself => "patch_into_itself",
            Self::Root => "patch_root",
            Self::TooManyOperations => "patch_too_many_operations",
            Self::TooLarge => "patch_too_large",
        }
    }
}
