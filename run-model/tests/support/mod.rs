//! Records as Kafka holds them, of the real capture or of the simulator, and a store that was given them.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use decode_core::Mode;
use decode_core::frame::FrameWriter;
use run_model::Store;
use run_model::runs::{RunRow, RunsPage, RunsQuery};

/// A Kafka record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub partition: u32,
    pub offset: u64,
    pub timestamp_ms: i64,
    pub value: Vec<u8>,
}

/// What the real library sent, or nothing where it is not at hand.
pub fn real_capture() -> Option<Vec<Record>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var_os("DASHSTREAM_CORPUS").map_or(beside, PathBuf::from);
    if !corpus.is_dir() {
        // Never required: it is what no set-up can fetch.
        eprintln!("SKIPPED: no captured traffic (DASHSTREAM_CORPUS)");
        return None;
    }
    let bytes = std::fs::read(corpus.join("dashflow-real/dashflow-real.capture"));
    let bytes = bytes.expect("the real capture can be read");
    let records = dashstream_simulator::capture::read(&bytes).expect("a capture");
    let record = |record: dashstream_simulator::capture::CapturedRecord| Record {
        partition: record.partition,
        offset: record.offset,
        timestamp_ms: record.timestamp_ms,
        value: record.value.expect("a value"),
    };
    Some(records.into_iter().map(record).collect())
}

/// A store that was given the records in this order, one message each.
pub fn store_of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Store {
    let mut store = Store::new(Mode::Strict);
    feed(&mut store, records);
    store
}

pub fn feed<'a>(store: &mut Store, records: impl IntoIterator<Item = &'a Record>) {
    for record in records {
        let mut message = Vec::new();
        FrameWriter::new(record.partition, record.offset).record(
            &mut message,
            record.offset,
            record.timestamp_ms,
            &record.value,
        );
        store.apply(message, |_| {});
    }
}

/// All runs, when nothing more will come.
pub fn all_runs(store: &mut Store) -> RunsPage {
    store.runs(&RunsQuery {
        count: 1_000,
        ascending: true,
        ..RunsQuery::default()
    })
}

/// Runs by thread, in the order of their starts.
pub fn by_thread(store: &mut Store) -> BTreeMap<String, Vec<RunRow>> {
    let mut threads = BTreeMap::<String, Vec<RunRow>>::new();
    for row in all_runs(store).rows {
        threads.entry(row.thread.to_string()).or_default().push(row);
    }
    threads
}
