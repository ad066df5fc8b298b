//! Damage that knows nothing of the format.

use crate::random::Random;

/// Changes `bytes` in one to eight places; `other` lends pieces.
pub fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=random.below(8) {
        once(random, bytes, other);
    }
}

fn once(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        bytes.push(random.byte());
        return;
    }
    let at = near(random, bytes.len());
    match random.below(11) {
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 => bytes[at] = random.byte(),
        3 => bytes[at] = *random.pick(&EDGES),
        4 => bytes[at] = bytes[at].wrapping_add(*random.pick(&[1, 255, 2, 254, 16])),
        5 => bytes.insert(at, random.byte()),
        6 => drop(bytes.remove(at)),
        7 => bytes.truncate(at),
        8 => {
            let end = at + random.below((bytes.len() - at).min(32) + 1);
            let piece = bytes[at..end].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, piece);
        }
        9 if !other.is_empty() => {
            let from = random.below(other.len());
            let end = from + random.below((other.len() - from).min(64) + 1);
            let until = (at + end - from).min(bytes.len());
            bytes.splice(at..until, other[from..end].iter().copied());
        }
        _ => {
            let width = *random.pick(&[2, 4, 8]);
            let value = random.bits() >> random.below(64);
            for (byte, new) in bytes[at..].iter_mut().zip(value.to_le_bytes()).take(width) {
                *byte = new;
            }
        }
    }
}

/// Half of all places are near the start, where headers are.
fn near(random: &mut Random, len: usize) -> usize {
    let within = if random.one_in(2) { len.min(32) } else { len };
    random.below(within)
}

const EDGES: [u8; 10] = [0x00, 0x01, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x20, 0x0A, 0x22];
