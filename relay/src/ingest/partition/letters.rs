//! The letters about a partition's records. Failing closed, reading waits for them: for room before the record is
//! taken, and for the store after it. Neither wait is long with fetched records in hand: others need that memory.

use std::time::Duration;

use super::PartitionLoop;
use crate::{
    dlq::{Refused, Room, Settled},
    kafka::{Record, Source},
    limits::LETTER_HOLD_MS_MAX,
};

const HOLD: Duration = Duration::from_millis(LETTER_HOLD_MS_MAX);

/// What reading waits for.
#[derive(Debug, Default)]
pub(super) struct Letters {
    /// Letters that have to be stored before it goes on.
    insisted: Vec<Settled>,
    /// The record that found no room for its letter, and the bytes of its value.
    wanted: Option<(u64, usize)>,
    /// Room that was waited for, and the record that it is for.
    kept: Option<(u64, Room)>,
}

impl Letters {
    /// Whether all are stored that have to be.
    pub(super) const fn are_settled(&self) -> bool {
        self.insisted.is_empty()
    }

    /// What was read is of no use any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whoever does not read on leaves the room to others.
    pub(super) fn give_back(&mut self) {
        self.kept = None;
    }

    /// Waits for a moment; says whether all are stored.
    pub(super) async fn settle(&mut self) -> bool {
        let hold = tokio::time::sleep(HOLD);
        tokio::pin!(hold);
        while let Some(mut settled) = self.insisted.pop() {
            tokio::select! {
                biased;
                _ = &mut settled => {}
                () = &mut hold => {
                    self.insisted.push(settled);
                    break;
                }
            }
        }
        self.are_settled()
    }
}

impl PartitionLoop {
    /// How many refused records may be taken: failing closed, one where there is room for its letter.
    pub(super) fn letters_max(&self, room: Option<&Room>) -> usize {
        let fails_closed = self
            .context
            .dlq
            .as_ref()
            .is_some_and(|dlq| dlq.fails_closed());
        if fails_closed {
            usize::from(room.is_some())
        } else {
            usize::MAX
        }
    }

    /// Room for the letter about a record. Without any after a moment, it is waited for without what was fetched.
    pub(super) async fn room_for(&mut self, record: &Record<'_>) -> Option<Room> {
        if let Some((offset, room)) = self.letters.kept.take()
            && offset == record.offset
        {
            return Some(room);
        }
        let dlq = self.context.dlq.as_ref()?;
        let bytes = record.value.map_or(0, <[u8]>::len);
        let room = tokio::time::timeout(HOLD, dlq.reserve(self.partition, bytes)).await;
        if room.is_err() {
            self.letters.wanted = Some((record.offset, bytes));
        }
        room.ok().flatten()
    }

    /// New records of this run that cannot be used go to the dead letter queue.
    pub(super) async fn offer_letters(&mut self, refusals: &[Refused<'_>], room: Option<Room>) {
        let Some(dlq) = &self.context.dlq else {
            return;
        };
        let mut room = room;
        for refused in refusals {
            let settled = match room.take() {
                Some(room) => dlq.offer_in(room, refused),
                None => dlq.offer(refused).await,
            };
            if dlq.fails_closed() {
                self.letters.insisted.push(settled);
            } else if let Some(progress) = &self.progress {
                progress.await_letter(refused.offset, settled);
            }
        }
    }

    /// Waits for letters, and for room for the next. What was fetched is dropped meanwhile.
    pub(super) async fn wait_for_letters(&mut self, source: &mut impl Source) {
        if self.letters.are_settled() && self.letters.wanted.is_none() {
            return;
        }
        source.drop_ahead();
        while let Some(settled) = self.letters.insisted.pop() {
            settled.await;
        }
        if let (Some((offset, bytes)), Some(dlq)) = (self.letters.wanted.take(), &self.context.dlq)
        {
            let room = dlq.reserve(self.partition, bytes).await;
            self.letters.kept = room.map(|room| (offset, room));
        }
    }
}
