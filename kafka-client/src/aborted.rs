//! Which batches belong to transactions that were aborted. A pure rule, as Kafka's own client has it: the
//! broker lists producers with the first offset of each aborted transaction, and the transaction ends at the
//! producer's next abort marker.

use std::collections::BTreeSet;

/// The aborted transactions that an answer touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aborted {
    /// Producer and first offset, the last first.
    ahead: Vec<(i64, i64)>,
    open: BTreeSet<i64>,
}

impl Aborted {
    /// From producers and first offsets, in any order.
    pub(crate) fn new(mut ranges: Vec<(i64, i64)>) -> Self {
        ranges.sort_unstable_by_key(|&(producer, first)| std::cmp::Reverse((first, producer)));
        Self {
            ahead: ranges,
            open: BTreeSet::new(),
        }
    }

    /// Whether a transactional batch is one of an aborted transaction. Called for every batch of a producer
    /// in the order of the log.
    pub(crate) fn holds(&mut self, producer: i64, last_offset: i64) -> bool {
        while let Some((producer, _)) = self.ahead.pop_if(|(_, first)| *first <= last_offset) {
            self.open.insert(producer);
        }
        self.open.contains(&producer)
    }

    /// Takes an abort marker of a producer.
    pub(crate) fn end(&mut self, producer: i64, offset: i64) {
        self.holds(producer, offset);
        self.open.remove(&producer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_aborted_from_its_first_offset_to_its_marker() {
        let mut aborted = Aborted::new(vec![(7, 30), (7, 10), (8, 12)]);
        assert!(!aborted.holds(7, 9), "before it");
        assert!(aborted.holds(7, 11));
        assert!(!aborted.holds(8, 11), "another producer's begins later");
        assert!(aborted.holds(8, 13) && aborted.holds(7, 14));
        assert!(!aborted.holds(9, 15), "committed, in between");
        aborted.end(7, 16);
        assert!(!aborted.holds(7, 20), "its next one was committed");
        assert!(aborted.holds(8, 21), "the other one is still open");
        assert!(aborted.holds(7, 31), "and the one after that aborted again");
    }

    #[test]
    fn a_marker_without_its_batches_ends_its_transaction() {
        // The fetch began behind the batches of the transaction, or compaction removed them.
        let mut aborted = Aborted::new(vec![(7, 10)]);
        aborted.end(7, 16);
        assert!(!aborted.holds(7, 20));
    }
}
