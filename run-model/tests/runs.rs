//! The runs of what the real library sent: every status by its rule, every message in its attempt.

mod support;

use run_model::Store;
use run_model::runs::{RunQuery, RunView, SpanKind, Status};
use support::{all_runs, by_thread, real_capture, store_of};

fn view(store: &mut Store, thread: &str, run: usize) -> RunView {
    let id = by_thread(store)[thread][run].id;
    let query = RunQuery {
        id,
        count: 1_000,
        ..RunQuery::default()
    };
    store.run(&query).expect("known")
}

/// STA-19, STA-20: 36 runs, each with the end that its messages show.
#[test]
fn the_real_capture_has_its_runs_and_their_ends() {
    let Some(records) = real_capture() else {
        return;
    };
    let mut store = store_of(&records);
    let page = all_runs(&mut store);
    assert_eq!(page.total, 36);
    let of = |status| page.counts.with(status);
    assert_eq!(
        [
            of(Status::Completed),
            of(Status::Interrupted),
            of(Status::Failed),
            of(Status::NoEndSeen)
        ],
        [30, 1, 3, 2]
    );
}

/// Of 171 messages made inside nodes all are in an attempt, and in the one they name where they name one,
/// although 95 of them came outside of it.
#[test]
fn every_message_of_a_node_is_in_its_attempt() {
    let Some(records) = real_capture() else {
        return;
    };
    let mut store = store_of(&records);
    let mut placed = 0;
    let mut named = 0;
    for row in all_runs(&mut store).rows {
        let query = RunQuery {
            id: row.id,
            count: 1_000,
            ..RunQuery::default()
        };
        let view = store.run(&query).expect("known");
        let (messages, total) = store.run_messages(row.id, None, 0, 1_000);
        assert_eq!(messages.len(), total);
        for message in messages {
            let attempt = message.attempt.expect("in an attempt");
            let mut spans = view.spans.iter();
            let span = spans.find(|s| s.kind == SpanKind::Attempt && s.attempt == Some(attempt));
            let span = span.expect("its attempt");
            placed += 1;
            if !message.node.is_empty() {
                assert_eq!(message.node, span.name, "{row:?}");
                named += 1;
            }
        }
    }
    assert_eq!((placed, named), (171, 40));
}

/// DEC-16: pieces come out of order and read in order.
#[test]
fn texts_come_out_whole() {
    let Some(records) = real_capture() else {
        return;
    };
    let mut store = store_of(&records);
    let view = view(&mut store, "cap-stream", 0);
    let calls: Vec<_> = view
        .spans
        .iter()
        .filter(|s| s.kind == SpanKind::ModelCall)
        .collect();
    let texts: Vec<_> = calls
        .iter()
        .map(|call| {
            store
                .run_text(view.row.id, call.attempt, &call.name, 0)
                .text
        })
        .collect();
    assert!(
        texts.iter().any(|text| text == "The answer is 42 🎉."),
        "{texts:?}"
    );
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("b0 b1 ") && text.ends_with("b11 "))
    );
}
