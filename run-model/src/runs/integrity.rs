//! Whether all of a run's callback series is there.

use crate::order;
use alloc::vec::Vec;

use super::fold::{Fold, Hole};
use super::step::EventAddress;
use super::thread::Thread;

/// What is known about the messages of a run's callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Integrity {
    /// Every number from start to end is there.
    #[default]
    Whole,
    /// No end was seen, so something may be missing after the last message.
    TailOpen,
    /// The start was not seen.
    StartMissing,
    /// Numbers are missing.
    Gaps,
}

impl Integrity {
    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::TailOpen => "tail_open",
            Self::StartMissing => "start_missing",
            Self::Gaps => "gaps",
        }
    }
}

/// Numbers of a run's callback that nobody delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First missing number.
    pub first: u64,
    /// Last missing number.
    pub last: u64,
    /// Messages that are missing.
    pub missing: u64,
    /// The message after the gap.
    pub before: EventAddress,
}

/// The gaps of a run: holes in its numbers that neither quality metrics nor a run with the same counter fill.
pub(super) fn gaps(thread: &Thread, index: usize) -> Vec<Gap> {
    let Some(run) = thread.runs.get(index) else {
        return Vec::new();
    };
    let holes = if run.fold.is_agent {
        agent_holes(thread, index)
    } else {
        run.fold.holes.clone()
    };
    let gap = |hole: Hole| {
        let missing = hole.last - hole.first + 1;
        let missing = missing.saturating_sub(used(thread, index, hole.first, hole.last));
        let Hole {
            first,
            last,
            before,
        } = hole;
        (missing > 0).then_some(Gap {
            first,
            last,
            missing,
            before,
        })
    };
    holes.into_iter().filter_map(gap).collect()
}

/// Numbers from `first` to `last` that were used by others on the thread.
fn used(thread: &Thread, index: usize, first: u64, last: u64) -> u64 {
    let from = thread.quality.partition_point(|number| *number < first);
    let until = thread.quality.partition_point(|number| *number <= last);
    let mut used = (until - from) as u64 + by_remarks(thread, index, first, last);
    // A nested graph that was given its parent's callback counts on from it.
    for (other, run) in thread.runs.iter().enumerate() {
        let inside = run.fold.first_sequence >= first && run.fold.last_sequence <= last;
        if other != index && inside && overlaps(thread, index, &run.fold) {
            used += run.steps.len() as u64;
        }
    }
    used
}

/// Numbers that the run's own remarks used, where one counter serves all its messages. Contexts of the library's
/// nodes have counters of their own, which begin at 1 below the run's.
fn by_remarks(thread: &Thread, index: usize, first: u64, last: u64) -> u64 {
    let Some(run) = thread.runs.get(index) else {
        return 0;
    };
    let lowest = [run.settled.lowest, run.provisional.lowest];
    let lowest = lowest.into_iter().filter(|number| *number > 0).min();
    if lowest.is_none_or(|lowest| lowest <= run.fold.first_sequence) {
        return 0;
    }
    let during = run.fold.first_us..=run.fold.last_us;
    let loose = thread
        .loose
        .iter()
        .filter(|remark| during.contains(&remark.time_us));
    let numbers = run
        .remarks
        .iter()
        .chain(loose)
        .map(|remark| remark.sequence);
    let mut numbers: Vec<_> = numbers
        .filter(|number| (first..=last).contains(number))
        .collect();
    order::by(&mut numbers, Ord::cmp);
    numbers.dedup();
    numbers.len() as u64
}

fn overlaps(thread: &Thread, index: usize, other: &Fold) -> bool {
    let own = thread.runs.get(index).map(|run| &run.fold);
    own.is_some_and(|own| own.first_us <= other.first_us && other.last_us <= own.last_us)
}

/// Numbers of the agent adapter are in no order, and those of its runs are one series.
fn agent_holes(thread: &Thread, index: usize) -> Vec<Hole> {
    let Some(run) = thread.runs.get(index) else {
        return Vec::new();
    };
    let mut own: Vec<_> = run
        .steps
        .iter()
        .map(|step| (step.sequence, step.at))
        .collect();
    order::by(&mut own, Ord::cmp);
    let mut all: Vec<u64> = Vec::new();
    let last = own.last().map_or(0, |(number, _)| *number);
    let first = own.first().map_or(0, |(number, _)| *number);
    for run in thread.runs.iter().filter(|run| run.fold.is_agent) {
        let numbers = run.steps.iter().map(|step| step.sequence);
        all.extend(numbers.filter(|number| (first..=last).contains(number)));
    }
    order::by(&mut all, Ord::cmp);
    all.dedup();
    let mut holes = Vec::new();
    for pair in all.windows(2) {
        if let &[a, b] = pair
            && b > a + 1
        {
            let after = own.partition_point(|(number, _)| *number < b);
            let before = own
                .get(after)
                .map_or_else(EventAddress::default, |(_, at)| *at);
            holes.push(Hole {
                first: a + 1,
                last: b - 1,
                before,
            });
        }
    }
    holes
}

/// What can be said of a run as a whole.
pub(super) fn integrity(fold: &Fold, gaps: &[Gap]) -> Integrity {
    if !gaps.is_empty() {
        Integrity::Gaps
    } else if !fold.start_seen {
        Integrity::StartMissing
    } else if fold.end.is_none() {
        Integrity::TailOpen
    } else {
        Integrity::Whole
    }
}
