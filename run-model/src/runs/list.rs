//! The list of runs: filters with their counts, search, order, a window, runs that are pinned.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::Runs;
use super::integrity::Integrity;
use super::step::EventAddress;
use super::summary::{Relation, Summary};
use super::usage::Usage;
use super::verdict::{QuietLimits, Rule, Status};
use crate::limits::{ANSWER_BYTES_MAX, QUERY_ROWS_MAX};
use crate::order;
use crate::search;

/// What an operator looks for. A run may be in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunChip {
    /// It failed.
    Failed,
    /// Nothing was heard of it for too long, or no end is to be expected.
    Stuck,
    /// It waits for a person.
    Waiting,
    /// Numbers of its messages are missing, or its start is.
    Lossy,
    /// It goes on.
    Running,
}

impl RunChip {
    /// Every chip.
    pub const ALL: [Self; 5] = [
        Self::Failed,
        Self::Stuck,
        Self::Waiting,
        Self::Lossy,
        Self::Running,
    ];

    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stuck => "stuck",
            Self::Waiting => "waiting",
            Self::Lossy => "lossy",
            Self::Running => "running",
        }
    }

    fn holds(self, run: &Summary, status: Status) -> bool {
        match self {
            Self::Failed => status == Status::Failed,
            Self::Stuck => matches!(status, Status::Quiet | Status::NoEndSeen),
            Self::Waiting => status == Status::Waiting,
            Self::Lossy => matches!(run.integrity, Integrity::Gaps | Integrity::StartMissing),
            Self::Running => matches!(status, Status::Running | Status::Quiet),
        }
    }
}

/// Order of the list; runs that are equal in it stand newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunSort {
    /// When it began.
    #[default]
    Started,
    /// When it was last heard of, by arrival.
    Heard,
    /// How long it took, or takes.
    Duration,
    /// Tokens; those that nobody reports last.
    Tokens,
    /// Cost; those that nobody reports last.
    Cost,
    /// Errors.
    Errors,
    /// Messages that are missing.
    Missing,
    /// Name of its thread.
    Thread,
}

/// Which runs, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunsQuery {
    /// First row wanted.
    pub first: usize,
    /// How many, at most [`QUERY_ROWS_MAX`].
    pub count: usize,
    /// Only those in all of these.
    pub chips: Vec<RunChip>,
    /// Only those whose thread, graph, node or error holds this text, in any case.
    pub text: String,
    /// Only those of this thread.
    pub thread: Option<String>,
    /// Order.
    pub sort: RunSort,
    /// Whether the order is turned round: smallest first.
    pub ascending: bool,
    /// These are answered besides, whatever the filter says, in this order.
    pub pinned: Vec<EventAddress>,
    /// Runs first seen after the one with this serial do not count, but as `newer`.
    pub frozen_at: Option<u64>,
    /// Time of arrival, ms since 1970; `None` where nothing more will come, as in a file.
    pub now_ms: Option<i64>,
    /// When silence is suspicious.
    pub limits: QuietLimits,
}

/// How many runs there are of each kind, whatever the filter says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// All runs known.
    pub all: u64,
    /// By [`RunChip::ALL`].
    pub chips: [u64; RunChip::ALL.len()],
    /// By [`Status::ALL`].
    pub statuses: [u64; Status::ALL.len()],
    /// Runs whose events are no longer held: their summaries are.
    pub evicted: u64,
    /// Runs of which nothing is held any more.
    pub dropped: u64,
}

/// One run of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Address of its first event: what the run is known by, in links too.
    pub id: EventAddress,
    /// Rises in the order in which runs were first seen; see [`RunsQuery::frozen_at`].
    pub serial: u64,
    /// Thread.
    pub thread: Rc<str>,
    /// Which run of its thread, from 1, of those that were seen.
    pub invocation: u32,
    /// Tenant, or empty.
    pub tenant: Rc<str>,
    /// Graph name, or empty where the start was not seen.
    pub graph: Rc<str>,
    /// The producer's id of the graph's schema, or empty.
    pub schema_id: Rc<str>,
    /// What became of it.
    pub status: Status,
    /// By which rule.
    pub rule: Rule,
    /// The event that shows it.
    pub evidence: EventAddress,
    /// The node it is about: that which failed, is open, or comes next; else the last one, or empty.
    pub node: Rc<str>,
    /// How it stands to `related`.
    pub relation: Relation,
    /// The run it takes up, is nested in or overlaps; or the run that took it up or came after it.
    pub related: Option<EventAddress>,
    /// When it began, µs since 1970 by the producer's clock.
    pub start_us: i64,
    /// When it ended, or `None`.
    pub end_us: Option<i64>,
    /// Until when it was heard of, by the producer's clock; the end where there is one.
    pub last_us: i64,
    /// When it was last heard of, ms since 1970 by Kafka's clock.
    pub heard_ms: i64,
    /// Since when it waits, µs since 1970 by the producer's clock; `None` = it does not.
    pub waiting_since_us: Option<i64>,
    /// Tokens and cost with their source; what nobody reports is `None`.
    pub usage: Usage,
    /// The first error in its words, cut; empty where there is none.
    pub error: Box<str>,
    /// Executions of nodes; branches of a group are one each.
    pub attempts: u32,
    /// Failed nodes, and error messages of severity error and above.
    pub errors: u32,
    /// Calls of models, as far as they are reported.
    pub model_calls: u32,
    /// Calls of tools.
    pub tool_calls: u32,
    /// Of those: failed.
    pub failed_tools: u32,
    /// Alerts of the quality monitor. They end nothing.
    pub alerts: u32,
    /// Messages.
    pub events: u64,
    /// Whether its callback's messages are all there.
    pub integrity: Integrity,
    /// Gaps in them.
    pub gaps: u32,
    /// Messages missing in those.
    pub missing: u64,
    /// Whether its events are held; if not, this row is all there is.
    pub is_held: bool,
}

/// A window of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunsPage {
    /// Rows of the window; fewer than asked for where the answer would be too large.
    pub rows: Vec<RunRow>,
    /// Those that were asked for by id and are known.
    pub pinned: Vec<RunRow>,
    /// Runs that match and are not newer than `frozen_at`.
    pub total: usize,
    /// Runs that match and are newer.
    pub newer: usize,
    /// Serial of the newest run; 0 = none.
    pub newest: u64,
    /// Counts over all runs.
    pub counts: RunCounts,
    /// Rises whenever an answer may have changed. What silence changes, it does not show.
    pub version: u64,
}

impl Runs {
    /// A window of the list of runs.
    pub(crate) fn list(&mut self, query: &RunsQuery) -> RunsPage {
        self.settle_all();
        let needle = search::folded(&query.text);
        let mut page = RunsPage {
            version: self.version,
            counts: RunCounts {
                dropped: self.table.dropped,
                ..RunCounts::default()
            },
            ..RunsPage::default()
        };
        let mut matching = Vec::new();
        for run in self.table.iter() {
            let status = run.status(query);
            page.counts.add(run, status);
            page.newest = page.newest.max(run.serial);
            if !query.matches(run, status, &needle) {
                continue;
            }
            if query.frozen_at.is_some_and(|at| run.serial > at) {
                page.newer += 1;
            } else {
                matching.push(run);
            }
        }
        page.total = matching.len();
        let window = window(&mut matching, query);
        let mut bytes = 0;
        let pinned = query.pinned.iter().take(QUERY_ROWS_MAX);
        let pinned = pinned.filter_map(|id| self.table.get(*id));
        page.pinned = rows(pinned, query, &mut bytes);
        page.rows = rows(window.iter().copied(), query, &mut bytes);
        page
    }

    /// One run's row.
    pub(crate) fn row(&mut self, id: EventAddress, query: &RunsQuery) -> Option<RunRow> {
        self.settle_all();
        self.table.get(id).map(|run| run.row(query))
    }
}

/// Rows as long as the answer stays small.
fn rows<'a>(
    runs: impl Iterator<Item = &'a Summary>,
    query: &RunsQuery,
    bytes: &mut usize,
) -> Vec<RunRow> {
    let rows = runs.map(|run| run.row(query));
    let fits = rows.take_while(|row| {
        let texts = row.thread.len() + row.graph.len() + row.node.len() + row.error.len();
        *bytes += size_of::<RunRow>() + texts + row.tenant.len() + row.schema_id.len();
        *bytes <= ANSWER_BYTES_MAX
    });
    fits.collect()
}

/// The runs of the window in order: no more than needed is put in order.
fn window<'a, 'r>(matching: &'r mut [&'a Summary], query: &RunsQuery) -> &'r [&'a Summary] {
    let compare = |a: &&Summary, b: &&Summary| query.order(a, b);
    let first = query.first.min(matching.len());
    let end = first
        .saturating_add(query.count.min(QUERY_ROWS_MAX))
        .min(matching.len());
    if first >= end {
        return &[];
    }
    if end < matching.len() {
        order::select(matching, end - 1, compare);
    }
    if let Some(head) = matching.get_mut(..end) {
        if first > 0 {
            order::select(head, first, compare);
        }
        if let Some(window) = head.get_mut(first..) {
            order::by(window, compare);
        }
    }
    matching.get(first..end).unwrap_or_default()
}

impl RunCounts {
    fn add(&mut self, run: &Summary, status: Status) {
        self.all += 1;
        self.evicted += u64::from(!run.is_held);
        for (chip, count) in RunChip::ALL.iter().zip(&mut self.chips) {
            *count += u64::from(chip.holds(run, status));
        }
        for (known, count) in Status::ALL.iter().zip(&mut self.statuses) {
            *count += u64::from(*known == status);
        }
    }

    /// Runs of a chip.
    #[must_use]
    pub fn of(&self, chip: RunChip) -> u64 {
        let counts = RunChip::ALL.iter().zip(&self.chips);
        counts
            .filter(|(known, _)| **known == chip)
            .map(|(_, count)| count)
            .sum()
    }

    /// Runs of a status.
    #[must_use]
    pub fn with(&self, status: Status) -> u64 {
        let counts = Status::ALL.iter().zip(&self.statuses);
        counts
            .filter(|(known, _)| **known == status)
            .map(|(_, count)| count)
            .sum()
    }
}

impl RunsQuery {
    fn matches(&self, run: &Summary, status: Status, needle: &str) -> bool {
        let is_of_thread = self
            .thread
            .as_ref()
            .is_none_or(|thread| **thread == *run.thread);
        let holds = |text: &str| search::holds(text, needle);
        is_of_thread
            && self.chips.iter().all(|chip| chip.holds(run, status))
            && (needle.is_empty()
                || holds(&run.thread)
                || holds(&run.graph.name)
                || holds(&run.verdict.node)
                || run.error.as_deref().is_some_and(holds))
    }

    fn order(&self, a: &Summary, b: &Summary) -> Ordering {
        let by = match self.sort {
            RunSort::Started => a.start_us.cmp(&b.start_us),
            RunSort::Heard => a.heard_ms.cmp(&b.heard_ms),
            RunSort::Duration => a.duration_us().cmp(&b.duration_us()),
            RunSort::Tokens => a.usage.whole().tokens().cmp(&b.usage.whole().tokens()),
            RunSort::Cost => a.usage.whole().cost_nanos.cmp(&b.usage.whole().cost_nanos),
            RunSort::Errors => a.errors.cmp(&b.errors),
            RunSort::Missing => a.missing.cmp(&b.missing),
            RunSort::Thread => b.thread.cmp(&a.thread),
        };
        let by = if self.ascending { by } else { by.reverse() };
        by.then(b.start_us.cmp(&a.start_us)).then(b.id.cmp(&a.id))
    }
}

impl Summary {
    fn status(&self, query: &RunsQuery) -> Status {
        let verdict = &self.verdict;
        verdict.status_at(self.heard_ms, query.now_ms, &query.limits)
    }

    fn duration_us(&self) -> i64 {
        self.end_us
            .get()
            .unwrap_or(self.last_us)
            .saturating_sub(self.start_us)
    }

    pub(super) fn row(&self, query: &RunsQuery) -> RunRow {
        let verdict = &self.verdict;
        let status = self.status(query);
        let waits = status == Status::Waiting;
        RunRow {
            id: self.id,
            serial: self.serial,
            thread: Rc::clone(&self.thread),
            invocation: self.invocation,
            tenant: Rc::clone(&self.tenant),
            graph: Rc::clone(&self.graph.name),
            schema_id: Rc::clone(&self.graph.schema_id),
            status,
            rule: verdict.rule,
            evidence: verdict.evidence,
            node: Rc::clone(&verdict.node),
            relation: self.relation,
            related: self.related.get(),
            start_us: self.start_us,
            end_us: self.end_us.get(),
            last_us: self.last_us,
            heard_ms: self.heard_ms,
            waiting_since_us: waits.then_some(verdict.waiting_since_us),
            usage: self.usage.whole(),
            error: self.error.clone().unwrap_or_default(),
            attempts: self.attempts,
            errors: self.errors,
            model_calls: self.model_calls,
            tool_calls: self.tool_calls,
            failed_tools: self.failed_tools,
            alerts: self.alerts,
            events: self.events.into(),
            integrity: self.integrity,
            gaps: self.gaps,
            missing: self.missing,
            is_held: self.is_held,
        }
    }
}
