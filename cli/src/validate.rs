//! `dashstream validate`: the verdict on every payload, the same that the relay and the browser
//! reach, as it is the same decoder.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use decode_core::wire::{MessageKind, PAYLOAD_BYTES_MAX, RejectCode};
use decode_core::{Decoder, EventFacts, EventSink};
use serde::Serialize;

use crate::input::{self, Content, InputArgs, Item, ModeArgs};
use crate::outcome::{Failure, Outcome};
use crate::output::{describe, gap_text, place_text, reject_text, write_line};

/// Check payloads: framing, compression, protobuf, limits
///
/// Without --json only rejected payloads and gaps are printed, then a summary. With --json each payload
/// is one object on a line of its own, and the last line is {"summary": ...}.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    mode: ModeArgs,
    /// One JSON object per payload
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let stdout = BufWriter::new(io::stdout().lock());
    let mut validation = Validation {
        decoder: Decoder::new(args.mode.mode()),
        json: args.json,
        summary: Summary::default(),
        out: stdout,
    };
    let mut unreadable = false;
    for source in args.input.sources() {
        let name = source.name();
        let mut visit = |item: Item<'_>| {
            validation
                .item(&name, &item)
                .map_err(|error| Failure::stdout(&error))
        };
        match input::read(&source, args.input.format, &mut visit) {
            Ok(()) => {}
            Err(Failure::Io(text)) => {
                unreadable = true;
                eprintln!("dashstream: {text}");
            }
            Err(failure) => return Err(failure),
        }
    }
    validation
        .finish()
        .map_err(|error| Failure::stdout(&error))?;
    let summary = validation.summary;
    Ok(match (unreadable, summary.rejected + summary.gaps) {
        (true, _) => Outcome::Unreadable,
        (false, 0) => Outcome::Clean,
        (false, _) => Outcome::Found,
    })
}

struct Validation<W> {
    decoder: Decoder,
    json: bool,
    summary: Summary,
    out: W,
}

/// One payload's line. What does not apply is null, so that every line has the same keys.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    input: &'a str,
    index: u64,
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

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    payloads: u64,
    accepted: u64,
    rejected: u64,
    gaps: u64,
    /// Of a schema version this build cannot apply.
    mismatches: u64,
    bytes: u64,
    kinds: BTreeMap<&'static str, u64>,
    codes: BTreeMap<String, u64>,
}

impl<W: Write> Validation<W> {
    fn item(&mut self, input: &str, item: &Item<'_>) -> io::Result<()> {
        match item.content {
            Content::Payload(payload) => self.payload(input, item, payload),
            Content::TooLong(len) => {
                let what = format!("payload of {len} bytes exceeds {PAYLOAD_BYTES_MAX}");
                self.rejected(input, item, RejectCode::TooLarge.code(), &what, len)
            }
            Content::Rejected { code, prefix } => {
                let what = "refused by the relay";
                self.rejected(input, item, &reject_text(code), what, prefix.len() as u64)
            }
            Content::Gap { last, cause } => self.gap(input, item, last, cause),
        }
    }

    fn payload(&mut self, input: &str, item: &Item<'_>, payload: &[u8]) -> io::Result<()> {
        let mut inner = Inner::default();
        let decoded = match self.decoder.decode(payload, &mut inner) {
            Ok(decoded) => decoded,
            Err(reject) => {
                let code = reject.code().code();
                let what = describe(&reject);
                return self.rejected(input, item, code, &what, payload.len() as u64);
            }
        };
        let summary = decoded.summary;
        let kind = summary.kind.map(MessageKind::code);
        let mismatch = summary.newer_schema().is_some();
        self.summary.payloads += 1;
        self.summary.accepted += 1;
        self.summary.mismatches += u64::from(mismatch);
        self.summary.bytes += payload.len() as u64;
        *self.summary.kinds.entry(kind.unwrap_or(UNSET)).or_default() += 1;
        if !self.json {
            return Ok(());
        }
        let header = summary.header;
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
            code: None,
            kind,
            thread_id: Some(thread),
            sequence: Some(sequence.to_string()),
            schema_version: Some(summary.schema_version_max),
            mismatch: Some(mismatch),
            decoded_bytes: Some(decoded.body.len() as u64),
            ..Line::of(input, item, "accepted", payload.len() as u64)
        };
        write_line(&mut self.out, &line)
    }

    fn rejected(
        &mut self,
        input: &str,
        item: &Item<'_>,
        code: &str,
        what: &str,
        bytes: u64,
    ) -> io::Result<()> {
        self.summary.payloads += 1;
        self.summary.rejected += 1;
        self.summary.bytes += bytes;
        *self.summary.codes.entry(code.to_owned()).or_default() += 1;
        if self.json {
            let line = Line {
                code: Some(code),
                ..Line::of(input, item, "rejected", bytes)
            };
            return write_line(&mut self.out, &line);
        }
        writeln!(
            self.out,
            "{}: rejected {code}: {what}",
            place_text(input, item)
        )
    }

    fn gap(&mut self, input: &str, item: &Item<'_>, last: u64, cause: u32) -> io::Result<()> {
        self.summary.gaps += 1;
        let cause = gap_text(cause);
        if self.json {
            let line = Line {
                code: Some(&cause),
                ..Line::of(input, item, "gap", 0)
            };
            return write_line(&mut self.out, &line);
        }
        writeln!(
            self.out,
            "{}: gap up to {last}: {cause}",
            place_text(input, item)
        )
    }

    fn finish(&mut self) -> io::Result<()> {
        let summary = &self.summary;
        if self.json {
            write_line(&mut self.out, &BTreeMap::from([("summary", summary)]))?;
            return self.out.flush();
        }
        writeln!(
            self.out,
            "{} payloads, {} bytes: {} accepted, {} rejected, {} gaps",
            summary.payloads, summary.bytes, summary.accepted, summary.rejected, summary.gaps
        )?;
        for (kind, count) in &summary.kinds {
            writeln!(self.out, "  {kind:<20} {count}")?;
        }
        for (code, count) in &summary.codes {
            writeln!(self.out, "  rejected {code:<22} {count}")?;
        }
        if summary.mismatches > 0 {
            writeln!(self.out, "  newer schema version {}", summary.mismatches)?;
        }
        self.out.flush()
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

/// What a batch's own header does not say: its sequence is 0 by design.
#[derive(Default)]
struct Inner<'a> {
    thread: &'a str,
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
