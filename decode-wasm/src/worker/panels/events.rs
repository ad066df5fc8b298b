//! The event list.

use js_sys::Object;
use run_model::{EventFilter, EventQuery, Store, StoredRow};

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Events;

asked! {
    /// Rows of the event list, counted from the newest that is shown.
    EventsQuery {
        /// First row wanted.
        first = "first": Number,
        /// How many.
        count = "count": Number,
        /// Freeze the list at this row id (the `newestRow` of an earlier answer), or null to follow.
        frozen_at = "frozenAt": MaybeNumber,
        /// Case-insensitive; matches thread id or node id; empty matches all.
        text = "text": Text,
        /// Only this thread, or null.
        thread = "thread": MaybeText,
        /// Names from `Names.rowKinds`; empty matches all.
        kinds = "kinds": Texts,
        /// Only what went wrong.
        trouble_only = "troubleOnly": Flag,
    }
}

columns! {
    /// Parallel columns, one entry a row, newest first.
    EventColumns as fill_columns(store: &Store, (id, row) => (u64, StoredRow)) {
        /// Row id: rises by one per row, stable while the row is held.
        row: ColumnF64 = *id,
        /// Number of its name in `Names.rowKinds`.
        kind: ColumnU8 = row.kind.number(),
        /// Event type number, 0 where the row is not an event.
        eventType: ColumnI32 = row.event_type,
        /// Kafka partition.
        partition: ColumnU32 = row.partition,
        /// Kafka offset.
        offset: ColumnU64 = row.offset,
        /// Of an event in a batch: its place there.
        index: ColumnU32 = row.index,
        /// Last offset of a gap, else the same as `offset`.
        lastOffset: ColumnU64 = row.last_offset,
        /// Kafka time, ms.
        timestampMs: ColumnF64 = row.timestamp_ms,
        /// Sequence number within its series.
        sequence: ColumnU64 = row.sequence,
        /// Thread id.
        thread: ColumnText = store.names_of(row).0,
        /// Node name.
        node: ColumnText = store.names_of(row).1,
        /// Reject code or gap cause, else 0.
        code: ColumnU32 = row.code,
        /// Token text, tool name, error message, duration, what changed ...
        summary: ColumnText = store.summary_of(row),
        /// Size of its record's value.
        bytes: ColumnU32 = row.bytes,
        /// 1 where it reports a failure: an error, a failed node, a failed tool call.
        failure: ColumnU8 = row.is_failure(),
        /// 1 where the schema version is newer than this build applies.
        newerSchema: ColumnU8 = row.newer_schema,
        /// 1 where a message with the same id came before.
        repeat: ColumnU8 = row.repeat,
    }
}

object! {
    /// The rows asked for.
    EventsView as fill(columns: &Object, total: usize, newer: usize, newest: Option<u64>) {
        /// A row each.
        events: Any as "EventColumns" = columns,
        /// Rows that match the filter and are held (at or before `frozenAt`).
        total: Number = total as f64,
        /// Id of the newest row of all, or -1.
        newestRow: Number = newest.map_or(-1.0, |id| id as f64),
        /// Rows that match and are newer than `frozenAt`.
        newerRows: Number = newer as f64,
    }
}

impl Panel for Events {
    type Query = EventsQuery;

    fn read(fields: &Fields) -> Result<EventsQuery, String> {
        EventsQuery::read(fields)
    }

    fn version(_: &EventsQuery, engine: &Engine, _: u64) -> f64 {
        engine.revision as f64
    }

    fn answer(
        query: &EventsQuery,
        engine: &mut Engine,
        _: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let wanted = EventQuery {
            first: index(query.first),
            count: index(query.count),
            frozen_at: query.frozen_at.map(|id| index(id) as u64),
            filter: EventFilter {
                text: query.text.clone(),
                thread: query.thread.clone(),
                kinds: query.kinds.clone(),
                trouble_only: query.trouble_only,
            },
        };
        let page = engine.store.events(&wanted);
        let (total, newer, newest) = (page.total, page.newer, page.newest);
        let owned = page.rows.into_iter().map(|(id, row)| (id, row.clone()));
        let rows: Vec<(u64, StoredRow)> = owned.collect();
        let columns = fill_columns(columns, &engine.store, &rows);
        fill(out, &columns, total, newer, newest);
    }
}
