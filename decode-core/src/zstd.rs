//! Bounded decompression: the one seam behind which a zstd implementation sits.
//!
//! Memory is bounded while decompressing, never checked afterwards: a frame that declares more
//! than the limit, or asks for a larger window, is refused before anything is allocated, and a
//! frame without a declared size stops at the first block that crosses the limit.

use alloc::vec::Vec;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read as _;

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
            let declared = declared_size(rest).map_err(|e| e.shifted(at))?;
            if declared.is_some_and(|size| size > (max - out.len()) as u64) {
                return Err(too_large(at, "frame declares more than the limit"));
            }
            let before = out.len();
            rest = self.frame(rest, out, max).map_err(|e| e.shifted(at))?;
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
        out: &mut Vec<u8>,
        max: usize,
    ) -> Result<&'a [u8], Reject> {
        let mut rest = input;
        self.frame
            .reset(&mut rest)
            .map_err(|error| refused(&error))?;
        loop {
            let at = input.len() - rest.len();
            let done = self
                .frame
                .decode_blocks(&mut rest, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(|_| damaged(at, "damaged zstd block"))?;
            let ready = self.frame.can_collect();
            if ready > max - out.len() {
                return Err(too_large(at, "decompressed data exceeds maximum size"));
            }
            let start = out.len();
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

/// The content size a frame header declares, read without allocating.
fn declared_size(input: &[u8]) -> Result<Option<u64>, Reject> {
    let Some((magic, rest)) = input.split_first_chunk::<4>() else {
        return Err(damaged(0, "truncated zstd magic"));
    };
    if *magic != ZSTD_MAGIC {
        return Err(damaged(0, "not a zstd frame"));
    }
    let Some((&descriptor, rest)) = rest.split_first() else {
        return Err(damaged(4, "truncated frame header"));
    };
    let single_segment = descriptor & 0x20 != 0;
    let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size_len = match (descriptor >> 6, single_segment) {
        (0, false) => return Ok(None),
        (0, true) => 1,
        (1, _) => 2,
        (2, _) => 4,
        _ => 8,
    };
    let skip = usize::from(!single_segment) + dictionary_len;
    let Some(field) = rest.get(skip..skip + size_len) else {
        return Err(damaged(5, "truncated frame header"));
    };
    let size = field.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b));
    Ok(Some(if size_len == 2 { size + 256 } else { size }))
}

fn refused(error: &FrameDecoderError) -> Reject {
    match error {
        FrameDecoderError::WindowSizeTooBig { .. } => too_large(4, "window exceeds maximum size"),
        FrameDecoderError::DictNotProvided { .. } => damaged(4, "frame needs a dictionary"),
        _ => damaged(0, "damaged frame header"),
    }
}

const fn damaged(at: usize, what: &'static str) -> Reject {
    Reject::new(RejectCode::Decompress, at, what)
}

const fn too_large(at: usize, what: &'static str) -> Reject {
    Reject::new(RejectCode::DecompressedTooLarge, at, what)
}

const SKIPPABLE_MAGICS: core::ops::RangeInclusive<u32> = 0x184D_2A50..=0x184D_2A5F;

#[cfg(test)]
mod tests;
