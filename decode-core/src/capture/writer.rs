//! Frames in, bytes of a capture file out.

use alloc::vec::Vec;

use super::{
    BLOCK_BYTES_TARGET, BlockEntry, BlockHeader, BlockKind, CaptureError, Index, MAGIC,
    METADATA_BYTES_MAX, Trailer, VERSION,
};
use crate::frame::FrameReader;

/// Builds a capture. After every call the caller writes what [`Self::take`] gives.
#[derive(Debug)]
pub struct CaptureWriter {
    out: Vec<u8>,
    /// Bytes of the file given out or waiting in `out`.
    position: u64,
    block: Vec<u8>,
    entry: BlockEntry,
    index: Index,
}

impl CaptureWriter {
    /// Starts a file. `metadata` is JSON text that says where the records come from; its content
    /// is the caller's.
    ///
    /// # Errors
    /// `capture_metadata` when it is too long.
    pub fn new(metadata: &str) -> Result<Self, CaptureError> {
        if metadata.len() > METADATA_BYTES_MAX {
            return Err(CaptureError::Metadata);
        }
        let mut writer = Self {
            out: Vec::new(),
            position: 0,
            block: Vec::new(),
            entry: BlockEntry::default(),
            index: Index::default(),
        };
        writer.out.extend_from_slice(&MAGIC);
        writer.out.extend_from_slice(&VERSION.to_le_bytes());
        writer.out.extend_from_slice(&[0, 0]);
        writer.position = writer.out.len() as u64;
        writer.put(BlockKind::Metadata, metadata.as_bytes())?;
        Ok(writer)
    }

    /// Adds a run of frames as it came over the wire, kinds unknown to this build included.
    ///
    /// # Errors
    /// `capture_full`, or that of a damaged frame; the frames before it are kept.
    pub fn frames(&mut self, frames: &[u8]) -> Result<(), CaptureError> {
        let mut reader = FrameReader::new(frames);
        let mut rest = frames;
        while let Some(frame) = reader.next() {
            let header = frame?.header;
            let len = rest.len() - reader.rest().len();
            self.block
                .extend_from_slice(rest.get(..len).unwrap_or_default());
            self.entry.add(&header);
            rest = reader.rest();
            if self.block.len() >= BLOCK_BYTES_TARGET {
                self.close_block()?;
            }
        }
        self.block.extend_from_slice(rest);
        Ok(())
    }

    /// Ends the block that is being filled, so that what was added so far survives a crash once it
    /// is written.
    ///
    /// # Errors
    /// `capture_full`.
    pub fn close_block(&mut self) -> Result<(), CaptureError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let mut entry = core::mem::take(&mut self.entry);
        entry.at = self.position;
        self.index.push(entry)?;
        let block = core::mem::take(&mut self.block);
        self.put(BlockKind::Data, &block)?;
        self.block = block;
        self.block.clear();
        Ok(())
    }

    /// Writes the last block, the index and the trailer, and returns the bytes still to be written.
    ///
    /// # Errors
    /// `capture_full`.
    pub fn finish(mut self) -> Result<Vec<u8>, CaptureError> {
        self.close_block()?;
        let index_at = self.position;
        let index = self.index.encode();
        self.put(BlockKind::Index, &index)?;
        Trailer { index_at }.put(&mut self.out);
        Ok(self.out)
    }

    /// The bytes to be written next; the caller's buffer is emptied and used again.
    pub fn take(&mut self, into: &mut Vec<u8>) {
        into.clear();
        core::mem::swap(&mut self.out, into);
    }

    fn put(&mut self, kind: BlockKind, content: &[u8]) -> Result<(), CaptureError> {
        let header = BlockHeader::of(kind, content).ok_or(CaptureError::Full)?;
        let before = self.out.len();
        header.put(&mut self.out);
        self.out.extend_from_slice(content);
        self.position += (self.out.len() - before) as u64;
        Ok(())
    }
}
