//! The runs never depend on the order of arrival: any order that Kafka allows, and any other, gives the same
//! answers as the order of sending.

mod support;

use dashstream_simulator::{Rng, Scenario};
use decode_core::wire::MessageKind;
use decode_core::{Decoder, Mode, scan::Summary};
use run_model::Store;
use run_model::runs::{RunMessage, RunQuery, RunRow, RunView};
use support::{Record, all_runs, real_capture, simulated, store_of, thread_of};

/// Everything that queries answer about runs.
#[derive(Debug, PartialEq)]
struct Answers(Vec<(RunRow, RunView, Vec<RunMessage>)>);

fn answers(store: &mut Store) -> Answers {
    let rows = all_runs(store).rows;
    let all = rows.into_iter().map(|mut row| {
        let query = RunQuery {
            id: row.id,
            count: 1_000,
            ..RunQuery::default()
        };
        let mut view = store.run(&query).expect("known");
        let (mut messages, _) = store.run_messages(row.id, None, 0, 1_000);
        // What counts arrivals is not part of the answer.
        (row.serial, view.row.serial) = (0, 0);
        view.partitions.sort_unstable();
        for message in &mut messages {
            message.row = 0;
        }
        (row, view, messages)
    });
    Answers(all.collect())
}

/// Whether a message goes through its callback's queue, which keeps its order.
fn is_queued(record: &Record) -> bool {
    let mut decoder = Decoder::new(Mode::Strict);
    let Ok(decoded) = decoder.decode(&record.value, &mut ()) else {
        return true;
    };
    let Summary {
        kind, event_type, ..
    } = decoded.summary;
    match kind {
        Some(MessageKind::Event) => event_type < 80,
        Some(MessageKind::StateDiff | MessageKind::Checkpoint | MessageKind::EventBatch) => true,
        Some(
            MessageKind::TokenChunk
            | MessageKind::ToolExecution
            | MessageKind::Metrics
            | MessageKind::Error
            | MessageKind::ExecutionTrace,
        )
        | None => false,
    }
}

/// An order that Kafka allows: each thread's callback keeps its order, what bypasses its queue does not, and
/// threads lie between each other anyhow.
fn allowed(records: &[Record], rng: &mut Rng) -> Vec<Record> {
    let mut keyed: Vec<(u64, usize, &Record)> = Vec::new();
    let mut last = std::collections::BTreeMap::<String, u64>::new();
    for (place, record) in records.iter().enumerate() {
        let thread = thread_of(record);
        let key = if is_queued(record) {
            let last = last.entry(thread).or_insert_with(|| rng.range(0, 1_000));
            *last += rng.range(0, 100);
            *last
        } else {
            rng.range(0, 4_000)
        };
        keyed.push((key, place, record));
    }
    keyed.sort_by_key(|(key, place, _)| (*key, *place));
    keyed
        .into_iter()
        .map(|(_, _, record)| record.clone())
        .collect()
}

fn shuffled(records: &[Record], rng: &mut Rng) -> Vec<Record> {
    let mut records = records.to_vec();
    rng.shuffle(&mut records);
    records
}

fn same_in_any_order(records: &[Record], rounds: u64, what: &str) {
    let expected = answers(&mut store_of(records));
    for seed in 0..rounds {
        let mut rng = Rng::new(seed);
        for (order, name) in [
            (allowed(records, &mut rng), "allowed"),
            (shuffled(records, &mut rng), "any"),
        ] {
            let mut store = Store::new(Mode::Strict);
            // Queries between the records: what they settle may be wrong, but not for good.
            for (n, record) in order.iter().enumerate() {
                support::feed(&mut store, [record]);
                if seed % 2 == 1 && n % 7 == 0 {
                    let _ = all_runs(&mut store);
                }
            }
            let found = answers(&mut store);
            assert_eq!(
                found.0.len(),
                expected.0.len(),
                "{what}, {name} order, seed {seed}"
            );
            for (found, expected) in found.0.iter().zip(&expected.0) {
                assert_eq!(found, expected, "{what}, {name} order, seed {seed}");
            }
        }
    }
}

/// SEQ-02, STA-19: the same runs, attempts and messages whatever comes first.
#[test]
fn simulated_runs_are_the_same_in_any_order() {
    for &scenario in Scenario::ALL {
        same_in_any_order(&simulated(scenario, 7), 6, scenario.name());
    }
}

#[test]
fn captured_runs_are_the_same_in_any_order() {
    let Some(records) = real_capture() else {
        return;
    };
    same_in_any_order(&records, 8, "capture");
}
