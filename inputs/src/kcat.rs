//! A line of `kcat -C -J`.
//!
//! kcat writes a payload's bytes as they are and escapes only control characters, quotes and
//! backslashes, so that a line of a binary payload is no valid JSON but loses nothing. A program
//! that reads such a line as UTF-8 and writes it again does lose: it puts U+FFFD where bytes were.
//! A payload that may have been through one is refused rather than judged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use decode_core::json::{Value, Wrong, members, unescape};

use crate::found::{Content, Place};

/// What a line says; the payload goes into the buffer.
pub(crate) fn read<'a>(
    line: &[u8],
    base64: bool,
    payload: &'a mut Vec<u8>,
) -> (Option<Place>, Result<Content<'a>, String>) {
    payload.clear();
    let mut envelope = Envelope::default();
    if let Err(wrong) = members(line, |key, value| envelope.member(key, value)) {
        return (envelope.place(), Err(wrong.to_string()));
    }
    let content = match envelope.payload {
        None => Err("no payload in the line".to_owned()),
        Some(Value::Null) => Ok(Content::Null),
        Some(Value::Text(text)) => bytes(text, base64, payload).map(|()| Content::Payload(payload)),
        // `kcat -s` unpacks values into numbers and lists.
        Some(_) => Err("the payload is not text".to_owned()),
    };
    (envelope.place(), content)
}

fn bytes(text: &[u8], base64: bool, payload: &mut Vec<u8>) -> Result<(), String> {
    let escaped = |wrong: Wrong| format!("{wrong} of the payload");
    if base64 {
        let mut plain = Vec::new();
        unescape(text, &mut plain).map_err(escaped)?;
        return STANDARD
            .decode_vec(&plain, payload)
            .map_err(|error| format!("the payload is not valid base64: {error}"));
    }
    unescape(text, payload).map_err(escaped)?;
    // One byte that is no UTF-8 proves that nobody has replaced such bytes.
    let replaced = std::str::from_utf8(payload).is_ok_and(|text| text.contains('\u{FFFD}'));
    if replaced {
        return Err(
            "the payload holds U+FFFD where another program may have replaced bytes".into(),
        );
    }
    Ok(())
}

#[derive(Default)]
struct Envelope<'a> {
    partition: Option<u32>,
    offset: Option<u64>,
    payload: Option<Value<'a>>,
}

impl<'a> Envelope<'a> {
    fn member(&mut self, key: &[u8], value: Value<'a>) -> Result<(), Wrong> {
        match (key, value) {
            (b"partition", Value::Number(number)) => self.partition = number.parse().ok(),
            (b"offset", Value::Number(number)) => self.offset = number.parse().ok(),
            (b"payload", _) if self.payload.is_some() => {
                let what = "a second payload";
                return Err(Wrong { at: 0, what });
            }
            (b"payload", value) => self.payload = Some(value),
            _ => {}
        }
        Ok(())
    }

    fn place(&self) -> Option<Place> {
        Some(Place::new(self.partition?, self.offset?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &[u8], base64: bool) -> Result<Option<Vec<u8>>, String> {
        let mut payload = Vec::new();
        match read(line, base64, &mut payload).1? {
            Content::Payload(payload) => Ok(Some(payload.to_vec())),
            Content::Null => Ok(None),
            other @ (Content::TooLong(_)
            | Content::Truncated { .. }
            | Content::Rejected { .. }
            | Content::Gap { .. }
            | Content::Unreadable(_)) => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_line_of_kcat_reads_back_to_the_byte() {
        // As kcat 1.7.1 writes a value of all 256 bytes.
        let mut line =
            br#"{"topic":"t","partition":1,"offset":4,"tstype":"create","ts":1795333499685,"#
                .to_vec();
        line.extend_from_slice(br#""broker":1,"headers":["h","1"],"key":"ke\"y","payload":""#);
        for byte in 0..=255_u8 {
            match byte {
                8 => line.extend(b"\\b"),
                9 => line.extend(b"\\t"),
                10 => line.extend(b"\\n"),
                12 => line.extend(b"\\f"),
                13 => line.extend(b"\\r"),
                b'"' => line.extend(b"\\\""),
                b'\\' => line.extend(b"\\\\"),
                0..0x20 => line.extend(format!("\\u{byte:04X}").bytes()),
                _ => line.push(byte),
            }
        }
        line.extend(b"\"}");
        let mut payload = Vec::new();
        let (place, content) = read(&line, false, &mut payload);
        assert_eq!(place, Some(Place::new(1, 4)));
        let expected: Vec<u8> = (0..=255).collect();
        assert_eq!(content, Ok(Content::Payload(&expected)));
    }

    /// DEC-12: bytes are never taken from a text in which some were replaced.
    #[test]
    fn what_may_have_lost_bytes_is_refused() {
        let line = |payload: &[u8]| [b"{\"payload\":\"", payload, b"\"}"].concat();
        assert_eq!(
            check(&line(b"\\u0000\xEF\xBF\xBD\xFF"), false),
            Ok(Some(b"\x00\xEF\xBF\xBD\xFF".to_vec())),
            "another byte proves it"
        );
        for lost in [
            &b"\\u0001(\xEF\xBF\xBD/"[..],
            b"\\u0001(\\ufffd/",
            b"\\udcff",
        ] {
            assert!(check(&line(lost), false).is_err(), "{lost:?}");
        }
    }

    #[test]
    fn null_base64_and_what_is_neither() {
        assert_eq!(check(b"{\"payload\":null}", false), Ok(None));
        assert_eq!(
            check(b"{\"payload\":\"AAo=\"}", true),
            Ok(Some(vec![0, 10]))
        );
        for wrong in [
            &b"{\"payload\":\"AAo\"}"[..],
            b"{\"payload\":12}",
            b"{\"payload\":[1]}",
            b"{\"offset\":1}",
            b"{\"payload\":\"\",\"payload\":\"\"}",
            b"",
        ] {
            assert!(check(wrong, true).is_err(), "{wrong:?}");
        }
    }
}
