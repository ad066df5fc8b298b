//! Reads behind memory that clients share, under one budget.
//!
//! Clients that come back together, after a restart say, ask for the same. A question that is equal to one
//! whose answer is awaited, or still held, gets that answer. What is read and held is bounded in bytes over all
//! clients: room is reserved before the tier is asked, and given back when the last slice of an answer is sent
//! and forgotten. Answers that nobody asked for lately go first; where there is no room then, the answer is
//! that the client may ask again.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::{Shared, WeakShared},
};
use parking_lot::Mutex;
use session::{Answer, Fetch, Segment};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Floor, History, NoHistory, Reading};
use crate::limits::{HISTORY_BUSY_MS, HISTORY_UNIT_BYTES};

/// A history whose equal reads are one, under a budget of bytes.
pub struct SharedReads {
    history: Arc<dyn History>,
    reads: Arc<Mutex<Reads>>,
    budget: Arc<Semaphore>,
}

impl fmt::Debug for SharedReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.budget.available_permits();
        f.debug_struct("SharedReads")
            .field("free", &free)
            .finish_non_exhaustive()
    }
}

impl Default for SharedReads {
    fn default() -> Self {
        Self::new(Arc::new(NoHistory), 0)
    }
}

/// Those that are awaited or held, the one asked for least lately first.
#[derive(Default)]
struct Reads(VecDeque<Entry>);

struct Entry {
    fetch: Fetch,
    state: State,
}

enum State {
    /// Somebody waits for it; without them it is cancelled.
    Awaited(WeakShared<Reading>),
    /// Frames that came.
    Held { incarnation: u64, segment: Segment },
}

impl Reads {
    /// The answer to this question, if it is there or on its way.
    fn find(&mut self, fetch: &Fetch) -> Option<Reading> {
        self.0.retain(Entry::is_alive);
        let at = self.0.iter().position(|entry| entry.serves(fetch))?;
        let entry = self.0.remove(at)?;
        let reading = entry.state.reading()?;
        self.0.push_back(entry);
        Some(reading)
    }

    /// Forgets the answer that was asked for least lately; `false` if none is held.
    fn forget_one(&mut self) -> bool {
        let held = |entry: &Entry| matches!(entry.state, State::Held { .. });
        let at = self.0.iter().position(held);
        at.is_some_and(|at| self.0.remove(at).is_some())
    }

    fn came(&mut self, fetch: &Fetch, answer: &Answer) {
        self.0.retain(|entry| entry.fetch != *fetch);
        if let Answer::Frames {
            incarnation,
            segment,
        } = answer
            && fetch.is_answered_by(*incarnation, segment)
        {
            self.0.push_back(Entry {
                fetch: *fetch,
                state: State::Held {
                    incarnation: *incarnation,
                    segment: segment.clone(),
                },
            });
        }
    }
}

impl Entry {
    fn is_alive(&self) -> bool {
        match &self.state {
            State::Awaited(reading) => reading.upgrade().is_some(),
            State::Held { .. } => true,
        }
    }

    /// Whether its answer answers another question too: from the same position, and not beyond its end.
    fn serves(&self, other: &Fetch) -> bool {
        let mine = &self.fetch;
        match &self.state {
            State::Held {
                incarnation,
                segment,
            } => other.bytes_max == mine.bytes_max && other.is_answered_by(*incarnation, segment),
            State::Awaited(_) => {
                *mine
                    == Fetch {
                        until: mine.until.min(other.until),
                        ..*other
                    }
            }
        }
    }
}

impl State {
    fn reading(&self) -> Option<Reading> {
        match self {
            Self::Awaited(reading) => Some(Box::pin(reading.upgrade()?)),
            Self::Held {
                incarnation,
                segment,
            } => Some(Box::pin(std::future::ready(Answer::Frames {
                incarnation: *incarnation,
                segment: segment.clone(),
            }))),
        }
    }
}

impl SharedReads {
    /// Shares the reads of `history`; what is read and held takes at most about `bytes_max`.
    #[must_use]
    pub fn new(history: Arc<dyn History>, bytes_max: usize) -> Self {
        Self {
            history,
            reads: Arc::default(),
            budget: Arc::new(Semaphore::new(bytes_max / HISTORY_UNIT_BYTES)),
        }
    }

    /// See [`History::floors`].
    #[must_use]
    pub fn floors(&self) -> Vec<Floor> {
        self.history.floors()
    }

    /// The answer to a question, shared with those who ask the same.
    #[must_use]
    pub fn read(&self, fetch: Fetch) -> Reading {
        let mut reads = self.reads.lock();
        if let Some(reading) = reads.find(&fetch) {
            return reading;
        }
        let Some(room) = self.reserve(&mut reads, fetch.bytes_max) else {
            return busy();
        };
        let reading = self.history.read(fetch);
        let (all, budget) = (Arc::downgrade(&self.reads), Arc::clone(&self.budget));
        let read = Read {
            reading,
            room: Some(room),
            fetch,
            all,
            budget,
        };
        let shared: Shared<Reading> = (Box::pin(read) as Reading).shared();
        if let Some(weak) = shared.downgrade() {
            reads.0.push_back(Entry {
                fetch,
                state: State::Awaited(weak),
            });
        }
        Box::pin(shared)
    }

    fn reserve(&self, reads: &mut Reads, bytes: usize) -> Option<OwnedSemaphorePermit> {
        loop {
            let room = Arc::clone(&self.budget).try_acquire_many_owned(units(bytes));
            match room {
                Ok(room) => return Some(room),
                Err(_) if reads.forget_one() => {}
                Err(_) => return None,
            }
        }
    }
}

/// One read of the tier, with the room it may take.
struct Read {
    reading: Reading,
    room: Option<OwnedSemaphorePermit>,
    fetch: Fetch,
    all: Weak<Mutex<Reads>>,
    budget: Arc<Semaphore>,
}

impl Future for Read {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let answer = std::task::ready!(self.reading.as_mut().poll(context));
        let room = self.room.take();
        let answer = match answer {
            Answer::Frames {
                incarnation,
                segment,
            } => match room.and_then(|room| accounted(segment, room, &self.budget)) {
                Some(segment) => Answer::Frames {
                    incarnation,
                    segment,
                },
                None => Answer::Busy {
                    retry_ms: HISTORY_BUSY_MS,
                },
            },
            Answer::Lost { .. } | Answer::Busy { .. } | Answer::Failed => answer,
        };
        if let Some(all) = self.all.upgrade() {
            all.lock().came(&self.fetch, &answer);
        }
        Poll::Ready(answer)
    }
}

/// Bytes that give their room back when nobody has a slice of them.
struct Accounted {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Accounted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The segment with exactly the room that it takes. A frame may be larger than what was asked for.
fn accounted(
    segment: Segment,
    mut room: OwnedSemaphorePermit,
    budget: &Arc<Semaphore>,
) -> Option<Segment> {
    let wanted = units(segment.bytes().len()) as usize;
    if let Some(more) = wanted.checked_sub(room.num_permits()) {
        let more = u32::try_from(more).ok()?;
        room.merge(Arc::clone(budget).try_acquire_many_owned(more).ok()?);
    } else {
        drop(room.split(room.num_permits() - wanted));
    }
    Some(segment.held_by(|bytes| Bytes::from_owner(Accounted { bytes, _room: room })))
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(HISTORY_UNIT_BYTES)).unwrap_or(u32::MAX)
}

fn busy() -> Reading {
    Box::pin(std::future::ready(Answer::Busy {
        retry_ms: HISTORY_BUSY_MS,
    }))
}

#[cfg(test)]
mod tests;
