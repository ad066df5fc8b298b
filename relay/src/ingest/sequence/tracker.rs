//! Every series there is, and what its next number says.

use std::collections::VecDeque;

use super::{class::Role, key::Key, table::Table};
use crate::limits::{SEQUENCE_PRUNE_BATCH, SEQUENCE_PRUNED_REMEMBERED_MAX, SEQUENCE_SERIES_MAX};

/// One number of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Observation {
    pub key: Key,
    pub sequence: u64,
    pub role: Role,
}

/// What a number turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The first seen of its series, or of a new start of it.
    Baseline,
    /// Just the one expected.
    InOrder,
    /// Not compared.
    Aside,
    /// The one before the expected: seen already.
    Duplicate { expected: u64 },
    /// Still older.
    Reorder { expected: u64 },
    /// Numbers were left out.
    Gap { expected: u64, size: u64 },
}

/// What the tracker remembers of a series.
#[derive(Clone, Copy, Debug)]
struct Series {
    last: u64,
    /// A run of numbers that were taken out of turn; empty where `aside_last` is 0.
    aside_first: u64,
    aside_last: u64,
    /// When it was last used, in observations.
    used: u64,
}

impl Series {
    /// Kept as the last number and not as the next, which does not exist after the largest.
    fn starting(sequence: u64, used: u64) -> Self {
        Self {
            last: sequence,
            aside_first: 0,
            aside_last: 0,
            used,
        }
    }

    fn expected(&self) -> u64 {
        self.last.saturating_add(1)
    }

    fn compare(&self, sequence: u64) -> Verdict {
        let expected = self.expected();
        if sequence == self.last {
            return Verdict::Duplicate { expected };
        }
        if sequence < self.last {
            return Verdict::Reorder { expected };
        }
        let left_out = sequence - expected;
        match left_out.saturating_sub(self.aside_between(expected, sequence)) {
            0 => Verdict::InOrder,
            size => Verdict::Gap { expected, size },
        }
    }

    /// How many of `first..end` were taken out of turn.
    fn aside_between(&self, first: u64, end: u64) -> u64 {
        if self.aside_last == 0 || end == 0 {
            return 0;
        }
        let (first, last) = (first.max(self.aside_first), (end - 1).min(self.aside_last));
        last.checked_sub(first).map_or(0, |distance| distance + 1)
    }

    fn aside(&mut self, sequence: u64) {
        if self.aside_last.checked_add(1) != Some(sequence) || self.aside_last == 0 {
            self.aside_first = sequence;
        }
        self.aside_last = sequence;
    }
}

/// A pruning that took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pruning {
    pub pruned: usize,
    pub kept: usize,
    pub bytes: usize,
}

/// Every series there is, within bounds.
#[derive(Debug)]
pub(super) struct Tracker {
    series: Table<Series>,
    series_max: usize,
    prune_batch: usize,
    observed: u64,
    pruned: PrunedKeys,
    pruning: Option<Pruning>,
    returned: u64,
}

impl Default for Tracker {
    fn default() -> Self {
        Self::bounded(
            SEQUENCE_SERIES_MAX,
            SEQUENCE_PRUNE_BATCH,
            SEQUENCE_PRUNED_REMEMBERED_MAX,
        )
    }
}

impl Tracker {
    pub(super) fn bounded(series_max: usize, prune_batch: usize, remembered_max: usize) -> Self {
        Self {
            series: Table::default(),
            series_max,
            prune_batch,
            observed: 0,
            pruned: PrunedKeys::new(remembered_max),
            pruning: None,
            returned: 0,
        }
    }

    /// Takes the next number of a series. With `halt` a gap leaves the series as it was.
    pub(super) fn observe(&mut self, observation: Observation, halt: bool) -> Verdict {
        let Observation {
            key,
            sequence,
            role,
        } = observation;
        self.observed += 1;
        let used = self.observed;
        let Some(series) = self.series.get_mut(key) else {
            if role == Role::Aside {
                return Verdict::Aside;
            }
            self.begin(key, Series::starting(sequence, used));
            return Verdict::Baseline;
        };
        series.used = used;
        match role {
            Role::Restart => {
                *series = Series::starting(sequence, used);
                Verdict::Baseline
            }
            Role::Aside => {
                series.aside(sequence);
                Verdict::Aside
            }
            Role::Step => {
                let verdict = series.compare(sequence);
                let moves = matches!(verdict, Verdict::InOrder)
                    || (matches!(verdict, Verdict::Gap { .. }) && !halt);
                if moves {
                    series.last = sequence;
                }
                verdict
            }
        }
    }

    /// Forgets a series: its next number is a baseline.
    pub(super) fn reset(&mut self, key: Key) {
        self.series.remove(key);
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// Series that came back after they had been pruned.
    pub(super) fn returned(&self) -> u64 {
        self.returned
    }

    /// The pruning since this was last asked, if there was one.
    pub(super) fn take_pruning(&mut self) -> Option<Pruning> {
        self.pruning.take()
    }

    /// Memory held, by the capacity of what holds it.
    pub(super) fn bytes(&self) -> usize {
        self.series.bytes() + self.pruned.bytes()
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.pruned.keys.len().max(self.pruned.order.len())
    }

    fn begin(&mut self, key: Key, series: Series) {
        if self.series.len() >= self.series_max {
            self.prune();
        }
        self.returned += u64::from(self.pruned.take(key));
        self.series.insert(key, series);
    }

    /// Drops the least recently used. A batch at a time, because finding them means looking at all.
    fn prune(&mut self) {
        let mut ages: Vec<(u64, Key)> = self
            .series
            .iter()
            .map(|(key, series)| (series.used, key))
            .collect();
        let batch = self.prune_batch.clamp(1, ages.len().max(1));
        ages.select_nth_unstable(batch - 1);
        ages.truncate(batch);
        ages.sort_unstable();
        for (_, key) in &ages {
            self.series.remove(*key);
            self.pruned.add(*key);
        }
        self.pruning = Some(Pruning {
            pruned: ages.len(),
            kept: self.series.len(),
            bytes: self.bytes(),
        });
    }
}

/// The keys pruned last; the oldest of them leave first.
#[derive(Debug)]
struct PrunedKeys {
    /// Key and the entry of `order` that stands for it.
    keys: Table<u64>,
    order: VecDeque<(u64, Key)>,
    added: u64,
    max: usize,
}

impl PrunedKeys {
    fn new(max: usize) -> Self {
        Self {
            keys: Table::default(),
            order: VecDeque::new(),
            added: 0,
            max,
        }
    }

    fn add(&mut self, key: Key) {
        self.added += 1;
        self.keys.insert(key, self.added);
        self.order.push_back((self.added, key));
        while self.order.len() > self.max {
            let Some((added, key)) = self.order.pop_front() else {
                break;
            };
            // It may have come back and been pruned again since.
            if self.keys.get(key) == Some(&added) {
                self.keys.remove(key);
            }
        }
    }

    fn take(&mut self, key: Key) -> bool {
        self.keys.remove(key).is_some()
    }

    fn bytes(&self) -> usize {
        self.keys.bytes() + self.order.capacity() * size_of::<(u64, Key)>()
    }
}
