//! Messages of every kind by the schema's tables, with whatever else the wire allows mixed in:
//! unknown fields, groups, padding, wrong layouts, repeated singular fields, lengths that lie.

use dashstream_proto::schema::{self, FieldDesc, FieldType, MessageDesc};

use decode_core::wire::INNER_EVENTS_MAX;

use crate::random::Random;

/// A body: a message, or several that protobuf merges.
#[must_use]
pub fn body(random: &mut Random) -> Vec<u8> {
    if random.one_in(500) {
        return many_events(random);
    }
    let mut out = Vec::new();
    let odd = if random.one_in(2) { 0 } else { 20 };
    for _ in 0..=random.below(6) / 5 {
        message(random, &mut out, schema::DASH_STREAM_MESSAGE, 5, odd);
    }
    out
}

/// A batch of about as many events as there may be, each of a few bytes: the most that can follow
/// from the least.
#[must_use]
pub fn many_events(random: &mut Random) -> Vec<u8> {
    let count = INNER_EVENTS_MAX as usize + random.below(5) - 2;
    let event = random.pick(&FEW_BYTES);
    let events = [&[0x12, event.len() as u8], *event].concat().repeat(count);
    let mut out = Vec::with_capacity(events.len() + 8);
    len_field(random, &mut out, 8, &events, 0);
    // Whole, cut, or replaced by another member.
    match random.below(4) {
        0 => out.truncate(out.len() - random.below(8)),
        1 => out.extend([0x0A, 0x00]),
        _ => {}
    }
    out
}

/// A payload with frame byte: mostly plain, as compression has a maker of its own.
#[must_use]
pub fn payload(random: &mut Random) -> Vec<u8> {
    if random.one_in(500) {
        let body = many_events(random);
        return [&[1], &super::zstd::compressed(random, &body)[..]].concat();
    }
    let body = body(random);
    match random.below(8) {
        0 => body,
        1 => [&[1], &super::zstd::frames(random)[..]].concat(),
        2 => [&[random.byte()], &body[..]].concat(),
        _ => [&[0], &body[..]].concat(),
    }
}

/// `odd`: one field in so many is not what the schema says; 0 for none.
fn message(random: &mut Random, out: &mut Vec<u8>, desc: &MessageDesc, depth: u32, odd: usize) {
    let envelope = desc.full_name == schema::DASH_STREAM_MESSAGE.full_name;
    let fields = if envelope { 1 } else { random.below(7) };
    for _ in 0..fields {
        if odd > 0 && random.one_in(odd) {
            oddity(random, out, depth);
            continue;
        }
        let field = random.pick(desc.fields);
        if depth == 0 && matches!(field.ty, FieldType::Message(_)) {
            continue;
        }
        known(random, out, field, depth, odd);
    }
}

fn known(random: &mut Random, out: &mut Vec<u8>, field: &FieldDesc, depth: u32, odd: usize) {
    let times = if field.repeated { random.below(4) } else { 1 };
    let scalar = !matches!(
        field.ty,
        FieldType::Message(_) | FieldType::String | FieldType::Bytes
    );
    if field.repeated && scalar && random.one_in(2) {
        let mut packed = Vec::new();
        (0..times).for_each(|_| value(random, &mut packed, field.ty));
        len_field(random, out, field.number, &packed, odd);
        return;
    }
    for _ in 0..times {
        match field.ty {
            FieldType::Message(inner) => {
                let mut bytes = Vec::new();
                message(random, &mut bytes, inner, depth.saturating_sub(1), odd);
                len_field(random, out, field.number, &bytes, odd);
            }
            FieldType::String => {
                let text = random.pick(&TEXTS).as_bytes().to_vec();
                let bytes = if odd > 0 && random.one_in(odd * 3) {
                    random.pick(&NOT_UTF8).to_vec()
                } else {
                    text
                };
                len_field(random, out, field.number, &bytes, odd);
            }
            FieldType::Bytes => {
                let bytes = random.bytes(random.clone().below(9));
                len_field(random, out, field.number, &bytes, odd);
            }
            ty @ (FieldType::Double
            | FieldType::Float
            | FieldType::Int64
            | FieldType::Uint64
            | FieldType::Int32
            | FieldType::Fixed64
            | FieldType::Fixed32
            | FieldType::Bool
            | FieldType::Uint32
            | FieldType::Sfixed32
            | FieldType::Sfixed64
            | FieldType::Sint32
            | FieldType::Sint64
            | FieldType::Enum(_)) => {
                let layout = if odd > 0 && random.one_in(odd * 3) {
                    random.below(8) as u32
                } else {
                    layout(ty)
                };
                varint(out, u64::from(field.number << 3 | layout));
                value(random, out, ty);
            }
        }
    }
}

fn value(random: &mut Random, out: &mut Vec<u8>, ty: FieldType) {
    match layout(ty) {
        1 => out.extend(random.bits().to_le_bytes()),
        5 => out.extend((random.bits() as u32).to_le_bytes()),
        _ => {
            let bits = random.bits();
            let number = match random.below(6) {
                0 => 0,
                1 => bits,
                2 => *random.pick(&[u64::MAX, i64::MAX as u64, 1 << 63, 1 << 32, u32::MAX.into()]),
                _ => bits % 100,
            };
            varint(out, number);
            if random.one_in(40) {
                pad(out);
            }
        }
    }
}

const fn layout(ty: FieldType) -> u32 {
    match ty {
        FieldType::Double | FieldType::Fixed64 | FieldType::Sfixed64 => 1,
        FieldType::Float | FieldType::Fixed32 | FieldType::Sfixed32 => 5,
        FieldType::Message(_) | FieldType::String | FieldType::Bytes => 2,
        FieldType::Int64
        | FieldType::Uint64
        | FieldType::Int32
        | FieldType::Bool
        | FieldType::Uint32
        | FieldType::Sint32
        | FieldType::Sint64
        | FieldType::Enum(_) => 0,
    }
}

fn len_field(random: &mut Random, out: &mut Vec<u8>, number: u32, bytes: &[u8], odd: usize) {
    varint(out, u64::from(number << 3 | 2));
    let mut len = bytes.len() as u64;
    if odd > 0 && random.one_in(odd * 8) {
        len = *random.pick(&[0, len + 1, len.wrapping_sub(1), u64::MAX, u32::MAX.into()]);
    }
    varint(out, len);
    out.extend(bytes);
}

/// Something the schema does not know, valid or not.
fn oddity(random: &mut Random, out: &mut Vec<u8>, depth: u32) {
    let number = *random.pick(&[10, 15, 16, 99, 1000, 0x1FFF_FFFF, 19_000]);
    match random.below(8) {
        0 => {
            varint(out, u64::from(number << 3));
            varint(out, random.bits());
        }
        1 => {
            varint(out, u64::from(number << 3 | 1));
            out.extend(random.bits().to_le_bytes());
        }
        2 => {
            varint(out, u64::from(number << 3 | 5));
            out.extend((random.bits() as u32).to_le_bytes());
        }
        3 => {
            let bytes = random.bytes(random.clone().below(5));
            len_field(random, out, number, &bytes, 0);
        }
        4 | 5 => group(random, out, number, depth),
        6 => out.push(random.byte()),
        _ => {
            let bytes = random.bytes(random.clone().below(4));
            out.extend(bytes);
        }
    }
}

fn group(random: &mut Random, out: &mut Vec<u8>, number: u32, depth: u32) {
    let levels = if random.one_in(10) {
        90 + random.below(20)
    } else {
        1
    };
    (0..levels).for_each(|_| varint(out, u64::from(number << 3 | 3)));
    if depth > 0 {
        oddity(random, out, depth - 1);
    }
    (0..levels).for_each(|_| varint(out, u64::from(number << 3 | 4)));
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7F {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The same number in more bytes than it needs.
fn pad(out: &mut Vec<u8>) {
    if let Some(last) = out.last_mut() {
        *last |= 0x80;
        out.push(0);
    }
}

/// Events: nothing; a type; a header that names a thread and a sequence.
const FEW_BYTES: [&[u8]; 3] = [b"", b"\x10\x0A", b"\x0A\x05\x22\x01t\x28\x01"];

const TEXTS: [&str; 10] = [
    "",
    "a",
    "node",
    "analyze",
    "ß",
    "\u{1F600}",
    "\0\u{1f}\"\\/\u{7f}\t",
    "поток/α 1",
    "__proto__",
    "@unknown",
];
const NOT_UTF8: [&[u8]; 6] = [
    b"\xFF",
    b"\xC0\x80",
    b"\xED\xA0\x80",
    b"\xE2\x82",
    b"\xF4\x90\x80\x80",
    b"a\x80",
];
