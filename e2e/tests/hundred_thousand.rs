//! 100,000 records of all kinds over 8 partitions of a real Kafka, through the relay to the command line
//! tool and to the page in Chromium at the same time: every record once, in order, and nothing silent.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use dashstream_e2e::{
    digest::{Expected, Verdict},
    kafka::Kafka,
    producer::{Produced, Topic},
    readers::Readers,
    relay::Relay,
    simulated::{Planned, plan},
};
use decode_core::wire::{GapCause, MessageKind, RejectCode};

const RECORDS: usize = 100_000;
const PARTITIONS: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two thousand records, so that the relay's end falls among them.
const PAUSE: Duration = Duration::from_millis(100);
/// Frames given to both readers together before the relay is killed.
const SENT_BEFORE_THE_END: f64 = 50_000.0;

/// Two browsers and two relays at once would only make both tests slow.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Where Kafka must put each record, which makes the digests known before anything is read.
fn expected(planned: &[Planned], topic: &Topic) -> Expected {
    let mut next = [0u64; PARTITIONS as usize];
    let placed = planned.iter().map(|planned| {
        let partition = topic.partition_of(&planned.input.key);
        let offset = &mut next[partition as usize];
        let produced = Produced {
            partition,
            offset: *offset,
            input: planned.input.clone(),
        };
        *offset += 1;
        (produced, planned.verdict)
    });
    Expected::of(&placed.collect::<Vec<_>>())
}

/// What Kafka acknowledged, with its own offsets.
fn acknowledged(planned: &[Planned], produced: Vec<Produced>) -> Expected {
    // Records of one key keep their order, so the n-th of a partition is the n-th planned for it.
    let mut by_partition: Vec<Vec<Produced>> = vec![Vec::new(); PARTITIONS as usize];
    for one in produced {
        by_partition[one.partition as usize].push(one);
    }
    let mut rest: Vec<_> = by_partition.into_iter().map(Vec::into_iter).collect();
    let pairs = planned.iter().map(|planned| {
        let partition = crc32fast::hash(&planned.input.key) % PARTITIONS;
        let one = rest[partition as usize].next().expect("as many as planned");
        assert_eq!(one.input, planned.input);
        (one, planned.verdict)
    });
    Expected::of(&pairs.collect::<Vec<_>>())
}

fn produce(topic: &Topic, planned: &[Planned]) -> Vec<Produced> {
    topic.produce(planned.iter().map(|planned| planned.input.clone()))
}

#[test]
fn every_record_reaches_tool_and_page_once() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("hundred-thousand", PARTITIONS);
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let planned = plan(20_261_122, RECORDS, PARTITIONS);
    let expected = expected(&planned, &topic);

    // One part is there before the readers come, the other comes while they read.
    let (before, after) = planned.split_at(RECORDS / 2);
    let mut produced = produce(&topic, before);
    let Some(readers) = Readers::start(&relay, &expected, PATIENCE) else {
        return;
    };
    for part in after.chunks(1_000) {
        produced.extend(produce(&topic, part));
    }
    assert_eq!(
        acknowledged(&planned, produced),
        expected,
        "Kafka put them where they belong"
    );
    readers.finish(&expected, PATIENCE);
    reconcile(&relay, &planned);
}

/// MET-02: what the relay counted is what was produced, kind by kind.
fn reconcile(relay: &Relay, planned: &[Planned]) {
    let metrics = relay.metrics();
    let count = |wanted: &dyn Fn(&Planned) -> bool| {
        planned.iter().filter(|planned| wanted(planned)).count() as f64
    };
    for kind in MessageKind::ALL {
        let newer = |planned: &Planned| {
            // The simulator names these after what is wrong with them; they are events.
            *kind == MessageKind::Event && planned.kind == "bad-newer-schema"
        };
        let wanted = count(&|planned| planned.kind == kind.code() || newer(planned));
        let name = "dashstream_relay_records_accepted_total";
        assert_eq!(
            metrics.sum(name, &[("kind", kind.code())]),
            wanted,
            "{kind}"
        );
    }
    for code in RejectCode::ALL {
        let wanted = count(&|planned| planned.verdict == Verdict::Reject(*code));
        let name = "dashstream_relay_rejects_total";
        assert_eq!(
            metrics.sum(name, &[("code", code.code())]),
            wanted,
            "{code}"
        );
    }
    for cause in GapCause::ALL {
        let wanted = count(&|planned| planned.verdict == Verdict::Gap(*cause));
        let name = "dashstream_relay_gaps_total";
        assert_eq!(
            metrics.sum(name, &[("cause", cause.code())]),
            wanted,
            "{cause}"
        );
    }
    let read = metrics.sum("websocket_kafka_messages_total", &[]);
    assert_eq!(read, planned.len() as f64);
}

#[test]
fn a_relay_killed_in_the_middle_costs_no_record() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("killed", PARTITIONS);
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let planned = plan(7, RECORDS, PARTITIONS);
    let expected = expected(&planned, &topic);
    let Some(readers) = Readers::start(&relay, &expected, PATIENCE) else {
        return;
    };
    relay.wait_for("both readers", Duration::from_secs(60), |relay| {
        relay.metrics().sum("websocket_connected_clients", &[]) >= 2.0
    });

    let made = AtomicUsize::new(0);
    let produced = thread::scope(|scope| {
        // Records go on coming while the relay dies, is away, and comes back.
        let feed = scope.spawn(|| {
            let mut produced = Vec::new();
            for part in planned.chunks(1_000) {
                produced.extend(produce(&topic, part));
                made.store(produced.len(), Ordering::Release);
                thread::sleep(PAUSE);
            }
            produced
        });
        relay.wait_for("records at both readers", PATIENCE, |relay| {
            let sent = relay
                .metrics()
                .sum("dashstream_relay_sent_frames_total", &[]);
            sent >= SENT_BEFORE_THE_END
        });
        relay.kill();
        let at_the_end = made.load(Ordering::Acquire);
        assert!(
            at_the_end < RECORDS * 9 / 10,
            "{at_the_end} records were there already"
        );
        thread::sleep(Duration::from_secs(1));
        relay.start_again();
        feed.join().expect("the producer works")
    });
    assert_eq!(
        acknowledged(&planned, produced),
        expected,
        "Kafka put them where they belong"
    );
    readers.finish(&expected, PATIENCE);
    let sessions = relay.metrics().sum("dashstream_relay_sessions_total", &[]);
    assert!(sessions >= 2.0, "both readers came back: {sessions}");
}
