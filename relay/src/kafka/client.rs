//! A topic that is written to: its client from the bootstrap list, its partitions, and what all who use it share, so
//! that none of them has to find out for itself that no broker answers.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use rskafka::{
    BackoffConfig,
    client::{
        Client, ClientBuilder, Credentials, SaslConfig,
        partition::{PartitionClient, UnknownTopicHandling},
    },
};
use tokio::sync::Mutex;

use super::failure::Failure;
use crate::{
    config::{KafkaConfig, Login, Mechanism, Topic},
    limits,
};

/// Hands out one connection per use, all from one bootstrap.
#[derive(Debug)]
pub(crate) struct TopicClient {
    config: KafkaConfig,
    topic: Topic,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    client: Option<Arc<Client>>,
    /// Partitions of the topic and when they were asked for, so that many loops starting at once
    /// do not each ask for the metadata of the whole cluster.
    listed: Option<(Instant, Option<BTreeSet<u32>>)>,
    /// The last failure, shared with those who waited for the same answer: each of them trying
    /// again by itself would take as many time-outs as there are loops.
    failed: Option<(Instant, Failure)>,
}

impl TopicClient {
    /// Connects when it is first used.
    pub(crate) fn new(config: &KafkaConfig, topic: &Topic) -> Self {
        Self {
            config: config.clone(),
            topic: topic.clone(),
            state: Mutex::default(),
        }
    }

    /// The partitions of the topic, or `None` where it does not exist. Asked without naming the
    /// topic: a question about a topic by name may create it.
    pub(crate) async fn partitions(&self) -> Result<Option<BTreeSet<u32>>, Failure> {
        let mut state = self.state.lock().await;
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

    /// The partitions as they were last listed, however long ago: who writes needs no newer answer before a write
    /// has failed.
    pub(super) async fn known_partitions(&self) -> Result<Option<BTreeSet<u32>>, Failure> {
        if let Some((_, known @ Some(_))) = &self.state.lock().await.listed {
            return Ok(known.clone());
        }
        self.partitions().await
    }

    async fn list(&self, state: &mut State) -> Result<Option<BTreeSet<u32>>, Failure> {
        let client = self.client(state).await?;
        let topics = match self.limited(client.list_topics()).await {
            Ok(topics) => topics.map_err(Failure::of)?,
            Err(timeout) => {
                state.client = None;
                return Err(timeout);
            }
        };
        let topic = topics
            .into_iter()
            .find(|topic| topic.name == self.topic.as_str());
        let partitions = topic.map(|topic| {
            let partitions = topic.partitions.into_iter();
            partitions
                .filter_map(|partition| u32::try_from(partition).ok())
                .collect::<BTreeSet<_>>()
        });
        Ok(partitions.filter(|partitions| !partitions.is_empty()))
    }

    /// A connection to a partition's leader, and the generation it came from.
    pub(super) async fn connect(&self, partition: u32) -> Result<(u64, PartitionClient), Failure> {
        let known = self.partitions().await?;
        if !known.is_some_and(|known| known.contains(&partition)) {
            return Err(Failure::Absent);
        }
        let (generation, client) = {
            let mut state = self.state.lock().await;
            let client = self.client(&mut state).await?;
            (state.generation, client)
        };
        let index = i32::try_from(partition).map_err(|_| Failure::Absent)?;
        let topic = self.topic.as_str();
        let connect = client.partition_client(topic, index, UnknownTopicHandling::Error);
        let client = self.limited(connect).await?.map_err(Failure::of)?;
        Ok((generation, client))
    }

    /// Drops the client of that generation, if it is still the one in use: the brokers it learned
    /// of may all be gone, and it would never ask the bootstrap list again.
    pub(crate) async fn forget(&self, generation: u64) -> bool {
        let mut state = self.state.lock().await;
        let current = state.generation == generation && state.client.is_some();
        if current {
            state.client = None;
            state.listed = None;
        }
        current
    }

    /// The generation in use, for those who fail before they have a connection.
    pub(crate) async fn generation(&self) -> u64 {
        self.state.lock().await.generation
    }

    async fn client(&self, state: &mut State) -> Result<Arc<Client>, Failure> {
        if let Some(client) = &state.client {
            return Ok(Arc::clone(client));
        }
        state.listed = None;
        let client = self.limited(builder(&self.config).build()).await?;
        let client = Arc::new(client.map_err(Failure::of)?);
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

/// What every client is built from, so that none of them can differ in how it speaks to brokers.
fn builder(config: &KafkaConfig) -> ClientBuilder {
    let mut builder = ClientBuilder::new(config.brokers.as_slice().to_vec())
        .client_id("dashstream-relay")
        .max_message_size(limits::BROKER_MESSAGE_BYTES_MAX)
        .backoff_config(impatient());
    if let Some(tls) = config.security.tls() {
        builder = builder.tls_config(tls);
    }
    if let Some(login) = config.security.login() {
        builder = builder.sasl_config(sasl(login));
    }
    builder
}

/// Made here and not kept: rskafka's type shows the password when it is printed.
fn sasl(login: &Login) -> SaslConfig {
    let credentials = Credentials::new(login.user.clone(), login.password().to_owned());
    match login.mechanism {
        Mechanism::Plain => SaslConfig::Plain(credentials),
        Mechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
        Mechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
    }
}

/// rskafka retries inside its calls, nested three deep. Reading and dead letters have a backoff and a
/// time of their own, and want to know soon.
fn impatient() -> BackoffConfig {
    BackoffConfig {
        init_backoff: Duration::from_millis(50),
        max_backoff: Duration::from_millis(250),
        base: 2.0,
        deadline: Some(Duration::from_millis(500)),
    }
}

/// What a client shows of itself.
#[cfg(test)]
pub(crate) fn shown(config: &KafkaConfig) -> String {
    format!("{:?}", builder(config))
}
