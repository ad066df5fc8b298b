//! Which rows are on the screen: filters, order, pages, and a list that stands still while being read.

use alloc::string::String;
use alloc::vec::Vec;

use dashstream_proto::schema;

use crate::rows::{Rows, StoredRow};
use crate::runs::{EventAddress, RunEvents};
use crate::search::{folded, holds};

/// Which rows are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Matches thread, node, type or the row's own short text, case-insensitively; empty matches all.
    pub text: String,
    /// Only this thread.
    pub thread: Option<String>,
    /// Only this node.
    pub node: Option<String>,
    /// Names of row kinds, or of event types such as `NODE_START`; empty matches all.
    pub kinds: Vec<String>,
    /// Only failures, rejects, gaps and newer schemas.
    pub trouble_only: bool,
    /// Only events of this run, and of this attempt of it.
    pub within: Option<(EventAddress, Option<u32>)>,
}

impl EventFilter {
    fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// The same as rows are compared with it.
    pub(crate) fn lowered(&self) -> Self {
        Self {
            text: folded(&self.text),
            ..self.clone()
        }
    }

    /// Ids of the rows from one to another that match; the filter is [`Self::lowered`]. One function for all who ask,
    /// as the browser fetches it.
    #[inline(never)]
    pub(crate) fn ids(&self, rows: &Rows, run: &RunEvents, from: u64, to: u64) -> Vec<u64> {
        let ids = from.max(rows.first())..to.max(rows.first());
        if self.is_open() {
            return ids.collect();
        }
        let Some(names) = Wanted::of(self, rows, run) else {
            return Vec::new();
        };
        let matches = |row| names.matches(row) && self.matches(row, rows, run);
        ids.filter(|id| rows.get(*id).is_some_and(matches))
            .collect()
    }

    fn matches(&self, row: &StoredRow, rows: &Rows, run: &RunEvents) -> bool {
        if self.trouble_only && !row.is_trouble() {
            return false;
        }
        if self.within.is_some() && run.addresses.binary_search(&address(row)).is_err() {
            return false;
        }
        if self.kinds.is_empty() && self.text.is_empty() {
            return true;
        }
        let (kind, event_type) = (row.kind.name(), event_type(row));
        if !self.kinds.is_empty() && !self.kinds.iter().any(|k| k == kind || k == event_type) {
            return false;
        }
        let (thread, node) = (rows.names.text(row.thread), rows.names.text(row.node));
        let summary = row.summary.as_deref().unwrap_or_default();
        let texts = [thread, node, kind, event_type, summary];
        self.text.is_empty() || texts.iter().any(|text| holds(text, &self.text))
    }
}

/// Names that are filtered by, as the numbers that rows have of them.
struct Wanted {
    threads: [Option<u32>; 2],
    node: Option<u32>,
}

impl Wanted {
    /// Nothing where no row has one of them.
    fn of(filter: &EventFilter, rows: &Rows, run: &RunEvents) -> Option<Self> {
        let number = |name: Option<&str>| match name {
            None => Some(None),
            Some(name) => Some(Some(rows.names.number(name)?)),
        };
        let of_run = filter.within.map(|_| &*run.thread);
        Some(Self {
            threads: [number(filter.thread.as_deref())?, number(of_run)?],
            node: number(filter.node.as_deref())?,
        })
    }

    fn matches(&self, row: &StoredRow) -> bool {
        let is = |wanted: Option<u32>, number| wanted.is_none_or(|wanted| wanted == number);
        self.threads.iter().all(|thread| is(*thread, row.thread)) && is(self.node, row.node)
    }
}

const fn address(row: &StoredRow) -> EventAddress {
    EventAddress {
        partition: row.partition,
        offset: row.offset,
        index: row.index,
    }
}

/// The schema's name of a row's event type, or nothing.
fn event_type(row: &StoredRow) -> &'static str {
    let name = match row.event_type {
        0 => None,
        number => schema::EVENT_TYPE.name_of(number),
    };
    name.map_or("", |name| name.strip_prefix("EVENT_TYPE_").unwrap_or(name))
}

/// A place in the list to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// An event.
    Place(EventAddress),
    /// The first row at or after this Kafka time, ms.
    Time(i64),
}

/// What there is at a place to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// What was wanted.
    There,
    /// Nothing: what follows it.
    Next,
    /// Something that the filter leaves out.
    Hidden,
    /// It is older than anything that is held: of its partition, if it is an event.
    Older,
    /// It is newer than anything that came.
    Later,
}

impl Landing {
    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::Next => "next",
            Self::Hidden => "hidden",
            Self::Older => "older",
            Self::Later => "later",
        }
    }
}

/// Where in the list a place to go to is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed {
    /// Place in the list of what is there, or of what follows it.
    pub at: Option<usize>,
    /// What is there.
    pub landing: Landing,
    /// Of what is older or newer: the first or last offset or time that is held, if there is one.
    pub edge: Option<i64>,
}

/// A page of the event list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// First row wanted, counted from the beginning of the list.
    pub first: usize,
    /// How many, at most [`QUERY_ROWS_MAX`].
    pub count: usize,
    /// Rows after this id do not count.
    pub frozen_at: Option<u64>,
    /// Whether the list begins with the oldest row.
    pub oldest_first: bool,
    /// Whether rows are in the order of their arrival, not of Kafka's time.
    pub by_arrival: bool,
    /// Where to go to.
    pub seek: Option<Seek>,
    /// Which rows.
    pub filter: EventFilter,
}

/// The answer.
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
    /// Where the place to go to is.
    pub landed: Option<Landed>,
}

/// Rows before this id are in a list that stands still at a row.
pub(crate) fn limit_of(rows: &Rows, frozen_at: Option<u64>) -> u64 {
    let frozen = frozen_at.map_or(u64::MAX, |id| id.saturating_add(1));
    frozen.min(rows.end())
}
