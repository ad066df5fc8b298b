//! The thread table.

use js_sys::Object;
use run_model::limits::QUERY_ROWS_MAX;
use run_model::{Store, ThreadRow, ThreadSort};

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Threads;

choices! {
    /// Order of the thread table.
    ThreadOrder { Recent = "recent", Name = "name", Records = "records" }
}

asked! {
    /// Lines of the thread table.
    ThreadsQuery {
        /// First line wanted.
        first = "first": Number,
        /// How many.
        count = "count": Number,
        /// In which order.
        sort = "sort": ThreadOrder,
    }
}

columns! {
    /// Parallel columns, one entry a thread.
    ThreadColumns as fill_columns(_store: &Store, (name, thread) => (&str, &ThreadRow)) {
        /// Its id.
        thread: ColumnText = name,
        /// Partition of its newest record.
        partition: ColumnU32 = thread.partition,
        /// Rows of it that came.
        records: ColumnF64 = thread.records,
        /// Kafka time of the newest record, ms.
        lastMs: ColumnF64 = thread.last_ms,
        /// Offset of the newest record.
        lastOffset: ColumnU64 = thread.last_offset,
        /// The latest node.
        node: ColumnText = thread.node,
        /// "running", "ended", "failed" or "unknown".
        status: ColumnText = thread.status.name(),
        /// Failed nodes and error messages.
        errors: ColumnU32 = thread.errors,
        /// 1 where its newest row is of a schema version newer than this build applies.
        newerSchema: ColumnU8 = thread.newer_schema,
    }
}

object! {
    /// The lines asked for.
    ThreadsView as fill(columns: &Object, total: usize) {
        /// A line each.
        threads: Any as "ThreadColumns" = columns,
        /// Lines of the whole table.
        total: Number = total as f64,
    }
}

impl Panel for Threads {
    type Query = ThreadsQuery;

    fn read(fields: &Fields) -> Result<ThreadsQuery, String> {
        ThreadsQuery::read(fields)
    }

    fn version(_: &ThreadsQuery, engine: &Engine, _: u64) -> f64 {
        engine.revision as f64
    }

    fn answer(
        query: &ThreadsQuery,
        engine: &mut Engine,
        _: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let sort = match query.sort {
            ThreadOrder::Recent => ThreadSort::Recent,
            ThreadOrder::Name => ThreadSort::Name,
            ThreadOrder::Records => ThreadSort::Records,
        };
        let store = &engine.store;
        let count = index(query.count).min(QUERY_ROWS_MAX);
        let page = store.threads(sort, index(query.first), count);
        fill(
            out,
            &fill_columns(columns, store, &page),
            store.thread_count(),
        );
    }
}
