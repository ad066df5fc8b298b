//! Counts of accepted records, which nearly all records are: added up over a run and handed over at once,
//! because the counts are shared by all partitions and each touch of them costs as much as hashing a
//! name.

use decode_core::wire::MessageKind;

use crate::{age::Age, ingest::counts::Counts, reading::judge::Accepted};

/// What a run of records adds to the counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    received: u64,
    received_bytes: u64,
    old: u64,
    new: u64,
    empty: u64,
    newer_schema: u64,
    kinds: [u64; MessageKind::ALL.len()],
}

impl Tally {
    /// A record of that many bytes, whatever becomes of it.
    pub(super) fn receive(&mut self, bytes: usize) {
        self.received += 1;
        self.received_bytes += bytes as u64;
    }

    pub(super) fn accept(&mut self, accepted: &Accepted, age: Age) {
        match age {
            Age::Historical => self.old += 1,
            Age::New => self.new += 1,
        }
        match accepted
            .kind
            .and_then(|kind| self.kinds.get_mut(kind.index()))
        {
            Some(count) => *count += 1,
            None => self.empty += 1,
        }
        self.newer_schema += u64::from(accepted.is_newer_schema);
    }

    pub(super) fn hand_over(self, counts: &Counts) {
        counts.received.add(self.received);
        counts.received_bytes.add(self.received_bytes);
        counts.accepted_by_age.of(Age::Historical).add(self.old);
        counts.accepted_by_age.of(Age::New).add(self.new);
        counts.accepted_empty.add(self.empty);
        counts.newer_schema.add(self.newer_schema);
        for (&kind, count) in MessageKind::ALL.iter().zip(self.kinds) {
            if count > 0 {
                counts.accepted.add(kind, count);
            }
        }
    }
}
