//! Counts of accepted records, which nearly all records are: added up over a run and handed over at once,
//! because the counters are shared by all partitions and each touch of them costs as much as hashing a
//! name.

use decode_core::wire::MessageKind;

use super::Accepted;
use crate::metrics::{Age, Counters};

/// What a run of records adds to the counters.
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
            Age::Old => self.old += 1,
            Age::New => self.new += 1,
        }
        let kind = accepted
            .kind
            .and_then(|kind| MessageKind::ALL.iter().position(|&one| one == kind));
        match kind.and_then(|at| self.kinds.get_mut(at)) {
            Some(count) => *count += 1,
            None => self.empty += 1,
        }
        self.newer_schema += u64::from(accepted.is_newer_schema);
    }

    pub(super) fn hand_over(self, counters: &Counters) {
        counters.received.add(self.received);
        counters.received_bytes.add(self.received_bytes);
        counters.accepted_by_age.of(Age::Old).add(self.old);
        counters.accepted_by_age.of(Age::New).add(self.new);
        counters.accepted_empty.add(self.empty);
        counters.newer_schema.add(self.newer_schema);
        for (&kind, count) in MessageKind::ALL.iter().zip(self.kinds) {
            if count > 0 {
                counters.accepted.add(kind, count);
            }
        }
    }
}
