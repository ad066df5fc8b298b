//! The calls to Kafka. Each has a wall-clock limit, because rskafka's own limits are not ones; each
//! failure comes back as one of the few kinds the loops act on.

use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use rskafka::{
    ConnectionError,
    chrono::DateTime,
    client::{
        Client,
        error::{Error, ProtocolError, RequestError},
        partition::{OffsetAt, PartitionClient, UnknownTopicHandling},
    },
    record::RecordAndOffset,
};
use tokio::sync::Mutex;

use super::source::{Fetched, Source};
use crate::{
    config::{Config, KafkaConfig},
    limits,
    metrics::KafkaError,
};

/// Why a call gave no answer.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The answer holds a control batch, which rskafka takes for damage.
    Control,
    /// The answer holds a batch that cannot be read.
    Damaged(String),
    /// The broker holds nothing at the offset asked for.
    OutOfRange,
    /// The topic or partition is not there.
    Absent,
    /// Anything that may pass.
    Passing { kind: KafkaError, text: String },
}

impl Failure {
    pub(super) fn kind(&self) -> KafkaError {
        match self {
            Self::Damaged(_) => KafkaError::DecodeError,
            Self::Control | Self::OutOfRange | Self::Absent => KafkaError::Unknown,
            Self::Passing { kind, .. } => *kind,
        }
    }

    fn timeout() -> Self {
        Self::Passing {
            kind: KafkaError::ConnectionTimeout,
            text: "no answer in time".to_owned(),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "another crate's, open to additions"
    )]
    fn of(error: Error) -> Self {
        match error {
            Error::ServerError {
                protocol_error: ProtocolError::OffsetOutOfRange,
                ..
            } => Self::OutOfRange,
            Error::ServerError {
                protocol_error: ProtocolError::UnknownTopicOrPartition,
                ..
            } => Self::Absent,
            Error::Connection(error) => Self::of_connection(&error),
            Error::Request(RequestError::IO(_) | RequestError::Poisoned(_)) => Self::Passing {
                kind: KafkaError::BrokerDown,
                text: error.to_string(),
            },
            error => {
                let text = error.to_string();
                Self::Passing {
                    kind: kind_of_text(&text),
                    text,
                }
            }
        }
    }

    /// In the answer to a fetch, what cannot be parsed is a batch.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "another crate's, open to additions"
    )]
    fn of_fetch(error: Error) -> Self {
        let damaged = match &error {
            Error::Request(
                RequestError::ReadVersionedError(_)
                | RequestError::ReadError(_)
                | RequestError::TooMuchData { .. },
            ) => true,
            // rskafka reports impossible timestamps under the same kind as answers about the
            // wrong topic; only the text tells them apart.
            Error::InvalidResponse(text) => text.to_ascii_lowercase().contains("timestamp"),
            _ => false,
        };
        if !damaged {
            return Self::of(error);
        }
        // rskafka reads the record of a control batch without its envelope and so always finds an
        // unknown version. The words come from that one place, reached only for control batches.
        let text = error.to_string();
        if text.contains("control batch record") || text.contains("control record") {
            return Self::Control;
        }
        Self::Damaged(text)
    }

    fn of_connection(error: &ConnectionError) -> Self {
        let text = error.to_string();
        let kind = match kind_of_text(&text) {
            KafkaError::Unknown => KafkaError::BrokerDown,
            kind => kind,
        };
        Self::Passing { kind, text }
    }
}

fn kind_of_text(text: &str) -> KafkaError {
    let text = text.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(&["lookup", "dns", "resolve", "name or service"]) {
        KafkaError::DnsFailure
    } else if has(&["timed out", "timeout"]) {
        KafkaError::ConnectionTimeout
    } else if has(&["refused", "reset", "broken pipe", "unreachable", "broker"]) {
        KafkaError::BrokerDown
    } else {
        KafkaError::Unknown
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(text) | Self::Passing { text, .. } => f.write_str(text),
            Self::Control => f.write_str("control batch"),
            Self::OutOfRange => f.write_str("offset out of range"),
            Self::Absent => f.write_str("topic or partition is not there"),
        }
    }
}

/// The cluster: hands out one client per use, all from one bootstrap.
#[derive(Debug)]
pub(super) struct Kafka {
    config: KafkaConfig,
    bootstrapped: Mutex<Bootstrapped>,
}

#[derive(Debug, Default)]
struct Bootstrapped {
    generation: u64,
    client: Option<Arc<Client>>,
    /// Partitions of the topic and when they were asked for, so that many loops starting at once
    /// do not each ask for the metadata of the whole cluster.
    listed: Option<(Instant, Option<BTreeSet<u32>>)>,
    /// The last failure, shared with those who waited for the same answer: each of them trying
    /// again by itself would take as many time-outs as there are loops.
    failed: Option<(Instant, Failure)>,
}

impl Kafka {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            config: config.kafka.clone(),
            bootstrapped: Mutex::default(),
        }
    }

    /// The partitions of the topic, or `None` where it does not exist. Asked without naming the
    /// topic: a question about a topic by name may create it.
    pub(super) async fn partitions(&self) -> Result<Option<BTreeSet<u32>>, Failure> {
        let mut state = self.bootstrapped.lock().await;
        if let Some((asked, listed)) = &state.listed
            && asked.elapsed() < KafkaConfig::ANSWER_AGE_MAX
        {
            return Ok(listed.clone());
        }
        if let Some((at, failure)) = &state.failed
            && at.elapsed() < KafkaConfig::ANSWER_AGE_MAX
        {
            return Err(failure.clone());
        }
        let listed = self.list(&mut state).await;
        match &listed {
            Ok(listed) => state.listed = Some((Instant::now(), listed.clone())),
            Err(failure) => state.failed = Some((Instant::now(), failure.clone())),
        }
        listed
    }

    async fn list(&self, state: &mut Bootstrapped) -> Result<Option<BTreeSet<u32>>, Failure> {
        let client = self.client(state).await?;
        let topics = match self.limited(client.list_topics()).await {
            Ok(topics) => topics.map_err(Failure::of)?,
            Err(timeout) => {
                state.client = None;
                return Err(timeout);
            }
        };
        let listed = topics
            .into_iter()
            .find(|topic| topic.name == self.config.topic.as_str())
            .map(|topic| {
                topic
                    .partitions
                    .into_iter()
                    .filter_map(|p| u32::try_from(p).ok())
            })
            .map(BTreeSet::from_iter);
        Ok(listed.filter(|partitions| !partitions.is_empty()))
    }

    /// A connection of its own to a partition's leader, and the generation it came from.
    pub(super) async fn partition(&self, partition: u32) -> Result<KafkaPartition, Failure> {
        let known = self.partitions().await?;
        if !known.is_some_and(|known| known.contains(&partition)) {
            return Err(Failure::Absent);
        }
        let (generation, client) = {
            let mut state = self.bootstrapped.lock().await;
            let client = self.client(&mut state).await?;
            (state.generation, client)
        };
        let index = i32::try_from(partition).map_err(|_| Failure::Absent)?;
        let connect = client.partition_client(
            self.config.topic.as_str(),
            index,
            UnknownTopicHandling::Error,
        );
        let client = self.limited(connect).await?.map_err(Failure::of)?;
        Ok(KafkaPartition {
            client,
            generation,
            operation_timeout: self.config.operation_timeout,
            fetch_wait: self.config.fetch_wait,
            fetch_bytes: i32::try_from(self.config.fetch_bytes_max).unwrap_or(i32::MAX),
        })
    }

    /// Drops the client of that generation, if it is still the one in use: the brokers it learned
    /// of may all be gone, and it would never ask the bootstrap list again.
    pub(super) async fn forget(&self, generation: u64) -> bool {
        let mut state = self.bootstrapped.lock().await;
        let current = state.generation == generation && state.client.is_some();
        if current {
            state.client = None;
        }
        current
    }

    /// The generation in use, for those who fail before they have a connection.
    pub(super) async fn generation(&self) -> u64 {
        self.bootstrapped.lock().await.generation
    }

    async fn client(&self, state: &mut Bootstrapped) -> Result<Arc<Client>, Failure> {
        if let Some(client) = &state.client {
            return Ok(Arc::clone(client));
        }
        state.listed = None;
        let build = self.config.client().build();
        let client = self.limited(build).await?.map_err(Failure::of)?;
        let client = Arc::new(client);
        state.generation += 1;
        state.client = Some(Arc::clone(&client));
        Ok(client)
    }

    async fn limited<T>(&self, call: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::time::timeout(self.config.operation_timeout, call)
            .await
            .map_err(|_| Failure::timeout())
    }
}

/// One connection to a partition's leader. A waiting fetch blocks every other call on it, so
/// whoever needs both has two.
#[derive(Debug)]
pub(super) struct KafkaPartition {
    client: PartitionClient,
    pub generation: u64,
    operation_timeout: Duration,
    fetch_wait: Duration,
    fetch_bytes: i32,
}

impl KafkaPartition {
    /// `None` where Kafka says that there is none.
    async fn offset(&self, at: OffsetAt) -> Result<Option<u64>, Failure> {
        let offset = tokio::time::timeout(self.operation_timeout, self.client.get_offset(at))
            .await
            .map_err(|_| Failure::timeout())?
            .map_err(Failure::of)?;
        Ok(u64::try_from(offset).ok())
    }
}

impl Source for KafkaPartition {
    async fn fetch(
        &mut self,
        offset: u64,
        one_batch: bool,
        patient: bool,
    ) -> Result<Fetched, Failure> {
        let offset = i64::try_from(offset).map_err(|_| Failure::OutOfRange)?;
        let bytes: Range<i32> = if one_batch {
            // rskafka passes on the end less one.
            1..limits::ISOLATING_FETCH_BYTES + 1
        } else {
            1..self.fetch_bytes
        };
        let wait = if patient {
            self.fetch_wait
        } else {
            Duration::ZERO
        };
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let call = self.client.fetch_records(offset, bytes, wait_ms);
        let (records, watermark) = tokio::time::timeout(self.operation_timeout + wait, call)
            .await
            .map_err(|_| Failure::timeout())?
            .map_err(Failure::of_fetch)?;
        let records = records.into_iter().filter_map(record).collect();
        Ok(Fetched {
            records,
            watermark: u64::try_from(watermark).unwrap_or(0),
        })
    }

    async fn earliest(&mut self) -> Result<u64, Failure> {
        let offset = self.offset(OffsetAt::Earliest).await?;
        Ok(offset.unwrap_or(0))
    }

    async fn at_time(&mut self, timestamp_ms: i64) -> Result<Option<u64>, Failure> {
        // A time that chrono does not know lies before all records or after them; both are far off.
        let time = DateTime::from_timestamp_millis(timestamp_ms).unwrap_or_default();
        self.offset(OffsetAt::Timestamp(time)).await
    }

    async fn end(&mut self) -> Result<u64, Failure> {
        let offset = self.offset(OffsetAt::Latest).await?;
        Ok(offset.unwrap_or(0))
    }
}

/// Headers play no part downstream and are let go here.
fn record(record: RecordAndOffset) -> Option<super::source::Record> {
    Some(super::source::Record {
        offset: u64::try_from(record.offset).ok()?,
        timestamp_ms: record.record.timestamp.timestamp_millis(),
        key: record.record.key,
        value: record.record.value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_cannot_be_read_is_told_from_a_wrong_answer() {
        let timestamp = Error::InvalidResponse("Not a valid timestamp (-99999999999999)".into());
        assert!(matches!(Failure::of_fetch(timestamp), Failure::Damaged(_)));
        let metadata = Error::InvalidResponse("Could not find metadata for partition 3".into());
        assert!(matches!(
            Failure::of_fetch(metadata),
            Failure::Passing { .. }
        ));
        let lost = Error::Request(RequestError::IO(std::io::ErrorKind::ConnectionReset.into()));
        assert_eq!(Failure::of_fetch(lost).kind(), KafkaError::BrokerDown);
    }

    #[test]
    fn kinds_are_those_of_the_metric() {
        let check = |text: &str, kind| assert_eq!(kind_of_text(text), kind, "{text}");
        check(
            "failed to lookup address information",
            KafkaError::DnsFailure,
        );
        check("operation timed out", KafkaError::ConnectionTimeout);
        check("Connection refused (os error 111)", KafkaError::BrokerDown);
        check("who knows", KafkaError::Unknown);
    }
}
