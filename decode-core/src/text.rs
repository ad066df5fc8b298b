//! Canonical text of a message: ProtoJSON as the protobuf specification maps it, written so that
//! one message has exactly one text, byte for byte the same in the relay, the CLI and the browser.
//!
//! Beyond the specification, which leaves room: object keys ascend by their UTF-8 bytes, there is
//! no white space, and what the schema does not know is kept under [`UNKNOWN_KEY`] instead of
//! being dropped: `[field number, wire type, base64 of the value]` in wire order (a group without
//! its end tag; a map entry that holds an unknown field stands there whole).
//!
//! Driven by the schema's tables, without generated types: the walk is the same for all messages.
//! It does not judge framing, compression or size: that is the decoder's part.

mod field;
mod json;

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use dashstream_proto::schema::{self, FieldDesc, FieldType, MessageDesc};

use self::field::{Elements, Field, fits, next_field};
use crate::error::Reject;
use crate::reader::Reader;
use crate::scan;
use crate::wire::{NESTING_DEPTH_MAX, RejectCode};

/// Key of what the schema does not know. `@` cannot start a field's name.
pub const UNKNOWN_KEY: &str = "@unknown";

/// The canonical text of a protobuf body (a payload without frame byte and compression).
///
/// # Errors
/// Those of [`scan::scan`], on exactly the same bodies: also where the damage lies in a value that
/// a later one replaces, which the text would never show.
pub fn canonical_json(body: &[u8]) -> Result<String, Reject> {
    scan::scan(body, &mut ())?;
    let mut out = String::with_capacity(body.len());
    Message::read(schema::DASH_STREAM_MESSAGE, vec![body], NESTING_DEPTH_MAX)?.write(&mut out)?;
    Ok(out)
}

/// A message as the sum of its occurrences: protobuf merges a repeated singular message as if
/// the bytes stood one after the other, so the parts are kept instead of copied together.
struct Message<'a> {
    desc: &'static MessageDesc,
    parts: Vec<&'a [u8]>,
    /// One per field of the descriptor.
    slots: Vec<Slot<'a>>,
    has_unknown: bool,
    depth_left: u32,
}

/// What the bytes say about one field.
enum Slot<'a> {
    Absent,
    Scalar(Field<'a>),
    Parts(Vec<&'a [u8]>),
    /// Read again while writing: a list of small elements would be many times its own size.
    Repeated,
}

impl<'a> Message<'a> {
    fn read(
        desc: &'static MessageDesc,
        parts: Vec<&'a [u8]>,
        depth_left: u32,
    ) -> Result<Self, Reject> {
        let slots = desc.fields.iter().map(|_| Slot::Absent).collect();
        let mut message = Self {
            desc,
            parts: Vec::new(),
            slots,
            has_unknown: false,
            depth_left,
        };
        for part in &parts {
            let mut reader = Reader::new(part);
            while let Some(field) = next_field(&mut reader, depth_left)? {
                message.place(field)?;
            }
        }
        message.parts = parts;
        Ok(message)
    }

    fn place(&mut self, field: Field<'a>) -> Result<(), Reject> {
        if self.is_unknown(&field)? {
            self.has_unknown = true;
        }
        let Some(index) = index_of(self.desc, &field) else {
            return Ok(());
        };
        let known = self.desc.fields.get(index);
        if let Some(oneof) = known.and_then(|known| known.oneof) {
            for (other, slot) in self.slots.iter_mut().enumerate() {
                let same = self.desc.fields.get(other).and_then(|f| f.oneof) == Some(oneof);
                if same && other != index {
                    *slot = Slot::Absent;
                }
            }
        }
        let (Some(known), Some(slot)) = (known, self.slots.get_mut(index)) else {
            return Ok(());
        };
        match (known.repeated, known.ty, slot) {
            (true, _, slot) => *slot = Slot::Repeated,
            (false, FieldType::Message(_), Slot::Parts(parts)) => parts.push(field.raw),
            (false, FieldType::Message(_), slot) => *slot = Slot::Parts(vec![field.raw]),
            (false, _, slot) => *slot = Slot::Scalar(field),
        }
        Ok(())
    }

    /// A map entry has no place of its own for a field it does not know.
    fn is_unknown(&self, field: &Field<'a>) -> Result<bool, Reject> {
        match index_of(self.desc, field).and_then(|index| self.desc.fields.get(index)) {
            None => Ok(true),
            Some(FieldDesc {
                ty: FieldType::Message(entry),
                ..
            }) if entry.map_entry => {
                let depth = below(self.depth_left)?;
                Ok(Message::read(entry, vec![field.raw], depth)?.has_unknown)
            }
            Some(_) => Ok(false),
        }
    }

    fn write(&self, out: &mut String) -> Result<(), Reject> {
        let mut fields: Vec<_> = self.desc.fields.iter().zip(&self.slots).collect();
        fields.sort_unstable_by_key(|(known, _)| known.json_name);
        out.push('{');
        let mut first = true;
        // '@' sorts before every letter.
        if self.has_unknown {
            json::key(out, &mut first, UNKNOWN_KEY);
            self.write_unknown(out)?;
        }
        for (known, slot) in fields {
            match slot {
                Slot::Absent => {}
                Slot::Scalar(field) if known.oneof.is_none() && field.is_default(known.ty) => {}
                Slot::Scalar(field) => {
                    json::key(out, &mut first, known.json_name);
                    field.write(out, known.ty);
                }
                Slot::Parts(parts) => {
                    json::key(out, &mut first, known.json_name);
                    self.write_parts(out, known.ty, parts.clone())?;
                }
                Slot::Repeated => self.write_repeated(out, &mut first, known)?,
            }
        }
        out.push('}');
        Ok(())
    }

    fn write_parts(
        &self,
        out: &mut String,
        ty: FieldType,
        parts: Vec<&'a [u8]>,
    ) -> Result<(), Reject> {
        match ty {
            FieldType::Message(inner) => {
                Message::read(inner, parts, below(self.depth_left)?)?.write(out)
            }
            _ => Ok(()),
        }
    }

    fn write_repeated(
        &self,
        out: &mut String,
        first: &mut bool,
        known: &'static FieldDesc,
    ) -> Result<(), Reject> {
        if let FieldType::Message(entry) = known.ty
            && entry.map_entry
        {
            json::key(out, first, known.json_name);
            return self.write_map(out, known.number, entry);
        }
        // A packed list may be there and hold nothing, which is the default.
        let mut opened = false;
        self.each(|field| {
            if field.number != known.number || !fits(known, field.wire) {
                return Ok(());
            }
            for element in Elements::new(known, field) {
                if !opened {
                    json::key(out, first, known.json_name);
                }
                out.push(if opened { ',' } else { '[' });
                opened = true;
                let element = element?;
                match known.ty {
                    FieldType::Message(_) => self.write_parts(out, known.ty, vec![element.raw])?,
                    ty => element.write(out, ty),
                }
            }
            Ok(())
        })?;
        if opened {
            out.push(']');
        }
        Ok(())
    }

    fn write_map(
        &self,
        out: &mut String,
        number: u32,
        entry: &'static MessageDesc,
    ) -> Result<(), Reject> {
        let (Some(key_desc), Some(value_desc)) = (entry.field(1), entry.field(2)) else {
            return Ok(());
        };
        let depth = below(self.depth_left)?;
        let mut entries: BTreeMap<Cow<'a, str>, &'a [u8]> = BTreeMap::new();
        self.each(|field| {
            if field.number == number && index_of(self.desc, &field).is_some() {
                let read = Message::read(entry, vec![field.raw], depth)?;
                entries.insert(read.map_key(key_desc), field.raw);
            }
            Ok(())
        })?;
        out.push('{');
        let mut first = true;
        for (key, raw) in entries {
            json::key(out, &mut first, &key);
            let read = Message::read(entry, vec![raw], depth)?;
            match (read.slots.get(1), value_desc.ty) {
                (Some(Slot::Scalar(field)), ty) => field.write(out, ty),
                (Some(Slot::Parts(parts)), ty) => read.write_parts(out, ty, parts.clone())?,
                (_, FieldType::Message(_)) => out.push_str("{}"),
                (_, ty) => Field::DEFAULT.write(out, ty),
            }
        }
        out.push('}');
        Ok(())
    }

    fn map_key(&self, key_desc: &FieldDesc) -> Cow<'a, str> {
        let field = match self.slots.first() {
            Some(Slot::Scalar(field)) => *field,
            _ => Field::DEFAULT,
        };
        if matches!(key_desc.ty, FieldType::String) {
            return core::str::from_utf8(field.raw).map_or(Cow::Borrowed(""), Cow::Borrowed);
        }
        let mut text = String::new();
        field.write(&mut text, key_desc.ty);
        Cow::Owned(text.trim_matches('"').to_string())
    }

    fn write_unknown(&self, out: &mut String) -> Result<(), Reject> {
        let mut separator = '[';
        self.each(|field| {
            if self.is_unknown(&field)? {
                out.push(separator);
                separator = ',';
                field.write_unknown(out);
            }
            Ok(())
        })?;
        out.push(']');
        Ok(())
    }

    fn each(&self, mut visit: impl FnMut(Field<'a>) -> Result<(), Reject>) -> Result<(), Reject> {
        for part in &self.parts {
            let mut reader = Reader::new(part);
            while let Some(field) = next_field(&mut reader, self.depth_left)? {
                visit(field)?;
            }
        }
        Ok(())
    }
}

/// Where the descriptor has the field, if its number is known and its layout is one that the
/// type can have.
fn index_of(desc: &MessageDesc, field: &Field<'_>) -> Option<usize> {
    let slot = *desc.by_number.get(usize::try_from(field.number).ok()?)?;
    let index = usize::from(slot).checked_sub(1)?;
    desc.fields
        .get(index)
        .filter(|known| fits(known, field.wire))
        .map(|_| index)
}

fn below(depth_left: u32) -> Result<u32, Reject> {
    depth_left.checked_sub(1).ok_or(TOO_DEEP)
}

const TOO_DEEP: Reject = Reject::new(RejectCode::TooDeep, 0, "messages nested too deep");
