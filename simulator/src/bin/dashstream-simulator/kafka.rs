//! Sending to Kafka: one worker per partition collects records into batches and has one produce
//! call under way at a time, so that order is kept.
//!
//! Each call into the client has a wall-clock limit of its own, because the client has none; after
//! a failure everything is connected again, because it never forgets a broker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;
use rskafka::BackoffConfig;
use rskafka::client::error::{Error as KafkaError, ProtocolError};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout, timeout_at};

use crate::error::Error;
use crate::source::{Outgoing, now_us};

/// Records that may wait for one partition.
pub(crate) const QUEUE_RECORDS_MAX: usize = 4096;
/// A batch is sent when it holds this much: half of what brokers take unless told otherwise.
const BATCH_BYTES_TARGET: usize = 512 * 1024;
const BATCH_RECORDS_MAX: usize = 5_000;
/// One call to Kafka.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Between attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// Which topic, where.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) brokers: String,
    pub(crate) topic: String,
    /// How long to wait for a batch to get through, or for the topic to appear.
    pub(crate) patience: Duration,
    pub(crate) linger: Duration,
}

/// A batch that Kafka acknowledged.
pub(crate) struct Delivered {
    pub(crate) records: Vec<Outgoing>,
    pub(crate) offsets: Vec<i64>,
    pub(crate) attempts: u32,
}

impl Target {
    /// Waits for the topic; the number of its partitions.
    pub(crate) async fn partitions(&self) -> Result<u32, Error> {
        let since = Instant::now();
        let mut reachable = false;
        loop {
            let left = self.patience.saturating_sub(since.elapsed());
            let reason = match timeout(CALL_TIMEOUT.min(left), self.topic_partitions()).await {
                Ok(Ok(Some(partitions))) => return Ok(partitions),
                Ok(Ok(None)) => {
                    reachable = true;
                    String::new()
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            if since.elapsed() >= self.patience {
                let waited = self.patience;
                return Err(if reachable {
                    Error::NoTopic {
                        topic: self.topic.clone(),
                        waited,
                    }
                } else {
                    Error::Unreachable {
                        brokers: self.brokers.clone(),
                        waited,
                        reason,
                    }
                });
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    async fn topic_partitions(&self) -> Result<Option<u32>, KafkaError> {
        // Asking for one topic would create it.
        let topics = self.client().await?.list_topics().await?;
        let topic = topics.into_iter().find(|topic| topic.name == self.topic);
        let count = topic.and_then(|topic| u32::try_from(topic.partitions.len()).ok());
        Ok(count.filter(|count| *count > 0))
    }

    async fn client(&self) -> Result<Client, KafkaError> {
        let brokers = self
            .brokers
            .split(',')
            .map(|broker| broker.trim().to_owned())
            .collect();
        let backoff = BackoffConfig {
            max_backoff: Duration::from_secs(1),
            deadline: Some(CALL_TIMEOUT),
            ..BackoffConfig::default()
        };
        ClientBuilder::new(brokers)
            .client_id("dashstream-simulator")
            .backoff_config(backoff)
            .build()
            .await
    }

    async fn partition_client(&self, partition: u32) -> Result<PartitionClient, String> {
        let number = i32::try_from(partition).map_err(|e| e.to_string())?;
        let connect = async {
            let client = self.client().await?;
            client
                .partition_client(&self.topic, number, UnknownTopicHandling::Error)
                .await
        };
        match timeout(CALL_TIMEOUT, connect).await {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer".to_owned()),
        }
    }
}

/// Sends everything that comes, until the sender is dropped and the rest is out.
pub(crate) async fn run_partition(
    target: Arc<Target>,
    partition: u32,
    mut records: mpsc::Receiver<Outgoing>,
    delivered: mpsc::Sender<Delivered>,
) -> Result<(), Error> {
    let mut worker = Worker {
        target,
        partition,
        client: None,
    };
    let mut held = None;
    loop {
        let first = match held.take() {
            Some(record) => record,
            None => match records.recv().await {
                Some(record) => record,
                None => return Ok(()),
            },
        };
        let mut batch = collect(first, &mut records, worker.target.linger, &mut held).await;
        let now_ms = i64::try_from(now_us() / 1000).unwrap_or(i64::MAX);
        for record in &mut batch {
            record.timestamp_ms.get_or_insert(now_ms);
        }
        let (offsets, attempts) = worker.produce(&batch).await?;
        let batch = Delivered {
            records: batch,
            offsets,
            attempts,
        };
        if delivered.send(batch).await.is_err() {
            return Ok(());
        }
    }
}

/// The records that arrive soon after the first, as far as they fit; one that does not is held.
async fn collect(
    first: Outgoing,
    records: &mut mpsc::Receiver<Outgoing>,
    linger: Duration,
    held: &mut Option<Outgoing>,
) -> Vec<Outgoing> {
    let deadline = tokio::time::Instant::now() + linger;
    let mut bytes = size(&first);
    let mut batch = vec![first];
    while bytes < BATCH_BYTES_TARGET && batch.len() < BATCH_RECORDS_MAX {
        let Ok(Some(record)) = timeout_at(deadline, records.recv()).await else {
            break;
        };
        bytes += size(&record);
        if bytes > BATCH_BYTES_TARGET {
            *held = Some(record);
            break;
        }
        batch.push(record);
    }
    batch
}

struct Worker {
    target: Arc<Target>,
    partition: u32,
    client: Option<PartitionClient>,
}

impl Worker {
    /// Offsets of the batch, and how often it was sent.
    async fn produce(&mut self, batch: &[Outgoing]) -> Result<(Vec<i64>, u32), Error> {
        let since = Instant::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let reason = match self.attempt(batch).await {
                Ok(offsets) => return Ok((offsets, attempts)),
                Err(Failure::Refused(reason)) => {
                    return Err(Error::Refused {
                        partition: self.partition,
                        reason,
                    });
                }
                Err(Failure::Passing(reason)) => reason,
            };
            self.client = None;
            if since.elapsed() > self.target.patience {
                let waited = self.target.patience;
                return Err(Error::GaveUp {
                    partition: self.partition,
                    waited,
                    reason,
                });
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    async fn attempt(&mut self, batch: &[Outgoing]) -> Result<Vec<i64>, Failure> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self
                .target
                .partition_client(self.partition)
                .await
                .map_err(Failure::Passing)?,
        };
        let call = client.produce(
            batch.iter().map(record).collect(),
            Compression::NoCompression,
        );
        let offsets = match timeout(CALL_TIMEOUT, call).await {
            Ok(result) => result.map_err(failure)?,
            Err(_) => return Err(Failure::Passing("no answer".to_owned())),
        };
        self.client = Some(client);
        Ok(offsets)
    }
}

enum Failure {
    /// May work later.
    Passing(String),
    Refused(String),
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "another crate's, open to additions"
)]
fn failure(error: KafkaError) -> Failure {
    let text = error.to_string();
    match error {
        KafkaError::ServerError {
            protocol_error:
                ProtocolError::MessageTooLarge
                | ProtocolError::RecordListTooLarge
                | ProtocolError::InvalidRecord
                | ProtocolError::InvalidTimestamp
                | ProtocolError::TopicAuthorizationFailed,
            ..
        } => Failure::Refused(text),
        _ => Failure::Passing(text),
    }
}

fn record(outgoing: &Outgoing) -> Record {
    let timestamp_ms = outgoing.timestamp_ms.unwrap_or_default();
    Record {
        key: outgoing.key.clone(),
        value: outgoing.value.clone(),
        headers: BTreeMap::new(),
        timestamp: DateTime::from_timestamp_millis(timestamp_ms).unwrap_or_default(),
    }
}

fn size(record: &Outgoing) -> usize {
    let len = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
    // Lengths, deltas and attributes take a few more.
    len(&record.key) + len(&record.value) + 32
}
