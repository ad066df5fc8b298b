//! One partition, asked at its leader.

use std::sync::Arc;

use kafka_wire::{Malformed, TopicId};
use tokio::sync::oneshot;

use crate::{
    broker::Broker,
    budget::Budgets,
    error::Error,
    fetched::{self, Fetched},
    fetcher::{Given, Want},
    messages::{
        leader_epoch::OffsetForLeaderEpoch,
        list_offsets::{self, ListOffsets},
    },
};

/// What to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The first offset wanted.
    pub offset: u64,
    /// Leader epoch of the record before it, where that is known: a broker whose log was truncated below
    /// it says so.
    pub last_epoch: Option<i32>,
    /// Whether the broker may hold the answer back until there is something. The reader then fetches on by
    /// itself, one answer ahead.
    pub is_patient: bool,
}

/// Reads one partition. Rebuilt by [`crate::Cluster::partition`] when a call failed: the leader may be
/// another one.
#[derive(Debug)]
pub struct PartitionReader {
    broker: Arc<Broker>,
    budgets: Arc<Budgets>,
    topic: Arc<str>,
    topic_id: TopicId,
    partition: i32,
    leader_epoch: i32,
    /// What was asked for ahead: from which offset on, and where the answer comes.
    ahead: Option<(u64, oneshot::Receiver<Result<Given, Error>>)>,
}

impl PartitionReader {
    pub(crate) fn new(
        broker: Arc<Broker>,
        budgets: Arc<Budgets>,
        topic: &str,
        topic_id: TopicId,
        partition: i32,
        leader_epoch: i32,
    ) -> Self {
        Self {
            broker,
            budgets,
            topic: topic.into(),
            topic_id,
            partition,
            leader_epoch,
            ahead: None,
        }
    }

    /// Identity of the topic that is read; unknown where brokers give none.
    #[must_use]
    pub const fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    /// The oldest offset that may exist.
    ///
    /// # Errors
    /// Those of a call.
    pub async fn earliest(&self) -> Result<u64, Error> {
        Ok(self
            .offset(list_offsets::EARLIEST, true)
            .await?
            .unwrap_or(0))
    }

    /// The end of what can be read: the first open transaction, or the end.
    ///
    /// # Errors
    /// Those of a call.
    pub async fn last_stable(&self) -> Result<u64, Error> {
        Ok(self.offset(list_offsets::LATEST, true).await?.unwrap_or(0))
    }

    /// The end, open transactions included.
    ///
    /// # Errors
    /// Those of a call.
    pub async fn high_watermark(&self) -> Result<u64, Error> {
        Ok(self.offset(list_offsets::LATEST, false).await?.unwrap_or(0))
    }

    /// The first offset whose record is not older than that time in ms; `None` where there is none.
    ///
    /// # Errors
    /// Those of a call.
    pub async fn at_time(&self, timestamp_ms: i64) -> Result<Option<u64>, Error> {
        // Negative numbers stand for other questions.
        self.offset(timestamp_ms.max(0), true).await
    }

    /// The largest leader epoch known that is not above `epoch`, and where its records end; `None` where the
    /// broker knows none.
    ///
    /// # Errors
    /// Those of a call.
    pub async fn end_of_epoch(&self, epoch: i32) -> Result<Option<(i32, u64)>, Error> {
        let call = OffsetForLeaderEpoch {
            topic: &self.topic,
            partition: self.partition,
            epoch,
        };
        let answers = self.broker.ask(&call).await?;
        let mut answers = answers.into_iter();
        let answer = answers
            .find(|answer| answer.partition == self.partition)
            .ok_or(MISSING)?;
        if let Some(error) = Error::of_code(answer.code, "Describe", &self.topic) {
            return Err(error);
        }
        let end = u64::try_from(answer.end_offset).ok();
        Ok(end
            .filter(|_| answer.epoch >= 0)
            .map(|end| (answer.epoch, end)))
    }

    /// Records from an offset on. Waits until the broker answers; whoever stops waiting loses nothing.
    ///
    /// # Errors
    /// Those of a call; [`Error::OutOfRange`], [`Error::Truncated`] and [`Error::AnotherTopic`] among them.
    pub async fn fetch(&mut self, ask: Ask) -> Result<Fetched, Error> {
        let answer = match self.ahead.take() {
            Some((offset, answer)) if offset == ask.offset => answer,
            _ => self.want(ask)?,
        };
        let given = answer.await.map_err(|_| Error::Ended)??;
        if ask.is_patient && !given.is_cut {
            self.go_ahead(&given, ask)?;
        }
        let epoch = ask.last_epoch.unwrap_or(-1);
        Ok(Fetched::new(
            given,
            ask.offset,
            epoch,
            Arc::clone(&self.budgets),
        ))
    }

    /// Drops what was fetched ahead, for a reader that will not go on soon: it takes memory from others.
    pub fn drop_ahead(&mut self) {
        self.ahead = None;
    }

    fn go_ahead(&mut self, given: &Given, ask: Ask) -> Result<(), Error> {
        let Some((next, epoch)) = fetched::end_of(&given.records) else {
            return Ok(());
        };
        let Ok(offset) = u64::try_from(next) else {
            return Ok(());
        };
        let next = Ask {
            offset: offset.max(ask.offset),
            last_epoch: Some(epoch),
            is_patient: true,
        };
        self.ahead = Some((next.offset, self.want(next)?));
        Ok(())
    }

    fn want(&self, ask: Ask) -> Result<oneshot::Receiver<Result<Given, Error>>, Error> {
        let (reply, answer) = oneshot::channel();
        self.broker.fetch(Want {
            topic: Arc::clone(&self.topic),
            topic_id: self.topic_id,
            partition: self.partition,
            offset: i64::try_from(ask.offset).map_err(|_| Error::OutOfRange)?,
            leader_epoch: self.leader_epoch,
            last_epoch: ask.last_epoch.unwrap_or(-1),
            is_patient: ask.is_patient,
            reply,
        })?;
        Ok(answer)
    }

    async fn offset(&self, timestamp: i64, read_committed: bool) -> Result<Option<u64>, Error> {
        let call = ListOffsets {
            topic: &self.topic,
            partition: self.partition,
            read_committed,
            timestamp,
        };
        let answers = self.broker.ask(&call).await?;
        let mut answers = answers.into_iter();
        let answer = answers
            .find(|answer| answer.partition == self.partition)
            .ok_or(MISSING)?;
        match Error::of_code(answer.code, "Describe", &self.topic) {
            Some(error) => Err(error),
            None => Ok(u64::try_from(answer.offset).ok()),
        }
    }
}

const MISSING: Error = Error::Malformed(Malformed("a partition is missing"));
