//! Bytes of a capture file in, in any pieces; checked blocks out.

use alloc::vec::Vec;

use super::{
    BLOCK_HEADER_LEN, BlockHeader, BlockKind, CaptureError, FILE_HEADER_LEN, MAGIC, TRAILER_LEN,
    Trailer, VERSION,
};

/// One block of a capture, its checksum verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    /// The JSON text the writer was given.
    Metadata(&'a str),
    /// A run of frames.
    Data {
        /// Where the block starts in the file.
        at: u64,
        /// To be read with [`crate::frame::FrameReader`].
        frames: &'a [u8],
    },
    /// To be read with [`Index::parse`](super::Index::parse).
    Index(&'a [u8]),
}

/// How a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its index.
    Complete,
    /// After a block but without index: the writer did not finish.
    Unfinished,
    /// Inside a block or the trailer, of which this many bytes are there.
    Cut(usize),
}

/// Reads a capture from start to end, or from any block on.
#[derive(Debug)]
pub struct CaptureReader {
    pending: Vec<u8>,
    /// Bytes at the front of `pending` that belong to blocks already given out.
    used: usize,
    /// Where `pending` starts in the file.
    base: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Metadata,
    Blocks,
    Trailer,
    End,
}

impl Default for CaptureReader {
    fn default() -> Self {
        Self::new()
    }
}

impl CaptureReader {
    /// A reader that will be given a file from its first byte.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pending: Vec::new(),
            used: 0,
            base: 0,
            state: State::Start,
        }
    }

    /// A reader that will be given a file from the start of a data or index block on.
    #[must_use]
    pub const fn at_block(at: u64) -> Self {
        Self {
            pending: Vec::new(),
            used: 0,
            base: at,
            state: State::Blocks,
        }
    }

    /// Takes the next bytes of the file. Not more than one block is kept if [`Self::next_block`] is
    /// called until it has nothing before more is pushed.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.used);
        self.base += self.used as u64;
        self.used = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole block, or nothing until more bytes are pushed. Kinds of blocks that this
    /// build does not know are passed over.
    ///
    /// # Errors
    /// See [`CaptureError`]; nothing can be read after an error.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, CaptureError> {
        loop {
            match self.state {
                State::Start => {
                    if !self.file_header()? {
                        return Ok(None);
                    }
                }
                State::Metadata | State::Blocks => {
                    let Some((start, header)) = self.block_header()? else {
                        return Ok(None);
                    };
                    let Some(kind) = BlockKind::from_number(header.kind) else {
                        continue;
                    };
                    return self.block(kind, start).map(Some);
                }
                State::Trailer => {
                    if !self.trailer()? {
                        return Ok(None);
                    }
                }
                State::End if self.rest().is_empty() => return Ok(None),
                State::End => return Err(CaptureError::AfterEnd),
            }
        }
    }

    /// What it means that no more bytes come.
    #[must_use]
    pub fn ending(&self) -> Ending {
        match (self.state, self.rest().len()) {
            (State::End, _) => Ending::Complete,
            (State::Blocks | State::Trailer, 0) => Ending::Unfinished,
            (_, left) => Ending::Cut(left),
        }
    }

    fn rest(&self) -> &[u8] {
        self.pending.get(self.used..).unwrap_or_default()
    }

    fn file_header(&mut self) -> Result<bool, CaptureError> {
        let rest = self.rest();
        let magic = rest.get(..MAGIC.len()).unwrap_or(rest);
        if !MAGIC.starts_with(magic) {
            return Err(CaptureError::NotACapture);
        }
        let Some((header, _)) = rest.split_first_chunk::<FILE_HEADER_LEN>() else {
            return Ok(false);
        };
        let [.., v0, v1, _, _] = *header;
        let version = u16::from_le_bytes([v0, v1]);
        if version != VERSION {
            return Err(CaptureError::Version(version));
        }
        self.used += FILE_HEADER_LEN;
        self.state = State::Metadata;
        Ok(true)
    }

    /// Moves over the next block if all of it is there; gives where its content starts.
    fn block_header(&mut self) -> Result<Option<(usize, BlockHeader)>, CaptureError> {
        let at = self.base + self.used as u64;
        let Some((head, rest)) = self.rest().split_first_chunk::<BLOCK_HEADER_LEN>() else {
            return Ok(None);
        };
        let header = BlockHeader::parse(head);
        let len = header.len as usize;
        if len > BlockKind::bytes_max(BlockKind::from_number(header.kind)) {
            return Err(CaptureError::BlockTooLarge(at));
        }
        let Some(content) = rest.get(..len) else {
            return Ok(None);
        };
        if header.checksum_with(content) != header.checksum {
            return Err(CaptureError::Checksum(at));
        }
        let start = self.used + BLOCK_HEADER_LEN;
        self.used = start + len;
        Ok(Some((start, header)))
    }

    fn block(&mut self, kind: BlockKind, start: usize) -> Result<Block<'_>, CaptureError> {
        let at = self.base + (start - BLOCK_HEADER_LEN) as u64;
        let first = self.state == State::Metadata;
        if first != (kind == BlockKind::Metadata) {
            return Err(CaptureError::Metadata);
        }
        self.state = if kind == BlockKind::Index {
            State::Trailer
        } else {
            State::Blocks
        };
        let content = self.pending.get(start..self.used).unwrap_or_default();
        match kind {
            BlockKind::Metadata => core::str::from_utf8(content)
                .map(Block::Metadata)
                .map_err(|_| CaptureError::Metadata),
            BlockKind::Data => Ok(Block::Data {
                at,
                frames: content,
            }),
            BlockKind::Index => Ok(Block::Index(content)),
        }
    }

    fn trailer(&mut self) -> Result<bool, CaptureError> {
        let Some((trailer, _)) = self.rest().split_first_chunk::<TRAILER_LEN>() else {
            return Ok(false);
        };
        Trailer::parse(trailer).ok_or(CaptureError::Index)?;
        self.used += TRAILER_LEN;
        self.state = State::End;
        Ok(true)
    }
}
