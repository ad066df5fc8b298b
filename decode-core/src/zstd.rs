//! Bounded decompression: the one seam behind which a zstd implementation sits.
//!
//! Memory is bounded before it is taken, never checked afterwards. The headers of a frame and of its
//! blocks say how much it can hold at most; room is made for that, or for what the frame declares, and
//! never for more than the limit. There is no window buffer: matches are read from the output itself,
//! so the window that a frame declares costs nothing and is no reason to refuse it.
//!
//! What is damaged, too large or left over is decided here or by the decoder behind the seam;
//! `docs/decode.md` says where the verdicts differ from libzstd's and what was looked at in the decoder.

#[cfg(any(test, feature = "ruzstd"))]
mod by_ruzstd;
#[cfg(any(test, not(feature = "by-ruzstd")))]
mod by_zstd_rs;
mod engine;
mod frame;

use alloc::vec::Vec;

#[cfg(feature = "by-ruzstd")]
use self::by_ruzstd::ByRuzstd as Chosen;
#[cfg(not(feature = "by-ruzstd"))]
use self::by_zstd_rs::ByZstdRs as Chosen;
use self::engine::{Engine, Failure};
use self::frame::Frame;
use crate::error::Reject;
use crate::wire::RejectCode;

/// A reusable decompressor. Its buffers live on between calls.
#[derive(Default)]
pub struct Decompressor(Bounded<Chosen>);

impl core::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Decompressor")
    }
}

impl Decompressor {
    /// A decompressor that has allocated nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the contents of `out` with what all frames of `input` hold.
    ///
    /// Skippable frames are passed over, checksums verified; bytes after the last frame are damage.
    ///
    /// # Errors
    /// `decompressed_too_large` when the content is over `out_bytes_max`, `decompress` for every kind of
    /// damage. `out` then holds nothing.
    pub fn decompress(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        out_bytes_max: usize,
    ) -> Result<(), Reject> {
        self.0.decompress(input, out, out_bytes_max)
    }
}

/// The second opinion: ruzstd behind the same seam. Tests and fuzzing compare the two.
#[cfg(feature = "ruzstd")]
#[derive(Default)]
pub struct Oracle(Bounded<by_ruzstd::ByRuzstd>);

#[cfg(feature = "ruzstd")]
impl core::fmt::Debug for Oracle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Oracle")
    }
}

#[cfg(feature = "ruzstd")]
impl Oracle {
    /// As [`Decompressor::decompress`].
    ///
    /// # Errors
    /// As there.
    pub fn decompress(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        out_bytes_max: usize,
    ) -> Result<(), Reject> {
        self.0.decompress(input, out, out_bytes_max)
    }
}

/// What both share: the frames of a payload under one limit.
#[derive(Default)]
struct Bounded<E> {
    engine: E,
    /// Holds the content of the second frame and of each one after it before that is appended. A
    /// decoder that grows its output in steps of what is there would otherwise clear far more bytes
    /// than a small frame holds.
    next: Vec<u8>,
}

impl<E: Engine> Bounded<E> {
    fn decompress(&mut self, input: &[u8], out: &mut Vec<u8>, max: usize) -> Result<(), Reject> {
        out.clear();
        let result = self.frames(input, out, max);
        if result.is_err() {
            out.clear();
        }
        if self.next.capacity() > NEXT_BYTES_KEPT {
            self.next = Vec::new();
        }
        result
    }

    fn frames(&mut self, input: &[u8], out: &mut Vec<u8>, max: usize) -> Result<(), Reject> {
        let mut rest = input;
        let mut frames = 0usize;
        while !rest.is_empty() {
            let at = input.len() - rest.len();
            rest = match frame::after_skippable(rest).map_err(|e| e.shifted(at))? {
                Some(after) => after,
                None => {
                    frames += 1;
                    self.frame(rest, out, max).map_err(|e| e.shifted(at))?
                }
            };
        }
        if frames == 0 {
            return Err(damaged(0, "no zstd frame"));
        }
        Ok(())
    }

    /// Appends what the first frame of `input` holds and returns what follows it.
    fn frame<'a>(
        &mut self,
        input: &'a [u8],
        out: &mut Vec<u8>,
        max: usize,
    ) -> Result<&'a [u8], Reject> {
        let left = max - out.len();
        let frame = Frame::read(input, left)?;
        let (bytes, rest) = input.split_at_checked(frame.len).unwrap_or((input, &[]));
        let given = if out.is_empty() {
            make_room(out, frame.room + E::SLACK, max + E::SLACK);
            self.engine.frame(bytes, &frame, out)
        } else {
            self.next.clear();
            make_room(&mut self.next, frame.room + E::SLACK, left + E::SLACK);
            let given = self.engine.frame(bytes, &frame, &mut self.next);
            if given.is_ok() {
                make_room(out, self.next.len(), max + E::SLACK);
                out.extend_from_slice(&self.next);
            }
            given
        };
        match given {
            Ok(given) if frame.declared.is_some_and(|size| size != given as u64) => {
                Err(damaged(0, "frame does not hold its declared size"))
            }
            Ok(_) => Ok(rest),
            Err(Failure::Damaged(what)) => Err(damaged(0, what)),
            Err(Failure::Full) if frame.declared.is_some() => {
                Err(damaged(0, "frame holds more than its declared size"))
            }
            Err(Failure::Full) if frame.room < left => {
                Err(damaged(0, "block regenerates more than Block_Maximum_Size"))
            }
            Err(Failure::Full) => Err(too_large(0, "decompressed data exceeds maximum size")),
        }
    }
}

/// Room for `more` bytes, doubled as vectors do but never beyond `most`.
fn make_room(out: &mut Vec<u8>, more: usize, most: usize) {
    let needed = out.len() + more;
    if needed > out.capacity() {
        let wanted = out.capacity().saturating_mul(2).min(most).max(needed);
        if out.is_empty() {
            // Nothing to copy, so the old room need not be there beside the new.
            *out = Vec::new();
        }
        out.reserve_exact(wanted - out.len());
    }
}

const fn damaged(at: usize, what: &'static str) -> Reject {
    Reject::new(RejectCode::Decompress, at, what)
}

const fn too_large(at: usize, what: &'static str) -> Reject {
    Reject::new(RejectCode::DecompressedTooLarge, at, what)
}

/// Most bytes kept for the frames after the first.
const NEXT_BYTES_KEPT: usize = 2 * frame::BLOCK_BYTES_MAX;

#[cfg(test)]
mod tests;
