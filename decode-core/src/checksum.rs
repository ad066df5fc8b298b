//! CRC-32, as in zip, of several pieces as one.

/// The checksum of the pieces, one after the other.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn crc32(pieces: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.finalize()
}

#[cfg(target_arch = "wasm32")]
pub(crate) use self::small::crc32;

/// For the browser, which fetches the code before it can do anything: crc32fast's tables are 16 KB that nothing
/// compresses. These are made when they are needed, which takes microseconds.
#[cfg(any(test, target_arch = "wasm32"))]
mod small {
    /// Entry `b` of table `k`: what byte `b` adds when `k` bytes follow it.
    type Tables = [[u32; 256]; 8];

    pub(crate) fn crc32(pieces: &[&[u8]]) -> u32 {
        let tables = tables();
        !pieces
            .iter()
            .fold(!0, |sum, piece| add(&tables, sum, piece))
    }

    fn add(tables: &Tables, sum: u32, bytes: &[u8]) -> u32 {
        let [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
        let entry = |table: &[u32; 256], byte: u8| table[usize::from(byte)];
        let (eights, rest) = bytes.as_chunks::<8>();
        let sum = eights
            .iter()
            .fold(sum, |sum, [b0, b1, b2, b3, b4, b5, b6, b7]| {
                let [s0, s1, s2, s3] = sum.to_le_bytes();
                let first = entry(t7, b0 ^ s0) ^ entry(t6, b1 ^ s1) ^ entry(t5, b2 ^ s2);
                let then = entry(t4, b3 ^ s3) ^ entry(t3, *b4) ^ entry(t2, *b5);
                first ^ then ^ entry(t1, *b6) ^ entry(t0, *b7)
            });
        rest.iter().fold(sum, |sum, byte| {
            let [s0, ..] = sum.to_le_bytes();
            (sum >> 8) ^ entry(t0, byte ^ s0)
        })
    }

    fn tables() -> Tables {
        let mut tables = [[0; 256]; 8];
        let [first, others @ ..] = &mut tables;
        for (byte, entry) in (0_u32..).zip(first.iter_mut()) {
            *entry = (0..8).fold(byte, |sum, _| (sum >> 1) ^ (POLYNOMIAL * (sum & 1)));
        }
        let mut before = *first;
        for table in others {
            for (entry, before) in table.iter_mut().zip(before) {
                let [low, ..] = before.to_le_bytes();
                *entry = (before >> 8) ^ first[usize::from(low)];
            }
            before = *table;
        }
        tables
    }

    const POLYNOMIAL: u32 = 0xEDB8_8320;
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_small_one_gives_the_same() {
        assert_eq!(small::crc32(&[b"123456789"]), 0xCBF4_3926);
        let mut seed = 1_u32;
        let mut bytes = Vec::new();
        for len in 0..700 {
            let (a, b) = bytes.split_at(len / 3);
            assert_eq!(small::crc32(&[a, b]), crc32(&[a, b]), "{len}");
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.push((seed >> 24) as u8);
        }
    }
}
