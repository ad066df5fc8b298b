//! The state inside a checkpoint: decompressed as it says, and proven by its checksum.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use dashstream_proto::v1::{Checkpoint, CompressionType};
use decode_core::Reject;
use decode_core::zstd::Decompressor;
use sha2::{Digest as _, Sha256};

use super::STATE_BYTES_MAX;

/// Why a checkpoint's state is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointError {
    /// The state is not in the message but under its storage address.
    Elsewhere,
    /// A compression nobody here can undo.
    Compression(i32),
    /// The compressed state is damaged or larger than the limit.
    Decompress(Reject),
    /// The state is larger than the limit.
    TooLarge,
    /// The state has another length than stated.
    Length,
    /// There is no checksum of 32 bytes.
    NoChecksum,
    /// The checksum is of another text.
    Checksum,
}

impl CheckpointError {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Elsewhere => "checkpoint_elsewhere",
            Self::Compression(_) => "checkpoint_compression",
            Self::Decompress(_) => "checkpoint_decompress",
            Self::TooLarge => "checkpoint_too_large",
            Self::Length => "checkpoint_length",
            Self::NoChecksum => "checkpoint_no_checksum",
            Self::Checksum => "checkpoint_checksum",
        }
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compression(number) => write!(f, "{}: type {number}", self.code()),
            Self::Decompress(reject) => write!(f, "{}: {reject}", self.code()),
            Self::Elsewhere | Self::TooLarge | Self::Length | Self::NoChecksum | Self::Checksum => {
                f.write_str(self.code())
            }
        }
    }
}

impl core::error::Error for CheckpointError {}

/// The JSON text of a checkpoint's state.
///
/// # Errors
/// See [`CheckpointError`]: a state whose checksum does not prove it is no state.
pub fn checkpoint_text<'a>(
    checkpoint: &'a Checkpoint,
    zstd: &mut Decompressor,
) -> Result<Cow<'a, [u8]>, CheckpointError> {
    if checkpoint.state.is_empty() && !checkpoint.storage_uri.is_empty() {
        return Err(CheckpointError::Elsewhere);
    }
    let info = checkpoint.compression_info.as_ref();
    let kind = info.map_or(0, |info| info.r#type);
    let text = match CompressionType::try_from(kind) {
        Ok(CompressionType::CompressionNone) => Cow::Borrowed(&checkpoint.state[..]),
        Ok(CompressionType::CompressionZstd) => {
            let mut out = Vec::new();
            zstd.decompress(&checkpoint.state, &mut out, STATE_BYTES_MAX)
                .map_err(CheckpointError::Decompress)?;
            Cow::Owned(out)
        }
        _ => return Err(CheckpointError::Compression(kind)),
    };
    if text.len() > STATE_BYTES_MAX {
        return Err(CheckpointError::TooLarge);
    }
    // 0 is what an absent field reads as.
    let stated = info.map_or(0, |info| info.uncompressed_size);
    if stated != 0 && stated != text.len() as u64 {
        return Err(CheckpointError::Length);
    }
    if checkpoint.checksum.len() != Sha256::output_size() {
        return Err(CheckpointError::NoChecksum);
    }
    if checkpoint.checksum[..] != Sha256::digest(&text)[..] {
        return Err(CheckpointError::Checksum);
    }
    Ok(text)
}
