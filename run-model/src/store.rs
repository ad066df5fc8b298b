//! The store: rows, threads and totals over the messages they came in.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use decode_core::Mode;
use decode_core::frame::{Frame, FrameReader};
use decode_core::wire::{FRAME_HEADER_LEN, FrameKind, GapCause, MessageKind, RejectCode};

use crate::limits::{
    NAME_BYTES_MAX, PAYLOAD_BYTES_HELD_MAX, ROWS_MAX, RUN_BYTES_HELD_MAX, RUNS_MAX, THREADS_MAX,
};
use crate::listing::{Looked, View};
use crate::messages::Messages;
use crate::names::kept_name;
use crate::opened::Opened;
use crate::projector::Projector;
use crate::quarantine::{Quarantine, Quarantined};
use crate::query::{EventFilter, EventPage, EventQuery, limit_of};
use crate::reducer::{Entry, PayloadRef, Reducer};
use crate::repeats::SeenIds;
use crate::row::{Row, RowKind};
use crate::rows::{Rows, StoredRow};
use crate::runs::{
    EventAddress, RunMessage, RunQuery, RunText, RunView, Runs, RunsPage, RunsQuery, Waterfall,
    WaterfallQuery, join,
};
use crate::saving::Saving;
use crate::threads::{ThreadRow, ThreadSort, Threads};

/// Counts since the store was made or cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records, accepted here.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Rows made.
    pub rows: u64,
    /// Records refused, by the relay or here.
    pub rejects: u64,
    /// Gaps.
    pub gaps: u64,
    /// Offsets inside those gaps.
    pub gap_offsets: u64,
    /// Rows whose schema version is newer than this build applies.
    pub newer_schema: u64,
    /// Threads whose newest row is such a one; rows without a thread count as one thread.
    pub newer_threads: u64,
    /// Rows of messages that came before: rows like others, and without further effect.
    pub repeats: u64,
    /// Rows no longer held.
    pub evicted_rows: u64,
    /// Messages without a thread: they are of no run.
    pub unthreaded: u64,
    /// The latest of all Kafka timestamps, ms since 1970.
    pub last_ms: i64,
}

/// What the page shows. See the crate text.
#[derive(Debug)]
pub struct Store {
    projector: Projector,
    messages: Messages,
    reducers: Reducers,
    view: View,
    /// What was opened last, with its row and whether the whole record was wanted.
    opened: Option<((u64, bool), Opened)>,
}

/// All that is kept of the rows, and how many there were.
#[derive(Debug)]
struct Reducers {
    rows: Rows,
    threads: Threads,
    runs: Runs,
    quarantine: Quarantine,
    seen_ids: SeenIds,
    totals: Totals,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(Mode::Strict)
    }
}

impl Store {
    /// A store with the bounds of [`crate::limits`].
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self::with_bounds(mode, ROWS_MAX, THREADS_MAX, PAYLOAD_BYTES_HELD_MAX)
    }

    /// A store with smaller bounds.
    #[must_use]
    pub fn with_bounds(mode: Mode, rows_max: usize, threads_max: usize, bytes_max: usize) -> Self {
        Self {
            projector: Projector::new(mode),
            messages: Messages::new(bytes_max.min(PAYLOAD_BYTES_HELD_MAX)),
            reducers: Reducers {
                rows: Rows::new(rows_max.min(ROWS_MAX)),
                threads: Threads::new(threads_max.min(THREADS_MAX)),
                runs: Runs::default(),
                quarantine: Quarantine::default(),
                seen_ids: SeenIds::default(),
                totals: Totals::default(),
            },
            view: View::default(),
            opened: None,
        }
    }

    /// The same with smaller bounds of what is held of runs: bytes of their events, and runs.
    #[must_use]
    pub fn with_run_bounds(mut self, bytes_max: usize, runs_max: usize) -> Self {
        self.reducers.runs = Runs::new(bytes_max.min(RUN_BYTES_HELD_MAX), runs_max.min(RUNS_MAX));
        self
    }

    /// Which wrappings the relay accepts; payloads are read the same way here.
    pub fn set_mode(&mut self, mode: Mode) {
        self.projector.set_mode(mode);
    }

    /// Applies every frame of a message that was checked for continuity, and keeps the message.
    /// `each` sees every frame after it was applied.
    pub fn apply(&mut self, message: Vec<u8>, mut each: impl FnMut(&Frame<'_>)) {
        let mut reader = FrameReader::new(&message);
        let mut read = 0;
        while let Some(Ok(frame)) = reader.next() {
            let start = message.len() - reader.rest().len() - frame.payload.len();
            debug_assert!(start >= read + FRAME_HEADER_LEN);
            read = start;
            let payload = PayloadRef {
                message: self.messages.next_id(),
                start: start as u32,
            };
            let reducers = &mut self.reducers;
            let outcome = self
                .projector
                .project(&frame, &mut |row| reducers.row(payload, row));
            reducers.count(&frame, outcome.is_err());
            each(&frame);
        }
        self.messages.push(message);
    }

    /// Counts so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let reducers = &self.reducers;
        Totals {
            evicted_rows: reducers.rows.first(),
            newer_threads: reducers.threads.newer(),
            unthreaded: reducers.runs.unthreaded,
            ..reducers.totals
        }
    }

    /// A page of the event list.
    pub fn events(&mut self, query: &EventQuery) -> EventPage<'_> {
        while self.look(query, u64::MAX) != Looked::All {}
        self.listed(query)
    }

    /// Brings the event list up to what a query wants, in parts: looks at no more than so many rows, and at as many for
    /// the list that is made behind it.
    pub fn look(&mut self, query: &EventQuery, rows_max: u64) -> Looked {
        let Reducers { rows, runs, .. } = &mut self.reducers;
        let within = query.filter.within;
        let version = within.map_or(0, |(run, _)| runs.version_of(run).0);
        if self.view.is_new(query, version) {
            let events = within.map(|(run, attempt)| runs.events_of(run, attempt));
            self.view.begin(query, events.unwrap_or_default(), version);
        }
        self.view.look(rows, query, version, rows_max)
    }

    /// Rises when a list that was made behind another has taken its place.
    #[must_use]
    pub const fn lists_made(&self) -> u64 {
        self.view.made
    }

    /// A page of the event list as far as [`Self::look`] has brought it.
    #[must_use]
    pub fn listed(&self, query: &EventQuery) -> EventPage<'_> {
        self.view.page(&self.reducers.rows, query)
    }

    /// Begins to save what a list with this filter shows. Whoever filters by a run gets all of its thread: a run is
    /// counted and judged beside the others. Nothing where the metadata would be too long.
    pub fn save(
        &mut self,
        filter: &EventFilter,
        frozen_at: Option<u64>,
        metadata_bytes: usize,
    ) -> Option<Saving> {
        let thread = filter.within.map(|(run, _)| {
            let thread = self.reducers.runs.thread_of(run);
            thread.map(|name| name.to_string())
        });
        let rows = &self.reducers.rows;
        let (filter, end) = match thread {
            None => (filter.lowered(), limit_of(rows, frozen_at)),
            // A run that is not known has no rows.
            Some(None) => (EventFilter::default(), 0),
            Some(thread) => {
                let whole = EventFilter {
                    thread,
                    ..EventFilter::default()
                };
                (whole, limit_of(rows, frozen_at))
            }
        };
        Saving::new(rows, filter, end, metadata_bytes)
    }

    /// The next piece of a capture that is being saved.
    pub fn save_on(&self, saving: &mut Saving) -> Vec<u8> {
        saving.piece(&self.reducers.rows, &self.messages)
    }

    /// What is of no run, newest first: what could not be read, and messages without a thread.
    pub fn quarantine(&self) -> impl ExactSizeIterator<Item = &Quarantined> {
        self.reducers.quarantine.newest()
    }

    /// How many records of no run there were by reject code, most first, 0 for messages without a thread; and how
    /// many of codes that are not counted apart.
    #[must_use]
    pub fn quarantine_counts(&self) -> (Vec<(u32, u64)>, u64) {
        self.reducers.quarantine.counts()
    }

    /// A row that is held.
    #[must_use]
    pub fn row(&self, id: u64) -> Option<&StoredRow> {
        self.reducers.rows.get(id)
    }

    /// The newest row held of the record at a place, or of the gap over it; of a batch the event with that index, or
    /// the first.
    #[must_use]
    pub fn find(&self, partition: u32, offset: u64, index: Option<u32>) -> Option<u64> {
        let rows = &self.reducers.rows;
        let is_there = |row: &StoredRow| {
            row.partition == partition
                && (row.offset..=row.last_offset).contains(&offset)
                && row.index == index.unwrap_or(0)
        };
        let ids = rows.first()..rows.end();
        ids.rev().find(|&id| rows.get(id).is_some_and(is_there))
    }

    /// The first offset of a partition that is held.
    #[must_use]
    pub fn first_of(&self, partition: u32) -> Option<u64> {
        let rows = &self.reducers.rows;
        let mut held = (rows.first()..rows.end()).filter_map(|id| rows.get(id));
        held.find(|row| row.partition == partition)
            .map(|row| row.offset)
    }

    /// The thread and node names of a row.
    #[must_use]
    pub fn names_of(&self, row: &StoredRow) -> (&str, &str) {
        let names = &self.reducers.rows.names;
        (names.text(row.thread), names.text(row.node))
    }

    /// A row's short text: its own, or what can be said of it in a few words.
    #[must_use]
    pub fn summary_of<'a>(&self, row: &'a StoredRow) -> Cow<'a, str> {
        let stage = row.stage_word();
        match (&row.summary, row.kind) {
            (own, _) if !stage.is_empty() => {
                let own = own.as_deref().unwrap_or_default();
                let took = match row.duration_us {
                    0 => String::new(),
                    us => format!(" · {}", duration(us)),
                };
                format!("{own} · {stage}{took}").into()
            }
            (Some(own), _) if row.duration_us > 0 => {
                format!("{own} · {}", duration(row.duration_us)).into()
            }
            (Some(own), _) => Cow::Borrowed(own),
            (None, RowKind::Message(MessageKind::StateDiff)) => match row.operations {
                0 => Cow::Borrowed("no operations"),
                1 => Cow::Borrowed("1 operation"),
                many => format!("{many} operations").into(),
            },
            (None, _) if row.duration_us > 0 => duration(row.duration_us).into(),
            (None, _) => Cow::Borrowed(""),
        }
    }

    /// A page of the thread table.
    #[must_use]
    pub fn threads(&self, sort: ThreadSort, first: usize, count: usize) -> Vec<(&str, &ThreadRow)> {
        self.reducers.threads.page(sort, first, count)
    }

    /// Threads held.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        self.reducers.threads.len()
    }

    /// A window of the list of runs.
    pub fn runs(&mut self, query: &RunsQuery) -> RunsPage {
        self.reducers.runs.list(query)
    }

    /// Rises whenever an answer about runs may have changed, so that who asks can leave out what did not. What
    /// silence changes it does not show.
    #[must_use]
    pub const fn runs_version(&self) -> u64 {
        self.reducers.runs.version()
    }

    /// One run; nothing where it is not known, and its row alone where its events are no longer held.
    pub fn run(&mut self, query: &RunQuery) -> Option<RunView> {
        self.reducers.runs.view(query)
    }

    /// A window of a run's waterfall; nothing where the run is not known, and its row alone where its events are
    /// no longer held.
    pub fn waterfall(&mut self, query: &WaterfallQuery) -> Option<Waterfall> {
        self.reducers.runs.waterfall(query)
    }

    /// Differs wherever an answer about this run may differ, but for what silence changes, and whether silence may
    /// change something.
    #[must_use]
    pub fn run_version(&self, run: EventAddress) -> (u64, bool) {
        self.reducers.runs.version_of(run)
    }

    /// The next run in trouble behind a run, or before it, in the order in which runs began: it failed, or
    /// reported errors, or a tool of it failed.
    pub fn next_run_in_trouble(
        &mut self,
        from: EventAddress,
        forward: bool,
    ) -> Option<EventAddress> {
        self.reducers.runs.next_in_trouble(from, forward)
    }

    /// Messages made in the nodes of a run, or beside them: of one attempt or of all, a window in the order of
    /// their time, and how many there are.
    pub fn run_messages(
        &mut self,
        run: EventAddress,
        attempt: Option<u32>,
        first: usize,
        count: usize,
    ) -> (Vec<RunMessage>, usize) {
        self.reducers.runs.messages(run, attempt, first, count)
    }

    /// A model's answer in an attempt of a run, joined from its pieces, from that byte on.
    pub fn run_text(
        &mut self,
        run: EventAddress,
        attempt: Option<u32>,
        request: &str,
        from: usize,
    ) -> RunText {
        let pieces = self.reducers.runs.pieces(run, attempt, request);
        join(&pieces, from, |row| self.token_text(row))
    }

    fn token_text(&mut self, id: u64) -> Option<String> {
        let row = self.reducers.rows.get(id)?;
        let message = self.messages.get(row.payload.message)?;
        let start = row.payload.start as usize;
        let payload = message.get(start..start + row.bytes as usize)?;
        let decoded = self.projector.decoder().decode(payload, &mut ()).ok()?;
        Some(decoded.summary.text.as_str().to_string())
    }

    /// The row of an event, if it is held.
    #[must_use]
    pub fn row_of(&self, address: EventAddress) -> Option<u64> {
        let rows = &self.reducers.rows;
        (rows.first()..rows.end()).rev().find(|&id| {
            rows.get(id).is_some_and(|row| {
                (row.partition, row.offset, row.index)
                    == (address.partition, address.offset, address.index)
            })
        })
    }

    /// What a row is about, in full; `None` if it, or its payload, is no longer held. What was opened last stays as
    /// long as nothing else is opened. Of an event in a batch that event alone, unless the whole record is wanted.
    pub fn open(&mut self, id: u64, is_whole: bool) -> Option<&mut Opened> {
        let key = (id, is_whole);
        if self.opened.as_ref().is_none_or(|(known, _)| *known != key) {
            let row = self.reducers.rows.get(id)?;
            let message = self.messages.get(row.payload.message)?;
            let start = row.payload.start as usize;
            let payload = message.get(start..start + row.bytes as usize)?;
            let decoder = self.projector.decoder();
            let opened = Opened::new(row, code_of(row), payload, is_whole, decoder);
            self.opened = Some((key, opened));
        }
        self.opened.as_mut().map(|(_, opened)| opened)
    }
}

impl Reducers {
    fn row(&mut self, payload: PayloadRef, row: &Row<'_>) {
        if row.thread.len() > NAME_BYTES_MAX || row.node.len() > NAME_BYTES_MAX {
            let (thread, node) = (kept_name(row.thread), kept_name(row.node));
            let row = Row {
                thread: &thread,
                node: &node,
                ..*row
            };
            self.kept_row(payload, &row);
        } else {
            self.kept_row(payload, row);
        }
    }

    fn kept_row(&mut self, payload: PayloadRef, row: &Row<'_>) {
        // Before it takes one more: so no record makes the store larger than its bounds.
        if self.rows.is_full() {
            let before = self.rows.first() + 1;
            self.each(|reducer| reducer.evict(before));
        }
        let entry = Entry {
            id: self.rows.end(),
            payload,
            repeat: self.seen_ids.is_repeat(row.identity),
            row,
        };
        let totals = &mut self.totals;
        totals.rows += 1;
        totals.last_ms = totals.last_ms.max(row.timestamp_ms);
        totals.repeats += u64::from(entry.repeat);
        totals.newer_schema += u64::from(row.newer_schema && !entry.repeat);
        match row.kind {
            RowKind::Gap => self.each(|reducer| reducer.gap(&entry)),
            RowKind::Reject => self.each(|reducer| reducer.reject(&entry)),
            RowKind::Unknown | RowKind::Message(_) => self.each(|reducer| reducer.record(&entry)),
        }
    }

    fn each(&mut self, mut tell: impl FnMut(&mut dyn Reducer)) {
        tell(&mut self.rows);
        tell(&mut self.threads);
        tell(&mut self.runs);
        tell(&mut self.quarantine);
    }

    fn count(&mut self, frame: &Frame<'_>, rejected: bool) {
        let totals = &mut self.totals;
        match frame.header.kind {
            FrameKind::Record if !rejected => {
                totals.records += 1;
                totals.bytes += u64::from(frame.header.payload_len);
            }
            FrameKind::Record | FrameKind::Reject => totals.rejects += 1,
            FrameKind::Gap => {
                totals.gaps += 1;
                // Offsets come from outside: two gaps can be longer than 64 bits count.
                let offsets = frame.header.next() - frame.header.offset;
                totals.gap_offsets = totals.gap_offsets.saturating_add(offsets);
            }
            FrameKind::Mark => {}
        }
    }
}

/// Microseconds in the unit a person reads.
fn duration(us: i64) -> String {
    match us {
        i64::MAX => "longer than the field holds".to_string(),
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}

fn code_of(row: &StoredRow) -> String {
    let known = match row.kind {
        RowKind::Gap => GapCause::from_number(row.code).map(GapCause::code),
        RowKind::Reject => RejectCode::from_number(row.code).map(RejectCode::code),
        RowKind::Unknown | RowKind::Message(_) => Some(""),
    };
    known.map_or_else(|| format!("unknown({})", row.code), ToString::to_string)
}

mod span;
#[cfg(test)]
mod tests;

pub use self::span::{SpanDetail, SpanQuery};
