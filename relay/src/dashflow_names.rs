//! The names under which DashFlow counts and describes errors. They are coarser than reject codes: several
//! codes share one name.

use dashstream_counters::labels;
use decode_core::wire::RejectCode;

labels! {
    /// What DashFlow's server calls a record that cannot be decoded.
    pub enum DecodeError {
        PayloadTooLarge = "payload_too_large",
        /// Never counted by this relay; dashboards of DashFlow ask for it.
        BufferUnderflow = "buffer_underflow",
        /// Never counted by this relay; dashboards of DashFlow ask for it.
        SchemaVersionMismatch = "schema_version_mismatch",
        InvalidProtobuf = "invalid_protobuf",
        UnknownDecodeError = "unknown_decode_error",
    }
}

impl From<RejectCode> for DecodeError {
    fn from(code: RejectCode) -> Self {
        match code {
            RejectCode::TooLarge => Self::PayloadTooLarge,
            RejectCode::BadFrame
            | RejectCode::Protobuf
            | RejectCode::Utf8
            | RejectCode::TooDeep
            | RejectCode::TooManyEvents => Self::InvalidProtobuf,
            RejectCode::Empty | RejectCode::Decompress | RejectCode::DecompressedTooLarge => {
                Self::UnknownDecodeError
            }
        }
    }
}

labels! {
    /// What DashFlow's server calls the error of a dead letter in its metrics.
    pub enum LetterError {
        PayloadTooLarge = "payload_too_large",
        InvalidProtobuf = "invalid_protobuf",
        UnknownDecodeError = "unknown_decode_error",
        PayloadMissing = "payload_missing",
    }
}

impl From<DecodeError> for LetterError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::PayloadTooLarge => Self::PayloadTooLarge,
            DecodeError::InvalidProtobuf => Self::InvalidProtobuf,
            DecodeError::BufferUnderflow
            | DecodeError::SchemaVersionMismatch
            | DecodeError::UnknownDecodeError => Self::UnknownDecodeError,
        }
    }
}

/// The type inside a dead letter, as DashFlow's library names it.
pub(crate) const fn letter_type(code: RejectCode) -> &'static str {
    match code {
        RejectCode::Protobuf
        | RejectCode::Utf8
        | RejectCode::TooDeep
        | RejectCode::TooManyEvents => "decode_error",
        RejectCode::Decompress | RejectCode::DecompressedTooLarge => "decompression_error",
        RejectCode::BadFrame | RejectCode::TooLarge => INVALID_FORMAT,
        RejectCode::Empty => IO_ERROR,
    }
}

/// The same for a value over the limit.
pub(crate) const INVALID_FORMAT: &str = "invalid_format";
/// The same for a record without a value.
pub(crate) const IO_ERROR: &str = "io_error";
