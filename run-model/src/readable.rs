//! A message as a text for people: JSON with the canonical keys and order, in which bytes that hold JSON or text
//! are shown as that, ids as UUIDs and hashes as hex. Each such value has a note of what the field really holds.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use dashstream_proto::schema::{FieldDesc, MessageDesc};
use decode_core::Reject;
use decode_core::text::{Style, quote, styled_json};
use decode_core::wire::{DECOMPRESSED_BYTES_MAX, ZSTD_MAGIC};
use decode_core::zstd::Decompressor;

use crate::json::is_json;
use crate::limits::READABLE_BYTES_MAX;

/// What a value that is shown in another way than it was sent really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// Bytes that hold JSON; their number.
    Json,
    /// Bytes that hold text; their number.
    Text,
    /// zstd-compressed bytes that hold JSON or text; their number.
    Compressed,
    /// 16 bytes of an id.
    Uuid,
    /// A hash, in hex.
    Hash,
    /// Other bytes, as base64; their number.
    Binary,
    /// Microseconds since 1970.
    TimeUs,
    /// A duration in microseconds.
    DurationUs,
    /// A duration in milliseconds.
    DurationMs,
}

impl NoteKind {
    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Compressed => "compressed",
            Self::Uuid => "uuid",
            Self::Hash => "hash",
            Self::Binary => "binary",
            Self::TimeUs => "time_us",
            Self::DurationUs => "duration_us",
            Self::DurationMs => "duration_ms",
        }
    }
}

/// A note on the value that starts at a place of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where the value starts.
    pub at: u32,
    /// What it is.
    pub kind: NoteKind,
    /// Its number: bytes or a time.
    pub value: i64,
}

/// The text of a message and the notes on it, ascending by place.
///
/// # Errors
/// As [`styled_json`]; `too_large` for a text over [`READABLE_BYTES_MAX`].
pub(crate) fn readable(
    message: &[u8],
    desc: &'static MessageDesc,
) -> Result<(String, Vec<Note>), Reject> {
    let mut style = Readable {
        zstd: Decompressor::new(),
        unpacked: Vec::new(),
        unpack_left: DECOMPRESSED_BYTES_MAX,
        notes: Vec::new(),
    };
    let text = styled_json(message, desc, &mut style)?;
    Ok((text, style.notes))
}

struct Readable {
    zstd: Decompressor,
    unpacked: Vec<u8>,
    /// Of what all compressed fields of a message may hold together.
    unpack_left: usize,
    notes: Vec<Note>,
}

impl Readable {
    fn note(&mut self, at: usize, kind: NoteKind, value: i64) {
        let at = at as u32;
        self.notes.push(Note { at, kind, value });
    }

    fn unpack(&mut self, bytes: &[u8]) -> bool {
        if !bytes.starts_with(&ZSTD_MAGIC) {
            return false;
        }
        let done = self
            .zstd
            .decompress(bytes, &mut self.unpacked, self.unpack_left);
        if done.is_ok() {
            self.unpack_left -= self.unpacked.len().min(self.unpack_left);
        }
        done.is_ok()
    }
}

impl Style for Readable {
    fn bytes(&mut self, out: &mut String, field: &'static FieldDesc, bytes: &[u8]) -> bool {
        let (at, len) = (out.len(), bytes.len() as i64);
        let name = field.json_name;
        if bytes.len() == UUID_LEN && name.ends_with("Id") {
            hex(out, bytes, &[4, 6, 8, 10]);
            self.note(at, NoteKind::Uuid, len);
        } else if bytes.len() == HASH_LEN && HASHES.contains(&name) {
            hex(out, bytes, &[]);
            self.note(at, NoteKind::Hash, len);
        } else if self.unpack(bytes) {
            let unpacked = core::mem::take(&mut self.unpacked);
            let is_text = text(out, &unpacked).is_some();
            self.unpacked = unpacked;
            self.note(at, NoteKind::Compressed, len);
            return is_text;
        } else if let Some(kind) = text(out, bytes) {
            self.note(at, kind, len);
        } else {
            if !bytes.is_empty() {
                self.note(at, NoteKind::Binary, len);
            }
            return false;
        }
        true
    }

    fn integer(&mut self, out: &str, field: &'static FieldDesc, value: u64) {
        let kind = match field.json_name {
            "timestampUs" => NoteKind::TimeUs,
            "durationUs" => NoteKind::DurationUs,
            "durationMs" | "totalDurationMs" => NoteKind::DurationMs,
            _ => return,
        };
        self.note(out.len(), kind, value.cast_signed());
    }

    fn goes_on(&self, out: &str) -> bool {
        out.len() <= READABLE_BYTES_MAX
    }
}

/// Writes bytes that are JSON or text as what they are.
fn text(out: &mut String, bytes: &[u8]) -> Option<NoteKind> {
    let text = core::str::from_utf8(bytes).ok()?;
    if is_json(text) {
        out.push_str(text.trim_matches([' ', '\t', '\r', '\n']));
        return Some(NoteKind::Json);
    }
    let is_plain = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t');
    if text.is_empty() || !text.chars().all(is_plain) {
        return None;
    }
    quote(out, text);
    Some(NoteKind::Text)
}

fn hex(out: &mut String, bytes: &[u8], dashes: &[usize]) {
    out.push('"');
    for (index, byte) in bytes.iter().enumerate() {
        if dashes.contains(&index) {
            out.push('-');
        }
        // Writing into a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out.push('"');
}

const UUID_LEN: usize = 16;
const HASH_LEN: usize = 32;
const HASHES: [&str; 2] = ["stateHash", "checksum"];

#[cfg(test)]
mod tests {
    use alloc::vec;

    use dashstream_proto::schema;
    use dashstream_proto::v1::dash_stream_message::Message as Choice;
    use dashstream_proto::v1::{
        Checkpoint, DashStreamMessage, DiffOperation, Header, StateDiff, ToolExecution,
    };
    use prost::Message as _;

    use super::*;

    fn shown(message: Choice) -> (String, Vec<(NoteKind, i64)>) {
        let envelope = DashStreamMessage {
            message: Some(message),
        };
        let (text, notes) = readable(&envelope.encode_to_vec(), schema::DASH_STREAM_MESSAGE)
            .expect("a valid message");
        assert!(is_json(&text), "{text}");
        assert!(notes.is_sorted_by_key(|note| note.at));
        (
            text,
            notes.iter().map(|note| (note.kind, note.value)).collect(),
        )
    }

    fn header() -> Option<Header> {
        Some(Header {
            message_id: (0..16).collect(),
            timestamp_us: 1_763_790_000_000_000,
            ..Header::default()
        })
    }

    /// X31: arguments and results of tools are what they hold; an id is a UUID, a time has a note.
    #[test]
    fn what_tools_were_asked_and_answered_can_be_read() {
        let (text, notes) = shown(Choice::ToolExecution(ToolExecution {
            header: header(),
            arguments: br#" {"q": "caf\u00e9"} "#.to_vec(),
            result: b"no json \x7e".to_vec(),
            duration_us: 1_500,
            ..ToolExecution::default()
        }));
        assert_eq!(
            text,
            concat!(
                r#"{"toolExecution":{"arguments":{"q": "caf\u00e9"},"durationUs":"1500","header":"#,
                r#"{"messageId":"00010203-0405-0607-0809-0a0b0c0d0e0f","timestampUs":"1763790000000000"},"#,
                r#""result":"no json ~"}}"#
            )
        );
        assert_eq!(
            notes,
            [
                (NoteKind::Json, 20),
                (NoteKind::DurationUs, 1_500),
                (NoteKind::Uuid, 16),
                (NoteKind::TimeUs, 1_763_790_000_000_000),
                (NoteKind::Text, 9),
            ]
        );
    }

    /// X31, D21: diff values and the state of a checkpoint, which is compressed.
    #[test]
    fn state_can_be_read() {
        let (text, notes) = shown(Choice::StateDiff(StateDiff {
            operations: vec![DiffOperation {
                path: "/a".into(),
                value: b"[1,2]".to_vec(),
                ..DiffOperation::default()
            }],
            state_hash: vec![0xAB; 32],
            full_state: b"\xFF\x00".to_vec(),
            ..StateDiff::default()
        }));
        assert!(
            text.contains(r#""value":[1,2]"#) && text.contains(r#""fullState":"/wA=""#),
            "{text}"
        );
        assert!(
            text.contains(&["\"stateHash\":\"", &"ab".repeat(32), "\""].concat()),
            "{text}"
        );
        assert_eq!(
            notes,
            [
                (NoteKind::Binary, 2),
                (NoteKind::Json, 5),
                (NoteKind::Hash, 32)
            ]
        );
        // A frame of raw blocks, as libzstd writes `{"a":1}` at any level.
        let packed = [&ZSTD_MAGIC[..], &[0x20, 7, 0x39, 0, 0], br#"{"a":1}"#].concat();
        let (text, notes) = shown(Choice::Checkpoint(Checkpoint {
            state: packed.clone(),
            ..Checkpoint::default()
        }));
        assert_eq!(text, r#"{"checkpoint":{"state":{"a":1}}}"#);
        assert_eq!(notes, [(NoteKind::Compressed, packed.len() as i64)]);
    }

    /// D-39: text with controls of direction is text; bytes with NUL are bytes.
    #[test]
    fn hostile_bytes_stay_what_they_are() {
        let tool = |result: &[u8]| {
            shown(Choice::ToolExecution(ToolExecution {
                result: result.to_vec(),
                ..ToolExecution::default()
            }))
        };
        let (text, _) = tool("<b>\u{202e}\u{200b}".as_bytes());
        assert_eq!(
            text,
            "{\"toolExecution\":{\"result\":\"<b>\u{202e}\u{200b}\"}}"
        );
        let (text, notes) = tool(b"a\0b");
        assert_eq!(text, r#"{"toolExecution":{"result":"YQBi"}}"#);
        assert_eq!(notes, [(NoteKind::Binary, 3)]);
        let (text, _) = tool(br#""\ud800""#);
        assert_eq!(text, r#"{"toolExecution":{"result":"\ud800"}}"#);
    }
}
