//! A window of the bytes of the open record.

use js_sys::Object;
use run_model::BytesOf;
use wasm_bindgen::JsValue;

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Bytes;

choices! {
    /// Which bytes of a record: the value on Kafka, or the protobuf in it, decompressed.
    WhichBytes { Kafka = "kafka", Decoded = "decoded" }
}

asked! {
    /// Bytes of a row's record.
    BytesQuery {
        /// Row id.
        row = "row": Number,
        /// Which of its bytes.
        of = "of": WhichBytes,
        /// Of a batch the whole record, not the row's event alone: as the other questions have it.
        whole = "whole": Flag,
        /// The first one wanted.
        first = "first": Number,
    }
}

object! {
    /// A window of the bytes.
    BytesView as fill(bytes: JsValue, first: f64, total: usize) {
        /// The bytes, at most 4,096.
        bytes: Any as "Uint8Array" = bytes,
        /// The place of the first one.
        first: Number = first,
        /// How many there are.
        total: Number = total as f64,
    }
}

impl WhichBytes {
    pub(in crate::worker) const fn of(self) -> BytesOf {
        match self {
            Self::Kafka => BytesOf::Kafka,
            Self::Decoded => BytesOf::Decoded,
        }
    }
}

impl Panel for Bytes {
    type Query = BytesQuery;

    fn read(fields: &Fields) -> Result<BytesQuery, String> {
        BytesQuery::read(fields)
    }

    /// A record never changes.
    fn version(_: &BytesQuery, _: &Engine, _: u64) -> f64 {
        1.0
    }

    fn answer(
        query: &BytesQuery,
        engine: &mut Engine,
        _: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let opened = engine.store.open(index(query.row) as u64, query.whole);
        let of = query.of.of();
        let (window, total) = opened.map_or((&[][..], 0), |opened| {
            (
                opened.window(of, index(query.first)),
                opened.bytes(of).len(),
            )
        });
        let bytes = columns.bytes(window);
        fill(out, bytes, query.first, total);
    }
}
