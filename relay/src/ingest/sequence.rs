//! Sequence numbers: what they say about lost, repeated and misplaced messages.
//!
//! A producer's number belongs to one of several counters that share a thread: that of the graph
//! callback, that of each run of a streaming node, and that of the producer itself. Only the first
//! and the last can be told apart from the outside; the others are counted as unchecked, because
//! comparing them would raise an alarm for every healthy stream (see [`classify`]).
//!
//! The tracker is a pure machine. It holds a digest of each series and not its name, so that its
//! memory does not depend on what producers call their threads.

mod check;

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher as _, BuildHasherDefault, Hash as _, Hasher, RandomState},
};

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use decode_core::{Checked, EventFacts, Summary, proto::v1::EventType, wire::MessageKind};

pub(super) use check::{Halt, Notes, Run, Sequences};

use crate::limits::{SEQUENCE_PRUNE_BATCH, SEQUENCE_PRUNED_REMEMBERED_MAX, SEQUENCE_SERIES_MAX};

/// Which counter a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Counter {
    /// The graph callback's: lifecycle events, state diffs, checkpoints.
    Callback,
    /// The producer's own per thread: what the quality monitor sends.
    Producer,
}

/// What a number does in its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The next in line.
    Step,
    /// A new start: whatever number it has, the series goes on from it.
    Restart,
    /// It takes a number of the series but passes the queue of the others, so that its place in
    /// the order says nothing.
    Aside,
}

/// What is to be done with a message's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It has none, or no thread to count in.
    Unsequenced,
    /// Its counter cannot be told from others.
    Unchecked,
    Checked(Counter, Role),
}

/// Scope and issuer names of the library's quality messages.
const QUALITY_SCOPE: &str = "quality";
const QUALITY_MONITOR: &str = "quality_monitor";

/// The class of a message that is no batch.
pub(super) fn classify(summary: &Summary<'_>) -> Class {
    let header = &summary.header;
    if header.sequence == 0 || is_blank(header.thread) {
        return Class::Unsequenced;
    }
    match summary.kind {
        Some(MessageKind::Event) => of_event(summary.event_type, summary.node, header.sequence),
        Some(MessageKind::StateDiff | MessageKind::Checkpoint) => {
            Class::Checked(Counter::Callback, Role::Step)
        }
        Some(MessageKind::Metrics) if summary.scope == QUALITY_SCOPE => {
            // The callback names its thread as the scope's id, the monitor names itself.
            if summary.text == header.thread {
                Class::Checked(Counter::Callback, Role::Aside)
            } else {
                producer(header.sequence)
            }
        }
        Some(
            MessageKind::TokenChunk
            | MessageKind::ToolExecution
            | MessageKind::Metrics
            | MessageKind::Error
            | MessageKind::EventBatch
            | MessageKind::ExecutionTrace,
        )
        | None => Class::Unchecked,
    }
}

/// The class of an event inside a batch, which the callback alone makes.
pub(super) fn classify_inner(event: &EventFacts<'_>) -> Class {
    if event.header.sequence == 0 || is_blank(event.header.thread) {
        return Class::Unsequenced;
    }
    of_event(event.event_type, event.node, event.header.sequence)
}

/// Whether a thread's name names nothing.
fn is_blank(name: Checked<'_>) -> bool {
    let begins = name.as_bytes().first().is_some_and(u8::is_ascii_graphic);
    !begins && name.as_str().trim().is_empty()
}

fn of_event(event_type: i32, node: Checked<'_>, sequence: u64) -> Class {
    match EventType::try_from(event_type) {
        Ok(EventType::GraphStart) => Class::Checked(Counter::Callback, Role::Restart),
        Ok(EventType::GraphError) if node == QUALITY_MONITOR => producer(sequence),
        // Sent by a running node, with the node's own counter.
        Ok(
            EventType::NodeProgress
            | EventType::NodeThinking
            | EventType::NodeSubstep
            | EventType::NodeWarning,
        )
        | Err(_) => Class::Unchecked,
        Ok(_) => Class::Checked(Counter::Callback, Role::Step),
    }
}

/// A producer that was restarted or has forgotten a thread begins at 1 again.
fn producer(sequence: u64) -> Class {
    let role = if sequence == 1 {
        Role::Restart
    } else {
        Role::Step
    };
    Class::Checked(Counter::Producer, role)
}

/// Digest of a series' name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(u128);

/// Makes keys. Seeded anew in each process, so that nobody can choose names that collide.
#[derive(Clone, Debug)]
pub(super) struct Keys(SipHasher13);

impl Default for Keys {
    fn default() -> Self {
        // The seed of the standard library's maps is the one randomness it hands out.
        let seed = RandomState::new();
        Self(SipHasher13::new_with_keys(
            seed.hash_one(0_u8),
            seed.hash_one(1_u8),
        ))
    }
}

impl Keys {
    pub(super) fn of(&self, tenant: Checked<'_>, thread: Checked<'_>, counter: Counter) -> Key {
        let (tenant, thread) = (tenant.as_bytes(), thread.as_bytes());
        let mut hasher = self.0;
        // Nearly all names are short. In one piece they are hashed in half the time.
        let mut name = [0; NAME_BYTES_MAX];
        match fill(
            &mut name,
            [&[counter as u8, tenant.len() as u8], tenant, thread],
        ) {
            Some(name) => hasher.write(name),
            None => (tenant, thread, counter).hash(&mut hasher),
        }
        Key(hasher.finish128().as_u128())
    }
}

/// Names up to this length, all parts together, are hashed in one piece. Longer ones differ from them in
/// how many bytes are hashed.
const NAME_BYTES_MAX: usize = 96;

/// The parts one after the other, where there is room for all.
fn fill<'a>(name: &'a mut [u8; NAME_BYTES_MAX], parts: [&[u8]; 3]) -> Option<&'a [u8]> {
    let mut end = 0;
    for part in parts {
        let begin = end;
        end += part.len();
        name.get_mut(begin..end)?.copy_from_slice(part);
    }
    name.get(..end)
}

/// A key is a digest already; a part of it is as good as any hash of it.
#[derive(Clone, Copy, Debug, Default)]
struct OfDigest(u64);

impl Hasher for OfDigest {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type ByKey<T> = HashMap<Key, T, BuildHasherDefault<OfDigest>>;

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
    series: ByKey<Series>,
    series_max: usize,
    prune_batch: usize,
    observed: u64,
    pruned: Forgotten,
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
    fn bounded(series_max: usize, prune_batch: usize, remembered_max: usize) -> Self {
        Self {
            series: ByKey::default(),
            series_max,
            prune_batch,
            observed: 0,
            pruned: Forgotten::new(remembered_max),
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
        let Some(series) = self.series.get_mut(&key) else {
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
        self.series.remove(&key);
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
        map_bytes::<Key, Series>(self.series.capacity()) + self.pruned.bytes()
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
            .map(|(&key, series)| (series.used, key))
            .collect();
        let batch = self.prune_batch.clamp(1, ages.len().max(1));
        ages.select_nth_unstable(batch - 1);
        ages.truncate(batch);
        ages.sort_unstable();
        for (_, key) in &ages {
            self.series.remove(key);
            self.pruned.add(*key);
        }
        self.pruning = Some(Pruning {
            pruned: ages.len(),
            kept: self.series.len(),
            bytes: self.bytes(),
        });
    }
}

/// The keys pruned last, the oldest forgotten first.
#[derive(Debug)]
struct Forgotten {
    /// Key and the entry of `order` that stands for it.
    keys: ByKey<u64>,
    order: VecDeque<(u64, Key)>,
    added: u64,
    max: usize,
}

impl Forgotten {
    fn new(max: usize) -> Self {
        Self {
            keys: ByKey::default(),
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
            if self.keys.get(&key) == Some(&added) {
                self.keys.remove(&key);
            }
        }
    }

    fn take(&mut self, key: Key) -> bool {
        self.keys.remove(&key).is_some()
    }

    fn bytes(&self) -> usize {
        map_bytes::<Key, u64>(self.keys.capacity())
            + self.order.capacity() * size_of::<(u64, Key)>()
    }
}

/// A hash map keeps one byte beside each entry and fills seven of eight places.
fn map_bytes<K, V>(capacity: usize) -> usize {
    capacity / 7 * 8 * (size_of::<(K, V)>() + 1)
}

#[cfg(test)]
mod tests;
