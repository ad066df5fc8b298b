//! Agent-graph runs as DashFlow's telemetry reports them, simulated: the same messages, in the
//! same framing and with the same oddities, from a seed.
//!
//! [`Simulation`] yields Kafka records in the order they are due, without I/O and without a clock;
//! the binary sends them to Kafka or writes them to a file. [`Scenario`] lists what there is. The
//! oddities are the point: sequences that restart or belong to different series, differences
//! before the end of their node, parallel branches that say nothing, failed runs without an end,
//! numbers whose text counts, checkpoints named but never sent.
//!
//! ```
//! use dashstream_simulator::{SimConfig, Simulation};
//!
//! let first = |seed| Simulation::new(SimConfig { seed, ..SimConfig::default() }).next();
//! assert_eq!(first(7), first(7));
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::wildcard_enum_match_arm,
        clippy::match_wildcard_for_single_variants,
        reason = "a test looks at the cases it is about"
    )
)]
#![forbid(unsafe_code)]

mod bad;
pub mod capture;
mod diff;
mod graph;
mod node_context;
mod outbox;
mod redact;
mod rng;
mod scenario;
mod simulation;
mod telemetry;
mod time;
mod words;
mod zstd;

pub use bad::Bad;
pub use rng::Rng;
pub use scenario::{Scenario, Setting};
pub use simulation::{Pace, SimConfig, SimRecord, Simulation, kind_name, play};

/// The partition a keyed record goes to: librdkafka's `consistent` partitioner, which hashes with
/// CRC-32 (Java's clients use another).
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    crc32fast::hash(key) % partitions.max(1)
}
