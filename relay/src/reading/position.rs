//! Where a partition is read next, and what is said about offsets that give no record. A pure machine without Kafka;
//! what its methods return goes into the log in the order of the calls.
//!
//! Offsets are sparse; a hole before a record needs no word, as `prev_next` covers it. Offsets behind the last record
//! that hold none (transaction markers, aborted transactions, what compaction removed) are passed with a skip frame,
//! as nobody knows when the next record comes.

use decode_core::wire::GapCause;

/// What goes into the log besides records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Gap {
        first: u64,
        last: u64,
        cause: GapCause,
    },
    Mark {
        position: u64,
    },
}

/// What an answer out of range means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfRange {
    /// Kafka deleted offsets before they were read: name them, and go on at the earliest.
    Trimmed(Notice),
    /// The log ends before the position: it is not the topic it was, or it lost its end.
    WentBack { end: u64 },
    /// The position is within the range after all; ask again.
    Within,
}

/// The position of one partition: the next offset to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    at: u64,
}

impl Position {
    pub(crate) const fn new(at: u64) -> Self {
        Self { at }
    }

    pub(crate) const fn at(self) -> u64 {
        self.at
    }

    /// Records came, the last of them at `last`.
    pub(crate) const fn take(&mut self, last: u64) {
        self.at = last.saturating_add(1);
    }

    /// Offsets cannot be had.
    pub(crate) const fn lose(&mut self, first: u64, last: u64, cause: GapCause) -> Notice {
        self.at = last.saturating_add(1);
        Notice::Gap { first, last, cause }
    }

    /// There is no record before `next` any more.
    pub(crate) fn pass(&mut self, next: u64) -> Option<Notice> {
        if next <= self.at {
            return None;
        }
        self.at = next;
        Some(Notice::Mark { position: next })
    }

    /// Back to an offset whose record was not taken, or whose batch is not to be passed yet.
    pub(crate) const fn rewind(&mut self, offset: u64) {
        self.at = offset;
    }

    /// The broker has nothing at this offset; it holds `earliest..end`.
    pub(crate) fn on_out_of_range(&mut self, earliest: u64, end: u64) -> OutOfRange {
        if self.at < earliest {
            let first = self.at;
            let last = earliest.saturating_sub(1);
            OutOfRange::Trimmed(self.lose(first, last, GapCause::Retention))
        } else if self.at > end {
            OutOfRange::WentBack { end }
        } else {
            OutOfRange::Within
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_move_it_over_holes_without_a_word() {
        let mut position = Position::new(10);
        position.take(25);
        assert_eq!(position.at(), 26);
        assert_eq!(position.pass(26), None, "the answer ended with the record");
    }

    #[test]
    fn what_holds_no_record_behind_the_last_one_is_a_mark() {
        let mut position = Position::new(10);
        assert_eq!(position.pass(10), None, "a quiet end");
        assert_eq!(
            position.pass(5),
            None,
            "a broker that knows less is not believed"
        );
        assert_eq!(position.pass(12), Some(Notice::Mark { position: 12 }));
        assert_eq!(position.at(), 12);
    }

    #[test]
    fn what_cannot_be_had_is_a_gap() {
        let mut position = Position::new(10);
        let (first, last, cause) = (12, 19, GapCause::UnreadableBatch);
        let gap = Notice::Gap { first, last, cause };
        assert_eq!(position.lose(12, 19, cause), gap);
        assert_eq!(position.at(), 20);
        position.rewind(12);
        assert_eq!(position.at(), 12, "not to be passed yet");
    }

    #[test]
    fn a_trimmed_range_is_told_from_what_the_log_knows() {
        let mut position = Position::new(10);
        let gap = Notice::Gap {
            first: 10,
            last: 99,
            cause: GapCause::Retention,
        };
        assert_eq!(position.on_out_of_range(100, 200), OutOfRange::Trimmed(gap));
        assert_eq!(position.at(), 100);
    }

    #[test]
    fn an_end_that_went_back_moves_nothing() {
        let mut position = Position::new(10);
        let back = OutOfRange::WentBack { end: 4 };
        assert_eq!(position.on_out_of_range(0, 4), back);
        assert_eq!(position.on_out_of_range(0, 10), OutOfRange::Within);
        assert_eq!(position.at(), 10);
    }
}
