//! What is known of one row besides its message.

use js_sys::Object;
use run_model::{BytesOf, Facts};

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Record;

asked! {
    /// Which row: by its id, or by the address of its event.
    RecordQuery {
        /// Row id, or null.
        row = "row": MaybeNumber,
        /// Of a batch the whole record, not the row's event alone.
        whole = "whole": Flag,
        /// Kafka partition of the record where the row is not known.
        partition = "partition": Number,
        /// Its offset.
        offset = "offset": Text,
        /// Place of the event in a batch, or null for any.
        index = "index": MaybeNumber,
    }
}

object! {
    /// One row in full, but for its message and bytes.
    RecordView as fill(
        row: (f64, Option<u64>), names: (&str, &str), event_type: i32, held: bool, facts: &Facts, has_message: bool
    ) {
        /// Row id, or -1 where none is known.
        row: Number = row.0,
        /// Thread id.
        thread: Text = names.0,
        /// Node name.
        node: Text = names.1,
        /// Event type number, 0 where the row is not an event.
        eventType: Number = event_type.into(),
        /// Where no row is known: the first offset of the partition that is held, or empty.
        firstHeld: Text = row.1.map_or_else(String::new, |offset| offset.to_string()),
        /// False when the row was evicted before it was asked for; the other fields are then empty.
        held: Flag = held,
        /// Kafka partition.
        partition: Number = facts.partition.into(),
        /// Kafka offset.
        offset: Text = facts.offset.to_string(),
        /// Last offset of a gap, else the same as `offset`.
        lastOffset: Text = facts.last_offset.to_string(),
        /// Of an event in a batch: its place there.
        index: Number = facts.index.into(),
        /// Events in the batch; 0 where the record is none.
        batchEvents: Number = facts.batch_events.into(),
        /// Kafka time, ms.
        timestampMs: Number = facts.timestamp_ms as f64,
        /// A name from `Names.rowKinds`.
        kind: Text = facts.kind,
        /// Reject code or gap cause, or empty.
        code: Text = facts.code,
        /// How the value was wrapped, or empty.
        frame: Text = facts.framing,
        /// Size of the Kafka value.
        payloadBytes: Number = facts.payload_bytes.into(),
        /// Size of the protobuf; 0 where it cannot be unwrapped.
        decodedBytes: Number = facts.decoded_bytes as f64,
        /// Whether there is a message to be shown as a tree.
        hasMessage: Flag = has_message,
        /// What is wrong with the payload, or "".
        error: Text = facts.error,
        /// Which bytes it is in: "kafka", "decoded" or "".
        errorOf: Text = facts.error_at.map_or("", |(of, _)| bytes_code(of)),
        /// At which of them, or -1.
        errorAt: Number = facts.error_at.map_or(-1.0, |(_, at)| at as f64),
    }
}

impl Panel for Record {
    type Query = RecordQuery;

    fn read(fields: &Fields) -> Result<RecordQuery, String> {
        RecordQuery::read(fields)
    }

    /// A record never changes, and what the page has of one stays after it was evicted here. One that is
    /// looked for by its address may come with anything new.
    fn version(query: &RecordQuery, engine: &Engine, _: u64) -> f64 {
        match query.row {
            Some(_) => 1.0,
            None => engine.revision as f64,
        }
    }

    fn answer(query: &RecordQuery, engine: &mut Engine, _: u64, _: &mut Columns<'_>, out: &Object) {
        let row = match query.row {
            Some(row) => Some(index(row) as u64),
            None => query.offset.parse().ok().and_then(|offset| {
                let place = query.index.map(|at| index(at) as u32);
                let partition = index(query.partition) as u32;
                engine.store.find(partition, offset, place)
            }),
        };
        let opened = row.and_then(|row| engine.store.open(row, query.whole));
        let held = opened.is_some();
        let (facts, has_message) = match opened {
            Some(opened) => (opened.facts().clone(), opened.tree().is_some()),
            None => (Facts::default(), false),
        };
        let stored = row.and_then(|row| engine.store.row(row));
        let names = stored.map_or(("", ""), |row| engine.store.names_of(row));
        let event_type = stored.map_or(0, |row| row.event_type);
        let first_held = match row {
            None => engine.store.first_of(index(query.partition) as u32),
            Some(_) => None,
        };
        let row = (row.map_or(-1.0, |row| row as f64), first_held);
        fill(out, row, names, event_type, held, &facts, has_message);
    }
}

const fn bytes_code(of: BytesOf) -> &'static str {
    match of {
        BytesOf::Kafka => "kafka",
        BytesOf::Decoded => "decoded",
    }
}
