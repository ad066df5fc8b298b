//! Reads an input from start to end, whatever its format.

use std::io::{self, BufRead, Cursor, Read as _};

use decode_core::capture::{Block, CaptureError, CaptureReader, Ending};
use decode_core::frame::{Frame, FrameReader};
use decode_core::wire::{FRAME_BYTE_LEN, FrameKind, PAYLOAD_BYTES_MAX};

use super::detect::detect;
use super::line::LINE_BYTES_MAX;
use super::{Content, Format, Found, HEAD_BYTES, Item, Line, LineFormat, Place, Reading, Source};
use crate::outcome::Failure;

/// Takes what an input holds.
pub(crate) type Visit<'a> = dyn FnMut(Found<'_>) -> Result<(), Failure> + 'a;

/// Calls `visit` with everything the source holds, in order.
///
/// An input that ends in the middle of something is an error, after what came before it was visited.
pub(crate) fn read(
    source: &Source,
    reading: Reading,
    visit: &mut Visit<'_>,
) -> Result<(), Failure> {
    let name = source.name();
    let failed = |error: io::Error| Failure::Io(format!("{name}: {error}"));
    let mut reader = source.open().map_err(failed)?;
    let mut head = Vec::new();
    if reading.format == Format::Auto {
        let read = reader.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
        read.map_err(failed)?;
    }
    if head.len() >= ZERO_HEAD_BYTES_MIN && head.iter().all(|byte| *byte == 0) {
        return Err(Failure::Io(format!("{name}: {ZEROS}")));
    }
    let format = if reading.format == Format::Auto {
        detect(&head)
    } else {
        reading.format
    };
    if reading.base64 && format != Format::Kcat {
        let text =
            "the input is not kcat lines, the only format that --base64 applies to; see --format";
        return Err(Failure::Io(format!("{name}: {text}")));
    }
    let mut reader = Cursor::new(head).chain(reader);
    let mut input = Input {
        reader: &mut reader,
        name: &name,
        held: Vec::new(),
        key: Vec::new(),
        has_key: false,
        record: None,
        index: 0,
        zeros: 0,
        visit,
    };
    match format {
        Format::Auto | Format::Payload => input.payload(),
        Format::Delimited => input.delimited(),
        Format::Capture => input.capture(),
        Format::Dashflow => input.dashflow(),
        Format::Dlq => input.lines(LineFormat::Dlq),
        Format::Kcat => input.lines(LineFormat::Kcat {
            base64: reading.base64,
        }),
    }
}

struct Input<'a, 'v> {
    reader: &'a mut dyn BufRead,
    name: &'a str,
    held: Vec<u8>,
    key: Vec<u8>,
    has_key: bool,
    /// Of what is being read, in a format that says so.
    record: Option<(Place, i64)>,
    index: u64,
    /// Records of nothing but zero bytes, in a row.
    zeros: u32,
    visit: &'a mut Visit<'v>,
}

impl Input<'_, '_> {
    fn payload(&mut self) -> Result<(), Failure> {
        let held = self
            .reader
            .take(HELD_BYTES_MAX as u64)
            .read_to_end(&mut self.held);
        held.map_err(|error| self.failed(&error))?;
        let more = io::copy(&mut self.reader, &mut io::sink());
        let more = more.map_err(|error| self.failed(&error))?;
        if more > 0 {
            let len = self.held.len() as u64 + more;
            return self.give(Content::TooLong(len));
        }
        self.give_held()
    }

    fn delimited(&mut self) -> Result<(), Failure> {
        while let Some(len) = self.length_or_end()? {
            self.note_zeros(len == 0)?;
            self.value(len)?;
        }
        Ok(())
    }

    /// A file that was never wholly written ends in zeros, each few of which read as an empty record.
    fn note_zeros(&mut self, is_zero: bool) -> Result<(), Failure> {
        self.zeros = if is_zero { self.zeros + 1 } else { 0 };
        if self.zeros > ZERO_RECORDS_MAX {
            return Err(self.failed(&ZEROS));
        }
        Ok(())
    }

    fn dashflow(&mut self) -> Result<(), Failure> {
        while let Some(partition) = self.length_or_end()? {
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
                self.give(Content::Null)?;
            } else {
                self.value(len)?;
            }
        }
        Ok(())
    }

    fn lines(&mut self, format: LineFormat) -> Result<(), Failure> {
        loop {
            self.held.clear();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let read = self.reader.take(limit).read_until(b'\n', &mut self.held);
            if read.map_err(|error| self.failed(&error))? == 0 {
                return Ok(());
            }
            if self.held.len() > LINE_BYTES_MAX && !self.held.ends_with(b"\n") {
                let skipped = self.reader.skip_until(b'\n');
                skipped.map_err(|error| self.failed(&error))?;
                let wrong = format!("a line of more than {LINE_BYTES_MAX} bytes");
                self.give(Content::Unreadable(&wrong))?;
                continue;
            }
            let bytes = self.held.trim_ascii();
            if bytes.is_empty() {
                continue;
            }
            let index = self.index;
            self.index += 1;
            (self.visit)(Found::Line(Line {
                index,
                format,
                bytes,
            }))?;
        }
    }

    fn capture(&mut self) -> Result<(), Failure> {
        let mut capture = CaptureReader::new();
        let mut is_empty = true;
        loop {
            let bytes = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) => return Err(self.failed(&error)),
            };
            if bytes.is_empty() {
                break;
            }
            is_empty = false;
            capture.push(bytes);
            let len = bytes.len();
            self.reader.consume(len);
            while let Some(block) = capture
                .next_block()
                .map_err(|error| self.failed(&capture_text(error)))?
            {
                if let Block::Data { frames, .. } = block {
                    self.frames(frames)?;
                }
            }
        }
        if is_empty {
            return Err(Failure::Io(format!("{}: {EMPTY}", self.name)));
        }
        match capture.ending() {
            Ending::Complete => Ok(()),
            Ending::Unfinished => {
                let text = format!("{}: no index, its writer did not finish", self.name);
                (self.visit)(Found::Notice(&text))
            }
            Ending::Cut(bytes) => {
                Err(self.failed(&format!("ends inside a block, {bytes} bytes left over")))
            }
        }
    }

    fn frames(&mut self, frames: &[u8]) -> Result<(), Failure> {
        for frame in FrameReader::new(frames) {
            let frame = frame.map_err(|error| self.failed(&error))?;
            if let Some(item) = frame_item(&frame) {
                let index = Some(self.index);
                self.index += 1;
                (self.visit)(Found::Item(Item { index, ..item }))?;
            } else {
                (self.visit)(Found::Mark(frame_place(&frame)))?;
            }
        }
        Ok(())
    }

    /// A number that starts a record, or nothing where the input ends.
    fn length_or_end(&mut self) -> Result<Option<u32>, Failure> {
        match self.reader.fill_buf() {
            Ok([]) => Ok(None),
            Ok(_) => Ok(Some(u32::from_le_bytes(self.array()?))),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
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

    fn key(&mut self, len: u32) -> Result<(), Failure> {
        if len as usize > KEY_BYTES_MAX {
            return Err(self.failed(&format!("a key of {len} bytes")));
        }
        self.key.clear();
        let read = self.reader.take(u64::from(len)).read_to_end(&mut self.key);
        self.expect(read, len)
    }

    /// Reads a payload and gives it; one that is too long is passed over.
    fn value(&mut self, len: u32) -> Result<(), Failure> {
        if len as usize > PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN {
            self.skip(u64::from(len))?;
            return self.give(Content::TooLong(u64::from(len)));
        }
        self.held.clear();
        // Grows with what is really there, not with what a damaged length promises.
        let read = self.reader.take(u64::from(len)).read_to_end(&mut self.held);
        self.expect(read, len)?;
        self.give_held()
    }

    fn expect(&self, read: io::Result<usize>, len: u32) -> Result<(), Failure> {
        match read {
            Ok(read) if read == len as usize => Ok(()),
            Ok(_) => Err(self.cut()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn skip(&mut self, len: u64) -> Result<(), Failure> {
        let skipped = io::copy(&mut self.reader.take(len), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == len => Ok(()),
            Ok(_) => Err(self.cut()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn give(&mut self, content: Content<'_>) -> Result<(), Failure> {
        let place = self.record.map(|(place, _)| place);
        let item = Item {
            timestamp_ms: self.record.map(|(_, timestamp_ms)| timestamp_ms),
            key: self.has_key.then_some(&self.key),
            ..Item::new(Some(self.index), place, content)
        };
        self.index += 1;
        (self.visit)(Found::Item(item))
    }

    fn give_held(&mut self) -> Result<(), Failure> {
        let held = std::mem::take(&mut self.held);
        let given = self.give(Content::Payload(&held));
        self.held = held;
        given
    }

    fn cut(&self) -> Failure {
        self.failed(&"the input ends inside it")
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::Io(format!("{}: payload {}: {error}", self.name, self.index))
    }
}

/// The code of what is wrong with a capture, in words too.
pub(super) fn capture_text(error: CaptureError) -> String {
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
pub(super) fn frame_item<'a>(frame: &Frame<'a>) -> Option<Item<'a>> {
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

/// One byte more than the largest payload, so that a longer one is known to be one.
const HELD_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN + 1;
/// Kafka takes no record that is much larger, and a key is part of one.
const KEY_BYTES_MAX: usize = PAYLOAD_BYTES_MAX;
/// A file that starts with fewer zero bytes may be a payload: its first byte is one in most.
const ZERO_HEAD_BYTES_MIN: usize = 64;
/// A longer run of empty records means that the input is not a list of records.
const ZERO_RECORDS_MAX: u32 = 64;
const ZEROS: &str = "filled with zeros; it was probably not written completely";
pub(crate) const EMPTY: &str = "the file is empty";
/// A length that stands for a null key or value.
const NULL_LEN: u32 = u32::MAX;
