//! Reads Kafka, for a relay that must live within a stated amount of memory and say what it cannot read.
//!
//! - [`Cluster`] knows the brokers and who leads what; it hands out a [`PartitionReader`] for each partition.
//! - All partitions of a broker share two connections: one that fetches, one for questions.
//! - [`Fetched`] gives records where they lie, a piece at a time: batches are unpacked as streams, so that one
//!   that was compressed a thousandfold costs no more than another. What is fetched and what is unpacked have
//!   a budget each over all partitions ([`Limits`]).
//! - Records of aborted transactions and transaction markers are left out; [`Fetched::position`] goes behind
//!   them.
//! - Brokers from Kafka 2.8 on. Nothing that a broker sends makes it panic or take more memory than stated.
//!
//! It neither writes nor joins consumer groups.

#![warn(missing_docs)]

mod aborted;
mod batch;
mod broker;
mod budget;
mod cluster;
mod connection;
mod dial;
mod error;
mod fetched;
mod fetcher;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod login;
mod messages;
mod reader;
mod record;
mod settings;
mod unpack;
mod versions;

pub use budget::{Held, Limits};
pub use cluster::{Cluster, Leader, Topic};
pub use error::Error;
pub use fetched::{Fetched, Item};
pub use kafka_wire::{Malformed, TopicId};
pub use login::{Login, Mechanism};
pub use reader::{Ask, PartitionReader};
pub use record::Record;
pub use settings::Settings;
pub use unpack::Loss;
