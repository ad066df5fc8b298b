//! Canonical text of a message: ProtoJSON as the protobuf specification maps it, written so that
//! one message has exactly one text, byte for byte the same in the relay, the CLI and the browser.
//!
//! Beyond the specification, which leaves room: object keys ascend by their UTF-8 bytes, there is
//! no white space, and what the schema does not know is kept under [`UNKNOWN_KEY`] instead of
//! being dropped: `[field number, wire type, base64 of the value]` in wire order (a group without
//! its end tag; a map entry that holds an unknown field stands there whole, and only there).
//!
//! Driven by the schema's tables, without generated types: the walk is the same for all messages.
//! It does not judge framing, compression or size: that is the decoder's part. What it keeps in
//! memory besides the text is a small multiple of the body, whatever the body is: `docs/decode.md`.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "over the types and layouts of protobuf, to which nothing is added"
)]

mod field;
mod json;
mod sort;
mod span;

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use dashstream_proto::schema::{self, FieldDesc, FieldType, MessageDesc};

pub(crate) use self::field::next_field;
use self::field::{Elements, Field, fits};
use self::sort::heap_sort;
use self::span::{Parts, Span};
use crate::error::Reject;
use crate::json::push_text;
use crate::reader::Reader;
use crate::scan;
use crate::wire::{NESTING_DEPTH_MAX, RejectCode};

/// Key of what the schema does not know. `@` cannot start a field's name.
pub const UNKNOWN_KEY: &str = "@unknown";

/// A floating point number as the canonical text has it, but `NaN` and `Infinity` without quotes.
#[must_use]
pub fn double(number: f64) -> String {
    let mut out = String::new();
    json::double(&mut out, number);
    out.trim_matches('"').to_string()
}

/// The canonical text of a protobuf body (a payload without frame byte and compression).
///
/// # Errors
/// Those of [`scan::scan`], on exactly the same bodies: also where the damage lies in a value that
/// a later one replaces, which the text would never show. `too_large` for a body over 4 GiB.
pub fn canonical_json(body: &[u8]) -> Result<String, Reject> {
    scan::scan(body, &mut ())?;
    styled_json(body, schema::DASH_STREAM_MESSAGE, &mut Canonical)
}

/// How values are written in a text that is for people. Keys, order and layout are the canonical ones.
pub trait Style {
    /// Writes the value of a field of type bytes in another way; false leaves it to be written as base64.
    fn bytes(&mut self, out: &mut String, field: &'static FieldDesc, bytes: &[u8]) -> bool;

    /// Is told of every integer field before it is written.
    fn integer(&mut self, out: &str, field: &'static FieldDesc, value: u64);

    /// Whether the text may go on growing.
    fn goes_on(&self, out: &str) -> bool;
}

/// Puts a text in quotes as canonical texts do.
pub fn quote(out: &mut String, text: &str) {
    push_text(out, text);
}

/// The canonical text itself.
struct Canonical;

impl Style for Canonical {
    fn bytes(&mut self, _: &mut String, _: &'static FieldDesc, _: &[u8]) -> bool {
        false
    }

    fn integer(&mut self, _: &str, _: &'static FieldDesc, _: u64) {}

    fn goes_on(&self, _: &str) -> bool {
        true
    }
}

/// The text of a message of the schema, such as an event inside a batch, with values as the style has them.
/// The bytes are part of a body that [`scan::scan`] accepted.
///
/// # Errors
/// `too_large` where the style ends the text, or for bytes over 4 GiB; those of damaged bytes.
pub fn styled_json(
    message: &[u8],
    desc: &'static MessageDesc,
    style: &mut dyn Style,
) -> Result<String, Reject> {
    let Some(whole) = Span::whole(message) else {
        return Err(Reject::new(RejectCode::TooLarge, 0, "body over 4 GiB"));
    };
    let mut out = String::with_capacity(message.len());
    let parts = Parts::One(whole);
    Message::read(message, desc, &parts, NESTING_DEPTH_MAX)?.write(&mut out, style)?;
    Ok(out)
}

/// A message as the sum of its occurrences: protobuf merges a repeated singular message as if
/// the bytes stood one after the other, so the parts are kept instead of copied together.
struct Message<'a, 'p> {
    /// All of what the text is made of; parts are ranges of it.
    body: &'a [u8],
    desc: &'static MessageDesc,
    parts: &'p Parts,
    /// One per field of the descriptor.
    slots: Vec<Slot<'a>>,
    has_unknown: bool,
    depth_left: u32,
}

/// What the bytes say about one field. Lists and merged messages are found again while writing:
/// kept, a list of small elements would be many times its own size.
enum Slot<'a> {
    Absent,
    Scalar(Field<'a>),
    /// A singular message: its first occurrence that counts, where it stands among all fields, and
    /// how many there are.
    Message {
        first: Span,
        from: usize,
        count: usize,
    },
    /// How often the field occurs.
    Repeated(usize),
}

/// A field where it stands: counted over all parts, and its bytes as a range of the body.
struct Found<'a> {
    ordinal: usize,
    field: Field<'a>,
    span: Span,
}

impl<'a, 'p> Message<'a, 'p> {
    fn read(
        body: &'a [u8],
        desc: &'static MessageDesc,
        parts: &'p Parts,
        depth_left: u32,
    ) -> Result<Self, Reject> {
        let mut message = Self {
            body,
            desc,
            parts,
            slots: Vec::new(),
            has_unknown: false,
            depth_left,
        };
        let mut slots: Vec<_> = desc.fields.iter().map(|_| Slot::Absent).collect();
        let mut has_unknown = false;
        message.each(|found| {
            if message.is_unknown(&found)? {
                has_unknown = true;
            } else {
                place(desc, &mut slots, &found);
            }
            Ok(())
        })?;
        message.slots = slots;
        message.has_unknown = has_unknown;
        Ok(message)
    }

    /// A map entry has no place of its own for a field it does not know: such an entry counts as
    /// unknown as a whole, as it does for the official runtime.
    fn is_unknown(&self, found: &Found<'a>) -> Result<bool, Reject> {
        match index_of(self.desc, &found.field).and_then(|index| self.desc.fields.get(index)) {
            None => Ok(true),
            Some(FieldDesc {
                ty: FieldType::Message(entry),
                ..
            }) if entry.map_entry => {
                let mut reader = Reader::new(found.field.raw);
                let depth = below(self.depth_left)?;
                while let Some(field) = next_field(&mut reader, depth)? {
                    if index_of(entry, &field).is_none() {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Some(_) => Ok(false),
        }
    }

    fn write(&self, out: &mut String, style: &mut dyn Style) -> Result<(), Reject> {
        // They are few: looking for the next one each time is far less code than sorting them.
        let fields = self.desc.fields.iter().zip(&self.slots);
        let mut latest = "";
        let in_order = core::iter::from_fn(|| {
            let later = fields.clone().filter(|(known, _)| known.json_name > latest);
            let next = later.min_by_key(|(known, _)| known.json_name)?;
            latest = next.0.json_name;
            Some(next)
        });
        out.push('{');
        let mut first = true;
        // '@' sorts before every letter.
        if self.has_unknown {
            json::key(out, &mut first, UNKNOWN_KEY);
            self.write_unknown(out)?;
        }
        for (known, slot) in in_order {
            match slot {
                Slot::Absent => {}
                Slot::Scalar(field) if known.oneof.is_none() && field.is_default(known.ty) => {}
                Slot::Scalar(field) => {
                    json::key(out, &mut first, known.json_name);
                    scalar(out, known, field, style)?;
                }
                Slot::Message { .. } => {
                    json::key(out, &mut first, known.json_name);
                    self.write_parts(out, known.ty, &self.parts_of(known, slot)?, style)?;
                }
                Slot::Repeated(count) => {
                    self.write_repeated(out, &mut first, known, *count, style)?;
                }
            }
        }
        out.push('}');
        Ok(())
    }

    /// Where the occurrences of a singular message stand.
    fn parts_of(&self, known: &FieldDesc, slot: &Slot<'a>) -> Result<Parts, Reject> {
        let &Slot::Message { first, from, count } = slot else {
            return Ok(Parts::Many(Vec::new()));
        };
        if count == 1 {
            return Ok(Parts::One(first));
        }
        let mut spans = Vec::with_capacity(count);
        self.each(|found| {
            let this = found.field.number == known.number && fits(known, found.field.wire);
            if this && found.ordinal >= from && !found.span.is_empty() {
                spans.push(found.span);
            }
            Ok(())
        })?;
        Ok(Parts::Many(spans))
    }

    fn write_parts(
        &self,
        out: &mut String,
        ty: FieldType,
        parts: &Parts,
        style: &mut dyn Style,
    ) -> Result<(), Reject> {
        match ty {
            FieldType::Message(inner) => {
                let depth = below(self.depth_left)?;
                Message::read(self.body, inner, parts, depth)?.write(out, style)
            }
            _ => Ok(()),
        }
    }

    fn write_repeated(
        &self,
        out: &mut String,
        first: &mut bool,
        known: &'static FieldDesc,
        count: usize,
        style: &mut dyn Style,
    ) -> Result<(), Reject> {
        if let FieldType::Message(entry) = known.ty
            && entry.map_entry
        {
            json::key(out, first, known.json_name);
            return self.write_map(out, known, entry, count, style);
        }
        // A packed list may be there and hold nothing, which is the default.
        let mut opened = false;
        self.each(|found| {
            if found.field.number != known.number || !fits(known, found.field.wire) {
                return Ok(());
            }
            for element in Elements::new(known, found.field) {
                if !opened {
                    json::key(out, first, known.json_name);
                }
                out.push(if opened { ',' } else { '[' });
                opened = true;
                let element = element?;
                match known.ty {
                    FieldType::Message(_) => {
                        self.write_parts(out, known.ty, &Parts::One(found.span), style)?;
                    }
                    _ => scalar(out, known, &element, style)?,
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
        known: &'static FieldDesc,
        entry: &'static MessageDesc,
        count: usize,
        style: &mut dyn Style,
    ) -> Result<(), Reject> {
        let (Some(key_desc), Some(value_desc)) = (entry.field(1), entry.field(2)) else {
            return Ok(());
        };
        let depth = below(self.depth_left)?;
        let mut entries = Vec::with_capacity(count);
        self.each(|found| {
            if found.field.number == known.number && !self.is_unknown(&found)? {
                entries.push(found.span);
            }
            Ok(())
        })?;
        let key = |span: &Span| map_key(key_desc, span.of(self.body), depth);
        // Where an entry stands decides between equal keys: the last one wins.
        let order = |a: &Span, b: &Span| key(a).cmp(&key(b)).then(a.start().cmp(&b.start()));
        heap_sort(&mut entries, |a, b| order(a, b).is_lt());
        out.push('{');
        let mut first = true;
        let mut entries = entries.iter().peekable();
        while let Some(span) = entries.next() {
            let this_key = key(span);
            // The last entry of a key wins.
            if entries.peek().is_some_and(|next| key(next) == this_key) {
                continue;
            }
            json::key(out, &mut first, &this_key);
            let parts = Parts::One(*span);
            let read = Message::read(self.body, entry, &parts, depth)?;
            match (read.slots.get(1), value_desc.ty) {
                (Some(Slot::Scalar(field)), _) => scalar(out, value_desc, field, style)?,
                (Some(slot @ Slot::Message { .. }), ty) => {
                    read.write_parts(out, ty, &read.parts_of(value_desc, slot)?, style)?;
                }
                (_, FieldType::Message(_)) => out.push_str("{}"),
                (_, ty) => Field::DEFAULT.write(out, ty),
            }
        }
        out.push('}');
        Ok(())
    }

    fn write_unknown(&self, out: &mut String) -> Result<(), Reject> {
        let mut separator = '[';
        self.each(|found| {
            if self.is_unknown(&found)? {
                out.push(separator);
                separator = ',';
                found.field.write_unknown(out);
            }
            Ok(())
        })?;
        out.push(']');
        Ok(())
    }

    fn each(&self, mut visit: impl FnMut(Found<'a>) -> Result<(), Reject>) -> Result<(), Reject> {
        let mut ordinal = 0;
        for part in self.parts.spans() {
            let mut reader = Reader::new(part.of(self.body));
            while let Some(field) = next_field(&mut reader, self.depth_left)? {
                // Of a length-delimited field the value is what was read last.
                let span = part.inner(reader.at(), field.raw.len());
                visit(Found {
                    ordinal,
                    field,
                    span,
                })?;
                ordinal += 1;
            }
        }
        Ok(())
    }
}

/// A value that is no message, as the style has it.
fn scalar(
    out: &mut String,
    known: &'static FieldDesc,
    field: &Field<'_>,
    style: &mut dyn Style,
) -> Result<(), Reject> {
    if !style.goes_on(out) {
        let what = "the text is longer than is shown";
        return Err(Reject::new(RejectCode::TooLarge, 0, what));
    }
    match known.ty {
        FieldType::Bytes if style.bytes(out, known, field.raw) => return Ok(()),
        FieldType::Int64 | FieldType::Uint64 => style.integer(out, known, field.value),
        _ => {}
    }
    field.write(out, known.ty);
    Ok(())
}

/// Notes a field in the slot of its description, if it has one.
fn place<'a>(desc: &MessageDesc, slots: &mut [Slot<'a>], found: &Found<'a>) {
    let Some(index) = index_of(desc, &found.field) else {
        return;
    };
    let known = desc.fields.get(index);
    if let Some(oneof) = known.and_then(|known| known.oneof) {
        for (other, slot) in slots.iter_mut().enumerate() {
            let same = desc.fields.get(other).and_then(|f| f.oneof) == Some(oneof);
            if same && other != index {
                *slot = Slot::Absent;
            }
        }
    }
    let (Some(known), Some(slot)) = (known, slots.get_mut(index)) else {
        return;
    };
    match (known.repeated, known.ty, slot) {
        (true, _, Slot::Repeated(count)) => *count += 1,
        (true, _, slot) => *slot = Slot::Repeated(1),
        // An occurrence without content adds nothing to the ones before it.
        (false, FieldType::Message(_), Slot::Message { count, .. }) => {
            *count += usize::from(!found.span.is_empty());
        }
        (false, FieldType::Message(_), slot) => {
            *slot = Slot::Message {
                first: found.span,
                from: found.ordinal,
                count: 1,
            };
        }
        (false, _, slot) => *slot = Slot::Scalar(found.field),
    }
}

/// The key of a map entry as it stands in the text; the last one counts.
fn map_key<'a>(key_desc: &FieldDesc, entry: &'a [u8], depth_left: u32) -> Cow<'a, str> {
    let mut key = Field::DEFAULT;
    let mut reader = Reader::new(entry);
    while let Ok(Some(field)) = next_field(&mut reader, depth_left) {
        if field.number == key_desc.number && fits(key_desc, field.wire) {
            key = field;
        }
    }
    if matches!(key_desc.ty, FieldType::String) {
        return core::str::from_utf8(key.raw).map_or(Cow::Borrowed(""), Cow::Borrowed);
    }
    let mut text = String::new();
    key.write(&mut text, key_desc.ty);
    Cow::Owned(text.trim_matches('"').to_string())
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
