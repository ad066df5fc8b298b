//! Fetches for all partitions of one broker over one connection: one request for all that want something,
//! one after the other, as a broker answers one request of a connection at a time.
//!
//! A partition that was given records is away until it has taken them. While one is away, the broker may
//! hold the answer back for a moment only, so that it is not kept waiting for the others' records.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_wire::{Malformed, TopicId};
use tokio::{
    sync::{mpsc, oneshot},
    time::{timeout, timeout_at},
};

use crate::{
    aborted::Aborted,
    budget::{Budgets, CHUNK_BYTES, Share},
    connection::{Connection, Raw},
    error::Error,
    messages::fetch::{self, Asked, Fetch, Partition, TopicKey},
    settings::Settings,
    versions::Api,
};

/// What one partition wants.
#[derive(Debug)]
pub(crate) struct Want {
    pub topic: Arc<str>,
    pub topic_id: TopicId,
    pub partition: i32,
    pub offset: i64,
    pub leader_epoch: i32,
    pub last_epoch: i32,
    /// Whether the broker may hold the answer back.
    pub is_patient: bool,
    pub reply: oneshot::Sender<Result<Given, Error>>,
}

/// What a partition is given.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub aborted: Aborted,
    pub records: Bytes,
    /// Whether the records end inside a batch because the answer was too large to keep.
    pub is_cut: bool,
    /// Whether an answer without records means that there are none: others' records may have filled it.
    pub is_conclusive: bool,
    pub share: Share,
}

/// Partitions of one request.
const PARTITIONS_MAX: usize = 2_000;
/// Bytes of one answer, unless a batch is larger.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// How long partitions that were answered have to want more, before those that do go ahead.
const GATHER: Duration = Duration::from_millis(2);
/// How long an answer is held back while a partition is away.
const WAIT_WHILE_AWAY: Duration = Duration::from_millis(20);
/// A partition away for longer is taken for one that stopped.
const AWAY_MAX: Duration = Duration::from_secs(5);
/// What an answer has besides records, a partition: three times what a plain one has.
const PARTITION_OVERHEAD: usize = 256;

/// Longest time that a broker is believed to hold reading back.
const THROTTLE_MAX: Duration = Duration::from_mins(15);
/// Shorter ones are ordinary where there is a quota.
const THROTTLE_SAID: Duration = Duration::from_secs(1);

pub(crate) struct Fetcher {
    address: String,
    settings: Arc<Settings>,
    budgets: Arc<Budgets>,
    wanted: mpsc::UnboundedReceiver<Want>,
    wants: VecDeque<Want>,
    connection: Option<Connection>,
    /// Partitions that were given records, and when.
    away: BTreeMap<(Arc<str>, i32), Instant>,
    /// Until when the broker reads nothing from the connection, because of a quota.
    throttled_until: Option<Instant>,
}

impl Fetcher {
    pub(crate) fn new(
        address: String,
        settings: Arc<Settings>,
        budgets: Arc<Budgets>,
        wanted: mpsc::UnboundedReceiver<Want>,
    ) -> Self {
        Self {
            address,
            settings,
            budgets,
            wanted,
            wants: VecDeque::new(),
            connection: None,
            away: BTreeMap::new(),
            throttled_until: None,
        }
    }

    /// Runs until nobody can want anything any more.
    pub(crate) async fn run(mut self) {
        let mut expected = 1;
        while self.gather(expected).await {
            let count = self.wants.len().min(PARTITIONS_MAX);
            let asked: Vec<Want> = self.wants.drain(..count).collect();
            expected = count;
            match self.fetch_again(&asked).await {
                Ok((answer, share, is_cut)) => self.give(asked, answer, share, is_cut),
                Err(error) => {
                    self.connection = None;
                    for want in asked {
                        // Who does not wait any more needs no answer.
                        let _gone = want.reply.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// Waits for partitions that want something: for the first as long as it takes, for as many as last
    /// time a moment. Says whether there are any.
    async fn gather(&mut self, expected: usize) -> bool {
        self.wants.retain(|want| !want.reply.is_closed());
        while self.wants.is_empty() {
            match self.wanted.recv().await {
                Some(want) => self.take(want),
                None => return false,
            }
        }
        let deadline = tokio::time::Instant::now() + GATHER;
        while self.wants.len() < expected {
            match timeout_at(deadline, self.wanted.recv()).await {
                Ok(Some(want)) => self.take(want),
                Ok(None) | Err(_) => break,
            }
        }
        while let Ok(want) = self.wanted.try_recv() {
            self.take(want);
        }
        true
    }

    fn take(&mut self, want: Want) {
        self.away.remove(&(Arc::clone(&want.topic), want.partition));
        if !want.reply.is_closed() {
            self.wants.push_back(want);
        }
    }

    /// How long the broker may hold the answer back.
    fn wait(&mut self, asked: &[Want]) -> Duration {
        self.away.retain(|_, since| since.elapsed() < AWAY_MAX);
        if asked.iter().any(|want| !want.is_patient) {
            Duration::ZERO
        } else if self.away.is_empty() && self.wants.is_empty() {
            self.settings.wait
        } else {
            WAIT_WHILE_AWAY.min(self.settings.wait)
        }
    }

    /// Fetches, with a second try where a connection that was there before is broken: a broker closes those
    /// that were idle for long, and all when it starts again.
    async fn fetch_again(&mut self, asked: &[Want]) -> Result<(fetch::Answer, Share, bool), Error> {
        let was_open = self.connection.is_some();
        match self.fetch(asked).await {
            Err(Error::Broken(_)) if was_open => self.fetch(asked).await,
            result => result,
        }
    }

    async fn fetch(&mut self, asked: &[Want]) -> Result<(fetch::Answer, Share, bool), Error> {
        // Memory first: what is asked for must have a place.
        let mut share = self.budgets.fetched.take(CHUNK_BYTES).await;
        let more = ANSWER_BYTES.saturating_sub(share.bytes());
        share.join(self.budgets.fetched.take_free(more));
        let wait = self.wait(asked);
        let limit = self.settings.timeout + wait + self.throttled();
        let mut connection = match self.connection.take().filter(Connection::is_current) {
            Some(connection) => connection,
            None => Connection::open(&self.address, &self.settings).await?,
        };
        let has_ids = asked.iter().all(|want| !want.topic_id.is_unknown());
        let at_most = if has_ids {
            i16::MAX
        } else {
            fetch::FIRST_WITH_IDS - 1
        };
        let version = connection.version(Api::Fetch, at_most)?;
        let request = self.request(asked, share.bytes(), wait);
        let len = timeout(limit, async {
            connection.send(&request, version).await?;
            connection.answer_len().await
        });
        let len = len.await.map_err(|_| connection.silent(limit))??;
        let overhead = asked.len() * PARTITION_OVERHEAD;
        if len > share.bytes() + overhead {
            // A batch larger than asked for. Given back first: two who hold a part and wait for the rest
            // would wait for each other.
            drop(std::mem::take(&mut share));
            share = self.budgets.fetched.take(len).await;
        }
        let keep = self.budgets.fetched.bytes().max(share.bytes() + overhead);
        let received = timeout(limit, connection.receive(len, keep)).await;
        let Raw { bytes, is_cut } = received.map_err(|_| connection.silent(limit))??;
        let answer = connection.read::<Fetch<'_>>(version, bytes)?;
        self.note_throttle(answer.throttle_ms);
        if answer.code != 0 {
            return Err(Error::Broker(answer.code));
        }
        self.connection = Some(connection);
        Ok((answer, share, is_cut))
    }

    /// For how long the broker reads nothing more: no silence of a broker that is in trouble (KIP-219).
    fn throttled(&self) -> Duration {
        self.throttled_until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    fn note_throttle(&mut self, throttle_ms: i32) {
        let held = u64::try_from(throttle_ms).map_or(Duration::ZERO, Duration::from_millis);
        self.throttled_until = Some(Instant::now() + held.min(THROTTLE_MAX));
        if held >= THROTTLE_SAID {
            let broker = &self.address;
            tracing::warn!(broker, ?held, "a quota of the broker holds reading back");
        }
    }

    fn request<'a>(&self, asked: &'a [Want], bytes: usize, wait: Duration) -> Fetch<'a> {
        let number = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX);
        let max_bytes = number(self.settings.partition_bytes.min(bytes));
        let mut partitions: Vec<Asked<'a>> = asked
            .iter()
            .map(|want| Asked {
                topic: &want.topic,
                topic_id: want.topic_id,
                partition: want.partition,
                offset: want.offset,
                leader_epoch: want.leader_epoch,
                last_epoch: want.last_epoch,
                max_bytes,
            })
            .collect();
        // Those of a topic together. Within one the order stays: who waited longest is served first.
        partitions.sort_by_key(|asked| (asked.topic, asked.topic_id));
        Fetch {
            max_wait_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
            max_bytes: number(bytes),
            partitions,
        }
    }

    /// Gives each partition its part of the answer.
    fn give(&mut self, asked: Vec<Want>, answer: fetch::Answer, mut share: Share, is_cut: bool) {
        let with_records = answer
            .partitions
            .iter()
            .filter(|one| !one.records.is_empty())
            .count();
        let is_conclusive = with_records == 0 && answer.throttle_ms == 0;
        let mut answers: BTreeMap<(TopicKey, i32), Partition> = answer
            .partitions
            .into_iter()
            .map(|one| ((one.topic.clone(), one.partition), one))
            .collect();
        for want in asked {
            let by_id = (TopicKey::Id(want.topic_id), want.partition);
            let by_name = (TopicKey::Name(want.topic.to_string()), want.partition);
            let found = answers.remove(&by_id).or_else(|| answers.remove(&by_name));
            // Of a partition that is left out nothing is known: as if its broker had nothing yet.
            let Some(found) = found else {
                let result = if is_cut {
                    Ok(Given::unknown(&want))
                } else {
                    Err(MISSING)
                };
                let _gone = want.reply.send(result);
                continue;
            };
            let len = found.records.len();
            if len > 0 {
                self.away
                    .insert((Arc::clone(&want.topic), want.partition), Instant::now());
            }
            let given = Given::of(found, &want).map(|mut given| {
                given.is_conclusive = is_conclusive;
                if with_records > 1 {
                    // A copy, so that the slowest of them does not keep what all were sent.
                    given.records = Bytes::copy_from_slice(&given.records);
                    given.share = share.split(len);
                } else if len > 0 {
                    given.share = share.split(len.max(CHUNK_BYTES));
                }
                given
            });
            let _gone = want.reply.send(given);
        }
    }
}

const MISSING: Error = Error::Malformed(Malformed("a partition is missing"));

impl Given {
    /// The answer without records where a partition's own was cut off.
    fn unknown(want: &Want) -> Self {
        Self {
            high_watermark: want.offset,
            last_stable_offset: want.offset,
            ..Self::default()
        }
    }

    fn of(found: Partition, want: &Want) -> Result<Self, Error> {
        if let Some((epoch, end)) = found.diverging {
            let end = u64::try_from(end).unwrap_or(0);
            return Err(Error::Truncated { epoch, end });
        }
        if let Some(error) = Error::of_code(found.code, "Read", &want.topic) {
            return Err(error);
        }
        Ok(Self {
            high_watermark: found.high_watermark,
            last_stable_offset: found.last_stable_offset,
            log_start_offset: found.log_start_offset,
            aborted: found.aborted,
            is_cut: found.records.len() < found.records_len,
            records: found.records,
            ..Self::default()
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
