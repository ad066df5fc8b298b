//! The store behind the queue: a Kafka topic, written through clients of its own.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use rskafka::{
    chrono::DateTime,
    client::{
        Client,
        error::{Error, ProtocolError},
        partition::{Compression, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use tokio::sync::Mutex;

use super::{Letter, Reason, Store};
use crate::config::{DlqConfig, KafkaConfig, Topic};

/// Writes letters with acknowledgement by all replicas. Never creates the topic.
#[derive(Debug)]
pub struct Producer {
    config: KafkaConfig,
    topic: Topic,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    client: Option<Arc<Client>>,
    /// Partitions of the topic, in order.
    partitions: Vec<i32>,
    writers: BTreeMap<i32, Arc<PartitionClient>>,
    /// Shared with those who wait for the same answer: each asking again by itself would take as
    /// many time-outs as there are letters.
    failed: Option<(Instant, Reason)>,
}

impl Producer {
    pub(super) fn new(config: &KafkaConfig, dlq: &DlqConfig) -> Self {
        Self {
            config: config.clone(),
            topic: dlq.topic.clone(),
            state: Mutex::default(),
        }
    }

    async fn writer(&self, letter: &Letter) -> Result<Arc<PartitionClient>, Reason> {
        let mut state = self.state.lock().await;
        if let Some((at, reason)) = state.failed
            && at.elapsed() < KafkaConfig::ANSWER_AGE_MAX
        {
            return Err(reason);
        }
        match self.connect(&mut state, letter).await {
            Ok(writer) => {
                state.failed = None;
                Ok(writer)
            }
            Err((reason, text)) => {
                tracing::warn!(topic = %self.topic, reason = reason.text(), error = text, "no way into the dead letter queue");
                *state = State {
                    failed: Some((Instant::now(), reason)),
                    ..State::default()
                };
                Err(reason)
            }
        }
    }

    async fn connect(
        &self,
        state: &mut State,
        letter: &Letter,
    ) -> Result<Arc<PartitionClient>, (Reason, String)> {
        let failed = |error: Error| (Reason::KafkaError, error.to_string());
        let client = match &state.client {
            Some(client) => Arc::clone(client),
            None => {
                let build = self.config.client().build();
                let client = Arc::new(build.await.map_err(failed)?);
                // Asked without naming the topic: a question about a topic by name may create it.
                let topics = client.list_topics().await.map_err(failed)?;
                let found = topics
                    .into_iter()
                    .find(|topic| topic.name == self.topic.as_str());
                let absent = || (Reason::TopicAbsent, "the topic does not exist".to_owned());
                state.partitions = found.ok_or_else(absent)?.partitions.into_iter().collect();
                state.client = Some(Arc::clone(&client));
                client
            }
        };
        let at = letter.partition_of(state.partitions.len());
        let partition = state.partitions.get(at).copied().unwrap_or(0);
        if let Some(writer) = state.writers.get(&partition) {
            return Ok(Arc::clone(writer));
        }
        let topic = self.topic.as_str();
        let connect = client.partition_client(topic, partition, UnknownTopicHandling::Error);
        let writer = Arc::new(connect.await.map_err(failed)?);
        state.writers.insert(partition, Arc::clone(&writer));
        Ok(writer)
    }

    /// Starts over with the next letter, unless others did already.
    async fn forget(&self, writer: &Arc<PartitionClient>) {
        let mut state = self.state.lock().await;
        if state
            .writers
            .values()
            .any(|known| Arc::ptr_eq(known, writer))
        {
            *state = State::default();
        }
    }
}

impl Store for Producer {
    async fn store(&self, letter: &Letter) -> Result<(), Reason> {
        let writer = self.writer(letter).await?;
        let value = letter.to_json().map_err(|_| Reason::KafkaError)?;
        let record = Record {
            key: Some(letter.key().into_bytes()),
            value: Some(value),
            headers: BTreeMap::new(),
            timestamp: DateTime::from_timestamp_millis(letter.time_ms()).unwrap_or_default(),
        };
        match writer
            .produce(vec![record], Compression::NoCompression)
            .await
        {
            Ok(_) => Ok(()),
            Err(Error::ServerError {
                protocol_error: ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge,
                ..
            }) => Err(Reason::RecordTooLarge),
            Err(error) => {
                tracing::debug!(%error, "a dead letter was not taken");
                self.forget(&writer).await;
                let absent = matches!(
                    error,
                    Error::ServerError {
                        protocol_error: ProtocolError::UnknownTopicOrPartition,
                        ..
                    }
                );
                Err(if absent {
                    Reason::TopicAbsent
                } else {
                    Reason::KafkaError
                })
            }
        }
    }
}
