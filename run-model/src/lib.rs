//! Messages to what people look at: rows of the event list, live threads, totals.
//!
//! [`Store`] takes whole messages of data frames, in order, and answers queries for what is on the
//! screen. It decodes each record once ([`Projector`]) and hands its rows to reducers, which keep what the
//! queries ask for: the event list, live threads, and [`runs`]. It is the same in the browser worker and
//! in tools; it does no I/O and reads no clock. Every collection in it has a bound in [`limits`] and
//! evicts its oldest.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod json;
mod keyed;
pub mod limits;
mod listing;
mod messages;
mod names;
mod opened;
mod order;
mod projector;
mod quarantine;
mod query;
mod readable;
mod reducer;
mod repeats;
mod row;
mod rows;
pub mod runs;
mod saving;
mod search;
pub mod state;
mod store;
mod threads;
mod tree;
mod trouble;

pub use listing::Looked;
pub use opened::{BytesOf, Facts, Opened};
pub use projector::{Projector, RowSink};
pub use quarantine::Quarantined;
pub use query::{EventFilter, EventPage, EventQuery, Landed, Landing, Seek};
pub use readable::{Note, NoteKind};
pub use row::{Body, Row, RowKind};
pub use rows::StoredRow;
pub use saving::{Saved, Saving};
pub use store::{SpanDetail, SpanQuery, Store, Totals};
pub use threads::{ThreadRow, ThreadSort, ThreadStatus};
pub use tree::{Tree, TreePage, TreeQuery, TreeRow, ValueKind};
