//! One payload's verdict, and the sum of many.

use std::collections::BTreeMap;
use std::io::{self, Write};

use decode_core::wire::{GapCause, MessageKind, PAYLOAD_BYTES_MAX, RejectCode};
use decode_core::{Checked, Decoder, EventFacts, EventSink};
use serde::Serialize;

use crate::input::{Content, Item};
use crate::outcome::Outcome;
use crate::output::{describe, gap_text, place_text, reject_text, write_line};
use crate::truncated::certain_refusal;

/// One payload's line. What does not apply is null, so that every line has the same keys.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    input: &'a str,
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<String>,
    verdict: &'a str,
    code: Option<&'a str>,
    kind: Option<&'a str>,
    thread_id: Option<&'a str>,
    /// Decimal text: JavaScript would round the number.
    sequence: Option<String>,
    schema_version: Option<u32>,
    mismatch: Option<bool>,
    bytes: u64,
    decoded_bytes: Option<u64>,
}

/// What was found, in numbers.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) payloads: u64,
    accepted: u64,
    rejected: u64,
    /// Payloads of which too little is there for a verdict.
    truncated: u64,
    /// Records that could not be read at all.
    unreadable: u64,
    gaps: u64,
    /// Of a schema version this build cannot apply.
    mismatches: u64,
    bytes: u64,
    kinds: BTreeMap<&'static str, u64>,
    codes: BTreeMap<String, u64>,
    gap_causes: BTreeMap<String, u64>,
}

/// Judges items one by one and writes what is to be said about each.
pub(super) struct Judge {
    decoder: Decoder,
    json: bool,
    pub(super) summary: Summary,
}

impl Judge {
    pub(super) fn new(decoder: Decoder, json: bool) -> Self {
        Self {
            decoder,
            json,
            summary: Summary::default(),
        }
    }

    pub(super) fn item(
        &mut self,
        out: &mut Vec<u8>,
        input: &str,
        item: &Item<'_>,
    ) -> io::Result<()> {
        let mut report = Report {
            json: self.json,
            summary: &mut self.summary,
            out,
            input,
            item,
        };
        match item.content {
            Content::Payload(payload) => report.payload(&mut self.decoder, payload),
            Content::TooLong(len) => report.too_long(len),
            Content::Truncated { head, len } => report.truncated(&mut self.decoder, head, len),
            Content::Rejected { code, prefix } => report.rejected(
                &reject_text(code),
                "refused by the relay",
                prefix.len() as u64,
            ),
            Content::Null => {
                let offset = item.place.map_or(0, |place| place.offset);
                report.gap(offset, GapCause::NullValue.number())
            }
            Content::Gap { last, cause } => report.gap(last, cause),
            Content::Unreadable(what) => report.unreadable(what),
        }
    }
}

/// What one item adds.
struct Report<'a> {
    json: bool,
    summary: &'a mut Summary,
    out: &'a mut Vec<u8>,
    input: &'a str,
    item: &'a Item<'a>,
}

impl Report<'_> {
    fn payload(&mut self, decoder: &mut Decoder, payload: &[u8]) -> io::Result<()> {
        let bytes = payload.len() as u64;
        let mut inner = Inner::default();
        let decoded = match decoder.decode(payload, &mut inner) {
            Ok(decoded) => decoded,
            Err(reject) => return self.rejected(reject.code().code(), &describe(&reject), bytes),
        };
        let facts = decoded.summary;
        let kind = facts.kind.map(MessageKind::code);
        let mismatch = facts.newer_schema().is_some();
        self.summary.payloads += 1;
        self.summary.accepted += 1;
        self.summary.mismatches += u64::from(mismatch);
        self.summary.bytes += bytes;
        *self.summary.kinds.entry(kind.unwrap_or(UNSET)).or_default() += 1;
        if !self.json {
            return Ok(());
        }
        let header = facts.header;
        let thread = if header.thread.is_empty() {
            inner.thread
        } else {
            header.thread
        };
        let sequence = if header.sequence == 0 {
            inner.sequence
        } else {
            header.sequence
        };
        let line = Line {
            kind,
            thread_id: Some(thread.as_str()),
            sequence: Some(sequence.to_string()),
            schema_version: Some(facts.schema_version_max),
            mismatch: Some(mismatch),
            decoded_bytes: Some(decoded.body.len() as u64),
            ..Line::of(self.input, self.item, "accepted", bytes)
        };
        write_line(self.out, &line)
    }

    fn too_long(&mut self, len: u64) -> io::Result<()> {
        let what = format!("payload of {len} bytes exceeds {PAYLOAD_BYTES_MAX}");
        self.rejected(RejectCode::TooLarge.code(), &what, len)
    }

    fn truncated(&mut self, decoder: &mut Decoder, head: &[u8], len: u64) -> io::Result<()> {
        if let Some((code, what)) = certain_refusal(decoder, head, len) {
            return self.rejected(code.code(), &what, len);
        }
        self.summary.payloads += 1;
        self.summary.truncated += 1;
        self.summary.bytes += len;
        let what = format!("the first {} of {len} bytes do not decide", head.len());
        self.other("truncated", None, &what, len)
    }

    fn rejected(&mut self, code: &str, what: &str, bytes: u64) -> io::Result<()> {
        self.summary.payloads += 1;
        self.summary.rejected += 1;
        self.summary.bytes += bytes;
        *self.summary.codes.entry(code.to_owned()).or_default() += 1;
        self.other("rejected", Some(code), what, bytes)
    }

    fn gap(&mut self, last: u64, cause: u32) -> io::Result<()> {
        let cause = gap_text(cause);
        self.summary.gaps += 1;
        *self.summary.gap_causes.entry(cause.clone()).or_default() += 1;
        self.other("gap", Some(&cause), &format!("up to {last}"), 0)
    }

    fn unreadable(&mut self, what: &str) -> io::Result<()> {
        self.summary.unreadable += 1;
        self.other("unreadable", None, what, 0)
    }

    /// Everything but an accepted payload, in either form.
    fn other(
        &mut self,
        verdict: &str,
        code: Option<&str>,
        what: &str,
        bytes: u64,
    ) -> io::Result<()> {
        if self.json {
            let line = Line {
                code,
                ..Line::of(self.input, self.item, verdict, bytes)
            };
            return write_line(self.out, &line);
        }
        let place = place_text(self.input, self.item);
        match code {
            Some(code) => writeln!(self.out, "{place}: {verdict} {code}: {what}"),
            None => writeln!(self.out, "{place}: {verdict}: {what}"),
        }
    }
}

impl<'a> Line<'a> {
    fn of(input: &'a str, item: &Item<'_>, verdict: &'a str, bytes: u64) -> Self {
        Self {
            input,
            index: item.index,
            partition: item.place.map(|place| place.partition),
            offset: item.place.map(|place| place.offset.to_string()),
            verdict,
            code: None,
            kind: None,
            thread_id: None,
            sequence: None,
            schema_version: None,
            mismatch: None,
            bytes,
            decoded_bytes: None,
        }
    }
}

impl Summary {
    pub(super) fn add(&mut self, other: Self) {
        self.payloads += other.payloads;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.truncated += other.truncated;
        self.unreadable += other.unreadable;
        self.gaps += other.gaps;
        self.mismatches += other.mismatches;
        self.bytes += other.bytes;
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        for (code, count) in other.codes {
            *self.codes.entry(code).or_default() += count;
        }
        for (cause, count) in other.gap_causes {
            *self.gap_causes.entry(cause).or_default() += count;
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self.rejected + self.truncated + self.gaps {
            _ if self.unreadable > 0 => Outcome::Unreadable,
            0 => Outcome::Clean,
            _ => Outcome::Found,
        }
    }

    pub(super) fn write(&self, json: bool, out: &mut impl Write) -> io::Result<()> {
        if json {
            return write_line(out, &BTreeMap::from([("summary", self)]));
        }
        writeln!(
            out,
            "{} payloads, {} bytes: {} accepted, {} rejected, {} gaps",
            self.payloads, self.bytes, self.accepted, self.rejected, self.gaps
        )?;
        for (kind, count) in &self.kinds {
            writeln!(out, "  {kind:<20} {count}")?;
        }
        for (code, count) in &self.codes {
            writeln!(out, "  rejected {code:<22} {count}")?;
        }
        for (cause, count) in &self.gap_causes {
            writeln!(out, "  gap {cause:<27} {count}")?;
        }
        for (what, count) in [
            ("truncated", self.truncated),
            ("unreadable", self.unreadable),
            ("newer schema version", self.mismatches),
        ] {
            if count > 0 {
                writeln!(out, "  {what:<31} {count}")?;
            }
        }
        Ok(())
    }
}

/// What a batch's own header does not say: its sequence is 0 by design.
#[derive(Default)]
struct Inner<'a> {
    thread: Checked<'a>,
    sequence: u64,
}

impl<'a> EventSink<'a> for Inner<'a> {
    fn event(&mut self, event: &EventFacts<'a>) {
        if self.thread.is_empty() {
            self.thread = event.header.thread;
        }
        if event.header.thread == self.thread {
            self.sequence = self.sequence.max(event.header.sequence);
        }
    }

    fn restart(&mut self) {
        *self = Self::default();
    }
}

/// An envelope whose member is absent or of a kind this build does not know.
const UNSET: &str = "unset";
