//! The loop of one partition: asks what its [`Cursor`] wants asked, puts the answers into the log.
//! It ends when the source fails; whoever runs it connects anew and continues with the same loop.

mod begin;

use std::{sync::Arc, time::Duration};

use decode_core::wire::GapCause;
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
use crate::{
    checkpoint::{Checkpoint, Fingerprint, Progress, StoredPause},
    clock::Clock,
    config::{Config, Start},
    dlq::Dlq,
    hub::Hub,
    limits::PAUSED_LOOK_INTERVAL_MS,
    metrics::Counters,
};
use begin::Known;

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
    start: Start,
    fetch_wait_ms: u64,
    /// What is known of the topic's incarnation.
    known: Known,
    cursor: Option<Cursor>,
    admission: Admission,
    origin: Origin,
    horizon: Horizon,
    /// What it stopped at, until that is released.
    held: Option<Held>,
    /// What a former run stopped at, until this one is there.
    stopped_before: Option<StoredPause>,
    /// What was released, until the record is taken.
    released: Option<Held>,
    status: Arc<PartitionStatus>,
    around: Surroundings,
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
        status: Arc<PartitionStatus>,
        around: Surroundings,
    ) -> Self {
        let sequences = Arc::clone(&around.sequences);
        Self {
            partition,
            start: config.kafka.start,
            fetch_wait_ms: u64::try_from(config.kafka.fetch_wait.as_millis()).unwrap_or(u64::MAX),
            known: Known::default(),
            cursor: None,
            admission: Admission::new(partition, config, sequences),
            origin,
            horizon: Horizon::new(0, 0),
            held: None,
            stopped_before: None,
            released: None,
            status,
            around,
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
                Err(failure) => return failure,
            }
        }
    }

    /// One request and its answer.
    async fn step(&mut self, source: &mut impl Source) -> Result<(), Failure> {
        if self.held.is_some() && !self.wait_for_release(source).await? {
            return Ok(());
        }
        if self.cursor.is_none() {
            return self.begin(source).await;
        }
        if !self.is_sure() {
            self.make_sure(source).await?;
        }
        if self.stop_again() {
            return Ok(());
        }
        let Some(cursor) = &mut self.cursor else {
            return Ok(());
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
                self.known.asked_ms = Some(self.around.clock.now_ms());
                match source.fetch(offset, one_batch, patient).await {
                    Ok(fetched) => self.take(fetched).await,
                    Err(Failure::Control) => self.control(),
                    Err(Failure::Damaged(text)) => self.damaged(&text),
                    Err(Failure::OutOfRange) => return self.out_of_range(source).await,
                    Err(failure) => return Err(failure),
                }
                self.known.went_back = 0;
                self.answered();
            }
        }
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
        if let Some(last) = fetched.records.last() {
            self.known.fingerprint = Some(Fingerprint {
                offset: last.offset,
                timestamp_ms: last.timestamp_ms,
            });
            let now_ms = self.around.clock.now_ms();
            self.around.counters.last_record.set(now_ms);
            self.status.last_record.set(now_ms);
            self.admit(&fetched.records).await;
        }
    }

    /// Records into the log, a segment at a time, so that clients get the first while the next is
    /// judged. A segment ends by what it stores and by what was decoded for it, so that no batch keeps
    /// a thread for long, however well it was compressed. What it stops at is fetched again later: kept
    /// in memory it would cost as much for as long as nobody looks.
    async fn admit(&mut self, records: &[Record]) {
        let (mut records, stop) = self.before_stop(records);
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
        if let (Some(offset), Some(cursor)) = (stop, &mut self.cursor) {
            cursor.rewind(offset);
        }
    }

    /// New records of this run that cannot be used go to the dead letter queue. Where it fails closed,
    /// reading waits until all their letters are stored.
    async fn offer_letters(&self, place: Place, records: &[Record]) {
        let Some(dlq) = &self.around.dlq else {
            return;
        };
        let mut insisted = Vec::new();
        for refused in self.admission.new_refusals(place, records) {
            let settled = dlq.offer(&refused).await;
            if dlq.fails_closed() {
                insisted.push(settled);
            } else if let Some(progress) = &self.progress {
                progress.await_letter(refused.offset, settled);
            }
        }
        for settled in insisted {
            settled.await;
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
        self.stop_at(Held { offset, obstacle });
    }

    /// The records before the one a former run stopped at, and its offset where it is among these or
    /// was.
    fn before_stop<'a>(&self, records: &'a [Record]) -> (&'a [Record], Option<u64>) {
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
        let at = self.cursor.as_ref().map_or(0, Cursor::at);
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
        self.around.hub.set_paused(self.partition, true);
        self.held = Some(held);
    }

    /// One turn of waiting for the operator; says whether it is over. Where it is not, the topic was
    /// looked at.
    async fn wait_for_release(&mut self, source: &mut impl Source) -> Result<bool, Failure> {
        self.status.set_phase(Phase::Paused);
        let interval = Duration::from_millis(PAUSED_LOOK_INTERVAL_MS);
        let released = tokio::time::timeout(interval, self.status.released()).await;
        if released.is_err() {
            self.look_at_topic(source).await?;
            return Ok(false);
        }
        self.around.hub.set_paused(self.partition, false);
        let Some(held) = self.held.take() else {
            return Ok(true);
        };
        tracing::info!(partition = self.partition, held.offset, "released");
        if let Obstacle::Sequence(halt) = &held.obstacle {
            self.around.sequences.release(halt);
        }
        self.released = Some(held);
        self.settle();
        Ok(true)
    }

    fn control(&mut self) {
        let notice = self.cursor.as_mut().and_then(Cursor::on_control);
        if let Some(notice) = notice {
            self.tell(notice);
        }
    }

    /// A batch that cannot be read shows no record to judge, so what applies to such records is applied
    /// to all of it.
    fn damaged(&mut self, text: &str) {
        let boundary = self.horizon.boundary();
        let Some(cursor) = &mut self.cursor else {
            return;
        };
        let old = cursor.divide(boundary);
        let offset = cursor.at();
        let is_named = cursor.on_damaged();
        if let Some(old) = old {
            self.tell(old);
        }
        if !is_named {
            return;
        }
        let partition = self.partition;
        tracing::warn!(partition, offset, error = text, "a batch cannot be read");
        let is_released = self.released.is_some_and(|held| held.offset == offset);
        if offset >= boundary && self.admission.pauses_at_unusable() && !is_released {
            let code = GapCause::UnreadableBatch.code();
            self.hold(offset, Obstacle::Unusable(code));
        }
    }

    async fn out_of_range(&mut self, source: &mut impl Source) -> Result<(), Failure> {
        let earliest = source.earliest().await?;
        let end = source.end().await?;
        self.answered();
        let Some(cursor) = &mut self.cursor else {
            return Ok(());
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
                Ok(())
            }
            OutOfRange::WentBack { end } => {
                self.went_back(position, end)?;
                self.start_over();
                Ok(())
            }
            OutOfRange::Within => Err(Failure::OutOfRange),
        }
    }

    fn tell(&mut self, notice: position::Notice) {
        if let position::Notice::Gap { first, last, cause } = notice {
            let partition = self.partition;
            tracing::warn!(partition, first, last, cause = cause.code(), "gap");
        }
        let (partition, counters) = (self.partition, &self.around.counters);
        let (head, boundary) = (self.head(), self.horizon.boundary());
        if let Some(segment) = admit::notice_segment(partition, head, boundary, notice, counters) {
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
        log.partition(self.partition).map_or(0, |view| view.end)
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
            self.settle();
        }
    }

    /// Says how far it is, and what it waits at.
    fn settle(&self) {
        if let Some(progress) = &self.progress {
            let held = self.held.map(|held| StoredPause {
                offset: held.offset,
                cause: held.obstacle.cause(),
            });
            let boundary = self.horizon.boundary();
            let reached = Checkpoint::at(self.head(), boundary, self.known.fingerprint);
            progress.reach(reached.paused(held.or(self.stopped_before)));
        }
    }
}

#[cfg(test)]
mod tests;
