//! The summaries of all runs, in the order in which they were first seen. Bounded: the oldest goes first.

use alloc::collections::{BTreeMap, VecDeque};
use core::hash::Hasher as _;

use fnv::FnvHasher;

use super::step::EventAddress;
use super::summary::Summary;

#[derive(Debug)]
pub(super) struct Table {
    /// Ascending by serial.
    runs: VecDeque<Summary>,
    runs_max: usize,
    /// Summaries that the bound took away.
    pub(super) dropped: u64,
    /// By the hash of a thread's name: its runs that are held in summary only. Two threads of one hash, which is
    /// not to be expected, would count their runs on together.
    evicted: BTreeMap<u64, u32>,
}

impl Table {
    pub(super) const fn new(runs_max: usize) -> Self {
        Self {
            runs: VecDeque::new(),
            runs_max,
            dropped: 0,
            evicted: BTreeMap::new(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Summary> {
        self.runs.iter()
    }

    pub(super) fn get(&self, id: EventAddress) -> Option<&Summary> {
        // Who asks for one run asks for a recent one.
        self.runs.iter().rev().find(|run| run.id == id)
    }

    fn place(&self, serial: u64) -> Result<usize, usize> {
        // Mostly it is one of the newest.
        self.runs.binary_search_by_key(&serial, |run| run.serial)
    }

    /// Puts a run in its place, or in the place of what was known of it.
    pub(super) fn set(&mut self, run: Summary) {
        let place = match self.place(run.serial) {
            Ok(place) => {
                if let Some(known) = self.runs.get_mut(place) {
                    *known = run;
                }
                return;
            }
            Err(place) => place,
        };
        if self.runs.len() >= self.runs_max {
            if place == 0 {
                self.dropped += 1;
                return;
            }
            self.drop_oldest();
            self.runs.insert(place - 1, run);
            return;
        }
        if self.runs.len() == self.runs.capacity() {
            // In small steps, as doubling would take twice the room.
            self.runs.reserve_exact((self.runs.len() / 16).max(64));
        }
        self.runs.insert(place, run);
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.runs.pop_front() else {
            return;
        };
        self.dropped += 1;
        let hash = hash(&oldest.thread);
        if let Some(count) = self.evicted.get_mut(&hash) {
            // What it counted stays counted as long as another run of the thread is known.
            if *count <= 1 {
                self.evicted.remove(&hash);
            }
        }
    }

    pub(super) fn remove(&mut self, serial: u64) {
        if let Ok(place) = self.place(serial) {
            self.runs.remove(place);
        }
    }

    /// The run's events are no longer held.
    pub(super) fn evict(&mut self, serial: u64) {
        if let Ok(place) = self.place(serial)
            && let Some(run) = self.runs.get_mut(place)
        {
            run.is_held = false;
            *self.evicted.entry(hash(&run.thread)).or_default() += 1;
        }
    }

    /// How many runs of a thread are held in summary only.
    pub(super) fn evicted_of(&self, thread: &str) -> u32 {
        self.evicted.get(&hash(thread)).copied().unwrap_or(0)
    }
}

fn hash(name: &str) -> u64 {
    let mut hash = FnvHasher::default();
    hash.write(name.as_bytes());
    hash.finish()
}
