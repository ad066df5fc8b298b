//! Writing records to a topic, with acknowledgement by all replicas. Never creates the topic.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use rskafka::{
    chrono::DateTime,
    client::partition::{Compression, PartitionClient},
    record::Record,
};
use tokio::sync::Mutex;

use super::{client::TopicClient, failure::Failure};
use crate::config::{KafkaConfig, Topic};

/// A topic that is written to.
#[derive(Debug)]
pub struct Writer {
    name: Topic,
    topic: TopicClient,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By partition.
    connections: BTreeMap<u32, Connection>,
    /// Shared with those who wait for the same answer: each asking again by itself would take as
    /// many time-outs as there are records.
    failed: Option<(Instant, Failure)>,
}

/// To a partition's leader, with the generation of the client it came from.
#[derive(Clone, Debug)]
struct Connection {
    generation: u64,
    client: Arc<PartitionClient>,
}

/// What is written.
#[derive(Debug)]
pub struct Written {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub timestamp_ms: i64,
}

impl Writer {
    /// Connects when the first record comes.
    pub fn new(config: &KafkaConfig, topic: &Topic) -> Self {
        Self {
            name: topic.clone(),
            topic: TopicClient::new(config, topic),
            state: Mutex::default(),
        }
    }

    /// Writes a record; `pick` says to which of so many partitions. It may be dropped half way.
    ///
    /// # Errors
    /// Why it is not known to be stored. After most failures the next record begins with a new client.
    pub async fn write(
        &self,
        pick: impl Fn(usize) -> usize,
        written: Written,
    ) -> Result<(), Failure> {
        let connection = self.connection(pick).await?;
        let record = Record {
            key: Some(written.key),
            value: Some(written.value),
            headers: BTreeMap::new(),
            timestamp: DateTime::from_timestamp_millis(written.timestamp_ms).unwrap_or_default(),
        };
        let produced = connection
            .client
            .produce(vec![record], Compression::NoCompression);
        let failure = match produced.await {
            Ok(_) => return Ok(()),
            Err(error) => Failure::of(error),
        };
        if failure != Failure::TooLarge {
            self.forget(connection.generation).await;
        }
        Err(failure)
    }

    async fn connection(&self, pick: impl Fn(usize) -> usize) -> Result<Connection, Failure> {
        let mut state = self.state.lock().await;
        if let Some((at, failure)) = &state.failed
            && at.elapsed() < KafkaConfig::ANSWER_AGE_MAX
        {
            return Err(failure.clone());
        }
        let connected = self.connect(&mut state.connections, pick).await;
        state.failed = match &connected {
            Ok(_) => None,
            Err(failure) => {
                tracing::warn!(topic = %self.name, error = %failure, "no connection for sending dead letters");
                state.connections.clear();
                self.topic.forget(self.topic.generation().await).await;
                Some((Instant::now(), failure.clone()))
            }
        };
        connected
    }

    async fn connect(
        &self,
        connections: &mut BTreeMap<u32, Connection>,
        pick: impl Fn(usize) -> usize,
    ) -> Result<Connection, Failure> {
        let partitions = self.topic.known_partitions().await?;
        let partitions = partitions.ok_or(Failure::Absent)?;
        let picked = partitions.iter().nth(pick(partitions.len()));
        let partition = *picked.ok_or(Failure::Absent)?;
        if let Some(connection) = connections.get(&partition) {
            return Ok(connection.clone());
        }
        let (generation, client) = self.topic.connect(partition).await?;
        let client = Arc::new(client);
        let connection = Connection { generation, client };
        connections.insert(partition, connection.clone());
        Ok(connection)
    }

    /// Starts over with the next record, unless others did already.
    async fn forget(&self, generation: u64) {
        let mut state = self.state.lock().await;
        let others = |_: &u32, connection: &mut Connection| connection.generation != generation;
        state.connections.retain(others);
        self.topic.forget(generation).await;
    }
}
