//! The rows held, with interned names: a bounded ring. The store evicts its oldest before it takes one more, so
//! that no record makes it larger, however many rows come of it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::SUMMARY_CHARS_MAX;
use crate::names::Names;
use crate::reducer::{Entry, PayloadRef, Reducer};
use crate::row::RowKind;

/// A row as it is held. Names are numbers of [`Names`].
#[derive(Clone, Debug)]
pub struct StoredRow {
    /// What it is.
    pub kind: RowKind,
    /// `EventType` number.
    pub event_type: i32,
    /// Kafka partition.
    pub partition: u32,
    /// Kafka offset.
    pub offset: u64,
    /// Of an event in a batch: its place there. With partition and offset the address of an event.
    pub index: u32,
    /// Last offset of a gap.
    pub last_offset: u64,
    /// Kafka timestamp in ms.
    pub timestamp_ms: i64,
    /// Sequence within its series.
    pub sequence: u64,
    /// Gap cause or reject code.
    pub code: u32,
    /// Duration in microseconds; 0 = none.
    pub duration_us: i64,
    /// Of a state diff: its operations.
    pub operations: u32,
    /// The kind's own number: the stage of a tool execution, the severity of an error.
    pub number: u32,
    /// Length of the Kafka value in bytes.
    pub bytes: u32,
    /// Whether the schema version is newer than this build applies.
    pub newer_schema: bool,
    /// Whether a message with its id came before.
    pub repeat: bool,
    pub(crate) thread: u32,
    pub(crate) node: u32,
    pub(crate) summary: Option<Box<str>>,
    pub(crate) payload: PayloadRef,
}

/// Rows by id: ids rise by one, and those before `first` were evicted.
#[derive(Debug)]
pub(crate) struct Rows {
    /// All but the last are full. One block of all rows would have to be copied into a larger one again and again, and
    /// the browser's memory never gets smaller.
    blocks: VecDeque<Vec<StoredRow>>,
    /// Id of the first row of the first block.
    start: u64,
    first: u64,
    end: u64,
    rows_max: usize,
    pub(crate) names: Names,
}

impl Rows {
    pub(crate) fn new(rows_max: usize) -> Self {
        Self {
            blocks: VecDeque::new(),
            start: 0,
            first: 0,
            end: 0,
            rows_max: rows_max.max(1),
            names: Names::default(),
        }
    }

    /// Id of the oldest row held.
    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// Id after the newest row.
    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn get(&self, id: u64) -> Option<&StoredRow> {
        if id < self.first {
            return None;
        }
        let at = usize::try_from(id - self.start).ok()?;
        self.blocks.get(at / BLOCK_ROWS)?.get(at % BLOCK_ROWS)
    }

    /// By what a row is ordered in time, ms: its Kafka timestamp or, of a gap, which has none, that of the nearest row
    /// of its partition, the one before it first.
    #[inline(never)]
    pub(crate) fn time_of(&self, id: u64) -> i64 {
        let Some(row) = self.get(id) else { return 0 };
        if row.kind != RowKind::Gap {
            return row.timestamp_ms;
        }
        let before = (self.first..id).rev().take(NEAR_ROWS_MAX);
        let behind = (id + 1..self.end()).take(NEAR_ROWS_MAX);
        let mut times = before.chain(behind).filter_map(|near| {
            let near = self.get(near)?;
            let is_known = near.partition == row.partition && near.kind != RowKind::Gap;
            is_known.then_some(near.timestamp_ms)
        });
        times.next().unwrap_or(0)
    }

    /// Whether a row can be taken only when one goes.
    pub(crate) const fn is_full(&self) -> bool {
        self.end - self.first >= self.rows_max as u64
    }

    fn push(&mut self, entry: &Entry<'_>) {
        let row = entry.row;
        debug_assert_eq!(entry.id, self.end(), "every row is held");
        let summary = (!row.text.is_empty()).then(|| shorten(row.text));
        let row = StoredRow {
            kind: row.kind,
            event_type: row.event_type,
            partition: row.partition,
            offset: row.offset,
            index: row.index,
            last_offset: row.last_offset,
            timestamp_ms: row.timestamp_ms,
            sequence: row.sequence,
            code: row.code,
            duration_us: row.duration_us,
            operations: row.operations,
            number: row.number,
            bytes: row.bytes,
            newer_schema: row.newer_schema,
            repeat: entry.repeat,
            thread: self.names.hold(row.thread),
            node: self.names.hold(row.node),
            summary,
            payload: entry.payload,
        };
        self.end += 1;
        match self.blocks.back_mut() {
            Some(block) if block.len() < BLOCK_ROWS => block.push(row),
            Some(_) | None => {
                let mut block = Vec::with_capacity(BLOCK_ROWS);
                block.push(row);
                self.blocks.push_back(block);
            }
        }
    }
}

impl Reducer for Rows {
    fn record(&mut self, entry: &Entry<'_>) {
        self.push(entry);
    }

    fn gap(&mut self, entry: &Entry<'_>) {
        self.push(entry);
    }

    fn reject(&mut self, entry: &Entry<'_>) {
        self.push(entry);
    }

    fn evict(&mut self, before: u64) {
        while self.first < before.min(self.end) {
            let at = (self.first - self.start) as usize;
            let row = self.blocks.front_mut().and_then(|rows| rows.get_mut(at));
            if let Some(row) = row {
                row.summary = None;
                self.names.release(row.thread);
                self.names.release(row.node);
            }
            self.first += 1;
            if self.first - self.start == BLOCK_ROWS as u64 {
                self.blocks.pop_front();
                self.start = self.first;
            }
        }
    }
}

/// Rows of one block.
const BLOCK_ROWS: usize = 1_024;

/// A text as long as a line shows it.
pub(crate) fn shorten(text: &str) -> Box<str> {
    match text.char_indices().nth(SUMMARY_CHARS_MAX) {
        None => text.into(),
        Some((end, _)) => {
            let mut cut = String::from(text.get(..end).unwrap_or_default());
            cut.push('…');
            cut.into()
        }
    }
}

/// Rows looked at on each side for the time of a gap.
const NEAR_ROWS_MAX: usize = 64;
