//! The cluster: which brokers there are, who leads what, and one [`PartitionReader`] for each partition.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use kafka_wire::TopicId;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::{
    broker::Broker,
    budget::{Budgets, Held},
    dial::whole,
    error::Error,
    messages::metadata::{self, Metadata},
    reader::PartitionReader,
    settings::Settings,
};

/// A topic as brokers describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its identity; unknown where brokers give none.
    pub id: TopicId,
    /// Its partitions with their leaders, or why one cannot be reached: mostly because there is none.
    pub partitions: BTreeMap<u32, Result<Leader, Error>>,
}

/// Who leads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Number of the broker.
    pub node: i32,
    /// Leader epoch.
    pub epoch: i32,
}

/// How long an answer about a topic serves all who ask: loops that start together need one.
const ANSWER_AGE_MAX: Duration = Duration::from_millis(500);

/// How long a broker has before the next one is asked as well.
const HEAD_START: Duration = Duration::from_secs(1);

/// A Kafka cluster. Its connections end when it and its readers are dropped.
#[derive(Debug)]
pub struct Cluster {
    settings: Arc<Settings>,
    budgets: Arc<Budgets>,
    fetchers_ended: Arc<AtomicU64>,
    bootstrap: Vec<Arc<Broker>>,
    brokers: Mutex<BTreeMap<i32, Arc<Broker>>>,
    /// The last answer about each topic. Locked while one is asked for, so that the others wait for it.
    described: tokio::sync::Mutex<BTreeMap<String, Described>>,
}

type Described = (Instant, Result<Option<Topic>, Error>);

impl Cluster {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let budgets = Arc::new(Budgets::new(settings.limits));
        let fetchers_ended = Arc::default();
        let broker = |address: &String| {
            let (settings, budgets) = (Arc::clone(&settings), Arc::clone(&budgets));
            let ended = Arc::clone(&fetchers_ended);
            Arc::new(Broker::new(address.clone(), settings, budgets, ended))
        };
        Self {
            bootstrap: settings.brokers.iter().map(broker).collect(),
            settings,
            budgets,
            fetchers_ended,
            brokers: Mutex::default(),
            described: tokio::sync::Mutex::default(),
        }
    }

    /// The memory that reading holds now.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            fetched: self.budgets.fetched.used(),
            unpacked: self.budgets.unpacked.used() + self.budgets.large.used(),
        }
    }

    /// How many of the tasks that fetch ended although they should not have. Each was started again.
    #[must_use]
    pub fn fetchers_ended(&self) -> u64 {
        self.fetchers_ended.load(Ordering::Relaxed)
    }

    /// A topic, or `None` where there is none of that name. Never creates one.
    ///
    /// # Errors
    /// Where no broker gives an answer, or a permission is missing.
    pub async fn topic(&self, name: &str) -> Result<Option<Topic>, Error> {
        let mut described = self.described.lock().await;
        if let Some((at, answer)) = described.get(name)
            && at.elapsed() < ANSWER_AGE_MAX
        {
            return answer.clone();
        }
        let answer = self.describe(name).await;
        described.insert(name.to_owned(), (Instant::now(), answer.clone()));
        answer
    }

    /// Forgets which brokers there are, and closes their connections once no reader uses them: the next question goes
    /// to the brokers to begin with.
    pub fn forget_brokers(&self) {
        self.brokers.lock().clear();
    }

    /// A reader of one partition, connected with its leader by its first call.
    ///
    /// # Errors
    /// As [`Self::topic`], and where the partition does not exist or has no leader.
    pub async fn partition(&self, name: &str, partition: u32) -> Result<PartitionReader, Error> {
        let topic = self.topic(name).await?.ok_or(Error::Absent)?;
        let leader = topic.partitions.get(&partition).cloned();
        let leader = leader.ok_or(Error::Absent)??;
        let broker = self
            .brokers
            .lock()
            .get(&leader.node)
            .cloned()
            .ok_or(Error::NoLeader)?;
        let index = i32::try_from(partition).map_err(|_| Error::Absent)?;
        let budgets = Arc::clone(&self.budgets);
        Ok(PartitionReader::new(
            broker,
            budgets,
            name,
            topic.id,
            index,
            leader.epoch,
        ))
    }

    /// Asks the brokers known and then those to begin with, until one answers: what is known may be gone. Each has
    /// only a moment before the next one is asked as well: a broker that went with its machine refuses nothing.
    async fn describe(&self, name: &str) -> Result<Option<Topic>, Error> {
        let mut all: Vec<_> = self.brokers.lock().values().cloned().collect();
        all.extend(self.bootstrap.iter().cloned());
        let mut waiting = all.into_iter().enumerate();
        let mut last = (0, Error::Connect("no brokers are given".to_owned()));
        let mut questions = JoinSet::new();
        loop {
            if let Some((place, broker)) = waiting.next() {
                let topic = name.to_owned();
                questions.spawn(async move {
                    let answer = broker.ask(&Metadata { topic: &topic }).await;
                    (place, broker, answer)
                });
            } else if questions.is_empty() {
                return Err(last.1);
            }
            tokio::select! {
                Some(ended) = questions.join_next() => match whole(ended) {
                    Some((_, _, Ok(answer))) => {
                        self.learn(&answer.brokers);
                        return of_answer(name, answer.topics);
                    }
                    Some((place, broker, Err(error))) => {
                        tracing::debug!(broker = broker.address(), %error, "no metadata");
                        // The word of the last in the list, in whatever order they fail.
                        if place >= last.0 {
                            last = (place, error);
                        }
                    }
                    None => {}
                },
                () = tokio::time::sleep(HEAD_START), if waiting.len() > 0 => {}
            }
        }
    }

    /// Takes over which brokers there are. Those at the same address keep their connections.
    fn learn(&self, found: &[metadata::Broker]) {
        let mut brokers = self.brokers.lock();
        let known = std::mem::take(&mut *brokers);
        for one in found {
            let host = &one.host;
            let address = if host.contains(':') {
                format!("[{host}]:{}", one.port)
            } else {
                format!("{host}:{}", one.port)
            };
            let same = known
                .get(&one.node)
                .filter(|broker| broker.address() == address);
            let broker = same.cloned().unwrap_or_else(|| {
                let (settings, budgets) = (Arc::clone(&self.settings), Arc::clone(&self.budgets));
                let ended = Arc::clone(&self.fetchers_ended);
                Arc::new(Broker::new(address, settings, budgets, ended))
            });
            brokers.insert(one.node, broker);
        }
    }
}

fn of_answer(name: &str, topics: Vec<metadata::Topic>) -> Result<Option<Topic>, Error> {
    let Some(topic) = topics.into_iter().find(|topic| topic.name == name) else {
        return Ok(None);
    };
    match Error::of_code(topic.code, "Describe", name) {
        None => {}
        Some(Error::Absent) => return Ok(None),
        // While it is being created.
        Some(Error::NoLeader) if !topic.partitions.is_empty() => {}
        Some(error) => return Err(error),
    }
    let partitions = topic.partitions.into_iter().filter_map(|one| {
        let leader = Leader {
            node: one.leader,
            epoch: one.leader_epoch,
        };
        let index = u32::try_from(one.index).ok()?;
        let unreachable = || Error::of_code(one.code, "Describe", name).unwrap_or(Error::NoLeader);
        let is_known = leader.node >= 0;
        Some((index, is_known.then_some(leader).ok_or_else(unreachable)))
    });
    Ok(Some(Topic {
        id: topic.id,
        partitions: partitions.collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X15: a leader without a listener of the kind that was asked is none that is missing.
    #[test]
    fn a_partition_without_a_leader_says_why() {
        let found = |(index, leader, code)| metadata::Partition {
            code,
            index,
            leader,
            leader_epoch: 4,
        };
        let topic = metadata::Topic {
            code: 0,
            name: "runs".to_owned(),
            id: TopicId::default(),
            // A replica that is not available says nothing about the leader.
            partitions: [(0, 7, 9), (1, -1, 5), (2, -1, 72), (3, -1, 0)]
                .map(found)
                .to_vec(),
        };
        let topic = of_answer("runs", vec![topic]);
        let partitions = topic.expect("an answer").expect("a topic").partitions;
        let expected = [
            Ok(Leader { node: 7, epoch: 4 }),
            Err(Error::NoLeader),
            Err(Error::Broker(72)),
            Err(Error::NoLeader),
        ];
        assert!(partitions.into_values().eq(expected));
    }
}
