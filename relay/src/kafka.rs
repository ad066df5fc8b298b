//! The one Kafka client of the relay, for reading and for dead letters: brokers, topic look-up, failures and limits
//! are written here once. Nothing outside this folder knows which library speaks the protocol.

mod client;
mod failure;
mod partition;
mod source;
mod writer;

pub use failure::{Failure, KafkaError};
pub use writer::{Writer, Written};

pub(crate) use client::TopicClient;
#[cfg(test)]
pub(crate) use client::shown;
pub(crate) use source::{Fetched, Record, Source};
