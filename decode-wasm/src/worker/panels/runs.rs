//! The list of runs.

use js_sys::{Array, Object};
use run_model::limits::{QUERY_ROWS_MAX, RUNS_MAX};
use run_model::runs::{
    EventAddress, RunChip, RunCounts, RunRow, RunSort, RunsPage, RunsQuery as ModelQuery,
};

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, FromJs, index};

pub(super) struct Runs;

choices! {
    /// What an operator looks for. A run may be in several.
    RunGroup {
        Failed = "failed", Stuck = "stuck", Waiting = "waiting", Lossy = "lossy", Running = "running",
    }
}

choices! {
    /// Order of the list of runs.
    RunOrder {
        Started = "started", Heard = "heard", Duration = "duration", Tokens = "tokens", Cost = "cost",
        Errors = "errors", Missing = "missing", Thread = "thread",
    }
}

asked! {
    /// Lines of the list of runs.
    RunsQuery {
        /// First line wanted.
        first = "first": Number,
        /// How many; 0 for the counts alone.
        count = "count": Number,
        /// Only those in all of these: values of `RunGroup`.
        groups = "groups": Groups,
        /// Only those whose thread, graph, node or error contains this, in any case; empty matches all.
        text = "text": Text,
        /// In which order.
        sort = "sort": RunOrder,
        /// Whether the smallest come first.
        ascending = "ascending": Flag,
        /// Addresses of runs that are answered besides, whatever the filter says.
        pinned = "pinned": Texts,
        /// Runs first seen after the one with this serial only count as newer; null to follow.
        frozen_at = "frozenAt": MaybeNumber,
        /// Nothing more will come, as in a file: what has no end by now has none.
        complete = "complete": Flag,
    }
}

#[wasm_bindgen(typescript_custom_section)]
const GROUPS: &str = "export type Groups = readonly RunGroup[];\n";

/// What `groups` is read as.
#[derive(Debug, Default)]
pub(in crate::worker) struct Groups(Vec<RunGroup>);

impl FromJs for Groups {
    fn from_js(value: JsValue) -> Option<Self> {
        let list = Array::from(&value);
        list.iter()
            .map(RunGroup::from_js)
            .collect::<Option<_>>()
            .map(Self)
    }
}

columns! {
    /// Parallel columns, one entry a run. Numbers that nobody reports and times that are not known are -1.
    RunColumns as fill_columns(_page: &RunsPage, run => RunRow) {
        /// Address PARTITION:OFFSET:INDEX of its first event: what it is known by, in links too.
        id: ColumnText = run.id.to_string(),
        /// Rises in the order in which runs were first seen.
        serial: ColumnF64 = run.serial,
        /// Thread id.
        thread: ColumnText = run.thread,
        /// Which run of its thread, from 1.
        invocation: ColumnU32 = run.invocation,
        /// Graph name, or empty.
        graph: ColumnText = run.graph,
        /// "running", "quiet", "waiting", "completed", "failed", "interrupted", "ended" or "no_end_seen".
        status: ColumnText = run.status.code(),
        /// By which rule, as a sentence.
        rule: ColumnText = run.rule.text(),
        /// Address of the event that shows it.
        evidence: ColumnText = run.evidence.to_string(),
        /// The node it is about: failed, open, or next; else the last one, or empty.
        node: ColumnText = run.node,
        /// "resumes", "nested", "overlaps" or empty: how it stands to `related`.
        relation: ColumnText = run.relation.code(),
        /// Address of the other run, or empty.
        related: ColumnText = run.related.map(|id| id.to_string()).unwrap_or_default(),
        /// When it began, µs since 1970 by the producer's clock.
        startUs: ColumnF64 = run.start_us as f64,
        /// When it ended.
        endUs: ColumnF64 = run.end_us.map_or(-1.0, |us| us as f64),
        /// Until when it was heard of, by the producer's clock.
        lastUs: ColumnF64 = run.last_us as f64,
        /// When it was last heard of, by Kafka's clock.
        heardMs: ColumnF64 = run.heard_ms,
        /// Since when it waits for a person, by the producer's clock.
        waitingSinceUs: ColumnF64 = run.waiting_since_us.map_or(-1.0, |us| us as f64),
        /// Tokens.
        tokens: ColumnF64 = number(run.usage.tokens()),
        /// Cost in US dollars.
        cost: ColumnF64 = run.usage.cost_nanos.map_or(-1.0, |nanos| nanos as f64 / 1e9),
        /// Where tokens and cost are from; "not_reported" where there are none.
        source: ColumnText = run.usage.source.code(),
        /// The first error in its words, cut; or empty.
        error: ColumnText = run.error,
        /// Executions of nodes.
        attempts: ColumnU32 = run.attempts,
        /// Failed nodes and error messages.
        errors: ColumnU32 = run.errors,
        /// Failed calls of tools.
        failedTools: ColumnU32 = run.failed_tools,
        /// Messages.
        events: ColumnF64 = run.events,
        /// "whole", "tail_open", "start_missing" or "gaps".
        integrity: ColumnText = run.integrity.code(),
        /// Gaps in its messages.
        gaps: ColumnU32 = run.gaps,
        /// Messages missing in those.
        missing: ColumnF64 = run.missing,
        /// 1 where its events are held; else this line is all there is.
        held: ColumnU8 = run.is_held,
    }
}

object! {
    /// Runs of each kind, whatever the filter says.
    RunCountsView as fill_counts(counts: &RunCounts) {
        /// All that are known.
        all: Number = counts.all as f64,
        /// Failed.
        failed: Number = counts.of(RunChip::Failed) as f64,
        /// Nothing was heard of them for too long, or no end is to be expected.
        stuck: Number = counts.of(RunChip::Stuck) as f64,
        /// They wait for a person.
        waiting: Number = counts.of(RunChip::Waiting) as f64,
        /// Messages are missing.
        lossy: Number = counts.of(RunChip::Lossy) as f64,
        /// They go on.
        running: Number = counts.of(RunChip::Running) as f64,
        /// Known by their line only: their events are no longer held.
        evicted: Number = counts.evicted as f64,
        /// Nothing is held of them any more.
        dropped: Number = counts.dropped as f64,
        /// Runs that memory holds at most.
        runsMax: Number = RUNS_MAX as f64,
    }
}

object! {
    /// The lines asked for.
    RunsView as fill(runs: &Object, pinned: &Object, counts: &Object, page: &RunsPage) {
        /// A line each.
        runs: Any as "RunColumns" = runs,
        /// Of those asked for by address the ones that are known, in the order of the question.
        pinned: Any as "RunColumns" = pinned,
        /// Over all runs.
        counts: Any as "RunCountsView" = counts,
        /// Runs that match and are not newer than `frozenAt`.
        total: Number = page.total as f64,
        /// Runs that match and are newer.
        newer: Number = page.newer as f64,
        /// Serial of the newest run; 0 where there is none.
        newest: Number = page.newest as f64,
    }
}

fn number(value: Option<u64>) -> f64 {
    value.map_or(-1.0, |value| value as f64)
}

impl RunGroup {
    const fn chip(self) -> RunChip {
        match self {
            Self::Failed => RunChip::Failed,
            Self::Stuck => RunChip::Stuck,
            Self::Waiting => RunChip::Waiting,
            Self::Lossy => RunChip::Lossy,
            Self::Running => RunChip::Running,
        }
    }
}

impl RunOrder {
    const fn sort(self) -> RunSort {
        match self {
            Self::Started => RunSort::Started,
            Self::Heard => RunSort::Heard,
            Self::Duration => RunSort::Duration,
            Self::Tokens => RunSort::Tokens,
            Self::Cost => RunSort::Cost,
            Self::Errors => RunSort::Errors,
            Self::Missing => RunSort::Missing,
            Self::Thread => RunSort::Thread,
        }
    }
}

/// What silence changes shows after so long at the latest.
const SILENCE_STEP_MS: u64 = 2_000;

impl Panel for Runs {
    type Query = RunsQuery;

    fn read(fields: &Fields) -> Result<RunsQuery, String> {
        RunsQuery::read(fields)
    }

    fn version(query: &RunsQuery, engine: &Engine, now: u64) -> f64 {
        let step = if query.complete {
            0
        } else {
            now / SILENCE_STEP_MS
        };
        // Both only rise, so no two answers share their sum and it is never 0.
        (engine.store.runs_version() + step) as f64 + 1.0
    }

    fn answer(
        query: &RunsQuery,
        engine: &mut Engine,
        now: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let now_ms = (engine.clock_origin_ms + now as f64) as i64;
        let addresses = query
            .pinned
            .iter()
            .filter_map(|id| id.parse::<EventAddress>().ok());
        let page = engine.store.runs(&ModelQuery {
            first: index(query.first),
            count: index(query.count),
            chips: query.groups.0.iter().map(|group| group.chip()).collect(),
            text: query.text.clone(),
            thread: None,
            sort: query.sort.sort(),
            ascending: query.ascending,
            pinned: addresses.take(QUERY_ROWS_MAX).collect(),
            frozen_at: query.frozen_at.map(|serial| index(serial) as u64),
            now_ms: (!query.complete).then_some(now_ms),
            ..ModelQuery::default()
        });
        let counts = Object::new();
        fill_counts(&counts, &page.counts);
        let runs = fill_columns(columns, &page, &page.rows);
        let pinned = fill_columns(columns, &page, &page.pinned);
        fill(out, &runs, &pinned, &counts, &page);
    }
}
