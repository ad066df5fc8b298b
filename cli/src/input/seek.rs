//! Reads a capture from a partition and offset on, by its index: only the blocks that can hold
//! something of it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use decode_core::capture::{
    BLOCK_HEADER_LEN, Block, BlockEntry, CaptureError, CaptureReader, FILE_HEADER_LEN, Index,
    MAGIC, METADATA_BYTES_MAX, TRAILER_LEN, Trailer,
};
use decode_core::frame::FrameReader;

use inputs::{capture_text, frame_item};

use super::{Format, Found, Reading, Source, Visit};
use crate::outcome::Failure;

/// Where to begin.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) partition: Option<u32>,
    pub(crate) offset: Option<u64>,
}

/// Like [`super::read`], but what is certainly not wanted may be left out. An input without an
/// index is read from its start.
pub(crate) fn read_from(
    source: &Source,
    reading: Reading,
    wanted: Wanted,
    visit: &mut Visit<'_>,
) -> Result<(), Failure> {
    let name = source.name();
    let failed = |error: &dyn std::fmt::Display| Failure::Io(format!("{name}: {error}"));
    let may_seek = matches!(reading.format, Format::Auto | Format::Capture);
    let may_seek = may_seek && !wanted.is_anything();
    let Source::File(path) = source else {
        return super::read(source, reading, visit);
    };
    let found = match File::open(path) {
        Ok(file) if may_seek => Capture::open(file).map_err(|error| failed(&error))?,
        _ => None,
    };
    let Some(mut capture) = found else {
        return super::read(source, reading, visit);
    };
    let blocks: Vec<u64> = capture
        .index
        .blocks
        .iter()
        .filter(|block| wanted.may_be_in(block))
        .map(|block| block.at)
        .collect();
    for at in blocks {
        let frames = capture.block(at).map_err(|error| failed(&error))?;
        for frame in FrameReader::new(&frames) {
            let frame = frame.map_err(|error| failed(&error))?;
            if let Some(item) = frame_item(&frame) {
                visit(Found::Item(item))?;
            }
        }
    }
    Ok(())
}

impl Wanted {
    pub(crate) const fn is_anything(self) -> bool {
        self.partition.is_none() && self.offset.is_none()
    }

    fn may_be_in(&self, block: &BlockEntry) -> bool {
        block.ranges.iter().any(|range| {
            self.partition
                .is_none_or(|wanted| wanted == range.partition)
                && self.offset.is_none_or(|wanted| wanted < range.next)
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.partition {
            Some(partition) => write!(f, "in partition {partition}")?,
            None => f.write_str("in any partition")?,
        }
        match self.offset {
            Some(offset) => write!(f, " from offset {offset} on"),
            None => Ok(()),
        }
    }
}

/// A complete capture, by its index.
struct Capture {
    file: File,
    index: Index,
}

impl Capture {
    /// Nothing where the file is no capture or has no index.
    fn open(mut file: File) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        let fits = metadata.len() > (MAGIC.len() + TRAILER_LEN) as u64;
        if !metadata.is_file() || !fits {
            return Ok(None);
        }
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic)?;
        if magic != MAGIC {
            return Ok(None);
        }
        let mut trailer = [0; TRAILER_LEN];
        file.seek(SeekFrom::End(-(TRAILER_LEN as i64)))?;
        file.read_exact(&mut trailer)?;
        let Some(trailer) = Trailer::parse(&trailer) else {
            return Ok(None);
        };
        let range = trailer.index_block(metadata.len());
        let range = range.ok_or_else(|| io::Error::other(capture_text(CaptureError::Index)))?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(range.start))?;
        file.by_ref()
            .take(range.end - range.start)
            .read_to_end(&mut bytes)?;
        let mut reader = CaptureReader::at_block(range.start);
        reader.push(&bytes);
        let index = match reader
            .next_block()
            .map_err(|error| io::Error::other(capture_text(error)))?
        {
            Some(Block::Index(bytes)) => {
                Index::parse(bytes).map_err(|error| io::Error::other(capture_text(error)))?
            }
            _ => return Err(io::Error::other(capture_text(CaptureError::Index))),
        };
        Ok(Some(Self { file, index }))
    }

    /// The frames of the data block that starts at this byte.
    fn block(&mut self, at: u64) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(at))?;
        let mut reader = CaptureReader::at_block(at);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = self.file.read(&mut piece)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            reader.push(piece.get(..read).unwrap_or_default());
            match reader
                .next_block()
                .map_err(|error| io::Error::other(capture_text(error)))?
            {
                Some(Block::Data { frames, .. }) => return Ok(frames.to_vec()),
                Some(_) => return Err(io::Error::other(capture_text(CaptureError::Index))),
                None => {}
            }
        }
    }
}

/// The text that the writer of a capture put in front; nothing where the file is none.
pub(crate) fn metadata(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    let len = FILE_HEADER_LEN + BLOCK_HEADER_LEN + METADATA_BYTES_MAX;
    let mut file = File::open(path).ok()?.take(len as u64);
    file.read_to_end(&mut head).ok()?;
    let mut reader = CaptureReader::new();
    reader.push(&head);
    match reader.next_block() {
        Ok(Some(Block::Metadata(text))) => Some(text.to_owned()),
        _ => None,
    }
}

/// Read at once: most blocks are a few of these.
const PIECE_BYTES: usize = 64 * 1024;
