use std::{sync::atomic::AtomicU32, time::Duration};

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
    kept: Mutex<Vec<String>>,
}

impl Store for Arc<Scripted> {
    async fn store(&self, letter: &Letter) -> Result<(), Reason> {
        use std::sync::atomic::Ordering::Relaxed;
        self.attempts.fetch_add(1, Relaxed);
        sleep(self.takes).await;
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
    let dlq = Dlq::with_store(config, "t", Arc::clone(&store), Arc::clone(&counts));
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
    counts.sent_by_type().map(|(_, count)| count).sum()
}

fn failed(counts: &Counts, reason: Reason) -> u64 {
    let mut found = counts
        .failed_by_reason()
        .filter(|(name, _)| *name == reason.name());
    found.next().expect("every reason is there").1
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
    assert_eq!(dlq.offer(&refused(1)).await, Outcome::Stored);
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
    assert_eq!(dlq.offer(&refused(1)).await, Outcome::Failed);
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
    assert_eq!(dlq.offer(&refused(1)).await, Outcome::Failed);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(failed(&counts, Reason::Timeout), 1);
    assert_eq!(dlq.in_flight(), 0);
}

/// DLQ-05: no more letters on their way than allowed; the others are dropped at once and counted.
#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_dropped() {
    let (dlq, store, counts) = queue(
        &config(false, 2),
        Scripted {
            takes: Duration::from_secs(1),
            ..Scripted::default()
        },
    );
    let letters: Vec<_> = (0..5).map(|offset| dlq.offer(&refused(offset))).collect();
    assert_eq!(dlq.in_flight(), 2);
    let mut outcomes = Vec::new();
    for letter in letters {
        outcomes.push(letter.await);
    }
    let (stored, dropped) = (Outcome::Stored, Outcome::Dropped);
    assert_eq!(outcomes, [stored, stored, dropped, dropped, dropped]);
    assert_eq!(
        (sent(&counts), failed(&counts, Reason::Backpressure)),
        (2, 3)
    );
    assert_eq!(store.kept.lock().len(), 2);
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
    let mut letter = dlq.offer(&refused(1));
    let early = tokio::time::timeout(Duration::from_secs(60), &mut letter).await;
    assert!(early.is_err(), "not yet");
    assert_eq!(counts.waiting(), [7]);
    assert_eq!(letter.await, Outcome::Stored);
    assert!(counts.waiting().is_empty());
    assert_eq!((sent(&counts), counts.retries.get()), (1, 40));
    assert_eq!(
        counts
            .failed_by_reason()
            .map(|(_, count)| count)
            .sum::<u64>(),
        0
    );
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
    let letters: Vec<_> = (0..5).map(|offset| dlq.offer(&refused(offset))).collect();
    for letter in letters {
        assert_eq!(letter.await, Outcome::Stored);
    }
    assert_eq!((sent(&counts), store.kept.lock().len()), (5, 5));
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
    assert_eq!(dlq.offer(&refused(1)).await, Outcome::Stored);
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
    drop(dlq.offer(&refused(1)));
    drop(dlq.offer(&refused(2)));
    dlq.drain().await;
    assert_eq!(store.kept.lock().len(), 2);
}
