//! What is of no run, summed up: records that could not be read, and messages without a thread. The newest are
//! held with their places; all are counted by what is wrong with them.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::keyed::Keyed;
use crate::limits::{QUARANTINE_CODES_MAX, QUARANTINE_MAX};
use crate::order;
use crate::reducer::{Entry, Reducer};
use crate::rows::shorten;

/// One record, or one message of a batch, that is of no run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Row id, while the row is held.
    pub row: u64,
    /// Kafka partition.
    pub partition: u32,
    /// Kafka offset.
    pub offset: u64,
    /// Kafka timestamp in ms.
    pub timestamp_ms: i64,
    /// Reject code; 0 = a message without a thread.
    pub code: u32,
    /// Length of the Kafka value in bytes.
    pub bytes: u32,
    /// What is wrong with it, cut; or empty.
    pub text: Box<str>,
}

/// See the module text.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    newest: VecDeque<Quarantined>,
    counts: Keyed<u64>,
    /// Of codes beyond those that are counted apart.
    others: u64,
}

impl Quarantine {
    /// Newest first.
    pub(crate) fn newest(&self) -> impl ExactSizeIterator<Item = &Quarantined> {
        self.newest.iter().rev()
    }

    /// How many there were of each code, most first; and of codes that are not counted apart.
    pub(crate) fn counts(&self) -> (Vec<(u32, u64)>, u64) {
        let mut counts: Vec<_> = self
            .counts
            .iter()
            .map(|(code, n)| (code as u32, *n))
            .collect();
        order::by_key(&mut counts, |(_, n)| core::cmp::Reverse(*n));
        (counts, self.others)
    }

    fn add(&mut self, entry: &Entry<'_>, code: u32, text: &str) {
        let row = entry.row;
        let key = u64::from(code);
        if self.counts.len() < QUARANTINE_CODES_MAX || self.counts.get(key).is_some() {
            *self.counts.get_or_insert(key, 0) += 1;
        } else {
            self.others += 1;
        }
        if self.newest.len() >= QUARANTINE_MAX {
            self.newest.pop_front();
        }
        self.newest.push_back(Quarantined {
            row: entry.id,
            partition: row.partition,
            offset: row.offset,
            timestamp_ms: row.timestamp_ms,
            code,
            bytes: row.bytes,
            text: shorten(text),
        });
    }
}

impl Reducer for Quarantine {
    fn record(&mut self, entry: &Entry<'_>) {
        if entry.row.thread.is_empty() && !entry.repeat {
            self.add(entry, 0, entry.row.kind.name());
        }
    }

    fn gap(&mut self, _: &Entry<'_>) {}

    fn reject(&mut self, entry: &Entry<'_>) {
        self.add(entry, entry.row.code, entry.row.text);
    }

    /// It has a bound of its own.
    fn evict(&mut self, _: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::PayloadRef;
    use crate::row::{Row, RowKind};

    fn entry<'a>(id: u64, row: &'a Row<'a>) -> Entry<'a> {
        Entry {
            id,
            payload: PayloadRef::default(),
            repeat: false,
            row,
        }
    }

    /// STA-27: a message without a thread is of no run and is not lost from sight: the newest come first, and
    /// one with a thread is none of them.
    #[test]
    fn what_is_of_no_run_is_kept_newest_first() {
        let mut kept = Quarantine::default();
        for (id, thread) in ["", "t", ""].into_iter().enumerate() {
            let row = Row {
                thread,
                offset: id as u64,
                ..Row::default()
            };
            kept.record(&entry(id as u64, &row));
        }
        let reject = Row {
            kind: RowKind::Reject,
            code: 7,
            offset: 3,
            text: "not protobuf",
            ..Row::default()
        };
        kept.reject(&entry(3, &reject));
        let newest: Vec<_> = kept.newest().map(|one| (one.offset, one.code)).collect();
        assert_eq!(newest, [(3, 7), (2, 0), (0, 0)]);
        assert_eq!(kept.counts(), (alloc::vec![(0, 2), (7, 1)], 0));
    }

    /// STA-27: the list is bounded and says how many there were; codes that nobody knows cannot make it grow.
    #[test]
    fn it_is_bounded_and_counts_on() {
        let mut kept = Quarantine::default();
        let many = QUARANTINE_MAX as u64 + 500;
        for id in 0..many {
            let row = Row {
                kind: RowKind::Reject,
                code: u32::try_from(id).expect("small") + 1,
                offset: id,
                ..Row::default()
            };
            kept.reject(&entry(id, &row));
        }
        assert_eq!(kept.newest().len(), QUARANTINE_MAX);
        assert_eq!(kept.newest().next().map(|one| one.offset), Some(many - 1));
        let (counts, others) = kept.counts();
        assert_eq!(counts.len(), QUARANTINE_CODES_MAX);
        assert_eq!(counts.iter().map(|(_, n)| n).sum::<u64>() + others, many);
    }
}
