//! A refused payload as lines: what its bytes say at which place, down to where they fail.

use std::collections::VecDeque;
use std::fmt::Write as _;

use dashstream_proto::schema::{EnumDesc, FieldType};
use decode_core::tree::zstd::{BlockKind, Part, PartKind};
use decode_core::tree::{self, Field, Value};
use decode_core::wire::{FRAME_RAW, FRAME_ZSTD, RejectCode};
use decode_core::{Decoder, Reject};

/// The tree of a payload that `decoder` refuses with `reject`.
///
/// Numbers in front are offsets in the body that the first line names. Fields that end before the
/// failure stay closed, and of many siblings only the first and the last are shown.
pub(crate) fn lines(decoder: &mut Decoder, payload: &[u8], reject: &Reject) -> Vec<String> {
    let mut rows = Rows::default();
    let frame = frame_text(payload);
    match reject.code() {
        RejectCode::Empty | RejectCode::TooLarge | RejectCode::BadFrame => {
            rows.head(&format!("payload of {} bytes, {frame}", payload.len()));
        }
        RejectCode::Decompress | RejectCode::DecompressedTooLarge => {
            // In compatible mode a body may have no frame byte before it.
            let body = payload.strip_prefix(&[FRAME_ZSTD]).unwrap_or(payload);
            rows.head(&format!("zstd, {} bytes, {frame}", body.len()));
            tree::zstd::walk(body, &mut |part| {
                rows.add(0, part.at, &part_text(&part));
            });
        }
        RejectCode::Protobuf
        | RejectCode::Utf8
        | RejectCode::TooDeep
        | RejectCode::TooManyEvents => {
            let Ok((framing, body)) = decoder.unwrap_frame(payload) else {
                return Vec::new();
            };
            let wrapping = framing.name();
            rows.head(&format!("protobuf, {} bytes, {wrapping}", body.len()));
            tree::walk(body, reject.at(), &mut |field| {
                rows.add(field.depth as usize, field.at, &field_text(&field));
            });
        }
    }
    rows.finish(reject)
}

/// Rows of one depth after the other: a deeper one is inside the last that was added.
#[derive(Default)]
struct Rows {
    lines: Vec<String>,
    depth: usize,
    first: usize,
    passed: usize,
    last: VecDeque<String>,
}

impl Rows {
    fn head(&mut self, text: &str) {
        self.lines.push(text.to_owned());
    }

    fn add(&mut self, depth: usize, at: usize, text: &str) {
        if depth != self.depth {
            self.close();
            self.depth = depth;
        }
        let row = row(depth, &at.to_string(), text);
        if self.first < FIRST_ROWS {
            self.first += 1;
            self.lines.push(row);
            return;
        }
        self.last.push_back(row);
        if self.last.len() > LAST_ROWS {
            self.last.pop_front();
            self.passed += 1;
        }
    }

    fn close(&mut self) {
        if self.passed > 0 {
            let text = format!("({} more)", self.passed);
            self.lines.push(row(self.depth, "", &text));
        }
        self.lines.extend(self.last.drain(..));
        (self.first, self.passed) = (0, 0);
    }

    fn finish(mut self, reject: &Reject) -> Vec<String> {
        self.close();
        let at = match reject.code() {
            // The limit is not a place.
            RejectCode::TooLarge => String::new(),
            RejectCode::Empty
            | RejectCode::BadFrame
            | RejectCode::Decompress
            | RejectCode::DecompressedTooLarge
            | RejectCode::Protobuf
            | RejectCode::Utf8
            | RejectCode::TooDeep
            | RejectCode::TooManyEvents => reject.at().to_string(),
        };
        let text = format!("<-- {}: {}", reject.code(), reject.what());
        self.lines.push(row(self.depth, &at, &text));
        self.lines
    }
}

fn row(depth: usize, at: &str, text: &str) -> String {
    let indent = "  ".repeat(depth);
    format!("{at:>8}  {indent}{text}")
}

fn frame_text(payload: &[u8]) -> String {
    match payload.first() {
        None => "no frame byte".to_owned(),
        Some(&FRAME_RAW) => "frame byte 00: raw".to_owned(),
        Some(&FRAME_ZSTD) => "frame byte 01: zstd".to_owned(),
        Some(byte) => format!("first byte {byte:02x}: no frame byte"),
    }
}

fn field_text(field: &Field<'_>) -> String {
    let number = field.number;
    let Some(known) = field.known else {
        return format!("{number} ?: {}", value_text(&field.value, None));
    };
    let value = value_text(&field.value, Some(known.ty));
    format!("{number} {}: {value}", known.name)
}

fn value_text(value: &Value<'_>, ty: Option<FieldType>) -> String {
    match (*value, ty) {
        (Value::Cut, _) => "cut off".to_owned(),
        (Value::Group, _) => "group".to_owned(),
        (Value::Len { announced, bytes }, ty) => {
            let missing = announced.saturating_sub(bytes.len());
            let mut text = len_text(bytes, announced, ty);
            if missing > 0 {
                let _ = write!(text, ", {missing} of them missing");
            }
            text
        }
        (Value::Varint(value), Some(ty)) => varint_text(value, ty),
        (Value::Varint(value), None) => format!("{value}"),
        (Value::Fixed64(bits), Some(FieldType::Double)) => format!("{:?}", f64::from_bits(bits)),
        (Value::Fixed64(bits), _) => format!("8 bytes {bits:#018x}"),
        (Value::Fixed32(bits), Some(FieldType::Float)) => format!("{:?}", f32::from_bits(bits)),
        (Value::Fixed32(bits), _) => format!("4 bytes {bits:#010x}"),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only these protobuf types are varints"
)]
fn varint_text(value: u64, ty: FieldType) -> String {
    match ty {
        FieldType::Int64 | FieldType::Int32 => value.cast_signed().to_string(),
        FieldType::Bool => (value != 0).to_string(),
        FieldType::Enum(desc) => enum_text(value, desc),
        FieldType::Uint64 | FieldType::Uint32 => value.to_string(),
        _ => format!("the number {value}, where a different wire type is expected"),
    }
}

fn enum_text(value: u64, desc: &EnumDesc) -> String {
    // Only the low half counts.
    let number = value as u32 as i32;
    match desc.name_of(number) {
        Some(name) => format!("{number} {name}"),
        None => format!("unknown({number})"),
    }
}

fn len_text(bytes: &[u8], announced: usize, ty: Option<FieldType>) -> String {
    match ty {
        Some(FieldType::Message(desc)) => format!("{}, {announced} bytes", desc.name),
        Some(FieldType::String) => {
            let text = String::from_utf8_lossy(bytes.get(..SHOWN_BYTES).unwrap_or(bytes));
            format!("{text:?}, {announced} bytes")
        }
        _ => {
            let shown = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
            let more = if shown.len() < bytes.len() { ".." } else { "" };
            let hex: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{announced} bytes {hex}{more}")
        }
    }
}

fn part_text(part: &Part) -> String {
    let mut text = match part.kind {
        PartKind::Frame {
            declared,
            window,
            has_checksum,
        } => {
            let mut text = "frame".to_owned();
            match declared {
                Some(size) => _ = write!(text, ", declares {size} bytes"),
                None => text.push_str(", declares no size"),
            }
            if let Some(window) = window {
                let _ = write!(text, ", window {window} bytes");
            }
            if has_checksum {
                text.push_str(", with checksum");
            }
            text
        }
        PartKind::Block {
            kind,
            size,
            is_last,
        } => {
            let last = if is_last { "last block" } else { "block" };
            match kind {
                BlockKind::Raw => format!("{last}: {size} bytes as they are"),
                BlockKind::Repeated => format!("{last}: one byte {size} times"),
                BlockKind::Compressed => format!("{last}: {size} bytes compressed"),
                BlockKind::Reserved => format!("{last} of the reserved kind"),
            }
        }
        PartKind::Checksum => "checksum".to_owned(),
        PartKind::Skippable { len } => format!("skippable frame of {len} bytes"),
        PartKind::Foreign => "no zstd frame".to_owned(),
    };
    if !part.is_whole {
        text.push_str(", cut off");
    }
    text
}

/// Of one depth, shown from the start ..
const FIRST_ROWS: usize = 4;
/// .. and from the end.
const LAST_ROWS: usize = 12;
/// Of one value.
const SHOWN_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use decode_core::Mode;

    use super::*;

    fn tree(payload: &[u8]) -> Vec<String> {
        let mut decoder = Decoder::new(Mode::Strict);
        let reject = decoder.decode(payload, &mut ()).expect_err("refused");
        lines(&mut decoder, payload, &reject)
    }

    #[test]
    fn a_cut_event() {
        let payload = [
            0, 0x0A, 30, 0x0A, 5, 0x22, 1, b't', 0x28, 7, 0x10, 10, 0x1A, 9, b'p', b'l',
        ];
        assert_eq!(
            tree(&payload),
            [
                "protobuf, 15 bytes, raw",
                "       0  1 event: Event, 30 bytes, 17 of them missing",
                "       2    1 header: Header, 5 bytes",
                "       9    2 event_type: 10 EVENT_TYPE_NODE_START",
                "      11    3 node_id: \"pl\", 9 bytes, 7 of them missing",
                "       2    <-- protobuf: truncated field",
            ]
        );
    }

    #[test]
    fn many_siblings_are_elided() {
        let mut batch = [0x12, 2, 0x10, 10].repeat(30);
        batch.extend([0x12, 2, 0x1A, 9]);
        let mut payload = vec![0, 0x42, batch.len() as u8];
        payload.extend(batch);
        let tree = tree(&payload);
        assert_eq!(
            tree.len(),
            2 + FIRST_ROWS + 1 + LAST_ROWS + 1 + 1,
            "{tree:#?}"
        );
        assert_eq!(tree[6], "            (15 more)");
        assert_eq!(
            tree[19..],
            [
                "     124      3 node_id: \"\", 9 bytes, 9 of them missing",
                "     126      <-- protobuf: truncated field",
            ]
        );
    }

    #[test]
    fn what_is_no_protobuf() {
        assert_eq!(
            tree(b""),
            [
                "payload of 0 bytes, no frame byte",
                "       0  <-- empty: empty payload",
            ]
        );
        assert_eq!(
            tree(b"{}"),
            [
                "payload of 2 bytes, first byte 7b: no frame byte",
                "       0  <-- bad_frame: unknown frame byte",
            ]
        );
        let cut = [1, 0x28, 0xB5, 0x2F, 0xFD, 0x20, 13, 0x69, 0, 0, 1, 2, 3];
        assert_eq!(
            tree(&cut),
            [
                "zstd, 12 bytes, frame byte 01: zstd",
                "       0  frame, declares 13 bytes, window 13 bytes",
                "       6  last block: 13 bytes as they are, cut off",
                "       6  <-- decompress: truncated block",
            ]
        );
    }

    #[test]
    fn values_by_their_types() {
        let header = [
            0x0A, 2, 0xAB, 0xCD, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1,
            0x30, 99, 0xFA, 1, 1, 7, 0x22, 1, 0xFF,
        ];
        let mut payload = vec![0, 0x0A, 2 + header.len() as u8, 0x0A, header.len() as u8];
        payload.extend(header);
        assert_eq!(
            tree(&payload)[3..],
            [
                "       4      1 message_id: 2 bytes abcd",
                "       8      2 timestamp_us: -1",
                "      19      6 type: unknown(99)",
                "      21      31 ?: 1 bytes 07",
                "      25      4 thread_id: \"\u{FFFD}\", 1 bytes",
                "      27      <-- utf8: invalid UTF-8",
            ]
        );
    }
}
