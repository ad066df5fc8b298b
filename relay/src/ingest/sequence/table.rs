//! A hash map whose memory follows the most entries it has held at a time, however many came and went.

use std::{collections::HashMap, hash::BuildHasherDefault};

use super::key::{Key, OfDigest};

/// Entries that are removed leave marks behind, and the standard library's map doubles once marks and entries fill it:
/// one that is always nearly full would take twice its share for ever. So the marks are cleared out instead.
#[derive(Debug)]
pub(super) struct Table<T> {
    map: HashMap<Key, T, BuildHasherDefault<OfDigest>>,
    /// Entries that the memory it holds has room for, without marks.
    room: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            map: HashMap::default(),
            room: 0,
        }
    }
}

impl<T> Table<T> {
    pub(super) fn get(&self, key: Key) -> Option<&T> {
        self.map.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.map.get_mut(&key)
    }

    pub(super) fn insert(&mut self, key: Key, value: T) {
        // What it can take before it grows: less than its room where marks are.
        let is_full = self.map.capacity() == self.map.len();
        if is_full && self.map.len() < self.room {
            let entries: Vec<_> = self.map.drain().collect();
            self.map.extend(entries);
        }
        self.map.insert(key, value);
        self.room = self.room.max(self.map.capacity());
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.map.remove(&key)
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.map.iter().map(|(&key, value)| (key, value))
    }

    /// Memory held: one byte beside each entry, and seven of eight places can be filled.
    pub(super) fn bytes(&self) -> usize {
        self.room / 7 * 8 * (size_of::<(Key, T)>() + 1)
    }
}
