//! The topic that is read: its partitions, and a reader for each. All of them share the connections and the memory of
//! one client.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

use dashstream_kafka::{Cluster, Held, Limits, PartitionReader, Settings};

use super::failure::Failure;
use crate::{
    config::{KafkaConfig, Mechanism, Topic},
    limits,
};

/// Connects when it is first used.
#[derive(Debug)]
pub struct TopicReader {
    cluster: Cluster,
    topic: Topic,
    /// How often its brokers were forgotten.
    generation: AtomicU64,
}

impl TopicReader {
    pub(crate) fn new(config: &KafkaConfig) -> Self {
        Self {
            cluster: Cluster::new(settings(config)),
            topic: config.topic.clone(),
            generation: AtomicU64::new(0),
        }
    }

    /// The partitions of the topic, or `None` where it does not exist.
    pub(crate) async fn partitions(&self) -> Result<Option<BTreeSet<u32>>, Failure> {
        let topic = self.cluster.topic(self.topic.as_str()).await?;
        let partitions = topic.map(|topic| topic.partitions.into_keys().collect::<BTreeSet<_>>());
        Ok(partitions.filter(|partitions| !partitions.is_empty()))
    }

    pub(crate) async fn reader(&self, partition: u32) -> Result<PartitionReader, Failure> {
        Ok(self
            .cluster
            .partition(self.topic.as_str(), partition)
            .await?)
    }

    /// The memory that reading holds now.
    pub fn held(&self) -> Held {
        self.cluster.held()
    }

    /// How many of the tasks that fetch ended unexpectedly.
    pub fn fetchers_ended(&self) -> u64 {
        self.cluster.fetchers_ended()
    }

    /// Which brokers are known, as a number for [`Self::forget`].
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Forgets the brokers of that generation, if they are still the ones in use: all of them may be gone, and the
    /// next question goes to the bootstrap list.
    pub(crate) fn forget(&self, generation: u64) -> bool {
        let next = generation + 1;
        let ordering = Ordering::Relaxed;
        let exchanged = self
            .generation
            .compare_exchange(generation, next, ordering, ordering);
        if exchanged.is_ok() {
            self.cluster.forget_brokers();
        }
        exchanged.is_ok()
    }
}

fn settings(config: &KafkaConfig) -> Settings {
    let mechanism = |mechanism| match mechanism {
        Mechanism::Plain => dashstream_kafka::Mechanism::Plain,
        Mechanism::ScramSha256 => dashstream_kafka::Mechanism::ScramSha256,
        Mechanism::ScramSha512 => dashstream_kafka::Mechanism::ScramSha512,
    };
    let login = config
        .security
        .login()
        .map(|login| dashstream_kafka::Login {
            mechanism: mechanism(login.mechanism),
            user: login.user.clone(),
            password: login.password().to_owned(),
        });
    Settings {
        brokers: config.brokers.as_slice().to_vec(),
        client_id: "dashstream-relay".into(),
        tls: config.security.tls(),
        login,
        timeout: config.operation_timeout,
        wait: config.fetch_wait,
        partition_bytes: usize::try_from(config.fetch_bytes_max).unwrap_or(usize::MAX),
        limits: Limits {
            fetched: limits::FETCHED_BYTES_MAX,
            unpacked: limits::UNPACKED_BYTES_MAX,
            record: limits::UNPACKED_RECORD_BYTES_MAX,
        },
    }
}
