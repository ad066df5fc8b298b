//! What a client expects next and what it has disposed of, by partition.

use alloc::vec::Vec;

use decode_core::frame::{FrameHeader, FrameReader};
use decode_core::wire::{FrameKind, UNLISTED_PARTITIONS_MAX};

use super::Refused;
use crate::control::{
    ByPartition, Cursors, Decimal, Fingerprint, Partition, Span, Unlisted, by_partition,
};

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
    /// The cursor as this connection was last told.
    acknowledged: u64,
}

#[derive(Debug, Default)]
pub(super) struct Positions {
    /// Ascending by partition, as the relay lists them: one that is added goes to the end.
    by_partition: Vec<PartitionPosition>,
}

impl Positions {
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = PartitionPosition> + '_ {
        self.by_partition.iter().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.by_partition.clear();
    }

    /// The cursors, as `resume` sends them, with what shows that they are of this topic. One of a partition
    /// that the relay did not list would refuse the whole resume, and goes apart.
    pub(super) fn cursors(&self, relays: &ByPartition<Span>) -> Cursors {
        let mut cursors = Cursors::default();
        for p in &self.by_partition {
            let partition = Partition(p.partition);
            if relays.contains_key(&partition) {
                cursors.positions.insert(partition, Decimal(p.committed));
                let last = p.fingerprint.map(|record| (partition, record));
                cursors.fingerprints.extend(last);
            } else if cursors.unlisted.len() < UNLISTED_PARTITIONS_MAX {
                let cursor = Unlisted {
                    position: p.committed,
                    last: p.fingerprint,
                };
                cursors.unlisted.push((partition, cursor));
            }
        }
        cursors
    }

    /// The last offsets disposed of where they moved since they were asked for, as `ack` sends them.
    pub(super) fn moved_offsets(&mut self) -> ByPartition {
        let moved = self.by_partition.iter_mut().filter_map(|p| {
            let before = core::mem::replace(&mut p.acknowledged, p.committed);
            let last = p
                .committed
                .checked_sub(1)
                .filter(|_| p.committed != before)?;
            Some((Partition(p.partition), Decimal(last)))
        });
        by_partition(moved)
    }

    /// What a new connection starts from: what was received and not disposed of is received again.
    pub(super) fn rewind(&mut self) {
        for p in &mut self.by_partition {
            p.expected = p.committed;
            p.acknowledged = p.committed;
        }
    }

    /// Takes the positions the relay will serve. `false` if it would skip what this client wants.
    pub(super) fn resumed(&mut self, heads: &ByPartition, positions: &ByPartition) -> bool {
        let mut honest = true;
        for (&Partition(partition), &Decimal(position)) in positions {
            let known = self.place(partition).is_ok();
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
        let place = self.place(partition).unwrap_or_else(|place| {
            let start = PartitionPosition {
                partition,
                expected: position,
                committed: position,
                acknowledged: position,
                head: position,
                ..PartitionPosition::default()
            };
            self.by_partition.insert(place, start);
            place
        });
        self.by_partition
            .get_mut(place)
            .expect("it is known or was added")
    }

    fn place(&self, partition: u32) -> Result<usize, usize> {
        self.by_partition
            .binary_search_by_key(&partition, |p| p.partition)
    }

    fn position(&mut self, partition: u32) -> Option<&mut PartitionPosition> {
        let place = self.place(partition).ok()?;
        self.by_partition.get_mut(place)
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
            let position = self.position(header.partition);
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
        let Some(p) = self.position(header.partition) else {
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
