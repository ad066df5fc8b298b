//! Admits a run of records: judged where they lie, compared by their sequence numbers, counted, and laid out as a
//! segment.

mod tally;

use std::sync::Arc;

use decode_core::{
    Mode,
    wire::{FRAME_HEADER_LEN, GapCause},
};
use session::Segment;

use super::{
    counts::Counts,
    sequence::{Halt, Notes, Run, Sequences},
};
use crate::{
    age::Age,
    checkpoint::PauseCause,
    config::{Config, DecodeMode, UnusablePolicy},
    dlq::{Cause, Refused},
    kafka::Record,
    limits::{SEGMENT_BYTES_TARGET, TURN_DECODED_BYTES_TARGET},
    reading::{
        frames::{self, Room},
        judge::{Judge, Outcome},
        position::Notice,
    },
};
use tally::Tally;

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
pub(super) struct Admitted<'a> {
    /// `None` where no frame came of it.
    pub segment: Option<Segment>,
    /// How many records it took.
    pub taken: usize,
    /// The new ones among them that cannot be used.
    pub refusals: Vec<Refused<'a>>,
    /// What keeps it from taking the next one.
    pub obstacle: Option<Obstacle>,
    /// Whether the next one is refused and there is no room for its letter.
    pub wants_room: bool,
}

/// Where a run of records lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Where the log ends.
    pub end: u64,
    /// Records below this offset are old.
    pub boundary: u64,
    pub now_ms: u64,
    pub wall_us: i64,
    /// What was lifted for the first of the records.
    pub released: Option<Obstacle>,
    /// How many records may be refused.
    pub letters_max: usize,
}

/// What keeps a record from being taken, before it is counted.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Obstacle(Obstacle),
    /// There is no room for its letter.
    NoRoom,
}

impl Place {
    /// Whether an operator let the first of the records pass.
    fn lets_pass(&self, at: usize) -> bool {
        at == 0 && self.released.is_some()
    }

    fn age(&self, record: &Record<'_>) -> Age {
        Age::of(record.offset, self.boundary)
    }
}

/// Admits the records of one partition; it holds decompression buffers and so is not shared.
#[derive(Debug)]
pub(super) struct Admission {
    partition: u32,
    judge: Judge,
    outcomes: Vec<Outcome>,
    unusable_policy: UnusablePolicy,
    sequences: Arc<Sequences>,
    notes: Notes,
}

impl Admission {
    pub(super) fn new(partition: u32, config: &Config, sequences: Arc<Sequences>) -> Self {
        let mode = match config.serve.decode_mode {
            DecodeMode::Strict => Mode::Strict,
            DecodeMode::Compatible => Mode::Compatible,
        };
        Self {
            partition,
            judge: Judge::new(mode, config.serve.payload_bytes_max),
            outcomes: Vec::new(),
            unusable_policy: config.ingest.unusable_policy,
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
    pub(super) fn segment<'a>(
        &mut self,
        place: Place,
        records: &[Record<'a>],
        counts: &Counts,
    ) -> Admitted<'a> {
        let (bytes, stop) = self.judge(place, records);
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
        let halt = self
            .sequences
            .check(&self.notes, run, released, &counts.sequences);
        if let Some(halt) = &halt {
            self.outcomes.truncate(halt.record);
        }
        let mut admitted = Admitted {
            taken: self.outcomes.len(),
            wants_room: halt.is_none() && matches!(stop, Some(Stop::NoRoom)),
            obstacle: match (halt, stop) {
                (Some(halt), _) => Some(Obstacle::Sequence(halt)),
                (None, Some(Stop::Obstacle(obstacle))) => Some(obstacle),
                (None, Some(Stop::NoRoom) | None) => None,
            },
            ..Admitted::default()
        };
        self.lay_out(place, records, bytes, counts, &mut admitted);
        admitted
    }

    /// Judges as many records as belong into the next segment. Says how many bytes their frames take, and what keeps
    /// the next record from being taken.
    fn judge(&mut self, place: Place, records: &[Record<'_>]) -> (usize, Option<Stop>) {
        self.outcomes.clear();
        self.notes.clear();
        let mut bytes = 0;
        let mut decoded_bytes = 0;
        let mut letters = 0;
        for (at, record) in records.iter().enumerate() {
            // Judging costs; a record that does not fit is judged when its segment is built.
            let at_most = FRAME_HEADER_LEN + record.value.map_or(0, <[u8]>::len);
            let is_full = bytes + at_most > SEGMENT_BYTES_TARGET
                || decoded_bytes >= TURN_DECODED_BYTES_TARGET;
            if !self.outcomes.is_empty() && is_full {
                break;
            }
            let verdict = self.judge.judge(record.value, self.notes.record(at));
            decoded_bytes += verdict.decoded_bytes;
            if let (Some(cause), Age::New) = (cause(verdict.outcome), place.age(record)) {
                if self.pauses_at_unusable() && !place.lets_pass(at) {
                    let obstacle = Obstacle::Unusable(cause.code());
                    return (bytes, Some(Stop::Obstacle(obstacle)));
                }
                if letters == place.letters_max {
                    return (bytes, Some(Stop::NoRoom));
                }
                letters += 1;
            }
            bytes += FRAME_HEADER_LEN + verdict.outcome.stored(record.value).len();
            self.outcomes.push(verdict.outcome);
        }
        (bytes, None)
    }

    /// The taken records as frames, each counted once as it becomes one.
    fn lay_out<'a>(
        &self,
        place: Place,
        records: &[Record<'a>],
        bytes: usize,
        counts: &Counts,
        admitted: &mut Admitted<'a>,
    ) {
        let room = Room {
            partition: self.partition,
            end: place.end,
            bytes,
        };
        let mut tally = Tally::default();
        let refusals = &mut admitted.refusals;
        admitted.segment = frames::of(room, records, &self.outcomes, |record, outcome| {
            let age = place.age(record);
            count(record, outcome, age, place.wall_us, &mut tally, counts);
            if let (Some(cause), Age::New) = (cause(outcome), age) {
                refusals.push(Refused {
                    partition: self.partition,
                    offset: record.offset,
                    key: record.key,
                    value: record.value,
                    cause,
                });
            }
        });
        tally.hand_over(counts);
    }
}

/// Why the record was not accepted, if it was not.
fn cause(outcome: Outcome) -> Option<Cause> {
    match outcome {
        Outcome::Accept(_) => None,
        Outcome::Reject(code) => Some(Cause::Rejected(code)),
        Outcome::Gap(cause) => Some(Cause::Unusable(cause)),
    }
}

/// Counts one record under exactly one outcome and one age.
fn count(
    record: &Record<'_>,
    outcome: Outcome,
    age: Age,
    wall_us: i64,
    tally: &mut Tally,
    counts: &Counts,
) {
    tally.receive(record.value.map_or(0, <[u8]>::len));
    match outcome {
        Outcome::Accept(ref accepted) => {
            tally.accept(accepted, age);
            if age == Age::New && accepted.timestamp_us != 0 {
                observe_latency(accepted.timestamp_us, wall_us, counts);
            }
        }
        Outcome::Reject(code) => counts.rejects.of(age).inc(code),
        Outcome::Gap(cause) => {
            counts.unusable.of(age).inc(cause);
            counts.gaps.inc(cause);
            counts.gap_offsets.inc(cause);
        }
    }
}

/// Beyond this a time is taken for a wrong clock.
const LATENCY_US_MAX: i64 = 60_000_000;

fn observe_latency(timestamp_us: i64, wall_us: i64, counts: &Counts) {
    let latency_us = wall_us.saturating_sub(timestamp_us);
    if (0..=LATENCY_US_MAX).contains(&latency_us) {
        counts.latency.observe(latency_us as f64 / 1e3);
    } else {
        counts.clock_skew.inc();
    }
}

/// Counts what is said without a record. What lies below `boundary` is old.
pub(super) fn count_notice(notice: Notice, boundary: u64, counts: &Counts) {
    match notice {
        Notice::Gap { first, last, cause } => {
            // A batch that is larger than the memory for reading cannot be read either.
            if matches!(cause, GapCause::UnreadableBatch | GapCause::Oversized) {
                counts.unreadable.of(Age::of(first, boundary)).inc();
            }
            counts.gaps.inc(cause);
            let offsets = last.saturating_sub(first).saturating_add(1);
            counts.gap_offsets.add(cause, offsets);
        }
        Notice::Mark { .. } => counts.marks.inc(),
    }
}

#[cfg(test)]
mod tests;
