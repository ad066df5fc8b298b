//! Bounded decompression: the one seam behind which a zstd implementation sits.
//!
//! Memory is bounded while decompressing, never checked afterwards: a frame that declares more
//! than the limit, or asks for a larger window, is refused before anything is allocated, and a
//! frame without a declared size stops at the first block that crosses the limit.
//!
//! ruzstd is lenient in places where the format is not; those are checked here, so that another
//! implementation behind this seam reaches the same verdicts. `docs/decode.md` says what remains.

mod block;

use alloc::vec::Vec;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read as _;

use self::block::BLOCK_BYTES_MAX;
use crate::error::Reject;
use crate::wire::{RejectCode, ZSTD_MAGIC, ZSTD_WINDOW_BYTES_MAX};

/// A reusable decompressor. Its buffers live on between calls.
pub struct Decompressor {
    frame: FrameDecoder,
}

impl core::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Decompressor")
    }
}

impl Default for Decompressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Decompressor {
    /// A decompressor that has allocated nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(ZSTD_WINDOW_BYTES_MAX as u64);
        Self { frame }
    }

    /// Replaces the contents of `out` with what all frames of `input` hold.
    ///
    /// Skippable frames are passed over, checksums verified; bytes after the last frame are damage.
    ///
    /// # Errors
    /// `decompressed_too_large` over `out_bytes_max` or over the window limit, `decompress` for
    /// every kind of damage. `out` then holds nothing.
    pub fn decompress(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        out_bytes_max: usize,
    ) -> Result<(), Reject> {
        out.clear();
        let result = self.frames(input, out, out_bytes_max);
        if result.is_err() {
            out.clear();
            // A failed frame leaves the decoder's tables half built.
            *self = Self::new();
        }
        result
    }

    fn frames(&mut self, input: &[u8], out: &mut Vec<u8>, max: usize) -> Result<(), Reject> {
        let mut rest = input;
        let mut frames = 0usize;
        while !rest.is_empty() {
            let at = input.len() - rest.len();
            if let Some(after) = skippable(rest).map_err(|e| e.shifted(at))? {
                rest = after;
                continue;
            }
            let header = Header::read(rest).map_err(|e| e.shifted(at))?;
            let declared = header.content_bytes;
            if declared.is_some_and(|size| size > (max - out.len()) as u64) {
                return Err(too_large(at, "frame declares more than the limit"));
            }
            if header.window_bytes > ZSTD_WINDOW_BYTES_MAX as u64 {
                return Err(too_large(at, "window exceeds maximum size"));
            }
            let before = out.len();
            rest = self
                .frame(rest, &header, out, max)
                .map_err(|e| e.shifted(at))?;
            if declared.is_some_and(|size| size != (out.len() - before) as u64) {
                return Err(damaged(at, "frame does not hold its declared size"));
            }
            frames += 1;
        }
        if frames == 0 {
            return Err(damaged(0, "no zstd frame"));
        }
        Ok(())
    }

    /// Decodes one frame and returns what follows it.
    fn frame<'a>(
        &mut self,
        input: &'a [u8],
        header: &Header,
        out: &mut Vec<u8>,
        max: usize,
    ) -> Result<&'a [u8], Reject> {
        let mut rest = input;
        self.frame
            .reset(&mut rest)
            .map_err(|error| refused(&error))?;
        let block_bytes_max = header.block_bytes_max();
        loop {
            let at = input.len() - rest.len();
            block::check(rest, block_bytes_max).map_err(|e| e.shifted(at))?;
            let done = self
                .frame
                .decode_blocks(&mut rest, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(|_| damaged(at, "damaged zstd block"))?;
            let ready = self.frame.can_collect();
            if ready > max - out.len() {
                return Err(too_large(at, "decompressed data exceeds maximum size"));
            }
            let start = out.len();
            make_room(out, ready, max);
            out.resize(start + ready, 0);
            let target = out.get_mut(start..).unwrap_or_default();
            if self.frame.read(target).ok() != Some(ready) {
                return Err(damaged(at, "decoder gave less than it announced"));
            }
            if done {
                break;
            }
        }
        let at = input.len() - rest.len();
        let stored = self.frame.get_checksum_from_data();
        if stored.is_some() && stored != self.frame.get_calculated_checksum() {
            return Err(damaged(at, "checksum does not match"));
        }
        Ok(rest)
    }
}

/// The bytes after a skippable frame, or `None` if `input` starts with another one.
fn skippable(input: &[u8]) -> Result<Option<&[u8]>, Reject> {
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

/// What a frame's header says, read without allocating.
struct Header {
    /// The content size it declares.
    content_bytes: Option<u64>,
    /// The window it asks for.
    window_bytes: u64,
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
        let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let size_len = match (descriptor >> 6, single_segment) {
            (0, single_segment) => usize::from(single_segment),
            (flag, _) => 1 << flag,
        };
        let skip = usize::from(!single_segment) + dictionary_len;
        let Some(field) = rest.get(skip..skip + size_len) else {
            return Err(damaged(5, "truncated frame header"));
        };
        let size = field.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b));
        let content_bytes = match size_len {
            0 => None,
            2 => Some(size + 256),
            _ => Some(size),
        };
        let window_bytes = match content_bytes {
            Some(size) if single_segment => size,
            _ => {
                let window = u64::from(rest.first().copied().unwrap_or_default());
                let base = 1 << (10 + (window >> 3));
                base + base / 8 * (window & 7)
            }
        };
        Ok(Self {
            content_bytes,
            window_bytes,
        })
    }

    fn block_bytes_max(&self) -> usize {
        usize::try_from(self.window_bytes).map_or(BLOCK_BYTES_MAX, |n| n.min(BLOCK_BYTES_MAX))
    }
}

/// Room for `more` bytes, doubled as vectors do but never beyond `max`.
fn make_room(out: &mut Vec<u8>, more: usize, max: usize) {
    let needed = out.len() + more;
    if needed > out.capacity() {
        let wanted = out.capacity().saturating_mul(2).min(max).max(needed);
        out.reserve_exact(wanted - out.len());
    }
}

fn refused(error: &FrameDecoderError) -> Reject {
    if let FrameDecoderError::DictNotProvided { .. } = error {
        damaged(4, "frame needs a dictionary")
    } else {
        damaged(0, "damaged frame header")
    }
}

const fn damaged(at: usize, what: &'static str) -> Reject {
    Reject::new(RejectCode::Decompress, at, what)
}

const fn too_large(at: usize, what: &'static str) -> Reject {
    Reject::new(RejectCode::DecompressedTooLarge, at, what)
}

const RESERVED_BIT: u8 = 0x08;
const SINGLE_SEGMENT_BIT: u8 = 0x20;
const SKIPPABLE_MAGICS: core::ops::RangeInclusive<u32> = 0x184D_2A50..=0x184D_2A5F;

#[cfg(test)]
mod tests;
