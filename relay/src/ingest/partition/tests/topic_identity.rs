//! Where a partition begins, and how it begins again where the topic was recreated.

use session::log::RecordAt;

use super::*;
use crate::{ingest::partition::topic_identity::WENT_BACK_ANSWERS, limits::UNASKED_MS_MAX};

impl Rig {
    fn resume(&mut self, found: Checkpoint) -> Arc<Progress> {
        let progress = Arc::<Progress>::default();
        self.reader.resume(Some(found), Arc::clone(&progress));
        progress
    }

    fn incarnation(&self) -> Option<u64> {
        self.hub.log().incarnation(0)
    }

    fn record_at(&self, offset: u64) -> RecordAt {
        self.hub.log().record_at(0, offset)
    }
}

/// OPS-03: a time back is an offset by timestamp; where nothing is as young, it is the end.
#[tokio::test]
async fn a_time_back_is_found_by_timestamp() {
    // Ten records a minute apart; half a minute is time enough for the test.
    for (oldest_s, first) in [(3_600 + 330, 6), (9_000, 10), (3_000, 0)] {
        let mut rig = Rig::with(&["--kafka-auto-offset-reset=1h"], Origin::AtStart);
        let mut script = Script {
            epoch_ms: Clock::wall_ms() - oldest_s * 1_000,
            step_ms: 60_000,
            ..Script::new(0, vec![records(0..10)])
        };
        rig.run(&mut script).await;
        let begun = rig.hub.log().partition(0).map(|view| view.origin);
        assert_eq!(begun, Some(first));
    }
}

/// OPS-02, OPS-03, DLQ-06: what came while the relay was away is read although the option says
/// `latest`, and is new.
#[tokio::test]
async fn what_came_meanwhile_is_read_and_new() {
    let mut rig = Rig::with(&["--kafka-auto-offset-reset=latest"], Origin::AtStart);
    let progress = rig.resume(Checkpoint::at(4, 0, None));
    let mut script = Script {
        values: BTreeMap::from([(2, None), (6, None)]),
        ..Script::new(0, vec![records(0..9)])
    };
    rig.run(&mut script).await;
    assert_eq!(rig.frames().first().map(|frame| frame.1), Some(4));
    let refused = |age| rig.counts.refused(age);
    assert_eq!((refused(Age::Historical), refused(Age::New)), (0, 1));
    assert_eq!(progress.due().map(|due| due.offset), Some(9));
}

/// DLQ-06, RES-01: with `earliest` the log reaches back to where clients may have stopped; what lies
/// before the checkpoint is old and settles nothing.
#[tokio::test]
async fn history_before_the_checkpoint_is_read_for_clients_only() {
    let mut rig = Rig::new();
    let progress = rig.resume(Checkpoint::at(4, 0, None));
    let mut script = Script {
        values: BTreeMap::from([(2, None), (6, None)]),
        batches_per_fetch: 1,
        ..Script::new(0, vec![records(0..3), records(3..9)])
    };
    rig.run(&mut script).await;
    let offsets: Vec<_> = rig.frames().iter().map(|frame| frame.1).collect();
    assert_eq!(offsets, (0..9).collect::<Vec<_>>());
    let refused = |age| rig.counts.refused(age);
    assert_eq!((refused(Age::Historical), refused(Age::New)), (1, 1));
    assert_eq!(progress.due().map(|due| due.offset), Some(9));
}

/// RES-17, RES-18: what Kafka deleted between the checkpoint and the start is a gap in its place.
#[tokio::test]
async fn what_retention_took_while_away_is_a_gap() {
    for option in ["latest", "earliest"] {
        let mut rig = Rig::with(&["--kafka-auto-offset-reset", option], Origin::AtStart);
        rig.resume(Checkpoint::at(4, 0, None));
        rig.run(&mut Script::new(50, vec![records(50..52)])).await;
        let mut expected = vec![(FrameKind::Gap, 4, 49)];
        expected.extend(record_frames(50..52));
        assert_eq!(rig.frames(), expected);
        assert_eq!(rig.counts.gap_offsets.get(GapCause::Retention), 46);
    }
}

/// RES-19: a log that ends before what was read is another topic, once that was said often enough; it
/// is read from its beginning, as new, on the same loop.
#[tokio::test]
async fn a_topic_that_ends_earlier_begins_again() {
    let mut rig = Rig::new();
    let mut script = Script::new(0, vec![records(0..9)]);
    rig.run(&mut script).await;
    assert_eq!((rig.frames().len(), rig.incarnation()), (9, Some(0)));
    script.batches = vec![records(0..2)];
    script.values = BTreeMap::from([(1, None)]);
    for _ in 1..WENT_BACK_ANSWERS {
        let failure = rig.run(&mut script).await;
        assert!(matches!(failure, Failure::OutOfRange), "{failure:?}");
        assert_eq!(rig.frames(), record_frames(0..9), "not believed yet");
    }
    let failure = rig.run(&mut script).await;
    assert!(matches!(failure, Failure::Absent), "{failure:?}");
    assert_eq!(
        rig.frames(),
        [(FrameKind::Record, 0, 0), (FrameKind::Gap, 1, 1)]
    );
    assert_eq!(rig.incarnation(), Some(1));
    assert_eq!(rig.counts.refused(Age::New), 1, "all of it is new");
    assert_eq!(rig.counts.topic_resets.get(), 1);
    assert_eq!(rig.counts.gap_offsets.get(GapCause::TopicReset), 9);
    assert!(!rig.status.is_catching_up());
}

/// RES-19: a topic that has grown past the old one's end is known by the record it has in the place of
/// the one read last; the same topic is not mistaken for another.
#[tokio::test]
async fn a_topic_with_another_record_in_the_place_begins_again() {
    let mut rig = Rig::new();
    let progress = Arc::<Progress>::default();
    rig.reader.resume(None, Arc::clone(&progress));
    let mut script = Script::new(0, vec![records(0..9)]);
    rig.run(&mut script).await;
    script.batches.push(records(9..12));
    rig.run(&mut script).await;
    assert_eq!(
        (rig.frames(), rig.incarnation()),
        (record_frames(0..12), Some(0))
    );
    assert_eq!(progress.due().map(|due| due.offset), Some(12));

    let mut recreated = Script {
        epoch_ms: 1_000,
        ..Script::new(3, vec![records(3..30)])
    };
    rig.run(&mut recreated).await;
    assert_eq!(
        (rig.frames(), rig.incarnation()),
        (record_frames(3..30), Some(1))
    );
    let due = progress.due().expect("the new topic's");
    assert_eq!((due.offset, due.boundary), (30, 0));
    assert_eq!(due.fingerprint.map(|known| known.timestamp_ms), Some(1_029));
}

/// RES-19: a loop that asked nothing for a while, as it was held up, asks for the record it read last
/// before it reads on, although its source never failed.
#[tokio::test]
async fn a_loop_that_was_held_up_looks_first() {
    let mut rig = Rig::new();
    let mut script = Script::new(0, vec![records(0..9)]);
    rig.run(&mut script).await;
    rig.reader.known.is_sure = true;
    assert!(rig.reader.is_sure());
    let asked_ms = rig.reader.known.asked_ms.expect("it fetched");
    rig.reader.fetch_wait_ms = 0;
    tokio::time::sleep(Duration::from_millis(UNASKED_MS_MAX + 1)).await;
    assert!(!rig.reader.is_sure());
    script.epoch_ms = 1_000;
    script.batches = vec![records(0..12)];
    for _ in 0..3 {
        let stepped = rig.reader.step(&mut script).await;
        assert!(stepped.is_ok(), "{stepped:?}");
    }
    assert_eq!(
        (rig.frames(), rig.incarnation()),
        (record_frames(0..12), Some(1))
    );
    assert!(rig.reader.known.asked_ms > Some(asked_ms));
}

/// RES-19: where nothing was read yet, a topic is known by the record before the position.
#[tokio::test]
async fn a_topic_is_known_before_anything_is_read() {
    let mut rig = Rig::with(&["--kafka-auto-offset-reset=latest"], Origin::AtStart);
    rig.run(&mut Script::new(0, vec![records(0..9)])).await;
    assert_eq!((rig.frames(), rig.incarnation()), (vec![], Some(0)));
    let mut recreated = Script {
        epoch_ms: 1_000,
        ..Script::new(0, vec![records(0..12)])
    };
    rig.run(&mut recreated).await;
    assert_eq!(rig.frames(), record_frames(0..12));
    assert_eq!(rig.incarnation(), Some(1));
}

/// RES-17: retention or compaction may take the record by which a topic is known; that is no reset.
#[tokio::test]
async fn a_missing_record_is_no_proof() {
    let mut rig = Rig::new();
    rig.run(&mut Script::new(0, vec![records(0..9)])).await;
    let compacted = vec![sparse(8, &[2]), records(9..10)];
    rig.run(&mut Script::new(0, compacted)).await;
    rig.run(&mut Script::new(10, vec![records(10..12)])).await;
    assert_eq!(
        (rig.frames(), rig.incarnation()),
        (record_frames(0..12), Some(0))
    );
    assert_eq!(rig.counts.topic_resets.get(), 0);
}

/// RES-19, OPS-02: a checkpoint of a topic that was recreated while the relay was away means nothing:
/// the new one is read from its beginning, as new, whichever way it is noticed.
#[tokio::test]
async fn a_checkpoint_of_another_topic_is_not_used() {
    let fingerprint = Fingerprint {
        offset: 3,
        timestamp_ms: 77,
    };
    let beyond = Checkpoint::at(40, 0, None);
    let known = Checkpoint::at(4, 0, Some(fingerprint));
    for (checkpoint, failures) in [(beyond, WENT_BACK_ANSWERS - 1), (known, 0)] {
        let mut rig = Rig::with(&["--kafka-auto-offset-reset=latest"], Origin::AtStart);
        let progress = rig.resume(checkpoint);
        let mut script = Script {
            values: BTreeMap::from([(1, None)]),
            ..Script::new(0, vec![records(0..9)])
        };
        for _ in 0..failures {
            let failure = rig.run(&mut script).await;
            assert!(matches!(failure, Failure::OutOfRange), "{failure:?}");
        }
        rig.run(&mut script).await;
        assert_eq!((rig.frames().len(), rig.counts.refused(Age::New)), (9, 1));
        assert_eq!(rig.counts.topic_resets.get(), 1);
        assert_eq!(progress.due().map(|due| due.offset), Some(9));
    }
    // The same record in the place: the same topic.
    let mut rig = Rig::with(&["--kafka-auto-offset-reset=latest"], Origin::AtStart);
    rig.resume(Checkpoint {
        fingerprint: Some(Fingerprint {
            timestamp_ms: 3,
            ..fingerprint
        }),
        ..known
    });
    rig.run(&mut Script::new(0, vec![records(0..9)])).await;
    assert_eq!(rig.frames(), record_frames(4..9));
    assert_eq!(
        rig.record_at(3),
        RecordAt::At(3),
        "clients can prove it too"
    );
}

/// RES-19: what a log began behind is known to be of this topic only where it was seen there: a checkpoint
/// may be of a former one, whose offset this one has no record at.
#[tokio::test]
async fn only_what_was_seen_is_told_of_what_lies_before_the_log() {
    let checkpoint = Checkpoint::at(
        4,
        0,
        Some(Fingerprint {
            offset: 3,
            timestamp_ms: 3,
        }),
    );
    for (found, batches, known) in [
        (None, vec![records(0..9)], RecordAt::At(8)),
        (Some(checkpoint), vec![records(0..9)], RecordAt::At(3)),
        (
            Some(checkpoint),
            vec![records(0..3), records(5..9)],
            RecordAt::Unknown,
        ),
    ] {
        let mut rig = Rig::with(&["--kafka-auto-offset-reset=latest"], Origin::AtStart);
        if let Some(found) = found {
            rig.resume(found);
        }
        rig.run(&mut Script::new(0, batches)).await;
        let offset = if found.is_some() { 3 } else { 8 };
        assert_eq!(rig.record_at(offset), known, "{found:?}");
    }
}

/// OPS-02: a partition found later is read from its beginning, whatever the option to start says.
#[tokio::test]
async fn a_partition_found_later_is_all_new() {
    let mut rig = Rig::with(&["--kafka-auto-offset-reset=latest"], Origin::Later);
    let mut script = Script {
        values: BTreeMap::from([(1, None)]),
        ..Script::new(0, vec![records(0..3)])
    };
    rig.run(&mut script).await;
    assert_eq!((rig.frames().len(), rig.counts.refused(Age::New)), (3, 1));
}

/// MET-10: the end at start is reached without a record, too: an empty partition is not catching up.
#[tokio::test]
async fn catching_up_ends_where_nothing_comes() {
    for batches in [vec![], vec![control(0)], vec![records(0..2), control(2)]] {
        let mut rig = Rig::new();
        rig.run(&mut Script::new(0, batches)).await;
        assert!(!rig.status.is_catching_up());
    }
}
