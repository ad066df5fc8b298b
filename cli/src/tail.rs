//! `dashstream tail`: what a relay delivers, a line for each record, with gaps and rejects in
//! their place.

use std::io::{self, BufWriter, StdoutLock, Write};

use dashstream_proto::schema;
use decode_core::frame::Frame;
use decode_core::wire::{FrameKind, MessageKind, mode};
use decode_core::{Decoder, Mode, Reject, Summary};
use serde::Serialize;
use session::control::Welcome;

use crate::follow::{self, FollowArgs, Watcher};
use crate::outcome::{Failure, Outcome, concluded};
use crate::output::{gap_text, reject_text, write_line};
use crate::utc::utc;

/// Follow a relay: one line per record, gap and reject
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    follow: FollowArgs,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    /// No lines, only what --digest prints
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut tail = Tail {
        decoder: Decoder::new(Mode::Compatible),
        json: args.json,
        quiet: args.quiet,
        undecodable: 0,
        out: BufWriter::new(io::stdout().lock()),
    };
    let followed = follow::run(&args.follow, &mut tail)?;
    let written = if args.follow.digest {
        write_line(&mut tail.out, &followed.totals)
    } else {
        Ok(())
    };
    let written = written.and_then(|()| tail.out.flush());
    let outcome = match followed.outcome() {
        Outcome::Clean if tail.undecodable > 0 => Outcome::Found,
        outcome @ (Outcome::Clean | Outcome::Found | Outcome::Unreadable) => outcome,
    };
    concluded(written, outcome)
}

struct Tail<'a> {
    decoder: Decoder,
    json: bool,
    quiet: bool,
    /// Records the relay accepted and this decoder did not.
    undecodable: u64,
    out: BufWriter<StdoutLock<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordLine<'a> {
    partition: u32,
    offset: String,
    timestamp_ms: i64,
    kind: Option<&'static str>,
    event_type: Option<&'a str>,
    thread_id: &'a str,
    sequence: String,
    node: &'a str,
    inner_events: u32,
    schema_version: u32,
    bytes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RejectLine<'a> {
    partition: u32,
    offset: String,
    timestamp_ms: i64,
    reject: &'a str,
    bytes: usize,
}

#[derive(Serialize)]
struct GapLine {
    partition: u32,
    offset: String,
    last: String,
    gap: String,
}

impl Watcher for Tail<'_> {
    fn welcome(&mut self, welcome: &Welcome) -> Result<(), Failure> {
        let ours = if welcome.mode == mode::STRICT {
            Mode::Strict
        } else {
            Mode::Compatible
        };
        self.decoder = Decoder::new(ours);
        if !self.quiet {
            let Welcome {
                relay_version,
                namespace,
                mode,
                ..
            } = welcome;
            say!("dashstream: relay {relay_version}, {namespace}, {mode}");
        }
        Ok(())
    }

    fn frame(&mut self, frame: &Frame<'_>, _raw: &[u8]) -> Result<(), Failure> {
        // Decoded also when nothing is printed: what cannot be decoded must be noticed.
        let written = match frame.header.kind {
            FrameKind::Record => self.record(frame),
            FrameKind::Reject => self.reject(frame, &reject_text(frame.header.code)),
            FrameKind::Gap => self.gap(frame),
            FrameKind::Mark => Ok(()),
        };
        written.map_err(|error| Failure::stdout(&error))
    }

    fn undecodable(&self) -> u64 {
        self.undecodable
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| Failure::stdout(&error))
    }
}

impl Tail<'_> {
    fn record(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let decoded = match self.decoder.decode(frame.payload, &mut ()) {
            Ok(decoded) => decoded,
            Err(reject) => return self.tell_undecodable(frame, &reject),
        };
        if self.quiet {
            return Ok(());
        }
        let Summary {
            kind,
            header,
            node,
            inner_events,
            schema_version_max,
            ..
        } = decoded.summary;
        let is_event = kind == Some(MessageKind::Event);
        let event_type = is_event
            .then(|| event_name(decoded.summary.event_type))
            .flatten();
        if self.json {
            let line = RecordLine {
                partition: frame.header.partition,
                offset: frame.header.offset.to_string(),
                timestamp_ms: frame.header.timestamp_ms,
                kind: kind.map(MessageKind::code),
                event_type,
                thread_id: header.thread.as_str(),
                sequence: header.sequence.to_string(),
                node: node.as_str(),
                inner_events,
                schema_version: schema_version_max,
                bytes: frame.payload.len(),
            };
            return write_line(&mut self.out, &line);
        }
        let kind = event_type
            .or_else(|| kind.map(MessageKind::code))
            .unwrap_or("unset");
        let place = place(frame);
        let (thread, sequence) = (Text(header.thread.as_str()), header.sequence);
        writeln!(
            self.out,
            "{place} {kind:<18} {thread} {sequence} {}",
            Text(node.as_str())
        )
    }

    fn tell_undecodable(&mut self, frame: &Frame<'_>, reject: &Reject) -> io::Result<()> {
        self.undecodable += 1;
        self.reject(frame, reject.code().code())
    }

    fn reject(&mut self, frame: &Frame<'_>, code: &str) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        if self.json {
            let line = RejectLine {
                partition: frame.header.partition,
                offset: frame.header.offset.to_string(),
                timestamp_ms: frame.header.timestamp_ms,
                reject: code,
                bytes: frame.payload.len(),
            };
            return write_line(&mut self.out, &line);
        }
        writeln!(self.out, "{} REJECT {code}", place(frame))
    }

    fn gap(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let header = &frame.header;
        let (last, cause) = (header.last_offset(), gap_text(header.code));
        if self.json {
            let line = GapLine {
                partition: header.partition,
                offset: header.offset.to_string(),
                last: last.to_string(),
                gap: cause,
            };
            return write_line(&mut self.out, &line);
        }
        writeln!(
            self.out,
            "{}:{} GAP to {last} {cause}",
            header.partition, header.offset
        )
    }
}

fn place(frame: &Frame<'_>) -> String {
    let header = &frame.header;
    format!(
        "{}:{} {}",
        header.partition,
        header.offset,
        utc(header.timestamp_ms)
    )
}

/// `NODE_START`: the schema's name without what all of them begin with.
fn event_name(number: i32) -> Option<&'static str> {
    let name = schema::EVENT_TYPE.name_of(number)?;
    Some(name.strip_prefix("EVENT_TYPE_").unwrap_or(name))
}

/// Text of a stranger on a terminal: one word, without control characters.
struct Text<'a>(&'a str);

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '"';
        if self.0.chars().all(plain) {
            f.write_str(self.0)
        } else {
            write!(f, "{:?}", self.0)
        }
    }
}
