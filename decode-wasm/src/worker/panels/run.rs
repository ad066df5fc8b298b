//! One run: what became of it, and a window of its waterfall.

use js_sys::Object;
use run_model::runs::{
    EventAddress, Line, LineId, LineKind, Outcome, Piece, RunQuery as ModelQuery, RunView as Head,
    RunsQuery, Span, Usage, Waterfall, WaterfallQuery,
};
use wasm_bindgen::JsValue;

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Run;

asked! {
    /// Lines of one run's waterfall.
    RunQuery {
        /// Address PARTITION:OFFSET:INDEX of the run's first event.
        run = "run": Text,
        /// First line wanted, of those that are shown.
        first = "first": Number,
        /// How many.
        count = "count": Number,
        /// Ids of lines whose parts are not shown.
        folded = "folded": Texts,
        /// Whether it is the other way round: only of these the parts are shown.
        folds_others = "foldsOthers": Flag,
        /// Only lines in trouble, with those that they are part of.
        errors_only = "errorsOnly": Flag,
        /// Only lines that reach into a time from here on, µs since 1970; or null.
        from_us = "fromUs": MaybeNumber,
        /// Until here.
        to_us = "toUs": MaybeNumber,
        /// Id of the line that is selected, or null.
        selected = "selected": MaybeText,
        /// Pieces of the picture of the whole.
        pieces = "pieces": Number,
        /// Whether that leaves out where nothing went on.
        folds_idle = "foldsIdle": Flag,
        /// Nothing more will come, as in a file: what has no end by now has none.
        complete = "complete": Flag,
    }
}

object! {
    /// What became of a run. Numbers that nobody reports and times that are not known are -1.
    RunHead as fill_head(head: &Head) {
        /// Thread id.
        thread: Text = head.row.thread,
        /// Which run of its thread, from 1.
        invocation: Number = head.row.invocation.into(),
        /// Tenant, or empty.
        tenant: Text = head.row.tenant,
        /// Graph name, or empty where the start was not seen.
        graph: Text = head.row.graph,
        /// Name of its status, as in the list of runs.
        status: Text = head.row.status.code(),
        /// By which rule, as a sentence.
        rule: Text = head.row.rule.text(),
        /// Address of the event that shows it.
        evidence: Text = head.row.evidence.to_string(),
        /// The node it is about: failed, open, or next; else the last one, or empty.
        node: Text = head.row.node,
        /// "resumes", "nested", "overlaps" or empty: how it stands to `related`.
        relation: Text = head.row.relation.code(),
        /// Address of the other run, or empty.
        related: Text = address(head.row.related),
        /// When it began, µs since 1970 by the producer's clock.
        startUs: Number = head.row.start_us as f64,
        /// When it ended.
        endUs: Number = head.row.end_us.map_or(-1.0, |us| us as f64),
        /// Until when it was heard of, by the producer's clock.
        lastUs: Number = head.row.last_us as f64,
        /// When it was last heard of, ms since 1970 by Kafka's clock.
        heardMs: Number = head.row.heard_ms as f64,
        /// Since when it waits for a person, µs since 1970 by the producer's clock.
        waitingSinceUs: Number = head.row.waiting_since_us.map_or(-1.0, |us| us as f64),
        /// Tokens of prompts.
        inputTokens: Number = number(head.row.usage.input),
        /// Tokens of answers.
        outputTokens: Number = number(head.row.usage.output),
        /// All tokens.
        tokens: Number = number(head.row.usage.tokens()),
        /// Cost in US dollars.
        cost: Number = dollars(&head.row.usage),
        /// Where tokens and cost are from; "not_reported" where there are none.
        source: Text = head.row.usage.source.code(),
        /// The first error in its words, cut; or empty.
        error: Text = head.row.error,
        /// Executions of nodes.
        attempts: Number = head.row.attempts.into(),
        /// Failed nodes and error messages.
        errors: Number = head.row.errors.into(),
        /// Calls of models.
        modelCalls: Number = head.row.model_calls.into(),
        /// Calls of tools.
        toolCalls: Number = head.row.tool_calls.into(),
        /// Of those: failed.
        failedTools: Number = head.row.failed_tools.into(),
        /// Alerts of the quality monitor.
        alerts: Number = head.row.alerts.into(),
        /// Messages.
        events: Number = head.row.events as f64,
        /// "whole", "tail_open", "start_missing" or "gaps".
        integrity: Text = head.row.integrity.code(),
        /// Gaps in its messages.
        gaps: Number = head.row.gaps.into(),
        /// Messages missing in those.
        missing: Number = head.row.missing as f64,
        /// False where its events are no longer held: then there are no lines.
        held: Flag = head.row.is_held,
        /// Messages made in its nodes that are no longer held; they are counted still.
        messagesEvicted: Number = head.messages_evicted as f64,
        /// Partitions its thread was seen on, with commas.
        partitions: Text = head.partitions.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
    }
}

columns! {
    /// Parallel columns, one entry a line of the waterfall.
    LineColumns as fill_lines(_run: &Waterfall, line => Line) {
        /// What it is known by, in links too.
        id: ColumnText = line.id.to_string(),
        /// "attempt", "branch", "point", "model_call", "tool_call", "gap" or "wait".
        kind: ColumnText = kind(line),
        /// Index, among the lines shown, of the one it is part of; -1 = the run.
        parent: ColumnI32 = line.parent.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1),
        /// Parts of it, shown or not.
        children: ColumnU32 = line.children,
        /// 1 where those are not shown.
        folded: ColumnU8 = line.is_folded,
        /// 1 where it or a part of it is in trouble.
        trouble: ColumnU8 = line.has_trouble,
        /// Start, µs since 1970 by the producer's clock.
        startUs: ColumnF64 = line.start_us,
        /// End; -1 while it is open.
        endUs: ColumnF64 = line.end_us.unwrap_or(-1),
        /// 1 where its clock puts it outside of what it is part of.
        skewed: ColumnU8 = line.is_skewed,
        /// Node, tool, or request id.
        name: ColumnText = span(line).map_or("", |span| &*span.name),
        /// Call id of a tool.
        key: ColumnText = span(line).map_or("", |span| &*span.key),
        /// The how manyth start of its node, from 1; 0 where it is no execution of a node.
        iteration: ColumnU32 = span(line).map_or(0, |span| span.iteration),
        /// Number of its attempt; -1 = beside the graph.
        attempt: ColumnI32 = attempt(line),
        /// Parallel group, from 0; -1 = none.
        group: ColumnI32 = group(line),
        /// Row it has beside others that go on at the same time, from 0.
        lane: ColumnU32 = span(line).map_or(0, |span| span.lane),
        /// "open", "ended", "failed" or "point".
        outcome: ColumnText = span(line).map_or("", |span| outcome(span.outcome)),
        /// 1 where its start was not seen.
        startUnseen: ColumnU8 = span(line).is_some_and(|span| span.start_unseen),
        /// Messages made in it; of a gap those that are missing.
        messages: ColumnF64 = messages(line),
        /// Errors in it.
        errors: ColumnU32 = span(line).map_or(0, |span| span.errors),
        /// Of a model call: how often it began.
        beginnings: ColumnU32 = span(line).map_or(0, |span| span.beginnings),
        /// State diffs in it.
        diffs: ColumnU32 = span(line).map_or(0, |span| span.diffs),
        /// Of a tool: number of its latest stage.
        stage: ColumnU32 = span(line).map_or(0, |span| span.stage),
        /// Tokens; -1 = not reported.
        tokens: ColumnF64 = number(span(line).and_then(|span| span.usage.tokens())),
        /// Cost in US dollars; -1 = not reported.
        cost: ColumnF64 = span(line).map_or(-1.0, |span| dollars(&span.usage)),
        /// Why it failed, cut; or empty.
        error: ColumnText = span(line).map_or("", |span| &*span.error),
        /// Of a gap: first and last number that are missing; else empty.
        numbers: ColumnText = numbers(line),
    }
}

columns! {
    /// The picture of the whole run, one entry a piece.
    PieceColumns as fill_pieces(_run: &Waterfall, piece => Piece) {
        /// From, µs since 1970.
        fromUs: ColumnF64 = piece.from_us,
        /// To.
        toUs: ColumnF64 = piece.to_us,
        /// Spans that reach into it.
        spans: ColumnU32 = piece.spans,
        /// 1 where one of them is in trouble.
        trouble: ColumnU8 = piece.has_trouble,
        /// 1 where messages are missing.
        gap: ColumnU8 = piece.has_gap,
    }
}

columns! {
    /// Where nothing went on for long, ascending.
    IdleColumns as fill_idle(_run: &Waterfall, (from, to) => (i64, i64)) {
        /// From, µs since 1970.
        fromUs: ColumnF64 = *from,
        /// To.
        toUs: ColumnF64 = *to,
    }
}

object! {
    /// A window of a run's waterfall.
    RunView as fill(head: JsValue, parts: &Parts, run: &Waterfall) {
        /// What became of it.
        head: Any as "RunHead" = head,
        /// The lines asked for; fewer where the answer would be too large.
        lines: Any as "LineColumns" = &parts.lines,
        /// Lines that are shown.
        total: Number = run.total as f64,
        /// Spans of the run.
        spans: Number = run.spans as f64,
        /// Spans in trouble.
        troubles: Number = run.troubles as f64,
        /// The earliest time of all lines, µs since 1970.
        startUs: Number = run.start_us as f64,
        /// The latest.
        endUs: Number = run.end_us as f64,
        /// Where nothing went on for long.
        idle: Any as "IdleColumns" = &parts.idle,
        /// Shorter idle times that are not in it, because there are so many.
        idleUnnamed: Number = run.idle_unnamed as f64,
        /// The picture of the whole.
        pieces: Any as "PieceColumns" = &parts.pieces,
        /// Whether the selected line is there, shown or not.
        selectedKnown: Flag = run.selected.is_known,
        /// Its index among the lines shown, or -1.
        selectedIndex: Number = run.selected.index.map_or(-1.0, |at| at as f64),
        /// Id of the line it is part of, or empty.
        selectedParent: Text = line_id(run.selected.parent),
        /// Id of the nearest line in trouble before it, or empty.
        previousTrouble: Text = line_id(run.selected.previous_trouble),
        /// Id of the nearest one behind it, of the first where nothing is selected; or empty.
        nextTrouble: Text = line_id(run.selected.next_trouble),
        /// Id of the last one of all, or empty.
        lastTrouble: Text = line_id(run.selected.last_trouble),
        /// Address of the run before this one on its thread, or empty.
        previousRun: Text = address(run.previous_run),
        /// Address of the one after it, or empty.
        nextRun: Text = address(run.next_run),
    }
}

object! {
    /// The same where the run is not known.
    RunUnknown as fill_unknown(run: &str) {
        /// Its address.
        unknown: Text = run,
    }
}

struct Parts {
    lines: Object,
    idle: Object,
    pieces: Object,
}

/// What silence changes shows after so long at the latest.
const SILENCE_STEP_MS: u64 = 5_000;

/// The version of what is said about a run. Exact up to 2^40 messages.
pub(super) fn run_version(run: &str, complete: bool, engine: &Engine, now: u64) -> f64 {
    let Ok(id) = run.parse::<EventAddress>() else {
        return 1.0;
    };
    let (version, may_fall_silent) = engine.store.run_version(id);
    let step = if may_fall_silent && !complete {
        now / SILENCE_STEP_MS
    } else {
        0
    };
    ((version % (1 << 40)) * 4_096 + step % 4_096 + 1) as f64
}

/// How runs are judged now.
pub(super) fn judged(complete: bool, engine: &Engine, now: u64) -> RunsQuery {
    let now_ms = (engine.clock_origin_ms + now as f64) as i64;
    RunsQuery {
        now_ms: (!complete).then_some(now_ms),
        ..RunsQuery::default()
    }
}

impl Panel for Run {
    type Query = RunQuery;

    fn read(fields: &Fields) -> Result<RunQuery, String> {
        RunQuery::read(fields)
    }

    fn version(query: &RunQuery, engine: &Engine, now: u64) -> f64 {
        run_version(&query.run, query.complete, engine, now)
    }

    fn answer(
        query: &RunQuery,
        engine: &mut Engine,
        now: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let found = query.run.parse().ok().and_then(|id| {
            let list = judged(query.complete, engine, now);
            engine.store.waterfall(&asked(query, id, list))
        });
        let Some(run) = found else {
            return fill_unknown(out, &query.run);
        };
        let head = Object::new();
        fill_head(&head, &run.view);
        let parts = Parts {
            lines: fill_lines(columns, &run, &run.lines),
            idle: fill_idle(columns, &run, &run.idle),
            pieces: fill_pieces(columns, &run, &run.pieces),
        };
        fill(out, head.into(), &parts, &run);
    }
}

fn asked(query: &RunQuery, id: EventAddress, list: RunsQuery) -> WaterfallQuery {
    let time = |us: f64| us as i64;
    let within = query.from_us.zip(query.to_us);
    WaterfallQuery {
        run: ModelQuery {
            id,
            first: index(query.first),
            count: index(query.count),
            errors_only: query.errors_only,
            list,
        },
        folded: query
            .folded
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect(),
        folds_others: query.folds_others,
        within: within.map(|(from, to)| (time(from), time(to))),
        selected: query.selected.as_ref().and_then(|id| id.parse().ok()),
        pieces: index(query.pieces),
        folds_idle: query.folds_idle,
    }
}

fn span(line: &Line) -> Option<&Span> {
    match &line.kind {
        LineKind::Span(span) => Some(span),
        LineKind::Gap(_) | LineKind::Wait => None,
    }
}

pub(super) fn kind(line: &Line) -> &'static str {
    match &line.kind {
        LineKind::Span(span) => span.kind.code(),
        LineKind::Gap(_) => "gap",
        LineKind::Wait => "wait",
    }
}

fn attempt(line: &Line) -> i32 {
    let attempt = span(line).and_then(|span| span.attempt);
    attempt
        .and_then(|attempt| i32::try_from(attempt).ok())
        .unwrap_or(-1)
}

fn group(line: &Line) -> i32 {
    let group = span(line).and_then(|span| span.group);
    group
        .and_then(|group| i32::try_from(group).ok())
        .unwrap_or(-1)
}

fn messages(line: &Line) -> f64 {
    match &line.kind {
        LineKind::Span(span) => span.messages.into(),
        LineKind::Gap(gap) => gap.missing as f64,
        LineKind::Wait => 0.0,
    }
}

fn numbers(line: &Line) -> String {
    match &line.kind {
        LineKind::Gap(gap) => [gap.first.to_string(), gap.last.to_string()].join(" to "),
        LineKind::Span(_) | LineKind::Wait => String::new(),
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Open => "open",
        Outcome::Ended => "ended",
        Outcome::Failed => "failed",
        Outcome::Point => "point",
    }
}

fn address(of: Option<EventAddress>) -> String {
    of.map(|at| at.to_string()).unwrap_or_default()
}

fn line_id(of: Option<LineId>) -> String {
    of.map(|id| id.to_string()).unwrap_or_default()
}

fn number(value: Option<u64>) -> f64 {
    value.map_or(-1.0, |value| value as f64)
}

fn dollars(usage: &Usage) -> f64 {
    usage.cost_nanos.map_or(-1.0, |nanos| nanos as f64 / 1e9)
}
