//! Reads an input from start to end, whatever its format.

use std::io::{self, BufRead, Read};

use decode_core::capture::{Block, CaptureReader, Ending};
use decode_core::frame::{Frame, FrameReader};
use decode_core::wire::{FRAME_BYTE_LEN, FrameKind, PAYLOAD_BYTES_MAX};

use super::detect::detect;
use super::{Content, Format, Item, Place, Source};
use crate::outcome::Failure;

/// Calls `visit` with everything the source holds, in order.
///
/// An input that ends in the middle of something is an error, after what came before it was visited.
pub(crate) fn read(
    source: &Source,
    format: Format,
    visit: &mut dyn FnMut(Item<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let name = source.name();
    let mut reader = source
        .open()
        .map_err(|error| Failure::Io(format!("{name}: {error}")))?;
    let format = match format {
        Format::Auto => detect(
            reader
                .fill_buf()
                .map_err(|error| Failure::Io(format!("{name}: {error}")))?,
        ),
        given => given,
    };
    let mut input = Input {
        reader: &mut reader,
        name: &name,
        held: Vec::new(),
        index: 0,
        visit,
    };
    match format {
        Format::Auto | Format::Payload => input.payload(),
        Format::Delimited => input.delimited(),
        Format::Capture => input.capture(),
        Format::Dashflow => input.dashflow(),
    }
}

struct Input<'a> {
    reader: &'a mut dyn BufRead,
    name: &'a str,
    held: Vec<u8>,
    index: u64,
    visit: &'a mut dyn FnMut(Item<'_>) -> Result<(), Failure>,
}

impl Input<'_> {
    fn payload(&mut self) -> Result<(), Failure> {
        let held = self
            .reader
            .take(HELD_BYTES_MAX as u64)
            .read_to_end(&mut self.held);
        held.map_err(|error| self.failed(&error))?;
        let more = io::copy(&mut self.reader, &mut io::sink());
        let more = more.map_err(|error| self.failed(&error))?;
        let len = if more > 0 {
            Some(self.held.len() as u64 + more)
        } else {
            None
        };
        self.emit(None, len)
    }

    fn delimited(&mut self) -> Result<(), Failure> {
        while let Some(len) = self.length_or_end()? {
            let over = self.hold(len)?;
            self.emit(None, over)?;
        }
        Ok(())
    }

    fn dashflow(&mut self) -> Result<(), Failure> {
        while let Some(partition) = self.length_or_end()? {
            let offset = u64::from_le_bytes(self.array()?);
            let _time: [u8; 8] = self.array()?;
            let key_len = u32::from_le_bytes(self.array()?);
            self.skip(u64::from(key_len))?;
            let len = u32::from_le_bytes(self.array()?);
            let over = self.hold(len)?;
            self.emit(Some(Place { partition, offset }), over)?;
        }
        Ok(())
    }

    fn capture(&mut self) -> Result<(), Failure> {
        let mut capture = CaptureReader::new();
        loop {
            let bytes = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) => return Err(self.failed(&error)),
            };
            if bytes.is_empty() {
                break;
            }
            capture.push(bytes);
            let len = bytes.len();
            self.reader.consume(len);
            while let Some(block) = capture.next_block().map_err(|error| self.failed(&error))? {
                if let Block::Data { frames, .. } = block {
                    self.frames(frames)?;
                }
            }
        }
        match capture.ending() {
            Ending::Complete => Ok(()),
            Ending::Unfinished => {
                eprintln!("{}: no index, its writer did not finish", self.name);
                Ok(())
            }
            Ending::Cut(bytes) => {
                Err(self.failed(&format!("ends inside a block, {bytes} bytes left over")))
            }
        }
    }

    fn frames(&mut self, frames: &[u8]) -> Result<(), Failure> {
        for frame in FrameReader::new(frames) {
            let Frame { header, payload } = frame.map_err(|error| self.failed(&error))?;
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
                _ => continue,
            };
            let place = Place {
                partition: header.partition,
                offset: header.offset,
            };
            self.give(Item {
                index: self.index,
                place: Some(place),
                content,
            })?;
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
        self.reader
            .read_exact(&mut bytes)
            .map_err(|error| self.failed(&error))?;
        Ok(bytes)
    }

    /// Reads a payload. One that is too long is passed over and its length returned.
    fn hold(&mut self, len: u32) -> Result<Option<u64>, Failure> {
        self.held.clear();
        if len as usize > PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN {
            self.skip(u64::from(len))?;
            return Ok(Some(u64::from(len)));
        }
        // Grows with what is really there, not with what a damaged length promises.
        let read = self.reader.take(u64::from(len)).read_to_end(&mut self.held);
        match read {
            Ok(read) if read == len as usize => Ok(None),
            Ok(_) => Err(self.failed(&io::Error::from(io::ErrorKind::UnexpectedEof))),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn skip(&mut self, len: u64) -> Result<(), Failure> {
        let skipped = io::copy(&mut self.reader.take(len), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == len => Ok(()),
            Ok(_) => Err(self.failed(&io::Error::from(io::ErrorKind::UnexpectedEof))),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn emit(&mut self, place: Option<Place>, over: Option<u64>) -> Result<(), Failure> {
        let content = over.map_or(Content::Payload(&self.held), Content::TooLong);
        (self.visit)(Item {
            index: self.index,
            place,
            content,
        })?;
        self.index += 1;
        Ok(())
    }

    fn give(&mut self, item: Item<'_>) -> Result<(), Failure> {
        self.index += 1;
        (self.visit)(item)
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::Io(format!("{}: payload {}: {error}", self.name, self.index))
    }
}

/// One byte more than the largest payload, so that a longer one is known to be one.
const HELD_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN + 1;
