//! A part of one long string of the open record.

use js_sys::Object;

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Value;

asked! {
    /// A part of a string.
    ValueQuery {
        /// Row id.
        row = "row": Number,
        /// Of a batch the whole record, not the row's event alone.
        whole = "whole": Flag,
        /// Id of the value.
        id = "id": Number,
        /// Where the part begins: 0, or the `end` of another.
        from = "from": Number,
    }
}

object! {
    /// A part of a string, without its escapes.
    ValueView as fill(text: &str, from: f64, end: usize, total: usize) {
        /// The part.
        text: Text = text,
        /// Where it begins.
        from: Number = from,
        /// Where it ends.
        end: Number = end as f64,
        /// Where the string ends.
        total: Number = total as f64,
    }
}

impl Panel for Value {
    type Query = ValueQuery;

    fn read(fields: &Fields) -> Result<ValueQuery, String> {
        ValueQuery::read(fields)
    }

    /// A value never changes.
    fn version(_: &ValueQuery, _: &Engine, _: u64) -> f64 {
        1.0
    }

    fn answer(query: &ValueQuery, engine: &mut Engine, _: u64, _: &mut Columns<'_>, out: &Object) {
        let opened = engine.store.open(index(query.row) as u64, query.whole);
        let (text, end, total) = match opened.and_then(|opened| opened.tree()) {
            Some(tree) => tree.text(index(query.id) as u32, index(query.from), PART_BYTES),
            None => Default::default(),
        };
        fill(out, &text, query.from, end, total);
    }
}

/// A few screens of text.
const PART_BYTES: usize = 16 * 1024;
