//! Where the remarks of a thread belong: to the attempt whose interval encloses their time. Arrival says
//! nothing, as remarks overtake the steps around them.

use alloc::vec::Vec;

use super::fold::{Attempt, Outcome};
use super::step::{NO_ATTEMPT, Remark};
use super::tally::Tally;
use super::thread::{Run, Thread};

/// Settles what can be settled, and gives the rest a place for now.
pub(super) fn settle(thread: &mut Thread) {
    if core::mem::take(&mut thread.is_unsettled) {
        for run in &mut thread.runs {
            thread.loose.append(&mut run.remarks);
            run.settled = Tally::default();
        }
        thread.placed = 0;
        thread.has_new_steps = true;
        thread.changed_from = 0;
    }
    if !core::mem::take(&mut thread.has_new_steps) {
        // No interval changed: only what is new needs a place.
        for index in thread.placed..thread.loose.len() {
            let place = thread
                .loose
                .get(index)
                .and_then(|remark| place(thread, remark));
            give(thread, index, place);
        }
        thread.placed = thread.loose.len();
        return;
    }
    for (index, run) in thread.runs.iter_mut().enumerate() {
        if !run.provisional.is_empty() {
            run.provisional = Tally::default();
            thread.changed_from = thread.changed_from.min(index);
        }
    }
    let final_before = final_before(thread);
    let places: Vec<_> = thread
        .loose
        .iter()
        .map(|remark| place(thread, remark))
        .collect();
    let mut loose = Vec::new();
    for (mut remark, place) in thread.loose.drain(..).zip(places) {
        let is_final = remark.time_us < final_before;
        if let Some((run, _)) = place {
            thread.changed_from = thread.changed_from.min(run);
        }
        let run = place.and_then(|(run, _)| thread.runs.get_mut(run));
        remark.attempt = place.map_or(NO_ATTEMPT, |(_, attempt)| attempt);
        match run {
            Some(run) if is_final => {
                run.settled.add(&remark);
                run.remarks.push(remark);
            }
            Some(run) => {
                run.provisional.add(&remark);
                loose.push(remark);
            }
            None => loose.push(remark),
        }
    }
    thread.loose = loose;
    thread.placed = thread.loose.len();
}

fn give(thread: &mut Thread, index: usize, place: Option<(usize, u32)>) {
    let (Some(remark), Some((run, attempt))) = (thread.loose.get_mut(index), place) else {
        return;
    };
    remark.attempt = attempt;
    thread.changed_from = thread.changed_from.min(run);
    if let Some(run) = thread.runs.get_mut(run) {
        run.provisional.add(remark);
    }
}

/// Which run and attempt a remark belongs to, as far as is known; nothing before there is a run.
pub(super) fn place(thread: &Thread, remark: &Remark) -> Option<(usize, u32)> {
    let time = remark.time_us;
    let after = thread
        .runs
        .partition_point(|run| run.fold.start_us() <= time);
    let nearest = after.saturating_sub(1);
    thread.runs.get(nearest)?;
    let mut best: Option<(bool, i64, usize, u32)> = None;
    for index in (0..after).rev().take(RUNS_LOOKED_AT) {
        let Some(run) = thread.runs.get(index) else {
            continue;
        };
        if index != nearest && run_end(thread, index) < time {
            continue;
        }
        if let Some((attempt, by_name)) = enclosing(run, run_end(thread, index), remark) {
            let start = run
                .fold
                .attempts
                .get(attempt as usize)
                .map_or(0, |a| a.start_us);
            let found = (by_name, start, index, attempt);
            best = best.max(Some(found));
        }
    }
    if let Some((by_name, _, run, attempt)) = best
        && (by_name || remark.node == 0)
    {
        return Some((run, attempt));
    }
    // A node that left a task running speaks after its end: then its name counts.
    let named = thread
        .runs
        .get(nearest)
        .and_then(|run| latest_of(run, remark));
    match (named, best) {
        (Some(attempt), _) => Some((nearest, attempt)),
        (None, Some((_, _, run, attempt))) => Some((run, attempt)),
        (None, None) => Some((nearest, NO_ATTEMPT)),
    }
}

/// When a run is over as far as its open attempts are concerned: at its end, or when the next one starts and it
/// is not heard of again.
fn run_end(thread: &Thread, index: usize) -> i64 {
    let Some(run) = thread.runs.get(index) else {
        return i64::MIN;
    };
    if let Some(end) = &run.fold.end {
        return end.time_us.max(run.fold.last_us);
    }
    match thread.runs.get(index + 1) {
        Some(next) if run.fold.last_us < next.fold.first_us => next.fold.start_us(),
        _ => i64::MAX,
    }
}

/// The attempt of a run whose interval encloses the remark; of several the one it names, else the latest. And
/// whether it is the one it names.
fn enclosing(run: &Run, run_end: i64, remark: &Remark) -> Option<(u32, bool)> {
    let attempts = &run.fold.attempts;
    let after = attempts.partition_point(|attempt| attempt.start_us <= remark.time_us);
    let near = (0..after).rev().take(ATTEMPTS_LOOKED_AT);
    let far = run.fold.open.iter().rev().map(|&open| open as usize);
    let mut found: Option<(u32, bool)> = None;
    for index in near.chain(far.filter(|&open| open + ATTEMPTS_LOOKED_AT < after)) {
        let Some(attempt) = attempts.get(index) else {
            continue;
        };
        if !encloses(attempt, run_end, remark.time_us) {
            continue;
        }
        let by_name = remark.node != 0 && attempt.node == remark.node;
        if by_name {
            return Some((index as u32, true));
        }
        // Branches of a group share their time: none of them is meant more than the others.
        if found.is_none() && attempt.group.is_none() {
            found = Some((index as u32, false));
        }
    }
    found
}

fn encloses(attempt: &Attempt, run_end: i64, time: i64) -> bool {
    let end = attempt.end_us.unwrap_or(run_end);
    attempt.outcome != Outcome::Point && attempt.start_us <= time && time <= end
}

fn latest_of(run: &Run, remark: &Remark) -> Option<u32> {
    if remark.node == 0 {
        return None;
    }
    let attempts = run.fold.attempts.iter().enumerate().rev();
    let mut of = attempts
        .take(ATTEMPTS_NAMED)
        .filter(|(_, attempt)| attempt.node == remark.node && attempt.start_us <= remark.time_us);
    of.next().map(|(index, _)| index as u32)
}

/// Places before this time are final: no open attempt and no step that is still to come in order can enclose
/// it.
fn final_before(thread: &Thread) -> i64 {
    let mut before = thread.newest.0;
    for (index, run) in thread.runs.iter().enumerate() {
        if run_end(thread, index) == i64::MAX {
            let open = run
                .fold
                .open
                .iter()
                .filter_map(|&open| run.fold.attempts.get(open as usize));
            before = open.map(|attempt| attempt.start_us).fold(before, i64::min);
        }
    }
    before
}

/// Earlier runs that may still enclose a time.
const RUNS_LOOKED_AT: usize = 16;
/// Earlier attempts that may.
const ATTEMPTS_LOOKED_AT: usize = 64;
/// Latest attempts of which one may be meant by its name.
const ATTEMPTS_NAMED: usize = 1_024;
