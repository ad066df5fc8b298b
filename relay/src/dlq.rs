//! The dead letter queue: new records that cannot be used go to a topic of their own, one letter
//! each, with what is needed to find and examine them.
//!
//! It fails open by default: reading goes on whatever becomes of the letter. Failing closed, a
//! partition waits until its letter is stored. Either way the number of letters on their way and the
//! time for each are bounded, and every end is counted.

mod counts;
mod deliver;
mod letter;
mod producer;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::{Semaphore, oneshot};

pub use counts::Counts;
pub use deliver::{Reason, Store};
pub use letter::{Cause, Letter, Limits, Refused};
pub use producer::Producer;

use crate::config::{DlqConfig, KafkaConfig};
use deliver::Delivery;

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Kafka has it.
    Stored,
    /// It could not be stored and never will be.
    Failed,
    /// Too many others were on their way.
    Dropped,
}

/// The outcome of one letter, once it is known. Dropping it does not stop the letter.
#[derive(Debug)]
pub struct Settled(oneshot::Receiver<Outcome>);

impl Future for Settled {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let received = Pin::new(&mut self.0).poll(context);
        received.map(|outcome| outcome.unwrap_or(Outcome::Failed))
    }
}

/// The way into the queue. Cloned freely.
#[derive(Debug)]
pub struct Dlq<S = Producer> {
    parts: Arc<Parts<S>>,
}

impl<S> Clone for Dlq<S> {
    fn clone(&self) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
        }
    }
}

#[derive(Debug)]
struct Parts<S> {
    config: DlqConfig,
    limits: Limits,
    source: String,
    store: Arc<S>,
    counts: Arc<Counts>,
    permits: Arc<Semaphore>,
}

impl Dlq {
    /// The queue, where the configuration has one. Connects when the first letter comes.
    pub fn new(config: &KafkaConfig, counts: Arc<Counts>) -> Option<Self> {
        let dlq = config.dlq.as_ref()?;
        let store = Producer::new(config, dlq);
        Some(Self::with_store(dlq, config.topic.as_str(), store, counts))
    }
}

impl<S: Store> Dlq<S> {
    /// The queue before any store; `source` is the topic the records come from.
    pub fn with_store(config: &DlqConfig, source: &str, store: S, counts: Arc<Counts>) -> Self {
        Self {
            parts: Arc::new(Parts {
                config: config.clone(),
                limits: Limits {
                    include_full_payload: config.include_full_payload,
                    record_bytes_max: config.record_bytes_max,
                },
                source: source.to_owned(),
                store: Arc::new(store),
                counts,
                permits: Arc::new(Semaphore::new(config.concurrent_sends_max)),
            }),
        }
    }

    /// Whether ingest has to wait for [`Settled`] before it goes on in that partition.
    pub fn fails_closed(&self) -> bool {
        self.parts.config.fail_closed
    }

    /// Sends a letter about a record, from inside a runtime. Failing open this never waits: the
    /// letter is on its way, or dropped because too many are. Failing closed the returned future
    /// completes only when the letter is stored.
    pub fn offer(&self, refused: &Refused<'_>) -> Settled {
        let (end, settled) = oneshot::channel();
        let parts = &self.parts;
        let permit = match Arc::clone(&parts.permits).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) if self.fails_closed() => None,
            Err(_) => {
                parts.counts.failed(Reason::Backpressure);
                // The receiver is right here.
                let _held: Result<(), Outcome> = end.send(Outcome::Dropped);
                return Settled(settled);
            }
        };
        let delivery = Delivery {
            letter: Letter::new(&parts.source, refused, parts.limits, wall_ms()),
            store: Arc::clone(&parts.store),
            counts: Arc::clone(&parts.counts),
            timeout: parts.config.send_timeout,
            fail_closed: parts.config.fail_closed,
        };
        let permits = Arc::clone(&parts.permits);
        tokio::spawn(async move {
            let permit = match permit {
                Some(permit) => Ok(permit),
                None => permits.acquire_owned().await,
            };
            let outcome = delivery.run().await;
            drop(permit);
            // Whoever offered the letter may not care.
            let _ignored: Result<(), Outcome> = end.send(outcome);
        });
        Settled(settled)
    }

    /// Letters on their way.
    pub fn in_flight(&self) -> usize {
        let free = self.parts.permits.available_permits();
        self.parts.config.concurrent_sends_max.saturating_sub(free)
    }

    /// Waits until no letter is on its way.
    pub async fn drain(&self) {
        let all = u32::try_from(self.parts.config.concurrent_sends_max).unwrap_or(u32::MAX);
        // The semaphore is never closed; were it, nothing would be on its way.
        drop(self.parts.permits.acquire_many(all).await);
    }
}

fn wall_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
