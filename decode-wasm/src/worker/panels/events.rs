//! The event list.

use js_sys::Object;
use run_model::{EventFilter, EventQuery, Landed, Landing, Looked, Seek, Store, StoredRow};

use super::Panel;
use crate::worker::engine::{Engine, LOOK_ROWS};
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Events;

asked! {
    /// Rows of the event list, counted from its beginning.
    EventsQuery {
        /// First row wanted.
        first = "first": Number,
        /// How many.
        count = "count": Number,
        /// Freeze the list at this row id (the `newestRow` of an earlier answer), or null to follow.
        frozen_at = "frozenAt": MaybeNumber,
        /// Whether the list begins with the oldest row.
        oldest_first = "oldestFirst": Flag,
        /// Whether rows are in the order of their arrival, not of Kafka's time.
        by_arrival = "byArrival": Flag,
        /// Case-insensitive; matches thread, node, type or summary; empty matches all.
        text = "text": Text,
        /// Only this thread, or null.
        thread = "thread": MaybeText,
        /// Only this node, or null.
        node = "node": MaybeText,
        /// Names from `Names.rowKinds` or `Names.eventTypes`; empty matches all.
        kinds = "kinds": Texts,
        /// Only what went wrong.
        trouble_only = "troubleOnly": Flag,
        /// Only events of the run with this address, or null.
        run = "run": MaybeText,
        /// Only those of this attempt of it, or null.
        attempt = "attempt": MaybeNumber,
        /// Address "PARTITION:OFFSET:INDEX" of an event to go to, or null.
        seek_place = "seekPlace": MaybeText,
        /// Kafka time to go to, ms, or null.
        seek_time = "seekTimeMs": MaybeNumber,
    }
}

columns! {
    /// Parallel columns, one entry a row.
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
    EventsView as fill(columns: &Object, counts: &Counts) {
        /// A row each.
        events: Any as "EventColumns" = columns,
        /// Rows that match the filter and are held (at or before `frozenAt`).
        total: Number = counts.total as f64,
        /// Id of the newest row of all, or -1.
        newestRow: Number = counts.newest.map_or(-1.0, |id| id as f64),
        /// Rows that match and are newer than `frozenAt`.
        newerRows: Number = counts.newer as f64,
        /// What there is at the place to go to: "there"; "next", the row that follows it; "hidden" by the filter;
        /// "older" or "later" than what is held. Empty where there was none to go to.
        landing: Text as "\"\" | \"there\" | \"next\" | \"hidden\" | \"older\" | \"later\"" =
            counts.landed.map_or("", |landed| landed.landing.code()),
        /// Where in the list that is, or -1.
        landedAt: Number = counts.landed.and_then(|landed| landed.at).map_or(-1.0, |at| at as f64),
        /// Of what is older or later: the first or last offset or time that is held, or empty.
        edge: Text = counts.edge(),
    }
}

/// What an answer says of the list besides its rows.
struct Counts {
    total: usize,
    newer: usize,
    newest: Option<u64>,
    landed: Option<Landed>,
}

impl Counts {
    fn edge(&self) -> String {
        let edge = self.landed.and_then(|landed| landed.edge);
        edge.map_or_else(String::new, |edge| edge.to_string())
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

    /// A list of another filter or order looks at every row that is held.
    fn prepare(query: &EventsQuery, engine: &mut Engine, clock: &dyn Fn() -> u64) -> bool {
        let wanted = query.wanted();
        let end = clock() + PREPARE_MS;
        let looked = loop {
            let looked = engine.store.look(&wanted, LOOK_ROWS);
            if looked == Looked::All || clock() >= end {
                break looked;
            }
        };
        engine.listing = (looked != Looked::All).then_some(wanted);
        looked != Looked::Part
    }

    fn answer(
        query: &EventsQuery,
        engine: &mut Engine,
        _: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let page = engine.store.listed(&query.wanted());
        // What is not in a list that is behind may be in the next one.
        let is_sure =
            |landed: &Landed| engine.listing.is_none() || landed.landing == Landing::There;
        let counts = Counts {
            total: page.total,
            newer: page.newer,
            newest: page.newest,
            landed: page.landed.filter(is_sure),
        };
        let owned = page.rows.into_iter().map(|(id, row)| (id, row.clone()));
        let rows: Vec<(u64, StoredRow)> = owned.collect();
        let columns = fill_columns(columns, &engine.store, &rows);
        fill(out, &columns, &counts);
    }
}

impl EventsQuery {
    fn wanted(&self) -> EventQuery {
        let place = self.seek_place.as_ref().and_then(|text| text.parse().ok());
        let time = self.seek_time.map(|ms| Seek::Time(ms as i64));
        EventQuery {
            first: index(self.first),
            count: index(self.count),
            frozen_at: self.frozen_at(),
            oldest_first: self.oldest_first,
            by_arrival: self.by_arrival,
            seek: place.map(Seek::Place).or(time),
            filter: self.filter(),
        }
    }

    pub(in crate::worker) fn frozen_at(&self) -> Option<u64> {
        self.frozen_at.map(|id| index(id) as u64)
    }

    pub(in crate::worker) fn filter(&self) -> EventFilter {
        EventFilter {
            text: self.text.clone(),
            thread: self.thread.clone(),
            node: self.node.clone(),
            kinds: self.kinds.clone(),
            trouble_only: self.trouble_only,
            // A run that cannot be has no events.
            within: self.run.as_ref().map(|run| {
                let attempt = self.attempt.map(|number| index(number) as u32);
                (run.parse().unwrap_or_default(), attempt)
            }),
        }
    }
}

/// How long an answer may be kept waiting for the list. What is left is done in turns.
const PREPARE_MS: u64 = 2;
