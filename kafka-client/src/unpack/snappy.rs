//! Snappy as Java's clients write it: blocks with their lengths, each unpacked for itself.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};

/// What such data begins with; a version and the oldest one that can read it follow.
const MAGIC: &[u8] = b"\x82SNAPPY\0";
const HEADER_LEN: usize = 16;
/// Largest block that is unpacked; clients write blocks of 32 KiB.
pub(super) const CHUNK_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) struct Chunks {
    packed: Bytes,
    block: Vec<u8>,
    at: usize,
}

impl Chunks {
    /// `None` where the data is one block without this framing, as other clients write it.
    pub(super) fn begin(packed: &Bytes) -> Option<Self> {
        let is_framed = packed.starts_with(MAGIC) && packed.len() >= HEADER_LEN;
        is_framed.then(|| Self {
            packed: packed.slice(HEADER_LEN..),
            block: Vec::new(),
            at: 0,
        })
    }

    fn next_block(&mut self) -> io::Result<()> {
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        if self.packed.len() < 4 {
            return Err(damaged());
        }
        let len = self.packed.get_u32() as usize;
        if len > self.packed.len() {
            return Err(damaged());
        }
        let packed = self.packed.split_to(len);
        let len = snap::raw::decompress_len(&packed).map_err(|_| damaged())?;
        if len > CHUNK_BYTES_MAX {
            return Err(damaged());
        }
        self.block.resize(len, 0);
        self.at = 0;
        let unpacked = snap::raw::Decoder::new().decompress(&packed, &mut self.block);
        unpacked.map_err(|_| damaged())?;
        Ok(())
    }
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.block.len() {
            if self.packed.is_empty() {
                return Ok(0);
            }
            self.next_block()?;
        }
        let mut here = self.block.get(self.at..).unwrap_or_default();
        let count = here.read(into)?;
        self.at += count;
        Ok(count)
    }
}
