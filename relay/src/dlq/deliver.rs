//! The way of one letter into the store: attempts, time, and what is counted at the end.

use std::{
    hash::{BuildHasher as _, RandomState},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use super::{
    backlog::Backlog,
    counts::Counts,
    letter::Letter,
    outcome::{Outcome, Reason},
};
use crate::{backoff::delay, config::BackoffConfig};

/// What keeps letters.
pub trait Store: Send + Sync + 'static {
    /// One attempt to store a letter. It may be dropped half way.
    fn store(&self, letter: &Letter) -> impl Future<Output = Result<(), Reason>> + Send;
}

/// Attempts of a queue that fails open, first one included.
const ATTEMPTS_MAX: u32 = 3;
/// Up to this part of a pause is added by chance, so that letters that failed together do not come
/// back together.
const JITTER_PERCENT: u64 = 25;

/// One letter with all it needs.
pub(super) struct Delivery<S> {
    pub letter: Letter,
    pub store: Arc<S>,
    pub counts: Arc<Counts>,
    pub backlog: Arc<Backlog>,
    /// For the letter as a whole; failing closed, for one attempt.
    pub timeout: Duration,
    pub fail_closed: bool,
}

/// A fault on the way of a letter is one of its ends, too.
impl<S> Drop for Delivery<S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (partition, offset) = (self.letter.partition, self.letter.offset);
            self.backlog.lost(partition, offset, Reason::Fault);
        }
    }
}

impl<S: Store> Delivery<S> {
    pub(super) async fn run(mut self) -> Outcome {
        let result = if self.fail_closed {
            self.insist().await;
            Ok(())
        } else {
            self.try_in_time().await
        };
        match result {
            Ok(()) => {
                self.counts.sent.inc(self.letter.cause.metric_type());
                self.backlog.stored();
                if self.letter.is_truncated() {
                    self.counts.truncated.inc();
                }
                Outcome::Stored
            }
            Err(reason) => {
                let (partition, offset) = (self.letter.partition, self.letter.offset);
                self.backlog.lost(partition, offset, reason);
                Outcome::Failed
            }
        }
    }

    async fn try_in_time(&mut self) -> Result<(), Reason> {
        let (letter, store, counts) = (&mut self.letter, &self.store, &self.counts);
        let attempts = async {
            let mut failures = 0;
            loop {
                let Err(reason) = attempt(&**store, letter).await else {
                    return Ok(());
                };
                failures += 1;
                if failures >= ATTEMPTS_MAX || reason == Reason::RecordTooLarge {
                    return Err(reason);
                }
                counts.retries.inc();
                tokio::time::sleep(pause(failures)).await;
            }
        };
        tokio::time::timeout(self.timeout, attempts)
            .await
            .unwrap_or(Err(Reason::Timeout))
    }

    /// Until it is stored. The partition is listed as waiting from the first failure on.
    async fn insist(&mut self) {
        let mut failures = 0;
        let mut listed = None;
        loop {
            let attempt = attempt(&*self.store, &mut self.letter);
            let result = tokio::time::timeout(self.timeout, attempt).await;
            let Err(reason) = result.unwrap_or(Err(Reason::Timeout)) else {
                return;
            };
            let partition = self.letter.partition;
            if listed.is_none() {
                listed = Some(Listed::new(&self.counts, partition, reason));
            }
            failures += 1;
            self.counts.retries.inc();
            tokio::time::sleep(pause(failures)).await;
        }
    }
}

/// An attempt, repeated with less payload where the broker takes less than was configured.
async fn attempt<S: Store>(store: &S, letter: &mut Letter) -> Result<(), Reason> {
    loop {
        // Boxed: the type of a Kafka client's call is nested so deep that, inside those of this file and the task,
        // it passes the compiler's limit.
        let stored: Pin<Box<dyn Future<Output = Result<(), Reason>> + Send + '_>> =
            Box::pin(store.store(letter));
        match stored.await {
            Err(Reason::RecordTooLarge) if letter.shrink() => {}
            result => return result,
        }
    }
}

fn pause(failures: u32) -> Duration {
    let base = delay(BackoffConfig::default(), failures.saturating_sub(1));
    let chance = RandomState::new().hash_one(failures) % (JITTER_PERCENT + 1);
    base + base * u32::try_from(chance).unwrap_or(0) / 100
}

/// A partition in the list of those that wait, on whichever path it leaves.
pub(super) struct Listed {
    counts: Arc<Counts>,
    partition: u32,
}

impl Listed {
    pub(super) fn new(counts: &Arc<Counts>, partition: u32, reason: Reason) -> Self {
        if counts.start_waiting(partition) {
            let reason = reason.text();
            tracing::warn!(
                partition,
                reason,
                "the partition waits until its dead letter is stored"
            );
        }
        Self {
            counts: Arc::clone(counts),
            partition,
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.counts.stop_waiting(self.partition);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// DLQ-05: pauses double up to a bound, and letters that failed together come back apart.
    #[test]
    fn pauses_double_and_are_spread_by_chance() {
        let spread = |failures, least_ms: u64| {
            let pauses: BTreeSet<_> = (0..200).map(|_| pause(failures)).collect();
            let ms = Duration::from_millis;
            let most = ms(least_ms * 5 / 4);
            assert!(pauses.iter().all(|&one| ms(least_ms) <= one && one <= most));
            assert!(pauses.len() > 10, "{failures}: only {pauses:?}");
        };
        spread(1, 100);
        spread(2, 200);
        spread(6, 3_200);
        for failures in [7, 30, 64, 65, u32::MAX] {
            spread(failures, 5_000);
        }
    }
}
