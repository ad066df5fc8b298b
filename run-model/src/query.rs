//! Which rows are on the screen: filters, order, pages, and a list that stands still while being read.

use alloc::string::String;
use alloc::vec::Vec;

use dashstream_proto::schema;

use crate::limits::QUERY_ROWS_MAX;
use crate::order;
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
    fn lowered(&self) -> Self {
        Self {
            text: folded(&self.text),
            ..self.clone()
        }
    }

    /// Ids of the rows from one to another that match. One function for all who ask, as the browser fetches it.
    #[inline(never)]
    fn ids(&self, rows: &Rows, run: &RunEvents, from: u64, to: u64) -> Vec<u64> {
        let is_open = self.is_open();
        let matches = |row| is_open || self.matches(row, rows, run);
        let ids = from.max(rows.first())..to;
        ids.filter(|id| rows.get(*id).is_some_and(matches))
            .collect()
    }

    fn matches(&self, row: &StoredRow, rows: &Rows, run: &RunEvents) -> bool {
        if self.trouble_only && !row.is_trouble() {
            return false;
        }
        let (kind, event_type) = (row.kind.name(), event_type(row));
        if !self.kinds.is_empty() && !self.kinds.iter().any(|k| k == kind || k == event_type) {
            return false;
        }
        let (thread, node) = (rows.names.text(row.thread), rows.names.text(row.node));
        if self.thread.as_ref().is_some_and(|wanted| wanted != thread)
            || self.node.as_ref().is_some_and(|wanted| wanted != node)
        {
            return false;
        }
        if self.within.is_some()
            && (*run.thread != *thread || run.addresses.binary_search(&address(row)).is_err())
        {
            return false;
        }
        let summary = row.summary.as_deref().unwrap_or_default();
        let texts = [thread, node, kind, event_type, summary];
        self.text.is_empty() || texts.iter().any(|text| holds(text, &self.text))
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

/// The rows that match the current filter in their order, kept up as rows come and go.
#[derive(Debug, Default)]
pub(crate) struct View {
    filter: EventFilter,
    by_arrival: bool,
    run_version: u64,
    /// Keys and ids, ascending. In the order of arrival all keys are 0.
    matching: Vec<(i64, u64)>,
    /// Rows before this id were looked at.
    seen: u64,
    /// Oldest row when that was last looked at.
    first: u64,
    newer: Newer,
}

/// Rows behind the end of a list that stands still, as far as they were counted.
#[derive(Clone, Copy, Debug, Default)]
struct Newer {
    from: u64,
    seen: u64,
    count: usize,
}

impl View {
    /// `run` are the events of the run that is filtered by, which may differ where its version does.
    pub(crate) fn page<'a>(
        &mut self,
        rows: &'a Rows,
        query: &EventQuery,
        (run, run_version): (&RunEvents, u64),
    ) -> EventPage<'a> {
        let limit = limit_of(rows, query.frozen_at);
        self.restart(rows, query, run_version);
        self.follow(rows, run, limit);
        self.count_newer(rows, run, limit);
        let total = self.matching.len();
        let count = query.count.min(QUERY_ROWS_MAX);
        let places = (query.first..total).take(count);
        let ids = places.filter_map(|place| self.matching.get(self.at(place, query.oldest_first)));
        let mut landed = query.seek.map(|seek| self.find(rows, seek));
        if let Some(Landed { at: Some(at), .. }) = &mut landed {
            *at = self.at(*at, query.oldest_first);
        }
        EventPage {
            rows: ids
                .filter_map(|(_, id)| Some((*id, rows.get(*id)?)))
                .collect(),
            total,
            newer: self.newer.count,
            newest: rows.end().checked_sub(1).filter(|&id| id >= rows.first()),
            landed,
        }
    }

    /// From a place of the list to one among the matches, and back.
    fn at(&self, place: usize, oldest_first: bool) -> usize {
        if oldest_first {
            place
        } else {
            self.matching.len().saturating_sub(place + 1)
        }
    }

    /// Another filter or order looks at every row held once. So does a run that went on: where an event belongs may
    /// be known only later.
    fn restart(&mut self, rows: &Rows, query: &EventQuery, run_version: u64) {
        let lowered = query.filter.lowered();
        let is_moved = lowered.within.is_some() && run_version != self.run_version;
        if lowered != self.filter || query.by_arrival != self.by_arrival || is_moved {
            self.filter = lowered;
            self.by_arrival = query.by_arrival;
            self.run_version = run_version;
            self.matching.clear();
            self.seen = rows.first();
            self.newer = Newer::default();
        }
    }

    /// Brings the matches before a row up to date.
    fn follow(&mut self, rows: &Rows, run: &RunEvents, limit: u64) {
        if self.first < rows.first() || limit < self.seen {
            self.first = rows.first();
            self.matching
                .retain(|(_, id)| (rows.first()..limit).contains(id));
            self.seen = self.seen.min(limit);
        }
        let ids = self.filter.ids(rows, run, self.seen, limit);
        let key = |id| if self.by_arrival { 0 } else { key_of(rows, id) };
        let mut found: Vec<_> = ids.into_iter().map(|id| (key(id), id)).collect();
        self.seen = self.seen.max(limit);
        order::by(&mut found, Ord::cmp);
        self.merge(&found);
    }

    /// Puts sorted matches among the others, from the end: mostly they belong there.
    fn merge(&mut self, found: &[(i64, u64)]) {
        let mut known = self.matching.len();
        self.matching.extend_from_slice(found);
        let mut to = self.matching.len();
        for entry in found.iter().rev() {
            while let Some(before) = known.checked_sub(1)
                && self.matching.get(before) > Some(entry)
            {
                to -= 1;
                known = before;
                self.matching.swap(before, to);
            }
            to -= 1;
            if let Some(slot) = self.matching.get_mut(to) {
                *slot = *entry;
            }
        }
    }

    fn count_newer(&mut self, rows: &Rows, run: &RunEvents, limit: u64) {
        if self.newer.from != limit {
            self.newer = Newer {
                from: limit,
                seen: limit,
                count: 0,
            };
        }
        let ids = self.filter.ids(rows, run, self.newer.seen, rows.end());
        self.newer.count += ids.len();
        self.newer.seen = rows.end();
    }

    /// Ids of the rows that match a filter without a run and are not newer, in the order in which they came.
    pub(crate) fn all(rows: &Rows, filter: &EventFilter, frozen_at: Option<u64>) -> Vec<u64> {
        let (filter, run) = (filter.lowered(), RunEvents::default());
        filter.ids(rows, &run, rows.first(), limit_of(rows, frozen_at))
    }

    /// Where a place is among the matches.
    fn find(&self, rows: &Rows, seek: Seek) -> Landed {
        let wanted = match seek {
            Seek::Time(ms) => (ms, 0),
            Seek::Place(at) => (at.offset.cast_signed(), at.index),
        };
        let is_time = matches!(seek, Seek::Time(_));
        let is_there =
            |reach: Reach| is_time || (reach.first <= wanted.0 && reach.index == wanted.1);
        let is_behind = |reach: &Reach| (reach.last, reach.index) >= wanted;
        let held = rows.first()..rows.end();
        let held = held.filter_map(|id| Reach::of(rows, seek, id));
        let mut edges: Option<(i64, i64)> = None;
        let mut is_held = false;
        for reach in held {
            let (first, last) = edges.unwrap_or((reach.first, reach.last));
            edges = Some((first.min(reach.first), last.max(reach.last)));
            is_held |= is_behind(&reach) && is_there(reach);
        }
        let all = self.matching.iter().enumerate();
        let reaches = all.filter_map(|(at, (_, id))| Some((Reach::of(rows, seek, *id)?, at)));
        let behind = reaches.filter(|(reach, _)| is_behind(reach));
        let found = behind.min_by_key(|(reach, at)| (reach.last, reach.index, *at));
        let (landing, edge) = match edges {
            Some((first, _)) if wanted.0 < first => (Landing::Older, Some(first)),
            Some((_, last)) if wanted.0 > last => (Landing::Later, Some(last)),
            None => (Landing::Later, None),
            Some(_) => {
                let is_found = found.is_some_and(|(reach, _)| is_there(reach));
                let landing = match (is_found, is_held) {
                    (true, _) => Landing::There,
                    (false, true) => Landing::Hidden,
                    (false, false) => Landing::Next,
                };
                (landing, None)
            }
        };
        let at = found.map(|(_, at)| at);
        Landed { at, landing, edge }
    }
}

/// Rows before this id are in a list that stands still at a row.
fn limit_of(rows: &Rows, frozen_at: Option<u64>) -> u64 {
    let frozen = frozen_at.map_or(u64::MAX, |id| id.saturating_add(1));
    frozen.min(rows.end())
}

/// Orders rows by time, and those of one moment by their partition, whatever the order in which partitions came.
fn key_of(rows: &Rows, id: u64) -> i64 {
    let partition = rows.get(id).map_or(0, |row| row.partition);
    let time = rows.time_of(id).clamp(-TIME_MS_MAX, TIME_MS_MAX);
    (time << PARTITION_BITS) | i64::from(partition.min((1 << PARTITION_BITS) - 1))
}

/// Later than any time that a clock says, about the year 4200.
const TIME_MS_MAX: i64 = 1 << 46;
const PARTITION_BITS: u32 = 16;

/// From where to where a row reaches, by what is looked for.
#[derive(Clone, Copy)]
struct Reach {
    first: i64,
    last: i64,
    index: u32,
}

impl Reach {
    /// None where the row is of another partition.
    #[inline(never)]
    fn of(rows: &Rows, seek: Seek, id: u64) -> Option<Self> {
        let row = rows.get(id)?;
        match seek {
            Seek::Time(_) => Some(Self {
                first: rows.time_of(id),
                last: rows.time_of(id),
                index: 0,
            }),
            Seek::Place(wanted) => (wanted.partition == row.partition).then_some(Self {
                first: row.offset.cast_signed(),
                last: row.last_offset.cast_signed(),
                index: row.index,
            }),
        }
    }
}
