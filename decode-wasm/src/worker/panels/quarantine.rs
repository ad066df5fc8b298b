//! What is of no run: records that could not be read, and messages without a thread.

use decode_core::wire::RejectCode;
use js_sys::Object;
use run_model::limits::{QUARANTINE_MAX, QUERY_ROWS_MAX};
use run_model::{Quarantined, Store};

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Quarantine;

asked! {
    /// Records of no run, newest first.
    QuarantineQuery {
        /// First line wanted.
        first = "first": Number,
        /// How many.
        count = "count": Number,
    }
}

columns! {
    /// Parallel columns, one entry a record or message.
    QuarantineColumns as fill_columns(_store: &Store, one => Quarantined) {
        /// Row id, as the event list has it.
        row: ColumnF64 = one.row,
        /// Kafka partition.
        partition: ColumnU32 = one.partition,
        /// Kafka offset.
        offset: ColumnU64 = one.offset,
        /// Kafka time, ms.
        timestampMs: ColumnF64 = one.timestamp_ms,
        /// Name of the reject code, or "no_thread".
        code: ColumnText = name(one.code),
        /// Size of its record's value.
        bytes: ColumnU32 = one.bytes,
        /// What is wrong with it, or empty.
        text: ColumnText = one.text,
    }
}

columns! {
    /// Parallel columns, one entry a code, most records first.
    QuarantineCounts as fill_counts(_store: &Store, (code, count) => (u32, u64)) {
        /// Name of the reject code, or "no_thread".
        code: ColumnText = name(*code),
        /// Records.
        records: ColumnF64 = *count,
    }
}

object! {
    /// The lines asked for.
    QuarantineView as fill(lines: &Object, counts: &Object, others: u64, total: usize) {
        /// A line each.
        lines: Any as "QuarantineColumns" = lines,
        /// By code, since the page was opened.
        counts: Any as "QuarantineCounts" = counts,
        /// Records with codes that are not counted apart.
        others: Number = others as f64,
        /// Lines of the whole list.
        total: Number = total as f64,
        /// Lines that memory holds at most, the newest.
        linesMax: Number = QUARANTINE_MAX as f64,
    }
}

fn name(code: u32) -> &'static str {
    match (code, RejectCode::from_number(code)) {
        (0, _) => "no_thread",
        (_, Some(code)) => code.code(),
        (_, None) => "unknown",
    }
}

impl Panel for Quarantine {
    type Query = QuarantineQuery;

    fn read(fields: &Fields) -> Result<QuarantineQuery, String> {
        QuarantineQuery::read(fields)
    }

    fn version(_: &QuarantineQuery, engine: &Engine, _: u64) -> f64 {
        engine.revision as f64
    }

    fn answer(
        query: &QuarantineQuery,
        engine: &mut Engine,
        _: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let store = &engine.store;
        let all = store.quarantine();
        let total = all.len();
        let count = index(query.count).min(QUERY_ROWS_MAX);
        let lines: Vec<Quarantined> = all.skip(index(query.first)).take(count).cloned().collect();
        let (counts, others) = store.quarantine_counts();
        let lines = fill_columns(columns, store, &lines);
        let counts = fill_counts(columns, store, &counts);
        fill(out, &lines, &counts, others, total);
    }
}
