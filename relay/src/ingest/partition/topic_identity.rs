//! The beginning of a partition's log, and its beginning again where the topic was recreated.
//!
//! Kafka gives a topic that is deleted and created again the same name and counts its offsets from 0
//! again. Brokers tell the two apart by an id; over a restart of the relay, and with brokers that give no id, a topic
//! is known by its end, which goes back only where a crash cost the log its last records, and by the record that was
//! read last: at its offset another topic has another one.

use dashstream_serve::Clock;
use decode_core::wire::GapCause;

use super::{PartitionLoop, known::Known};
use crate::{
    checkpoint::{Checkpoint, Fingerprint},
    config::Start,
    ingest::{
        beginning::{self, Beginning},
        horizon::{Horizon, Origin},
        status::Phase,
    },
    kafka::{Answer as _, Ask, Failure, Item, Source},
    limits::UNASKED_MS_MAX,
    reading::position::Position,
};

/// Answers in a row that say the log's end went back before it is believed: while leadership
/// moves, one broker may say so for a moment.
pub(super) const WENT_BACK_ANSWERS: u32 = 3;

/// What the record in the place of the one read last says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Same,
    Another,
}

impl PartitionLoop {
    /// Finds the first position and opens the partition's log there.
    pub(super) async fn begin(&mut self, source: &mut impl Source) -> Result<(), Failure> {
        let earliest = source.earliest().await?;
        let end = source.last_stable().await?;
        // What was seen in this topic just now; a checkpoint alone may be of a former one.
        let mut seen = None;
        if let Some(found) = self.known.checkpoint {
            let (former, now) = (found.log.topic_id, source.topic_id());
            if former.is_some() && now.is_some() {
                if former == now {
                    seen = self.take_up(found, end);
                } else {
                    self.start_over();
                }
            } else if found.old_below() > end {
                self.went_back(found.old_below(), end)?;
                self.start_over();
            } else {
                match self.compare(source).await? {
                    Some(Topic::Another) => self.start_over(),
                    Some(Topic::Same) => seen = self.known.fingerprint,
                    None => {}
                }
            }
        }
        let start = match self.origin {
            Origin::AtStart => self.start,
            // All of it came in the relay's time.
            Origin::Later => Start::Earliest,
        };
        let wanted = match start {
            Start::Earliest => earliest,
            Start::Latest => end,
            Start::Back(back) => {
                let back_ms = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
                let since_ms = Clock::wall_ms().saturating_sub(back_ms);
                source.at_time(since_ms).await?.unwrap_or(end)
            }
        };
        let known = beginning::Known {
            earliest,
            end,
            wanted,
            checkpoint: self.known.checkpoint,
            origin: self.origin,
        };
        let begun = Beginning::of(known);
        if self.known.fingerprint.is_none() && begun.position > earliest {
            self.known.fingerprint = self.record_before(begun.position, source).await;
            seen = self.known.fingerprint;
        }
        self.known.topic_id = source.topic_id();
        self.open(known, begun);
        if let Some(record) = seen {
            self.context.hub.set_before(self.partition, record.into());
        }
        Ok(())
    }

    /// Goes on from a checkpoint of this very topic, whose log may have lost its end since. Says by what record it is
    /// known.
    fn take_up(&mut self, found: Checkpoint, end: u64) -> Option<Fingerprint> {
        let (partition, read) = (self.partition, found.offset);
        if read > end {
            tracing::warn!(
                partition,
                read,
                end,
                "the log was truncated while the relay was not running"
            );
            self.context.counts.truncations.inc();
        }
        let found = found.cut_at(end);
        self.known.checkpoint = Some(found);
        self.known.fingerprint = found.fingerprint;
        self.known.epoch = found.log.leader_epoch.filter(|_| read <= end);
        self.stopped_before = found.pause;
        found.fingerprint
    }

    /// What a topic is known by before anything of it was read. Without it the end alone has to do.
    async fn record_before(&self, position: u64, source: &mut impl Source) -> Option<Fingerprint> {
        self.record_at(position - 1, source).await.ok().flatten()
    }

    /// The record at an offset, where there is one.
    async fn record_at(
        &self,
        offset: u64,
        source: &mut impl Source,
    ) -> Result<Option<Fingerprint>, Failure> {
        self.context.counts.probes.inc();
        self.context.counts.fetches.inc();
        let ask = Ask {
            offset,
            last_epoch: None,
            is_patient: false,
        };
        let mut answer = match source.fetch(ask).await {
            Ok(answer) => answer,
            Err(Failure::OutOfRange) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        // The first that comes is that one, or there is none.
        while let Some(Item::Records(records)) = answer.next().await {
            if let Some(first) = records.first() {
                let record = Fingerprint {
                    offset: first.offset,
                    timestamp_ms: first.timestamp_ms,
                };
                return Ok(Some(record).filter(|record| record.offset == offset));
            }
        }
        Ok(None)
    }

    fn open(&mut self, known: beginning::Known, begun: Beginning) {
        let partition = self.partition;
        let (earliest, end) = (known.earliest, known.end);
        if std::mem::take(&mut self.known.is_recreated) {
            self.restart_log(begun.log, end);
        } else {
            self.context.hub.add_partition(partition, begun.log, end);
            self.end = begun.log;
        }
        self.status.set_end(end);
        self.status.last_probe.set(self.context.clock.now_ms());
        self.position = Some(Position::new(begun.position));
        self.horizon = Horizon::new(begun.boundary, end);
        if let Some(progress) = &self.progress {
            progress.begin(known.checkpoint);
        }
        if let Some(lost) = begun.lost() {
            self.tell(lost);
        }
        self.known.is_sure = true;
        self.known.went_back = 0;
        self.answered();
        let (position, boundary) = (begun.position, begun.boundary);
        tracing::info!(partition, position, boundary, earliest, end, "reading");
    }

    /// Whether what is read next is known to be of the same topic as what was read last.
    pub(super) fn is_sure(&self) -> bool {
        let now_ms = self.context.clock.now_ms();
        let limit_ms = self.fetch_wait_ms.saturating_add(UNASKED_MS_MAX);
        let asked_ms = self.known.asked_ms.unwrap_or(now_ms);
        self.known.is_sure && now_ms.saturating_sub(asked_ms) <= limit_ms
    }

    /// Asks the source for the record read last; begins again where it has another one.
    pub(super) async fn make_sure(&mut self, source: &mut impl Source) -> Result<(), Failure> {
        if self.compare(source).await? == Some(Topic::Another) {
            self.start_over();
        }
        self.known.is_sure = true;
        Ok(())
    }

    /// Whether a paused partition still waits in the topic in which it stopped; begins again where that
    /// was recreated.
    pub(super) async fn look_at_topic(&mut self, source: &mut impl Source) -> Result<(), Failure> {
        let end = source.high_watermark().await?;
        let last = self.known.fingerprint.map(|last| last.offset);
        let read = last.map_or(0, |last| last.saturating_add(1));
        let read = self
            .position
            .map_or(read, |position| position.at().max(read));
        if end < read {
            self.went_back(read, end)?;
            self.end_went_back(source, end);
        } else {
            self.known.went_back = 0;
            self.make_sure(source).await?;
        }
        self.answered();
        Ok(())
    }

    /// Only another record in its place proves another topic: it may be gone by retention or
    /// compaction, and where the end lies before it the next fetch shows that.
    async fn compare(&self, source: &mut impl Source) -> Result<Option<Topic>, Failure> {
        let Some(known) = self.known.fingerprint else {
            return Ok(None);
        };
        let there = self.record_at(known.offset, source).await?;
        Ok(there.map(|record| match record == known {
            true => Topic::Same,
            false => Topic::Another,
        }))
    }

    /// Whether brokers say that this is not the topic that was read before.
    pub(super) fn is_of_another_topic(&mut self, source: &impl Source) -> bool {
        let (former, found) = (self.known.topic_id, source.topic_id());
        if self.position.is_none() || found.is_none() {
            return false;
        }
        self.known.topic_id = found;
        former.is_some() && former != found
    }

    /// The end lies before what was read. That the topic is the same proves that its log lost its end.
    pub(super) fn end_went_back(&mut self, source: &impl Source, end: u64) {
        let (known, found) = (self.known.topic_id, source.topic_id());
        if known.is_some() && known == found && self.position.is_some() {
            self.truncate(end);
        } else {
            self.start_over();
        }
    }

    /// The log lost its records from `end` on: an election let a replica win that did not have them, or a disk was
    /// restored. What comes next has their offsets and is new. The relay's log begins again there; nothing before is
    /// read or settled again.
    pub(super) fn truncate(&mut self, end: u64) {
        let (partition, former) = (self.partition, self.end);
        tracing::warn!(partition, end, former, "the log was truncated");
        self.context.counts.truncations.inc();
        if former > end {
            let (cause, counts) = (GapCause::Truncated, &self.context.counts);
            counts.gaps.inc(cause);
            counts.gap_offsets.add(cause, former - end);
            self.context.hub.truncate_partition(partition, end);
            self.end = end;
        }
        self.position = Some(Position::new(end));
        self.horizon = Horizon::new(self.horizon.boundary().min(end), end);
        self.known.fingerprint = None;
        self.known.epoch = None;
        self.known.went_back = 0;
        self.forget_stops(end);
        if let Some(progress) = &self.progress {
            progress.begin(None);
        }
        self.answered();
    }

    /// Forgets what it stopped at from an offset on: those records are gone.
    fn forget_stops(&mut self, from: u64) {
        if self.held.take_if(|held| held.offset >= from).is_some()
            && self.status.release(None).is_some()
        {
            self.context.hub.set_paused(self.partition, false);
        }
        self.stopped_before.take_if(|pause| pause.offset >= from);
        self.released = None;
    }

    /// The end lies before what was read. Fails until enough answers in a row have said so.
    pub(super) fn went_back(&mut self, position: u64, end: u64) -> Result<(), Failure> {
        self.known.went_back += 1;
        if self.known.went_back < WENT_BACK_ANSWERS {
            return Err(Failure::OutOfRange);
        }
        let partition = self.partition;
        tracing::warn!(
            partition,
            position,
            end,
            "the topic ends before the last record read"
        );
        Ok(())
    }

    /// `end` is Kafka's.
    fn restart_log(&mut self, position: u64, end: u64) {
        let (partition, hub) = (self.partition, &self.context.hub);
        let former = hub.log().partition(partition);
        if let Some(former) = former {
            let (cause, counts) = (GapCause::TopicReset, &self.context.counts);
            counts.gaps.inc(cause);
            counts.gap_offsets.add(cause, former.end - former.held_from);
        }
        hub.restart_partition(partition, position, end);
        // Not before: whoever sees the number finds the new log.
        self.context.counts.topic_resets.inc();
        self.end = position;
    }

    /// The topic was recreated without this partition: nothing is left of it, unless it comes back.
    pub(in crate::ingest) fn vanish(&mut self) {
        self.start_over();
        self.restart_log(0, 0);
        self.status.set_position(0);
        self.status.set_end(0);
        self.status.set_catching_up(false);
    }

    /// The topic was recreated: everything known of the old one is void, and all of this one is new.
    /// The log keeps the old one until there is a position in the new one.
    pub(super) fn start_over(&mut self) {
        let partition = self.partition;
        tracing::warn!(
            partition,
            "the topic was recreated; reading the partition from its beginning"
        );
        self.known = Known {
            is_recreated: true,
            ..Known::default()
        };
        self.origin = Origin::Later;
        self.position = None;
        self.forget_stops(0);
        self.letters.clear();
        self.status.set_phase(Phase::Reset);
    }
}
