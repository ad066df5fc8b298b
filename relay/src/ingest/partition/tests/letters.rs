//! A dead letter queue that fails closed and has no room.

use super::*;
use crate::{dlq::Dlq, limits::LETTER_HOLD_MS_MAX};

/// Six records, of which those at offsets 1 and 3 cannot be used, and a queue of two letters whose brokers are away.
fn rig() -> (Rig, Script, Dlq) {
    let arguments = [
        "dashstream-relay",
        "--kafka-brokers=127.0.0.1:1",
        "--kafka-dlq-topic=letters",
        "--dlq-fail-closed=true",
        "--dlq-concurrent-sends-max=2",
    ];
    let cli = Cli::try_parse_from(arguments).expect("known options");
    let config = Config::from_args(&cli.options).expect("usable options");
    let dlq = Dlq::new(&config.kafka, Arc::default(), Arc::default()).expect("a queue");
    let mut rig = Rig::with(&[], Origin::Later);
    rig.reader.context.dlq = Some(dlq.clone());
    let script = Script {
        values: BTreeMap::from([(1, None), (3, None)]),
        ..Script::new(0, vec![records(0..6)])
    };
    (rig, script, dlq)
}

fn refused(rig: &Rig) -> u64 {
    rig.counts.unusable.of(Age::New).sum()
}

/// X1: a partition that waits for room for a letter gives back what it fetched, so that others can be read. Once
/// there is room it goes on where it stopped: each record is told once and counted once.
#[tokio::test]
async fn whoever_finds_no_room_for_a_letter_keeps_nothing_that_was_fetched() {
    let (mut rig, mut script, dlq) = rig();
    let mut rooms = Vec::new();
    for partition in [8, 9] {
        rooms.push(dlq.reserve(partition, 0).await.expect("free"));
    }
    let answers = Arc::clone(&script.answers);
    let hold = Duration::from_millis(LETTER_HOLD_MS_MAX);
    let stuck = tokio::spawn(async move {
        let looked = tokio::time::timeout(hold * 2, rig.run(&mut script)).await;
        (looked.is_err(), rig, script)
    });
    tokio::time::sleep(hold * 3 / 2).await;
    assert_eq!(Arc::strong_count(&answers), 2, "an answer is held");
    let (waits, mut rig, mut script) = stuck.await.expect("no panic");
    assert!(waits, "it went on without room");
    assert_eq!(rig.frames(), record_frames(0..1));
    assert_eq!(refused(&rig), 0, "counted when it is taken");

    drop(rooms);
    let waits = tokio::time::timeout(hold * 3, rig.run(&mut script)).await;
    assert!(waits.is_err(), "it goes on before its letters are stored");
    let kinds: Vec<_> = rig
        .frames()
        .into_iter()
        .map(|(_, first, _)| first)
        .collect();
    assert_eq!(kinds, [0, 1, 2, 3, 4, 5]);
    assert_eq!((refused(&rig), dlq.in_flight()), (2, 2));
}
