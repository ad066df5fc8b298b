//! The fields of a message that a pass accepted, one after the other: for the few facts that a
//! [`Summary`](crate::scan::Summary) leaves out, such as the attributes of an event.
//!
//! Nothing is copied and nothing is checked again: on bytes that no pass accepted the walk ends where they
//! cease to be a message.

use crate::reader::{Reader, WireType};
use crate::text;
use crate::wire::NESTING_DEPTH_MAX;

/// What a field holds, as its tag says it is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A base-128 integer.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Four bytes.
    Fixed32(u32),
    /// Text, bytes, a message or a packed list.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Its bytes, if it has a length; else none.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Varint(_) | Self::Fixed64(_) | Self::Fixed32(_) => &[],
        }
    }

    /// Its text, if it has a length and is UTF-8; else none.
    #[must_use]
    pub fn text(self) -> &'a str {
        core::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// Its bits, if it is a number; else 0.
    #[must_use]
    pub const fn bits(self) -> u64 {
        match self {
            Self::Varint(bits) | Self::Fixed64(bits) => bits,
            Self::Fixed32(bits) => bits as u64,
            Self::Bytes(_) => 0,
        }
    }
}

/// Field numbers and values in the order in which they stand. Groups, which the schema does not have, are
/// passed over.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    reader: Reader<'a>,
}

impl<'a> Fields<'a> {
    /// The fields of a message that stands in these bytes.
    #[must_use]
    pub const fn new(message: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(message),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let field = text::next_field(&mut self.reader, NESTING_DEPTH_MAX).ok()??;
            let value = match field.wire {
                WireType::Varint => Value::Varint(field.value),
                WireType::Fixed64 => Value::Fixed64(field.value),
                WireType::Fixed32 => Value::Fixed32(field.value as u32),
                WireType::Len => Value::Bytes(field.raw),
                WireType::StartGroup | WireType::EndGroup => continue,
            };
            return Some((field.number, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn fields_come_in_order_and_groups_are_passed_over() {
        // 1: 150, 2: "hi", a group 3 with a field in it, 4: eight bytes, 5: four.
        let bytes = [
            &[0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1B, 0x08, 1, 0x1C][..],
            &[0x21, 7, 0, 0, 0, 0, 0, 0, 0, 0x2D, 9, 0, 0, 0],
        ]
        .concat();
        let fields: Vec<_> = Fields::new(&bytes).collect();
        assert_eq!(
            fields,
            [
                (1, Value::Varint(150)),
                (2, Value::Bytes(b"hi")),
                (4, Value::Fixed64(7)),
                (5, Value::Fixed32(9)),
            ]
        );
        assert_eq!((fields[1].1.text(), fields[1].1.bits()), ("hi", 0));
        assert_eq!((fields[0].1.text(), fields[3].1.bits()), ("", 9));
        // Cut anywhere: an end, never a panic.
        for end in 0..bytes.len() {
            assert!(Fields::new(&bytes[..end]).count() <= 4);
        }
    }
}
