//! From the values of records to the frames of the log, for any reader of the topic: no counters, no Kafka, no clock.
//!
//! - [`judge`] says what becomes of one value.
//! - [`frames`] lays what became of a run of records out as a segment.
//! - [`position`] is where a partition is read next, and what is said about offsets without a record.

pub(crate) mod frames;
pub(crate) mod judge;
pub(crate) mod position;
