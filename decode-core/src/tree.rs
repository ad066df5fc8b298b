//! The fields of a protobuf body that was refused, up to where it fails: for people who look for
//! what a producer did. It judges nothing; where the failure is, the refusal says.
//!
//! Only the way to the failure is opened: a message that ends before it is one field among others.
//! So the output is no larger than the input and the walk needs no recursion. [`zstd`] does the
//! same for a compressed body that cannot be decompressed.

pub mod zstd;

use alloc::vec::Vec;

use dashstream_proto::schema::{self, FieldDesc, FieldType, MessageDesc};

use crate::error::Reject;
use crate::reader::{Reader, WireType};
use crate::wire::NESTING_DEPTH_MAX;

/// One field on the way.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// Messages and groups around it, the envelope not counted.
    pub depth: u32,
    /// Where its tag is, in the body.
    pub at: usize,
    /// Field number.
    pub number: u32,
    /// What the schema says about it, if anything.
    pub known: Option<&'static FieldDesc>,
    /// What is there.
    pub value: Value<'a>,
}

/// A field's value as its tag says it is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A base-128 integer.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Four bytes.
    Fixed32(u32),
    /// A length and what is there of so many bytes.
    Len {
        /// The length in front.
        announced: usize,
        /// What follows, at most that much.
        bytes: &'a [u8],
    },
    /// A group, in no message of the schema.
    Group,
    /// The body ends, or the number does not, before there is a value.
    Cut,
}

/// Visits the fields of `body` in order, down to the failure at byte `failure_at`.
pub fn walk<'a>(body: &'a [u8], failure_at: usize, visit: &mut dyn FnMut(Field<'a>)) {
    let mut level = Level::new(body, 0, Some(schema::DASH_STREAM_MESSAGE), 0);
    let mut target = failure_at;
    while let Some(field) = level.field() {
        visit(field);
        if field.at == target || field.value == Value::Cut {
            return;
        }
        let inside = level.inside(&field);
        if field.is_cut() {
            // Its length is the failure; what is there of it says more.
            target = usize::MAX;
        } else if inside
            .as_ref()
            .map_or_else(|| level.at() <= target, |inner| inner.is_done(target))
        {
            continue;
        }
        match inside {
            Some(inner) => level = inner,
            None => return,
        }
    }
}

impl Field<'_> {
    fn is_cut(&self) -> bool {
        matches!(self.value, Value::Len { announced, bytes } if announced > bytes.len())
    }
}

/// A message or group whose fields are being visited.
#[derive(Clone)]
struct Level<'a> {
    bytes: &'a [u8],
    reader: Reader<'a>,
    /// Where the bytes start, in the body.
    base: usize,
    /// Unknown below a field that the schema does not have.
    desc: Option<&'static MessageDesc>,
    depth: u32,
    /// Of a group without an end.
    is_open: bool,
}

impl<'a> Level<'a> {
    const fn new(
        bytes: &'a [u8],
        base: usize,
        desc: Option<&'static MessageDesc>,
        depth: u32,
    ) -> Self {
        Self {
            bytes,
            reader: Reader::new(bytes),
            base,
            desc,
            depth,
            is_open: false,
        }
    }

    /// The next field, moved over; nothing at the end, or where no tag can be read.
    fn field(&mut self) -> Option<Field<'a>> {
        if self.reader.is_empty() {
            return None;
        }
        let at = self.at();
        let (number, wire) = self.reader.tag().ok()?;
        let value = match wire {
            WireType::EndGroup => return None,
            WireType::StartGroup => Some(Value::Group),
            WireType::Varint => self.reader.varint().ok().map(Value::Varint),
            WireType::Fixed64 => self.fixed().map(|b| Value::Fixed64(u64::from_le_bytes(b))),
            WireType::Fixed32 => self.fixed().map(|b| Value::Fixed32(u32::from_le_bytes(b))),
            WireType::Len => self.len(),
        };
        Some(Field {
            depth: self.depth,
            at,
            number,
            known: self.desc.and_then(|desc| desc.field(number)),
            value: value.unwrap_or(Value::Cut),
        })
    }

    /// Where the next field is, in the body.
    const fn at(&self) -> usize {
        self.base + self.reader.at()
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.reader.take(N).ok()?.try_into().ok()
    }

    fn len(&mut self) -> Option<Value<'a>> {
        let announced = usize::try_from(self.reader.varint().ok()?).ok()?;
        let there = announced.min(self.bytes.len() - self.reader.at());
        let bytes = self.reader.take(there).ok()?;
        Some(Value::Len { announced, bytes })
    }

    /// The fields inside a field that was just read, if it has fields and is not too deep. Of a
    /// group this moves over the rest.
    fn inside(&mut self, field: &Field<'a>) -> Option<Self> {
        let depth = self.depth + 1;
        if depth > NESTING_DEPTH_MAX {
            return None;
        }
        match (field.value, field.known.map(|known| known.ty)) {
            (Value::Len { bytes, .. }, Some(FieldType::Message(desc))) => {
                Some(Self::new(bytes, self.at() - bytes.len(), Some(desc), depth))
            }
            (Value::Group, _) => {
                let start = self.reader.at();
                let is_open = self.pass_group(field.number).is_err();
                let end = if is_open {
                    self.bytes.len()
                } else {
                    self.reader.at()
                };
                let bytes = self.bytes.get(start..end).unwrap_or_default();
                Some(Self {
                    is_open,
                    ..Self::new(bytes, self.base + start, None, depth)
                })
            }
            _ => None,
        }
    }

    /// Whether everything in it is before the failure.
    fn is_done(&self, failure_at: usize) -> bool {
        let end = self.base + self.bytes.len();
        // What is missing at the very end fails there too, as what follows would.
        !self.is_open && (end < failure_at || end == failure_at && self.is_whole())
    }

    /// Whether no field breaks off at the end of it.
    fn is_whole(&self) -> bool {
        let mut level = self.clone();
        let mut last = None;
        loop {
            match level.field() {
                Some(field) if field.value == Value::Cut || field.is_cut() => return false,
                Some(field) => last = level.inside(&field),
                None if level.is_open || !level.reader.is_empty() => return false,
                None => match last.take() {
                    Some(inner) => level = inner,
                    None => return true,
                },
            }
        }
    }

    /// Moves over the rest of a group.
    fn pass_group(&mut self, number: u32) -> Result<(), Reject> {
        let mut open: Vec<u32> = Vec::new();
        open.push(number);
        while let Some(innermost) = open.last().copied() {
            let at = self.reader.at();
            let (number, wire) = self.reader.tag()?;
            match wire {
                WireType::Varint => drop(self.reader.varint()?),
                WireType::Fixed64 => drop(self.reader.take(8)?),
                WireType::Fixed32 => drop(self.reader.take(4)?),
                WireType::Len => drop(self.reader.len_delimited()?),
                WireType::EndGroup if number == innermost => drop(open.pop()),
                WireType::StartGroup if open.len() < NESTING_DEPTH_MAX as usize => {
                    open.push(number);
                }
                WireType::StartGroup | WireType::EndGroup => {
                    return Err(Reject::protobuf(at, "group ends under another number"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
