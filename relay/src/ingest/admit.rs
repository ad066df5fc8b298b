//! Judges records with the core and turns a run of them into a segment. The payload is copied once,
//! into the segment; everything else is looked at where it lies.

mod tally;

use std::sync::Arc;

use decode_core::{
    Decoder, Limits, Mode, framing,
    wire::{
        DECOMPRESSED_BYTES_MAX, FRAME_BYTE_LEN, FRAME_HEADER_LEN, GapCause, MessageKind,
        REJECT_PREFIX_BYTES_MAX, RejectCode,
    },
};
use session::{Segment, SegmentBuilder};

use tally::Tally;

use super::{
    position::Notice,
    sequence::{Halt, Notes, Run, Sequences},
    source::Record,
};
use crate::{
    checkpoint::PauseCause,
    config::{Config, DecodeMode, UnusablePolicy},
    dlq::{Cause, Refused},
    limits::{SEGMENT_BYTES_TARGET, TURN_DECODED_BYTES_TARGET},
    metrics::{Age, Counters},
};

/// What becomes of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Accept(Accepted),
    Reject(RejectCode),
    Gap(GapCause),
}

impl Outcome {
    /// Why the record was not accepted, if it was not.
    fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Accept(_) => None,
            Self::Reject(code) => Some(code.code()),
            Self::Gap(cause) => Some(cause.code()),
        }
    }

    /// The same for a dead letter.
    fn cause(self) -> Option<Cause> {
        match self {
            Self::Accept(_) => None,
            Self::Reject(code) => Some(Cause::Rejected(code)),
            Self::Gap(cause) => Some(Cause::Unusable(cause)),
        }
    }
}

/// What is counted of an accepted record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted {
    kind: Option<MessageKind>,
    is_newer_schema: bool,
    /// The producer's clock; 0 where it says nothing.
    timestamp_us: i64,
}

/// Why a partition stops before a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Its number leaves a gap, and the policy is to halt.
    Sequence(Halt),
    /// It cannot be used, and the policy is to pause. Holds the code.
    Unusable(&'static str),
    /// Found by a former run, whose series are not known any more.
    Before(PauseCause),
}

impl Obstacle {
    pub(super) fn cause(&self) -> PauseCause {
        match *self {
            Self::Sequence(Halt {
                expected, received, ..
            }) => PauseCause::Sequence { expected, received },
            Self::Unusable(code) => PauseCause::Unusable(code),
            Self::Before(cause) => cause,
        }
    }
}

/// The next part of a run of records.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// `None` where no frame came of it.
    pub segment: Option<Segment>,
    /// How many records it took.
    pub taken: usize,
    /// What keeps it from taking the next one.
    pub obstacle: Option<Obstacle>,
}

/// Where a run of records lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Where the log ends.
    pub position: u64,
    /// Records below this offset are old.
    pub boundary: u64,
    pub now_ms: u64,
    pub wall_us: i64,
    /// What was lifted for the first of the records.
    pub released: Option<Obstacle>,
}

impl Place {
    /// Whether an operator let the first of the records pass.
    fn lets_pass(&self, at: usize) -> bool {
        at == 0 && self.released.is_some()
    }

    fn age(&self, record: &Record) -> Age {
        Age::of(record.offset, self.boundary)
    }
}

/// One partition's judge; it holds decompression buffers and so is not shared.
#[derive(Debug)]
pub(super) struct Admission {
    partition: u32,
    decoder: Decoder,
    payload_bytes_max: usize,
    outcomes: Vec<Outcome>,
    unusable_policy: UnusablePolicy,
    sequences: Arc<Sequences>,
    notes: Notes,
}

impl Admission {
    pub(super) fn new(partition: u32, config: &Config, sequences: Arc<Sequences>) -> Self {
        let unusable_policy = config.ingest.unusable_policy;
        let config = &config.serve;
        let mode = match config.decode_mode {
            DecodeMode::Strict => Mode::Strict,
            DecodeMode::Compatible => Mode::Compatible,
        };
        let payload_bytes_max = config.payload_bytes_max;
        let limits = Limits {
            payload_bytes_max,
            ..Limits::default()
        };
        Self {
            partition,
            decoder: Decoder::with_limits(mode, limits),
            payload_bytes_max,
            outcomes: Vec::new(),
            unusable_policy,
            notes: Notes::new(&sequences),
            sequences,
        }
    }

    /// Whether a partition stops before what cannot be used.
    pub(super) fn pauses_at_unusable(&self) -> bool {
        self.unusable_policy == UnusablePolicy::Pause
    }

    /// Builds the next segment of `records`, which continue the log: as many as fit into one and may
    /// be decoded in one turn, and at least one unless something stands in the way of the first.
    ///
    /// Space is taken after the verdicts, for exactly what will be stored: a refused record of
    /// 10 MB must not cost 10 MB. Counted is what was taken, and not what was only looked at.
    pub(super) fn segment(
        &mut self,
        place: Place,
        records: &[Record],
        counters: &Counters,
    ) -> Admitted {
        self.outcomes.clear();
        self.notes.clear();
        let mut bytes = 0;
        let mut decoded_bytes = 0;
        let mut obstacle = None;
        for (at, record) in records.iter().enumerate() {
            // Judging costs; a record that does not fit is judged when its segment is built.
            let at_most = FRAME_HEADER_LEN + record.value.as_ref().map_or(0, Vec::len);
            let is_full = bytes + at_most > SEGMENT_BYTES_TARGET
                || decoded_bytes >= TURN_DECODED_BYTES_TARGET;
            if !self.outcomes.is_empty() && is_full {
                break;
            }
            let (outcome, decoded) = self.judge(at, record);
            decoded_bytes += decoded;
            let pauses =
                self.pauses_at_unusable() && place.age(record) == Age::New && !place.lets_pass(at);
            if let (Some(code), true) = (outcome.refusal(), pauses) {
                obstacle = Some(Obstacle::Unusable(code));
                break;
            }
            bytes += FRAME_HEADER_LEN + stored(record, &outcome).len();
            self.outcomes.push(outcome);
        }
        let run = Run {
            partition: self.partition,
            records,
            boundary: place.boundary,
            now_ms: place.now_ms,
            passes_first: matches!(place.released, Some(Obstacle::Before(_))),
        };
        let released = match place.released {
            Some(Obstacle::Sequence(halt)) => Some(halt),
            Some(Obstacle::Unusable(_) | Obstacle::Before(_)) | None => None,
        };
        let halt = self.sequences.check(&self.notes, run, released, counters);
        if let Some(halt) = &halt {
            self.outcomes.truncate(halt.record);
        }
        Admitted {
            segment: self.build(place, records, bytes, counters),
            taken: self.outcomes.len(),
            obstacle: halt.map(Obstacle::Sequence).or(obstacle),
        }
    }

    /// New records among those the last call of [`Self::segment`] took that cannot be used.
    pub(super) fn new_refusals<'a>(
        &'a self,
        place: Place,
        records: &'a [Record],
    ) -> impl Iterator<Item = Refused<'a>> {
        let judged = records.iter().zip(&self.outcomes);
        judged.filter_map(move |(record, outcome)| {
            let is_news = record.offset >= place.position && place.age(record) == Age::New;
            Some(Refused {
                partition: self.partition,
                offset: record.offset,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                cause: outcome.cause().filter(|_| is_news)?,
            })
        })
    }

    fn build(
        &self,
        place: Place,
        records: &[Record],
        bytes: usize,
        counters: &Counters,
    ) -> Option<Segment> {
        let mut builder = SegmentBuilder::new(self.partition, place.position);
        builder.reserve(self.outcomes.len(), bytes);
        let mut tally = Tally::default();
        for (record, outcome) in records.iter().zip(&self.outcomes) {
            if record.offset < builder.position() {
                continue;
            }
            count(record, outcome, place, &mut tally, counters);
            let value = stored(record, outcome);
            match *outcome {
                Outcome::Accept(_) => builder.record(record.offset, record.timestamp_ms, value),
                Outcome::Reject(code) => {
                    builder.reject(record.offset, record.timestamp_ms, code, value);
                }
                Outcome::Gap(cause) => builder.gap(record.offset, record.offset, cause),
            }
        }
        tally.hand_over(counters);
        builder.finish()
    }

    /// The verdict on one record, and how many bytes were decoded for it; its sequence numbers are
    /// noted on the way.
    fn judge(&mut self, at: usize, record: &Record) -> (Outcome, usize) {
        let Some(value) = &record.value else {
            return (Outcome::Gap(GapCause::NullValue), 0);
        };
        if value.len() > self.payload_bytes_max + FRAME_BYTE_LEN {
            return (Outcome::Gap(GapCause::Oversized), 0);
        }
        let mut notes = self.notes.record(at);
        match self.decoder.decode(value, &mut notes) {
            Ok(decoded) => {
                let summary = decoded.summary;
                notes.accept(&summary);
                let accepted = Accepted {
                    kind: summary.kind,
                    is_newer_schema: summary.newer_schema().is_some(),
                    timestamp_us: summary.header.timestamp_us,
                };
                (Outcome::Accept(accepted), decoded.body.len())
            }
            Err(reject) => {
                notes.discard();
                let code = reject.code();
                let at_most = decoded_at_most(value, self.decoder.mode(), self.payload_bytes_max);
                (Outcome::Reject(code), at_most)
            }
        }
    }
}

/// How much was decoded of a value that was refused. Nobody says how far decompression came.
fn decoded_at_most(value: &[u8], mode: Mode, payload_bytes_max: usize) -> usize {
    match framing::detect(value, mode, payload_bytes_max) {
        Ok((framing, _)) if framing.is_compressed() => DECOMPRESSED_BYTES_MAX,
        Ok((_, body)) => body.len(),
        // Refused by its first bytes or its length.
        Err(_) => 0,
    }
}

/// Counts one record under exactly one outcome and one age.
fn count(record: &Record, outcome: &Outcome, place: Place, tally: &mut Tally, counters: &Counters) {
    let age = place.age(record);
    tally.receive(record.value.as_ref().map_or(0, Vec::len));
    match *outcome {
        Outcome::Accept(ref accepted) => {
            tally.accept(accepted, age);
            if age == Age::New && accepted.timestamp_us != 0 {
                observe_latency(accepted.timestamp_us, place.wall_us, counters);
            }
        }
        Outcome::Reject(code) => counters.rejects.of(age).inc(code),
        Outcome::Gap(cause) => {
            counters.unusable.of(age).inc(cause);
            counters.gaps.inc(cause);
            counters.gap_offsets.inc(cause);
        }
    }
}

/// Beyond this a time is taken for a wrong clock.
const LATENCY_US_MAX: i64 = 60_000_000;

fn observe_latency(timestamp_us: i64, wall_us: i64, counters: &Counters) {
    let latency_us = wall_us.saturating_sub(timestamp_us);
    if (0..=LATENCY_US_MAX).contains(&latency_us) {
        counters.latency.observe(latency_us as f64 / 1e3);
    } else {
        counters.clock_skew.inc();
    }
}

/// The part of a record's value that goes into the log.
fn stored<'a>(record: &'a Record, outcome: &Outcome) -> &'a [u8] {
    let value = record.value.as_deref().unwrap_or_default();
    match outcome {
        Outcome::Accept(_) => value,
        Outcome::Reject(_) => value.get(..REJECT_PREFIX_BYTES_MAX).unwrap_or(value),
        Outcome::Gap(_) => &[],
    }
}

/// A segment for what is said without a record. What lies below `boundary` is old.
pub(super) fn notice_segment(
    partition: u32,
    position: u64,
    boundary: u64,
    notice: Notice,
    counters: &Counters,
) -> Option<Segment> {
    let mut builder = SegmentBuilder::new(partition, position);
    match notice {
        Notice::Gap { first, last, cause } => {
            if cause == GapCause::UnreadableBatch {
                counters.unreadable.of(Age::of(first, boundary)).inc();
            }
            counters.gaps.inc(cause);
            counters
                .gap_offsets
                .add(cause, last.saturating_sub(first).saturating_add(1));
            builder.gap(first, last, cause);
        }
        Notice::Mark { position } => {
            counters.marks.inc();
            builder.mark(position);
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests;
