//! The loop of one partition: asks what its [`Cursor`] wants asked, puts the answers into the log.
//! It ends when the source fails; whoever runs it connects anew and continues with the same loop.

use std::sync::Arc;

use session::Segment;

use super::{
    admit::{self, Admission, Obstacle, Place},
    age::{Horizon, Origin},
    kafka::Failure,
    position::{self, Cursor, OutOfRange, Request},
    sequence::Sequences,
    source::{Fetched, Record, Source},
    status::{PartitionStatus, Pause, Phase},
};
use crate::{clock::Clock, config::Config, dlq::Dlq, hub::Hub, metrics::Counters};

/// Answers in a row that say the log's end went back before it is believed: while leadership
/// moves, one broker may say so for a moment.
const WENT_BACK_ANSWERS: u32 = 3;

/// What the loop needs besides its source.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    pub clock: Clock,
    pub counters: Arc<Counters>,
    pub hub: Arc<Hub>,
    pub dlq: Option<Dlq>,
    pub sequences: Arc<Sequences>,
}

/// One partition from its start on; survives any number of sources.
#[derive(Debug)]
pub(super) struct PartitionLoop {
    partition: u32,
    start: crate::config::Start,
    cursor: Option<Cursor>,
    admission: Admission,
    origin: Origin,
    horizon: Horizon,
    /// What it stopped at, until that is released.
    held: Option<Held>,
    /// What was released, until the record is taken.
    released: Option<Held>,
    status: Arc<PartitionStatus>,
    around: Surroundings,
    went_back: u32,
}

/// A record that is not passed without a word from the operator.
#[derive(Clone, Copy, Debug)]
struct Held {
    offset: u64,
    obstacle: Obstacle,
}

/// Why a loop stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The source failed; connect anew and go on.
    Failed(Failure),
    /// The topic is not the one it was; going on would mix two topics.
    TopicReset { position: u64, end: u64 },
}

impl PartitionLoop {
    pub(super) fn new(
        partition: u32,
        config: &Config,
        origin: Origin,
        status: Arc<PartitionStatus>,
        around: Surroundings,
    ) -> Self {
        let sequences = Arc::clone(&around.sequences);
        Self {
            partition,
            start: config.kafka.start,
            cursor: None,
            admission: Admission::new(partition, config, sequences),
            origin,
            horizon: Horizon::new(origin, 0),
            held: None,
            released: None,
            status,
            around,
            went_back: 0,
        }
    }

    pub(super) fn partition(&self) -> u32 {
        self.partition
    }

    /// Reads until the source fails. An answer calls `answered`, which resets the backoff.
    pub(super) async fn run(
        &mut self,
        source: &mut impl Source,
        mut answered: impl FnMut(),
    ) -> Stop {
        loop {
            match self.step(source).await {
                Ok(None) => answered(),
                Ok(Some(stop)) => return stop,
                Err(failure) => return Stop::Failed(failure),
            }
        }
    }

    /// One request and its answer.
    async fn step(&mut self, source: &mut impl Source) -> Result<Option<Stop>, Failure> {
        if self.held.is_some() {
            self.wait_for_release().await;
        }
        let Some(cursor) = &mut self.cursor else {
            self.begin(source).await?;
            return Ok(None);
        };
        match cursor.request() {
            Request::End => {
                let end = source.end().await?;
                if let Some(notice) = cursor.on_end(end) {
                    self.tell(notice);
                }
                self.answered();
            }
            Request::Fetch {
                offset,
                one_batch,
                patient,
            } => {
                if !patient {
                    self.around.counters.probes.inc();
                }
                self.around.counters.fetches.inc();
                match source.fetch(offset, one_batch, patient).await {
                    Ok(fetched) => self.take(fetched).await,
                    Err(Failure::Control) => self.control(),
                    Err(Failure::Damaged(text)) => self.damaged(&text),
                    Err(Failure::OutOfRange) => return self.out_of_range(source).await,
                    Err(failure) => return Err(failure),
                }
                self.went_back = 0;
                self.answered();
            }
        }
        Ok(None)
    }

    /// Finds the first position and opens the partition's log there.
    async fn begin(&mut self, source: &mut impl Source) -> Result<(), Failure> {
        let earliest = source.earliest().await?;
        let end = source.end().await?;
        let position = position::start(self.start, earliest, end);
        self.around.hub.add_partition(self.partition, position, end);
        self.status.set_end(end);
        self.status.last_probe.set(self.around.clock.now_ms());
        self.cursor = Some(Cursor::new(position));
        self.horizon = Horizon::new(self.origin, end);
        self.answered();
        tracing::info!(
            partition = self.partition,
            position,
            earliest,
            end,
            "reading"
        );
        Ok(())
    }

    async fn take(&mut self, fetched: Fetched) {
        let Some(cursor) = &mut self.cursor else {
            return;
        };
        let notice = match fetched.records.last() {
            Some(last) => cursor.on_records(last.offset, fetched.watermark),
            None => cursor.on_empty(fetched.watermark),
        };
        if let Some(notice) = notice {
            self.tell(notice);
        }
        if !fetched.records.is_empty() {
            let now_ms = self.around.clock.now_ms();
            self.around.counters.last_record.set(now_ms);
            self.status.last_record.set(now_ms);
            self.admit(&fetched.records).await;
        }
    }

    /// Records into the log, a segment at a time, so that clients get the first while the next is
    /// judged and no batch keeps a thread for long. What it stops at is fetched again later: kept
    /// in memory it would cost as much for as long as nobody looks.
    async fn admit(&mut self, mut records: &[Record]) {
        while let Some(first) = records.first() {
            let released = self.released.take_if(|held| held.offset <= first.offset);
            let released = released.filter(|held| held.offset == first.offset);
            let place = self.place(released);
            let counters = &self.around.counters;
            let admitted = self.admission.segment(place, records, counters);
            if let Some(segment) = admitted.segment {
                self.append(segment);
            }
            self.offer_letters(place, records).await;
            records = records.get(admitted.taken..).unwrap_or_default();
            if let (Some(obstacle), Some(record)) = (admitted.obstacle, records.first()) {
                self.hold(record.offset, obstacle);
                return;
            }
            if !records.is_empty() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// New records of this run that cannot be used go to the dead letter queue. Where it fails closed,
    /// reading waits for each.
    async fn offer_letters(&self, place: Place, records: &[Record]) {
        let Some(dlq) = &self.around.dlq else {
            return;
        };
        for refused in self.admission.new_refusals(place, records) {
            let settled = dlq.offer(&refused);
            if dlq.fails_closed() {
                settled.await;
            }
        }
    }

    fn place(&self, released: Option<Held>) -> Place {
        Place {
            position: self.head(),
            boundary: self.horizon.boundary(),
            now_ms: self.around.clock.now_ms(),
            wall_us: Clock::wall_ms().saturating_mul(1_000),
            released: released.map(|held| held.obstacle),
        }
    }

    /// Stops before the record at `offset`.
    fn hold(&mut self, offset: u64, obstacle: Obstacle) {
        if let Some(cursor) = &mut self.cursor {
            cursor.rewind(offset);
        }
        let reason = obstacle.to_string();
        tracing::error!(partition = self.partition, offset, reason, "paused");
        let code = obstacle.code();
        self.status.pause(Pause {
            offset,
            code,
            reason,
        });
        self.held = Some(Held { offset, obstacle });
    }

    async fn wait_for_release(&mut self) {
        self.status.released().await;
        let Some(held) = self.held.take() else {
            return;
        };
        tracing::info!(partition = self.partition, held.offset, "released");
        if let Obstacle::Sequence(halt) = &held.obstacle {
            self.around.sequences.release(halt);
        }
        self.released = Some(held);
    }

    fn control(&mut self) {
        let notice = self.cursor.as_mut().and_then(Cursor::on_control);
        if let Some(notice) = notice {
            self.tell(notice);
        }
    }

    fn damaged(&mut self, text: &str) {
        let Some(cursor) = &mut self.cursor else {
            return;
        };
        let offset = cursor.at();
        if cursor.on_damaged() {
            let partition = self.partition;
            tracing::warn!(partition, offset, error = text, "a batch cannot be read");
        }
    }

    async fn out_of_range(&mut self, source: &mut impl Source) -> Result<Option<Stop>, Failure> {
        let earliest = source.earliest().await?;
        let end = source.end().await?;
        self.answered();
        let Some(cursor) = &mut self.cursor else {
            return Ok(None);
        };
        let position = cursor.at();
        match cursor.on_out_of_range(earliest, end) {
            OutOfRange::Trimmed(notice) => {
                let partition = self.partition;
                tracing::warn!(
                    partition,
                    position,
                    earliest,
                    "Kafka deleted records unread"
                );
                self.tell(notice);
                Ok(None)
            }
            OutOfRange::WentBack { end } => {
                self.went_back += 1;
                if self.went_back >= WENT_BACK_ANSWERS {
                    return Ok(Some(Stop::TopicReset { position, end }));
                }
                Err(Failure::OutOfRange)
            }
            OutOfRange::Within => Err(Failure::OutOfRange),
        }
    }

    fn tell(&mut self, notice: position::Notice) {
        if let position::Notice::Gap { first, last, cause } = notice {
            let partition = self.partition;
            tracing::warn!(partition, first, last, cause = cause.code(), "gap");
        }
        let (head, counters) = (self.head(), &self.around.counters);
        if let Some(segment) = admit::notice_segment(self.partition, head, notice, counters) {
            self.append(segment);
        }
    }

    fn append(&self, segment: Segment) {
        self.around.counters.segments.inc();
        // The loop is the only writer of its partition and builds each segment at its head.
        if let Err(error) = self.around.hub.append(segment) {
            tracing::error!(partition = self.partition, %error, "the log refused a segment");
        }
    }

    fn head(&self) -> u64 {
        let log = self.around.hub.log();
        log.partition(self.partition).map_or(0, |view| view.head)
    }

    fn answered(&mut self) {
        self.status.last_answer.set(self.around.clock.now_ms());
        if let Some(cursor) = &self.cursor {
            let catching_up = self.horizon.is_catching_up(cursor.at());
            self.status.set_catching_up(catching_up);
            self.status.set_position(cursor.at());
            let phase = if self.held.is_some() {
                Phase::Paused
            } else if cursor.is_probing() {
                Phase::Probing
            } else {
                Phase::Reading
            };
            self.status.set_phase(phase);
        }
    }
}

#[cfg(test)]
mod tests;
