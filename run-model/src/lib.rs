//! Messages to what people look at: rows of the event list, live threads, totals.
//!
//! [`RunStore`] takes whole messages of data frames, in order, and answers queries for what is on
//! the screen. It is the same in the browser worker and in tools; it does no I/O and reads no
//! clock. Every collection in it has a bound in [`limits`] and evicts its oldest.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod limits;
mod project;
mod query;
mod repeats;
mod rows;
pub mod state;
mod store;
mod threads;

pub use project::{Row, RowKind, RowSink, project};
pub use query::{EventFilter, EventPage, EventQuery};
pub use rows::StoredRow;
pub use store::{Detail, RunStore, Totals};
pub use threads::{ThreadRow, ThreadSort, ThreadStatus};
