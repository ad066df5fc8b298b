//! The dead letter queue: new records that cannot be used go to a topic of their own, one letter
//! each, with what is needed to find and examine them.
//!
//! It fails open by default: reading goes on whatever becomes of the letter, at the pace of the store
//! while that keeps up. Failing closed, a partition waits until its letters are stored. Either way the
//! letters on their way are bounded in number, memory and time, and every end is counted.

mod backlog;
mod counts;
mod deliver;
mod letter;
mod outcome;
mod producer;

use std::{sync::Arc, time::Duration};

use dashstream_serve::Clock;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};

pub use counts::Counts;
pub use deliver::Store;
pub use letter::{Cause, Letter, Limits, Refused};
pub use outcome::{Outcome, Reason, Settled};
pub use producer::Producer;

use crate::{
    config::{DlqConfig, KafkaConfig},
    tasks::Tasks,
};
use backlog::Backlog;
use deliver::{Delivery, Listed};

/// The way into the queue. Cloned freely.
#[derive(Debug)]
pub struct Dlq<S = Producer> {
    inner: Arc<Inner<S>>,
}

impl<S> Clone for Dlq<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

#[derive(Debug)]
struct Inner<S> {
    config: DlqConfig,
    limits: Limits,
    source: String,
    store: Arc<S>,
    counts: Arc<Counts>,
    tasks: Arc<Tasks>,
    backlog: Arc<Backlog>,
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
pub struct Room {
    _send: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

impl Dlq {
    /// The queue, where the configuration has one. Connects when the first letter comes.
    pub fn new(config: &KafkaConfig, counts: Arc<Counts>, tasks: Arc<Tasks>) -> Option<Self> {
        let dlq = config.dlq.as_ref()?;
        let store = Producer::new(config, dlq);
        Some(Self::with_store(
            dlq,
            config.topic.as_str(),
            store,
            counts,
            tasks,
        ))
    }
}

impl<S: Store> Dlq<S> {
    /// The queue before any store; `source` is the topic the records come from.
    pub fn with_store(
        config: &DlqConfig,
        source: &str,
        store: S,
        counts: Arc<Counts>,
        tasks: Arc<Tasks>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                config: config.clone(),
                limits: Limits {
                    include_full_payload: config.include_full_payload,
                    record_bytes_max: config.record_bytes_max,
                },
                source: source.to_owned(),
                store: Arc::new(store),
                backlog: Arc::new(Backlog::new(Arc::clone(&counts))),
                counts,
                tasks,
                sends: Arc::new(Semaphore::new(config.concurrent_sends_max)),
                memory: Arc::new(Semaphore::new(MEMORY_BYTES_MAX as usize)),
            }),
        }
    }

    /// Whether ingest has to wait for [`Settled`] before it goes on in that partition.
    pub fn fails_closed(&self) -> bool {
        self.inner.config.fail_closed
    }

    /// Sends a letter about a record, from inside a runtime. Completes when there is room for the
    /// letter, or when it is dropped: failing open after [`ROOM_WAIT_MAX`], or at once where letters
    /// are being lost; failing closed never. What became of the letter is told by what is returned.
    pub async fn offer(&self, refused: &Refused<'_>) -> Settled {
        let bytes = refused.value.map_or(0, <[u8]>::len);
        if let Some(room) = self.reserve(refused.partition, bytes).await {
            return self.offer_in(room, refused);
        }
        let (end, settled) = oneshot::channel();
        let (partition, offset) = (refused.partition, refused.offset);
        let backlog = &self.inner.backlog;
        backlog.lost(partition, offset, Reason::Backpressure);
        // The receiver is right here.
        let _held: Result<(), Outcome> = end.send(Outcome::Dropped);
        Settled(settled)
    }

    /// The same with room that was reserved for a value of at least that size.
    pub fn offer_in(&self, room: Room, refused: &Refused<'_>) -> Settled {
        let (end, settled) = oneshot::channel();
        let inner = &self.inner;
        let delivery = Delivery {
            letter: Letter::new(&inner.source, refused, inner.limits, Clock::wall_ms()),
            store: Arc::clone(&inner.store),
            counts: Arc::clone(&inner.counts),
            backlog: Arc::clone(&inner.backlog),
            timeout: inner.config.send_timeout,
            fail_closed: inner.config.fail_closed,
        };
        let sending = async move {
            let outcome = delivery.run().await;
            drop(room);
            // Whoever offered the letter may not care.
            let _ignored: Result<(), Outcome> = end.send(outcome);
        };
        tokio::spawn(inner.tasks.own_passing("sending a dead letter", sending));
        Settled(settled)
    }

    /// Room for the letter about a value of so many bytes; none, failing open, where the letter is to be dropped. It
    /// may be dropped half way.
    pub async fn reserve(&self, partition: u32, value_bytes: usize) -> Option<Room> {
        let inner = &self.inner;
        let bytes = Letter::memory_bytes(value_bytes, inner.limits);
        let bytes =
            u32::try_from(bytes).map_or(MEMORY_BYTES_MAX, |bytes| bytes.min(MEMORY_BYTES_MAX));
        let (sends, memory) = (&inner.sends, &inner.memory);
        if !self.fails_closed() && !inner.backlog.may_wait() {
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
            if let Ok(room) = timeout(inner.config.send_timeout, &mut room).await {
                return room;
            }
            let _listed = Listed::new(&inner.counts, partition, Reason::Backpressure);
            return room.await;
        }
        let room = timeout(ROOM_WAIT_MAX, room).await;
        room.unwrap_or_else(|_| {
            inner.backlog.fall_behind();
            None
        })
    }

    /// Memory that letters on their way take.
    pub fn memory_bytes(&self) -> usize {
        let free = self.inner.memory.available_permits();
        (MEMORY_BYTES_MAX as usize).saturating_sub(free)
    }

    /// Letters on their way.
    pub fn in_flight(&self) -> usize {
        let free = self.inner.sends.available_permits();
        self.inner.config.concurrent_sends_max.saturating_sub(free)
    }

    /// Waits until no letter is on its way.
    pub async fn drain(&self) {
        let all = u32::try_from(self.inner.config.concurrent_sends_max).unwrap_or(u32::MAX);
        // The semaphore is never closed; were it, nothing would be on its way.
        drop(self.inner.sends.acquire_many(all).await);
    }
}

#[cfg(test)]
mod tests;
