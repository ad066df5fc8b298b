//! JSON as a text: whether it is JSON, where the members of a container stand, what a string in it says.
//! Values are not read, so that numbers, order and escapes stay as they were sent.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// Deepest nesting of what is shown as JSON.
const DEPTH_MAX: usize = 512;
/// Spaces of a level in an indented text.
const INDENT: usize = 2;
/// Bytes of `\uXXXX`.
const UNIT_LEN: usize = 6;

/// Whether a text is one JSON value and nothing else (RFC 8259).
pub(crate) fn is_json(text: &str) -> bool {
    let mut scan = Scan::at(text, 0);
    scan.value().is_some() && {
        scan.space();
        scan.at == text.len()
    }
}

/// Length of the value that a text starts with.
pub(crate) fn value_len(text: &str) -> usize {
    let mut scan = Scan::at(text, 0);
    scan.value().map_or(0, |()| scan.at)
}

/// A member of an object or an element of an array: where its parts stand in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    /// Where its key's quote is; the same as `value` where it has none.
    pub(crate) key: u32,
    /// Where its value starts.
    pub(crate) value: u32,
    /// Where its value ends.
    pub(crate) end: u32,
}

/// The first members of the container that starts here, and whether there are more.
pub(crate) fn children(text: &str, start: u32, count_max: usize) -> (Vec<Child>, bool) {
    let mut list = Vec::new();
    let mut scan = Scan::at(text, start as usize);
    let is_object = match scan.peek() {
        Some(b'{') => true,
        Some(b'[') => false,
        _ => return (list, false),
    };
    scan.at += 1;
    loop {
        scan.space();
        if matches!(scan.peek(), None | Some(b'}' | b']')) {
            return (list, false);
        }
        if list.len() >= count_max {
            return (list, true);
        }
        let Some(child) = scan.child(is_object) else {
            return (list, false);
        };
        list.push(child);
        scan.space();
        if scan.peek() == Some(b',') {
            scan.at += 1;
        }
    }
}

/// A place in a JSON text.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    const fn at(text: &'a str, at: usize) -> Self {
        Self {
            text: text.as_bytes(),
            at,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn child(&mut self, is_object: bool) -> Option<Child> {
        let key = self.at;
        if is_object {
            self.key()?;
            self.space();
        }
        let value = self.at;
        self.value()?;
        Some(Child {
            key: if is_object { key as u32 } else { value as u32 },
            value: value as u32,
            end: self.at as u32,
        })
    }

    fn key(&mut self) -> Option<()> {
        self.string()?;
        self.space();
        self.eat(b':').then_some(())
    }

    /// Moves over one value, without recursion.
    fn value(&mut self) -> Option<()> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.space();
            let first = self.peek()?;
            match first {
                b'{' | b'[' if open.len() >= DEPTH_MAX => return None,
                b'{' | b'[' => {
                    self.at += 1;
                    self.space();
                    let close = if first == b'{' { b'}' } else { b']' };
                    if !self.eat(close) {
                        open.push(close);
                        if first == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => self.word()?,
            }
            loop {
                let Some(&close) = open.last() else {
                    return Some(());
                };
                self.space();
                if self.eat(close) {
                    open.pop();
                } else if self.eat(b',') {
                    if close == b'}' {
                        self.space();
                        self.key()?;
                    }
                    break;
                } else {
                    return None;
                }
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        if !self.eat(b'"') {
            return None;
        }
        loop {
            let rest = self.text.get(self.at..)?;
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
            self.at += plain + 1;
            match rest.get(plain)? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let letter = self.peek()?;
        self.at += 1;
        match letter {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let word = [&b"true"[..], b"false", b"null"]
            .into_iter()
            .find(|word| rest.starts_with(word))?;
        self.at += word.len();
        Some(())
    }
}

/// What the inside of a string says. Half of a surrogate pair is no character: it stays as it was written.
pub(crate) fn unescaped(inside: &str) -> String {
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let (letter, len) = match escape.as_bytes().first() {
            Some(b'u') => unicode(escape).unwrap_or(('\\', 0)),
            Some(b'b') => ('\u{8}', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(&simple) if simple.is_ascii() => (char::from(simple), 1),
            _ => ('\\', 0),
        };
        out.push(letter);
        rest = escape.get(len..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The character of `uXXXX`, or of two that are a pair, and how long that is.
fn unicode(escape: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(1)?;
    if let Some(letter) = char::from_u32(first.into()) {
        return Some((letter, UNIT_LEN - 1));
    }
    let is_pair = escape.get(5..7) == Some("\\u");
    let second = unit(7).filter(|_| is_pair)?;
    let letter = char::decode_utf16([first, second]).next()?.ok()?;
    Some((letter, 2 * UNIT_LEN - 1))
}

/// The first place from `at` on where the inside of a string can be cut: not inside a character, an escape or
/// a pair of them.
pub(crate) fn cut_at(inside: &str, at: usize) -> usize {
    let bytes = inside.as_bytes();
    let mut at = at.min(bytes.len());
    while !inside.is_char_boundary(at) {
        at += 1;
    }
    // A character of an escape is ASCII, so its end is a boundary too.
    for start in at.saturating_sub(UNIT_LEN - 1)..at {
        if bytes.get(start) != Some(&b'\\') {
            continue;
        }
        let before = bytes.get(..start).unwrap_or_default();
        let slashes = before.iter().rev().take_while(|byte| **byte == b'\\');
        let is_escape = slashes.count() % 2 == 0;
        let len = if bytes.get(start + 1) == Some(&b'u') {
            UNIT_LEN
        } else {
            2
        };
        if is_escape && start + len > at {
            at = (start + len).min(bytes.len());
            break;
        }
    }
    // The second half belongs to the first.
    let high = at
        .checked_sub(UNIT_LEN)
        .and_then(|start| inside.get(start..at));
    let low = inside.get(at..at + UNIT_LEN);
    let half = |unit: Option<&str>, digits: [&str; 4]| {
        unit.and_then(|unit| unit.strip_prefix("\\u"))
            .and_then(|unit| unit.get(..2))
            .is_some_and(|start| digits.iter().any(|d| d.eq_ignore_ascii_case(start)))
    };
    if half(high, ["d8", "d9", "da", "db"]) && half(low, ["dc", "dd", "de", "df"]) {
        at += UNIT_LEN;
    }
    at
}

/// A valid JSON text with a value on each line.
pub(crate) fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    let mut scan = Scan::at(text, 0);
    let mut depth = 0_usize;
    let line = |out: &mut String, depth: usize| {
        let _ = write!(out, "\n{:1$}", "", depth * INDENT);
    };
    loop {
        scan.space();
        let start = scan.at;
        let Some(byte) = scan.peek() else {
            return out;
        };
        scan.at += 1;
        match byte {
            b'{' | b'[' => {
                out.push(char::from(byte));
                scan.space();
                if let Some(close @ (b'}' | b']')) = scan.peek() {
                    scan.at += 1;
                    out.push(char::from(close));
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(char::from(byte));
            }
            b',' => {
                out.push(',');
                line(&mut out, depth);
            }
            b':' => out.push_str(": "),
            _ => {
                scan.at = start;
                // Text that is no JSON ends it rather than to be repeated for ever.
                if scan.value().is_none() {
                    out.push_str(text.get(start..).unwrap_or_default());
                    return out;
                }
                out.push_str(text.get(start..scan.at).unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_what_is_not() {
        for text in [
            "{}",
            "[]",
            " [ 1 , {\"a\" : [ ] } ] ",
            "\"\\ud800\\n\"",
            "-0.5e+3",
            "true",
            "null",
            "{\"\":{\"b\":\"}\"}}",
        ] {
            assert!(is_json(text), "{text}");
        }
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "01",
            "1.",
            "-",
            "\"\n\"",
            "\"\\x\"",
            "tru",
            "1 2",
            "{a:1}",
            "[1}",
            "nulll",
            "\"\\u12g4\"",
            "'a'",
            "+1",
            ".5",
        ] {
            assert!(!is_json(text), "{text}");
        }
        assert!(is_json(&["[".repeat(512), "]".repeat(512)].concat()));
        assert!(!is_json(&["[".repeat(513), "]".repeat(513)].concat()));
    }

    #[test]
    fn members_are_found_where_they_stand() {
        let text = r#" {"a" : [1, 2] ,"b\"":{"c":null}}"#;
        let (list, more) = children(text, 1, 10);
        let parts: Vec<_> = list
            .iter()
            .map(|child| {
                let part = |from: u32, to: u32| &text[from as usize..to as usize];
                (part(child.key, child.value), part(child.value, child.end))
            })
            .collect();
        assert_eq!(
            parts,
            [("\"a\" : ", "[1, 2]"), ("\"b\\\"\":", "{\"c\":null}")]
        );
        assert!(!more);
        assert_eq!(children("[1,2,3]", 0, 2).0.len(), 2);
        assert!(children("[1,2,3]", 0, 2).1);
        assert!(children("[]", 0, 2).0.is_empty());
        assert!(children("7", 0, 2).0.is_empty());
    }

    /// D-39: lone surrogates, NUL and pairs.
    #[test]
    fn strings_say_what_they_say() {
        for (inside, expected) in [
            ("plain \u{202e}", "plain \u{202e}"),
            ("a\\n\\t\\\"\\\\\\/", "a\n\t\"\\/"),
            ("\\u0000\\u00e9", "\0é"),
            ("\\ud83d\\ude00", "\u{1F600}"),
            ("\\ud83d!", "\\ud83d!"),
            ("\\ude00\\ud83d", "\\ude00\\ud83d"),
        ] {
            assert_eq!(unescaped(inside), expected);
        }
    }

    /// Windows of a string add up to it, wherever they are cut.
    #[test]
    fn strings_are_cut_between_characters() {
        let inside = "a\u{1F389}\\\\\\\\n\\u00e9\\ud83d\\ude00x\\ud83d\\\"\u{202e}\\\\";
        let whole = unescaped(inside);
        for at in 0..=inside.len() {
            let cut = cut_at(inside, at);
            assert!(cut >= at && cut <= at + 12 && inside.is_char_boundary(cut));
            let joined = [unescaped(&inside[..cut]), unescaped(&inside[cut..])].concat();
            assert_eq!(joined, whole, "cut at {at} -> {cut}");
        }
    }

    #[test]
    fn a_text_is_indented() {
        assert_eq!(
            indented(r#"{"a":[1,{}, "x,:"],"b":{ }}"#),
            "{\n  \"a\": [\n    1,\n    {},\n    \"x,:\"\n  ],\n  \"b\": {}\n}"
        );
        assert_eq!(indented("no json"), "no json");
    }
}
