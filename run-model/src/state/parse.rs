//! Strict JSON: RFC 8259 and nothing else, within the bounds of a state.

use alloc::string::String;
use alloc::sync::Arc;

use super::value::{Array, Number, Object, Text, Value};
use super::{STATE_DEPTH_MAX, STATE_VALUES_MAX};

/// Why bytes are no JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset.
    pub at: usize,
    /// A fixed English text.
    pub what: &'static str,
}

impl core::fmt::Display for JsonError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl core::error::Error for JsonError {}

impl Value {
    /// Reads one JSON value. Of a key that stands twice the last value counts, as for the producers.
    ///
    /// # Errors
    /// Bytes that are not UTF-8 or not JSON, and values nested too deep or too many.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let text = core::str::from_utf8(bytes).map_err(|error| JsonError {
            at: error.valid_up_to(),
            what: "invalid UTF-8",
        })?;
        let mut parser = Parser {
            text,
            at: 0,
            values: 0,
        };
        let value = parser.value(STATE_DEPTH_MAX)?;
        parser.white_space();
        match parser.peek() {
            None => Ok(value),
            Some(_) => Err(parser.error("text after the value")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth_left: u32) -> Result<Value, JsonError> {
        self.white_space();
        self.values += 1;
        if self.values > STATE_VALUES_MAX {
            return Err(self.error("too many values"));
        }
        match self.peek() {
            Some(b'{') => self.object(self.deeper(depth_left)?),
            Some(b'[') => self.array(self.deeper(depth_left)?),
            Some(b'"') => self.string().map(|text| Value::Text(Text::new(&text))),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            _ => Err(self.error("no JSON value")),
        }
    }

    fn deeper(&self, depth_left: u32) -> Result<u32, JsonError> {
        let less = depth_left.checked_sub(1);
        less.ok_or_else(|| self.error("nested too deep"))
    }

    fn array(&mut self, depth_left: u32) -> Result<Value, JsonError> {
        self.at += 1;
        let mut array = Array::default();
        if self.next_is(b']') {
            return Ok(Value::Array(Arc::new(array)));
        }
        loop {
            let value = self.value(depth_left)?;
            array.insert(array.items().len(), value);
            if self.next_is(b']') {
                return Ok(Value::Array(Arc::new(array)));
            }
            self.comma()?;
        }
    }

    fn object(&mut self, depth_left: u32) -> Result<Value, JsonError> {
        self.at += 1;
        let mut object = Object::default();
        if self.next_is(b'}') {
            return Ok(Value::Object(Arc::new(object)));
        }
        loop {
            self.white_space();
            if self.peek() != Some(b'"') {
                return Err(self.error("no key"));
            }
            let key = self.string()?;
            if !self.next_is(b':') {
                return Err(self.error("no colon after a key"));
            }
            let value = self.value(depth_left)?;
            object.set(&key, value);
            if self.next_is(b'}') {
                return Ok(Value::Object(Arc::new(object)));
            }
            self.comma()?;
        }
    }

    fn comma(&mut self) -> Result<(), JsonError> {
        if self.next_is(b',') {
            return Ok(());
        }
        Err(self.error("neither comma nor end"))
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.take(b"-");
        if self.take(b"0") == 0 {
            self.digits()?;
        }
        if self.take(b".") == 1 {
            self.digits()?;
        }
        if self.take(b"eE") == 1 {
            self.take(b"+-");
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        Ok(Value::Number(Number::checked(text)))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.take(b"0123456789") == 1 {}
        if self.at == start {
            return Err(self.error("no digit"));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = rest
                .bytes()
                .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
            let plain = plain.ok_or_else(|| self.error("text without end"))?;
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.error("a control character in a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let letter = match self.peek() {
            Some(letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.by_number(),
            _ => return Err(self.error("an unknown escape")),
        };
        self.at += 1;
        Ok(letter)
    }

    fn by_number(&mut self) -> Result<char, JsonError> {
        let first = self.unit()?;
        if let Some(letter) = char::from_u32(first) {
            return Ok(letter);
        }
        // Surrogates come in pairs or not at all.
        if !(0xD800..0xDC00).contains(&first) || self.take(b"\\") == 0 || self.peek() != Some(b'u')
        {
            return Err(self.error("half a surrogate pair"));
        }
        let second = self.unit()?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(self.error("half a surrogate pair"));
        }
        let number = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        char::from_u32(number).ok_or_else(|| self.error("half a surrogate pair"))
    }

    /// The four digits after a `u`.
    fn unit(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
        let mut number = 0;
        for digit in digits.unwrap_or(b"?") {
            let value = char::from(*digit).to_digit(16);
            number = number << 4 | value.ok_or_else(|| self.error("not four hex digits"))?;
        }
        self.at += 5;
        Ok(number)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.error("no JSON value"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Passes over one byte if it is one of these.
    fn take(&mut self, these: &[u8]) -> usize {
        let taken = usize::from(self.peek().is_some_and(|byte| these.contains(&byte)));
        self.at += taken;
        taken
    }

    /// Passes over white space, and over `byte` if it follows.
    fn next_is(&mut self, byte: u8) -> bool {
        self.white_space();
        self.take(&[byte]) == 1
    }

    fn white_space(&mut self) {
        while self.take(b" \t\n\r") == 1 {}
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    const fn error(&self, what: &'static str) -> JsonError {
        JsonError { at: self.at, what }
    }
}
