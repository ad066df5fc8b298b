//! The loop of one partition: asks what its [`Position`] wants asked, puts the answers into the log.
//! It ends when the source fails; whoever runs it connects again and continues with the same loop.

mod known;
mod letters;
mod topic_identity;

use std::{sync::Arc, time::Duration};

use dashstream_serve::Clock;
use decode_core::wire::GapCause;
use session::Segment;

use super::{
    admission::{self, Admission, Obstacle, Place},
    context::Context,
    horizon::{Horizon, Origin},
    sequence::Sequences,
    status::{PartitionStatus, Pause, Phase},
};
use crate::{
    checkpoint::{Checkpoint, Fingerprint, KafkaLog, Progress, StoredPause},
    config::{Config, Start},
    kafka::{Answer, Ask, Failure, Item, Loss, Record, Source},
    limits::PAUSED_LOOK_INTERVAL_MS,
    reading::{
        frames,
        position::{Notice, OutOfRange, Position},
    },
};
use known::Known;
use letters::Letters;

/// One partition from its start on; survives any number of sources.
#[derive(Debug)]
pub(super) struct PartitionLoop {
    partition: u32,
    start: Start,
    fetch_wait_ms: u64,
    /// What is known of the topic's incarnation.
    known: Known,
    position: Option<Position>,
    /// Where the log of the partition ends: only this loop appends to it.
    end: u64,
    /// Kafka's end as the hub knows it.
    kafka_end: u64,
    admission: Admission,
    sequences: Arc<Sequences>,
    origin: Origin,
    horizon: Horizon,
    /// What it stopped at, until that is released.
    held: Option<Held>,
    /// What a former run stopped at, until this one is there.
    stopped_before: Option<StoredPause>,
    /// What was released, until the record is taken.
    released: Option<Held>,
    letters: Letters,
    status: Arc<PartitionStatus>,
    context: Context,
    progress: Option<Arc<Progress>>,
}

/// A record that is not passed without a word from the operator.
#[derive(Clone, Copy, Debug)]
struct Held {
    offset: u64,
    obstacle: Obstacle,
}

impl PartitionLoop {
    pub(super) fn new(
        partition: u32,
        config: &Config,
        origin: Origin,
        sequences: Arc<Sequences>,
        context: Context,
    ) -> Self {
        Self {
            partition,
            start: config.kafka.start,
            fetch_wait_ms: u64::try_from(config.kafka.fetch_wait.as_millis()).unwrap_or(u64::MAX),
            known: Known::default(),
            position: None,
            end: 0,
            kafka_end: 0,
            admission: Admission::new(partition, config, Arc::clone(&sequences)),
            sequences,
            origin,
            horizon: Horizon::new(0, 0),
            held: None,
            stopped_before: None,
            released: None,
            letters: Letters::default(),
            status: context.status.partition(partition),
            context,
            progress: None,
        }
    }

    /// Before it begins: the checkpoint found, and where to say how far it is.
    pub(super) fn resume(&mut self, found: Option<Checkpoint>, progress: Arc<Progress>) {
        self.known.checkpoint = found;
        self.known.fingerprint = found.and_then(|found| found.fingerprint);
        self.stopped_before = found.and_then(|found| found.pause);
        self.progress = Some(progress);
    }

    pub(super) fn partition(&self) -> u32 {
        self.partition
    }

    /// Reads until the source fails. An answer calls `answered`, which resets the backoff.
    pub(super) async fn run(
        &mut self,
        source: &mut impl Source,
        mut answered: impl FnMut(),
    ) -> Failure {
        self.known.is_sure = false;
        loop {
            match self.step(source).await {
                Ok(()) => answered(),
                Err(failure) => {
                    self.letters.give_back();
                    return failure;
                }
            }
        }
    }

    /// One request and its answer.
    async fn step<S: Source>(&mut self, source: &mut S) -> Result<(), Failure> {
        if self.held.is_some() && !self.wait_for_release(source).await? {
            return Ok(());
        }
        self.wait_for_letters(source).await;
        if self.is_of_another_topic(source) {
            self.start_over();
        }
        if self.position.is_none() {
            return self.begin(source).await;
        }
        if !self.is_sure() {
            self.make_sure(source).await?;
        }
        if self.stop_again() {
            return Ok(());
        }
        let Some(position) = self.position else {
            return Ok(());
        };
        self.context.counts.fetches.inc();
        self.known.asked_ms = Some(self.context.clock.now_ms());
        let ask = Ask {
            offset: position.at(),
            last_epoch: self.known.epoch,
            is_patient: true,
        };
        match source.fetch(ask).await {
            Ok(answer) => self.take(answer).await,
            Err(Failure::OutOfRange) => return self.out_of_range(source).await,
            Err(Failure::Truncated(end)) => {
                self.truncate(end);
                return Ok(());
            }
            Err(failure) => return Err(failure),
        }
        self.known.went_back = 0;
        self.answered();
        Ok(())
    }

    /// An answer into the log, a piece at a time. What it stops at is fetched again later: kept in memory it would
    /// cost as much for as long as nobody looks.
    async fn take(&mut self, mut answer: impl Answer) {
        self.see_ends(answer.high_watermark(), answer.last_stable());
        loop {
            let goes_on = match answer.next().await {
                None => break,
                Some(Item::Records(records)) => self.take_records(&records).await,
                Some(Item::Lost { first, last, why }) => self.lose(first, last, &why),
            };
            self.known.epoch = answer.epoch().or(self.known.epoch);
            if !goes_on {
                return;
            }
        }
        self.context.counts.aborted.add(answer.aborted_records());
        let passed = self.position.as_mut();
        if let Some(notice) = passed.and_then(|position| position.pass(answer.position())) {
            self.tell(notice);
        }
    }

    /// Says whether it goes on with the rest of the answer.
    async fn take_records(&mut self, records: &[Record<'_>]) -> bool {
        let (Some(last), Some(position)) = (records.last(), &mut self.position) else {
            return true;
        };
        position.take(last.offset);
        self.known.fingerprint = Some(Fingerprint {
            offset: last.offset,
            timestamp_ms: last.timestamp_ms,
        });
        let now_ms = self.context.clock.now_ms();
        self.context.counts.last_record.set(now_ms);
        self.status.last_record.set(now_ms);
        self.admit(records).await
    }

    /// What the broker says of the partition's ends: what lies between them is hidden by an open transaction.
    fn see_ends(&mut self, high_watermark: u64, last_stable: u64) {
        let now_ms = self.context.clock.now_ms();
        self.status.see_ends(high_watermark, last_stable, now_ms);
        if self.kafka_end != high_watermark {
            self.kafka_end = high_watermark;
            let hub = &self.context.hub;
            hub.set_kafka_end(self.partition, high_watermark);
        }
    }

    /// Records into the log, a segment at a time, so that clients get the first while the next is
    /// judged. A segment ends by what it stores and by what was decoded for it, so that no batch keeps
    /// a thread for long, however well it was compressed. Says whether all were taken.
    async fn admit(&mut self, records: &[Record<'_>]) -> bool {
        let (mut records, stop) = self.before_stop(records);
        let mut room = None;
        while let Some(first) = records.first() {
            let released = self.released.take_if(|held| held.offset <= first.offset);
            let released = released.filter(|held| held.offset == first.offset);
            let place = self.place(released, self.letters_max(room.as_ref()));
            let counts = &self.context.counts;
            let admitted = self.admission.segment(place, records, counts);
            if let Some(segment) = admitted.segment {
                self.append(segment);
            }
            self.offer_letters(&admitted.refusals, room.take()).await;
            if admitted.wants_room && admitted.taken == 0 {
                self.released = self.released.or(released);
            }
            records = records.get(admitted.taken..).unwrap_or_default();
            if let (Some(obstacle), Some(record)) = (admitted.obstacle, records.first()) {
                self.letters.settle().await;
                self.hold(record.offset, obstacle);
                return false;
            }
            if let (true, Some(record)) = (admitted.wants_room, records.first()) {
                room = self.room_for(record).await;
                if room.is_none() {
                    self.rewind(record.offset);
                    return false;
                }
            } else if !records.is_empty() {
                tokio::task::yield_now().await;
            }
        }
        let is_settled = self.letters.settle().await;
        if let Some(offset) = stop {
            self.rewind(offset);
        } else if !is_settled {
            self.rewind(self.end);
        }
        stop.is_none() && is_settled
    }

    fn rewind(&mut self, offset: u64) {
        if let Some(position) = &mut self.position {
            position.rewind(offset);
        }
    }

    fn place(&self, released: Option<Held>, letters_max: usize) -> Place {
        Place {
            end: self.end,
            boundary: self.horizon.boundary(),
            now_ms: self.context.clock.now_ms(),
            wall_us: Clock::wall_ms().saturating_mul(1_000),
            released: released.map(|held| held.obstacle),
            letters_max,
        }
    }

    /// Stops before the record at `offset`.
    fn hold(&mut self, offset: u64, obstacle: Obstacle) {
        self.rewind(offset);
        self.stop_at(Held { offset, obstacle });
    }

    /// The records before the one a former run stopped at, and its offset where it is among these or
    /// was.
    fn before_stop<'r, 'a>(&self, records: &'r [Record<'a>]) -> (&'r [Record<'a>], Option<u64>) {
        let Some(StoredPause { offset, .. }) = self.stopped_before else {
            return (records, None);
        };
        let before = records.partition_point(|record| record.offset < offset);
        match records.get(..before) {
            Some(before) if before.len() < records.len() => (before, Some(offset)),
            _ => (records, None),
        }
    }

    /// Stops where a former run did, if this one is there.
    fn stop_again(&mut self) -> bool {
        let at = self.position.map_or(0, Position::at);
        let Some(pause) = self.stopped_before.take_if(|pause| pause.offset <= at) else {
            return false;
        };
        self.stop_at(Held {
            offset: pause.offset,
            obstacle: Obstacle::Before(pause.cause),
        });
        self.answered();
        true
    }

    fn stop_at(&mut self, held: Held) {
        let Held { offset, obstacle } = held;
        let cause = obstacle.cause();
        let (code, reason) = (cause.code(), cause.to_string());
        tracing::error!(partition = self.partition, offset, reason, "paused");
        self.status.pause(Pause {
            offset,
            code,
            reason,
        });
        self.context.hub.set_paused(self.partition, true);
        self.held = Some(held);
    }

    /// One turn of waiting for the operator; says whether it is over. Where it is not, the topic was
    /// looked at.
    async fn wait_for_release(&mut self, source: &mut impl Source) -> Result<bool, Failure> {
        self.status.set_phase(Phase::Paused);
        source.drop_ahead();
        let interval = Duration::from_millis(PAUSED_LOOK_INTERVAL_MS);
        let released = tokio::time::timeout(interval, self.status.released()).await;
        if released.is_err() {
            self.look_at_topic(source).await?;
            return Ok(false);
        }
        self.context.hub.set_paused(self.partition, false);
        let Some(held) = self.held.take() else {
            return Ok(true);
        };
        tracing::info!(partition = self.partition, held.offset, "released");
        if let Obstacle::Sequence(halt) = &held.obstacle {
            self.sequences.release(halt);
        }
        self.released = Some(held);
        self.settle();
        Ok(true)
    }

    /// Offsets that cannot be had show no record to judge, so what applies to such records is applied to all of
    /// them. Says whether it goes on.
    fn lose(&mut self, first: u64, last: u64, why: &Loss) -> bool {
        let (cause, error) = match why {
            Loss::Damaged(text) => (GapCause::UnreadableBatch, text),
            Loss::TooLarge(text) => (GapCause::Oversized, text),
        };
        let partition = self.partition;
        tracing::warn!(partition, first, last, error, "records cannot be read");
        let is_released = self.released.is_some_and(|held| held.offset == first);
        let is_new = first >= self.horizon.boundary();
        if is_new && self.admission.pauses_at_unusable() && !is_released {
            self.hold(first, Obstacle::Unusable(cause.code()));
            return false;
        }
        let position = self.position.as_mut();
        if let Some(notice) = position.map(|position| position.lose(first, last, cause)) {
            self.tell(notice);
        }
        true
    }

    async fn out_of_range(&mut self, source: &mut impl Source) -> Result<(), Failure> {
        let earliest = source.earliest().await?;
        let end = source.high_watermark().await?;
        self.answered();
        let Some(position) = &mut self.position else {
            return Ok(());
        };
        let at = position.at();
        match position.on_out_of_range(earliest, end) {
            OutOfRange::Trimmed(notice) => {
                let partition = self.partition;
                tracing::warn!(
                    partition,
                    position = at,
                    earliest,
                    "Kafka deleted records before they were read"
                );
                self.tell(notice);
                Ok(())
            }
            OutOfRange::WentBack { end } => {
                self.went_back(at, end)?;
                self.end_went_back(source, end);
                Ok(())
            }
            OutOfRange::Within => Err(Failure::OutOfRange),
        }
    }

    fn tell(&mut self, notice: Notice) {
        if let Notice::Gap { first, last, cause } = notice {
            let partition = self.partition;
            tracing::warn!(partition, first, last, cause = cause.code(), "gap");
        }
        admission::count_notice(notice, self.horizon.boundary(), &self.context.counts);
        if let Some(segment) = frames::of_notice(self.partition, self.end, notice) {
            self.append(segment);
        }
    }

    fn append(&mut self, segment: Segment) {
        self.context.counts.segments.inc();
        let end = segment.end();
        match self.context.hub.append(segment) {
            Ok(()) => self.end = end,
            // The loop is the only writer of its partition and builds each segment at its end.
            Err(error) => {
                tracing::error!(partition = self.partition, %error, "the log refused a segment");
            }
        }
    }

    fn answered(&mut self) {
        self.status.last_answer.set(self.context.clock.now_ms());
        if let Some(position) = &self.position {
            let catching_up = self.horizon.is_catching_up(position.at());
            self.status.set_catching_up(catching_up);
            self.status.set_position(position.at());
            let phase = if self.held.is_some() {
                Phase::Paused
            } else {
                Phase::Reading
            };
            self.status.set_phase(phase);
            self.settle();
        }
    }

    /// Says how far it is, and what it waits at.
    fn settle(&self) {
        // Behind a letter that is not stored a restart would not send it.
        let progress = self.progress.as_ref();
        if let Some(progress) = progress.filter(|_| self.letters.are_settled()) {
            let held = self.held.map(|held| StoredPause {
                offset: held.offset,
                cause: held.obstacle.cause(),
            });
            let boundary = self.horizon.boundary();
            let reached = Checkpoint::at(self.end, boundary, self.known.fingerprint);
            let reached = reached.of_log(KafkaLog {
                topic_id: self.known.topic_id,
                leader_epoch: self.known.epoch,
            });
            progress.reach(reached.paused(held.or(self.stopped_before)));
        }
    }
}

#[cfg(test)]
mod tests;
