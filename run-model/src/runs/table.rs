//! The summaries of all runs, by the address of their first event. Bounded: the oldest goes first.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::step::EventAddress;
use super::summary::Summary;

#[derive(Debug)]
pub(super) struct Table {
    /// Places in `slots`.
    by_id: BTreeMap<EventAddress, u32>,
    slots: Vec<Option<Summary>>,
    free: Vec<u32>,
    by_serial: BTreeMap<u64, u32>,
    runs_max: usize,
    /// Summaries that the bound took away.
    pub(super) dropped: u64,
    forgotten: BTreeSet<Rc<str>>,
}

impl Table {
    pub(super) const fn new(runs_max: usize) -> Self {
        Self {
            by_id: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            by_serial: BTreeMap::new(),
            runs_max,
            dropped: 0,
            forgotten: BTreeSet::new(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Summary> {
        self.slots.iter().flatten()
    }

    pub(super) fn get(&self, id: EventAddress) -> Option<&Summary> {
        self.slots.get(*self.by_id.get(&id)? as usize)?.as_ref()
    }

    pub(super) fn set(&mut self, run: Summary) {
        if let Some(&place) = self.by_id.get(&run.id) {
            if let Some(slot) = self.slots.get_mut(place as usize) {
                if let Some(former) = slot.as_ref().filter(|former| former.serial != run.serial) {
                    self.by_serial.remove(&former.serial);
                    self.by_serial.insert(run.serial, place);
                }
                *slot = Some(run);
            }
            return;
        }
        while self.by_id.len() >= self.runs_max {
            let Some((_, place)) = self.by_serial.pop_first() else {
                break;
            };
            if let Some(oldest) = self.slots.get_mut(place as usize).and_then(Option::take) {
                self.by_id.remove(&oldest.id);
                self.free.push(place);
                self.dropped += 1;
                self.forgotten.insert(oldest.thread);
            }
        }
        let place = self.free.pop().unwrap_or_else(|| {
            if self.slots.len() == self.slots.capacity() {
                // In steps of an eighth, as doubling would take twice the room.
                self.slots.reserve_exact((self.slots.len() / 8).max(64));
            }
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.by_id.insert(run.id, place);
        self.by_serial.insert(run.serial, place);
        if let Some(slot) = self.slots.get_mut(place as usize) {
            *slot = Some(run);
        }
    }

    pub(super) fn remove(&mut self, id: EventAddress) {
        let Some(place) = self.by_id.remove(&id) else {
            return;
        };
        if let Some(run) = self.slots.get_mut(place as usize).and_then(Option::take) {
            self.by_serial.remove(&run.serial);
            self.free.push(place);
        }
    }

    /// The run's events are no longer held.
    pub(super) fn evict(&mut self, id: Option<EventAddress>) {
        let place = id.and_then(|id| self.by_id.get(&id));
        let slot = place.and_then(|place| self.slots.get_mut(*place as usize));
        if let Some(Some(run)) = slot {
            run.is_held = false;
        }
    }

    /// Threads of which a summary was dropped since this was last asked.
    pub(super) fn forgotten(&mut self) -> BTreeSet<Rc<str>> {
        core::mem::take(&mut self.forgotten)
    }
}
