//! ruzstd as the engine: the second opinion of tests and fuzzing, and the way back (feature
//! `by-ruzstd`). It is lenient in places where the format is not; those are checked here, so that both
//! engines reach the same verdicts but for what `docs/decode.md` lists.

mod block;

use alloc::borrow::Cow;
use alloc::vec::Vec;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read as _;

use super::engine::{Engine, Failure};
use super::frame::Frame;

pub(super) struct ByRuzstd(FrameDecoder);

impl Default for ByRuzstd {
    fn default() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        Self(decoder)
    }
}

impl Engine for ByRuzstd {
    const SLACK: usize = 0;

    fn frame(&mut self, bytes: &[u8], frame: &Frame, out: &mut Vec<u8>) -> Result<usize, Failure> {
        let before = out.len();
        let result = self.blocks(&narrowed(bytes, frame), frame, out);
        if result.is_err() {
            // A failed frame leaves the decoder's tables half built.
            *self = Self::default();
        }
        result.map(|()| out.len() - before)
    }
}

impl ByRuzstd {
    fn blocks(&mut self, bytes: &[u8], frame: &Frame, out: &mut Vec<u8>) -> Result<(), Failure> {
        let most = out.len() + frame.room;
        let mut rest = bytes;
        let damaged = Failure::Damaged;
        self.0
            .reset(&mut rest)
            .map_err(|_| damaged("damaged frame header"))?;
        loop {
            block::check(rest, frame.block_bytes_max).map_err(damaged)?;
            let done = self
                .0
                .decode_blocks(&mut rest, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(|_| damaged("damaged zstd block"))?;
            let ready = self.0.can_collect();
            if ready > most - out.len() {
                return Err(Failure::Full);
            }
            let start = out.len();
            out.resize(start + ready, 0);
            let target = out.get_mut(start..).unwrap_or_default();
            if self.0.read(target).ok() != Some(ready) {
                return Err(damaged("decoder gave less than it announced"));
            }
            if done {
                break;
            }
        }
        let stored = self.0.get_checksum_from_data();
        if stored.is_some() && stored != self.0.get_calculated_checksum() {
            return Err(damaged("checksum does not match"));
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(damaged("bytes after the last block"))
        }
    }
}

/// The frame with a window that it can be decoded with: ruzstd keeps one, and no content is longer.
fn narrowed<'a>(bytes: &'a [u8], frame: &Frame) -> Cow<'a, [u8]> {
    let mut bytes = Cow::Borrowed(bytes);
    if frame.window_bytes > WINDOW_BYTES_MAX
        && let Some(window) = bytes.to_mut().get_mut(WINDOW_AT)
    {
        *window = WINDOW_DESCRIPTOR_MAX;
    }
    bytes
}

/// Largest window it is given, in bytes: over the decompressed limit.
const WINDOW_BYTES_MAX: u64 = 16 * 1024 * 1024;
const WINDOW_DESCRIPTOR_MAX: u8 = (24 - 10) << 3;
/// Where a frame that is not a single segment says it.
const WINDOW_AT: usize = 5;
