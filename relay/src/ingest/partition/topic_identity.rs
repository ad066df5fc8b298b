//! The beginning of a partition's log, and its beginning again where the topic was recreated.
//!
//! Kafka gives a topic that is deleted and created again the same name and counts its offsets from 0
//! again, and the client library knows no other identity. So a topic is known by its end, which never
//! goes back, and by the record that was read last: at its offset another topic has another one.

use dashstream_serve::Clock;
use decode_core::wire::GapCause;

use super::{PartitionLoop, known::Known};
use crate::{
    checkpoint::Fingerprint,
    config::Start,
    ingest::{
        beginning::{self, Beginning},
        horizon::{Horizon, Origin},
        status::Phase,
    },
    kafka::{Failure, Source},
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
        let end = source.end().await?;
        // What was seen in this topic just now; a checkpoint alone may be of a former one.
        let mut seen = None;
        if let Some(found) = self.known.checkpoint {
            if found.old_below() > end {
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
        self.open(known, begun);
        if let Some(record) = seen {
            self.context.hub.set_before(self.partition, record.into());
        }
        Ok(())
    }

    /// What a topic is known by before anything of it was read. Without it the end alone has to do.
    async fn record_before(&self, position: u64, source: &mut impl Source) -> Option<Fingerprint> {
        self.context.counts.probes.inc();
        self.context.counts.fetches.inc();
        let fetched = source.fetch(position - 1, true, false).await.ok()?;
        let mut records = fetched.records().into_iter();
        let record = records.find(|record| record.offset == position - 1)?;
        Some(Fingerprint {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
        })
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
        let end = source.end().await?;
        let last = self.known.fingerprint.map(|last| last.offset);
        let read = last.map_or(0, |last| last.saturating_add(1));
        let read = self
            .position
            .map_or(read, |position| position.at().max(read));
        if end < read {
            self.went_back(read, end)?;
            self.start_over();
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
        self.context.counts.probes.inc();
        self.context.counts.fetches.inc();
        match source.fetch(known.offset, true, false).await {
            Ok(fetched) => {
                let mut records = fetched.records().into_iter();
                let there = records.find(|record| record.offset == known.offset);
                Ok(
                    there.map(|record| match record.timestamp_ms == known.timestamp_ms {
                        true => Topic::Same,
                        false => Topic::Another,
                    }),
                )
            }
            Err(Failure::Control | Failure::Damaged(_) | Failure::OutOfRange) => Ok(None),
            Err(failure) => Err(failure),
        }
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
            "the topic ends before what was read"
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
            "the topic was recreated; the partition begins again"
        );
        self.context.counts.topic_resets.inc();
        self.known = Known {
            is_recreated: true,
            ..Known::default()
        };
        self.origin = Origin::Later;
        self.position = None;
        self.held = None;
        if self.status.release(None).is_some() {
            self.context.hub.set_paused(partition, false);
        }
        self.stopped_before = None;
        self.released = None;
        self.status.set_phase(Phase::Reset);
    }
}
