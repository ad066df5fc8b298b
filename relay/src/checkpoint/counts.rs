//! What is counted of checkpoints.

use dashstream_counters::{Counter, Family};

use super::file::Fault;

/// Writes that went well or failed, and what was wrong with the files found.
#[derive(Debug, Default)]
pub struct Counts {
    pub writes: Counter,
    pub failures: Counter,
    pub faults: Family<Fault>,
}
