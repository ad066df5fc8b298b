//! What is held as a capture file, in pieces, so that whoever writes it need not hold it whole.

use alloc::vec::Vec;

use decode_core::capture::{CaptureWriter, METADATA_BYTES_MAX};
use decode_core::frame::{Frame, FrameHeader, FrameReader};
use decode_core::wire::FRAME_HEADER_LEN;

use crate::limits::SAVED_PIECE_BYTES;
use crate::messages::Messages;
use crate::reducer::PayloadRef;
use crate::rows::Rows;

/// How much was saved, and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Rows that are in the file.
    pub rows: u64,
    /// Records, gaps and rejects that they stand for.
    pub frames: u64,
    /// Matching rows that could not be saved, because their bytes are no longer held.
    pub lost: u64,
    /// Rows that were no longer held when it was begun, whatever they were.
    pub evicted: u64,
}

/// A capture that is being made.
#[derive(Debug)]
pub struct Saving {
    writer: Option<CaptureWriter>,
    /// Rows still to be saved, the last first.
    rows: Vec<u64>,
    /// Where each partition stands in the file.
    positions: Vec<(u32, u64)>,
    latest: Option<(u64, u32)>,
    saved: Saved,
}

impl Saving {
    /// `rows` are saved in this order. The file's beginning is made last ([`Self::head`]): its metadata, which will
    /// have that many bytes, can then say what was left out.
    pub(crate) fn new(mut rows: Vec<u64>, evicted: u64, metadata_bytes: usize) -> Option<Self> {
        if metadata_bytes > METADATA_BYTES_MAX {
            return None;
        }
        rows.reverse();
        let mut writer = CaptureWriter::new(&" ".repeat(metadata_bytes)).ok()?;
        writer.take(&mut Vec::new());
        let saved = Saved {
            evicted,
            ..Saved::default()
        };
        Some(Self {
            writer: Some(writer),
            rows,
            positions: Vec::new(),
            latest: None,
            saved,
        })
    }

    /// The beginning of the file; its metadata must be as long as was said.
    #[must_use]
    pub fn head(metadata: &str) -> Vec<u8> {
        let mut head = Vec::new();
        if let Ok(mut writer) = CaptureWriter::new(metadata) {
            writer.take(&mut head);
        }
        head
    }

    /// How much is in the file so far.
    #[must_use]
    pub const fn saved(&self) -> Saved {
        self.saved
    }

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.writer.is_none()
    }

    /// The next piece: about [`SAVED_PIECE_BYTES`], or one frame that is larger.
    pub(crate) fn piece(&mut self, rows: &Rows, messages: &Messages) -> Vec<u8> {
        let mut piece = Vec::new();
        let mut bytes = 0;
        while bytes < SAVED_PIECE_BYTES {
            let Some(id) = self.rows.pop() else { break };
            let held = rows.get(id).map(|row| (row.payload, row.bytes));
            match held.and_then(|(at, len)| self.frame(messages, at, len)) {
                Some(len) => {
                    bytes += len;
                    self.saved.rows += 1;
                }
                None => self.saved.lost += 1,
            }
        }
        if let Some(writer) = &mut self.writer {
            writer.take(&mut piece);
        }
        if self.rows.is_empty()
            && let Some(writer) = self.writer.take()
        {
            // So many blocks are never held that their index would be full.
            piece.extend(writer.finish().unwrap_or_default());
        }
        piece
    }

    /// Puts the frame of a row in, unless it was put in with another event of its batch. Answers its length.
    fn frame(&mut self, messages: &Messages, at: PayloadRef, len: u32) -> Option<usize> {
        let PayloadRef { message, start } = at;
        let bytes = messages.get(message)?;
        if self.latest == Some((message, start)) {
            return Some(0);
        }
        let (start_at, end) = (start as usize, start as usize + len as usize);
        let bytes = bytes.get(start_at.checked_sub(FRAME_HEADER_LEN)?..end)?;
        let Frame { header, payload } = FrameReader::new(bytes).next()?.ok()?;
        let found = self
            .positions
            .binary_search_by_key(&header.partition, |(of, _)| *of);
        // What is left out is no loss: the file continues from frame to frame.
        let prev_next = match found {
            Ok(place) => self.positions.get(place)?.1,
            Err(_) => header.offset,
        };
        if header.next() <= prev_next {
            // Of a topic that was created anew: offsets only rise in a file.
            return None;
        }
        let frame = Frame {
            header: FrameHeader {
                prev_next,
                ..header
            },
            payload,
        };
        let mut copy = Vec::with_capacity(header.frame_len());
        frame.put(&mut copy);
        self.writer.as_mut()?.frames(&copy).ok()?;
        match found {
            Ok(place) => self.positions.get_mut(place)?.1 = header.next(),
            Err(place) => self
                .positions
                .insert(place, (header.partition, header.next())),
        }
        self.latest = Some((message, start));
        self.saved.frames += 1;
        Some(copy.len())
    }
}
