//! What one fetch brought of one partition: batches one after the other, each unpacked piece by piece.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    aborted::Aborted,
    batch::{self, Header, Next},
    budget::{Budgets, Share},
    fetcher::Given,
    record::Record,
    unpack::{Loss, Piece, Unpacking},
};

/// The next of what was fetched.
#[derive(Debug)]
pub enum Item<'a> {
    /// Records, ascending by offset; none where all of them lay before the offset asked for.
    Records(Vec<Record<'a>>),
    /// Offsets that cannot be had.
    Lost {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
        /// Why.
        why: Loss,
    },
}

/// An answer to a fetch. Holds its part of the memory budget until it is dropped.
#[derive(Debug)]
pub struct Fetched {
    high_watermark: u64,
    last_stable: u64,
    log_start: u64,
    /// Next offset, once what came so far is disposed of.
    at: u64,
    epoch: i32,
    records: Bytes,
    aborted: Aborted,
    aborted_records: u64,
    is_cut: bool,
    /// Whether anything was taken of the records.
    has_moved: bool,
    unpacking: Option<Unpacking>,
    budgets: Arc<Budgets>,
    _share: Share,
}

impl Fetched {
    pub(crate) fn new(given: Given, offset: u64, epoch: i32, budgets: Arc<Budgets>) -> Self {
        let number = |offset: i64| u64::try_from(offset).unwrap_or(0);
        let last_stable = number(given.last_stable_offset);
        // A broker sends at least one batch where there is any, so there is none up to its end.
        let nothing = given.records.is_empty() && given.is_conclusive;
        Self {
            high_watermark: number(given.high_watermark),
            last_stable,
            log_start: number(given.log_start_offset),
            at: if nothing {
                last_stable.max(offset)
            } else {
                offset
            },
            epoch,
            records: given.records,
            aborted: given.aborted,
            aborted_records: 0,
            is_cut: given.is_cut,
            has_moved: false,
            unpacking: None,
            budgets,
            _share: given.share,
        }
    }

    /// Where the partition ends, open transactions included.
    #[must_use]
    pub const fn high_watermark(&self) -> u64 {
        self.high_watermark
    }

    /// Where the first open transaction begins: what lies behind it cannot be read yet. The high watermark
    /// where none is open.
    #[must_use]
    pub const fn last_stable(&self) -> u64 {
        self.last_stable
    }

    /// The oldest offset the broker holds.
    #[must_use]
    pub const fn log_start(&self) -> u64 {
        self.log_start
    }

    /// The offset to ask for next, once [`Self::next`] has given all: also behind markers, aborted
    /// transactions and what compaction removed.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.at
    }

    /// Leader epoch of the batch taken last; -1 where none is known.
    #[must_use]
    pub const fn epoch(&self) -> i32 {
        self.epoch
    }

    /// Records left out so far because their transaction was aborted.
    #[must_use]
    pub const fn aborted_records(&self) -> u64 {
        self.aborted_records
    }

    /// The next records, or offsets that cannot be had. Waits for the memory that unpacking takes.
    pub async fn next(&mut self) -> Option<Item<'_>> {
        while self.unpacking.as_ref().is_none_or(Unpacking::is_finished) {
            self.unpacking = None;
            let (lost, is_over) = self.step().await;
            if let Some(lost) = lost {
                return Some(lost);
            }
            if is_over {
                return None;
            }
        }
        let piece = self.unpacking.as_mut()?.next(&self.budgets).await;
        Some(match piece {
            Piece::Records(records) => Item::Records(records),
            Piece::Lost(first, last, why) => Item::Lost { first, last, why },
        })
    }

    /// Goes on to the next batch. Says what was lost of it, and whether there is none.
    async fn step(&mut self) -> (Option<Item<'static>>, bool) {
        let next = batch::next(&mut self.records);
        let is_first = !std::mem::replace(&mut self.has_moved, true);
        match next {
            Next::Batch(header, packed) => (self.begin(&header, packed).await, false),
            Next::End => (None, true),
            Next::Damaged((first, last), why) => {
                (self.lose(first, last, Loss::Damaged(why.to_owned())), false)
            }
            Next::Lost(why) => {
                self.records.clear();
                (
                    self.lose(self.at, self.at, Loss::Damaged(why.to_owned())),
                    false,
                )
            }
            Next::Cut(range) => {
                self.records.clear();
                // A broker may end with a part of a batch, which comes whole with the next fetch.
                if !self.is_cut && !is_first {
                    return (None, true);
                }
                let (first, last) = range.unwrap_or((self.at, self.at));
                let why = Loss::TooLarge("a batch larger than the memory for fetching".to_owned());
                (self.lose(first, last, why), false)
            }
        }
    }

    fn lose(&mut self, first: u64, last: u64, why: Loss) -> Option<Item<'static>> {
        let first = first.max(self.at);
        if last < first {
            return None;
        }
        self.at = last + 1;
        Some(Item::Lost { first, last, why })
    }

    async fn begin(&mut self, header: &Header, packed: Bytes) -> Option<Item<'static>> {
        let (first, last) = header.range()?;
        if last < self.at {
            return None;
        }
        let from = std::mem::replace(&mut self.at, last + 1);
        self.epoch = header.leader_epoch;
        if header.is_control() {
            if batch::aborts(&packed) {
                self.aborted.end(header.producer, header.base_offset);
            }
            return None;
        }
        let last_offset = i64::try_from(last).unwrap_or(i64::MAX);
        if header.is_transactional() && self.aborted.holds(header.producer, last_offset) {
            self.aborted_records += u64::try_from(header.count).unwrap_or(0);
            return None;
        }
        match Unpacking::begin(header, packed, from, &self.budgets).await {
            Ok(unpacking) => {
                self.unpacking = Some(unpacking);
                None
            }
            Err(why) => Some(Item::Lost {
                first: first.max(from),
                last,
                why,
            }),
        }
    }
}

/// The offset behind the last whole batch and its leader epoch: where the next fetch begins.
pub(crate) fn end_of(records: &Bytes) -> Option<(i64, i32)> {
    let mut rest = records.clone();
    let mut end = None;
    while let Some((next, epoch)) = batch::skip(&mut rest) {
        end = Some((next, epoch));
    }
    end
}

#[cfg(test)]
mod tests;
