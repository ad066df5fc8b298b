//! How far one partition is settled: up to the end of its log, but no further than the first record
//! whose dead letter is still on its way.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::file::Checkpoint;
use crate::dlq::Settled;

/// Shared by the partition's loop, which moves it, and the writer, which asks how far it is.
#[derive(Debug, Default)]
pub struct Progress {
    state: Mutex<State>,
    urgent: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// What was written or found last; a checkpoint never goes back behind it.
    stored: Option<Checkpoint>,
    /// What holds now, letters apart. `None` until the partition has a position.
    reached: Option<Checkpoint>,
    /// Letters whose end is not known, by the offsets of their records, ascending.
    letters: VecDeque<(u64, Settled)>,
}

impl Progress {
    /// Calls the writer where a pause begins or ends.
    pub(super) fn new(urgent: Arc<Notify>) -> Self {
        Self {
            urgent,
            ..Self::default()
        }
    }

    /// The partition begins, with the checkpoint that was found for it.
    pub fn begin(&self, found: Option<Checkpoint>) {
        let mut state = self.state.lock();
        *state = State {
            stored: found,
            ..State::default()
        };
    }

    /// Everything before the offset is in the log, and its letters were offered.
    pub fn reach(&self, checkpoint: Checkpoint) {
        let mut state = self.state.lock();
        let former = state.reached.or(state.stored);
        state.reached = Some(checkpoint);
        // Nobody can tell a pause that was not written from one that never was.
        if former.and_then(|former| former.pause) != checkpoint.pause {
            self.urgent.notify_one();
        }
    }

    /// A letter about the record at `offset` is on its way.
    pub fn await_letter(&self, offset: u64, mut settled: Settled) {
        if settled.is_pending() {
            let mut state = self.state.lock();
            // Letters overtake each other; those that are still out are as many as there may be.
            state
                .letters
                .retain_mut(|(_, settled)| settled.is_pending());
            state.letters.push_back((offset, settled));
        }
    }

    /// What is to be written, if that is not what is there.
    pub fn due(&self) -> Option<Checkpoint> {
        let mut state = self.state.lock();
        state
            .letters
            .retain_mut(|(_, settled)| settled.is_pending());
        let mut due = state.reached?;
        if let Some((offset, _)) = state.letters.front() {
            due.offset = due.offset.min(*offset);
        }
        match state.stored {
            Some(stored) if due.offset < stored.offset => None,
            Some(stored) if due.offset == stored.offset && due.pause == stored.pause => None,
            _ => Some(due),
        }
    }

    /// It was written.
    pub fn stored(&self, checkpoint: Checkpoint) {
        self.state.lock().stored = Some(checkpoint);
    }

    /// The offset that is on the disk.
    pub fn stored_offset(&self) -> Option<u64> {
        self.state.lock().stored.map(|stored| stored.offset)
    }
}
