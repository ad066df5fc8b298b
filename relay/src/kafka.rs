//! The Kafka clients of the relay: one that reads, and one that writes dead letters. Nothing outside this folder knows
//! which library speaks the protocol (docs/decisions/kafka-client.md says why there are two).

mod client;
mod failure;
mod source;
mod topic;
mod writer;

pub use dashstream_kafka::{Record, TopicId};
pub use failure::{Failure, KafkaError};
pub use topic::TopicReader;
pub use writer::{Writer, Written};

#[cfg(test)]
pub(crate) use client::shown;
pub(crate) use dashstream_kafka::{Ask, Item, Loss};
pub(crate) use source::{Answer, Source};
