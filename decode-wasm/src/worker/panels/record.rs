//! One row in full.

use js_sys::Object;
use run_model::Detail;
use wasm_bindgen::JsValue;

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Record;

asked! {
    /// Which row: by its id, or by the place of its record.
    RecordQuery {
        /// Row id, or null.
        row = "row": MaybeNumber,
        /// Kafka partition of the record where the row is not known.
        partition = "partition": Number,
        /// Its offset.
        offset = "offset": Text,
    }
}

object! {
    /// One row in full.
    RecordView as fill(row: f64, names: (&str, &str), event_type: i32, held: bool, detail: &Detail, head: JsValue) {
        /// Row id, or -1 where none is known.
        row: Number = row,
        /// Thread id.
        thread: Text = names.0,
        /// Node name.
        node: Text = names.1,
        /// Event type number, 0 where the row is not an event.
        eventType: Number = event_type.into(),
        /// False when the row was evicted before it was asked for; the other fields are then empty.
        held: Flag = held,
        /// Kafka partition.
        partition: Number = detail.partition.into(),
        /// Kafka offset.
        offset: Text = detail.offset.to_string(),
        /// Last offset of a gap, else the same as `offset`.
        lastOffset: Text = detail.last_offset.to_string(),
        /// Kafka time, ms.
        timestampMs: Number = detail.timestamp_ms as f64,
        /// A name from `Names.rowKinds`.
        kind: Text = detail.kind,
        /// Reject code or gap cause, or empty.
        code: Text = detail.code,
        /// How the value was wrapped, or empty.
        frame: Text = detail.framing,
        /// Size of the Kafka value.
        payloadBytes: Number = detail.payload_bytes.into(),
        /// Size of the protobuf; 0 where it cannot be decoded.
        decodedBytes: Number = detail.decoded_bytes as f64,
        /// Canonical JSON text of the message, or "" where it cannot be decoded.
        json: Text = detail.json,
        /// What is wrong with the payload, or "".
        error: Text = detail.error,
        /// The payload's first bytes for the hex view (bounded).
        head: Any as "Uint8Array" = head,
        /// Whether there are more.
        headTruncated: Flag = detail.head_truncated,
    }
}

impl Panel for Record {
    type Query = RecordQuery;

    fn read(fields: &Fields) -> Result<RecordQuery, String> {
        RecordQuery::read(fields)
    }

    /// A record never changes, and what the page has of one stays after it was evicted here. One that is
    /// looked for by its place may come with anything new.
    fn version(query: &RecordQuery, engine: &Engine, _: u64) -> f64 {
        match query.row {
            Some(_) => 1.0,
            None => engine.revision as f64,
        }
    }

    fn answer(
        query: &RecordQuery,
        engine: &mut Engine,
        _: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let row = match query.row {
            Some(row) => Some(index(row) as u64),
            None => query
                .offset
                .parse()
                .ok()
                .and_then(|offset| engine.store.find(index(query.partition) as u32, offset)),
        };
        let found = row.and_then(|row| engine.store.detail(row));
        let held = found.is_some();
        let detail = found.unwrap_or_else(nothing);
        let stored = row.and_then(|row| engine.store.row(row));
        let names = stored.map_or(("", ""), |row| engine.store.names_of(row));
        let event_type = stored.map_or(0, |row| row.event_type);
        let head = columns.bytes(&detail.head);
        let row = row.map_or(-1.0, |row| row as f64);
        fill(out, row, names, event_type, held, &detail, head);
    }
}

fn nothing() -> Detail {
    Detail {
        kind: "",
        partition: 0,
        offset: 0,
        last_offset: 0,
        timestamp_ms: 0,
        code: String::new(),
        framing: "",
        payload_bytes: 0,
        decoded_bytes: 0,
        json: String::new(),
        error: String::new(),
        head: Vec::new(),
        head_truncated: false,
    }
}
