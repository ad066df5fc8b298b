//! The primitives of Kafka's protocol, which client and demo broker share. Reading never trusts a length: what is
//! claimed is compared with what is there before anything is allocated, so a message costs no more than a small
//! multiple of its own size. Which message has which fields is said by whoever reads or writes it.

#![forbid(unsafe_code)]

use std::fmt;

use bytes::{Buf as _, Bytes};

/// A message that does not follow the protocol, with what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed message: {}", self.0)
    }
}

/// A topic's identity, which a topic created again under the same name does not share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicId(pub u128);

impl TopicId {
    /// Whether the broker gave none.
    #[must_use]
    pub const fn is_unknown(self) -> bool {
        self.0 == 0
    }
}

/// Reads what the other side sent. Bytes are slices of the message.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
}

impl Reader {
    pub const fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    fn need(&self, count: usize) -> Result<(), Malformed> {
        if self.bytes.len() < count {
            return Err(Malformed("ends too early"));
        }
        Ok(())
    }

    pub fn bool(&mut self) -> Result<bool, Malformed> {
        self.need(1)?;
        Ok(self.bytes.get_u8() != 0)
    }

    pub fn i8(&mut self) -> Result<i8, Malformed> {
        self.need(1)?;
        Ok(self.bytes.get_i8())
    }

    pub fn i16(&mut self) -> Result<i16, Malformed> {
        self.need(2)?;
        Ok(self.bytes.get_i16())
    }

    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.need(4)?;
        Ok(self.bytes.get_i32())
    }

    pub fn i64(&mut self) -> Result<i64, Malformed> {
        self.need(8)?;
        Ok(self.bytes.get_i64())
    }

    pub fn topic_id(&mut self) -> Result<TopicId, Malformed> {
        self.need(16)?;
        Ok(TopicId(self.bytes.get_u128()))
    }

    pub fn uvarint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            self.need(1)?;
            let byte = self.bytes.get_u8();
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Malformed("a number is too large"));
            }
        }
        Err(Malformed("a number is too long"))
    }

    /// Bytes of the given length, as a slice of the message.
    pub fn take(&mut self, count: usize) -> Result<Bytes, Malformed> {
        self.need(count)?;
        Ok(self.bytes.split_to(count))
    }

    /// What is there of the next `count` bytes: an answer that was cut short ends inside them.
    pub fn take_what_is_there(&mut self, count: usize) -> Bytes {
        self.bytes.split_to(count.min(self.bytes.len()))
    }

    pub fn string(&mut self) -> Result<String, Malformed> {
        let text = self.nullable_string()?;
        text.ok_or(Malformed("a length is negative"))
    }

    /// A text with its length before it; absent where that is negative.
    pub fn nullable_string(&mut self) -> Result<Option<String>, Malformed> {
        match usize::try_from(self.i16()?) {
            Ok(len) => text(&self.take(len)?).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Bytes with their length before them; absent where that is negative.
    pub fn nullable_bytes(&mut self) -> Result<Option<Bytes>, Malformed> {
        match usize::try_from(self.i32()?) {
            Ok(len) => self.take(len).map(Some),
            Err(_) => Ok(None),
        }
    }

    pub fn compact_bytes(&mut self) -> Result<Option<Bytes>, Malformed> {
        match self.uvarint()? {
            0 => Ok(None),
            len => self.take(len as usize - 1).map(Some),
        }
    }

    pub fn compact_string(&mut self) -> Result<Option<String>, Malformed> {
        self.compact_bytes()?.map(|bytes| text(&bytes)).transpose()
    }

    /// Elements of a compact array; an absent one counts as empty. Each element takes at least a byte, so
    /// that many more elements than bytes are not there.
    pub fn compact_array<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = (self.uvarint()? as usize).saturating_sub(1);
        if count > self.left() {
            return Err(Malformed("an array is longer than the message"));
        }
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    pub fn array<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = usize::try_from(self.i32()?).unwrap_or(0);
        if count > self.left() {
            return Err(Malformed("an array is longer than the message"));
        }
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    /// Passes each tagged field to `field`, which may leave it alone.
    pub fn tagged(
        &mut self,
        mut field: impl FnMut(u32, &mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let len = self.uvarint()? as usize;
            field(tag, &mut Self::new(self.take(len)?))?;
        }
        Ok(())
    }

    pub fn skip_tagged(&mut self) -> Result<(), Malformed> {
        self.tagged(|_, _| Ok(()))
    }
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed("a text is not UTF-8"))?;
    Ok(text.to_owned())
}

/// Writes a message.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    /// What was written so far.
    pub bytes: Vec<u8>,
}

impl Writer {
    pub fn bool(&mut self, value: bool) {
        self.bytes.push(value.into());
    }

    pub fn i8(&mut self, value: i8) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub fn i16(&mut self, value: i16) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub fn i32(&mut self, value: i32) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub fn topic_id(&mut self, id: TopicId) {
        self.bytes.extend(id.0.to_be_bytes());
    }

    pub fn uvarint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub fn string(&mut self, text: &str) {
        self.i16(i16::try_from(text.len()).unwrap_or(i16::MAX));
        self.bytes
            .extend(text.as_bytes().iter().take(i16::MAX as usize));
    }

    pub fn compact_bytes(&mut self, bytes: &[u8]) {
        self.uvarint(bytes.len() + 1);
        self.bytes.extend(bytes);
    }

    pub fn compact_string(&mut self, text: &str) {
        self.compact_bytes(text.as_bytes());
    }

    /// The length of a compact array, whose elements follow.
    pub fn compact_len(&mut self, len: usize) {
        self.uvarint(len + 1);
    }

    pub fn no_tagged(&mut self) {
        self.uvarint(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &[u8]) -> Reader {
        Reader::new(Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn numbers_come_back_as_they_were_written() {
        for value in [0, 1, 127, 128, 300, 16_383, 16_384, u32::MAX as usize] {
            let mut writer = Writer::default();
            writer.uvarint(value);
            assert_eq!(reader(&writer.bytes).uvarint(), Ok(value as u32));
        }
        assert!(reader(&[0xff; 5]).uvarint().is_err(), "over 32 bits");
        assert!(reader(&[0x80; 9]).uvarint().is_err(), "never ends");
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        // Two thousand million elements in five bytes, as compact array and as plain one.
        let claimed = reader(&[0xff, 0xff, 0xff, 0xff, 0x07]).compact_array(Reader::i64);
        assert!(claimed.is_err());
        assert!(
            reader(&[0x7f, 0xff, 0xff, 0xff])
                .array(Reader::i64)
                .is_err()
        );
        assert!(reader(&[0xff, 0xff, 0x03, 1]).compact_bytes().is_err());
        assert!(reader(&[0x7f, 0xff, b'a']).string().is_err());
    }

    #[test]
    fn unknown_tagged_fields_are_passed_over() {
        let mut bytes = reader(&[2, 9, 1, 0xaa, 0, 2, 1, 2, 7]);
        let mut seen = Vec::new();
        bytes
            .tagged(|tag, field| {
                seen.push((tag, field.left()));
                Ok(())
            })
            .expect("two fields");
        assert_eq!((seen, bytes.left()), (vec![(9, 1), (0, 2)], 1));
    }
}
