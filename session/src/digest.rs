//! A digest of what one partition delivered, to prove that two readers saw the same.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use decode_core::frame::Frame;
use decode_core::wire::FrameKind;
use sha2::{Digest as _, Sha256};

/// SHA-256 per partition over every record, reject and gap in order.
///
/// Each contributes kind (1 byte), offset, next position (u64), code, payload length (u32), all
/// little endian, and the payload. Marks do not count: where they fall depends on timing.
#[derive(Clone, Debug, Default)]
pub struct StreamDigest {
    /// Places in `digests`. The map leads to a number because a map of digests would be compiled for itself alone.
    partitions: BTreeMap<u32, u64>,
    digests: Vec<Sha256>,
}

impl StreamDigest {
    /// A digest of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next frame of its partition.
    pub fn update(&mut self, frame: &Frame<'_>) {
        let header = &frame.header;
        if header.kind == FrameKind::Mark {
            return;
        }
        let next = self.digests.len() as u64;
        let place = *self.partitions.entry(header.partition).or_insert(next);
        if place == next {
            self.digests.push(Sha256::new());
        }
        let Some(digest) = self.digests.get_mut(place as usize) else {
            return;
        };
        digest.update([header.kind.number()]);
        digest.update(header.offset.to_le_bytes());
        digest.update(header.next().to_le_bytes());
        digest.update(header.code.to_le_bytes());
        digest.update(header.payload_len.to_le_bytes());
        digest.update(frame.payload);
    }

    /// The digest so far as lower-case hex; empty for a partition that delivered nothing.
    #[must_use]
    pub fn hex(&self, partition: u32) -> String {
        let mut text = String::new();
        let place = self.partitions.get(&partition);
        if let Some(digest) = place.and_then(|place| self.digests.get(*place as usize)) {
            for byte in digest.clone().finalize() {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
        }
        text
    }

    /// The partitions that delivered something, ascending.
    pub fn partitions(&self) -> impl Iterator<Item = u32> + '_ {
        self.partitions.keys().copied()
    }
}
