//! Sorting that is compiled once. The standard library compiles its sort for each type and each order, several KB
//! every time, and the browser has to fetch all of it; here only numbers of places are sorted, by one function.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// Sorts by a comparison; equal items keep their order.
pub(crate) fn by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut order: Vec<u32> = (0..).take(items.len()).collect();
    let at = |place: u32| items.get(place as usize);
    sort(&mut order, &mut |a, b| match (at(a), at(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    });
    put(&mut order, &mut |a, b| items.swap(a, b));
}

/// Sorts by a key; equal items keep their order.
pub(crate) fn by_key<T, K: Ord>(items: &mut [T], mut key: impl FnMut(&T) -> K) {
    by(items, |a, b| key(a).cmp(&key(b)));
}

/// Moves the items so that the one at `place` is where a sort would put it, smaller ones before it and larger ones
/// behind it. No two items are equal.
pub(crate) fn select<T>(
    items: &mut [T],
    place: usize,
    mut compare: impl FnMut(&T, &T) -> Ordering,
) {
    let (mut from, mut to) = (0, items.len());
    let mut seed = 1_u32;
    let mut rounds = ROUNDS_PER_HALVING * items.len().checked_ilog2().unwrap_or_default();
    while let Some(part) = items.get_mut(from..to).filter(|part| part.len() > 1) {
        // Items can be chosen so that each round takes off only one; the seed is the same for everybody.
        if rounds == 0 {
            return by(part, compare);
        }
        rounds -= 1;
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        part.swap(0, (seed >> 8) as usize % part.len());
        let mut smaller = 0;
        if let Some((pivot, rest)) = part.split_first_mut() {
            for at in 0..rest.len() {
                if rest
                    .get(at)
                    .is_some_and(|item| compare(item, pivot).is_lt())
                {
                    rest.swap(at, smaller);
                    smaller += 1;
                }
            }
        }
        part.swap(0, smaller);
        match place.cmp(&(from + smaller)) {
            Ordering::Less => to = from + smaller,
            Ordering::Equal => return,
            Ordering::Greater => from += smaller + 1,
        }
    }
}

/// Two are what halving badly takes on average.
const ROUNDS_PER_HALVING: u32 = 4;

fn sort(places: &mut [u32], compare: &mut dyn FnMut(u32, u32) -> Ordering) {
    places.sort_by(|a, b| compare(*a, *b));
}

/// Swaps each item to its place: `order` says which item belongs where, and is used up.
fn put(order: &mut [u32], swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..order.len() {
        let mut to = start;
        while let Some(slot) = order.get_mut(to) {
            let from = core::mem::replace(slot, to as u32) as usize;
            if from == start || from == to {
                break;
            }
            swap(to, from);
            to = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is compared with turns out to be the least but those before (M. D. McIlroy, "A Killer Adversary for
    /// Quicksort", 1999).
    #[test]
    fn no_choice_of_items_makes_selecting_slow() {
        const LEN: usize = 20_000;
        const OPEN: usize = usize::MAX;
        let mut values = alloc::vec![OPEN; LEN];
        let (mut solid, mut candidate, mut compared) = (0, 0, 0_usize);
        let mut items: Vec<usize> = (0..LEN).collect();
        select(&mut items, LEN - 1, |a, b| {
            compared += 1;
            if values[*a] == OPEN && values[*b] == OPEN {
                let fixed = if *a == candidate { *a } else { *b };
                values[fixed] = solid;
                solid += 1;
            }
            if values[*a] == OPEN {
                candidate = *a;
            } else if values[*b] == OPEN {
                candidate = *b;
            }
            values[*a].cmp(&values[*b])
        });
        assert!(compared < 100 * LEN, "{compared}");
    }

    #[test]
    fn what_is_selected_is_where_a_sort_puts_it() {
        for len in [1, 2, 3, 50, 1_000_u32] {
            let shuffled: Vec<u32> = (0..len).map(|at| at * 7_919 % 10_007).collect();
            let mut sorted = shuffled.clone();
            sorted.sort_unstable();
            for place in [0, len / 3, len - 1].map(|place| place as usize) {
                let mut items = shuffled.clone();
                select(&mut items, place, Ord::cmp);
                assert_eq!(items[place], sorted[place], "{len} {place}");
                assert!(items[..place].iter().all(|item| *item < items[place]));
                assert!(items[place..].iter().all(|item| *item >= items[place]));
            }
        }
    }

    /// The same as the standard library's stable sort, whatever was in which order before.
    #[test]
    fn it_sorts_as_the_standard_library_does() {
        let mut seed = 1_u32;
        for len in (0..200).chain([5_000]) {
            let mut next = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed >> 24
            };
            let items: Vec<(u32, usize)> = (0..len).map(|at| (next() % 16, at)).collect();
            let (mut ours, mut theirs) = (items.clone(), items);
            by_key(&mut ours, |(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            assert_eq!(ours, theirs, "{len}");
        }
    }
}
