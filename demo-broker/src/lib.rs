//! A small Kafka for the demo: one broker on loopback, topics that are named at its start, and as much of their
//! records as a stated number of bytes a partition holds, in memory.
//!
//! It speaks the real protocol, so that the relay and the simulator of the demo are the ones that are delivered, and
//! other clients (kcat, for one) can read along. What it leaves out makes it a broker for nothing else: it writes no
//! file, has no second broker, no groups, transactions, idempotent producers, logins or TLS, creates no topic, and
//! finds a time only to the batch. Faults on demand are the business of `mock-broker`.

#![forbid(unsafe_code)]

mod batch;
mod broker;
mod calls;
mod codec;
mod log;
mod serve;

pub use broker::{Broker, TopicSpec};
pub use serve::serve;
