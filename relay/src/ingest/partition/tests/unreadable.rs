//! Batches that cannot be read under the policy for records that cannot be used.

use super::*;

const PAUSE: &str = "--kafka-on-decode-error=pause";

impl Rig {
    fn unreadable(&self, age: Age) -> u64 {
        self.counts.unreadable.of(age).get()
    }
}

/// DLQ-01, DLQ-02: the policy that pauses stops before a new batch that cannot be read, names it, and
/// passes it once it is released.
#[tokio::test]
async fn a_new_unreadable_batch_pauses() {
    let batches = vec![
        records(0..4),
        unreadable(4..9),
        records(9..12),
        unreadable(12..14),
    ];
    for batches_per_fetch in [1, 3, 9] {
        let mut rig = Rig::with(&[PAUSE], Origin::Later);
        let mut script = Script {
            batches_per_fetch,
            ..Script::new(0, batches.clone())
        };
        let mut expected = record_frames(0..4);
        for (passed, (first, last)) in (0..).zip([(4, 8), (12, 13)]) {
            let paused = tokio::time::timeout(Duration::from_millis(50), rig.run(&mut script));
            assert!(paused.await.is_err(), "it does not stop at {first}");
            assert_eq!(
                (rig.frames(), rig.unreadable(Age::New)),
                (expected.clone(), passed)
            );
            let pause = rig.status.paused().expect("paused");
            assert_eq!((pause.offset, pause.code), (first, "unreadable_batch"));
            assert_eq!(pause.reason, "the batch cannot be read: unreadable_batch");
            assert_eq!(rig.status.phase(), Phase::Paused);
            assert_eq!(rig.status.release(Some(first)), Some(pause));
            expected.push((FrameKind::Gap, first, last));
            if last == 8 {
                expected.extend(record_frames(9..12));
            }
        }
        rig.run(&mut script).await;
        assert_eq!(
            rig.frames(),
            expected,
            "{batches_per_fetch} batches a fetch"
        );
        assert_eq!(
            (rig.unreadable(Age::New), rig.unreadable(Age::Historical)),
            (2, 0)
        );
    }
}

/// DLQ-06: an old batch that cannot be read stops nothing and is counted apart, also where a new one
/// follows it at once.
#[tokio::test]
async fn an_old_unreadable_batch_is_history() {
    let mut rig = Rig::with(&[PAUSE], Origin::AtStart);
    let checkpoint = Checkpoint::at(6, 0, None);
    rig.reader
        .resume(Some(checkpoint), Arc::<Progress>::default());
    let batches = vec![
        records(0..2),
        unreadable(2..4),
        unreadable(4..6),
        unreadable(6..9),
        records(9..10),
    ];
    let mut script = Script::new(0, batches);
    let paused = tokio::time::timeout(Duration::from_millis(50), rig.run(&mut script));
    assert!(paused.await.is_err(), "it does not stop");
    let mut expected = record_frames(0..2);
    expected.extend([(FrameKind::Gap, 2, 3), (FrameKind::Gap, 4, 5)]);
    assert_eq!(rig.frames(), expected);
    assert_eq!(
        (rig.unreadable(Age::New), rig.unreadable(Age::Historical)),
        (0, 2)
    );
    let pause = rig.status.release(None).expect("paused");
    assert_eq!(pause.offset, 6);
    rig.run(&mut script).await;
    expected.push((FrameKind::Gap, 6, 8));
    expected.extend(record_frames([9]));
    assert_eq!(rig.frames(), expected);
    assert_eq!(
        (rig.unreadable(Age::New), rig.unreadable(Age::Historical)),
        (1, 2)
    );
}
