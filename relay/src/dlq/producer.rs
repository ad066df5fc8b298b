//! The store behind the queue: a Kafka topic.

use super::{deliver::Store, letter::Letter, outcome::Reason};
use crate::{
    config::{DlqConfig, KafkaConfig},
    kafka::{Failure, KafkaError, Writer, Written},
};

/// Writes letters to the configured topic.
#[derive(Debug)]
pub struct Producer(Writer);

impl Producer {
    pub(super) fn new(config: &KafkaConfig, dlq: &DlqConfig) -> Self {
        Self(Writer::new(config, &dlq.topic))
    }
}

impl Store for Producer {
    async fn store(&self, letter: &Letter) -> Result<(), Reason> {
        let written = Written {
            key: letter.key().into_bytes(),
            value: letter.to_json().map_err(|_| Reason::KafkaError)?,
            timestamp_ms: letter.time_ms(),
        };
        let stored = self.0.write(|count| letter.partition_of(count), written);
        stored.await.map_err(|failure| reason(&failure))
    }
}

fn reason(failure: &Failure) -> Reason {
    match failure {
        Failure::Absent => Reason::TopicAbsent,
        Failure::TooLarge => Reason::RecordTooLarge,
        Failure::Other {
            kind: KafkaError::ConnectionTimeout,
            ..
        } => Reason::Timeout,
        Failure::OutOfRange
        | Failure::Truncated(_)
        | Failure::Recreated
        | Failure::Other { .. } => Reason::KafkaError,
    }
}
