//! The event list as it stands: which rows match, in which order, and where a place is among them. Looking at every
//! row held takes longer than a worker may keep the page waiting, so it is done in parts.

use alloc::vec::Vec;

use crate::limits::QUERY_ROWS_MAX;
use crate::order;
use crate::query::{EventFilter, EventPage, EventQuery, Landed, Landing, Seek, limit_of};
use crate::rows::Rows;
use crate::runs::RunEvents;

/// The list that was asked for last, and the one that is going to take its place.
#[derive(Debug, Default)]
pub(crate) struct View {
    list: Listing,
    next: Option<Listing>,
    /// Lists that took the place of another.
    pub(crate) made: u64,
}

/// How far a list is after some of its rows were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It is what is wanted, to the last row.
    All,
    /// It is what was wanted, of a run that went on since: where an event belongs may be known only later. A newer
    /// list is made behind it.
    Behind,
    /// It is not there yet.
    Part,
}

impl View {
    /// Whether a new list must be begun for what a query wants. One that was begun is finished, even where the run
    /// that it is of went on: else there would never be one of a run that is live.
    pub(crate) fn is_new(&self, query: &EventQuery, run_version: u64) -> bool {
        let is_current = self.list.is_for(query) && self.list.run_version == run_version;
        !is_current && self.next.as_ref().is_none_or(|next| !next.is_for(query))
    }

    /// Begins the list of a filter, with the events of the run that is filtered by, in that version.
    pub(crate) fn begin(&mut self, query: &EventQuery, run: RunEvents, run_version: u64) {
        self.next = Some(Listing {
            filter: query.filter.lowered(),
            by_arrival: query.by_arrival,
            run,
            run_version,
            ..Listing::default()
        });
    }

    /// Goes on with what a query wants: looks at no more than so many rows, of each list.
    pub(crate) fn look(
        &mut self,
        rows: &Rows,
        query: &EventQuery,
        run_version: u64,
        rows_max: u64,
    ) -> Looked {
        let is_current = self.list.is_for(query) && self.list.run_version == run_version;
        self.next = self.next.take().filter(|_| !is_current);
        if let Some(next) = &mut self.next
            && next.look(rows, query, rows_max)
        {
            self.list = self.next.take().unwrap_or_default();
            self.made += 1;
        }
        if !self.list.is_for(query) || !self.list.look(rows, query, rows_max) {
            Looked::Part
        } else if self.list.run_version == run_version {
            Looked::All
        } else {
            Looked::Behind
        }
    }

    /// A page of the list as it is.
    pub(crate) fn page<'a>(&self, rows: &'a Rows, query: &EventQuery) -> EventPage<'a> {
        self.list.page(rows, query)
    }
}

/// The rows that match a filter in their order, kept up as rows come and go.
#[derive(Debug, Default)]
struct Listing {
    /// [`EventFilter::lowered`].
    filter: EventFilter,
    by_arrival: bool,
    /// Events of the run that is filtered by.
    run: RunEvents,
    run_version: u64,
    /// Keys and ids, ascending. In the order of arrival all keys are 0.
    matching: Vec<(i64, u64)>,
    /// Rows before this id were looked at.
    seen: u64,
    /// Oldest row when that was last looked at.
    first: u64,
    newer: Newer,
}

/// Rows newer than the end of a frozen list, as far as they have been counted.
#[derive(Clone, Copy, Debug, Default)]
struct Newer {
    from: u64,
    seen: u64,
    count: usize,
}

impl Listing {
    fn is_for(&self, query: &EventQuery) -> bool {
        self.by_arrival == query.by_arrival && self.filter == query.filter.lowered()
    }

    /// Looks at rows that were not looked at; whether none is left.
    fn look(&mut self, rows: &Rows, query: &EventQuery, rows_max: u64) -> bool {
        let limit = limit_of(rows, query.frozen_at);
        self.leave_out(rows, limit);
        let left = rows_max - self.follow(rows, limit, rows_max);
        if self.seen < limit {
            return false;
        }
        if self.newer.from != limit {
            self.newer = Newer {
                from: limit,
                seen: limit,
                count: 0,
            };
        }
        let from = self.newer.seen.max(rows.first());
        self.newer.seen = from.saturating_add(left).min(rows.end());
        let found = self.filter.ids(rows, &self.run, from, self.newer.seen);
        self.newer.count += found.len();
        self.newer.seen == rows.end()
    }

    /// Drops rows that have been evicted, and those newer than the end of a frozen list.
    fn leave_out(&mut self, rows: &Rows, limit: u64) {
        if self.first < rows.first() || limit < self.seen {
            self.first = rows.first();
            let held = rows.first()..limit;
            self.matching.retain(|(_, id)| held.contains(id));
            self.seen = self.seen.min(limit);
        }
    }

    /// Puts in what matches of the next rows before an end; how many were looked at.
    fn follow(&mut self, rows: &Rows, limit: u64, rows_max: u64) -> u64 {
        let from = self.seen.max(rows.first());
        let to = from.saturating_add(rows_max).min(limit.max(from));
        let ids = self.filter.ids(rows, &self.run, from, to);
        let key = |id| if self.by_arrival { 0 } else { key_of(rows, id) };
        let mut found: Vec<_> = ids.into_iter().map(|id| (key(id), id)).collect();
        order::by(&mut found, Ord::cmp);
        self.merge(&found);
        self.seen = to;
        to - from
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

    fn page<'a>(&self, rows: &'a Rows, query: &EventQuery) -> EventPage<'a> {
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
