//! The few facts of a run that stay when its events are evicted.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::fold::Outcome;
use super::integrity::{self, Integrity};
use super::step::{EventAddress, held_text};
use super::tally::{Call, CallKey, Figures};
use super::thread::{Run, Thread};
use super::topology::GraphId;
use super::usage::{PackedUsage, Usage};
use super::verdict::{self, Rule, Silence, Status, Verdict};
use crate::names::Names;
use crate::order;

/// How a run stands to another run of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It goes its own way.
    None,
    /// It takes up the run before it, which was interrupted.
    Resumes,
    /// It began while a node of another graph was open and that graph went on later.
    Nested,
    /// It began while another run of the same graph went on.
    Overlaps,
}

impl Relation {
    /// A stable name, empty for none.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Resumes => "resumes",
            Self::Nested => "nested",
            Self::Overlaps => "overlaps",
        }
    }
}

/// A value or none, without room for which: one value stands for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maybe<T>(T);

impl Maybe<i64> {
    pub(super) fn of(value: Option<i64>) -> Self {
        Self(value.unwrap_or(i64::MIN))
    }

    pub(super) fn get(self) -> Option<i64> {
        Some(self.0).filter(|value| *value != i64::MIN)
    }
}

impl Maybe<EventAddress> {
    /// No record has that address.
    pub(super) const NONE: Self = Self(EventAddress {
        partition: u32::MAX,
        offset: u64::MAX,
        index: u32::MAX,
    });

    pub(super) fn at(value: Option<EventAddress>) -> Self {
        value.map_or(Self::NONE, Self)
    }

    pub(super) fn get(self) -> Option<EventAddress> {
        (self != Self::NONE).then_some(self.0)
    }
}

/// What is kept of a run in any case. There may be very many, so each byte counts.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) id: EventAddress,
    pub(super) serial: u64,
    pub(super) thread: Rc<str>,
    pub(super) tenant: Rc<str>,
    pub(super) graph: Rc<GraphId>,
    pub(super) invocation: u32,
    pub(super) verdict: Verdict,
    pub(super) relation: Relation,
    /// The run that `relation` is about, or that took this one up.
    pub(super) related: Maybe<EventAddress>,
    pub(super) start_us: i64,
    pub(super) end_us: Maybe<i64>,
    pub(super) last_us: i64,
    pub(super) heard_ms: i64,
    pub(super) usage: PackedUsage,
    pub(super) error: Option<Box<str>>,
    pub(super) attempts: u32,
    pub(super) errors: u32,
    pub(super) model_calls: u32,
    pub(super) tool_calls: u32,
    pub(super) failed_tools: u32,
    pub(super) alerts: u32,
    pub(super) events: u32,
    pub(super) integrity: Integrity,
    pub(super) gaps: u32,
    pub(super) missing: u64,
    /// Whether its events are held.
    pub(super) is_held: bool,
}

impl Summary {
    /// Whether a later run took it up after it was interrupted.
    pub(super) fn was_resumed(&self) -> bool {
        self.verdict.rule == Rule::Resumed
    }

    /// Since when it waits, or waited until it was taken up.
    pub(super) fn waits_since(&self) -> Option<i64> {
        let until_end = || self.end_us.get().unwrap_or(self.last_us);
        if self.was_resumed() {
            return Some(until_end());
        }
        let waits = self.verdict.status == Status::Waiting;
        waits.then_some(self.verdict.waiting_since_us)
    }
}

/// Sums up the runs of a thread, from the one before the first that changed, as that may now be taken up.
pub(super) fn summaries(thread: &Thread, names: &Names) -> Vec<Summary> {
    let from = thread.changed_from.min(thread.runs.len()).saturating_sub(1);
    let mut all: Vec<_> = (from..thread.runs.len())
        .filter_map(|index| summary(thread, index, names))
        .collect();
    relate(thread, names, from, &mut all);
    all
}

fn summary(thread: &Thread, index: usize, names: &Names) -> Option<Summary> {
    let run = thread.runs.get(index)?;
    let fold = &run.fold;
    let gaps = integrity::gaps(thread, index);
    let missing = |after, before| {
        gaps.iter()
            .any(|gap| gap.first > after && gap.last < before)
    };
    let mut counts = Counts::default();
    counts.add(run);
    let end_us = fold.end.as_ref().map(|end| end.time_us);
    let graph = fold.topology.as_ref();
    Some(Summary {
        id: fold.first_at?,
        serial: run.serial,
        thread: Rc::clone(&thread.name),
        tenant: Rc::clone(&thread.tenant),
        graph: graph.map_or_else(Rc::default, |graph| Rc::clone(&graph.id)),
        invocation: thread.evicted + index as u32 + 1,
        verdict: verdict::verdict(fold, names, &missing),
        relation: Relation::None,
        related: Maybe::NONE,
        start_us: fold.start_us(),
        end_us: Maybe::of(end_us),
        last_us: fold.last_us,
        heard_ms: fold.arrived_ms,
        usage: usage(run).packed(),
        error: first_error(run),
        attempts: fold
            .attempts
            .iter()
            .filter(|a| a.outcome != Outcome::Point)
            .count() as u32,
        errors: counts.errors,
        model_calls: counts.model_calls + fold.calls,
        tool_calls: counts.tool_calls,
        failed_tools: counts.failed_tools,
        alerts: counts.alerts,
        events: u32::try_from(counts.events + run.steps.len() as u64).unwrap_or(u32::MAX),
        integrity: integrity::integrity(fold, &gaps),
        gaps: gaps.len() as u32,
        missing: gaps
            .iter()
            .map(|gap| gap.missing)
            .fold(0, u64::saturating_add),
        is_held: true,
    })
}

/// Tokens and cost: the calls that a producer reports one by one, else what the attempts report.
pub(super) fn usage(run: &Run) -> Usage {
    let mut sum = run.fold.usage;
    if sum.tokens().is_none() {
        let cost = sum.cost_nanos;
        sum = Usage::default();
        let mut attempts: Vec<_> = run.settled.by_attempt.keys().collect();
        attempts.extend(run.provisional.by_attempt.keys());
        attempts.extend(run.fold.from_state.keys());
        order::by(&mut attempts, Ord::cmp);
        attempts.dedup();
        for attempt in attempts {
            sum.add(&figures(run, attempt as u32).usage.counted());
        }
        sum.cost_nanos = sum.cost_nanos.or(cost);
    }
    sum
}

fn first_error(run: &Run) -> Option<Box<str>> {
    let said = run
        .steps
        .iter()
        .filter_map(|step| step.said.as_ref()?.error.as_deref());
    said.take(1).map(held_text).next()
}

#[derive(Default)]
struct Counts {
    errors: u32,
    model_calls: u32,
    tool_calls: u32,
    failed_tools: u32,
    alerts: u32,
    events: u64,
}

impl Counts {
    fn add(&mut self, run: &Run) {
        for tally in [&run.settled, &run.provisional] {
            for figures in tally.by_attempt.values() {
                self.errors = self.errors.saturating_add(figures.errors);
                self.events += u64::from(figures.remarks);
            }
            self.alerts += tally.alerts;
        }
        for (key, call) in calls(run) {
            self.model_calls += u32::from(!key.is_tool);
            self.tool_calls += u32::from(key.is_tool);
            self.failed_tools += u32::from(call.has_failed());
        }
        let failures = run
            .fold
            .attempts
            .iter()
            .filter(|a| a.outcome == Outcome::Failed);
        self.errors = self.errors.saturating_add(failures.count() as u32);
    }
}

/// What later runs of the thread say about earlier ones. `all` begins with the run at `from`.
fn relate(thread: &Thread, names: &Names, from: usize, all: &mut [Summary]) {
    for place in 0..all.len() {
        let Some(run) = thread.runs.get(from + place) else {
            break;
        };
        if let Some((parent, relation)) = surrounding(thread, from + place) {
            let parent = thread.runs.get(parent);
            if let Some(summary) = all.get_mut(place) {
                summary.relation = relation;
                summary.related = Maybe::at(parent.and_then(|parent| parent.fold.first_at));
            }
            continue;
        }
        let takes_up = verdict::resumes(&run.fold, names);
        let (former, rest) = all.split_at_mut(place);
        let Some(next) = rest.first_mut() else { break };
        match former.last_mut() {
            Some(former) => follow(former, next, takes_up),
            // The one before did not change, and says what it said.
            None => {
                let before = from.checked_sub(1);
                if let Some(mut former) = before.and_then(|before| summary(thread, before, names)) {
                    follow(&mut former, next, takes_up);
                }
            }
        }
    }
}

/// What a run says about the one before it.
fn follow(former: &mut Summary, next: &mut Summary, takes_up: bool) {
    if former.verdict.status == Status::Waiting && takes_up {
        former.verdict.status = Status::Interrupted;
        former.verdict.rule = Rule::Resumed;
        former.verdict.silence = Silence::Nothing;
        former.related = Maybe::at(Some(next.id));
        (next.relation, next.related) = (Relation::Resumes, Maybe::at(Some(former.id)));
    } else if former.end_us.get().is_none()
        && former.last_us <= next.start_us
        && former.verdict.silence != Silence::Nothing
    {
        // Nothing more is to be expected of it.
        former.verdict.status = Status::NoEndSeen;
        former.verdict.silence = Silence::Nothing;
        former.verdict.waiting_since_us = 0;
        former.related = Maybe::at(Some(next.id));
    }
}

/// The earlier run that went on after this one began, and how they stand.
fn surrounding(thread: &Thread, index: usize) -> Option<(usize, Relation)> {
    let fold = &thread.runs.get(index)?.fold;
    let earlier = thread.runs.iter().enumerate().take(index).rev();
    let mut around =
        earlier.filter(|(_, run)| run.fold.last_us > fold.first_us && !run.fold.is_agent);
    let (parent, run) = around.next()?;
    let content = |fold: &super::fold::Fold| fold.topology.as_ref().map(|graph| graph.content);
    let time = fold.first_us;
    let is_inside = run.fold.attempts.iter().any(|attempt| {
        attempt.start_us <= time && attempt.end_us.is_none_or(|end| end >= fold.last_us)
    });
    let is_nested = is_inside && content(&run.fold) != content(fold);
    Some((
        parent,
        if is_nested {
            Relation::Nested
        } else {
            Relation::Overlaps
        },
    ))
}

/// The calls of a run. Of one whose first messages are settled and whose latest are not, both count.
pub(super) fn calls(run: &Run) -> impl Iterator<Item = (CallKey, Call)> {
    let settled = run.settled.calls().map(|(key, call)| {
        let mut call = *call;
        if let Some(latest) = run.provisional.call_of(key) {
            call.merge(latest);
        }
        (key, call)
    });
    let latest = run.provisional.calls().map(|(key, call)| (key, *call));
    settled.chain(latest.filter(|(key, _)| run.settled.call_of(*key).is_none()))
}

/// One call of a run.
pub(super) fn call(run: &Run, key: CallKey) -> Option<Call> {
    let latest = run.provisional.call_of(key);
    let Some(settled) = run.settled.call_of(key) else {
        return latest.copied();
    };
    let mut call = *settled;
    if let Some(latest) = latest {
        call.merge(latest);
    }
    Some(call)
}

/// Figures of one attempt.
pub(super) fn figures(run: &Run, attempt: u32) -> Figures {
    let mut sum = Figures::default();
    for tally in [&run.settled, &run.provisional] {
        if let Some(figures) = tally.by_attempt.get(attempt.into()) {
            sum.merge(figures);
        }
    }
    if let Some(usage) = run.fold.from_state.get(attempt.into()) {
        sum.usage.add(usage);
    }
    sum
}
