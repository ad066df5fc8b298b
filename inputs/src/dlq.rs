//! A dead-letter record: a JSON object with the payload that somebody gave up on, or part of it.
//!
//! DashFlow's library and its server write different ones. The library cuts a large payload off
//! and says so; the server keeps a payload only where it was told to, else its first and last
//! bytes. Both give a SHA-256 in some cases, which is checked wherever all bytes are there.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use decode_core::json::{Value, Wrong, members, unescaped};
use sha2::{Digest as _, Sha256};

use crate::found::{Content, Place};

/// What a line says; the payload goes into the buffer.
pub(crate) fn read<'a>(
    line: &[u8],
    payload: &'a mut Vec<u8>,
) -> (Option<Place>, Result<Content<'a>, String>) {
    payload.clear();
    let mut letter = Letter::default();
    if let Err(wrong) = members(line, |key, value| letter.member(key, value)) {
        return (None, Err(wrong.to_string()));
    }
    let (place, content) = match (&letter.source_offset, &letter.kafka_offset) {
        (Some(_), None) => (
            place(letter.source_partition, letter.source_offset),
            letter.of_library(payload),
        ),
        (None, Some(_)) => (
            place(letter.kafka_partition, letter.kafka_offset),
            letter.of_server(payload),
        ),
        _ => (None, Err(UNKNOWN.to_owned())),
    };
    let content = content.map(|whole| match whole {
        Kept::Whole => Content::Payload(payload),
        Kept::Head { len } => Content::Truncated { head: payload, len },
    });
    (place, content)
}

const UNKNOWN: &str = "neither a dead-letter record of DashFlow's library nor one of its server";

/// A text, or nothing where it is null.
fn text(value: Value<'_>) -> Result<Option<String>, Wrong> {
    match value {
        Value::Null => Ok(None),
        Value::Text(inside) => unescaped(inside).map(Some),
        Value::Number(_) | Value::Bool(_) | Value::Nested(_) => {
            let what = "no text where one belongs";
            Err(Wrong { at: 0, what })
        }
    }
}

/// A number, or nothing where it is null.
fn number<N: std::str::FromStr>(value: Value<'_>) -> Result<Option<N>, Wrong> {
    let wrong = Wrong {
        at: 0,
        what: "no whole number where one belongs",
    };
    match value {
        Value::Null => Ok(None),
        Value::Number(digits) => digits.parse().map(Some).map_err(|_| wrong),
        Value::Text(_) | Value::Bool(_) | Value::Nested(_) => Err(wrong),
    }
}

/// Producers have no partition and offset and write -1.
fn place(partition: Option<i64>, offset: Option<i64>) -> Option<Place> {
    let partition = u32::try_from(partition?).ok()?;
    Some(Place::new(partition, u64::try_from(offset?).ok()?))
}

enum Kept {
    Whole,
    Head { len: u64 },
}

/// The keys of both schemas that say something about the payload.
#[derive(Default)]
struct Letter {
    original_payload_base64: Option<String>,
    // The library's.
    original_payload_size_bytes: Option<u64>,
    original_payload_included_bytes: Option<u64>,
    original_payload_truncated: bool,
    original_payload_sha256: Option<String>,
    source_partition: Option<i64>,
    source_offset: Option<i64>,
    // The server's.
    payload_sha256: Option<String>,
    message_size: Option<u64>,
    first_bytes_hex: Option<String>,
    last_bytes_hex: Option<String>,
    kafka_partition: Option<i64>,
    kafka_offset: Option<i64>,
}

impl Letter {
    fn member(&mut self, key: &[u8], value: Value<'_>) -> Result<(), Wrong> {
        match key {
            b"original_payload_base64" => self.original_payload_base64 = text(value)?,
            b"original_payload_size_bytes" => self.original_payload_size_bytes = number(value)?,
            b"original_payload_included_bytes" => {
                self.original_payload_included_bytes = number(value)?;
            }
            b"original_payload_truncated" => {
                self.original_payload_truncated = value == Value::Bool(true);
            }
            b"original_payload_sha256" => self.original_payload_sha256 = text(value)?,
            b"source_partition" => self.source_partition = number(value)?,
            b"source_offset" => self.source_offset = number(value)?,
            b"payload_sha256" => self.payload_sha256 = text(value)?,
            b"message_size" => self.message_size = number(value)?,
            b"first_bytes_hex" => self.first_bytes_hex = text(value)?,
            b"last_bytes_hex" => self.last_bytes_hex = text(value)?,
            b"kafka_partition" => self.kafka_partition = number(value)?,
            b"kafka_offset" => self.kafka_offset = number(value)?,
            _ => {}
        }
        Ok(())
    }

    fn of_library(&self, payload: &mut Vec<u8>) -> Result<Kept, String> {
        let text = self.original_payload_base64.as_deref();
        decode(text.ok_or("no payload in the record")?, payload)?;
        let kept = payload.len() as u64;
        if let Some(included) = self.original_payload_included_bytes
            && included != kept
        {
            return Err(format!("the record claims {included} bytes and has {kept}"));
        }
        let len = self.original_payload_size_bytes.unwrap_or(kept);
        if self.original_payload_truncated && len > kept {
            return Ok(Kept::Head { len });
        }
        // The library gives the first only of what it cut; a relay's letters have both.
        let sha256 = self.original_payload_sha256.as_ref();
        let sha256 = sha256.or(self.payload_sha256.as_ref());
        whole(payload, len, sha256.map(String::as_str))
    }

    fn of_server(&self, payload: &mut Vec<u8>) -> Result<Kept, String> {
        let len = self.message_size.ok_or("no message_size in the record")?;
        if let Some(text) = &self.original_payload_base64 {
            decode(text, payload)?;
            return whole(payload, len, self.payload_sha256.as_deref());
        }
        unhex(self.first_bytes_hex.as_deref(), payload)?;
        let mut last = Vec::new();
        unhex(self.last_bytes_hex.as_deref(), &mut last)?;
        // Of a short payload the first and the last bytes are all there are.
        let missing = usize::try_from(len.saturating_sub(payload.len() as u64));
        let rest = missing.ok().and_then(|missing| {
            let at = last.len().checked_sub(missing)?;
            last.get(at..)
        });
        let Some(rest) = rest else {
            return Ok(Kept::Head { len });
        };
        payload.extend_from_slice(rest);
        whole(payload, len, self.payload_sha256.as_deref())
    }
}

/// All bytes are here, if they are those that were meant.
fn whole(payload: &[u8], len: u64, sha256: Option<&str>) -> Result<Kept, String> {
    let kept = payload.len() as u64;
    if kept != len {
        return Err(format!(
            "the payload has {kept} bytes and should have {len}"
        ));
    }
    let Some(expected) = sha256 else {
        return Ok(Kept::Whole);
    };
    let mut found = String::new();
    for byte in Sha256::digest(payload) {
        // Writing to a string cannot fail.
        let _ = write!(found, "{byte:02x}");
    }
    if found.eq_ignore_ascii_case(expected) {
        Ok(Kept::Whole)
    } else {
        Err("the payload's SHA-256 differs from the one in the record".to_owned())
    }
}

fn decode(text: &str, payload: &mut Vec<u8>) -> Result<(), String> {
    STANDARD
        .decode_vec(text, payload)
        .map_err(|error| format!("the payload is not valid base64: {error}"))
}

/// Bytes as Rust's debug format writes them: `[0a, 1f]`. Nothing stands for none.
fn unhex(text: Option<&str>, out: &mut Vec<u8>) -> Result<(), String> {
    let text = text.unwrap_or_default();
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    for digits in inner.unwrap_or(text).split(',').map(str::trim) {
        if digits.is_empty() {
            continue;
        }
        let byte = u8::from_str_radix(digits, 16);
        out.push(byte.map_err(|_| format!("{digits:?} is not a hexadecimal byte"))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sha256(bytes: &[u8]) -> String {
        Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    #[derive(Debug, PartialEq)]
    enum Seen {
        Whole(Vec<u8>),
        Head(Vec<u8>, u64),
        Wrong,
    }

    fn check(letter: &serde_json::Value) -> (Option<(u32, u64)>, Seen) {
        let mut payload = Vec::new();
        let (place, content) = read(letter.to_string().as_bytes(), &mut payload);
        let seen = match content {
            Ok(Content::Payload(bytes)) => Seen::Whole(bytes.to_vec()),
            Ok(Content::Truncated { head, len }) => Seen::Head(head.to_vec(), len),
            _ => Seen::Wrong,
        };
        (place.map(|place| (place.partition, place.offset)), seen)
    }

    #[test]
    fn letters_of_the_library() {
        let whole = json!({
            "original_payload_base64": "AAo=", "error": "e", "source_topic": "t",
            "source_partition": 2, "source_offset": 7, "timestamp": "x", "consumer_id": "c",
            "error_type": "decode_error", "trace_id": "u",
        });
        assert_eq!(
            check(&whole),
            (Some((2, 7)), Seen::Whole(vec![0, 10])),
            "whole"
        );
        let mut producer = whole.clone();
        producer["source_partition"] = json!(-1);
        producer["source_offset"] = json!(-1);
        assert_eq!(check(&producer), (None, Seen::Whole(vec![0, 10])));

        let mut cut = whole.clone();
        cut["original_payload_truncated"] = json!(true);
        cut["original_payload_size_bytes"] = json!(9);
        cut["original_payload_included_bytes"] = json!(2);
        cut["original_payload_sha256"] = json!(sha256(b"of all nine"));
        assert_eq!(check(&cut), (Some((2, 7)), Seen::Head(vec![0, 10], 9)));
        cut["original_payload_included_bytes"] = json!(3);
        assert_eq!(check(&cut).1, Seen::Wrong, "counts that contradict");

        let mut hashed = whole.clone();
        hashed["original_payload_sha256"] = json!(sha256(&[0, 10]));
        assert_eq!(check(&hashed).1, Seen::Whole(vec![0, 10]));
        hashed["original_payload_sha256"] = json!(sha256(&[0, 11]));
        assert_eq!(check(&hashed).1, Seen::Wrong, "another payload");
        let mut of_relay = whole.clone();
        of_relay["payload_sha256"] = json!(sha256(&[0, 11]));
        assert_eq!(check(&of_relay).1, Seen::Wrong, "another payload");
        let mut wrong = whole;
        wrong["original_payload_base64"] = json!("AAo");
        assert_eq!(check(&wrong).1, Seen::Wrong, "no base64");
    }

    #[test]
    fn letters_of_the_server() {
        let letter = |payload: &[u8], full: bool| {
            let first = &payload[..payload.len().min(16)];
            let last = if payload.len() < 16 {
                String::new()
            } else {
                format!("{:02x?}", &payload[payload.len() - 16..])
            };
            json!({
                "trace_id": "u", "timestamp": "x", "error": "e", "error_type": "t",
                "payload_sha256": sha256(payload),
                "original_payload_base64": full.then(|| STANDARD.encode(payload)),
                "payload_truncation_note": null, "message_size": payload.len(),
                "first_bytes_hex": format!("{first:02x?}"), "last_bytes_hex": last,
                "kafka_partition": 1, "kafka_offset": 5, "message_count": 3,
                "thread_id": null, "tenant_id": null,
            })
        };
        let bytes: Vec<u8> = (0..40).collect();
        for len in [0, 1, 15, 16, 17, 31, 32, 33, 40] {
            let payload = &bytes[..len];
            let place = Some((1, 5));
            assert_eq!(
                check(&letter(payload, true)),
                (place, Seen::Whole(payload.to_vec()))
            );
            let kept = if len <= 32 {
                Seen::Whole(payload.to_vec())
            } else {
                Seen::Head(payload[..16].to_vec(), len as u64)
            };
            assert_eq!(check(&letter(payload, false)), (place, kept), "{len}");
        }
        let mut wrong = letter(&bytes, true);
        wrong["message_size"] = json!(41);
        assert_eq!(check(&wrong).1, Seen::Wrong, "another length");
        let mut wrong = letter(&bytes[..20], false);
        wrong["payload_sha256"] = json!(sha256(b"another"));
        assert_eq!(check(&wrong).1, Seen::Wrong, "another payload");
        let mut wrong = letter(&bytes, false);
        wrong["first_bytes_hex"] = json!("[zz]");
        assert_eq!(check(&wrong).1, Seen::Wrong, "no hex");
    }

    #[test]
    fn other_objects_are_neither() {
        for line in [
            json!({}),
            json!({"original_payload_base64": "AAo="}),
            json!({"source_offset": 1, "kafka_offset": 1}),
            json!([1]),
        ] {
            assert_eq!(check(&line), (None, Seen::Wrong), "{line}");
        }
    }
}
