//! zstd-rs as the engine: safe code, decodes straight into the output.

use alloc::vec::Vec;

use zstd_rs::{Decompressor, Error};

use super::engine::{Engine, Failure};
use super::frame::Frame;

/// Its tables are made when the first frame comes.
#[derive(Default)]
pub(super) struct ByZstdRs(Option<Decompressor>);

impl Engine for ByZstdRs {
    /// It copies in pieces of 16 and keeps 32 bytes for the last one.
    const SLACK: usize = 32;

    fn frame(&mut self, bytes: &[u8], frame: &Frame, out: &mut Vec<u8>) -> Result<usize, Failure> {
        let before = out.len();
        let read = self
            .0
            .get_or_insert_default()
            .decompress_frame(bytes, None, before + frame.room, out)
            .map_err(failure)?;
        if read != bytes.len() {
            return Err(Failure::Damaged("bytes after the last block"));
        }
        Ok(out.len() - before)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "another crate's, open to additions"
)]
fn failure(error: Error) -> Failure {
    Failure::Damaged(match error {
        Error::OutputLimit => return Failure::Full,
        Error::Corrupt(what) => what,
        Error::Truncated => "a block ends too early",
        Error::Reserved => "reserved bits of a block are set",
        Error::Checksum => "checksum does not match",
        Error::ContentSize => "frame does not hold its declared size",
        // The rest was looked at before, or concerns what is not used here.
        _ => "damaged zstd frame",
    })
}
