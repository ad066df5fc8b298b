//! The one interface of whatever is kept of the stream.
//!
//! The store decodes a record once and hands each of its rows to every reducer, in the order of arrival. A
//! new view of the stream is a new reducer: it is listed in the store and has its queries there; the store's
//! decoding, counting and eviction stay as they are.

use crate::row::Row;

/// One row on its way into the reducers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// Rises by one from row to row, from 0.
    pub(crate) id: u64,
    /// Where the record's value lies.
    pub(crate) payload: PayloadRef,
    /// Whether a message with its id came before: then it has no further effect.
    pub(crate) repeat: bool,
    /// What it says; names are cut to what is kept of them.
    pub(crate) row: &'a Row<'a>,
}

/// Where a record's value lies among the held messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PayloadRef {
    pub(crate) message: u64,
    pub(crate) start: u32,
}

/// Keeps something of every row.
pub(crate) trait Reducer {
    /// A message that was decoded; each event of a batch is one.
    fn record(&mut self, entry: &Entry<'_>);

    /// Offsets that could not be delivered.
    fn gap(&mut self, entry: &Entry<'_>);

    /// A record that was rejected, by the relay or here.
    fn reject(&mut self, entry: &Entry<'_>);

    /// Rows before this id are no longer held: forget what leads to them. What sums them up may stay, within
    /// bounds of its own.
    fn evict(&mut self, before: u64);
}
