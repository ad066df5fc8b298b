//! What the seam asks of a zstd implementation.

use alloc::vec::Vec;

use super::frame::Frame;

/// Decodes single frames whose headers were read already.
pub(super) trait Engine: Default {
    /// Bytes beyond the content that it writes to for a moment.
    const SLACK: usize;

    /// Appends what `bytes`, one whole frame, holds: `frame.room` bytes at most, room for which and for
    /// [`Self::SLACK`] was made. Returns how many.
    fn frame(&mut self, bytes: &[u8], frame: &Frame, out: &mut Vec<u8>) -> Result<usize, Failure>;
}

/// Why a frame cannot be decoded.
pub(super) enum Failure {
    /// It holds more than there is room for.
    Full,
    /// It is damaged; a fixed English text.
    Damaged(&'static str),
}
