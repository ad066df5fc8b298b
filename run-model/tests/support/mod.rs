//! Records as Kafka holds them, of the real capture or of the simulator, and a store that was given them.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod script;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dashstream_simulator::{Rng, Scenario, Setting, SimRecord, partition_of, play};
use decode_core::frame::FrameWriter;
use decode_core::{Decoder, Mode};
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

/// Records of a scenario as Kafka would hold them.
pub fn simulated(scenario: Scenario, seed: u64) -> Vec<Record> {
    let setting = Setting {
        start_us: 1_767_225_600_000_000,
        work_scale: 1.0,
        id: format!("{seed:08x}"),
    };
    let mut offsets = [0; 4];
    let record = |record: SimRecord| {
        let partition = partition_of(&record.key, 4);
        let offset = &mut offsets[partition as usize];
        *offset += 1;
        Some(Record {
            partition,
            offset: *offset,
            timestamp_ms: record.timestamp_ms,
            value: record.value?,
        })
    };
    let records = play(scenario, Rng::new(seed), setting);
    records.into_iter().filter_map(record).collect()
}

/// The records of one thread that the real library sent for a scenario and those that the simulator plays for
/// it; the latter alone where the capture is not at hand.
pub fn captured_and_simulated(scenario: Scenario) -> Vec<Vec<Record>> {
    let mut all = vec![simulated(scenario, 7)];
    if let Some(mut captured) = real_capture() {
        let thread = format!("cap-{}", scenario.name());
        captured.retain(|record| thread_of(record) == thread);
        assert!(!captured.is_empty(), "{thread}");
        all.push(captured);
    }
    all
}

pub fn thread_of(record: &Record) -> String {
    let mut decoder = Decoder::new(Mode::Strict);
    let decoded = decoder.decode(&record.value, &mut ()).expect("valid");
    decoded.summary.header.thread.to_string()
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
