//! What every reader of a topic must have seen, from what was produced: per partition a digest, computed
//! in two ways that share no code, and counts.

use std::collections::BTreeMap;

use decode_core::{
    frame::{FrameReader, FrameWriter},
    wire::{GapCause, RejectCode},
};
use session::digest::StreamDigest;
use sha2::{Digest as _, Sha256};

use crate::producer::Produced;

/// What a record must become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Delivered unchanged.
    Record,
    /// Delivered as its first bytes with a code.
    Reject(RejectCode),
    /// Named as missing.
    Gap(GapCause),
}

/// What the readers must report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Frames of each kind.
    pub records: u64,
    /// Reject frames.
    pub rejects: u64,
    /// Gap frames.
    pub gaps: u64,
    /// Lower-case hex SHA-256 by partition.
    pub digests: BTreeMap<u32, String>,
}

impl Expected {
    /// From what was produced, in any order, and the verdict each must get.
    ///
    /// # Panics
    /// When the two computations disagree.
    #[must_use]
    pub fn of(produced: &[(Produced, Verdict)]) -> Self {
        let mut ordered: Vec<&(Produced, Verdict)> = produced.iter().collect();
        ordered.sort_by_key(|(one, _)| (one.partition, one.offset));
        let mut expected = Self::default();
        for (_, verdict) in &ordered {
            *match verdict {
                Verdict::Record => &mut expected.records,
                Verdict::Reject(_) => &mut expected.rejects,
                Verdict::Gap(_) => &mut expected.gaps,
            } += 1;
        }
        expected.digests = by_hand(&ordered);
        assert_eq!(
            expected.digests,
            by_session(&ordered),
            "the digest's two definitions"
        );
        expected
    }
}

/// The definition written out.
fn by_hand(ordered: &[&(Produced, Verdict)]) -> BTreeMap<u32, String> {
    let mut hashes: BTreeMap<u32, Sha256> = BTreeMap::new();
    for (one, verdict) in ordered {
        let value = one.input.value.as_deref().unwrap_or_default();
        let (kind, code, payload) = match verdict {
            Verdict::Record => (0u8, 0u32, value),
            Verdict::Gap(cause) => (1, cause.number(), &[][..]),
            Verdict::Reject(code) => (2, code.number(), value.get(..1024).unwrap_or(value)),
        };
        let hash = hashes.entry(one.partition).or_default();
        hash.update([kind]);
        hash.update(one.offset.to_le_bytes());
        hash.update((one.offset + 1).to_le_bytes());
        hash.update(code.to_le_bytes());
        hash.update(
            u32::try_from(payload.len())
                .expect("a payload's length")
                .to_le_bytes(),
        );
        hash.update(payload);
    }
    let hex = |hash: Sha256| {
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    hashes
        .into_iter()
        .map(|(partition, hash)| (partition, hex(hash)))
        .collect()
}

/// The definition the clients use, over frames as the relay would write them.
fn by_session(ordered: &[&(Produced, Verdict)]) -> BTreeMap<u32, String> {
    let mut digest = StreamDigest::new();
    let mut frame = Vec::new();
    for (one, verdict) in ordered {
        frame.clear();
        write_frame(&mut frame, one, *verdict);
        for frame in FrameReader::new(&frame) {
            digest.update(&frame.expect("a frame just written"));
        }
    }
    let partitions: Vec<u32> = digest.partitions().collect();
    partitions
        .into_iter()
        .map(|partition| (partition, digest.hex(partition)))
        .collect()
}

fn write_frame(out: &mut Vec<u8>, one: &Produced, verdict: Verdict) {
    let mut writer = FrameWriter::new(one.partition, one.offset);
    let value = one.input.value.as_deref().unwrap_or_default();
    let time = one.input.timestamp_ms;
    match verdict {
        Verdict::Record => writer.record(out, one.offset, time, value),
        Verdict::Reject(code) => writer.reject(out, one.offset, time, code, value),
        Verdict::Gap(cause) => writer.gap(out, one.offset, one.offset, cause),
    }
}
