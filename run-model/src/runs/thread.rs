//! One thread: its runs, and which of them a message belongs to.
//!
//! Routing looks at steps in the order of their producers' time and number, never in that of arrival: what
//! comes late is put in its place and the thread is routed again. So any order that Kafka allows gives the
//! same runs.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::fold::{Attempt, Fold};
use super::step::{EventAddress, Remark, Step, StepKind};
use super::tally::Tally;
use crate::limits::QUALITY_NUMBERS_MAX;
use crate::names::Names;
use crate::order;

/// One run whose events are held.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// In their order: by number, or by time where numbers are not in the order of calls.
    pub(super) steps: Vec<Step>,
    /// Made inside its nodes; in order of time once settled.
    pub(super) remarks: Vec<Remark>,
    pub(super) fold: Fold,
    /// Whether a step came out of order, so that the fold has to be made again.
    stale: bool,
    /// What its settled remarks add up to, and those whose place is not final.
    pub(super) settled: Tally,
    pub(super) provisional: Tally,
    /// Rises from run to run in the order in which they were first seen.
    pub(super) serial: u64,
    /// Remarks that a bound took away.
    pub(super) remarks_evicted: u64,
    /// What it takes, about, when it was last settled.
    pub(super) bytes: usize,
}

/// A thread with everything that is held of its runs.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) name: Rc<str>,
    /// In the order of their first steps.
    pub(super) runs: Vec<Run>,
    /// Remarks whose place is not final, and how many of them have one for now.
    pub(super) loose: Vec<Remark>,
    pub(super) placed: usize,
    /// Whether a run that was thought to be over spoke again, so that no place is final.
    pub(super) is_unsettled: bool,
    /// Steps that came out of order.
    unrouted: Vec<Step>,
    pub(super) newest: (i64, u64, EventAddress),
    /// Numbers that quality metrics used, ascending.
    pub(super) quality: Vec<u64>,
    /// Runs that are held in summary only, and where the latest of them ended.
    pub(super) evicted: u32,
    evicted_until_us: i64,
    /// Steps that came for such a run.
    pub(super) late: u64,
    pub(super) tenant: Rc<str>,
    pub(super) partitions: Vec<u32>,
    /// Whether anything came since it was last settled, and whether a step did.
    pub(super) is_dirty: bool,
    pub(super) has_new_steps: bool,
    /// The first run whose answers may have changed since the thread was last settled.
    pub(super) changed_from: usize,
    /// Its runs that the table of summaries shows.
    pub(super) shown: Vec<u64>,
    /// The version of the runs with which an answer about it may have changed.
    pub(super) changed: u64,
    pub(super) bytes: usize,
}

impl Thread {
    pub(super) fn new(name: Rc<str>, tenant: Rc<str>, evicted: u32) -> Self {
        Self {
            name,
            runs: Vec::new(),
            loose: Vec::new(),
            placed: 0,
            is_unsettled: false,
            unrouted: Vec::new(),
            newest: (i64::MIN, 0, EventAddress::default()),
            quality: Vec::new(),
            evicted,
            evicted_until_us: i64::MIN,
            late: 0,
            tenant,
            partitions: Vec::new(),
            changed_from: 0,
            shown: Vec::new(),
            is_dirty: false,
            has_new_steps: false,
            changed: 0,
            bytes: 0,
        }
    }

    pub(super) fn quality(&mut self, number: u64) {
        if number == 0 {
            return;
        }
        if let Err(at) = self.quality.binary_search(&number) {
            self.quality.insert(at, number);
            if self.quality.len() > QUALITY_NUMBERS_MAX {
                self.quality.remove(0);
            }
        }
        // It may fill a gap of any run.
        self.changed_from = 0;
        self.is_dirty = true;
    }

    /// Takes a step as it comes.
    pub(super) fn step(&mut self, step: Step, names: &mut Names, serial: &mut u64) {
        self.is_dirty = true;
        self.has_new_steps = true;
        if step.time_us <= self.evicted_until_us {
            self.late += 1;
            names.release(step.node);
        } else if self.unrouted.is_empty() && step.key() > self.newest {
            self.newest = step.key();
            self.route(step, names, serial);
        } else {
            self.unrouted.push(step);
        }
    }

    /// Puts what came out of order in its place.
    pub(super) fn reroute(&mut self, names: &mut Names, serial: &mut u64) {
        if !self.unrouted.is_empty() {
            let mut steps = core::mem::take(&mut self.unrouted);
            for run in &mut self.runs {
                steps.append(&mut run.steps);
                self.loose.append(&mut run.remarks);
            }
            order::by_key(&mut steps, Step::key);
            let mut serials = Vec::new();
            for run in self.runs.drain(..) {
                run.release_members(names);
                serials.push((run.fold.first_at, run.serial));
            }
            for step in steps {
                self.newest = self.newest.max(step.key());
                self.route(step, names, serial);
            }
            // A run that is the same run keeps its number.
            for run in &mut self.runs {
                let known = serials.iter().find(|(at, _)| *at == run.fold.first_at);
                run.serial = known.map_or(run.serial, |(_, serial)| *serial);
            }
            self.placed = 0;
            self.changed_from = 0;
        }
        for run in self.runs.iter_mut().filter(|run| run.stale) {
            // Attempts have other numbers now.
            self.loose.append(&mut run.remarks);
            run.settled = Tally::default();
            self.placed = 0;
            run.refold(names);
        }
    }

    fn route(&mut self, step: Step, names: &mut Names, serial: &mut u64) {
        let owner = self.owner(&step, names);
        let owner = owner.map(|run| self.exchanged(run, &step, names));
        let run = match owner {
            Some(run) => {
                self.is_unsettled |= self.speaks_again(run);
                run
            }
            None => {
                *serial += 1;
                self.runs.push(Run {
                    serial: *serial,
                    ..Run::default()
                });
                self.runs.len() - 1
            }
        };
        self.changed_from = self.changed_from.min(run);
        if let Some(run) = self.runs.get_mut(run) {
            run.take(step, names);
        }
    }

    /// Diffs and checkpoints name no node, so two runs that expect the same number may get each other's. A step
    /// whose node only the other run has shows it: then the two are exchanged. Answers with the step's owner.
    fn exchanged(&mut self, expecting: usize, step: &Step, names: &mut Names) -> usize {
        let name = names.text(step.node);
        let is_stranger = |run: &Run| step.node != 0 && !run.knows(step.node, name);
        if !self
            .runs
            .get(expecting)
            .is_some_and(|run| run.expects(step) && is_stranger(run))
        {
            return expecting;
        }
        let took = |run: &Run| {
            let last = run.steps.last();
            let last = last.filter(|last| !last.kind.is_lifecycle());
            !run.has_ended()
                && !is_stranger(run)
                && last.is_some_and(|last| last.sequence == step.sequence)
        };
        let Some(other) = self.runs.iter().rposition(took) else {
            return expecting;
        };
        let moved = self.runs.get_mut(other).and_then(|run| {
            run.stale = true;
            run.fold.last_sequence = step.sequence - 1;
            run.steps.pop()
        });
        if let (Some(moved), Some(run)) = (moved, self.runs.get_mut(expecting)) {
            run.take(moved, names);
        }
        self.changed_from = self.changed_from.min(expecting).min(other);
        other
    }

    /// Whether a run speaks for the first time since the next one began.
    fn speaks_again(&self, run: usize) -> bool {
        let next = self.runs.get(run + 1).map(|next| next.fold.first_us);
        let last = self.runs.get(run).map(|run| run.fold.last_us);
        next.is_some_and(|next| last.is_some_and(|last| last < next))
    }

    /// Which run a step belongs to; none if it begins one.
    fn owner(&self, step: &Step, names: &Names) -> Option<usize> {
        if step.kind == StepKind::GraphStart {
            return None;
        }
        let newest_first = || self.runs.iter().enumerate().rev().take(RUNS_ROUTED_TO);
        let node = names.text(step.node);
        // The number says it, and where two runs expect the same, the nodes do.
        let mut expected = newest_first().filter(|(_, run)| run.expects(step));
        let first = expected.next();
        if let Some((newest, run)) = first {
            let mut all = core::iter::once((newest, run)).chain(expected);
            let known = all.find(|(_, run)| run.knows(step.node, node));
            return Some(known.map_or(newest, |(index, _)| index));
        }
        let open = || newest_first().filter(|(_, run)| !run.has_ended());
        // What begins a node belongs to the newest; what follows on one, to the run that has it open.
        let follows = step.kind != StepKind::NodeStart;
        let knows = open().find(|(_, run)| follows && run.fold.has_open(step.node));
        let after = || open().find(|(_, run)| run.fold.last_sequence < step.sequence);
        let found = knows.or_else(after).or_else(|| open().next());
        if let Some((index, _)) = found {
            return Some(index);
        }
        // The other producer's second end, and what it captures for training, add to the run that ended.
        let (index, last) = newest_first().next()?;
        let adds = last.fold.is_agent && !matches!(step.kind, StepKind::NodeStart);
        adds.then_some(index)
    }

    /// What it takes, about. Runs that did not change take what they took.
    pub(super) fn measure(&mut self) -> usize {
        for run in self.runs.iter_mut().skip(self.changed_from) {
            run.bytes = run.measure();
        }
        let unrouted = self.unrouted.capacity() * size_of::<Step>();
        let runs = self.runs.iter().map(|run| run.bytes).sum::<usize>();
        let loose = self.loose.capacity() * size_of::<Remark>();
        THREAD_BYTES + self.name.len() + unrouted + runs + loose + self.quality.capacity() * 8
    }

    /// Takes the oldest run away, which is then known by its summary only.
    pub(super) fn evict_oldest(&mut self, names: &mut Names) -> Option<Run> {
        if self.runs.is_empty() {
            return None;
        }
        let run = self.runs.remove(0);
        self.evicted += 1;
        self.evicted_until_us = self.evicted_until_us.max(run.fold.last_us);
        run.release(names);
        let until = self.evicted_until_us;
        self.loose.retain(|remark| {
            if remark.time_us <= until {
                remark.release(names);
            }
            remark.time_us > until
        });
        self.loose.shrink_to_fit();
        self.placed = 0;
        self.has_new_steps = true;
        self.changed_from = self.changed_from.saturating_sub(1);
        Some(run)
    }

    /// Whether its oldest run is over: it ended, or another one came after it. Or there is nothing in it.
    pub(super) fn has_ended_run(&self) -> bool {
        match &self.runs[..] {
            [] => self.loose.is_empty() && self.unrouted.is_empty(),
            [only] => only.has_ended(),
            [_, _, ..] => true,
        }
    }

    /// Of a run that is too large by itself: gives up its older remarks, which stay counted. Answers whether there
    /// were any.
    pub(super) fn shed(&mut self, names: &mut Names) -> bool {
        let Some(run) = self.runs.last_mut() else {
            return false;
        };
        let shed = run.remarks.len() / 2;
        let of_loose = self.loose.len() / 2;
        for remark in run.remarks.drain(..shed) {
            remark.release(names);
        }
        for remark in self.loose.drain(..of_loose) {
            run.settled.add(&remark);
            remark.release(names);
        }
        run.remarks.shrink_to_fit();
        self.loose.shrink_to_fit();
        run.remarks_evicted += (shed + of_loose) as u64;
        run.bytes = run.measure();
        self.placed = 0;
        self.has_new_steps = true;
        shed + of_loose > 0
    }

    /// Lets go of the names in what is of no run.
    pub(super) fn release_rest(&mut self, names: &mut Names) {
        for remark in self.loose.drain(..) {
            remark.release(names);
        }
        for step in self.unrouted.drain(..) {
            names.release(step.node);
        }
    }
}

/// Newest runs of a thread that a step may belong to.
const RUNS_ROUTED_TO: usize = 64;
/// Of a thread and its place in the tables.
const THREAD_BYTES: usize = 384;

impl Run {
    pub(super) fn has_ended(&self) -> bool {
        self.fold.end.is_some()
    }

    /// Whether its series goes on with this step. A failed run whose series goes on has not failed.
    fn expects(&self, step: &Step) -> bool {
        let ended = self.fold.end.as_ref();
        let is_over = ended.is_some_and(|end| end.kind == StepKind::GraphEnd);
        !self.fold.is_agent && !is_over && step.sequence == self.fold.last_sequence + 1
    }

    fn knows(&self, number: u32, node: &str) -> bool {
        let declares = self
            .fold
            .topology
            .as_ref()
            .is_some_and(|graph| graph.declares(node));
        declares || self.fold.has_open(number)
    }

    fn take(&mut self, step: Step, names: &mut Names) {
        let by_number = |step: &Step| (step.sequence, step.time_us, step.at);
        let by_time = |step: &Step| step.key();
        let at = if self.fold.is_agent || step.sequence == 0 {
            self.steps
                .partition_point(|other| by_time(other) < by_time(&step))
        } else {
            self.steps
                .partition_point(|other| by_number(other) < by_number(&step))
        };
        let same = at.checked_sub(1).and_then(|at| self.steps.get(at));
        // Sent again under another id: it has no further effect.
        if same.is_some_and(|same| same.is_repeated_by(&step)) {
            names.release(step.node);
            return;
        }
        if at == self.steps.len() {
            self.fold.step(&step, at as u32, names);
        } else {
            self.stale = true;
        }
        self.steps.insert(at, step);
    }

    fn refold(&mut self, names: &mut Names) {
        self.stale = false;
        self.release_members(names);
        self.fold = Fold::default();
        for (index, step) in self.steps.iter().enumerate() {
            self.fold.step(step, index as u32, names);
        }
    }

    fn release_members(&self, names: &mut Names) {
        for &name in &self.fold.held {
            names.release(name);
        }
    }

    fn release(&self, names: &mut Names) {
        self.release_members(names);
        for step in &self.steps {
            names.release(step.node);
        }
        for remark in &self.remarks {
            remark.release(names);
        }
    }

    fn measure(&self) -> usize {
        let attempts = self.fold.attempts.capacity() * size_of::<Attempt>();
        let steps = self.steps.capacity() * size_of::<Step>();
        let said = self.steps.iter().filter(|step| step.said.is_some()).count() * SAID_BYTES;
        let remarks = self.remarks.capacity() * size_of::<Remark>();
        let graph = self
            .fold
            .topology
            .as_ref()
            .map_or(0, |graph| graph.measure());
        let tallies = self.settled.measure() + self.provisional.measure();
        size_of::<Self>() + attempts + steps + said + remarks + graph + tallies
    }
}

/// Of what few steps say, with a text of usual length.
const SAID_BYTES: usize = 256;

impl Step {
    fn is_repeated_by(&self, other: &Self) -> bool {
        self.sequence != 0
            && self.sequence == other.sequence
            && self.time_us == other.time_us
            && self.kind == other.kind
            && self.node == other.node
    }
}

impl Remark {
    pub(super) fn release(&self, names: &mut Names) {
        for name in [self.node, self.key, self.text] {
            names.release(name);
        }
    }
}
