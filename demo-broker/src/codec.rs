//! Requests and answers in one version of a call: the older ones have plain texts and arrays, the flexible ones
//! compact ones and tagged fields.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use kafka_wire::{Malformed, Reader, Writer};

/// What a client asks for.
#[derive(Debug)]
pub(crate) struct Input {
    reader: Reader,
    is_flexible: bool,
}

/// The answer to it.
#[derive(Debug, Default)]
pub(crate) struct Output {
    writer: Writer,
    is_flexible: bool,
}

/// Kafka's number of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) i16);

impl Code {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const OFFSET_OUT_OF_RANGE: Self = Self(1);
    pub(crate) const CORRUPT_MESSAGE: Self = Self(2);
    pub(crate) const UNKNOWN_TOPIC_OR_PARTITION: Self = Self(3);
    pub(crate) const UNSUPPORTED_VERSION: Self = Self(35);
    pub(crate) const UNSUPPORTED_FOR_MESSAGE_FORMAT: Self = Self(43);
    pub(crate) const INVALID_RECORD: Self = Self(87);
    pub(crate) const UNKNOWN_TOPIC_ID: Self = Self(100);
}

impl Input {
    pub(crate) fn new(reader: Reader, is_flexible: bool) -> Self {
        Self {
            reader,
            is_flexible,
        }
    }

    pub(crate) fn text(&mut self) -> Result<Option<String>, Malformed> {
        if self.is_flexible {
            self.reader.compact_string()
        } else {
            self.reader.nullable_string()
        }
    }

    pub(crate) fn data(&mut self) -> Result<Option<Bytes>, Malformed> {
        if self.is_flexible {
            self.reader.compact_bytes()
        } else {
            self.reader.nullable_bytes()
        }
    }

    /// The elements of an array; `None` where it is absent. Each takes a byte at least, so that a length that is
    /// only claimed allocates nothing.
    pub(crate) fn list<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<Vec<T>>, Malformed> {
        let count = if self.is_flexible {
            i64::from(self.reader.uvarint()?) - 1
        } else {
            i64::from(self.reader.i32()?)
        };
        let Ok(count) = usize::try_from(count) else {
            return Ok(None);
        };
        if count > self.reader.left() {
            return Err(Malformed("an array is longer than the request"));
        }
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// The end of a group of fields, where tagged fields lie that nobody here needs.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        if self.is_flexible {
            self.reader.skip_tagged()?;
        }
        Ok(())
    }
}

impl Output {
    pub(crate) fn set_flexible(&mut self, is_flexible: bool) {
        self.is_flexible = is_flexible;
    }

    pub(crate) fn code(&mut self, code: Code) {
        self.writer.i16(code.0);
    }

    pub(crate) fn text(&mut self, text: &str) {
        if self.is_flexible {
            self.writer.compact_string(text);
        } else {
            self.writer.string(text);
        }
    }

    pub(crate) fn no_text(&mut self) {
        if self.is_flexible {
            self.writer.uvarint(0);
        } else {
            self.writer.i16(-1);
        }
    }

    /// The length of an array, whose elements follow.
    pub(crate) fn len(&mut self, len: usize) {
        if self.is_flexible {
            self.writer.compact_len(len);
        } else {
            self.writer.i32(i32::try_from(len).unwrap_or(i32::MAX));
        }
    }

    /// Bytes that lie in parts.
    pub(crate) fn data(&mut self, parts: &[Bytes]) {
        // As an array of bytes.
        self.len(parts.iter().map(Bytes::len).sum());
        for part in parts {
            self.writer.bytes.extend_from_slice(part);
        }
    }

    /// The end of a group of fields.
    pub(crate) fn end(&mut self) {
        if self.is_flexible {
            self.writer.no_tagged();
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.writer.bytes
    }
}

impl Deref for Input {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl DerefMut for Input {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }
}

impl Deref for Output {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.writer
    }
}

impl DerefMut for Output {
    fn deref_mut(&mut self) -> &mut Writer {
        &mut self.writer
    }
}
