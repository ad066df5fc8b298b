//! Reads an input from start to end, whatever its format, one step after the other.

use std::io::{self, BufRead, Chain, Cursor, Read as _};

use decode_core::capture::{Block, CaptureError, CaptureReader, Ending};
use decode_core::frame::{Frame, FrameReader};
use decode_core::wire::{FRAME_BYTE_LEN, FrameKind, PAYLOAD_BYTES_MAX};

use crate::detect::{Format, detect};
use crate::found::{Content, Found, Item, Line, LineFormat, Place};
use crate::line::LINE_BYTES_MAX;

/// How to read an input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Its format; nothing lets the first bytes decide.
    pub format: Option<Format>,
    /// Whether payloads in lines of kcat are base64.
    pub base64: bool,
}

/// Why reading stopped: the input cannot be read further, or whoever takes what it holds wants no more.
#[derive(Debug)]
pub enum Stop<E> {
    /// A sentence about the input.
    Input(String),
    /// What `visit` returned.
    Visit(E),
}

/// An input that is being read.
#[derive(Debug)]
pub struct Input<R> {
    reader: Chain<Cursor<Vec<u8>>, R>,
    format: Format,
    base64: bool,
    capture: CaptureReader,
    held: Vec<u8>,
    key: Vec<u8>,
    has_key: bool,
    /// Of what is being read, in a format that says so.
    record: Option<(Place, i64)>,
    index: u64,
    /// Records of nothing but zero bytes, in a row.
    zeros: u32,
    /// Of a payload that is too long: its length, and how much of it has still to be passed over.
    skipping: Option<(u64, u64)>,
    is_empty: bool,
    metadata: Option<String>,
}

impl<R: BufRead> Input<R> {
    /// Looks at the first bytes and decides how the rest is read.
    ///
    /// # Errors
    /// A sentence: they cannot be read, or are of no format.
    pub fn open(mut reader: R, reading: Reading) -> Result<Self, String> {
        let mut head = Vec::new();
        if reading.format.is_none() {
            let read = reader.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
            read.map_err(|error| error.to_string())?;
        }
        if head.len() >= ZERO_HEAD_BYTES_MIN && head.iter().all(|byte| *byte == 0) {
            return Err(ZEROS.to_owned());
        }
        let format = reading.format.unwrap_or_else(|| detect(&head));
        if reading.base64 && format != Format::Kcat {
            let text = "the input is not kcat lines, the only format that --base64 applies to; see --format";
            return Err(text.to_owned());
        }
        Ok(Self {
            reader: Cursor::new(head).chain(reader),
            format,
            base64: reading.base64,
            capture: CaptureReader::new(),
            held: Vec::new(),
            key: Vec::new(),
            has_key: false,
            record: None,
            index: 0,
            zeros: 0,
            skipping: None,
            is_empty: true,
            metadata: None,
        })
    }

    /// Its format.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The text that the writer of a capture put in front, once it was read.
    pub fn metadata(&self) -> Option<&str> {
        self.metadata.as_deref()
    }

    /// Reads on by a bounded amount and gives `visit` what was found; false at the end.
    ///
    /// An input that ends in the middle of something is an error, after what came before it was visited.
    ///
    /// # Errors
    /// See [`Stop`]. Nothing can be read after an error.
    pub fn step<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<bool, Stop<E>> {
        if let Some((len, left)) = self.skipping {
            return self.skip(len, left, visit).map(|()| true);
        }
        match self.format {
            Format::Payload => self.payload(visit).map(|()| false),
            Format::Delimited => self.delimited(visit),
            Format::Capture => self.capture(visit),
            Format::Dashflow => self.dashflow(visit),
            Format::Dlq => self.line(LineFormat::Dlq, visit),
            Format::Kcat => {
                let base64 = self.base64;
                self.line(LineFormat::Kcat { base64 }, visit)
            }
        }
    }

    fn payload<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), Stop<E>> {
        let limit = HELD_BYTES_MAX as u64;
        let held = self.reader.by_ref().take(limit).read_to_end(&mut self.held);
        held.map_err(|error| self.failed(&error))?;
        let more = io::copy(&mut self.reader, &mut io::sink());
        let more = more.map_err(|error| self.failed(&error))?;
        if more > 0 {
            let len = self.held.len() as u64 + more;
            return self.give(Content::TooLong(len), visit);
        }
        self.give_held(visit)
    }

    fn delimited<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<bool, Stop<E>> {
        let Some(len) = self.length_or_end()? else {
            return Ok(false);
        };
        self.note_zeros(len == 0)?;
        self.value(len, visit)?;
        Ok(true)
    }

    /// A file that was never wholly written ends in zeros, each few of which read as an empty record.
    fn note_zeros<E>(&mut self, is_zero: bool) -> Result<(), Stop<E>> {
        self.zeros = if is_zero { self.zeros + 1 } else { 0 };
        if self.zeros > ZERO_RECORDS_MAX {
            return Err(self.failed(&ZEROS));
        }
        Ok(())
    }

    fn dashflow<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<bool, Stop<E>> {
        let Some(partition) = self.length_or_end()? else {
            return Ok(false);
        };
        let offset = u64::from_le_bytes(self.array()?);
        let timestamp_ms = i64::from_le_bytes(self.array()?);
        let key_len = u32::from_le_bytes(self.array()?);
        self.has_key = key_len != NULL_LEN;
        if self.has_key {
            self.key(key_len)?;
        }
        let len = u32::from_le_bytes(self.array()?);
        let numbers = [u64::from(partition), offset, u64::from(key_len), len.into()];
        self.note_zeros(timestamp_ms == 0 && numbers == [0; 4])?;
        let place = Place::new(partition, offset);
        self.record = Some((place, timestamp_ms));
        if len == NULL_LEN {
            self.give(Content::Null, visit)?;
        } else {
            self.value(len, visit)?;
        }
        Ok(true)
    }

    fn line<E>(&mut self, format: LineFormat, visit: &mut Visit<'_, E>) -> Result<bool, Stop<E>> {
        self.held.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let mut reader = self.reader.by_ref().take(limit);
        let read = reader.read_until(b'\n', &mut self.held);
        if read.map_err(|error| self.failed(&error))? == 0 {
            return Ok(false);
        }
        if self.held.len() > LINE_BYTES_MAX && !self.held.ends_with(b"\n") {
            let skipped = self.reader.skip_until(b'\n');
            skipped.map_err(|error| self.failed(&error))?;
            let wrong = format!("a line of more than {LINE_BYTES_MAX} bytes");
            self.give(Content::Unreadable(&wrong), visit)?;
            return Ok(true);
        }
        let bytes = self.held.trim_ascii();
        if bytes.is_empty() {
            return Ok(true);
        }
        let index = self.index;
        self.index += 1;
        visit(Found::Line(Line {
            index,
            format,
            bytes,
        }))
        .map_err(Stop::Visit)?;
        Ok(true)
    }

    fn capture<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<bool, Stop<E>> {
        let bytes = match self.reader.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.failed(&error)),
        };
        if bytes.is_empty() {
            return self.capture_end(visit).map(|()| false);
        }
        self.is_empty = false;
        self.capture.push(bytes);
        let len = bytes.len();
        self.reader.consume(len);
        let mut index = self.index;
        let outcome = loop {
            match self.capture.next_block() {
                Ok(Some(Block::Data { frames, .. })) => {
                    let given = give_frames(frames, &mut index, visit);
                    if given.is_err() {
                        break given;
                    }
                }
                Ok(Some(Block::Metadata(text))) => self.metadata = Some(text.to_owned()),
                Ok(Some(Block::Index(_))) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(Stop::Input(capture_text(error))),
            }
        };
        self.index = index;
        match outcome {
            Ok(()) => Ok(true),
            Err(Stop::Input(text)) => Err(self.failed(&text)),
            Err(Stop::Visit(error)) => Err(Stop::Visit(error)),
        }
    }

    fn capture_end<E>(&self, visit: &mut Visit<'_, E>) -> Result<(), Stop<E>> {
        if self.is_empty {
            return Err(Stop::Input(EMPTY.to_owned()));
        }
        match self.capture.ending() {
            Ending::Complete => Ok(()),
            Ending::Unfinished => {
                let text = "no index, its writer did not finish";
                visit(Found::Notice(text)).map_err(Stop::Visit)
            }
            Ending::Cut(bytes) => {
                Err(self.failed(&format!("ends inside a block, {bytes} bytes left over")))
            }
        }
    }

    /// A number that starts a record, or nothing where the input ends.
    fn length_or_end<E>(&mut self) -> Result<Option<u32>, Stop<E>> {
        match self.reader.fill_buf() {
            Ok([]) => Ok(None),
            Ok(_) => Ok(Some(u32::from_le_bytes(self.array()?))),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn array<const N: usize, E>(&mut self) -> Result<[u8; N], Stop<E>> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                self.cut()
            } else {
                self.failed(&error)
            }
        })?;
        Ok(bytes)
    }

    fn key<E>(&mut self, len: u32) -> Result<(), Stop<E>> {
        if len as usize > KEY_BYTES_MAX {
            return Err(self.failed(&format!("a key of {len} bytes")));
        }
        self.key.clear();
        let mut reader = self.reader.by_ref().take(u64::from(len));
        let read = reader.read_to_end(&mut self.key);
        self.expect(read, len)
    }

    /// Reads a payload and gives it; one that is too long is passed over in the steps that follow.
    fn value<E>(&mut self, len: u32, visit: &mut Visit<'_, E>) -> Result<(), Stop<E>> {
        if len as usize > PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN {
            self.skipping = Some((u64::from(len), u64::from(len)));
            return Ok(());
        }
        self.held.clear();
        // Grows with what is really there, not with what a damaged length promises.
        let mut reader = self.reader.by_ref().take(u64::from(len));
        let read = reader.read_to_end(&mut self.held);
        self.expect(read, len)?;
        self.give_held(visit)
    }

    fn expect<E>(&self, read: io::Result<usize>, len: u32) -> Result<(), Stop<E>> {
        match read {
            Ok(read) if read == len as usize => Ok(()),
            Ok(_) => Err(self.cut()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn skip<E>(&mut self, len: u64, left: u64, visit: &mut Visit<'_, E>) -> Result<(), Stop<E>> {
        let part = left.min(SKIPPED_BYTES_MAX);
        let skipped = io::copy(&mut self.reader.by_ref().take(part), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == part => {}
            Ok(_) => return Err(self.cut()),
            Err(error) => return Err(self.failed(&error)),
        }
        if part < left {
            self.skipping = Some((len, left - part));
            return Ok(());
        }
        self.skipping = None;
        self.give(Content::TooLong(len), visit)
    }

    fn give<E>(&mut self, content: Content<'_>, visit: &mut Visit<'_, E>) -> Result<(), Stop<E>> {
        let place = self.record.map(|(place, _)| place);
        let item = Item {
            timestamp_ms: self.record.map(|(_, timestamp_ms)| timestamp_ms),
            key: self.has_key.then_some(&self.key),
            ..Item::new(Some(self.index), place, content)
        };
        self.index += 1;
        visit(Found::Item(item)).map_err(Stop::Visit)
    }

    fn give_held<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), Stop<E>> {
        let held = std::mem::take(&mut self.held);
        let given = self.give(Content::Payload(&held), visit);
        self.held = held;
        given
    }

    fn cut<E>(&self) -> Stop<E> {
        self.failed(&"the input ends inside it")
    }

    fn failed<E>(&self, error: &dyn std::fmt::Display) -> Stop<E> {
        Stop::Input(format!("payload {}: {error}", self.index))
    }
}

/// Gives what the frames of a block hold, and counts them.
fn give_frames<E>(frames: &[u8], index: &mut u64, visit: &mut Visit<'_, E>) -> Result<(), Stop<E>> {
    for frame in FrameReader::new(frames) {
        let frame = frame.map_err(|error| Stop::Input(error.to_string()))?;
        let found = match frame_item(&frame) {
            Some(item) => {
                let number = Some(*index);
                *index += 1;
                Found::Item(Item {
                    index: number,
                    ..item
                })
            }
            None => Found::Mark(frame_place(&frame)),
        };
        visit(found).map_err(Stop::Visit)?;
    }
    Ok(())
}

/// The code of what is wrong with a capture, in words too.
#[must_use]
pub fn capture_text(error: CaptureError) -> String {
    let words = match error {
        CaptureError::NotACapture => "it does not start as a capture".to_owned(),
        CaptureError::Version(version) => format!("a capture of version {version}"),
        CaptureError::BlockTooLarge(at) => format!("the block at byte {at} is too large"),
        CaptureError::Checksum(at) => format!("the block at byte {at} does not match its checksum"),
        CaptureError::Metadata => "its metadata is damaged or not its first block".to_owned(),
        CaptureError::Index => "its index is damaged".to_owned(),
        CaptureError::AfterEnd => "there are bytes after its end".to_owned(),
        CaptureError::Frames(error) => format!("a block holds damaged frames, {error}"),
        CaptureError::Full => "it has reached the maximum number of blocks".to_owned(),
    };
    format!("{}: {words}", error.code())
}

/// What a frame holds, if it is one that holds something.
#[must_use]
pub fn frame_item<'a>(frame: &Frame<'a>) -> Option<Item<'a>> {
    let Frame { header, payload } = frame;
    let content = match header.kind {
        FrameKind::Record => Content::Payload(payload),
        FrameKind::Reject => Content::Rejected {
            code: header.code,
            prefix: payload,
        },
        FrameKind::Gap => Content::Gap {
            last: header.last_offset(),
            cause: header.code,
        },
        // Marks hold nothing; kinds of the future do not come out of the reader.
        FrameKind::Mark => return None,
    };
    Some(Item {
        // A gap's holds its last offset.
        timestamp_ms: (header.kind != FrameKind::Gap).then_some(header.timestamp_ms),
        ..Item::new(None, Some(frame_place(frame)), content)
    })
}

const fn frame_place(frame: &Frame<'_>) -> Place {
    let header = &frame.header;
    Place {
        prev_next: Some(header.prev_next),
        ..Place::new(header.partition, header.offset)
    }
}

/// Takes what an input holds.
type Visit<'a, E> = dyn FnMut(Found<'_>) -> Result<(), E> + 'a;

/// What a format is told from.
const HEAD_BYTES: u64 = 4096;
/// Passed over in one step.
const SKIPPED_BYTES_MAX: u64 = 1024 * 1024;
/// One byte more than the largest payload, so that a longer one is known to be one.
const HELD_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN + 1;
/// Kafka takes no record that is much larger, and a key is part of one.
const KEY_BYTES_MAX: usize = PAYLOAD_BYTES_MAX;
/// A file that starts with fewer zero bytes may be a payload: its first byte is one in most.
const ZERO_HEAD_BYTES_MIN: usize = 64;
/// A longer run of empty records means that the input is not a list of records.
const ZERO_RECORDS_MAX: u32 = 64;
const ZEROS: &str = "filled with zeros; it was probably not written completely";
/// What is said of an empty file.
pub const EMPTY: &str = "the file is empty";
/// A length that stands for a null key or value.
const NULL_LEN: u32 = u32::MAX;
