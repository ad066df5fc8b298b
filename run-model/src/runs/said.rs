//! What a message says besides its place in the run, in words that people read: arguments and results of tools,
//! errors with their stack, metrics with their unit, attributes of events.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use decode_core::fields::{Fields, Value};
use decode_core::text::double;
use decode_core::wire::MessageKind;

use super::attributes::{Attribute, attributes, metrics};
use crate::limits::SAID_BYTES_MAX;
use crate::row::{Row, RowKind};

/// One thing that a message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// What it is: `arguments`, `stack_trace`, the name of a metric or attribute.
    pub name: String,
    /// Its text, cut where it is long; empty where it is not text.
    pub text: String,
    /// Bytes of the whole.
    pub bytes: usize,
    /// Unit of a metric, else empty.
    pub unit: String,
}

/// Collects what messages say, up to a bound.
#[derive(Debug, Default)]
pub(crate) struct Saying {
    pub(crate) said: Vec<Said>,
    bytes: usize,
    /// Things that the bound left out.
    pub(crate) left_out: usize,
}

impl Saying {
    fn add(&mut self, name: &str, value: &[u8], unit: &str) {
        if value.is_empty() {
            return;
        }
        let room = SAID_BYTES_MAX
            .saturating_sub(self.bytes)
            .min(SAID_BYTES_EACH_MAX);
        if room == 0 || self.said.len() >= SAID_MAX {
            self.left_out += 1;
            return;
        }
        let whole = core::str::from_utf8(value).unwrap_or_default();
        let said = Said {
            name: cut(name, NAME_MAX).to_owned(),
            text: cut(whole, room).to_owned(),
            bytes: value.len(),
            unit: cut(unit, NAME_MAX).to_owned(),
        };
        self.bytes += size_of::<Said>() + said.name.len() + said.text.len() + said.unit.len();
        self.said.push(said);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.add(name, text.as_bytes(), "");
    }

    /// Takes what one message says.
    pub(crate) fn take(&mut self, row: &Row<'_>) {
        let RowKind::Message(kind) = row.kind else {
            return;
        };
        match kind {
            MessageKind::ToolExecution => self.tool(row.fields()),
            MessageKind::Error => self.error(row.fields()),
            MessageKind::Metrics => {
                for (name, value, unit) in metrics(row) {
                    self.add(name, written(value).as_bytes(), unit);
                }
            }
            MessageKind::Event => {
                for (name, value) in attributes(row) {
                    self.text(name, &written(value));
                }
            }
            // Tokens are joined; state has its own views.
            MessageKind::StateDiff
            | MessageKind::TokenChunk
            | MessageKind::Checkpoint
            | MessageKind::EventBatch
            | MessageKind::ExecutionTrace => {}
        }
    }

    fn tool<'a>(&mut self, fields: impl Iterator<Item = (u32, Value<'a>)>) {
        for (number, value) in fields {
            match number {
                5 => self.add("arguments", value.bytes(), ""),
                6 => self.add("result", value.bytes(), ""),
                7 => self.add("error", value.bytes(), ""),
                8 => self.error(Fields::new(value.bytes())),
                10 if value.bits() > 0 => self.text("retries", &format!("{}", value.bits())),
                _ => {}
            }
        }
    }

    fn error<'a>(&mut self, fields: impl Iterator<Item = (u32, Value<'a>)>) {
        for (number, value) in fields {
            match number {
                2 => self.add("error_code", value.bytes(), ""),
                3 => self.add("message", value.bytes(), ""),
                4 => self.add("stack_trace", value.bytes(), ""),
                5 => {
                    let part = |wanted| {
                        let mut parts = Fields::new(value.bytes());
                        let found = parts.find(|(number, _)| *number == wanted);
                        found.map_or(&[][..], |(_, part)| part.bytes())
                    };
                    let name = core::str::from_utf8(part(1)).unwrap_or_default();
                    self.add(name, part(2), "");
                }
                7 => self.add("exception_type", value.bytes(), ""),
                8 => self.add("suggestion", value.bytes(), ""),
                _ => {}
            }
        }
    }
}

fn written(value: Attribute<'_>) -> String {
    match value {
        Attribute::Text(text) => text.to_owned(),
        Attribute::Int(number) => format!("{number}"),
        Attribute::Float(number) => double(number),
        Attribute::Bool(flag) => format!("{flag}"),
        Attribute::Other => String::new(),
    }
}

/// As much of a text as has room, whole characters.
fn cut(text: &str, room: usize) -> &str {
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Things said in one answer.
const SAID_MAX: usize = 500;
/// Bytes of one of them; its record has the whole.
const SAID_BYTES_EACH_MAX: usize = 32 * 1024;
const NAME_MAX: usize = 128;
