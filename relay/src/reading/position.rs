//! Where a partition is read next, and what is said about offsets that give no record.
//!
//! A pure machine without Kafka: [`Position::request`] says what to ask a broker, the `on_*` methods
//! take the answer, and what they return goes into the log *before* the records of that answer.
//! It holds the rules by which nothing is skipped in silence:
//!
//! - Offsets are sparse; a hole before a record needs no word, as `prev_next` covers it.
//! - Kafka answers an empty fetch where only control batches or compacted-away records lie. The
//!   relay goes on by one offset at a time, because one empty answer says nothing about the
//!   offsets behind it, and only below an end that the broker confirmed.
//! - rskafka cannot parse control batches, which end transactions; it says so, and they are passed
//!   one offset at a time, as they hold no record.
//! - A batch that cannot be read is isolated by fetches of one batch each and passed offset by
//!   offset; its range becomes one gap.

use decode_core::wire::GapCause;

use crate::limits::PROBES_PER_MARK;

/// What to ask the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Records from `offset`.
    Fetch {
        offset: u64,
        /// Only one batch, so that an error names the batch at `offset`.
        one_batch: bool,
        /// Whether the broker may hold the answer back until there is something.
        patient: bool,
    },
    /// The end of what may be read.
    End,
}

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
    /// Kafka deleted offsets before they were read: tell, and go on at the earliest.
    Trimmed(Notice),
    /// The log ends before the position: it is not the topic it was.
    WentBack { end: u64 },
    /// The position is within the range after all; ask again.
    Within,
}

/// The position of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The next offset to ask for. The log's head may lie before it while offsets are probed.
    at: u64,
    /// What the log was told.
    published: u64,
    mode: Mode,
    /// Something ahead is a control batch or cannot be read: one batch a fetch until it is passed.
    isolating: bool,
    /// Highest watermark seen: a broker that knows less is not up to date.
    watermark: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Reading,
    /// An empty answer although the watermark is further: ask how far may be read.
    Doubting,
    /// More may be read, the broker says. Is there still nothing?
    Confirming {
        end: u64,
    },
    /// There is nothing at `at`: on to the next offset.
    Skipping {
        end: u64,
    },
    /// The batch at `first` cannot be read; looking for its end.
    Damaged {
        first: u64,
    },
}

impl Position {
    pub(crate) fn new(position: u64) -> Self {
        Self {
            at: position,
            published: position,
            mode: Mode::Reading,
            isolating: false,
            watermark: 0,
        }
    }

    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Whether it is working its way past offsets without records.
    pub(crate) fn is_probing(&self) -> bool {
        self.isolating || self.mode != Mode::Reading
    }

    pub(crate) fn request(&self) -> Request {
        if self.mode == Mode::Doubting {
            return Request::End;
        }
        Request::Fetch {
            offset: self.at,
            one_batch: self.isolating,
            patient: !self.is_probing(),
        }
    }

    /// An answer with records, the last of them at `last`.
    pub(crate) fn on_records(&mut self, last: u64, watermark: u64) -> Option<Notice> {
        let notice = self.damage();
        // While the trouble is still ahead, one batch a fetch until it is met.
        self.isolating &= notice.is_none();
        self.mode = Mode::Reading;
        self.watermark = self.watermark.max(watermark);
        self.at = last.saturating_add(1);
        self.published = self.at;
        notice
    }

    /// Back to an offset whose record was not taken, or whose batch is not to be passed yet.
    pub(crate) fn rewind(&mut self, offset: u64) {
        self.at = offset;
        self.published = offset;
        self.mode = Mode::Reading;
    }

    /// Ends the gap over damaged batches where the old ones end, so that each gap has one age. Batches
    /// never lie on both sides of `boundary`.
    pub(crate) fn divide(&mut self, boundary: u64) -> Option<Notice> {
        if self.at == boundary {
            self.damage()
        } else {
            None
        }
    }

    /// An answer without records, from a broker whose watermark is `watermark`.
    pub(crate) fn on_empty(&mut self, watermark: u64) -> Option<Notice> {
        let behind = watermark < self.watermark;
        self.watermark = self.watermark.max(watermark);
        match self.mode {
            Mode::Damaged { .. } => {
                self.isolating = false;
                self.damage()
            }
            Mode::Confirming { end } | Mode::Skipping { end } if !behind => self.skip(end),
            Mode::Reading if watermark > self.at && !behind => {
                self.mode = Mode::Doubting;
                None
            }
            Mode::Confirming { .. } | Mode::Skipping { .. } | Mode::Reading | Mode::Doubting => {
                self.settle()
            }
        }
    }

    /// The end of what may be read: beyond it lie transactions that are still open.
    pub(crate) fn on_end(&mut self, end: u64) -> Option<Notice> {
        if end > self.at {
            self.mode = Mode::Confirming { end };
            return None;
        }
        self.settle()
    }

    /// An answer that holds a control batch, which hides everything else in it.
    pub(crate) fn on_control(&mut self) -> Option<Notice> {
        let notice = self.damage();
        self.mode = Mode::Reading;
        if self.isolating {
            self.at = self.at.saturating_add(1);
        }
        self.isolating = true;
        notice
    }

    /// An answer that could not be read. Says whether it names the batch at [`Self::at`].
    pub(crate) fn on_damaged(&mut self) -> bool {
        if !self.isolating {
            self.isolating = true;
            self.mode = Mode::Reading;
            return false;
        }
        let before = self.mode;
        let first = match before {
            Mode::Damaged { first } => first,
            Mode::Reading | Mode::Doubting | Mode::Confirming { .. } | Mode::Skipping { .. } => {
                self.at
            }
        };
        self.mode = Mode::Damaged { first };
        self.at = self.at.saturating_add(1);
        self.mode != before
    }

    /// The broker has nothing at this offset; it holds `earliest..end`.
    pub(crate) fn on_out_of_range(&mut self, earliest: u64, end: u64) -> OutOfRange {
        if self.at < earliest {
            let first = self.published;
            self.at = earliest;
            self.published = earliest;
            self.mode = Mode::Reading;
            self.isolating = false;
            OutOfRange::Trimmed(Notice::Gap {
                first,
                last: earliest.saturating_sub(1),
                cause: GapCause::Retention,
            })
        } else if self.at > end {
            OutOfRange::WentBack { end }
        } else {
            OutOfRange::Within
        }
    }

    fn skip(&mut self, end: u64) -> Option<Notice> {
        self.at = self.at.saturating_add(1);
        if self.at >= end {
            return self.settle();
        }
        self.mode = Mode::Skipping { end };
        (self.at - self.published >= PROBES_PER_MARK).then(|| self.mark())
    }

    /// Back to ordinary reading; the log is told of offsets passed without a record.
    fn settle(&mut self) -> Option<Notice> {
        self.mode = Mode::Reading;
        self.isolating = false;
        (self.at > self.published).then(|| self.mark())
    }

    fn mark(&mut self) -> Notice {
        self.published = self.at;
        Notice::Mark { position: self.at }
    }

    /// The gap over a damaged batch, once its end was found at `at`.
    fn damage(&mut self) -> Option<Notice> {
        let Mode::Damaged { first } = self.mode else {
            return None;
        };
        self.mode = Mode::Reading;
        self.published = self.at;
        let last = self.at.saturating_sub(1);
        Some(Notice::Gap {
            first,
            last,
            cause: GapCause::UnreadableBatch,
        })
    }
}

#[cfg(test)]
mod tests;
