//! Maps that are compiled once. The standard library's ordered map is compiled for each type of key and value, some
//! 6 KB every time, and the browser has to fetch all of it; here a map leads to the place of a value, and only
//! the values differ in type.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Values by a number. None is ever taken out.
#[derive(Debug)]
pub(crate) struct Keyed<V> {
    places: BTreeMap<u64, u32>,
    values: Vec<V>,
}

impl<V> Default for Keyed<V> {
    fn default() -> Self {
        Self {
            places: BTreeMap::new(),
            values: Vec::new(),
        }
    }
}

impl<V> Keyed<V> {
    pub(crate) fn get(&self, key: u64) -> Option<&V> {
        self.values.get(*self.places.get(&key)? as usize)
    }

    /// The value of a key, which gets this one where it has none.
    pub(crate) fn get_or_insert(&mut self, key: u64, value: V) -> &mut V {
        let place = place(&mut self.places, key, self.values.len());
        if place == self.values.len() {
            self.values.push(value);
        }
        self.values
            .get_mut(place)
            .expect("each place is that of a value")
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Keys, ascending.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.places.keys().copied()
    }

    /// Values, in the order in which they came.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter()
    }

    /// Keys and values, ascending by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let found = |(key, place): (&u64, &u32)| Some((*key, self.values.get(*place as usize)?));
        self.places.iter().filter_map(found)
    }

    /// Bytes it takes besides itself.
    pub(crate) fn measure(&self) -> usize {
        // A B-tree is two thirds full.
        self.places.len() * (size_of::<u64>() + size_of::<u32>()) * 3 / 2
            + self.values.capacity() * size_of::<V>()
    }
}

/// The place of a key: its own, or this one.
fn place(places: &mut BTreeMap<u64, u32>, key: u64, next: usize) -> usize {
    *places.entry(key).or_insert(next as u32) as usize
}

/// Values by a name, with a number each that stays as long as the value does.
#[derive(Debug)]
pub(crate) struct Named<V> {
    places: BTreeMap<Rc<str>, u32>,
    slots: Vec<Option<(Rc<str>, V)>>,
    free: Vec<u32>,
}

impl<V> Named<V> {
    pub(crate) const fn new() -> Self {
        Self {
            places: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.places.get(name).copied()
    }

    pub(crate) fn get(&self, number: u32) -> Option<(&Rc<str>, &V)> {
        let (name, value) = self.slots.get(number as usize)?.as_ref()?;
        Some((name, value))
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut V> {
        let (_, value) = self.slots.get_mut(number as usize)?.as_mut()?;
        Some(value)
    }

    /// Adds a name that is not in it.
    pub(crate) fn add(&mut self, name: Rc<str>, value: V) -> u32 {
        let number = self.free.pop().unwrap_or(self.slots.len() as u32);
        let slot = Some((Rc::clone(&name), value));
        match self.slots.get_mut(number as usize) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        self.places.insert(name, number);
        number
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<V> {
        let (name, value) = self.slots.get_mut(number as usize)?.take()?;
        self.places.remove(&name);
        self.free.push(number);
        Some(value)
    }

    /// Numbers, ascending by name.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_number_in_its_order() {
        let mut keyed = Keyed::default();
        for key in [7, 3, 7, u64::MAX, 3] {
            *keyed.get_or_insert(key, 0) += 1;
        }
        let all: Vec<_> = keyed.iter().map(|(key, n)| (key, *n)).collect();
        assert_eq!(all, [(3, 2), (7, 2), (u64::MAX, 1)]);
        assert!(keyed.keys().eq([3, 7, u64::MAX]));
        assert_eq!((keyed.get(7), keyed.get(8)), (Some(&2), None));
    }

    #[test]
    fn a_number_stays_until_its_name_is_removed() {
        let mut named = Named::new();
        let (b, a) = (named.add("b".into(), 1), named.add("a".into(), 2));
        assert!(named.numbers().eq([a, b]));
        assert_eq!(named.remove(b), Some(1));
        assert_eq!(
            (named.remove(b), named.find("b"), named.get(b)),
            (None, None, None)
        );
        let c = named.add("c".into(), 3);
        assert_eq!((c, named.len()), (b, 2), "a free place is used again");
        assert_eq!(
            named.find("a").and_then(|a| named.get_mut(a).copied()),
            Some(2)
        );
        assert_eq!(named.get(c).map(|(name, n)| (&**name, *n)), Some(("c", 3)));
    }
}
