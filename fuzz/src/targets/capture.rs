//! Capture files: in one piece or in many, the reader says the same; an index is what it says.

use decode_core::capture::{Block, CaptureReader, Index, TRAILER_LEN, Trailer};
use decode_core::frame::FrameReader;

pub(super) fn run(file: &[u8]) {
    let whole = read(file, file.len().max(1));
    assert_eq!(whole, read(file, 7), "in pieces");
    if let Some(trailer) = file.last_chunk::<TRAILER_LEN>().and_then(Trailer::parse)
        && let Some(range) = trailer.index_block(file.len() as u64)
    {
        assert!(range.start <= range.end && range.end <= file.len() as u64);
    }
    let _ = Index::parse(file);
}

/// What the reader gives, as text: blocks, then the ending or the error.
fn read(file: &[u8], piece: usize) -> Vec<String> {
    let mut reader = CaptureReader::new();
    let mut seen = Vec::new();
    for bytes in file.chunks(piece) {
        reader.push(bytes);
        loop {
            match reader.next_block() {
                Ok(None) => break,
                Ok(Some(Block::Metadata(text))) => seen.push(format!("metadata {text}")),
                Ok(Some(Block::Data { at, frames })) => {
                    let count = FrameReader::new(frames).flatten().count();
                    seen.push(format!("data at {at}: {count} frames, {}", frames.len()));
                }
                Ok(Some(Block::Index(bytes))) => {
                    seen.push(format!("index {:?}", Index::parse(bytes).map(drop)));
                }
                Err(error) => {
                    seen.push(format!("{error:?}"));
                    return seen;
                }
            }
        }
    }
    seen.push(format!("{:?}", reader.ending()));
    seen
}
