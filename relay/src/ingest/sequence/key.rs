//! The name of a series as a digest.

use std::hash::{BuildHasher as _, Hash as _, Hasher, RandomState};

use decode_core::Checked;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::class::Counter;

/// Digest of a series' name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(pub(super) u128);

/// Makes keys. Seeded for each process, so that nobody can choose names that collide.
#[derive(Clone, Debug)]
pub(super) struct Keys(SipHasher13);

impl Default for Keys {
    fn default() -> Self {
        // The seed of the standard library's maps is the one randomness it hands out.
        let seed = RandomState::new();
        Self(SipHasher13::new_with_keys(
            seed.hash_one(0_u8),
            seed.hash_one(1_u8),
        ))
    }
}

impl Keys {
    pub(super) fn of(&self, tenant: Checked<'_>, thread: Checked<'_>, counter: Counter) -> Key {
        let (tenant, thread) = (tenant.as_bytes(), thread.as_bytes());
        let mut hasher = self.0;
        // Nearly all names are short. In one piece they are hashed in half the time.
        let mut name = [0; NAME_BYTES_MAX];
        match fill(
            &mut name,
            [&[counter as u8, tenant.len() as u8], tenant, thread],
        ) {
            Some(name) => hasher.write(name),
            None => (tenant, thread, counter).hash(&mut hasher),
        }
        Key(hasher.finish128().as_u128())
    }
}

/// Names up to this length, all parts together, are hashed in one piece. Longer ones differ from them in
/// how many bytes are hashed.
pub(super) const NAME_BYTES_MAX: usize = 96;

/// The parts one after the other, where there is room for all.
fn fill<'a>(name: &'a mut [u8; NAME_BYTES_MAX], parts: [&[u8]; 3]) -> Option<&'a [u8]> {
    let mut end = 0;
    for part in parts {
        let begin = end;
        end += part.len();
        name.get_mut(begin..end)?.copy_from_slice(part);
    }
    name.get(..end)
}

/// A key is a digest already; a part of it is as good as any hash of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OfDigest(u64);

impl Hasher for OfDigest {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
