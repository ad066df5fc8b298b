//! Which rows are on the screen: filters, pages, and a list that stands still while being read.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::QUERY_ROWS_MAX;
use crate::rows::{Rows, StoredRow};
use crate::search::{folded, holds};

/// Which rows are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Matches thread or node, case-insensitively; empty matches all.
    pub text: String,
    /// Only this thread.
    pub thread: Option<String>,
    /// Names of row kinds; empty matches all.
    pub kinds: Vec<String>,
    /// Only failures, rejects, gaps and newer schemas.
    pub trouble_only: bool,
}

impl EventFilter {
    fn is_open(&self) -> bool {
        *self == Self::default()
    }

    fn matches(&self, row: &StoredRow, rows: &Rows) -> bool {
        if self.trouble_only && !row.is_trouble() {
            return false;
        }
        if !self.kinds.is_empty() && !self.kinds.iter().any(|kind| kind == row.kind.name()) {
            return false;
        }
        let thread = rows.names.text(row.thread);
        if self.thread.as_ref().is_some_and(|wanted| wanted != thread) {
            return false;
        }
        self.text.is_empty()
            || holds(thread, &self.text)
            || holds(rows.names.text(row.node), &self.text)
    }
}

/// A page of the event list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// First row wanted, counted from the newest backwards.
    pub first: usize,
    /// How many, at most [`QUERY_ROWS_MAX`].
    pub count: usize,
    /// Rows after this id do not count.
    pub frozen_at: Option<u64>,
    /// Which rows.
    pub filter: EventFilter,
}

/// The answer, newest first.
#[derive(Clone, Debug)]
pub struct EventPage<'a> {
    /// Ids and rows.
    pub rows: Vec<(u64, &'a StoredRow)>,
    /// Rows that match and are not newer than `frozen_at`.
    pub total: usize,
    /// Rows that match and are newer.
    pub newer: usize,
    /// Id of the newest row of all, if there is one.
    pub newest: Option<u64>,
}

/// The rows that match the current filter, kept up as rows come and go.
#[derive(Debug, Default)]
pub(crate) struct View {
    filter: EventFilter,
    matching: VecDeque<u64>,
    seen: u64,
}

impl View {
    pub(crate) fn page<'a>(&mut self, rows: &'a Rows, query: &EventQuery) -> EventPage<'a> {
        self.follow(rows, &query.filter);
        let count = query.count.min(QUERY_ROWS_MAX);
        let limit = query
            .frozen_at
            .map_or_else(|| rows.end(), |id| (id + 1).min(rows.end()));
        let newest = rows.end().checked_sub(1).filter(|&id| id >= rows.first());
        if self.filter.is_open() {
            let total = limit.saturating_sub(rows.first()) as usize;
            let ids = (rows.first()..limit).rev().skip(query.first).take(count);
            return EventPage {
                rows: ids.filter_map(|id| Some((id, rows.get(id)?))).collect(),
                total,
                newer: (rows.end() - limit.max(rows.first())) as usize,
                newest,
            };
        }
        let total = self.matching.partition_point(|id| *id < limit);
        let ids = self
            .matching
            .range(..total)
            .rev()
            .skip(query.first)
            .take(count);
        EventPage {
            rows: ids.filter_map(|&id| Some((id, rows.get(id)?))).collect(),
            total,
            newer: self.matching.len() - total,
            newest,
        }
    }

    /// Brings the matches up to date; a new filter looks at every row held once.
    fn follow(&mut self, rows: &Rows, filter: &EventFilter) {
        let lowered = EventFilter {
            text: folded(&filter.text),
            ..filter.clone()
        };
        if lowered != self.filter {
            self.filter = lowered;
            self.matching.clear();
            self.seen = rows.first();
        }
        if self.filter.is_open() {
            self.matching.clear();
            self.seen = rows.end();
            return;
        }
        while self.matching.front().is_some_and(|id| *id < rows.first()) {
            self.matching.pop_front();
        }
        for id in self.seen.max(rows.first())..rows.end() {
            if rows
                .get(id)
                .is_some_and(|row| self.filter.matches(row, rows))
            {
                self.matching.push_back(id);
            }
        }
        self.seen = rows.end();
    }
}
