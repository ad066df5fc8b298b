//! The rules by which runs begin, end, nest and lose messages, on the real capture, on the simulator's
//! scenarios and on invented runs.

mod support;

use dashstream_proto::v1::EventType;
use dashstream_simulator::Scenario;
use run_model::Store;
use run_model::runs::{
    Integrity, QuietLimits, Relation, Rule, RunChip, RunQuery, RunRow, RunView, RunsQuery,
    SpanKind, Status, UsageSource,
};
use support::script::{LINE, OTHER, Script};
use support::{Record, all_runs, captured_and_simulated, store_of};

fn rows(records: &[Record]) -> Vec<RunRow> {
    all_runs(&mut store_of(records)).rows
}

fn view(store: &mut Store, run: usize) -> RunView {
    let id = all_runs(store).rows[run].id;
    let query = RunQuery {
        id,
        count: 1_000,
        ..RunQuery::default()
    };
    store.run(&query).expect("known")
}

fn verdicts(records: &[Record]) -> Vec<(Status, Rule)> {
    rows(records)
        .iter()
        .map(|row| (row.status, row.rule))
        .collect()
}

/// A loop whose last event before the end is missing.
fn without_last_edge(is_renumbered: bool) -> Vec<Record> {
    let mut script = Script::new("t");
    script
        .start(1, LINE)
        .node(2, "a")
        .event(6, EventType::NodeStart, "b")
        .diff(7);
    script.event(8, EventType::NodeEnd, "b");
    let next = if is_renumbered { 9 } else { 10 };
    script.diff(next).end(next + 1);
    script.records
}

/// STA-20, PRO-08: an end right after the end of a node is an interrupt; with a message missing between them
/// it is not decided.
#[test]
fn an_end_without_an_edge_is_an_interrupt_unless_something_is_missing() {
    let found = verdicts(&without_last_edge(true));
    assert_eq!(found, [(Status::Waiting, Rule::InterruptedAfter)]);
    let lossy = rows(&without_last_edge(false));
    assert_eq!(
        (lossy[0].status, lossy[0].rule),
        (Status::Ended, Rule::MessagesMissing)
    );
    assert_eq!((lossy[0].integrity, lossy[0].missing), (Integrity::Gaps, 1));
}

/// STA-20: what a graph declares decides.
#[test]
fn the_last_step_decides_about_the_end() {
    let ends = |schema: &str, node: &str, kind: EventType| {
        let mut script = Script::new("t");
        script.start(1, schema).event(2, EventType::NodeStart, node);
        script
            .event(3, EventType::NodeEnd, node)
            .event(4, kind, node)
            .end(5);
        verdicts(&script.records)[0]
    };
    let edge = EventType::EdgeTraversal;
    assert_eq!(
        ends(LINE, "b", edge),
        (Status::Completed, Rule::LastStepLeadsToEnd)
    );
    assert_eq!(
        ends(LINE, "a", edge),
        (Status::Waiting, Rule::InterruptedBefore)
    );
    let branch = EventType::ConditionalBranch;
    assert_eq!(ends(OTHER, "y", branch), (Status::Ended, Rule::EndOrWait));
    assert_eq!(
        ends("{broken", "y", branch),
        (Status::Ended, Rule::GraphUnknown)
    );
    let mut script = Script::new("t");
    script.start(1, LINE).end(2);
    assert_eq!(
        verdicts(&script.records),
        [(Status::Waiting, Rule::InterruptedAtStart)]
    );
}

/// STA-20, PRO-08: an interrupt and the run that takes it up are linked; the time between is waiting.
#[test]
fn an_interrupted_run_is_resumed_by_the_next() {
    for records in captured_and_simulated(Scenario::Interrupt) {
        let rows = rows(&records);
        let [first, second] = &rows[..] else {
            panic!("two runs: {rows:?}")
        };
        assert_eq!(
            (first.status, &*first.node),
            (Status::Interrupted, "approve")
        );
        assert_eq!(
            (first.related, second.related),
            (Some(second.id), Some(first.id))
        );
        assert_eq!(
            (second.status, second.relation),
            (Status::Completed, Relation::Resumes)
        );
        let waited = second.start_us - first.end_us.expect("an end");
        assert!((50_000..500_000).contains(&waited), "{waited}");
        assert_eq!([first.invocation, second.invocation], [1, 2]);
        // Until it is taken up it waits.
        let mut store = store_of(&records[..8]);
        let waiting = &all_runs(&mut store).rows[0];
        assert_eq!(waiting.status, Status::Waiting);
        assert_eq!(waiting.waiting_since_us, waiting.end_us);
    }
}

/// STA-20: an error of a node fails its run at once, with its text.
#[test]
fn a_failed_node_fails_its_run() {
    for scenario in [Scenario::Fail, Scenario::FailBatch, Scenario::StreamFail] {
        for records in captured_and_simulated(scenario) {
            let rows = rows(&records);
            let [run] = &rows[..] else { panic!("one run") };
            assert_eq!((run.status, run.rule), (Status::Failed, Rule::NodeFailed));
            assert!(run.error.contains(&*run.node) && run.errors > 0, "{run:?}");
            let mut store = store_of(&records);
            let spans = view(&mut store, 0).spans;
            let failed: Vec<_> = spans.iter().filter(|span| !span.error.is_empty()).collect();
            assert_eq!(failed.len(), 1);
        }
    }
}

/// STA-20: a failed run whose series goes on has not failed.
#[test]
fn a_run_that_goes_on_has_not_failed() {
    let mut script = Script::new("t");
    script
        .start(1, LINE)
        .event(2, EventType::NodeStart, "a")
        .event(3, EventType::NodeError, "a");
    assert_eq!(
        verdicts(&script.records),
        [(Status::Failed, Rule::NodeFailed)]
    );
    script.node(4, "b").end(8);
    let rows = rows(&script.records);
    assert_eq!(
        (rows.len(), rows[0].status, rows[0].errors),
        (1, Status::Completed, 1)
    );
}

/// STA-20, PRO-11: the last event says what a run without an end may be.
#[test]
fn a_run_without_an_end_says_what_its_last_event_allows() {
    for (scenario, rule, node) in [
        (Scenario::ParallelFail, Rule::BranchesOpen, "worker_c"),
        (Scenario::NoFlush, Rule::NodeOpen, "plan"),
    ] {
        for records in captured_and_simulated(scenario) {
            let rows = rows(&records);
            assert_eq!(
                (rows[0].status, rows[0].rule, &*rows[0].node),
                (Status::NoEndSeen, rule, node)
            );
            assert_eq!(rows[0].integrity, Integrity::TailOpen);
        }
    }
    let allowed = |steps: &dyn Fn(&mut Script)| {
        let mut script = Script::new("t");
        script.start(1, LINE);
        steps(&mut script);
        verdicts(&script.records)[0].1
    };
    assert_eq!(allowed(&|_| {}), Rule::GraphStartLast);
    assert_eq!(
        allowed(&|script| _ = script.node(2, "a")),
        Rule::BetweenSteps
    );
    let ended = |script: &mut Script| {
        script
            .event(2, EventType::NodeStart, "a")
            .event(3, EventType::NodeEnd, "a");
    };
    assert_eq!(allowed(&ended), Rule::NodeEndedLast);
    assert_eq!(
        allowed(&|script| _ = script.node(2, "a").diff(6)),
        Rule::TailLost
    );
}

/// STA-20, TIM-07: silence is measured by arrival, and its limits are options.
#[test]
fn silence_makes_a_run_quiet_and_then_ends_it() {
    let mut script = Script::new("t");
    script.start(1, LINE).event(2, EventType::NodeStart, "a");
    let mut store = store_of(&script.records);
    let heard_ms = script.now_us / 1_000;
    let mut status_after = |seconds: i64, limits: QuietLimits| {
        let now_ms = Some(heard_ms + seconds * 1_000);
        let query = RunsQuery {
            count: 1,
            now_ms,
            limits,
            ..RunsQuery::default()
        };
        let page = store.runs(&query);
        let stuck = page.counts.of(RunChip::Stuck);
        assert_eq!(stuck == 1, page.rows[0].status != Status::Running);
        page.rows[0].status
    };
    let limits = QuietLimits::default();
    assert_eq!(status_after(299, limits), Status::Running);
    assert_eq!(status_after(300, limits), Status::Quiet);
    assert_eq!(status_after(1_209, limits), Status::Quiet);
    assert_eq!(status_after(1_210, limits), Status::NoEndSeen);
    let short = QuietLimits {
        open_node_ms: 1_000,
        ..limits
    };
    assert_eq!(status_after(1, short), Status::Quiet);
}

/// STA-19: two callbacks on one thread at a time, told apart by their numbers and nodes.
#[test]
fn interleaved_series_are_two_runs() {
    let mut script = Script::new("t");
    script.start(1, LINE).start(1, OTHER);
    script
        .event(2, EventType::NodeStart, "x")
        .event(2, EventType::NodeStart, "a");
    script.diff(3).event(3, EventType::NodeEnd, "x");
    script
        .event(4, EventType::ConditionalBranch, "x")
        .event(4, EventType::NodeEnd, "a");
    script
        .event(5, EventType::EdgeTraversal, "a")
        .node(5, "y")
        .node(6, "b");
    script.end(10).diff(9).end(10);
    let rows = rows(&script.records);
    assert_eq!(rows.len(), 2);
    let graphs: Vec<_> = rows
        .iter()
        .map(|row| (&*row.graph, row.attempts, row.missing))
        .collect();
    assert_eq!(graphs, [("line", 2, 0), ("other", 2, 0)]);
    assert!(rows.iter().all(|row| row.end_us.is_some()), "{rows:?}");
}

/// STA-19, STA-20: the next start of the same graph ends what was silent until then.
#[test]
fn a_silent_run_is_superseded_by_the_next() {
    let mut script = Script::new("t");
    script
        .start(1, LINE)
        .node(2, "a")
        .start(6, LINE)
        .node(7, "a")
        .node(11, "b")
        .end(15);
    let rows = rows(&script.records);
    let statuses: Vec<_> = rows.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [Status::NoEndSeen, Status::Completed]);
    assert_eq!(rows[0].related, Some(rows[1].id));
    assert_eq!(rows[1].relation, Relation::None);
    // Also while more may come.
    let now_ms = Some(script.now_us / 1_000);
    let query = RunsQuery {
        count: 2,
        now_ms,
        ascending: true,
        ..RunsQuery::default()
    };
    let page = store_of(&script.records).runs(&query);
    assert_eq!(page.rows[0].status, Status::NoEndSeen);
}

/// STA-19: a graph inside a node, with a callback of its own or its parent's, neither ends its parent nor gets
/// lost.
#[test]
fn a_nested_graph_is_a_run_in_its_parents_attempt() {
    for is_shared in [false, true] {
        let mut script = Script::new("t");
        script.start(1, LINE).event(2, EventType::NodeStart, "a");
        let first = if is_shared { 3 } else { 1 };
        script
            .start(first, OTHER)
            .event(first + 1, EventType::NodeStart, "x");
        script.event(first + 2, EventType::NodeEnd, "x");
        script
            .event(first + 3, EventType::ConditionalBranch, "x")
            .end(first + 4);
        let next = if is_shared { first + 5 } else { 3 };
        script
            .event(next, EventType::NodeEnd, "a")
            .event(next + 1, EventType::EdgeTraversal, "a");
        script.node(next + 2, "b").end(next + 6);
        let rows = rows(&script.records);
        let [parent, child] = &rows[..] else {
            panic!("{rows:?}")
        };
        assert_eq!(
            (parent.status, parent.attempts),
            (Status::Completed, 2),
            "{is_shared}"
        );
        assert_eq!(
            (parent.integrity, parent.missing),
            (Integrity::Whole, 0),
            "{is_shared}"
        );
        assert_eq!(
            (child.relation, child.related),
            (Relation::Nested, Some(parent.id))
        );
    }
}

/// PRO-01: a run may begin without its start, and is told from the one before it.
#[test]
fn a_run_may_begin_without_its_start() {
    for records in captured_and_simulated(Scenario::Linear) {
        let rows = rows(&records[1..]);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].integrity, Integrity::StartMissing);
        assert_eq!((rows[0].attempts, &*rows[0].graph), (4, ""));
    }
    for mut records in captured_and_simulated(Scenario::Reuse) {
        records.remove(25);
        let rows = rows(&records);
        let integrity: Vec<_> = rows.iter().map(|row| row.integrity).collect();
        assert_eq!(integrity, [Integrity::Whole, Integrity::StartMissing]);
    }
}

/// SEQ-05, SEQ-07: numbers that quality metrics used are not missing, those that the queue dropped are.
#[test]
fn gaps_are_what_nobody_delivered() {
    for scenario in [Scenario::Linear, Scenario::StreamWarm, Scenario::Batch] {
        for records in captured_and_simulated(scenario) {
            let rows = rows(&records);
            assert!(
                rows.iter().all(|row| row.integrity == Integrity::Whole),
                "{rows:?}"
            );
        }
    }
    for records in captured_and_simulated(Scenario::Drop) {
        let mut store = store_of(&records);
        let view = view(&mut store, 0);
        assert_eq!(
            view.row.missing,
            view.gaps.iter().map(|gap| gap.missing).sum::<u64>()
        );
        assert!(view.row.missing > 100, "{:?}", view.gaps);
        let known = records
            .iter()
            .map(|record| (record.partition, record.offset));
        let known: Vec<_> = known.collect();
        assert!(
            view.gaps
                .iter()
                .all(|gap| known.contains(&(gap.before.partition, gap.before.offset)))
        );
        assert_eq!(
            store.runs(&RunsQuery::default()).counts.of(RunChip::Lossy),
            1
        );
    }
}

/// STA-22: two runs with equal request and call ids have their own messages.
#[test]
fn equal_ids_of_two_runs_are_apart() {
    for records in captured_and_simulated(Scenario::StreamWarm) {
        let mut store = store_of(&records);
        let rows = all_runs(&mut store).rows;
        assert_eq!(rows.len(), 2);
        for row in rows {
            let (messages, total) = store.run_messages(row.id, None, 0, 1_000);
            assert_eq!((messages.len(), total), (34, 34));
            assert_eq!((row.model_calls, row.tool_calls), (2, 2));
            assert_eq!(row.usage.cost_nanos, Some(420_000), "0.00042 usd");
            assert_eq!(row.usage.tokens(), None, "nobody reports tokens");
            assert_eq!(row.usage.source, UsageSource::Metrics);
        }
    }
}

/// STA-22, TIM-03: a span ends by its duration, not when its end was reported.
#[test]
fn a_span_has_its_duration() {
    let Some(all) = support::real_capture() else {
        return;
    };
    let mut store = store_of(&all);
    let row = support::by_thread(&mut store)["cap-oversize"][0].clone();
    let query = RunQuery {
        id: row.id,
        count: 100,
        ..RunQuery::default()
    };
    let view = store.run(&query).expect("known");
    let blob = view
        .spans
        .iter()
        .find(|span| &*span.name == "blob")
        .expect("a span");
    let took = blob.end_us.expect("ended") - blob.start_us;
    assert!(took < 300_000, "{took}");
}

/// STA-22, STA-23, PRO-03, PRO-09: branches, which report nothing of their own, are lanes with the group's interval;
/// what they changed is in the next diff, before the end of the node that is open then.
#[test]
fn branches_share_their_groups_interval() {
    for records in captured_and_simulated(Scenario::Parallel) {
        let mut store = store_of(&records);
        let view = view(&mut store, 0);
        let branches: Vec<_> = view
            .spans
            .iter()
            .filter(|s| s.kind == SpanKind::Branch)
            .collect();
        let names: Vec<_> = branches.iter().map(|span| &*span.name).collect();
        assert_eq!(names, ["worker_a", "worker_b", "worker_c"]);
        let lanes: Vec<_> = branches.iter().map(|span| span.lane).collect();
        assert_eq!(lanes, [0, 1, 2]);
        assert!(branches.windows(2).all(|pair| {
            (pair[0].start_us, pair[0].end_us, pair[0].group)
                == (pair[1].start_us, pair[1].end_us, pair[1].group)
        }));
        let join = view
            .spans
            .iter()
            .find(|span| &*span.name == "join")
            .expect("a span");
        assert!(join.holds_branches && join.diffs == 1);
        assert_eq!(view.row.attempts, 5);
    }
}

/// STA-22, PRO-12: a loop's turns are counted by name; batches beside messages sent directly change nothing.
#[test]
fn loops_are_iterations_with_and_without_batches() {
    let shape = |records: &[Record]| -> Vec<(String, u32)> {
        let mut store = store_of(records);
        let spans = view(&mut store, 0).spans;
        spans
            .iter()
            .map(|span| (span.name.to_string(), span.iteration))
            .collect()
    };
    let expected = [
        ("draft", 1),
        ("review", 1),
        ("draft", 2),
        ("review", 2),
        ("draft", 3),
        ("review", 3),
        ("publish", 1),
    ];
    let expected = expected.map(|(name, iteration)| (name.to_owned(), iteration));
    for scenario in [Scenario::Loop, Scenario::Batch, Scenario::BatchNoDiff] {
        for records in captured_and_simulated(scenario) {
            assert_eq!(shape(&records), expected, "{}", scenario.name());
        }
    }
}

/// STA-19, SEQ-02: a thread that moves to another partition, the later part first, is the same run.
#[test]
fn a_thread_may_move_to_another_partition() {
    for records in captured_and_simulated(Scenario::Linear) {
        let expected = rows(&records);
        let mut moved = records.clone();
        for record in &mut moved[9..] {
            record.partition += 1;
        }
        moved.rotate_left(9);
        let found = rows(&moved);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].status, found[0].integrity),
            (Status::Completed, Integrity::Whole)
        );
        assert_eq!(
            (found[0].id, found[0].attempts),
            (expected[0].id, expected[0].attempts)
        );
        let mut store = store_of(&moved);
        assert_eq!(view(&mut store, 0).partitions.len(), 2);
    }
}

/// STA-21: the quality monitor's GRAPH_ERROR is an alert.
#[test]
fn an_alert_ends_nothing() {
    let mut script = Script::new("t");
    script.start(1, LINE).event(2, EventType::NodeStart, "a");
    script.event(1, EventType::GraphError, "quality_monitor");
    script
        .event(3, EventType::NodeEnd, "a")
        .event(4, EventType::EdgeTraversal, "a");
    script.node(5, "b").end(9);
    let row = &rows(&script.records)[0];
    assert_eq!(
        (row.status, row.alerts, row.missing),
        (Status::Completed, 1, 0)
    );
    for records in captured_and_simulated_where(Scenario::Quality) {
        let rows = rows(&records);
        assert!(rows.iter().any(|row| row.alerts > 0), "{rows:?}");
        assert!(
            rows.iter().all(|row| row.status == Status::Completed),
            "{rows:?}"
        );
    }
}

fn captured_and_simulated_where(scenario: Scenario) -> Vec<Vec<Record>> {
    vec![support::simulated(scenario, 7)]
}

/// A node that is tried again begins its answer again: one attempt, two texts.
#[test]
fn an_answer_begun_again_is_one_attempt_with_two_texts() {
    let mut script = Script::new("t");
    script.start(1, LINE).event(2, EventType::NodeStart, "a");
    for n in 0..20 {
        script.chunk(u64::from(n) + 1, "req", n % 10, &format!("{n} "));
    }
    script.event(3, EventType::NodeEnd, "a");
    let mut store = store_of(&script.records);
    let view = view(&mut store, 0);
    assert_eq!(view.row.attempts, 1);
    let call = view
        .spans
        .iter()
        .find(|s| s.kind == SpanKind::ModelCall)
        .expect("a call");
    assert_eq!((call.beginnings, call.messages), (2, 20));
    let text = store.run_text(view.row.id, call.attempt, "req", 0);
    assert_eq!(
        text.text,
        "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 "
    );
    assert_eq!((text.restarts, text.missing), (1, 0));
}

/// STA-27: a message without a thread is of no run.
#[test]
fn messages_without_a_thread_are_of_no_run() {
    let mut script = Script::new("");
    script.start(1, LINE).node(2, "a").end(6);
    let mut store = store_of(&script.records);
    assert_eq!(all_runs(&mut store).total, 0);
    assert_eq!((store.totals().unthreaded, store.runs_version()), (6, 0));
}
