//! What a client expects next and what it has disposed of, by partition.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use decode_core::frame::{FrameHeader, FrameReader};
use decode_core::wire::FrameKind;

use super::Refused;
use crate::control::{ByPartition, Decimal, Fingerprint, Partition, Span};

/// A frame that leaves something out, or repeats something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discontinuity {
    /// Partition; of one that was never announced, `expected` is 0.
    pub partition: u32,
    /// The position that was due.
    pub expected: u64,
    /// Where the frame continues from.
    pub prev_next: u64,
    /// The frame's offset.
    pub offset: u64,
}

/// What is known of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionPosition {
    /// Partition.
    pub partition: u32,
    /// Next position to be received.
    pub expected: u64,
    /// Next position to be disposed of: the cursor.
    pub committed: u64,
    /// The last record disposed of, accepted or not. Whoever keeps the cursor keeps it too.
    pub fingerprint: Option<Fingerprint>,
    /// The relay's end when this connection resumed.
    pub head: u64,
    /// Records disposed of.
    pub records: u64,
    /// Rejects disposed of.
    pub rejects: u64,
    /// Gaps disposed of.
    pub gaps: u64,
    /// Offsets inside those gaps.
    pub gap_offsets: u64,
}

#[derive(Debug, Default)]
pub(super) struct Positions {
    by_partition: BTreeMap<u32, PartitionPosition>,
}

impl Positions {
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = PartitionPosition> + '_ {
        self.by_partition.values().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.by_partition.clear();
    }

    /// The cursors of the partitions the relay has, as `resume` sends them: one of another partition would
    /// refuse the whole resume.
    pub(super) fn cursors(&self, relays: &ByPartition<Span>) -> ByPartition {
        self.known_to(relays)
            .map(|p| (Partition(p.partition), Decimal(p.committed)))
            .collect()
    }

    /// The last offsets disposed of, as `ack` sends them.
    pub(super) fn last_offsets(&self) -> ByPartition {
        self.by_partition
            .values()
            .filter_map(|p| Some((Partition(p.partition), Decimal(p.committed.checked_sub(1)?))))
            .collect()
    }

    /// What shows that those cursors are of this topic, ascending.
    pub(super) fn fingerprints(&self, relays: &ByPartition<Span>) -> Vec<(Partition, Fingerprint)> {
        self.known_to(relays)
            .filter_map(|p| Some((Partition(p.partition), p.fingerprint?)))
            .collect()
    }

    fn known_to(&self, relays: &ByPartition<Span>) -> impl Iterator<Item = &PartitionPosition> {
        let is_known = move |p: &&PartitionPosition| relays.contains_key(&Partition(p.partition));
        self.by_partition.values().filter(is_known)
    }

    /// What a new connection starts from: what was received and not disposed of is received again.
    pub(super) fn rewind(&mut self) {
        for p in self.by_partition.values_mut() {
            p.expected = p.committed;
        }
    }

    /// Takes the positions the relay will serve. `false` if it would skip what this client wants.
    pub(super) fn resumed(&mut self, heads: &ByPartition, positions: &ByPartition) -> bool {
        let mut honest = true;
        for (&Partition(partition), &Decimal(position)) in positions {
            let known = self.by_partition.contains_key(&partition);
            let p = self.start(partition, position);
            if known && p.expected != position {
                honest = false;
            }
            p.head = heads
                .get(&Partition(partition))
                .map_or(position, |head| head.0);
        }
        honest
    }

    /// Starts a partition at a position unless it is known.
    pub(super) fn start(&mut self, partition: u32, position: u64) -> &mut PartitionPosition {
        self.by_partition
            .entry(partition)
            .or_insert_with(|| PartitionPosition {
                partition,
                expected: position,
                committed: position,
                head: position,
                ..PartitionPosition::default()
            })
    }

    /// The topic started over: the cursor moves, also backwards.
    pub(super) fn reset(&mut self, partition: u32, position: u64) {
        let p = self.start(partition, position);
        p.expected = position;
        p.committed = position;
        p.fingerprint = None;
    }

    /// A cursor from an earlier run.
    pub(super) fn seek(&mut self, partition: u32, position: u64, last: Option<Fingerprint>) {
        self.reset(partition, position);
        let last = last.filter(|record| record.offset < position);
        self.start(partition, position).fingerprint = last;
    }

    /// Walks a message's frames and counts them; on the first that does not continue, none counts.
    pub(super) fn receive(&mut self, message: &[u8], unknown: &mut u64) -> Result<u64, Refused> {
        let result = self.walk(message, unknown);
        if result.is_err() {
            self.rewind();
        }
        result
    }

    fn walk(&mut self, message: &[u8], unknown: &mut u64) -> Result<u64, Refused> {
        let mut frames = 0;
        let mut reader = FrameReader::new(message);
        for frame in &mut reader {
            let header = frame.map_err(Refused::Frame)?.header;
            let position = self.by_partition.get_mut(&header.partition);
            let expected = position.as_ref().map_or(0, |p| p.expected);
            match position {
                Some(position) if header.continues(expected) => {
                    position.expected = header.next();
                    frames += 1;
                }
                _ => {
                    return Err(Refused::Discontinuous(Discontinuity {
                        partition: header.partition,
                        expected,
                        prev_next: header.prev_next,
                        offset: header.offset,
                    }));
                }
            }
        }
        *unknown += reader.unknown() as u64;
        Ok(frames)
    }

    pub(super) fn dispose(&mut self, header: &FrameHeader) {
        let Some(p) = self.by_partition.get_mut(&header.partition) else {
            return;
        };
        if header.next() < p.committed {
            return;
        }
        let before = p.committed;
        p.committed = header.next();
        if matches!(header.kind, FrameKind::Record | FrameKind::Reject) {
            p.fingerprint = Some(Fingerprint {
                offset: header.offset,
                timestamp_ms: header.timestamp_ms,
            });
        }
        match header.kind {
            FrameKind::Record => p.records += 1,
            FrameKind::Reject => p.rejects += 1,
            FrameKind::Gap => {
                p.gaps += 1;
                p.gap_offsets += header.next() - header.offset.max(before);
            }
            FrameKind::Mark => {}
        }
    }
}
