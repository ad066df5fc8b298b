//! A paused partition and what becomes of its topic meanwhile.

use super::*;
use crate::{
    ingest::partition::topic_identity::WENT_BACK_ANSWERS, limits::PAUSED_LOOK_INTERVAL_MS,
};

const LOOK: Duration = Duration::from_millis(PAUSED_LOOK_INTERVAL_MS);

/// Four records, of which the one at offset 2 cannot be used, read up to that.
async fn paused() -> (Rig, Script) {
    let mut rig = Rig::with(&["--kafka-on-decode-error=pause"], Origin::Later);
    let mut script = Script {
        values: BTreeMap::from([(2, None)]),
        ..Script::new(0, vec![records(0..4)])
    };
    let paused = tokio::time::timeout(LOOK / 2, rig.run(&mut script));
    assert!(paused.await.is_err(), "it does not stop");
    assert_eq!(rig.status.paused().map(|pause| pause.offset), Some(2));
    (rig, script)
}

fn recreated(end: u64) -> Script {
    Script {
        epoch_ms: 1_000_000,
        ..Script::new(0, vec![records(0..end)])
    }
}

/// DLQ-02: while nothing happens to the topic it waits, asks for little, and goes on when released.
#[tokio::test(start_paused = true)]
async fn it_waits_as_long_as_its_topic_lasts() {
    let (mut rig, mut script) = paused().await;
    script.fetches = 0;
    let waiting = tokio::time::timeout(LOOK * 10, rig.run(&mut script));
    assert!(waiting.await.is_err(), "it went on by itself");
    assert!(
        (1..=10).contains(&script.fetches),
        "{} fetches",
        script.fetches
    );
    assert_eq!(rig.status.phase(), Phase::Paused);
    assert!(rig.is_paused() && rig.status.release(Some(2)).is_some());
    rig.run(&mut script).await;
    assert_eq!((rig.frames().len(), rig.is_paused()), (4, false));
    assert_eq!(rig.counts.topic_resets.get(), 0);
}

/// DLQ-02, RES-19: what it waits for is gone with its topic, so it begins again without a release, by the
/// record read last or, where the new topic is shorter, by its end.
#[tokio::test(start_paused = true)]
async fn it_waits_for_nothing_in_a_topic_made_anew() {
    for end in [6, 1] {
        let (mut rig, _) = paused().await;
        let mut script = recreated(end);
        let mut runs = 0;
        let run = async {
            while !matches!(rig.run(&mut script).await, Failure::Absent) {
                runs += 1;
            }
        };
        let limit = LOOK * (WENT_BACK_ANSWERS + 1);
        let begun = tokio::time::timeout(limit, run).await;
        assert!(begun.is_ok(), "it still waits, with {end} records");
        assert!(runs < WENT_BACK_ANSWERS);
        assert_eq!(rig.frames(), record_frames(0..end));
        assert_eq!((rig.status.paused(), rig.is_paused()), (None, false));
        assert_eq!(rig.counts.topic_resets.get(), 1);
    }
}
