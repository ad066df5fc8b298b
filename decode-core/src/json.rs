//! JSON read member by member, without a tree: control messages, and lines as kcat writes them, whose texts may
//! hold bytes that are no UTF-8. No JSON library takes those, and none may put U+FFFD where a byte was.
//!
//! What is nested is passed over, brackets and texts matched, and read by another call where somebody asks for it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

/// Where a text stops being JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Byte of the text.
    pub at: usize,
    /// A fixed English text.
    pub what: &'static str,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl core::error::Error for Wrong {}

/// A value of an object or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// What stands between the quotes, escapes included.
    Text(&'a [u8]),
    /// As it was written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An object or a list, brackets included; passed over without a closer look.
    Nested(&'a [u8]),
}

/// Visits the members of the object that a text holds, and nothing else may stand in it.
///
/// # Errors
/// The first place that is wrong, or what the visitor says.
pub fn members<'a>(
    text: &'a [u8],
    mut visit: impl FnMut(&'a [u8], Value<'a>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let mut reader = Reader { text, at: 0 };
    reader.expect(b'{', "no object")?;
    reader.entries(b'}', &mut |reader| {
        let key = reader.text()?;
        reader.expect(b':', "no colon after a key")?;
        visit(key, reader.value()?)
    })
}

/// Visits the values of the list that a text holds, and nothing else may stand in it.
///
/// # Errors
/// The first place that is wrong, or what the visitor says.
pub fn elements<'a>(
    text: &'a [u8],
    mut visit: impl FnMut(Value<'a>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let mut reader = Reader { text, at: 0 };
    reader.expect(b'[', "no list")?;
    reader.entries(b']', &mut |reader| visit(reader.value()?))
}

/// What the inside of a text says.
///
/// # Errors
/// Escapes that stand for nothing, and bytes that are no UTF-8.
pub fn unescaped(inside: &[u8]) -> Result<String, Wrong> {
    let mut bytes = Vec::with_capacity(inside.len());
    unescape(inside, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| Wrong {
        at: 0,
        what: "text that is not UTF-8",
    })
}

/// Appends text in quotes: only what JSON demands is escaped, everything else stays UTF-8.
pub fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

/// Appends the bytes that a text stands for: those above ASCII as they are, escapes resolved.
///
/// # Errors
/// Escapes that stand for nothing.
pub fn unescape(text: &[u8], out: &mut Vec<u8>) -> Result<(), Wrong> {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = rest.iter().position(|byte| *byte == b'\\');
        let plain = plain.unwrap_or(rest.len());
        out.extend_from_slice(rest.get(..plain).unwrap_or_default());
        at += plain;
        if plain == rest.len() {
            break;
        }
        let Some(escape) = rest.get(plain + 1) else {
            let what = "ends inside an escape";
            return Err(Wrong { at, what });
        };
        let simple = match escape {
            b'u' => {
                let (char, len) = unicode(rest.get(plain..).unwrap_or_default()).ok_or(Wrong {
                    at,
                    what: "an escape that is not a valid character",
                })?;
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                at += len;
                continue;
            }
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'"' | b'\\' | b'/' => *escape,
            _ => {
                return Err(Wrong {
                    at,
                    what: "an unknown escape",
                });
            }
        };
        out.push(simple);
        at += 2;
    }
    Ok(())
}

/// The character of `\uXXXX`, or of two that are a surrogate pair, and the length of the escape.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let first = unit(text)?;
    if let Some(char) = char::from_u32(first) {
        return Some((char, UNIT_LEN));
    }
    let second = unit(text.get(UNIT_LEN..)?)?;
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let mut chars = char::decode_utf16(units);
    match (chars.next(), chars.next()) {
        (Some(Ok(char)), None) => Some((char, 2 * UNIT_LEN)),
        _ => None,
    }
}

fn unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        Some(unit << 4 | char::from(*digit).to_digit(16)?)
    })
}

/// `\uXXXX`
const UNIT_LEN: usize = 6;

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += space.count();
        self.text.get(self.at).copied()
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.peek() == Some(byte)
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Wrong> {
        if !self.next_is(byte) {
            return Err(self.wrong(what));
        }
        self.at += 1;
        Ok(())
    }

    /// What stands up to the closing bracket, with commas in between.
    fn entries(
        &mut self,
        close: u8,
        read: &mut dyn FnMut(&mut Self) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        if self.next_is(close) {
            self.at += 1;
            return self.end();
        }
        loop {
            read(self)?;
            if self.next_is(b',') {
                self.at += 1;
                continue;
            }
            self.expect(close, "neither a comma nor the end after a value")?;
            return self.end();
        }
    }

    fn end(&mut self) -> Result<(), Wrong> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("unexpected text after the end")),
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Wrong> {
        match self.peek() {
            Some(b'"') => self.text().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => {
                let word = self.word();
                core::str::from_utf8(word)
                    .map(Value::Number)
                    .map_err(|_| self.wrong("no number"))
            }
            Some(b'{' | b'[') => self.nested(),
            Some(_) => match self.word() {
                b"null" => Ok(Value::Null),
                b"true" => Ok(Value::Bool(true)),
                b"false" => Ok(Value::Bool(false)),
                _ => Err(self.wrong("no value")),
            },
            None => Err(self.wrong("ends before a value")),
        }
    }

    fn word(&mut self) -> &'a [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let len = rest.iter().take_while(part).count();
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    /// What stands between two quotes.
    fn text(&mut self) -> Result<&'a [u8], Wrong> {
        self.expect(b'"', "no text")?;
        let start = self.at;
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(self.text.get(start..self.at - 1).unwrap_or_default());
                }
                b'\\' => self.at += 2,
                0..0x20 => return Err(self.wrong("a control character inside a text")),
                _ => self.at += 1,
            }
        }
        Err(self.wrong("ends inside a text"))
    }

    fn nested(&mut self) -> Result<Value<'a>, Wrong> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.text()?;
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(_) => self.at += 1,
                None => return Err(self.wrong("ends inside a list")),
            }
            if depth == 0 {
                return Ok(Value::Nested(
                    self.text.get(start..self.at).unwrap_or_default(),
                ));
            }
        }
    }

    const fn wrong(&self, what: &'static str) -> Wrong {
        Wrong { at: self.at, what }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn all(line: &[u8]) -> Result<Vec<(&[u8], Value<'_>)>, Wrong> {
        let mut seen = Vec::new();
        members(line, |key, value| {
            seen.push((key, value));
            Ok(())
        })?;
        Ok(seen)
    }

    #[test]
    fn members_of_every_kind() {
        let line =
            b" {\"a\":\"x\\\"\xFF\", \"b\" : -12 ,\"c\":null,\"d\":[1,{\"e\":\"]\"}],\"f\":true} ";
        assert_eq!(
            all(line),
            Ok(vec![
                (&b"a"[..], Value::Text(b"x\\\"\xFF")),
                (b"b", Value::Number("-12")),
                (b"c", Value::Null),
                (b"d", Value::Nested(b"[1,{\"e\":\"]\"}]")),
                (b"f", Value::Bool(true)),
            ])
        );
        assert_eq!(all(b"{}"), Ok(vec![]));
        let mut seen = Vec::new();
        let list = elements(b" [ 1, \"a\" ,[2] ] ", |value| {
            seen.push(value);
            Ok(())
        });
        assert_eq!(list, Ok(()));
        assert_eq!(
            seen,
            [Value::Number("1"), Value::Text(b"a"), Value::Nested(b"[2]")]
        );
        for wrong in [&b"{}"[..], b"[1", b"[1,]", b"[1 2]", b"[1]]"] {
            assert!(elements(wrong, |_| Ok(())).is_err(), "{wrong:?}");
        }
    }

    /// DEC-11: whatever a line holds, it is read or refused.
    #[test]
    fn every_cut_is_refused() {
        let line = b"{\"a\":\"x\\u0041\",\"b\":[\"\\\\\",{}],\"c\":1}";
        assert!(all(line).is_ok());
        for end in 0..line.len() {
            assert!(all(&line[..end]).is_err(), "{end}");
        }
        for wrong in [
            &b"{\"a\":1}x"[..],
            b"{\"a\" 1}",
            b"{\"a\":1 \"b\":2}",
            b"{a:1}",
            b"[]",
            b"{\"a\":nil}",
            b"{\"a\":\"\n\"}",
            b"{\"a\":}",
        ] {
            assert!(all(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn escapes_stand_for_bytes() {
        let check = |text: &[u8]| {
            let mut out = Vec::new();
            unescape(text, &mut out).map(|()| out)
        };
        for (text, expected) in [
            (&b""[..], &b""[..]),
            (b"plain\xFF\x80", b"plain\xFF\x80"),
            (b"\\u0000\\u001F\\u007f", b"\x00\x1F\x7F"),
            (b"\\b\\f\\n\\r\\t\\\"\\\\\\/", b"\x08\x0C\n\r\t\"\\/"),
            (b"\\u00e9\\ud83d\\ude00", "é😀".as_bytes()),
            (b"x\\\\u0041", b"x\\u0041"),
        ] {
            assert_eq!(check(text), Ok(expected.to_vec()), "{text:?}");
        }
        for wrong in [
            &b"\\x"[..],
            b"\\u00",
            b"\\u00g0",
            b"x\\",
            b"\\ud83d",
            b"\\ud83dx",
            b"\\ud83d\\u0041",
            b"\\ude00",
        ] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn strings_escape_what_json_demands() {
        let mut written = String::new();
        push_text(
            &mut written,
            "\"\\/\u{7f}\u{0}\u{1f}\u{8}\u{c}\n\r\tß\u{1F600}",
        );
        assert_eq!(
            written,
            "\"\\\"\\\\/\u{7f}\\u0000\\u001f\\b\\f\\n\\r\\tß\u{1F600}\""
        );
    }
}
