//! The canonical text, which producers hash: no white space, keys ascending by UTF-8 bytes, strings
//! escaped only where JSON demands it, numbers as they came.

use alloc::string::String;
use core::fmt::{self, Write};

use super::escape::{Escape, escape};
use super::value::Value;

impl Value {
    /// The canonical text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::with_capacity(self.size().bytes);
        // Writing into a String cannot fail.
        let _ = self.write_text(&mut out);
        out
    }

    /// Writes the canonical text, piece by piece.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write_text(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(true) => out.write_str("true"),
            Self::Bool(false) => out.write_str("false"),
            Self::Number(number) => out.write_str(number.text()),
            Self::Text(text) => string(out, text.as_str()),
            Self::Array(array) => {
                let mut separator = '[';
                for item in array.items() {
                    out.write_char(core::mem::replace(&mut separator, ','))?;
                    item.write_text(out)?;
                }
                out.write_str(if separator == '[' { "[]" } else { "]" })
            }
            Self::Object(object) => {
                let mut separator = '{';
                for (key, value) in object.members() {
                    out.write_char(core::mem::replace(&mut separator, ','))?;
                    string(out, key)?;
                    out.write_char(':')?;
                    value.write_text(out)?;
                }
                out.write_str(if separator == '{' { "{}" } else { "}" })
            }
        }
    }
}

fn string(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some(at) = rest.find(|c| escape(c).is_some()) {
        let (plain, special) = rest.split_at(at);
        out.write_str(plain)?;
        let mut letters = special.chars();
        let letter = letters.next().unwrap_or_default();
        match escape(letter) {
            Some(Escape::Short(short)) => out.write_str(short)?,
            _ => write!(out, "\\u{:04x}", u32::from(letter))?,
        }
        rest = letters.as_str();
    }
    out.write_str(rest)?;
    out.write_char('"')
}
