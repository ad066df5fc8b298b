//! The loop on a scripted partition: a list of batches behind Kafka's rules of fetching.

mod letters;
mod restart;
mod topic_identity;
mod truncation;
mod unreadable;
mod waiting;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use clap::Parser as _;
use decode_core::{
    frame::FrameReader,
    wire::{FRAME_RAW, FrameKind, GapCause, RejectCode},
};
use session::log::Read;

use dashstream_serve::Hub;

use super::*;
use crate::{
    age::Age,
    config::Cli,
    ingest::{
        counts::{Counts, SequenceFinding},
        status::IngestStatus,
    },
    kafka::TopicId,
};

/// One batch: the last offset it covers and the records it holds.
#[derive(Clone, Debug)]
struct Batch {
    last: u64,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Records(Vec<u64>),
    Control,
    /// Begins here.
    Unreadable(u64),
}

fn records(range: std::ops::Range<u64>) -> Batch {
    Batch {
        last: range.end - 1,
        content: Content::Records(range.collect()),
    }
}

fn sparse(last: u64, offsets: &[u64]) -> Batch {
    Batch {
        last,
        content: Content::Records(offsets.to_vec()),
    }
}

fn control(offset: u64) -> Batch {
    Batch {
        last: offset,
        content: Content::Control,
    }
}

fn unreadable(range: std::ops::Range<u64>) -> Batch {
    Batch {
        last: range.end - 1,
        content: Content::Unreadable(range.start),
    }
}

/// Answers as a broker does: from the batch that holds the offset on, whole batches, as many as
/// the limit allows but at least one.
struct Script {
    earliest: u64,
    batches: Vec<Batch>,
    batches_per_fetch: usize,
    fetches: usize,
    /// Values other than the smallest sound one.
    values: BTreeMap<u64, Option<Vec<u8>>>,
    /// The topic's identity; none from an old broker.
    topic_id: Option<TopicId>,
    /// Where the first open transaction begins.
    open: Option<u64>,
    /// Where the log was truncated, for who read further.
    truncated: Option<u64>,
    /// What was asked for last.
    asked: Option<Ask>,
    /// Held by each answer that is in memory.
    answers: Arc<()>,
    /// Time of the record at offset 0, and how much younger each later one is.
    epoch_ms: i64,
    step_ms: i64,
}

impl Script {
    fn new(earliest: u64, batches: Vec<Batch>) -> Self {
        Self {
            earliest,
            batches,
            batches_per_fetch: 9,
            fetches: 0,
            values: BTreeMap::new(),
            topic_id: None,
            open: None,
            truncated: None,
            asked: None,
            answers: Arc::default(),
            epoch_ms: 0,
            step_ms: 1,
        }
    }

    fn time(&self, offset: u64) -> i64 {
        self.epoch_ms + offset.cast_signed() * self.step_ms
    }

    fn value(&self, offset: u64) -> Option<Vec<u8>> {
        self.values.get(&offset).cloned().unwrap_or_else(sound)
    }

    fn end_of_log(&self) -> u64 {
        self.batches
            .last()
            .map_or(self.earliest, |batch| batch.last + 1)
    }
}

/// An answer made ready.
#[derive(Debug, Default)]
struct Scripted {
    items: VecDeque<Held>,
    current: Option<Held>,
    position: u64,
    high_watermark: u64,
    last_stable: u64,
    _alive: Arc<()>,
}

#[derive(Debug)]
enum Held {
    /// Offsets, times and values.
    Records(Vec<(u64, i64, Option<Vec<u8>>)>),
    Lost(u64, u64),
}

impl Answer for Scripted {
    async fn next(&mut self) -> Option<Item<'_>> {
        self.current = Some(self.items.pop_front()?);
        Some(match self.current.as_ref()? {
            Held::Lost(first, last) => Item::Lost {
                first: *first,
                last: *last,
                why: Loss::Damaged("a wrong checksum".to_owned()),
            },
            Held::Records(records) => {
                let records = records.iter().map(|(offset, timestamp_ms, value)| Record {
                    offset: *offset,
                    timestamp_ms: *timestamp_ms,
                    key: None,
                    value: value.as_deref(),
                });
                Item::Records(records.collect())
            }
        })
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn high_watermark(&self) -> u64 {
        self.high_watermark
    }

    fn last_stable(&self) -> u64 {
        self.last_stable
    }

    fn epoch(&self) -> Option<i32> {
        Some(7)
    }

    fn aborted_records(&self) -> u64 {
        0
    }
}

impl Source for Script {
    type Answer = Scripted;

    fn topic_id(&self) -> Option<TopicId> {
        self.topic_id
    }

    async fn fetch(&mut self, ask: Ask) -> Result<Scripted, Failure> {
        let offset = ask.offset;
        self.fetches += 1;
        self.asked = Some(ask);
        assert!(
            self.fetches < 100_000,
            "the loop makes no progress at {offset}"
        );
        let end = self.end_of_log();
        if let Some(at) = self.truncated
            && ask.last_epoch.is_some()
            && offset > at
        {
            return Err(Failure::Truncated(at));
        }
        if offset < self.earliest || offset > end {
            return Err(Failure::OutOfRange);
        }
        let stable = self.open.unwrap_or(end);
        if offset >= stable && ask.is_patient {
            // Nothing will come any more: the test ends here.
            return Err(Failure::Absent);
        }
        let mut answer = Scripted {
            position: offset,
            high_watermark: end,
            last_stable: stable,
            _alive: Arc::clone(&self.answers),
            ..Scripted::default()
        };
        let batches = self
            .batches
            .iter()
            .filter(|batch| batch.last >= offset && batch.last < stable);
        for batch in batches.take(self.batches_per_fetch) {
            match &batch.content {
                Content::Control => {}
                Content::Unreadable(first) => {
                    answer
                        .items
                        .push_back(Held::Lost((*first).max(offset), batch.last));
                }
                Content::Records(offsets) => {
                    let offsets = offsets.iter().filter(|&&at| at >= offset);
                    let held = offsets.map(|&at| (at, self.time(at), self.value(at)));
                    answer.items.push_back(Held::Records(held.collect()));
                }
            }
            answer.position = batch.last + 1;
        }
        Ok(answer)
    }

    fn drop_ahead(&mut self) {}

    async fn earliest(&mut self) -> Result<u64, Failure> {
        Ok(self.earliest)
    }

    async fn at_time(&mut self, timestamp_ms: i64) -> Result<Option<u64>, Failure> {
        let mut offsets = self.batches.iter().flat_map(|batch| match &batch.content {
            Content::Records(offsets) => offsets.as_slice(),
            Content::Control | Content::Unreadable(_) => &[],
        });
        let found = offsets.find(|&&offset| self.time(offset) >= timestamp_ms);
        Ok(found.copied())
    }

    async fn last_stable(&mut self) -> Result<u64, Failure> {
        Ok(self.open.unwrap_or_else(|| self.end_of_log()))
    }

    async fn high_watermark(&mut self) -> Result<u64, Failure> {
        Ok(self.end_of_log())
    }
}

/// The smallest sound value: a message of no kind.
fn sound() -> Option<Vec<u8>> {
    Some(vec![FRAME_RAW])
}

/// An event with a number in the callback's series of thread "t".
fn numbered(sequence: u8) -> Option<Vec<u8>> {
    let header = [0x22, 1, b't', 0x28, sequence];
    let event = [&[0x0A, header.len() as u8], &header[..], &[0x10, 10]].concat();
    let message = [&[FRAME_RAW, 0x0A, event.len() as u8], &event[..]].concat();
    Some(message)
}

struct Rig {
    reader: PartitionLoop,
    hub: Arc<Hub>,
    counts: Arc<Counts>,
    status: Arc<PartitionStatus>,
}

impl Rig {
    fn new() -> Self {
        Self::with(&[], Origin::AtStart)
    }

    fn with(arguments: &[&str], origin: Origin) -> Self {
        let all = std::iter::once("dashstream-relay").chain(arguments.iter().copied());
        let cli = Cli::try_parse_from(all).expect("known options");
        let config = Config::from_args(&cli.options).expect("usable options");
        let (hub, counts) = (Arc::new(Hub::new(1 << 24)), Arc::new(Counts::default()));
        let ingest = Arc::<IngestStatus>::default();
        let status = ingest.partition(0);
        let context = Context {
            clock: Clock::start(),
            counts: Arc::clone(&counts),
            hub: Arc::clone(&hub),
            status: ingest,
            tasks: Arc::default(),
            dlq: None,
            checkpoints: None,
        };
        let sequences = Arc::new(Sequences::new(config.ingest.sequence_policy));
        let reader = PartitionLoop::new(0, &config, origin, sequences, context);
        Self {
            reader,
            hub,
            counts,
            status,
        }
    }

    async fn run(&mut self, script: &mut Script) -> Failure {
        self.reader.run(script, || {}).await
    }

    /// What the log tells clients of the partition.
    fn is_paused(&self) -> bool {
        let view = self.hub.log().partition(0);
        view.is_some_and(|view| view.paused)
    }

    /// What a client would get, with its continuity checked.
    fn frames(&self) -> Vec<(FrameKind, u64, u64)> {
        let log = self.hub.log();
        let mut position = log.partition(0).expect("added").held_from;
        let mut frames = Vec::new();
        while let Read::Data(slice) = log.read(0, position, usize::MAX) {
            for frame in FrameReader::new(&slice.bytes) {
                let header = frame.expect("frames of our own").header;
                assert!(
                    header.continues(position),
                    "{header:?} does not continue {position}"
                );
                position = header.next();
                frames.push((header.kind, header.offset, header.last_offset()));
            }
        }
        assert_eq!(position, log.partition(0).expect("added").end);
        frames
    }
}

fn record_frames(offsets: impl IntoIterator<Item = u64>) -> Vec<(FrameKind, u64, u64)> {
    offsets
        .into_iter()
        .map(|offset| (FrameKind::Record, offset, offset))
        .collect()
}

async fn read(earliest: u64, batches_per_fetch: usize, batches: Vec<Batch>) -> Rig {
    let mut rig = Rig::new();
    let mut script = Script {
        batches_per_fetch,
        ..Script::new(earliest, batches)
    };
    let failure = rig.run(&mut script).await;
    assert!(matches!(failure, Failure::Absent), "{failure:?}");
    rig
}

#[tokio::test]
async fn records_come_once_and_in_order() {
    let batches = vec![records(5..9), sparse(30, &[10, 20]), records(31..40)];
    for per_fetch in [1, 2, 9] {
        let rig = read(5, per_fetch, batches.clone()).await;
        let expected = (5..9).chain([10, 20]).chain(31..40);
        let mut frames = rig.frames();
        // An answer that ends behind its last record says so.
        frames.retain(|frame| frame.0 != FrameKind::Mark);
        assert_eq!(frames, record_frames(expected));
        assert_eq!(rig.counts.gaps.sum(), 0);
    }
}

// The relay must neither stall at control batches nor pass a record behind them.
#[tokio::test]
async fn control_batches_are_passed() {
    let batches = vec![
        records(0..3),
        control(3),
        control(4),
        records(5..6),
        control(6),
        sparse(60, &[]),
    ];
    for per_fetch in [1, 2, 9] {
        let rig = read(0, per_fetch, batches.clone()).await;
        let (marks, others): (Vec<_>, Vec<_>) = rig
            .frames()
            .into_iter()
            .partition(|frame| frame.0 == FrameKind::Mark);
        assert_eq!(
            others,
            record_frames([0, 1, 2, 5]),
            "{per_fetch} batches a fetch"
        );
        assert_eq!(marks.last(), Some(&(FrameKind::Mark, 61, 61)));
    }
}

#[tokio::test]
async fn unreadable_batches_become_gaps_and_cost_no_neighbour() {
    let batches = vec![
        records(0..4),
        unreadable(4..9),
        records(9..12),
        unreadable(12..14),
        unreadable(14..15),
        records(15..17),
        unreadable(17..20),
    ];
    for per_fetch in [1, 3, 9] {
        let rig = read(0, per_fetch, batches.clone()).await;
        let gap = |first, last| (FrameKind::Gap, first, last);
        let mut expected = record_frames(0..4);
        expected.push(gap(4, 8));
        expected.extend(record_frames(9..12));
        expected.extend([gap(12, 13), gap(14, 14)]);
        expected.extend(record_frames(15..17));
        expected.push(gap(17, 19));
        assert_eq!(rig.frames(), expected, "{per_fetch} batches a fetch");
        assert_eq!(rig.counts.gap_offsets.get(GapCause::UnreadableBatch), 11);
    }
}

#[tokio::test]
async fn what_kafka_deleted_meanwhile_is_a_gap() {
    let mut rig = Rig::new();
    let mut script = Script::new(0, vec![records(0..5)]);
    rig.run(&mut script).await;
    script.earliest = 50;
    script.batches = vec![records(50..52)];
    rig.run(&mut script).await;
    let mut expected = record_frames(0..5);
    expected.push((FrameKind::Gap, 5, 49));
    expected.extend(record_frames(50..52));
    assert_eq!(rig.frames(), expected);
}

/// SEQ-06 and the policy that halts: the partition stops before the record, goes on when it is
/// released, and nothing is lost or said twice.
#[tokio::test]
async fn a_sequence_gap_halts_until_it_is_released() {
    let mut rig = Rig::with(&["--sequence-policy=halt"], Origin::Later);
    let mut script = Script {
        values: (0..).zip([1, 2, 5, 6, 9, 10].map(numbered)).collect(),
        ..Script::new(0, vec![records(0..6)])
    };
    let count = |rig: &Rig| rig.counts.sequences.findings.get(SequenceFinding::Gap);
    for (offset, frames) in [(2, 2), (4, 4)] {
        let paused = tokio::time::timeout(Duration::from_millis(50), rig.run(&mut script));
        assert!(paused.await.is_err(), "it does not stop at {offset}");
        assert_eq!(rig.frames(), record_frames(0..frames));
        let pause = rig.status.paused().expect("paused");
        assert_eq!((pause.offset, pause.code), (offset, "sequence"));
        assert_eq!(rig.status.phase(), Phase::Paused);
        assert!(rig.is_paused(), "clients are told");
        assert_eq!(rig.status.position(), Some(offset));
        assert_eq!(rig.status.release(Some(offset + 1)), None, "not there");
        assert_eq!(rig.status.release(Some(offset)), Some(pause));
    }
    rig.run(&mut script).await;
    assert_eq!(rig.frames(), record_frames(0..6));
    assert_eq!((count(&rig), rig.status.paused()), (2, None));
    assert!(!rig.is_paused());
    assert_eq!(rig.counts.received.get(), 6, "each counted once");
    let sizes = rig.counts.sequences.gap_size.snapshot();
    assert_eq!((sizes.count, sizes.sum), (2, 4.0));
}

/// DLQ-06: history is counted apart, and nothing stops at it.
#[tokio::test]
async fn old_findings_are_no_alarm() {
    let mut rig = Rig::with(&["--sequence-policy=halt"], Origin::AtStart);
    let mut script = Script {
        values: (0..).zip([1, 5, 5].map(numbered)).collect(),
        ..Script::new(0, vec![records(0..3)])
    };
    rig.run(&mut script).await;
    assert_eq!(rig.frames(), record_frames(0..3));
    assert_eq!(rig.counts.sequences.findings.sum(), 0);
    assert_eq!(rig.counts.sequences.old_findings.sum(), 2);
    assert!(!rig.status.is_catching_up(), "the end at start was reached");
}

/// DLQ-01, DLQ-02: one policy for every kind of record that cannot be used; the pause names
/// partition, offset and reason, and ends without a restart.
#[tokio::test]
async fn every_unusable_record_pauses_alike() {
    let oversized = Some(vec![FRAME_RAW; decode_core::wire::PAYLOAD_BYTES_MAX + 2]);
    let broken = [None, Some(vec![0x7B]), oversized, Some(Vec::new())];
    let codes = [
        GapCause::NullValue.code(),
        RejectCode::BadFrame.code(),
        GapCause::Oversized.code(),
        RejectCode::Empty.code(),
    ];
    let mut rig = Rig::with(&["--kafka-on-decode-error=pause"], Origin::Later);
    let mut script = Script {
        values: [1, 3, 4, 6].into_iter().zip(broken).collect(),
        ..Script::new(0, vec![records(0..9)])
    };
    for (offset, code) in [1, 3, 4, 6].into_iter().zip(codes) {
        let paused = tokio::time::timeout(Duration::from_millis(50), rig.run(&mut script));
        assert!(paused.await.is_err(), "it does not stop at {offset}");
        assert_eq!(rig.frames().len() as u64, offset);
        let pause = rig.status.release(None).expect("paused");
        assert_eq!((pause.offset, pause.code), (offset, code));
    }
    rig.run(&mut script).await;
    let offsets: Vec<_> = rig.frames().iter().map(|frame| frame.1).collect();
    assert_eq!(offsets, (0..9).collect::<Vec<_>>(), "each in its place");
    assert_eq!(rig.counts.refused(Age::New), 4);
    assert_eq!(rig.counts.received.get(), 9);
}

/// DLQ-06: old records that cannot be used stop nothing and are counted apart.
#[tokio::test]
async fn history_never_pauses() {
    let mut rig = Rig::with(&["--kafka-on-decode-error=pause"], Origin::AtStart);
    let mut script = Script {
        values: BTreeMap::from([(0, None), (2, Some(vec![0x7B]))]),
        ..Script::new(0, vec![records(0..3)])
    };
    rig.run(&mut script).await;
    let refused = |age| rig.counts.refused(age);
    assert_eq!((refused(Age::Historical), refused(Age::New)), (2, 0));
    assert_eq!(rig.frames().len(), 3);
}
