//! A stretch of an input on its way through the pipeline: what was found, in one buffer.

use std::ops::Range;
use std::sync::Arc;

use super::verdict::{Judge, Summary};
use crate::input::{Content, Found, Item, Line, LineFormat, Lines, Place};
use crate::outcome::Failure;

/// Part of one source, in order.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) number: u64,
    input: Arc<str>,
    bytes: Vec<u8>,
    units: Vec<Unit>,
    notices: Vec<String>,
    failure: Option<String>,
}

#[derive(Debug)]
struct Unit {
    index: Option<u64>,
    place: Option<Place>,
    kind: Kind,
    bytes: Range<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Payload,
    TooLong(u64),
    Null,
    Truncated { len: u64 },
    Rejected { code: u32 },
    Gap { last: u64, cause: u32 },
    Unreadable,
    Line(LineFormat),
}

/// What became of a chunk.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) number: u64,
    /// Bytes of the input that it stands for.
    pub(super) read_bytes: u64,
    pub(super) out: Vec<u8>,
    pub(super) summary: Summary,
    pub(super) notices: Vec<String>,
    /// Why the source could not be read further.
    pub(super) failure: Option<String>,
    pub(super) cost: usize,
}

impl Chunk {
    pub(super) fn new(number: u64, input: &Arc<str>) -> Self {
        Self {
            number,
            input: Arc::clone(input),
            bytes: Vec::new(),
            units: Vec::new(),
            notices: Vec::new(),
            failure: None,
        }
    }

    pub(super) fn push(&mut self, found: Found<'_>) {
        let (index, place, kind, bytes) = match found {
            Found::Mark(_) => return,
            Found::Notice(text) => return self.notices.push(text.to_owned()),
            Found::Line(Line {
                index,
                format,
                bytes,
            }) => (Some(index), None, Kind::Line(format), bytes),
            Found::Item(item) => {
                let (kind, bytes): (_, &[u8]) = match item.content {
                    Content::Payload(bytes) => (Kind::Payload, bytes),
                    Content::TooLong(len) => (Kind::TooLong(len), &[]),
                    Content::Null => (Kind::Null, &[]),
                    Content::Truncated { head, len } => (Kind::Truncated { len }, head),
                    Content::Rejected { code, prefix } => (Kind::Rejected { code }, prefix),
                    Content::Gap { last, cause } => (Kind::Gap { last, cause }, &[]),
                    Content::Unreadable(what) => (Kind::Unreadable, what.as_bytes()),
                };
                (item.index, item.place, kind, bytes)
            }
        };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.units.push(Unit {
            index,
            place,
            kind,
            bytes: start..self.bytes.len(),
        });
    }

    /// Ends the source with what kept it from being read on.
    pub(super) fn fail(&mut self, failure: &Failure) {
        self.failure = Some(failure.to_string());
    }

    pub(super) fn is_full(&self) -> bool {
        self.cost() >= CHUNK_BYTES_TARGET
    }

    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty() && self.notices.is_empty() && self.failure.is_none()
    }

    /// Bytes it holds.
    pub(super) fn cost(&self) -> usize {
        self.bytes.len() + self.units.len() * size_of::<Unit>()
    }

    /// Judges all of it.
    pub(super) fn judge(self, judge: &mut Judge, lines: &mut Lines) -> Done {
        let mut out = Vec::new();
        for unit in &self.units {
            let bytes = self.bytes.get(unit.bytes.clone()).unwrap_or_default();
            let item = match unit.kind {
                Kind::Line(format) => lines.item(&Line {
                    index: unit.index.unwrap_or_default(),
                    format,
                    bytes,
                }),
                Kind::Payload
                | Kind::TooLong(_)
                | Kind::Null
                | Kind::Truncated { .. }
                | Kind::Rejected { .. }
                | Kind::Gap { .. }
                | Kind::Unreadable => Item::new(unit.index, unit.place, unit.content(bytes)),
            };
            // Memory takes everything.
            let _ = judge.item(&mut out, &self.input, &item);
        }
        Done {
            number: self.number,
            read_bytes: self.bytes.len() as u64,
            out,
            summary: std::mem::take(&mut judge.summary),
            cost: self.cost(),
            notices: self.notices,
            failure: self.failure,
        }
    }
}

impl Unit {
    fn content<'a>(&self, bytes: &'a [u8]) -> Content<'a> {
        match self.kind {
            // Lines are read elsewhere.
            Kind::Payload | Kind::Line(_) => Content::Payload(bytes),
            Kind::TooLong(len) => Content::TooLong(len),
            Kind::Null => Content::Null,
            Kind::Truncated { len } => Content::Truncated { head: bytes, len },
            Kind::Rejected { code } => Content::Rejected {
                code,
                prefix: bytes,
            },
            Kind::Gap { last, cause } => Content::Gap { last, cause },
            Kind::Unreadable => Content::Unreadable(std::str::from_utf8(bytes).unwrap_or("")),
        }
    }
}

/// A chunk goes on its way when it holds this much.
const CHUNK_BYTES_TARGET: usize = 256 * 1024;
