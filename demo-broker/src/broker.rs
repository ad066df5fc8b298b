//! The broker's topics.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    net::SocketAddr,
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kafka_wire::TopicId;
use tokio::sync::watch;

use crate::{batch::Batch, codec::Code, log::Log};

/// What the connections share.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    topics: Vec<Topic>,
    /// Changes with each append.
    appended: watch::Sender<()>,
}

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) id: TopicId,
    partitions: Vec<Mutex<Log>>,
}

/// A topic to create: `NAME:PARTITIONS` as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: u32,
}

/// A topic as a client names it.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    Name(String),
    Id(TopicId),
}

impl Broker {
    /// A broker that clients reach at that address. Each partition keeps that many bytes at most, or one batch.
    #[must_use]
    pub fn new(address: SocketAddr, topics: Vec<TopicSpec>, partition_bytes_max: usize) -> Self {
        Self::with_ids(address, topics, partition_bytes_max, fresh_id)
    }

    pub(crate) fn with_ids(
        address: SocketAddr,
        topics: Vec<TopicSpec>,
        partition_bytes_max: usize,
        id: impl Fn() -> TopicId,
    ) -> Self {
        let topic = |spec: TopicSpec| Topic {
            name: spec.name,
            id: id(),
            partitions: (0..spec.partitions)
                .map(|_| Mutex::new(Log::new(partition_bytes_max)))
                .collect(),
        };
        Self {
            address,
            topics: topics.into_iter().map(topic).collect(),
            appended: watch::Sender::new(()),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.iter()
    }

    pub(crate) fn topic(&self, key: &Key) -> Option<&Topic> {
        self.topics.iter().find(|topic| match key {
            Key::Name(name) => topic.name == *name,
            Key::Id(id) => topic.id == *id,
        })
    }

    /// The records of a partition, for as long as nothing else is done.
    pub(crate) fn log(&self, key: &Key, partition: i32) -> Result<MutexGuard<'_, Log>, Code> {
        let unknown = match key {
            Key::Name(_) => Code::UNKNOWN_TOPIC_OR_PARTITION,
            Key::Id(_) => Code::UNKNOWN_TOPIC_ID,
        };
        let topic = self.topic(key).ok_or(unknown)?;
        let index = usize::try_from(partition).ok();
        let log = index.and_then(|index| topic.partitions.get(index));
        let log = log.ok_or(Code::UNKNOWN_TOPIC_OR_PARTITION)?;
        // A log is whole between any two of its changes.
        Ok(log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Appends to a partition and wakes those who wait; the first record's offset, and the oldest one that is there.
    pub(crate) fn append(
        &self,
        key: &Key,
        partition: i32,
        batches: Vec<Batch>,
    ) -> Result<(i64, i64), Code> {
        let mut log = self.log(key, partition)?;
        let first = log.append(batches);
        let start = log.start();
        drop(log);
        self.appended.send_replace(());
        Ok((first, start))
    }

    pub(crate) fn appended(&self) -> watch::Receiver<()> {
        self.appended.subscribe()
    }
}

impl Topic {
    pub(crate) fn partitions(&self) -> usize {
        self.partitions.len()
    }
}

impl FromStr for TopicSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, partitions) = text.rsplit_once(':').ok_or("expected NAME:PARTITIONS")?;
        let partitions = partitions.parse().ok();
        let partitions = partitions.filter(|count| (1..=PARTITIONS_MAX).contains(count));
        match partitions {
            Some(partitions) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                partitions,
            }),
            _ => Err(format!(
                "expected a name and 1 to {PARTITIONS_MAX} partitions"
            )),
        }
    }
}

/// Another one in each process: by it clients see that a topic is not the one they knew.
fn fresh_id() -> TopicId {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    // Never the id that stands for none.
    TopicId(half() << 64 | half() | 1)
}

const PARTITIONS_MAX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_named_with_their_partitions() {
        let spec = |text: &str| text.parse::<TopicSpec>();
        let runs = spec("a:b:4").expect("a name with a colon");
        assert_eq!((runs.name.as_str(), runs.partitions), ("a:b", 4));
        for wrong in ["runs", "runs:", "runs:0", "runs:1001", ":4"] {
            assert!(spec(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_recreated_topic_has_another_identity() {
        let id = |_| fresh_id();
        let ids: std::collections::BTreeSet<_> = (0..100).map(id).collect();
        assert_eq!(ids.len(), 100);
    }
}
