//! One field of a message as it stands in the bytes, and the text of its value.

use alloc::string::String;
use core::fmt::Write as _;

use dashstream_proto::schema::{FieldDesc, FieldType};

use super::{TOO_DEEP, json};
use crate::error::Reject;
use crate::json::push_text;
use crate::reader::{Reader, WireType};

/// A field as found, known to the schema or not.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) wire: WireType,
    /// Varint and fixed layouts: the bits.
    pub(crate) value: u64,
    /// The value's bytes: without length and, for a group, without the end tag.
    pub(crate) raw: &'a [u8],
}

/// The next field, or nothing at the end of the message.
pub(crate) fn next_field<'a>(
    reader: &mut Reader<'a>,
    depth_left: u32,
) -> Result<Option<Field<'a>>, Reject> {
    if reader.is_empty() {
        return Ok(None);
    }
    let at = reader.at();
    let (number, wire) = reader.tag()?;
    let start = reader.at();
    let (value, raw) = match wire {
        WireType::Varint => (reader.varint()?, reader.since(start)),
        WireType::Fixed64 => little_endian(reader.take(8)?),
        WireType::Fixed32 => little_endian(reader.take(4)?),
        WireType::Len => (0, reader.len_delimited()?),
        WireType::StartGroup => (0, group(reader, number, depth_left)?),
        WireType::EndGroup => return Err(Reject::protobuf(at, "end of a group never begun")),
    };
    Ok(Some(Field {
        number,
        wire,
        value,
        raw,
    }))
}

fn little_endian(raw: &[u8]) -> (u64, &[u8]) {
    (
        raw.iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        raw,
    )
}

/// The bytes of a group up to its end tag. Groups are never known here, but have to be skipped.
fn group<'a>(reader: &mut Reader<'a>, number: u32, depth_left: u32) -> Result<&'a [u8], Reject> {
    let depth_left = depth_left
        .checked_sub(1)
        .ok_or_else(|| TOO_DEEP.shifted(reader.at()))?;
    let start = reader.at();
    loop {
        if reader.is_empty() {
            return Err(Reject::protobuf(reader.at(), "group without end"));
        }
        let mut ahead = *reader;
        let at = ahead.at();
        if let (ended, WireType::EndGroup) = ahead.tag()? {
            if ended != number {
                return Err(Reject::protobuf(at, "end of another group"));
            }
            let body = reader.since(start);
            *reader = ahead;
            return Ok(body);
        }
        next_field(reader, depth_left)?;
    }
}

/// Whether a field of this description may have that layout. A list of numbers may be packed or
/// not, whatever the schema says.
pub(super) fn fits(known: &FieldDesc, wire: WireType) -> bool {
    let single = layout(known.ty);
    wire == single || (known.repeated && single != WireType::Len && wire == WireType::Len)
}

fn layout(ty: FieldType) -> WireType {
    match ty {
        FieldType::Double | FieldType::Fixed64 | FieldType::Sfixed64 => WireType::Fixed64,
        FieldType::Float | FieldType::Fixed32 | FieldType::Sfixed32 => WireType::Fixed32,
        FieldType::String | FieldType::Bytes | FieldType::Message(_) => WireType::Len,
        FieldType::Bool
        | FieldType::Enum(_)
        | FieldType::Int32
        | FieldType::Int64
        | FieldType::Uint32
        | FieldType::Uint64
        | FieldType::Sint32
        | FieldType::Sint64 => WireType::Varint,
    }
}

/// The elements one occurrence of a list field holds: one, or those of a packed run.
pub(super) struct Elements<'a> {
    single: Option<Field<'a>>,
    packed: Reader<'a>,
    layout: WireType,
}

impl<'a> Elements<'a> {
    pub(super) fn new(known: &FieldDesc, field: Field<'a>) -> Self {
        let layout = layout(known.ty);
        if field.wire == layout {
            return Self {
                single: Some(field),
                packed: Reader::new(&[]),
                layout,
            };
        }
        Self {
            single: None,
            packed: Reader::new(field.raw),
            layout,
        }
    }

    fn element(&mut self) -> Result<Field<'a>, Reject> {
        let (value, raw) = match self.layout {
            WireType::Fixed64 => little_endian(self.packed.take(8)?),
            WireType::Fixed32 => little_endian(self.packed.take(4)?),
            _ => (self.packed.varint()?, Default::default()),
        };
        Ok(Field {
            number: 0,
            wire: self.layout,
            value,
            raw,
        })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Field<'a>, Reject>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(field) = self.single.take() {
            return Some(Ok(field));
        }
        if self.packed.is_empty() {
            return None;
        }
        let element = self.element();
        if element.is_err() {
            self.packed = Reader::new(&[]);
        }
        Some(element)
    }
}

impl Field<'_> {
    /// What a value that is not there reads as, in every type.
    pub(super) const DEFAULT: Self = Field {
        number: 0,
        wire: WireType::Len,
        value: 0,
        raw: &[],
    };

    pub(super) fn is_default(&self, ty: FieldType) -> bool {
        match ty {
            FieldType::String | FieldType::Bytes => self.raw.is_empty(),
            FieldType::Message(_) => false,
            FieldType::Int32 | FieldType::Uint32 | FieldType::Sint32 | FieldType::Enum(_) => {
                self.low() == 0
            }
            _ => self.value == 0,
        }
    }

    /// Integers of 32 bits are the low half of what was written.
    fn low(&self) -> u32 {
        self.value as u32
    }

    pub(super) fn write(&self, out: &mut String, ty: FieldType) {
        match ty {
            FieldType::Double => json::double(out, f64::from_bits(self.value)),
            FieldType::Float => json::float(out, f32::from_bits(self.low())),
            FieldType::Int64 | FieldType::Sfixed64 => json::quoted(out, self.value.cast_signed()),
            FieldType::Uint64 | FieldType::Fixed64 => json::quoted(out, self.value),
            FieldType::Sint64 => {
                json::quoted(out, (self.value >> 1) as i64 ^ -((self.value & 1) as i64));
            }
            FieldType::Int32 | FieldType::Sfixed32 => json::plain(out, self.low().cast_signed()),
            FieldType::Uint32 | FieldType::Fixed32 => json::plain(out, self.low()),
            FieldType::Sint32 => {
                json::plain(out, (self.low() >> 1) as i32 ^ -((self.low() & 1) as i32));
            }
            FieldType::Bool => out.push_str(if self.value == 0 { "false" } else { "true" }),
            FieldType::Enum(values) => {
                let number = self.low().cast_signed();
                match values.name_of(number) {
                    Some(name) => push_text(out, name),
                    None => json::plain(out, number),
                }
            }
            // The check before the walk refuses anything that is not UTF-8.
            FieldType::String => push_text(out, core::str::from_utf8(self.raw).unwrap_or_default()),
            FieldType::Bytes => json::base64(out, self.raw),
            FieldType::Message(_) => {}
        }
    }

    pub(super) fn write_unknown(&self, out: &mut String) {
        // Writing into a String cannot fail.
        let _ = write!(out, "[{},{},", self.number, self.wire as u8);
        json::base64(out, self.raw);
        out.push(']');
    }
}
