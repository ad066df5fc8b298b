//! Counts since the worker started.

use js_sys::Object;
use run_model::limits::{ROWS_MAX, THREADS_MAX};

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields};

pub(super) struct Totals;

asked! {
    /// The totals have no questions of their own.
    TotalsQuery {}
}

object! {
    /// Totals since the worker started; exact up to 2^53.
    Totals as fill(totals: run_model::Totals, threads: usize) {
        /// Records, accepted.
        records: Number = totals.records as f64,
        /// Bytes of their values.
        bytes: Number = totals.bytes as f64,
        /// Rows made of them.
        rows: Number = totals.rows as f64,
        /// Records that could not be read.
        rejects: Number = totals.rejects as f64,
        /// Gaps.
        gaps: Number = totals.gaps as f64,
        /// Offsets inside those gaps.
        gapOffsets: Number = totals.gap_offsets as f64,
        /// Rows of a schema version newer than this build applies.
        newerSchema: Number = totals.newer_schema as f64,
        /// Threads whose newest row is such a one; rows without a thread count as one.
        newerThreads: Number = totals.newer_threads as f64,
        /// Rows of messages that came before: shown, and without further effect.
        repeats: Number = totals.repeats as f64,
        /// Rows dropped from memory, the oldest first.
        evictedRows: Number = totals.evicted_rows as f64,
        /// The latest of all Kafka timestamps, ms since 1970.
        lastMs: Number = totals.last_ms as f64,
        /// Rows that memory holds at most.
        rowsMax: Number = ROWS_MAX as f64,
        /// Threads in memory.
        threads: Number = threads as f64,
        /// Threads that memory holds at most.
        threadsMax: Number = THREADS_MAX as f64,
    }
}

impl Panel for Totals {
    type Query = TotalsQuery;

    fn read(fields: &Fields) -> Result<TotalsQuery, String> {
        TotalsQuery::read(fields)
    }

    fn version(_: &TotalsQuery, engine: &Engine, _: u64) -> f64 {
        engine.revision as f64
    }

    fn answer(_: &TotalsQuery, engine: &mut Engine, _: u64, _: &mut Columns<'_>, out: &Object) {
        fill(out, engine.store.totals(), engine.store.thread_count());
    }
}
