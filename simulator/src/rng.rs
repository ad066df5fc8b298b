//! The only source of chance: a small generator whose numbers are the same everywhere.

/// `SplitMix64`. Statistical quality is ample here, and any 64-bit seed is a good one.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent generator for part `index` of what `seed` stands for.
    pub fn derived(seed: u64, index: u64) -> Self {
        let mut mix = Self(seed ^ index.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let first = mix.word();
        Self(first ^ mix.word().rotate_left(17))
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `low..high`; `low` where that is empty.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        match high.checked_sub(low) {
            None | Some(0) => low,
            Some(width) => low + self.word() % width,
        }
    }

    /// True in `share` of all cases.
    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// A number in 0..1 with 53 random bits.
    #[allow(clippy::cast_precision_loss)] // 53 bits are exact in a double.
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of the items; the first where the choice is empty of sense.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = self.range(0, items.len() as u64);
        items.get(usize::try_from(at).unwrap_or(0))
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = self.range(0, at as u64 + 1);
            items.swap(at, usize::try_from(other).unwrap_or(at));
        }
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for chunk in out.chunks_mut(8) {
            let word = self.word().to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(word) {
                *to = from;
            }
        }
        out
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> [u8; 16] {
        let mut id: [u8; 16] = self.bytes();
        id[6] = (id[6] & 0x0F) | 0x40;
        id[8] = (id[8] & 0x3F) | 0x80;
        id
    }

    /// `len` lower-case hexadecimal digits.
    pub fn hex(&mut self, len: usize) -> String {
        let mut out = String::with_capacity(len);
        while out.len() < len {
            out.extend(
                format!("{:016x}", self.word())
                    .chars()
                    .take(len - out.len()),
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_everywhere() {
        let mut rng = Rng::new(1);
        assert_eq!(rng.word(), 0x910A_2DEC_8902_5CC1);
        assert_eq!(Rng::derived(1, 2).word(), Rng::derived(1, 2).word());
        assert_ne!(Rng::derived(1, 2).word(), Rng::derived(1, 3).word());
        assert_ne!(Rng::derived(2, 2).word(), Rng::derived(1, 2).word());
    }

    #[test]
    fn ranges_and_ids_keep_their_bounds() {
        let mut rng = Rng::new(7);
        for _ in 0..1000 {
            assert!((10..15).contains(&rng.range(10, 15)));
            assert!((0.0..1.0).contains(&rng.unit()));
        }
        assert_eq!(rng.range(5, 5), 5);
        assert_eq!(rng.hex(21).len(), 21);
        let id = rng.uuid();
        assert_eq!((id[6] >> 4, id[8] >> 6), (4, 2));
        let mut order: Vec<u32> = (0..50).collect();
        rng.shuffle(&mut order);
        assert!(!order.is_sorted());
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}
