//! What is held as a capture file, in pieces, so that whoever writes it need not hold it whole.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use decode_core::capture::{CaptureWriter, METADATA_BYTES_MAX};
use decode_core::frame::{Frame, FrameHeader, FrameReader};
use decode_core::wire::FRAME_HEADER_LEN;

use crate::limits::SAVED_PIECE_BYTES;
use crate::messages::Messages;
use crate::query::EventFilter;
use crate::reducer::PayloadRef;
use crate::rows::Rows;
use crate::runs::RunEvents;

/// How much was saved, and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Rows that are in the file.
    pub rows: u64,
    /// Records, gaps and rejects that they stand for.
    pub frames: u64,
    /// Matching rows that could not be saved, because their bytes are no longer held.
    pub lost: u64,
    /// Rows that were no longer held when they were looked at, whatever they were.
    pub evicted: u64,
}

/// A capture that is being made.
#[derive(Debug)]
pub struct Saving {
    writer: Option<CaptureWriter>,
    /// [`EventFilter::lowered`], without a run.
    filter: EventFilter,
    /// Rows that are still to be looked at.
    unseen: Range<u64>,
    /// Rows found that are still to be saved.
    rows: VecDeque<u64>,
    /// Where each partition stands in the file.
    positions: Vec<(u32, u64)>,
    latest: Option<(u64, u32)>,
    saved: Saved,
}

impl Saving {
    /// Rows up to an end are saved in the order of their arrival. The file's beginning is made last ([`Self::head`]):
    /// its metadata, which will have that many bytes, can then say what was left out.
    pub(crate) fn new(
        rows: &Rows,
        filter: EventFilter,
        end: u64,
        metadata_bytes: usize,
    ) -> Option<Self> {
        if metadata_bytes > METADATA_BYTES_MAX {
            return None;
        }
        let mut writer = CaptureWriter::new(&" ".repeat(metadata_bytes)).ok()?;
        writer.take(&mut Vec::new());
        let mut saving = Self {
            writer: Some(writer),
            filter,
            unseen: 0..end,
            rows: VecDeque::new(),
            positions: Vec::new(),
            latest: None,
            saved: Saved::default(),
        };
        saving.look(rows);
        Some(saving)
    }

    /// Looks for rows to save, at some of those that were not looked at.
    fn look(&mut self, rows: &Rows) {
        let Range { start, end } = self.unseen;
        let from = rows.first().clamp(start, end.max(start));
        self.saved.evicted += from - start;
        let to = (from + LOOK_ROWS).min(end.max(from));
        let run = RunEvents::default();
        self.rows.extend(self.filter.ids(rows, &run, from, to));
        self.unseen.start = to;
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

    /// The next piece: about [`SAVED_PIECE_BYTES`], or one frame that is larger. All rows are looked at first, so that
    /// few of them go meanwhile; until then pieces are empty.
    pub(crate) fn piece(&mut self, rows: &Rows, messages: &Messages) -> Vec<u8> {
        let mut piece = Vec::new();
        let mut bytes = 0;
        if !self.unseen.is_empty() {
            self.look(rows);
            return piece;
        }
        while bytes < SAVED_PIECE_BYTES {
            let Some(id) = self.rows.pop_front() else {
                break;
            };
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

/// Rows looked at at once, for what is to be saved.
const LOOK_ROWS: u64 = 4_096;
