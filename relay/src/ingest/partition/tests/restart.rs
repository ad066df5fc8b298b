//! A pause over a restart: another loop, with nothing but the checkpoint of the first.

use super::*;
use crate::checkpoint::PauseCause;

const SHORT: Duration = Duration::from_millis(50);

impl Rig {
    fn resumed(arguments: &[&str], found: Checkpoint) -> (Self, Arc<Progress>) {
        let mut rig = Self::with(arguments, Origin::AtStart);
        let progress = Arc::<Progress>::default();
        rig.reader.resume(Some(found), Arc::clone(&progress));
        (rig, progress)
    }

    async fn run_to_pause(&mut self, script: &mut Script) -> Pause {
        let paused = tokio::time::timeout(SHORT, self.run(script));
        assert!(paused.await.is_err(), "it does not stop");
        self.status.paused().expect("paused")
    }
}

/// A script and the checkpoint of a relay that stopped at offset 3 of it and was never released.
async fn stopped(policy: &str, script: &mut Script) -> Checkpoint {
    let (mut rig, progress) = Rig::resumed(&[policy], Checkpoint::at(0, 0, None));
    let pause = rig.run_to_pause(script).await;
    assert_eq!(pause.offset, 3);
    let due = progress.due().expect("something was read");
    assert_eq!(due.offset, 3);
    due
}

/// DLQ-02, SEQ-06: a halt is held again after a restart, wherever reading starts, any number of times,
/// until it is released, once; then the record is taken.
#[tokio::test]
async fn a_halt_survives_restarts() {
    let policy = "--sequence-policy=halt";
    for start in ["latest", "earliest", "1m"] {
        let mut script = Script {
            values: (0..).zip([1, 2, 3, 9, 10].map(numbered)).collect(),
            ..Script::new(0, vec![records(0..5)])
        };
        let mut found = stopped(policy, &mut script).await;
        let cause = PauseCause::Sequence {
            expected: 4,
            received: 9,
        };
        assert_eq!(found.pause, Some(StoredPause { offset: 3, cause }));
        let start = format!("--kafka-auto-offset-reset={start}");
        for _ in 0..2 {
            let (mut rig, progress) = Rig::resumed(&[policy, &start], found);
            let pause = rig.run_to_pause(&mut script).await;
            assert_eq!((pause.offset, pause.code), (3, "sequence"), "{start}");
            assert_eq!(pause.reason, "sequence 9 where 4 was expected");
            assert!(rig.is_paused(), "clients are told");
            assert_eq!(rig.status.phase(), Phase::Paused);
            assert_eq!(progress.due(), None, "the file says so already");
            found = Checkpoint::at(3, 0, found.fingerprint).paused(found.pause);
        }
        let (mut rig, progress) = Rig::resumed(&[policy, &start], found);
        rig.run_to_pause(&mut script).await;
        assert!(rig.status.release(Some(3)).is_some());
        rig.run(&mut script).await;
        assert_eq!(rig.frames().last(), record_frames(3..5).last(), "{start}");
        let due = progress.due().expect("it went on");
        assert_eq!((due.offset, due.pause), (5, None));
    }
}

/// DLQ-01, DLQ-02: the same for a record that cannot be used, and for a pause nothing is known of.
#[tokio::test]
async fn a_pause_survives_restarts() {
    let policy = "--kafka-on-decode-error=pause";
    let mut script = Script {
        values: BTreeMap::from([(3, None)]),
        ..Script::new(0, vec![records(0..5)])
    };
    let found = stopped(policy, &mut script).await;
    let null = PauseCause::Unusable(GapCause::NullValue.code());
    assert_eq!(found.pause.map(|pause| pause.cause), Some(null));
    let unknown = StoredPause {
        offset: 3,
        cause: PauseCause::Unknown,
    };
    // Whatever the policy is by then: nobody has released it.
    for (found, policy) in [
        (found, policy),
        (found, "--kafka-on-decode-error=skip"),
        (found.paused(Some(unknown)), policy),
    ] {
        let (mut rig, progress) = Rig::resumed(&[policy], found);
        let pause = rig.run_to_pause(&mut script).await;
        assert_eq!(
            Some(pause.code),
            found.pause.map(|pause| pause.cause.code())
        );
        assert!(rig.status.release(None).is_some());
        rig.run(&mut script).await;
        let offsets: Vec<_> = rig.frames().iter().map(|frame| frame.1).collect();
        assert_eq!(offsets, (0..5).collect::<Vec<_>>());
        assert_eq!(
            progress.due().map(|due| (due.offset, due.pause)),
            Some((5, None))
        );
    }
}

/// RES-17, RES-19: a record that Kafka deleted meanwhile is waited at once, and one of a topic that was
/// recreated not at all.
#[tokio::test]
async fn a_pause_whose_record_is_gone_ends() {
    let pause = StoredPause {
        offset: 4,
        cause: PauseCause::Unknown,
    };
    let found = Checkpoint::at(4, 0, None).paused(Some(pause));
    let mut trimmed = Script::new(50, vec![records(50..52)]);
    let (mut rig, progress) = Rig::resumed(&[], found);
    assert_eq!(rig.run_to_pause(&mut trimmed).await.offset, 4);
    rig.status.release(None);
    rig.run(&mut trimmed).await;
    assert_eq!(
        progress.due().map(|due| (due.offset, due.pause)),
        Some((52, None))
    );

    let fingerprint = Fingerprint {
        offset: 3,
        timestamp_ms: 77,
    };
    let foreign = Checkpoint::at(4, 0, Some(fingerprint)).paused(Some(pause));
    let (mut rig, _) = Rig::resumed(&[], foreign);
    rig.run(&mut Script::new(0, vec![records(0..9)])).await;
    assert_eq!(rig.frames(), record_frames(0..9));
}
