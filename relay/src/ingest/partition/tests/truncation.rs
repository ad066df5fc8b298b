//! A log that lost its end, a topic known by its identity, and records that an open transaction hides.

use super::*;
use crate::ingest::partition::topic_identity::WENT_BACK_ANSWERS;

const ID: Option<TopicId> = Some(TopicId(7));

fn script(end: u64) -> Script {
    Script {
        topic_id: ID,
        ..Script::new(0, vec![records(0..end)])
    }
}

/// X7: what comes after a truncation is read from the new end on, nothing before it is read or refused again, and the
/// log says what is gone.
#[tokio::test]
async fn a_truncated_log_goes_on_at_its_new_end() {
    let mut rig = Rig::with(&[], Origin::Later);
    let progress = Arc::<Progress>::default();
    rig.reader.resume(None, Arc::clone(&progress));
    let mut topic = script(9);
    topic.values = BTreeMap::from([(1, None), (7, None)]);
    rig.run(&mut topic).await;
    assert_eq!(rig.counts.refused(Age::New), 2);
    assert_eq!(topic.asked.and_then(|ask| ask.last_epoch), Some(7));

    topic.batches = vec![records(0..6), records(6..12)];
    topic.truncated = Some(6);
    let received = rig.counts.received.get();
    let stepped = rig.reader.step(&mut topic).await;
    assert!(stepped.is_ok(), "{stepped:?}");
    assert_eq!(rig.status.position(), Some(6), "said at once");
    topic.truncated = None;
    rig.run(&mut topic).await;
    let frames = rig.frames();
    assert_eq!(frames.first().map(|frame| frame.1), Some(6));
    assert_eq!(frames.len(), 6);
    assert_eq!(
        rig.counts.received.get() - received,
        6,
        "none of the old ones"
    );
    assert_eq!(rig.counts.refused(Age::New), 3, "7 is another record now");
    let counts = &rig.counts;
    assert_eq!(
        (counts.topic_resets.get(), counts.truncations.get()),
        (0, 1)
    );
    assert_eq!(counts.gap_offsets.get(GapCause::Truncated), 3);
    let view = rig.hub.log().partition(0).expect("added");
    assert_eq!(
        (view.former_end, view.former_cause),
        (9, GapCause::Truncated)
    );
    assert_eq!(progress.due().map(|due| due.offset), Some(12));
}

/// X7: an end that went back is a truncation where the topic is known to be the same.
#[tokio::test]
async fn an_end_that_went_back_in_the_same_topic_is_a_truncation() {
    let mut rig = Rig::new();
    rig.run(&mut script(9)).await;
    let mut shorter = script(4);
    for _ in 1..WENT_BACK_ANSWERS {
        let failure = rig.run(&mut shorter).await;
        assert!(matches!(failure, Failure::OutOfRange), "{failure:?}");
    }
    rig.run(&mut shorter).await;
    assert_eq!((rig.frames(), rig.status.position()), (vec![], Some(4)));
    let counts = &rig.counts;
    assert_eq!(
        (counts.topic_resets.get(), counts.truncations.get()),
        (0, 1)
    );
}

/// X7, RES-19: a topic that was created again is known by its identity alone, whatever it holds, and at once.
#[tokio::test]
async fn another_identity_is_another_topic() {
    let mut rig = Rig::new();
    rig.run(&mut script(9)).await;
    // The same records, to the millisecond.
    let mut recreated = Script {
        topic_id: Some(TopicId(8)),
        ..script(12)
    };
    rig.run(&mut recreated).await;
    assert_eq!(rig.frames(), record_frames(0..12));
    assert_eq!(
        (rig.counts.topic_resets.get(), rig.hub.log().incarnation(0)),
        (1, Some(1))
    );
    rig.run(&mut recreated).await;
    assert_eq!(rig.counts.topic_resets.get(), 1, "known from then on");
}

/// X7: a relay that was away when the log lost its end reads nothing twice, and one whose topic was created again
/// meanwhile begins with it, although the offsets fit.
#[tokio::test]
async fn a_checkpoint_knows_its_log() {
    let log = crate::checkpoint::KafkaLog {
        topic_id: ID,
        leader_epoch: Some(7),
    };
    let checkpoint = Checkpoint::at(9, 0, None).of_log(log);
    let away = |checkpoint| {
        let mut rig = Rig::with(&["--kafka-auto-offset-reset=latest"], Origin::AtStart);
        rig.reader.resume(Some(checkpoint), Arc::default());
        rig
    };
    let mut rig = away(checkpoint);
    rig.run(&mut script(6)).await;
    assert_eq!((rig.frames(), rig.status.position()), (vec![], Some(6)));
    assert_eq!(
        (rig.counts.topic_resets.get(), rig.counts.truncations.get()),
        (0, 1)
    );

    // Cut and grown again: only the broker can tell.
    let mut rig = away(checkpoint);
    let mut grown = script(12);
    grown.truncated = Some(6);
    let begun = rig.reader.step(&mut grown).await;
    assert!(begun.is_ok() && rig.reader.step(&mut grown).await.is_ok());
    grown.truncated = None;
    rig.run(&mut grown).await;
    assert_eq!(rig.frames(), record_frames(6..12));

    let mut rig = away(checkpoint);
    let mut recreated = Script {
        topic_id: Some(TopicId(8)),
        ..script(12)
    };
    rig.run(&mut recreated).await;
    assert_eq!(rig.frames(), record_frames(0..12));
    assert_eq!(rig.counts.topic_resets.get(), 1);
}

/// X7: a partition that waits at a record does not wait for it once the log lost it.
#[tokio::test]
async fn a_pause_at_a_lost_record_ends() {
    let mut rig = Rig::with(&["--kafka-on-decode-error=pause"], Origin::Later);
    let mut topic = script(9);
    topic.values = BTreeMap::from([(7, None)]);
    let paused = tokio::time::timeout(Duration::from_millis(50), rig.run(&mut topic));
    assert!(paused.await.is_err() && rig.is_paused());
    rig.reader.truncate(5);
    assert_eq!((rig.status.paused(), rig.is_paused()), (None, false));
    assert_eq!(rig.status.position(), Some(5));
}

/// X5: what an open transaction hides is known, and clients are not told that they have everything.
#[tokio::test]
async fn an_open_transaction_is_seen() {
    let mut rig = Rig::new();
    let mut topic = script(4);
    topic.batches.push(records(4..9));
    topic.open = Some(4);
    rig.run(&mut topic).await;
    assert_eq!(rig.frames(), record_frames(0..4));
    let hidden = rig.status.hidden().expect("it is seen");
    assert_eq!((hidden.offset, rig.status.lag()), (4, Some(5)));
    let view = rig.hub.log().partition(0).expect("added");
    assert_eq!((view.end, view.head), (4, 9));
    topic.open = None;
    rig.run(&mut topic).await;
    assert_eq!(rig.frames(), record_frames(0..9));
    assert_eq!((rig.status.hidden(), rig.status.lag()), (None, Some(0)));
}
