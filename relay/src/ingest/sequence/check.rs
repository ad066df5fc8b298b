//! The tracker as the partition loops use it: each collects the numbers of a run of records while
//! it judges them, and has them compared in one go.

use dashstream_serve::LogLimit;
use decode_core::{Checked, EventFacts, EventSink, Summary, wire::MessageKind};
use parking_lot::Mutex;

use super::{
    class::{Class, classify, classify_inner},
    key::{Key, Keys},
    tracker::{Observation, Tracker, Verdict},
};
use crate::{
    config::SequencePolicy,
    ingest::counts::{SequenceCounts, SequenceFinding},
    kafka::Record,
    reading::judge::Observer,
};

/// What one message says about numbers, and the record it came in.
#[derive(Clone, Copy, Debug)]
struct Note {
    record: usize,
    /// `None` where the counter cannot be told.
    observation: Option<Observation>,
}

/// The numbers of a run of records, in their order.
#[derive(Debug)]
pub(in crate::ingest) struct Notes {
    keys: Keys,
    notes: Vec<Note>,
}

impl Notes {
    pub(in crate::ingest) fn new(sequences: &Sequences) -> Self {
        Self {
            keys: sequences.keys.clone(),
            notes: Vec::new(),
        }
    }

    pub(in crate::ingest) fn clear(&mut self) {
        self.notes.clear();
    }

    /// Takes the numbers of one record, which may yet turn out to be damaged.
    pub(in crate::ingest) fn record(&mut self, record: usize) -> NoteTaker<'_> {
        NoteTaker {
            begin: self.notes.len(),
            notes: self,
            record,
        }
    }

    #[cfg(test)]
    pub(super) fn observations(&self) -> impl Iterator<Item = Option<Observation>> + '_ {
        self.notes.iter().map(|note| note.observation)
    }

    fn push(
        &mut self,
        record: usize,
        class: Class,
        tenant: Checked<'_>,
        thread: Checked<'_>,
        sequence: u64,
    ) {
        let observation = match class {
            Class::Unsequenced => return,
            Class::Unchecked => None,
            Class::Checked(counter, role) => Some(Observation {
                key: self.keys.of(tenant, thread, counter),
                sequence,
                role,
            }),
        };
        self.notes.push(Note {
            record,
            observation,
        });
    }
}

/// Collects while one record is decoded.
#[derive(Debug)]
pub(in crate::ingest) struct NoteTaker<'a> {
    notes: &'a mut Notes,
    record: usize,
    begin: usize,
}

impl Observer for NoteTaker<'_> {
    fn accepted(self, summary: &Summary<'_>) {
        let header = &summary.header;
        let class = match summary.kind {
            // What counts is inside; a batch's own number is 0 and belongs to no series.
            Some(MessageKind::EventBatch) if header.sequence == 0 => return,
            Some(MessageKind::EventBatch) => Class::Unchecked,
            _ => classify(summary),
        };
        let (tenant, thread) = (header.tenant, header.thread);
        self.notes
            .push(self.record, class, tenant, thread, header.sequence);
    }

    fn refused(self) {
        self.notes.notes.truncate(self.begin);
    }
}

impl<'a> EventSink<'a> for NoteTaker<'_> {
    fn event(&mut self, event: &EventFacts<'a>) {
        let header = &event.header;
        let (tenant, thread) = (header.tenant, header.thread);
        let class = classify_inner(event);
        self.notes
            .push(self.record, class, tenant, thread, header.sequence);
    }

    fn restart(&mut self) {
        self.notes.notes.truncate(self.begin);
    }
}

/// A record at which its partition stops, until it is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Halt {
    /// Which of the records compared.
    pub record: usize,
    pub expected: u64,
    pub received: u64,
    key: Key,
    /// Numbers of this record that were compared before it stopped; they are not compared again.
    done: usize,
}

/// Where and how a run of records lies.
#[derive(Clone, Copy, Debug)]
pub(in crate::ingest) struct Run<'a> {
    pub partition: u32,
    pub records: &'a [Record<'a>],
    /// Records below this offset are history: counted apart, and nothing stops at them.
    pub boundary: u64,
    pub now_ms: u64,
    /// Nothing stops at the first record: what a former run found in it was released.
    pub passes_first: bool,
}

/// All series of all partitions. The lock is held for one run of records, and never while they
/// are decoded.
#[derive(Debug)]
pub(in crate::ingest) struct Sequences {
    tracker: Mutex<Tracker>,
    keys: Keys,
    policy: SequencePolicy,
    log: Mutex<LogLimit>,
}

impl Sequences {
    pub(in crate::ingest) fn new(policy: SequencePolicy) -> Self {
        Self {
            tracker: Mutex::default(),
            keys: Keys::default(),
            policy,
            log: Mutex::default(),
        }
    }

    /// Compares and counts. With the policy that halts, stops at the first new record that leaves
    /// a gap; the numbers of it and of what follows are compared when it is taken again.
    /// `released` is the halt whose record comes first in this run.
    pub(in crate::ingest) fn check(
        &self,
        notes: &Notes,
        run: Run<'_>,
        released: Option<Halt>,
        counts: &SequenceCounts,
    ) -> Option<Halt> {
        let mut tracker = self.tracker.lock();
        let mut of_record = (usize::MAX, 0);
        let mut halted = None;
        let mut tally = Tally::default();
        for note in &notes.notes {
            of_record = match of_record {
                (record, count) if record == note.record => (record, count + 1),
                _ => (note.record, 0),
            };
            if released.is_some_and(|halt| note.record == 0 && of_record.1 < halt.done) {
                continue;
            }
            let Some(observation) = note.observation else {
                tally.unchecked += 1;
                continue;
            };
            let offset = run
                .records
                .get(note.record)
                .map_or(0, |record| record.offset);
            let is_old = offset < run.boundary;
            let passes = run.passes_first && note.record == 0;
            let halt = self.policy == SequencePolicy::Halt && !is_old && !passes;
            let verdict = tracker.observe(observation, halt);
            let Some(finding) = count(verdict, is_old, &mut tally, counts) else {
                continue;
            };
            if self.policy != SequencePolicy::Continue && !is_old {
                self.tell(run, offset, finding, verdict, observation.sequence);
            }
            if let (true, Verdict::Gap { expected, .. }) = (halt, verdict) {
                halted = Some(Halt {
                    record: note.record,
                    expected,
                    received: observation.sequence,
                    key: observation.key,
                    done: of_record.1,
                });
                break;
            }
        }
        counts.checked.add(tally.checked);
        counts.unchecked.add(tally.unchecked);
        counts.series.set(tracker.len() as u64);
        counts.bytes.set(tracker.bytes() as u64);
        counts.returned.set(tracker.returned());
        if let Some(pruning) = tracker.take_pruning() {
            counts.pruned.add(pruning.pruned as u64);
            tracing::info!(
                pruned = pruning.pruned,
                kept = pruning.kept,
                bytes = pruning.bytes,
                "evicted the least recently used sequence series"
            );
        }
        halted
    }

    /// The series that stopped goes on from whatever comes.
    pub(in crate::ingest) fn release(&self, halt: &Halt) {
        self.tracker.lock().reset(halt.key);
    }

    fn tell(
        &self,
        run: Run<'_>,
        offset: u64,
        finding: SequenceFinding,
        verdict: Verdict,
        received: u64,
    ) {
        let Some(unsaid) = self.log.lock().allow(run.now_ms) else {
            return;
        };
        let (expected, size) = match verdict {
            Verdict::Gap { expected, size } => (expected, size),
            Verdict::Duplicate { expected } | Verdict::Reorder { expected } => (expected, 0),
            Verdict::Baseline | Verdict::InOrder | Verdict::Aside => return,
        };
        let (partition, finding) = (run.partition, finding.text());
        tracing::warn!(
            partition, offset, finding, expected, received, size, unsaid, "sequence"
        );
    }
}

/// What nearly every number adds to; handed over once for a run, because the counts are shared.
#[derive(Debug, Default)]
struct Tally {
    checked: u64,
    unchecked: u64,
}

/// Counts a verdict; says which finding it is, if it is one.
fn count(
    verdict: Verdict,
    is_old: bool,
    tally: &mut Tally,
    counts: &SequenceCounts,
) -> Option<SequenceFinding> {
    let finding = match verdict {
        Verdict::Gap { .. } => SequenceFinding::Gap,
        Verdict::Duplicate { .. } => SequenceFinding::Duplicate,
        Verdict::Reorder { .. } => SequenceFinding::Reorder,
        Verdict::Baseline | Verdict::InOrder => {
            tally.checked += 1;
            return None;
        }
        Verdict::Aside => {
            tally.unchecked += 1;
            return None;
        }
    };
    tally.checked += 1;
    if is_old {
        counts.old_findings.inc(finding);
        return Some(finding);
    }
    counts.findings.inc(finding);
    if let Verdict::Gap { size, .. } = verdict {
        counts.gap_size.observe(size as f64);
    }
    Some(finding)
}
