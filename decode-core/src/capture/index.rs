//! Which block of a capture holds what: written at the end of the file, or rebuilt by reading it
//! once.

use alloc::vec::Vec;

use super::{BLOCK_HEADER_LEN, CaptureError, INDEX_BYTES_MAX, TRAILER_LEN, TRAILER_MAGIC};
use crate::checksum::crc32;
use crate::frame::FrameHeader;

/// What one data block holds of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionRange {
    /// Kafka partition.
    pub partition: u32,
    /// Offset of the first frame.
    pub first: u64,
    /// The position after the last frame.
    pub next: u64,
}

/// One data block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockEntry {
    /// Where its header starts, from the start of the file.
    pub at: u64,
    /// Ascending by partition.
    pub ranges: Vec<PartitionRange>,
}

impl BlockEntry {
    /// Takes a frame of this block into account.
    pub fn add(&mut self, header: &FrameHeader) {
        let found = self
            .ranges
            .binary_search_by_key(&header.partition, |range| range.partition);
        match found {
            Ok(index) => {
                if let Some(range) = self.ranges.get_mut(index) {
                    range.first = range.first.min(header.offset);
                    range.next = range.next.max(header.next());
                }
            }
            Err(index) => self.ranges.insert(
                index,
                PartitionRange {
                    partition: header.partition,
                    first: header.offset,
                    next: header.next(),
                },
            ),
        }
    }

    fn encoded_len(&self) -> usize {
        ENTRY_LEN + self.ranges.len() * RANGE_LEN
    }
}

/// All data blocks, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The blocks.
    pub blocks: Vec<BlockEntry>,
    encoded_len: usize,
}

impl Index {
    /// Adds the next block.
    ///
    /// # Errors
    /// `capture_full`.
    pub fn push(&mut self, entry: BlockEntry) -> Result<(), CaptureError> {
        let encoded_len = self.encoded_len + entry.encoded_len();
        if encoded_len > INDEX_BYTES_MAX {
            return Err(CaptureError::Full);
        }
        self.encoded_len = encoded_len;
        self.blocks.push(entry);
        Ok(())
    }

    /// The content of an index block.
    ///
    /// # Errors
    /// `capture_index`.
    pub fn parse(mut bytes: &[u8]) -> Result<Self, CaptureError> {
        let mut index = Self::default();
        while !bytes.is_empty() {
            let at = u64::from_le_bytes(take(&mut bytes)?);
            let count = u32::from_le_bytes(take(&mut bytes)?) as usize;
            // Compared before memory is taken for it.
            if count > bytes.len() / RANGE_LEN {
                return Err(CaptureError::Index);
            }
            let mut ranges = Vec::with_capacity(count);
            for _ in 0..count {
                ranges.push(PartitionRange {
                    partition: u32::from_le_bytes(take(&mut bytes)?),
                    first: u64::from_le_bytes(take(&mut bytes)?),
                    next: u64::from_le_bytes(take(&mut bytes)?),
                });
            }
            index.push(BlockEntry { at, ranges })?;
        }
        Ok(index)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len);
        for block in &self.blocks {
            out.extend_from_slice(&block.at.to_le_bytes());
            let count = u32::try_from(block.ranges.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&count.to_le_bytes());
            for range in &block.ranges {
                out.extend_from_slice(&range.partition.to_le_bytes());
                out.extend_from_slice(&range.first.to_le_bytes());
                out.extend_from_slice(&range.next.to_le_bytes());
            }
        }
        out
    }
}

/// What stands at the very end of a complete capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Where the index block's header starts.
    pub index_at: u64,
}

impl Trailer {
    /// The last [`TRAILER_LEN`] bytes of a file; nothing if its writer did not finish.
    #[must_use]
    pub fn parse(bytes: &[u8; TRAILER_LEN]) -> Option<Self> {
        let (at, rest) = bytes.split_first_chunk::<8>()?;
        let (checksum, magic) = rest.split_first_chunk::<4>()?;
        let right = crc32(&[at]) == u32::from_le_bytes(*checksum) && magic == TRAILER_MAGIC;
        right.then(|| Self {
            index_at: u64::from_le_bytes(*at),
        })
    }

    /// Where to read the whole index block of a file of that length, header included.
    #[must_use]
    pub fn index_block(&self, file_len: u64) -> Option<core::ops::Range<u64>> {
        let end = file_len.checked_sub(TRAILER_LEN as u64)?;
        let len = end.checked_sub(self.index_at)?;
        let fits =
            len >= BLOCK_HEADER_LEN as u64 && len <= (BLOCK_HEADER_LEN + INDEX_BYTES_MAX) as u64;
        fits.then_some(self.index_at..end)
    }

    pub(super) fn put(self, out: &mut Vec<u8>) {
        let at = self.index_at.to_le_bytes();
        out.extend_from_slice(&at);
        out.extend_from_slice(&crc32(&[&at]).to_le_bytes());
        out.extend_from_slice(&TRAILER_MAGIC);
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], CaptureError> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or(CaptureError::Index)?;
    *bytes = rest;
    Ok(*head)
}

const ENTRY_LEN: usize = 8 + 4;
const RANGE_LEN: usize = 4 + 8 + 8;
