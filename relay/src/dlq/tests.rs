use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use decode_core::wire::RejectCode;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::*;
use crate::config::Topic;

/// A store that fails as often as told, then keeps every letter.
#[derive(Debug, Default)]
struct Scripted {
    failures: AtomicU32,
    reason: Option<Reason>,
    takes: Duration,
    attempts: AtomicU32,
    /// Attempts under way, and the most of them at any time.
    under_way: AtomicU32,
    most: AtomicU32,
    kept: Mutex<Vec<String>>,
}

impl Store for Arc<Scripted> {
    async fn store(&self, letter: &Letter) -> Result<(), Reason> {
        self.attempts.fetch_add(1, Relaxed);
        let under_way = self.under_way.fetch_add(1, Relaxed) + 1;
        self.most.fetch_max(under_way, Relaxed);
        sleep(self.takes).await;
        self.under_way.fetch_sub(1, Relaxed);
        let left = self.failures.load(Relaxed);
        if left > 0 {
            self.failures.store(left - 1, Relaxed);
            return Err(self.reason.unwrap_or(Reason::KafkaError));
        }
        self.kept.lock().push(letter.key());
        Ok(())
    }
}

fn config(fail_closed: bool, concurrent_sends_max: usize) -> DlqConfig {
    DlqConfig {
        topic: Topic::parse("t-dlq").expect("a name"),
        concurrent_sends_max,
        send_timeout: Duration::from_secs(5),
        include_full_payload: false,
        fail_closed,
        record_bytes_max: 1_000_000,
    }
}

fn queue(config: &DlqConfig, store: Scripted) -> (Dlq<Arc<Scripted>>, Arc<Scripted>, Arc<Counts>) {
    let (store, counts) = (Arc::new(store), Arc::new(Counts::default()));
    let dlq = Dlq::with_store(
        config,
        "t",
        Arc::clone(&store),
        Arc::clone(&counts),
        Arc::default(),
    );
    (dlq, store, counts)
}

fn refused(offset: u64) -> Refused<'static> {
    Refused {
        partition: 7,
        offset,
        key: None,
        value: Some(b"junk"),
        cause: Cause::Rejected(RejectCode::BadFrame),
    }
}

fn sent(counts: &Counts) -> u64 {
    counts.sent.sum()
}

fn failed(counts: &Counts, reason: Reason) -> u64 {
    counts.failed.get(reason)
}

/// DLQ-05: retries with pauses that grow, and each letter counted once.
#[tokio::test(start_paused = true)]
async fn two_failures_are_made_good() {
    let (dlq, store, counts) = queue(
        &config(false, 1),
        Scripted {
            failures: AtomicU32::new(2),
            ..Scripted::default()
        },
    );
    let start = Instant::now();
    assert_eq!(dlq.offer(&refused(1)).await.await, Outcome::Stored);
    let took = start.elapsed();
    assert!(
        (Duration::from_millis(300)..Duration::from_millis(400)).contains(&took),
        "{took:?}"
    );
    assert_eq!((sent(&counts), counts.retries.get()), (1, 2));
    assert_eq!(store.kept.lock().len(), 1);
}

/// DLQ-03, DLQ-05: failing open, a letter is given up after three attempts, with its reason.
#[tokio::test(start_paused = true)]
async fn failing_open_gives_up() {
    let (dlq, _, counts) = queue(
        &config(false, 1),
        Scripted {
            failures: AtomicU32::new(3),
            reason: Some(Reason::TopicAbsent),
            ..Scripted::default()
        },
    );
    assert_eq!(dlq.offer(&refused(1)).await.await, Outcome::Failed);
    assert_eq!(
        (sent(&counts), failed(&counts, Reason::TopicAbsent)),
        (0, 1)
    );
    assert!(counts.waiting().is_empty());
}

/// DLQ-05, BND-05: the time of a letter is bounded, whatever the broker does.
#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_costs_the_timeout() {
    let (dlq, _, counts) = queue(
        &config(false, 1),
        Scripted {
            takes: Duration::from_secs(3600),
            ..Scripted::default()
        },
    );
    let start = Instant::now();
    assert_eq!(dlq.offer(&refused(1)).await.await, Outcome::Failed);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(failed(&counts, Reason::Timeout), 1);
    assert_eq!(dlq.in_flight(), 0);
}

/// Offers that many letters, one after the other as ingest does, and counts what became of them.
async fn offer_all(dlq: &Dlq<Arc<Scripted>>, count: u64) -> [usize; 3] {
    let mut letters = Vec::new();
    for offset in 0..count {
        letters.push(dlq.offer(&refused(offset)).await);
    }
    let mut outcomes = Vec::new();
    for letter in letters {
        outcomes.push(letter.await);
    }
    let count = |end| outcomes.iter().filter(|outcome| **outcome == end).count();
    [Outcome::Stored, Outcome::Failed, Outcome::Dropped].map(count)
}

/// DLQ-03, DLQ-05: however many letters come at once, all are stored while the store keeps up, and
/// never more than allowed are on their way.
#[tokio::test(start_paused = true)]
async fn a_burst_before_a_healthy_store_loses_nothing() {
    let (dlq, store, counts) = queue(
        &config(false, 100),
        Scripted {
            takes: Duration::from_millis(20),
            ..Scripted::default()
        },
    );
    assert_eq!(offer_all(&dlq, 5_000).await, [5_000, 0, 0]);
    assert_eq!(store.kept.lock().len(), 5_000);
    assert_eq!(store.most.load(Relaxed), 100);
    assert_eq!(
        (sent(&counts), failed(&counts, Reason::Backpressure)),
        (5_000, 0)
    );
}

/// DLQ-03, BND-05: before a store that never answers reading is held up once, for a bounded time;
/// everything that then finds no room is dropped at once and counted.
#[tokio::test(start_paused = true)]
async fn a_store_that_takes_nothing_holds_reading_up_once() {
    for (send_timeout, lost) in [(5, 2), (600, 0)] {
        let mut config = config(false, 2);
        config.send_timeout = Duration::from_secs(send_timeout);
        let stuck = Scripted {
            takes: Duration::from_secs(3_600),
            ..Scripted::default()
        };
        let (dlq, _, counts) = queue(&config, stuck);
        let start = Instant::now();
        for offset in 0..100 {
            drop(dlq.offer(&refused(offset)).await);
            sleep(Duration::from_millis(1)).await;
        }
        let took = start.elapsed();
        assert!(took < ROOM_WAIT_MAX + Duration::from_secs(1), "{took:?}");
        assert_eq!(failed(&counts, Reason::Timeout), lost);
        let dropped = failed(&counts, Reason::Backpressure);
        assert!((94..=98).contains(&dropped), "{dropped}");
    }
}

/// DLQ-03: once letters are stored again, and some time after the last loss, bursts are waited for
/// again.
#[tokio::test(start_paused = true)]
async fn after_losses_reading_waits_again_where_it_is_worth_it() {
    let (dlq, store, _) = queue(
        &config(false, 2),
        Scripted {
            takes: Duration::from_millis(20),
            failures: AtomicU32::new(3),
            ..Scripted::default()
        },
    );
    assert_eq!(dlq.offer(&refused(0)).await.await, Outcome::Failed);
    assert_eq!(offer_all(&dlq, 5).await, [2, 0, 3], "no waiting yet");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(offer_all(&dlq, 50).await, [50, 0, 0]);
    assert_eq!(store.kept.lock().len(), 52);
}

/// DLQ-05: letters on their way are bounded in memory too, and a letter over the bound goes alone.
#[tokio::test(start_paused = true)]
async fn large_letters_go_fewer_at_a_time() {
    let payload = vec![0x7B; 9_000_000];
    let large = Refused {
        value: Some(&payload),
        ..refused(0)
    };
    for (record_bytes_max, at_once) in [(64_000_000, 1), (6_000_000, 2), (100_000, 100)] {
        let mut config = config(false, 100);
        config.include_full_payload = true;
        config.record_bytes_max = record_bytes_max;
        let healthy = Scripted {
            takes: Duration::from_secs(1),
            ..Scripted::default()
        };
        let (dlq, store, counts) = queue(&config, healthy);
        let mut letters = Vec::new();
        for _ in 0..at_once + 2 {
            letters.push(dlq.offer(&large).await);
        }
        for letter in letters {
            assert_eq!(letter.await, Outcome::Stored);
        }
        assert_eq!(store.most.load(Relaxed), at_once);
        assert_eq!(sent(&counts), u64::from(at_once + 2));
    }
}

/// DLQ-03: failing closed, the outcome comes when the letter is stored, and meanwhile the
/// partition is listed.
#[tokio::test(start_paused = true)]
async fn failing_closed_waits_until_it_is_stored() {
    let (dlq, store, counts) = queue(
        &config(true, 1),
        Scripted {
            failures: AtomicU32::new(40),
            reason: Some(Reason::TopicAbsent),
            ..Scripted::default()
        },
    );
    assert!(dlq.fails_closed());
    let mut letter = dlq.offer(&refused(1)).await;
    let early = tokio::time::timeout(Duration::from_secs(60), &mut letter).await;
    assert!(early.is_err(), "not yet");
    assert_eq!(counts.waiting(), [7]);
    assert_eq!(letter.await, Outcome::Stored);
    assert!(counts.waiting().is_empty());
    assert_eq!((sent(&counts), counts.retries.get()), (1, 40));
    assert_eq!(counts.failed.sum(), 0);
    assert_eq!(store.kept.lock().len(), 1);
}

/// DLQ-03: failing closed nothing is dropped; letters wait for their turn.
#[tokio::test(start_paused = true)]
async fn failing_closed_drops_nothing() {
    let (dlq, store, counts) = queue(
        &config(true, 1),
        Scripted {
            takes: Duration::from_secs(1),
            ..Scripted::default()
        },
    );
    assert_eq!(offer_all(&dlq, 5).await, [5, 0, 0]);
    assert_eq!((sent(&counts), store.kept.lock().len()), (5, 5));
}

/// DLQ-03: failing closed, a partition is listed until the last of its letters is stored, and also
/// while others have all the room.
#[tokio::test(start_paused = true)]
async fn a_partition_is_listed_until_all_its_letters_are_stored() {
    let (dlq, store, counts) = queue(
        &config(true, 2),
        Scripted {
            failures: AtomicU32::new(61),
            ..Scripted::default()
        },
    );
    let first = dlq.offer(&refused(1)).await;
    let second = dlq.offer(&refused(2)).await;
    let elsewhere = Refused {
        partition: 8,
        ..refused(3)
    };
    let third = tokio::spawn({
        let dlq = dlq.clone();
        async move { dlq.offer(&elsewhere).await.await }
    });
    sleep(Duration::from_secs(60)).await;
    assert_eq!(counts.waiting(), [7, 8]);
    while store.kept.lock().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    store.failures.store(1_000, Relaxed);
    sleep(Duration::from_millis(1)).await;
    assert!(
        counts.waiting().contains(&7),
        "one of its letters is stored"
    );
    store.failures.store(0, Relaxed);
    for letter in [first, second] {
        assert_eq!(letter.await, Outcome::Stored);
    }
    assert_eq!(third.await.expect("no panic"), Outcome::Stored);
    assert!(counts.waiting().is_empty());
}

/// A broker that takes less than was configured gets less, not nothing.
#[tokio::test(start_paused = true)]
async fn a_letter_too_large_for_the_broker_goes_without_payload() {
    let (dlq, store, counts) = queue(
        &config(false, 1),
        Scripted {
            failures: AtomicU32::new(1),
            reason: Some(Reason::RecordTooLarge),
            ..Scripted::default()
        },
    );
    assert_eq!(dlq.offer(&refused(1)).await.await, Outcome::Stored);
    assert_eq!(
        (sent(&counts), counts.truncated.get(), counts.retries.get()),
        (1, 1, 0)
    );
    assert_eq!(store.kept.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_letters_on_their_way() {
    let (dlq, store, _) = queue(
        &config(false, 3),
        Scripted {
            takes: Duration::from_secs(2),
            ..Scripted::default()
        },
    );
    drop(dlq.offer(&refused(1)).await);
    drop(dlq.offer(&refused(2)).await);
    dlq.drain().await;
    assert_eq!(store.kept.lock().len(), 2);
}

/// X2: a fault while a letter is sent is named, gives its room back, and is no letter that nobody knows the end of.
#[tokio::test(start_paused = true)]
async fn a_fault_in_sending_is_noticed() {
    struct Faulty;
    impl Store for Faulty {
        async fn store(&self, _: &Letter) -> Result<(), Reason> {
            panic!("on purpose")
        }
    }
    let (counts, tasks) = (Arc::<Counts>::default(), Arc::<Tasks>::default());
    let dlq = Dlq::with_store(
        &config(false, 1),
        "t",
        Faulty,
        Arc::clone(&counts),
        Arc::clone(&tasks),
    );
    for offset in 0..3 {
        assert_eq!(dlq.offer(&refused(offset)).await.await, Outcome::Failed);
    }
    assert_eq!(failed(&counts, Reason::Fault), 3);
    assert_eq!(tasks.ended(), ["sending a dead letter"]);
    assert_eq!(dlq.in_flight(), 0);
}
