//! What runs take, and what is left of those that are evicted. Every allocation is counted.

mod support;

use dashstream_proto::v1::EventType;
use decode_core::Mode;
use peak_alloc::PeakAlloc;
use run_model::Store;
use run_model::limits::{ANSWER_BYTES_MAX, QUERY_ROWS_MAX};
use run_model::runs::{RunChip, RunQuery, RunSort, RunsQuery, Span, Status};
use support::feed;
use support::script::{LINE, Script};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const RUNS: usize = 100_000;
/// What summaries of so many runs may take.
const SUMMARY_BYTES_MAX: usize = 32 << 20;
const HELD_BYTES_MAX: usize = 1 << 20;

/// A short run on a thread of its own; each seventh fails.
fn run(n: usize) -> Script {
    let mut script = Script::new(&format!("order-{n:08}"));
    script.now_us += n as i64 * 1_000_000;
    script.partition = n as u32;
    script.start(1, LINE);
    if n.is_multiple_of(7) {
        let why = [(
            "error",
            "Node execution error in 'b': the service did not answer",
        )];
        script.event(2, EventType::NodeStart, "b");
        script.event_with(3, EventType::NodeError, "b", &why);
    } else {
        script.event(2, EventType::EdgeTraversal, "b").end(3);
    }
    script
}

fn small_store() -> Store {
    let store = Store::with_bounds(Mode::Strict, 100, 100, 1 << 16);
    store.with_run_bounds(HELD_BYTES_MAX, RUNS)
}

/// One test, because what other tests allocate at the same time would count too.
///
/// STA-16, BND-01: of 100,000 runs what they came to is known within 32 MiB, and the counts are right.
#[test]
fn a_hundred_thousand_runs_are_summed_up_in_32_mib() {
    let before = HEAP.current_usage();
    let mut store = small_store();
    for n in 0..RUNS {
        feed(&mut store, &run(n).records);
    }
    let page = store.runs(&RunsQuery {
        count: 50,
        ..RunsQuery::default()
    });
    let held = HEAP.current_usage() - before;
    let counts = page.counts;
    eprintln!(
        "{held} bytes for {} runs, {} of them evicted",
        counts.all, counts.evicted
    );
    assert!(
        held <= SUMMARY_BYTES_MAX + 2 * HELD_BYTES_MAX + (4 << 20),
        "{held} bytes"
    );
    let failed = RUNS.div_ceil(7) as u64;
    assert_eq!((counts.all, counts.dropped), (RUNS as u64, 0));
    assert!(counts.evicted > RUNS as u64 * 9 / 10);
    assert_eq!(counts.of(RunChip::Failed), failed);
    assert_eq!(counts.with(Status::Completed), RUNS as u64 - failed);

    what_is_left_of_an_evicted_run(&mut store);
    the_oldest_summary_goes_first(&mut store);
    answers_stay_small();
    one_run_does_not_outgrow_the_bound();
    runs_that_go_on_are_spared();
}

/// BND-18: what goes first was heard of the longest ago, and runs that go on are spared.
fn runs_that_go_on_are_spared() {
    let mut store = small_store();
    let mut going_on = Script::new("going on");
    going_on.start(1, LINE).event(2, EventType::NodeStart, "a");
    feed(&mut store, &going_on.records);
    for n in 1..5_000 {
        feed(&mut store, &run(n).records);
    }
    let query = RunsQuery {
        count: 1,
        thread: Some("going on".to_owned()),
        ..RunsQuery::default()
    };
    let page = store.runs(&query);
    assert!(page.counts.evicted > 1_000 && page.rows[0].is_held);
    going_on
        .event(3, EventType::NodeEnd, "a")
        .event(4, EventType::EdgeTraversal, "a");
    going_on.node(5, "b").end(9);
    feed(&mut store, &going_on.records[2..]);
    let row = store.runs(&query).rows[0].clone();
    assert_eq!(
        (row.status, row.attempts, row.missing),
        (Status::Completed, 2, 0)
    );
}

fn what_is_left_of_an_evicted_run(store: &mut Store) {
    let query = RunsQuery {
        count: 1,
        text: "order-00000000".to_owned(),
        sort: RunSort::Thread,
        ..RunsQuery::default()
    };
    let row = store.runs(&query).rows[0].clone();
    assert!(!row.is_held);
    assert_eq!(
        (row.status, &*row.node, row.errors, row.attempts),
        (Status::Failed, "b", 1, 1)
    );
    assert!(row.error.contains("did not answer"));
    assert!(row.end_us.expect("an end") > row.start_us);
    let view = store.run(&RunQuery {
        id: row.id,
        count: 10,
        ..RunQuery::default()
    });
    let view = view.expect("its row");
    assert_eq!((&view.row, view.total), (&row, 0));
    // What comes for it later opens no other run.
    let before = store.runs(&RunsQuery::default()).counts.all;
    let mut late = run(0);
    late.event(4, EventType::NodeEnd, "b");
    let last = late.records.pop().expect("a record");
    feed(store, [&last]);
    let all = store.runs(&RunsQuery::default()).counts.all;
    assert!(all <= before + 1, "{before} and {all}");
}

fn the_oldest_summary_goes_first(store: &mut Store) {
    for n in RUNS..RUNS + 100 {
        feed(store, &run(n).records);
    }
    let page = store.runs(&RunsQuery {
        count: 1,
        ..RunsQuery::default()
    });
    assert_eq!(page.counts.all, RUNS as u64);
    assert!(page.counts.dropped >= 100);
    assert_eq!(&*page.rows[0].thread, "order-00100099");
}

/// No answer is larger than its bound, however long the texts.
fn answers_stay_small() {
    let mut store = Store::new(Mode::Strict);
    let long = "n".repeat(400);
    for n in 0..QUERY_ROWS_MAX {
        let mut script = Script::new(&format!("{long}{n}"));
        script.partition = n as u32;
        script.start(1, LINE).event(2, EventType::NodeStart, &long);
        let why = [("error", &*"e".repeat(10_000))];
        script.event_with(3, EventType::NodeError, &long, &why);
        feed(&mut store, &script.records);
    }
    let query = RunsQuery {
        count: usize::MAX,
        ..RunsQuery::default()
    };
    let page = store.runs(&query);
    let texts = page
        .rows
        .iter()
        .map(|row| row.thread.len() + row.node.len() + row.error.len());
    assert!(texts.sum::<usize>() <= ANSWER_BYTES_MAX);
    assert!(page.rows.len() < QUERY_ROWS_MAX && page.rows.len() > 100);
    assert_eq!(page.total, QUERY_ROWS_MAX, "and says how many there are");
    // The next window goes on where this one ended.
    let next = store.runs(&RunsQuery {
        first: page.rows.len(),
        ..query
    });
    assert_ne!(page.rows.last(), next.rows.first());
    assert_eq!(next.total, page.total);
}

/// A run that goes on and on keeps its steps and gives up its oldest messages, which it counts.
fn one_run_does_not_outgrow_the_bound() {
    let mut store = small_store();
    let mut script = Script::new("endless");
    script.start(1, LINE).event(2, EventType::NodeStart, "a");
    for n in 0..40_000 {
        script.chunk(n + 1, "req", n as u32, "x");
    }
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    feed(&mut store, &script.records);
    let peak = HEAP.peak_usage() - before;
    assert!(peak < 4 * HELD_BYTES_MAX + (4 << 20), "{peak} bytes");
    let row = store
        .runs(&RunsQuery {
            count: 1,
            ..RunsQuery::default()
        })
        .rows[0]
        .clone();
    assert_eq!((row.events, row.model_calls), (40_002, 1));
    let query = RunQuery {
        id: row.id,
        count: 10,
        ..RunQuery::default()
    };
    let view = store.run(&query).expect("known");
    let call: &Span = &view.spans[1];
    assert_eq!(call.messages, 40_000);
    let (_, held) = store.run_messages(row.id, None, 0, 1);
    assert_eq!(held as u64 + view.messages_evicted, 40_000);
    assert!(view.messages_evicted > 0);
}
