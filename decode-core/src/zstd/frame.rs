//! What the headers of a frame and of its blocks say, read without decoding and without allocating.

use super::{damaged, too_large};
use crate::error::Reject;
use crate::wire::ZSTD_MAGIC;

/// Largest block of any frame in bytes, before and after decompression.
pub(super) const BLOCK_BYTES_MAX: usize = 128 * 1024;

/// One whole frame.
pub(super) struct Frame {
    /// Its length in bytes, from the magic number to the checksum.
    pub(super) len: usize,
    /// The content size it declares.
    pub(super) declared: Option<u64>,
    /// Most bytes of content it may give: what it declares, or what its blocks can hold and the limit
    /// leaves.
    pub(super) room: usize,
    /// The window it declares in bytes.
    #[cfg_attr(
        not(any(test, feature = "ruzstd")),
        expect(dead_code, reason = "of ruzstd only")
    )]
    pub(super) window_bytes: u64,
    /// Most bytes in one of its blocks.
    #[cfg_attr(
        not(any(test, feature = "ruzstd")),
        expect(dead_code, reason = "of ruzstd only")
    )]
    pub(super) block_bytes_max: usize,
}

impl Frame {
    /// The frame that `input` begins with, if all of it is there and it may give `left` bytes.
    pub(super) fn read(input: &[u8], left: usize) -> Result<Self, Reject> {
        let header = Header::read(input)?;
        if header.declared.is_some_and(|size| size > left as u64) {
            return Err(too_large(5, "frame declares more than the limit"));
        }
        if header.window_bytes > WINDOW_BYTES_MAX {
            return Err(damaged(5, "window of more than 2 GiB"));
        }
        let block_bytes_max = header.window_bytes.min(BLOCK_BYTES_MAX as u64) as usize;
        let blocks = Blocks::read(input, header.len, block_bytes_max)?;
        let len = blocks.end + if header.has_checksum { CHECKSUM_LEN } else { 0 };
        if len > input.len() {
            return Err(damaged(blocks.end, "truncated checksum"));
        }
        if header
            .declared
            .is_some_and(|size| size > blocks.content_bytes_max)
        {
            return Err(damaged(5, "frame declares more than its blocks can hold"));
        }
        if blocks.content_bytes_min > left as u64 {
            return Err(too_large(
                blocks.end,
                "decompressed data exceeds maximum size",
            ));
        }
        let most = header.declared.unwrap_or(blocks.content_bytes_max);
        Ok(Self {
            len,
            declared: header.declared,
            room: usize::try_from(most).map_or(left, |most| most.min(left)),
            window_bytes: header.window_bytes,
            block_bytes_max,
        })
    }
}

/// A frame's header.
struct Header {
    len: usize,
    declared: Option<u64>,
    window_bytes: u64,
    has_checksum: bool,
}

impl Header {
    fn read(input: &[u8]) -> Result<Self, Reject> {
        let Some((magic, rest)) = input.split_first_chunk::<4>() else {
            return Err(damaged(0, "truncated zstd magic"));
        };
        if *magic != ZSTD_MAGIC {
            return Err(damaged(0, "not a zstd frame"));
        }
        let Some((&descriptor, rest)) = rest.split_first() else {
            return Err(damaged(4, "truncated frame header"));
        };
        if descriptor & RESERVED_BIT != 0 {
            return Err(damaged(4, "reserved bit of a frame header is set"));
        }
        let single_segment = descriptor & SINGLE_SEGMENT_BIT != 0;
        let window_len = usize::from(!single_segment);
        let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let size_len = match (descriptor >> 6, single_segment) {
            (0, single_segment) => usize::from(single_segment),
            (flag, _) => 1 << flag,
        };
        let size_at = window_len + dictionary_len;
        let Some(fields) = rest.get(..size_at + size_len) else {
            return Err(damaged(5, "truncated frame header"));
        };
        if little_endian(fields.get(window_len..size_at)) != 0 {
            return Err(damaged(4, "frame needs a dictionary"));
        }
        let size = little_endian(fields.get(size_at..));
        let declared = match size_len {
            0 => None,
            2 => Some(size + 256),
            _ => Some(size),
        };
        Ok(Self {
            len: 5 + fields.len(),
            declared,
            window_bytes: match declared {
                Some(size) if single_segment => size,
                _ => window(fields.first().copied().unwrap_or_default()),
            },
            has_checksum: descriptor & CHECKSUM_BIT != 0,
        })
    }
}

fn window(descriptor: u8) -> u64 {
    let base = 1 << (10 + (descriptor >> 3));
    base + base / 8 * u64::from(descriptor & 7)
}

fn little_endian(bytes: Option<&[u8]>) -> u64 {
    let bytes = bytes.unwrap_or_default().iter().rev();
    bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The blocks of a frame, as their headers announce them.
struct Blocks {
    /// Where the last one ends.
    end: usize,
    /// Bytes of content that are certain: of stored and of repeated ones.
    content_bytes_min: u64,
    /// Bytes of content that there can be at most.
    content_bytes_max: u64,
}

impl Blocks {
    fn read(input: &[u8], mut at: usize, block_bytes_max: usize) -> Result<Self, Reject> {
        let (mut certain, mut possible) = (0u64, 0u64);
        loop {
            let Some(&[a, b, c]) = input.get(at..).and_then(<[u8]>::first_chunk) else {
                return Err(damaged(at, "truncated block header"));
            };
            let header = u32::from_le_bytes([a, b, c, 0]);
            let size = (header >> 3) as usize;
            if size > block_bytes_max {
                return Err(damaged(at, "block exceeds its maximum size"));
            }
            let stored = match header >> 1 & 3 {
                RAW | COMPRESSED => size,
                REPEATED => 1,
                _ => return Err(damaged(at, "unknown kind of block")),
            };
            let end = at + BLOCK_HEADER_LEN + stored;
            if end > input.len() {
                return Err(damaged(at, "truncated block"));
            }
            if header >> 1 & 3 == COMPRESSED {
                possible += block_bytes_max as u64;
            } else {
                certain += size as u64;
            }
            at = end;
            if header & LAST_BIT != 0 {
                return Ok(Self {
                    end,
                    content_bytes_min: certain,
                    content_bytes_max: certain + possible,
                });
            }
        }
    }
}

/// The bytes after a skippable frame, or `None` if `input` starts with another one.
pub(super) fn after_skippable(input: &[u8]) -> Result<Option<&[u8]>, Reject> {
    let Some((magic, rest)) = input.split_first_chunk::<4>() else {
        return Err(damaged(0, "truncated zstd magic"));
    };
    if !SKIPPABLE_MAGICS.contains(&u32::from_le_bytes(*magic)) {
        return Ok(None);
    }
    let Some((len, rest)) = rest.split_first_chunk::<4>() else {
        return Err(damaged(4, "truncated skippable frame"));
    };
    match rest.get(u32::from_le_bytes(*len) as usize..) {
        Some(after) => Ok(Some(after)),
        None => Err(damaged(4, "truncated skippable frame")),
    }
}

/// What every decoder stops at, libzstd's too; no encoder declares more.
const WINDOW_BYTES_MAX: u64 = 1 << 31;
const RESERVED_BIT: u8 = 0x08;
const SINGLE_SEGMENT_BIT: u8 = 0x20;
const CHECKSUM_BIT: u8 = 0x04;
const CHECKSUM_LEN: usize = 4;
const BLOCK_HEADER_LEN: usize = 3;
const LAST_BIT: u32 = 1;
const RAW: u32 = 0;
const REPEATED: u32 = 1;
const COMPRESSED: u32 = 2;
const SKIPPABLE_MAGICS: core::ops::RangeInclusive<u32> = 0x184D_2A50..=0x184D_2A5F;
