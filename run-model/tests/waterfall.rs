//! The waterfall of a run: its lines, windows, troubles, idle times, and what one line says.

mod support;

use std::collections::BTreeSet;

use dashstream_proto::v1::EventType;
use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::tool_execution::ExecutionStage;
use dashstream_proto::v1::{Error, ToolExecution};
use run_model::runs::{
    EventAddress, LineId, LineKind, LinePart, RunQuery, RunRow, SpanKind, Waterfall, WaterfallQuery,
};
use run_model::{SpanQuery, Store};
use support::script::{LINE, START_US, Script};
use support::{all_runs, by_thread, real_capture, store_of};

fn of(id: EventAddress) -> WaterfallQuery {
    WaterfallQuery {
        run: RunQuery {
            id,
            count: 1_000,
            ..RunQuery::default()
        },
        pieces: 100,
        folds_idle: true,
        ..WaterfallQuery::default()
    }
}

fn waterfall(store: &mut Store, query: &WaterfallQuery) -> Waterfall {
    store.waterfall(query).expect("known")
}

fn ids(waterfall: &Waterfall) -> Vec<LineId> {
    waterfall.lines.iter().map(|line| line.id).collect()
}

fn only_run(store: &mut Store) -> RunRow {
    let rows = all_runs(store).rows;
    assert_eq!(rows.len(), 1);
    rows[0].clone()
}

/// Two nodes with a pause of an hour between them, the second with a model call, a failing tool and an error.
fn broken() -> Script {
    let mut script = Script::new("t");
    script.start(1, LINE).node(2, "a");
    script.now_us += 3_600_000_000;
    script.event(6, EventType::NodeStart, "b");
    for index in 0..3 {
        script.chunk(u64::from(index) + 1, "r1", index, "to\u{202E}ken ");
    }
    let header = Some(script.header(4));
    script.send(Message::ToolExecution(ToolExecution {
        header,
        call_id: "c1".to_owned(),
        tool_name: "search".to_owned(),
        stage: ExecutionStage::Failed as i32,
        arguments: br#"{"q":"<b>rust</b>"}"#.to_vec(),
        error: "no route".to_owned(),
        ..ToolExecution::default()
    }));
    let header = Some(script.header(5));
    script.send(Message::Error(Error {
        header,
        error_code: "TIMEOUT".to_owned(),
        message: "took too long".to_owned(),
        stack_trace: "at b.rs:1\nat c.rs:2".to_owned(),
        severity: 4,
        ..Error::default()
    }));
    // Number 7 is missing.
    script.event_with(8, EventType::NodeError, "b", &[("error", "it broke")]);
    script
}

/// UX-11, STA-22: on the real capture each line is a span of the run, calls stand behind their attempt, windows
/// add up, and every trouble is reached from the one before and after it.
#[test]
fn lines_are_the_spans_and_windows_add_up() {
    let Some(records) = real_capture() else {
        return;
    };
    let mut store = store_of(&records);
    let mut gaps = 0;
    for row in all_runs(&mut store).rows {
        let whole = waterfall(&mut store, &of(row.id));
        let view = store.run(&of(row.id).run).expect("known");
        let spans: Vec<_> = whole
            .lines
            .iter()
            .filter_map(|line| match &line.kind {
                LineKind::Span(span) => Some((**span).clone()),
                LineKind::Gap(_) => {
                    gaps += 1;
                    None
                }
                LineKind::Wait => None,
            })
            .collect();
        assert_eq!(spans, view.spans, "{}", row.thread);
        assert_eq!(whole.spans, view.spans.len());
        let known: BTreeSet<_> = ids(&whole).into_iter().collect();
        assert_eq!(known.len(), whole.total, "no two lines have one name");
        for line in &whole.lines {
            assert_eq!(line.id.to_string().parse(), Ok(line.id));
            if let (Some(parent), LineKind::Span(span)) = (line.parent, &line.kind) {
                let LineKind::Span(parent) = &whole.lines[parent].kind else {
                    panic!("a part of something that is no span");
                };
                assert_eq!(parent.attempt, span.attempt);
            }
        }
        let mut query = of(row.id);
        query.run.count = 3;
        let mut joined = Vec::new();
        while joined.len() < whole.total {
            query.run.first = joined.len();
            joined.extend(waterfall(&mut store, &query).lines);
        }
        assert_eq!(joined, whole.lines);
        troubles_are_a_chain(&mut store, &row, &whole);
    }
    assert!(gaps >= 2, "the capture lost messages");
}

fn troubles_are_a_chain(store: &mut Store, row: &RunRow, whole: &Waterfall) {
    let mut query = of(row.id);
    let mut forward = Vec::new();
    while let Some(next) = waterfall(store, &query).selected.next_trouble {
        forward.push(next);
        query.selected = Some(next);
    }
    assert_eq!(forward.len(), whole.troubles);
    let mut backward: Vec<_> = forward.last().copied().into_iter().collect();
    while let Some(previous) = waterfall(store, &query).selected.previous_trouble {
        backward.push(previous);
        query.selected = Some(previous);
    }
    backward.reverse();
    assert_eq!(forward, backward);
}

/// PRO-08, UX-11: waiting is a line of its own, from the interrupt to the run that took it up.
#[test]
fn waiting_is_a_line() {
    let Some(records) = real_capture() else {
        return;
    };
    let mut store = store_of(&records);
    let runs = by_thread(&mut store)["cap-interrupt"].clone();
    let first = waterfall(&mut store, &of(runs[0].id));
    let waits = first
        .lines
        .iter()
        .filter(|line| line.kind == LineKind::Wait);
    let waits: Vec<_> = waits.map(|line| (line.start_us, line.end_us)).collect();
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].1, Some(runs[1].start_us));
    assert_eq!(
        (first.previous_run, first.next_run),
        (None, Some(runs[1].id))
    );
    let second = waterfall(&mut store, &of(runs[1].id));
    assert_eq!(second.previous_run, Some(runs[0].id));
    assert!(second.lines.iter().all(|line| line.kind != LineKind::Wait));
}

/// STA-23: the branches of a parallel group begin with one event and are told apart.
#[test]
fn branches_have_names_of_their_own() {
    let Some(records) = real_capture() else {
        return;
    };
    let mut store = store_of(&records);
    let run = by_thread(&mut store)["cap-parallel"][0].id;
    let whole = waterfall(&mut store, &of(run));
    let parts = whole.lines.iter().filter_map(|line| match line.id.part {
        LinePart::Branch(branch) => Some((line.id.at, branch)),
        LinePart::Span | LinePart::Gap | LinePart::Wait => None,
    });
    let parts: Vec<_> = parts.collect();
    assert!(parts.len() >= 2);
    assert!(
        parts
            .iter()
            .enumerate()
            .all(|(at, part)| *part == (parts[0].0, at as u32))
    );
}

/// PRO-02, UX-03, TIM-03: a gap stands where it is, an idle hour is named, and the picture of the whole leaves
/// neither the failure nor the gap out however few pieces it has.
#[test]
fn gaps_idle_times_and_troubles_are_where_they_are() {
    let mut store = store_of(&broken().records);
    let run = only_run(&mut store);
    let whole = waterfall(&mut store, &of(run.id));
    let words: Vec<_> = whole
        .lines
        .iter()
        .map(|line| match &line.kind {
            LineKind::Span(span) => format!("{} {}", span.kind.code(), span.name),
            LineKind::Gap(gap) => format!("gap {}", gap.missing),
            LineKind::Wait => "wait".to_owned(),
        })
        .collect();
    assert_eq!(
        words,
        [
            "attempt a",
            "attempt b",
            "model_call r1",
            "tool_call search",
            "gap 1"
        ]
    );
    assert_eq!(whole.idle.len(), 1);
    let (from, to) = whole.idle[0];
    assert!(
        (3_600_000_000..3_601_000_000).contains(&(to - from)),
        "{from} {to}"
    );
    for pieces in [1, 2, 7, 512] {
        for folds_idle in [false, true] {
            let query = WaterfallQuery {
                pieces,
                folds_idle,
                ..of(run.id)
            };
            let picture = waterfall(&mut store, &query).pieces;
            assert!(picture.iter().any(|piece| piece.has_trouble));
            assert!(picture.iter().any(|piece| piece.has_gap));
            assert!(picture.iter().any(|piece| piece.spans > 0));
            assert!(picture.windows(2).all(|two| two[0].to_us <= two[1].from_us));
            assert_eq!(picture[0].from_us, whole.start_us);
            assert_eq!(picture.last().map(|piece| piece.to_us), Some(whole.end_us));
        }
    }
}

/// UX-11: folded lines, lines in trouble alone, lines of a time; the selected one is found or its parent is.
#[test]
fn lines_are_left_out_as_asked() {
    let mut store = store_of(&broken().records);
    let run = only_run(&mut store);
    let whole = waterfall(&mut store, &of(run.id));
    let b = whole
        .lines
        .iter()
        .find(|line| line.children > 0)
        .expect("b");
    assert_eq!((b.children, b.has_trouble, b.is_folded), (2, true, false));
    let tool = whole
        .lines
        .iter()
        .find(|line| matches!(&line.kind, LineKind::Span(span) if span.kind == SpanKind::ToolCall));
    let tool = tool.expect("a tool").id;
    let mut query = of(run.id);
    query.folded = [b.id].into_iter().collect();
    query.selected = Some(tool);
    let folded = waterfall(&mut store, &query);
    assert_eq!(folded.total, whole.total - 2);
    let selected = folded.selected;
    assert_eq!(
        (selected.is_known, selected.index, selected.parent),
        (true, None, Some(b.id))
    );
    query.folds_others = true;
    let unfolded = waterfall(&mut store, &query);
    assert_eq!(
        unfolded.total, whole.total,
        "only b is not folded, and only b could be"
    );
    let mut errors = of(run.id);
    errors.run.errors_only = true;
    let errors = ids(&waterfall(&mut store, &errors));
    assert!(errors.contains(&b.id) && errors.contains(&tool));
    assert!(!errors.contains(&whole.lines[0].id));
    let mut early = of(run.id);
    early.within = Some((START_US, START_US + 1_000_000));
    assert_eq!(ids(&waterfall(&mut store, &early)), [whole.lines[0].id]);
}

/// UX-11, DEC-16, SEC-09: what a line says is there as it was sent: text joined, arguments, the error with its stack.
#[test]
fn a_line_says_what_its_messages_say() {
    let mut store = store_of(&broken().records);
    let run = only_run(&mut store).id;
    let whole = waterfall(&mut store, &of(run));
    let detail = |store: &mut Store, kind: SpanKind, name: &str| {
        let line = whole.lines.iter().find(|line| {
            matches!(&line.kind, LineKind::Span(span) if span.kind == kind && *span.name == *name)
        });
        store.span_detail(&SpanQuery {
            run: of(run),
            line: Some(line.expect("a line").id),
            count: 100,
            ..SpanQuery::default()
        })
    };
    let said = |detail: &run_model::SpanDetail, name: &str| {
        let said = detail.said.iter().find(|said| said.name == name);
        said.map(|said| said.text.clone())
    };
    let tool = detail(&mut store, SpanKind::ToolCall, "search");
    assert_eq!(
        said(&tool, "arguments").as_deref(),
        Some(r#"{"q":"<b>rust</b>"}"#)
    );
    assert_eq!(said(&tool, "error").as_deref(), Some("no route"));
    assert_eq!((tool.total, tool.messages.len()), (1, 1));
    let model = detail(&mut store, SpanKind::ModelCall, "r1");
    let text = model.text.expect("a text");
    assert_eq!(text.text, "to\u{202E}ken ".repeat(3));
    assert_eq!((model.total, text.pieces), (3, 3));
    let node = detail(&mut store, SpanKind::Attempt, "b");
    assert_eq!(
        said(&node, "stack_trace").as_deref(),
        Some("at b.rs:1\nat c.rs:2")
    );
    assert_eq!(
        said(&node, "error").as_deref(),
        Some("it broke"),
        "of NODE_ERROR"
    );
    assert_eq!(node.total, 5);
    let all = store.span_detail(&SpanQuery {
        run: of(run),
        count: 2,
        ..SpanQuery::default()
    });
    assert_eq!((all.messages.len(), all.total, all.said.len()), (2, 5, 0));
}

/// UX-02, BND-12: what came for another thread does not change a run's answer, and what came for its own does.
#[test]
fn a_run_has_a_version_of_its_own() {
    let script = broken();
    let mut store = store_of(&script.records);
    let run = only_run(&mut store).id;
    let before = store.run_version(run);
    let mut other = Script::new("other");
    other.partition = 1;
    other.start(1, LINE);
    support::feed(&mut store, &other.records);
    assert_eq!(store.run_version(run), before);
    assert_eq!(waterfall(&mut store, &of(run)).total, 5);
    let mut late = Script::new("t");
    // Ids of its own: those of before would be repeats.
    (0..100).for_each(|_| drop(late.header(0)));
    late.now_us = script.now_us;
    late.event(9, EventType::NodeStart, "b");
    let record = late.records.pop().expect("a record");
    let record = support::Record {
        offset: 100,
        ..record
    };
    support::feed(&mut store, [&record]);
    assert_ne!(store.run_version(run), before);
    assert_eq!(waterfall(&mut store, &of(run)).total, 6);
    assert_eq!(store.next_run_in_trouble(run, true), None);
}

/// BND-15: 50,000 spans: an answer stays small whatever is asked for, and each span is in some window.
#[test]
fn a_large_run_comes_in_small_answers() {
    let mut script = Script::new("t");
    script.start(1, LINE);
    for index in 0..25_000 {
        script.event(index * 2 + 2, EventType::NodeStart, "a");
        script.event(index * 2 + 3, EventType::NodeEnd, "a");
    }
    let mut store = store_of(&script.records);
    let run = only_run(&mut store).id;
    let mut query = of(run);
    query.pieces = usize::MAX;
    let mut seen = 0;
    loop {
        query.run.first = seen;
        let window = waterfall(&mut store, &query);
        assert_eq!((window.total, window.spans), (25_000, 25_000));
        assert!(window.pieces.len() <= run_model::limits::OVERVIEW_PIECES_MAX);
        if window.lines.is_empty() {
            break;
        }
        assert!(window.lines.len() <= run_model::limits::QUERY_ROWS_MAX);
        seen += window.lines.len();
    }
    assert_eq!(seen, 25_000);
}
