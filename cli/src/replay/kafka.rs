//! The calls to Kafka. Each has a wall-clock limit, because rskafka's own limits are not ones.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::DateTime;
use decode_core::wire::REJECT_PREFIX_BYTES_MAX;
use rskafka::BackoffConfig;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use tokio::time::{sleep, timeout};

use super::held::{Held, What};
use crate::outcome::Failure;

/// Which topic, where, and how long to go on trying.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) brokers: Vec<String>,
    pub(super) topic: String,
    pub(super) patience: Duration,
}

/// Why a call did not succeed.
enum Refusal {
    /// May work later.
    Passing(String),
    /// Kafka will never take it.
    Final(String),
}

impl Target {
    /// Waits for the topic; the number of its partitions.
    pub(super) async fn partitions(&self) -> Result<u32, Failure> {
        let since = Instant::now();
        let mut reason = "no answer".to_owned();
        loop {
            let left = self.patience.saturating_sub(since.elapsed());
            // However little time there is, who says that nobody answered has asked.
            let limit = left.clamp(CALL_TIMEOUT_MIN, CALL_TIMEOUT);
            match timeout(limit, self.topic_partitions()).await {
                Ok(Ok(Some(partitions))) => return Ok(partitions),
                Ok(Ok(None)) => {
                    reason = format!("there is no topic {}; create it first", self.topic)
                }
                Ok(Err(error)) => reason = error.to_string(),
                // The last call may get next to no time: what an earlier one heard says more.
                Err(_) => {}
            }
            if since.elapsed() >= self.patience {
                let brokers = self.brokers.join(",");
                return Err(Failure::Io(format!("{brokers}: {reason}")));
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    async fn topic_partitions(&self) -> Result<Option<u32>, Error> {
        // A question about a topic by name may create it.
        let topics = self.client().await?.list_topics().await?;
        let topic = topics.into_iter().find(|topic| topic.name == self.topic);
        let count = topic.and_then(|topic| u32::try_from(topic.partitions.len()).ok());
        Ok(count.filter(|count| *count > 0))
    }

    async fn client(&self) -> Result<Client, Error> {
        let backoff = BackoffConfig {
            max_backoff: Duration::from_secs(1),
            deadline: Some(CALL_TIMEOUT),
            ..BackoffConfig::default()
        };
        ClientBuilder::new(self.brokers.clone())
            .client_id("dashstream")
            .backoff_config(backoff)
            .build()
            .await
    }

    async fn partition(&self, partition: u32) -> Result<PartitionClient, Refusal> {
        let number = i32::try_from(partition).map_err(|error| Refusal::Final(error.to_string()))?;
        let connect = async {
            let client = self.client().await?;
            client
                .partition_client(&self.topic, number, UnknownTopicHandling::Error)
                .await
        };
        match timeout(CALL_TIMEOUT, connect).await {
            Ok(result) => result.map_err(|error| Refusal::of(&error)),
            Err(_) => Err(Refusal::Passing("no answer".to_owned())),
        }
    }
}

impl Refusal {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "another crate's, open to additions"
    )]
    fn of(error: &Error) -> Self {
        let text = error.to_string();
        match error {
            Error::ServerError {
                protocol_error:
                    ProtocolError::MessageTooLarge
                    | ProtocolError::RecordListTooLarge
                    | ProtocolError::InvalidRecord
                    | ProtocolError::InvalidTimestamp
                    | ProtocolError::InvalidTopicException
                    | ProtocolError::TopicAuthorizationFailed,
                ..
            } => Self::Final(text),
            _ => Self::Passing(text),
        }
    }
}

/// One partition's way into Kafka. After a failure everything is connected again: rskafka never
/// forgets a broker.
pub(super) struct Producer<'a> {
    target: &'a Target,
    partition: u32,
    client: Option<PartitionClient>,
}

impl<'a> Producer<'a> {
    pub(super) const fn new(target: &'a Target, partition: u32) -> Self {
        Self {
            target,
            partition,
            client: None,
        }
    }

    /// Sends a batch until it is acknowledged; its offsets, and how often it was sent.
    pub(super) async fn produce(&mut self, batch: &[Record]) -> Result<(Vec<i64>, u32), Failure> {
        let since = Instant::now();
        for attempt in 1.. {
            let reason = match self.attempt(batch).await {
                Ok(offsets) => return Ok((offsets, attempt)),
                Err(Refusal::Final(reason)) => return Err(self.failed(&reason)),
                Err(Refusal::Passing(reason)) => reason,
            };
            if since.elapsed() >= self.target.patience {
                return Err(self.failed(&reason));
            }
            sleep(RETRY_PAUSE).await;
        }
        Err(self.failed("too many attempts"))
    }

    async fn attempt(&mut self, batch: &[Record]) -> Result<Vec<i64>, Refusal> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.target.partition(self.partition).await?,
        };
        let call = client.produce(batch.to_vec(), Compression::NoCompression);
        let offsets = match timeout(CALL_TIMEOUT, call).await {
            Ok(result) => result.map_err(|error| Refusal::of(&error))?,
            Err(_) => return Err(Refusal::Passing("no answer".to_owned())),
        };
        self.client = Some(client);
        Ok(offsets)
    }

    fn failed(&self, reason: &str) -> Failure {
        let (topic, partition) = (&self.target.topic, self.partition);
        Failure::Io(format!("topic {topic}, partition {partition}: {reason}"))
    }
}

/// The Kafka record it was, if all of it is there.
pub(super) fn record(held: Held) -> Result<Option<Record>, Failure> {
    let Held {
        place,
        timestamp_ms,
        key,
        what,
    } = held;
    let value = match what {
        What::Record(value) => Some(value),
        What::Null => None,
        // Of a shorter one nothing was left out.
        What::Reject { prefix, .. } if prefix.len() < REJECT_PREFIX_BYTES_MAX => Some(prefix),
        What::Reject { .. } | What::TooLong | What::Gap { .. } | What::Mark => return Ok(None),
    };
    let Some(timestamp) = DateTime::from_timestamp_millis(timestamp_ms) else {
        let (partition, offset) = (place.partition, place.offset);
        return Err(Failure::Io(format!(
            "partition {partition} offset {offset}: a time of {timestamp_ms} ms cannot be sent"
        )));
    };
    Ok(Some(Record {
        key,
        value,
        headers: BTreeMap::new(),
        timestamp,
    }))
}

const CALL_TIMEOUT_MIN: Duration = Duration::from_secs(1);
/// One call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Between attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(250);
