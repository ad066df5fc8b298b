//! The second producer of the format: an agent's adapter with conventions of its own.

mod support;

use dashstream_proto::v1::EventType::{
    ConditionalBranch, EdgeTraversal, GraphEnd, GraphStart, NodeEnd, NodeStart,
};
use run_model::Store;
use run_model::runs::{Integrity, Rule, RunQuery, RunRow, Span, SpanKind, Status, UsageSource};
use support::script::Script;
use support::{all_runs, store_of};

fn rows(script: &Script) -> Vec<RunRow> {
    all_runs(&mut store_of(&script.records)).rows
}

fn spans(store: &mut Store, run: usize) -> Vec<Span> {
    let id = all_runs(store).rows[run].id;
    let query = RunQuery {
        id,
        count: 1_000,
        ..RunQuery::default()
    };
    store.run(&query).expect("known").spans
}

/// A turn up to the question to a person. Numbers are not in the order of calls, and every value is text.
fn asked() -> Script {
    let mut script = Script::new("default-session");
    let usage = [
        ("input_tokens", "100"),
        ("output_tokens", "20"),
        ("total_tokens", "120"),
        ("cost_usd", "0.00150000"),
    ];
    script
        .event_with(1, GraphStart, "user_input", &[("content_preview", "hi")])
        .event_with(0, NodeStart, "reasoning", &[("turn", "1"), ("model", "m")])
        .event_with(3, NodeEnd, "llm_metrics:m", &usage)
        .event_with(2, NodeEnd, "reasoning", &usage[..2])
        .event_with(
            5,
            NodeStart,
            "tool:bash",
            &[("tool_call_id", "c1"), ("args", "{}")],
        )
        .event_with(
            4,
            ConditionalBranch,
            "approval_required:bash",
            &[("tool_call_id", "c1")],
        );
    script
}

/// The rest of it, with both ends and what is captured behind them.
fn finished() -> Script {
    let mut script = asked();
    script
        .event_with(
            6,
            ConditionalBranch,
            "tool_selection:bash",
            &[("status", "approved")],
        )
        .event(8, NodeStart, "tool_execution:bash")
        .event_with(7, NodeEnd, "tool_execution:bash", &[("success", "true")])
        .event(9, EdgeTraversal, "turn_complete")
        .event_with(10, GraphEnd, "session", &[("status", "complete")])
        .event_with(
            11,
            GraphEnd,
            "session_metrics",
            &[("total_input_tokens", "100")],
        )
        .event_with(12, NodeEnd, "eval_capture", &[("capture_id", "1")]);
    script
}

/// A question without an answer is waiting.
#[test]
fn a_question_to_a_person_waits() {
    let rows = rows(&asked());
    assert_eq!(
        (rows[0].status, rows[0].rule),
        (Status::Waiting, Rule::ApprovalOpen)
    );
    assert_eq!(&*rows[0].node, "approval_required:bash");
    assert!(rows[0].waiting_since_us.is_some());
}

/// The status that it reports counts; tokens and cost count once, though three messages say them.
#[test]
fn a_run_of_the_agent_is_one_run_with_its_usage() {
    let mut store = store_of(&finished().records);
    let rows = all_runs(&mut store).rows;
    assert_eq!(rows.len(), 1, "{rows:?}");
    let run = &rows[0];
    assert_eq!(
        (run.status, run.rule),
        (Status::Completed, Rule::ReportedStatus)
    );
    assert_eq!(
        (run.usage.tokens(), run.usage.cost_nanos),
        (Some(120), Some(1_500_000))
    );
    assert_eq!(
        (run.usage.source, run.model_calls),
        (UsageSource::CallMetrics, 1)
    );
    assert_eq!(
        (run.integrity, run.missing, run.attempts),
        (Integrity::Whole, 0, 2)
    );
}

/// What has no end by nature is a point, not something that still runs.
#[test]
fn what_is_never_ended_is_a_point() {
    let mut store = store_of(&finished().records);
    let spans = spans(&mut store, 0);
    let points = spans.iter().filter(|span| span.kind == SpanKind::Point);
    let points: Vec<_> = points.map(|span| &*span.name).collect();
    assert_eq!(points, ["llm_metrics:m", "tool:bash", "eval_capture"]);
    assert!(spans.iter().all(|span| span.end_us.is_some()), "{spans:?}");
}

/// Sessions without an id share a thread; a failed one sends no end, and each start is a run.
#[test]
fn sessions_on_one_thread_are_a_run_each() {
    let mut script = finished();
    script
        .event(13, GraphStart, "user_input")
        .event(14, NodeStart, "reasoning");
    script
        .event(15, GraphStart, "user_input")
        .event(16, NodeStart, "reasoning");
    let rows = rows(&script);
    let verdicts: Vec<_> = rows.iter().map(|row| (row.status, row.rule)).collect();
    let open = (Status::NoEndSeen, Rule::NodeOpen);
    assert_eq!(
        verdicts,
        [(Status::Completed, Rule::ReportedStatus), open, open]
    );
}
