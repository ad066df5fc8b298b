//! The dead letter queue: new records that cannot be used go to a topic of their own, one letter
//! each, with what is needed to find and examine them.
//!
//! It fails open by default: reading goes on whatever becomes of the letter, at the pace of the store
//! while that keeps up. Failing closed, a partition waits until its letters are stored. Either way the
//! letters on their way are bounded in number, memory and time, and every end is counted.

mod counts;
mod deliver;
mod letter;
mod losses;
mod producer;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};

pub use counts::Counts;
pub use deliver::{Reason, Store};
pub use letter::{Cause, Letter, Limits, Refused};
pub use producer::Producer;

use crate::config::{DlqConfig, KafkaConfig};
use deliver::{Delivery, Listed};
use losses::Losses;

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
    losses: Arc<Losses>,
    sends: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

/// Memory of all letters on their way; a single one may be larger and then goes alone.
const MEMORY_BYTES_MAX: u32 = 64 << 20;
/// Longest time that reading is held up for the room of a letter, failing open. That much is enough
/// for a store that keeps up, whatever the number of letters that come at once.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(5);

/// What a letter takes up while it is on its way.
#[derive(Debug)]
struct Room {
    _send: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
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
                losses: Arc::new(Losses::new(Arc::clone(&counts))),
                counts,
                sends: Arc::new(Semaphore::new(config.concurrent_sends_max)),
                memory: Arc::new(Semaphore::new(MEMORY_BYTES_MAX as usize)),
            }),
        }
    }

    /// Whether ingest has to wait for [`Settled`] before it goes on in that partition.
    pub fn fails_closed(&self) -> bool {
        self.parts.config.fail_closed
    }

    /// Sends a letter about a record, from inside a runtime. Completes when there is room for the
    /// letter, or when it is dropped: failing open after [`ROOM_WAIT_MAX`], or at once where letters
    /// are being lost; failing closed never. What became of the letter is told by what is returned.
    pub async fn offer(&self, refused: &Refused<'_>) -> Settled {
        let (end, settled) = oneshot::channel();
        let parts = &self.parts;
        let Some(room) = self.room(refused).await else {
            let (partition, offset) = (refused.partition, refused.offset);
            parts.losses.lost(partition, offset, Reason::Backpressure);
            // The receiver is right here.
            let _held: Result<(), Outcome> = end.send(Outcome::Dropped);
            return Settled(settled);
        };
        let delivery = Delivery {
            letter: Letter::new(&parts.source, refused, parts.limits, wall_ms()),
            store: Arc::clone(&parts.store),
            counts: Arc::clone(&parts.counts),
            losses: Arc::clone(&parts.losses),
            timeout: parts.config.send_timeout,
            fail_closed: parts.config.fail_closed,
        };
        tokio::spawn(async move {
            let outcome = delivery.run().await;
            drop(room);
            // Whoever offered the letter may not care.
            let _ignored: Result<(), Outcome> = end.send(outcome);
        });
        Settled(settled)
    }

    async fn room(&self, refused: &Refused<'_>) -> Option<Room> {
        let parts = &self.parts;
        let bytes = Letter::memory_bytes(refused, parts.limits);
        let bytes =
            u32::try_from(bytes).map_or(MEMORY_BYTES_MAX, |bytes| bytes.min(MEMORY_BYTES_MAX));
        let (sends, memory) = (&parts.sends, &parts.memory);
        if !self.fails_closed() && !parts.losses.may_wait() {
            return Some(Room {
                _send: Arc::clone(sends).try_acquire_owned().ok()?,
                _memory: Arc::clone(memory).try_acquire_many_owned(bytes).ok()?,
            });
        }
        // Neither semaphore is ever closed.
        let mut room = Box::pin(async {
            Some(Room {
                _send: Arc::clone(sends).acquire_owned().await.ok()?,
                _memory: Arc::clone(memory).acquire_many_owned(bytes).await.ok()?,
            })
        });
        if self.fails_closed() {
            if let Ok(room) = timeout(parts.config.send_timeout, &mut room).await {
                return room;
            }
            let _listed = Listed::new(&parts.counts, refused.partition, Reason::Backpressure);
            return room.await;
        }
        let room = timeout(ROOM_WAIT_MAX, room).await;
        room.unwrap_or_else(|_| {
            parts.losses.fall_behind();
            None
        })
    }

    /// Letters on their way.
    pub fn in_flight(&self) -> usize {
        let free = self.parts.sends.available_permits();
        self.parts.config.concurrent_sends_max.saturating_sub(free)
    }

    /// Waits until no letter is on its way.
    pub async fn drain(&self) {
        let all = u32::try_from(self.parts.config.concurrent_sends_max).unwrap_or(u32::MAX);
        // The semaphore is never closed; were it, nothing would be on its way.
        drop(self.parts.sends.acquire_many(all).await);
    }
}

fn wall_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
