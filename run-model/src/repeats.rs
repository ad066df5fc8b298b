//! Which message ids were seen lately. A producer may send a message again, with the same id.
//!
//! Two tables of open addressing take turns: when one is full, the other is emptied and filled next. So the
//! latest [`MESSAGE_IDS_MIN`] ids are known, at most twice as many are held, and nothing is moved or
//! allocated for an id. Ids come from outside; whoever makes them collide has some forgotten early.

use alloc::vec::Vec;

use crate::keyed::SPREAD;
use crate::limits::{MESSAGE_ID_PROBES_MAX, MESSAGE_IDS_MIN};

/// What a message is known by, from its `message_id`: 0 where it has none. Producers send the 16 bytes of
/// a UUID; anything else is hashed.
pub(crate) fn identity(message_id: &[u8]) -> u128 {
    match <[u8; 16]>::try_from(message_id) {
        Ok(uuid) => u128::from_le_bytes(uuid),
        Err(_) if message_id.is_empty() => 0,
        Err(_) => message_id.iter().fold(FNV_OFFSET, |hash, &byte| {
            (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME)
        }),
    }
}

const FNV_OFFSET: u128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;

/// The ids seen lately.
#[derive(Debug, Default)]
pub(crate) struct SeenIds {
    /// Empty until the first id.
    current: Vec<u128>,
    former: Vec<u128>,
    noted: usize,
}

impl SeenIds {
    /// Notes an id and says whether it was seen before. No id is never seen before.
    pub(crate) fn is_repeat(&mut self, id: u128) -> bool {
        if id == 0 {
            return false;
        }
        if self.noted >= MESSAGE_IDS_MIN || self.current.is_empty() {
            core::mem::swap(&mut self.current, &mut self.former);
            self.current.clear();
            self.current.resize(SLOTS, 0);
            self.noted = 0;
        }
        let (found, slot) = probe(&self.current, id);
        if found {
            return true;
        }
        if let Some(slot) = self.current.get_mut(slot) {
            *slot = id;
            self.noted += 1;
        }
        probe(&self.former, id).0
    }
}

/// Whether an id is in a table, and where it is or would be. Where all places it may have are taken, the
/// first of them is given up.
fn probe(table: &[u128], id: u128) -> (bool, usize) {
    let folded = (id ^ id >> 64) as u64;
    let first = (folded.wrapping_mul(SPREAD) >> (u64::BITS - SLOTS.trailing_zeros())) as usize;
    for step in 0..MESSAGE_ID_PROBES_MAX {
        let slot = (first + step) % SLOTS;
        match table.get(slot) {
            Some(0) | None => return (false, slot),
            Some(held) if *held == id => return (true, slot),
            Some(_) => {}
        }
    }
    (false, first)
}

/// At most half of a table is taken.
const SLOTS: usize = (2 * MESSAGE_IDS_MIN).next_power_of_two();

#[cfg(test)]
mod tests {
    use super::*;

    /// As random as UUIDs, but for 0.
    fn uuid(n: usize) -> u128 {
        let mixed = (n as u128 + 1).wrapping_mul(0xDA94_2042_E4DD_58B5_2B7E_1516_28AE_D2A7);
        (mixed ^ mixed >> 67).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
    }

    fn held(seen: &SeenIds) -> usize {
        let tables = seen.current.iter().chain(&seen.former);
        tables.filter(|&&id| id != 0).count()
    }

    /// SEQ-01, BND-01: the latest ids are known without exception, and memory has a bound that many more
    /// do not move.
    #[test]
    fn the_latest_ids_are_known_and_memory_is_bounded() {
        let mut seen = SeenIds::default();
        for n in 0..5 * MESSAGE_IDS_MIN {
            assert!(!seen.is_repeat(uuid(n)), "{n} is new");
            if n >= MESSAGE_IDS_MIN && n % 97 == 0 {
                let oldest = n + 1 - MESSAGE_IDS_MIN;
                let known = |id| probe(&seen.current, id).0 || probe(&seen.former, id).0;
                assert!(known(uuid(oldest)), "{oldest} at {n}");
            }
            assert!(n % 1_000 != 0 || held(&seen) <= 2 * MESSAGE_IDS_MIN);
        }
        let slots = seen.current.capacity() + seen.former.capacity();
        assert_eq!(slots, 2 * SLOTS);
        assert!(slots * size_of::<u128>() <= 2 << 20);
        assert!(!seen.is_repeat(uuid(0)), "forgotten long ago");
        assert!(seen.is_repeat(uuid(0)));
    }

    /// SEQ-01: one that comes again and again is known for ever.
    #[test]
    fn an_id_that_comes_again_is_kept() {
        let mut seen = SeenIds::default();
        assert!(!seen.is_repeat(7));
        for n in 0..4 * MESSAGE_IDS_MIN {
            assert!(!seen.is_repeat(uuid(n)));
            assert!(n % 1_000 != 0 || seen.is_repeat(7), "{n}");
        }
    }

    /// BND-01: ids made to collide cost a bounded look each and nothing else.
    #[test]
    fn ids_that_collide_cost_little() {
        let mut seen = SeenIds::default();
        // The halves cancel each other: all begin at one slot.
        let same = |n: u128| n << 64 | n;
        for n in 1..=10_000 {
            assert!(!seen.is_repeat(same(n)));
            assert!(seen.is_repeat(same(n)), "the latest is known");
        }
        assert!(held(&seen) <= MESSAGE_ID_PROBES_MAX);
    }

    /// SEQ-01: without an id there is no repeat; other lengths than a UUID's are ids too.
    #[test]
    fn what_is_an_identity() {
        let mut seen = SeenIds::default();
        for none in [&b""[..], &[0; 16]] {
            assert!(!seen.is_repeat(identity(none)) && !seen.is_repeat(identity(none)));
        }
        let text = b"123e4567-e89b-12d3-a456-426614174000";
        for id in [&text[..], &text[..35], &[1; 16], &[1; 15], b"x"] {
            assert!(!seen.is_repeat(identity(id)), "{id:?}");
            assert!(seen.is_repeat(identity(id)), "{id:?}");
        }
    }
}
