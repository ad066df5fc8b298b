//! The capture file: frames of the session protocol exactly as on the wire, in checksummed blocks,
//! with an index at the end so that a reader can go to a partition and offset. `docs/capture.md`
//! is the format's description.
//!
//! No I/O: [`CaptureWriter`] collects bytes for the caller to write, [`CaptureReader`] is given
//! bytes in any pieces. A file whose writer died has no index and perhaps half a block; everything
//! before that reads as usual.

mod index;
mod reader;
mod writer;

pub use index::{BlockEntry, Index, PartitionRange, Trailer};
pub use reader::{Block, CaptureReader, Ending};
pub use writer::CaptureWriter;

use alloc::vec::Vec;

use crate::checksum::crc32;
use crate::frame::FrameError;
use crate::wire::{FRAME_BYTE_LEN, FRAME_HEADER_LEN, PAYLOAD_BYTES_MAX};

/// First bytes of a capture. No text starts like this, and a transfer that rewrites line ends
/// breaks it at once.
pub const MAGIC: [u8; 8] = *b"\x89DSC\r\n\x1a\n";
/// Last bytes of a complete capture.
pub const TRAILER_MAGIC: [u8; 8] = *b"\x89DSCEND\n";
/// The one version there is.
pub const VERSION: u16 = 1;
/// Length of magic, version and reserved bytes.
pub const FILE_HEADER_LEN: usize = 12;
/// Length of a block's kind, length and checksum.
pub const BLOCK_HEADER_LEN: usize = 12;
/// Length of what stands after the index block.
pub const TRAILER_LEN: usize = 20;

/// A data block is closed when it holds this much.
pub const BLOCK_BYTES_TARGET: usize = 256 * 1024;
/// Largest data block: the target, overshot by less than one frame of the largest legal size.
pub const BLOCK_BYTES_MAX: usize =
    BLOCK_BYTES_TARGET + FRAME_HEADER_LEN + PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN;
/// Longest metadata text.
pub const METADATA_BYTES_MAX: usize = 64 * 1024;
/// Largest index: about two million blocks, half a terabyte of records.
pub const INDEX_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockKind {
    Metadata = 1,
    Data = 2,
    Index = 3,
}

impl BlockKind {
    const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Metadata),
            2 => Some(Self::Data),
            3 => Some(Self::Index),
            _ => None,
        }
    }

    const fn bytes_max(kind: Option<Self>) -> usize {
        match kind {
            Some(Self::Metadata) => METADATA_BYTES_MAX,
            Some(Self::Index) => INDEX_BYTES_MAX,
            Some(Self::Data) | None => BLOCK_BYTES_MAX,
        }
    }
}

/// Why bytes are no capture, or cannot be put into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureError {
    /// It does not start as a capture does.
    NotACapture,
    /// Another version.
    Version(u16),
    /// A block over its kind's limit, at this byte of the file.
    BlockTooLarge(u64),
    /// A block whose bytes are not those that were written, at this byte of the file.
    Checksum(u64),
    /// The metadata is no UTF-8, too long, or not the first block.
    Metadata,
    /// The index or what follows it is not as it must be.
    Index,
    /// The frames in a block are damaged although its checksum is right.
    Frames(FrameError),
    /// Something follows the end.
    AfterEnd,
    /// The index is full; what was written so far is a valid capture.
    Full,
}

impl CaptureError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotACapture => "capture_magic",
            Self::Version(_) => "capture_version",
            Self::BlockTooLarge(_) => "capture_block_too_large",
            Self::Checksum(_) => "capture_checksum",
            Self::Metadata => "capture_metadata",
            Self::Index => "capture_index",
            Self::Frames(error) => error.code(),
            Self::AfterEnd => "capture_after_end",
            Self::Full => "capture_full",
        }
    }
}

impl core::fmt::Display for CaptureError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Version(version) => write!(f, "{}: version {version}", self.code()),
            Self::BlockTooLarge(at) | Self::Checksum(at) => {
                write!(f, "{}: block at byte {at}", self.code())
            }
            Self::Frames(error) => error.fmt(f),
            Self::NotACapture | Self::Metadata | Self::Index | Self::AfterEnd | Self::Full => {
                f.write_str(self.code())
            }
        }
    }
}

impl core::error::Error for CaptureError {}

impl From<FrameError> for CaptureError {
    fn from(error: FrameError) -> Self {
        Self::Frames(error)
    }
}

/// A block's first bytes.
#[derive(Clone, Copy)]
struct BlockHeader {
    kind: u8,
    len: u32,
    checksum: u32,
}

impl BlockHeader {
    fn of(kind: BlockKind, content: &[u8]) -> Option<Self> {
        let len = u32::try_from(content.len()).ok()?;
        let header = Self {
            kind: kind as u8,
            len,
            checksum: 0,
        };
        Some(Self {
            checksum: header.checksum_with(content),
            ..header
        })
    }

    fn parse(bytes: &[u8; BLOCK_HEADER_LEN]) -> Self {
        let [kind, _, _, _, l0, l1, l2, l3, c0, c1, c2, c3] = *bytes;
        Self {
            kind,
            len: u32::from_le_bytes([l0, l1, l2, l3]),
            checksum: u32::from_le_bytes([c0, c1, c2, c3]),
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.kind, 0, 0, 0]);
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.checksum.to_le_bytes());
    }

    /// Kind and length are covered too, so that a damaged header is not followed blindly.
    fn checksum_with(&self, content: &[u8]) -> u32 {
        crc32(&[&[self.kind], &self.len.to_le_bytes(), content])
    }
}

const _: () = assert!(BLOCK_BYTES_MAX <= u32::MAX as usize);
const _: () = assert!(INDEX_BYTES_MAX <= u32::MAX as usize);
