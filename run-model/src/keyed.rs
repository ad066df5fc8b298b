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

/// Values by a name, with a number each that stays as long as the value does, and in the order in which they were
/// last heard of.
#[derive(Debug)]
pub(crate) struct Named<V> {
    places: BTreeMap<Rc<str>, u32>,
    slots: Vec<Option<(Rc<str>, V)>>,
    free: Vec<u32>,
    heard: Heard,
    recent: Recent,
}

impl<V> Named<V> {
    pub(crate) const fn new() -> Self {
        Self {
            places: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            heard: Heard::new(),
            recent: Recent::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let recent = self.recent.number(name);
        match self.get(recent) {
            Some((known, _)) if **known == *name => Some(recent),
            _ => self.places.get(name).copied(),
        }
    }

    pub(crate) fn get(&self, number: u32) -> Option<(&Rc<str>, &V)> {
        let (name, value) = self.slots.get(number as usize)?.as_ref()?;
        Some((name, value))
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut V> {
        let (_, value) = self.slots.get_mut(number as usize)?.as_mut()?;
        Some(value)
    }

    /// The same, of one that was just heard of.
    pub(crate) fn hear(&mut self, number: u32) -> Option<&mut V> {
        let (name, value) = self.slots.get_mut(number as usize)?.as_mut()?;
        self.heard.latest(number);
        self.recent.note(name, number);
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
        self.heard.latest(number);
        self.places.insert(name, number);
        number
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<V> {
        let (name, value) = self.slots.get_mut(number as usize)?.take()?;
        self.heard.remove(number);
        self.places.remove(&name);
        self.free.push(number);
        Some(value)
    }

    /// Numbers, ascending by name.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.values().copied()
    }

    /// The one heard of the longest ago.
    pub(crate) fn oldest(&self) -> Option<u32> {
        Some(self.heard.oldest).filter(|number| *number != NONE)
    }

    /// The one heard of next after this one's last time.
    pub(crate) fn newer_than(&self, number: u32) -> Option<u32> {
        let newer = self.heard.link(number)?.newer;
        Some(newer).filter(|number| *number != NONE)
    }

    /// Numbers, the one heard of last first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = u32> + '_ {
        let before = |number: &u32| self.heard.link(*number).map(|link| link.older);
        core::iter::successors(Some(self.heard.newest), before).take_while(|n| *n != NONE)
    }
}

/// Stands for no number.
const NONE: u32 = u32::MAX;

/// Numbers in the order in which they were last heard of: each knows its neighbours, so that a message moves its own
/// in a few steps, however many there are.
#[derive(Debug)]
struct Heard {
    links: Vec<Link>,
    oldest: u32,
    newest: u32,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    older: u32,
    newer: u32,
}

impl Heard {
    const fn new() -> Self {
        Self {
            links: Vec::new(),
            oldest: NONE,
            newest: NONE,
        }
    }

    fn link(&self, number: u32) -> Option<Link> {
        self.links.get(number as usize).copied()
    }

    /// A number that is in it or is not becomes the newest.
    fn latest(&mut self, number: u32) {
        if self.newest == number {
            return;
        }
        self.remove(number);
        let at = number as usize;
        if self.links.len() <= at {
            self.links.resize(at + 1, Link::OUT);
        }
        let older = core::mem::replace(&mut self.newest, number);
        self.set(number, older, NONE);
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = number,
            None => self.oldest = number,
        }
    }

    fn set(&mut self, number: u32, older: u32, newer: u32) {
        if let Some(link) = self.links.get_mut(number as usize) {
            *link = Link { older, newer };
        }
    }

    fn remove(&mut self, number: u32) {
        let Some(Link { older, newer }) = self.link(number) else {
            return;
        };
        if older == NONE && self.oldest != number {
            return;
        }
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = newer,
            None => self.oldest = newer,
        }
        match self.links.get_mut(newer as usize) {
            Some(link) => link.older = older,
            None => self.newest = older,
        }
        self.set(number, NONE, NONE);
    }
}

impl Link {
    const OUT: Self = Self {
        older: NONE,
        newer: NONE,
    };
}

/// The numbers of names that came lately, each in a place that its name decides; whoever asks compares the names.
#[derive(Debug)]
pub(crate) struct Recent {
    numbers: [u32; Self::PLACES],
}

impl Recent {
    const PLACES: usize = 256;

    pub(crate) const fn new() -> Self {
        Self {
            numbers: [NONE; Self::PLACES],
        }
    }

    /// The only number that may be this name's, if it came lately.
    pub(crate) fn number(&self, name: &str) -> u32 {
        self.numbers.get(place_of(name)).copied().unwrap_or(NONE)
    }

    pub(crate) fn note(&mut self, name: &str, number: u32) {
        if let Some(place) = self.numbers.get_mut(place_of(name)) {
            *place = number;
        }
    }
}

/// Names that differ, differ at their ends most of the time.
fn place_of(name: &str) -> usize {
    let bytes = name.as_bytes();
    let end = bytes.last_chunk().map_or_else(
        || {
            bytes
                .iter()
                .fold(0, |end, byte| end << 8 | u64::from(*byte))
        },
        |end| u64::from_le_bytes(*end),
    );
    let spread = (end ^ bytes.len() as u64).wrapping_mul(SPREAD);
    (spread >> (u64::BITS - Recent::PLACES.trailing_zeros())) as usize
}

/// Of the golden ratio: neighbours end far from each other.
pub(crate) const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

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

    /// Against a list that is searched from end to end.
    #[test]
    fn the_order_is_that_in_which_they_were_heard_of() {
        let mut named = Named::new();
        let mut expected: Vec<(u32, alloc::string::String)> = Vec::new();
        let mut random = 7_u64;
        for step in 0..20_000 {
            random = random.wrapping_mul(SPREAD).wrapping_add(1);
            let name = alloc::format!("thread-{}", (random >> 33) % 700);
            let known = expected.iter().position(|(_, known)| *known == name);
            assert_eq!(named.find(&name), known.map(|at| expected[at].0));
            let heard = match (known, random >> 60) {
                (Some(at), 0) => {
                    let (number, _) = expected.remove(at);
                    assert!(named.remove(number).is_some() && named.find(&name).is_none());
                    continue;
                }
                (Some(at), _) => expected.remove(at),
                (None, _) => (named.add((&*name).into(), step), name),
            };
            assert!(named.hear(heard.0).is_some());
            expected.push(heard);
            if step % 500 == 0 {
                let numbers = || expected.iter().map(|(number, _)| *number);
                let newer = |number: &u32| named.newer_than(*number);
                assert!(core::iter::successors(named.oldest(), newer).eq(numbers()));
                assert!(named.newest_first().eq(numbers().rev()));
            }
        }
        for (number, _) in expected {
            assert_eq!(named.oldest(), Some(number));
            named.remove(number);
        }
        assert!(named.len() == 0 && named.newest_first().next().is_none());
    }
}
