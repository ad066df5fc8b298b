//! Runs of agent graphs: what they are made of, what became of them, and what is missing of them.
//!
//! A run is known by its thread and by the address of its first event. Messages are routed to runs, and
//! remarks to attempts, by producers' time and numbers, so that every order of arrival that Kafka allows gives
//! the same answer. What a query asks for is brought up to date when it is asked: a record costs its own
//! bookkeeping and no more.

mod answers;
mod attributes;
mod events;
mod fold;
mod graphs;
mod integrity;
mod layout;
mod list;
mod overview;
mod place;
mod said;
mod step;
mod summary;
mod table;
mod tally;
mod text;
mod thread;
mod topology;
mod usage;
mod verdict;
mod view;
mod waterfall;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::keyed::Named;
use crate::limits::RUN_BYTES_HELD_MAX;
use crate::names::{Names, kept_name};
use crate::reducer::{Entry, Reducer};

use self::graphs::Graphs;
use self::layout::Layout;
use self::step::{Meaning, Remark, Step, address_of, time_of, usage_of};
use self::table::Table;
use self::thread::{Run, Thread};

pub(crate) use self::events::RunEvents;
pub use self::fold::Outcome;
pub use self::integrity::{Gap, Integrity};
pub use self::layout::{LineId, LineIds, LinePart};
pub use self::list::{RunChip, RunCounts, RunRow, RunSort, RunsPage, RunsQuery};
pub use self::said::Said;
pub(crate) use self::said::Saying;
pub use self::step::{EventAddress, RemarkKind};
pub use self::summary::Relation;
pub use self::text::RunText;
pub(crate) use self::text::join;
pub use self::usage::{Source as UsageSource, Usage};
pub use self::verdict::{QuietLimits, Rule, Status};
pub(crate) use self::view::MessagesOf;
pub use self::view::{RunMessage, RunQuery, RunView, Span, SpanKind};
pub use self::waterfall::{Line, LineKind, Piece, Selected, Waterfall, WaterfallQuery};

/// Everything about runs. See the module text.
#[derive(Debug)]
pub(crate) struct Runs {
    threads: Named<Box<Thread>>,
    /// Numbers of threads that changed.
    dirty: Vec<u32>,
    table: Table,
    names: Names,
    graphs: Graphs,
    tenants: Vec<Rc<str>>,
    serial: u64,
    bytes: usize,
    bytes_max: usize,
    /// Rises whenever an answer may have changed.
    version: u64,
    /// The lines of the run that was looked at last.
    layout: Layout,
    /// Messages without a thread: they are of no run.
    pub(crate) unthreaded: u64,
}

impl Default for Runs {
    fn default() -> Self {
        Self::new(RUN_BYTES_HELD_MAX, crate::limits::RUNS_MAX)
    }
}

impl Runs {
    pub(crate) fn new(bytes_max: usize, runs_max: usize) -> Self {
        Self {
            threads: Named::new(),
            dirty: Vec::new(),
            table: Table::new(runs_max),
            names: Names::default(),
            graphs: Graphs::default(),
            tenants: Vec::new(),
            serial: 0,
            bytes: 0,
            bytes_max,
            version: 0,
            layout: Layout::default(),
            unthreaded: 0,
        }
    }

    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Differs wherever an answer about this run may differ, but for what silence changes, and whether silence may
    /// change something. A run that is not known may come with anything new.
    pub(crate) fn version_of(&self, id: EventAddress) -> (u64, bool) {
        match (self.find(id), self.table.get(id)) {
            (Some((thread, index)), _) => {
                let run = thread.runs.get(index);
                (thread.changed, run.is_some_and(|run| !run.has_ended()))
            }
            // Only its summary is left, which does not change.
            (None, Some(_)) => (u64::MAX, false),
            (None, None) => (self.version, false),
        }
    }

    fn message(&mut self, entry: &Entry<'_>, meaning: Meaning) {
        let row = entry.row;
        if row.thread.is_empty() {
            self.unthreaded += 1;
            return;
        }
        self.version += 1;
        let found = self.threads.find(row.thread);
        let number = found.unwrap_or_else(|| self.add_thread(entry));
        let Some(thread) = self.threads.hear(number) else {
            return;
        };
        thread.changed = self.version;
        let was_dirty = core::mem::replace(&mut thread.is_dirty, true);
        if !was_dirty {
            self.dirty.push(number);
        }
        if !thread.partitions.contains(&row.partition)
            && thread.partitions.len() < PARTITIONS_NAMED_MAX
        {
            thread.partitions.push(row.partition);
        }
        let added = match meaning {
            Meaning::Step(kind) => {
                let node = self.names.hold(row.node);
                let step = Step::new(entry, kind, node, &mut self.graphs);
                thread.step(step, &mut self.names, &mut self.serial);
                size_of::<Step>() + size_of::<fold::Attempt>()
            }
            Meaning::Remark(kind) => {
                thread.loose.push(remark(entry, kind, &mut self.names));
                size_of::<Remark>()
            }
            Meaning::Quality => {
                thread.quality(row.sequence);
                size_of::<u64>()
            }
            Meaning::Nothing => 0,
        };
        thread.bytes += added;
        self.bytes += added;
        if !was_dirty && self.dirty.len() > DIRTY_MAX {
            self.settle_ended();
        }
        if self.bytes > self.bytes_max {
            self.make_room();
        }
    }

    fn add_thread(&mut self, entry: &Entry<'_>) -> u32 {
        let name: Rc<str> = entry.row.thread.into();
        let tenant = shared(&mut self.tenants, &kept_name(entry.row.tenant.as_str()));
        let evicted = self.table.evicted_of(&name);
        let thread = Thread::new(Rc::clone(&name), tenant, evicted);
        self.threads.add(name, Box::new(thread))
    }

    /// Brings the summaries of every thread that changed up to date.
    fn settle_all(&mut self) {
        let numbers = core::mem::take(&mut self.dirty);
        self.settle(numbers);
    }

    /// The same for a few of those that changed first, if their latest run is over: it is paid for once. One that goes
    /// on is left to whoever asks, as its summary costs as much as all of it.
    fn settle_ended(&mut self) {
        let few: Vec<u32> = self.dirty.drain(..DIRTY_MAX / 8).collect();
        let (over, goes_on): (Vec<u32>, Vec<u32>) = few.into_iter().partition(|&number| {
            let thread = self.threads.get(number);
            thread.is_none_or(|(_, thread)| thread.runs.last().is_some_and(Run::has_ended))
        });
        self.dirty.extend(goes_on);
        self.settle(over);
    }

    fn settle(&mut self, numbers: Vec<u32>) {
        for number in numbers {
            if let Some(thread) = self.threads.get_mut(number) {
                thread.reroute(&mut self.names, &mut self.serial);
                place::settle(thread);
                let bytes = thread.measure();
                self.bytes = self.bytes - thread.bytes + bytes;
                thread.bytes = bytes;
                let runs = summary::summaries(thread, &self.names);
                let unchanged = thread.runs.len() - runs.len();
                for serial in thread.shown.drain(unchanged.min(thread.shown.len())..) {
                    if !runs.iter().any(|run| run.serial == serial) {
                        self.table.remove(serial);
                    }
                }
                for run in runs {
                    thread.shown.push(run.serial);
                    self.table.set(run);
                }
                thread.is_dirty = false;
                thread.changed_from = thread.runs.len();
            }
        }
    }

    /// One eviction for all that is held of runs: threads heard of the longest ago lose their oldest runs, of which
    /// summaries stay. Runs that go on are spared as long as others are held.
    fn make_room(&mut self) {
        self.settle_all();
        let target = self.bytes_max - self.bytes_max / ROOM_SHARE;
        for spares_running in [true, false] {
            let mut next = self.threads.oldest();
            while let Some(number) = next {
                next = self.threads.newer_than(number);
                while self.bytes > target && self.evict_of(number, spares_running) {}
                if self.bytes <= target {
                    return;
                }
            }
        }
    }

    /// Takes the oldest run of a thread away, or what is left of the thread. Answers whether there was something
    /// to take.
    fn evict_of(&mut self, number: u32, spares_running: bool) -> bool {
        let is_alone = self.threads.len() == 1;
        self.version += 1;
        let Some(thread) = self.threads.get_mut(number) else {
            return false;
        };
        if spares_running && !thread.has_ended_run() {
            return false;
        }
        self.bytes -= thread.bytes;
        thread.changed = self.version;
        let is_shed = is_alone && thread.runs.len() == 1 && thread.shed(&mut self.names);
        if !is_shed {
            match thread.evict_oldest(&mut self.names) {
                Some(run) => {
                    self.table.evict(run.serial);
                    thread.shown.retain(|serial| *serial != run.serial);
                }
                None => {
                    thread.release_rest(&mut self.names);
                    self.threads.remove(number);
                    return true;
                }
            }
        }
        thread.bytes = thread.measure();
        self.bytes += thread.bytes;
        true
    }
}

fn remark(entry: &Entry<'_>, kind: RemarkKind, names: &mut Names) -> Remark {
    let row = entry.row;
    let text = match kind {
        RemarkKind::Tool | RemarkKind::Metrics => row.text,
        RemarkKind::Event(_)
        | RemarkKind::Token
        | RemarkKind::Error
        | RemarkKind::Alert
        | RemarkKind::Other => "",
    };
    Remark {
        at: address_of(row),
        row: entry.id,
        time_us: time_of(row),
        sequence: row.sequence,
        duration_us: row.duration_us,
        kind,
        node: names.hold(row.node),
        key: names.hold(&kept_name(row.key.as_str())),
        text: names.hold(&kept_name(text)),
        number: row.number,
        attempt: step::NO_ATTEMPT,
        usage: usage_of(row, kind),
    }
}

/// Threads of one tenant share its name.
fn shared(known: &mut Vec<Rc<str>>, name: &str) -> Rc<str> {
    if let Some(known) = known.iter().find(|known| ***known == *name) {
        return Rc::clone(known);
    }
    if known.len() >= TENANTS_SHARED_MAX {
        known.remove(0);
    }
    let name: Rc<str> = name.into();
    known.push(Rc::clone(&name));
    name
}

impl Reducer for Runs {
    fn record(&mut self, entry: &Entry<'_>) {
        if entry.repeat {
            return;
        }
        let meaning = Meaning::of(entry.row);
        if !matches!(meaning, Meaning::Nothing) {
            self.message(entry, meaning);
        }
    }

    // Offsets that were not delivered are of no known run; a run's own numbers say what it lacks.
    fn gap(&mut self, _: &Entry<'_>) {}

    fn reject(&mut self, _: &Entry<'_>) {}

    // A run names events by address, and says of each whether its row is held when it is asked for.
    fn evict(&mut self, _: u64) {}
}

/// Threads whose summaries may be out of date before some are brought up to date: so who asks waits for no more.
const DIRTY_MAX: usize = 64;
/// The share of all bytes held that is made free at once: little, as nobody is answered meanwhile.
const ROOM_SHARE: usize = 128;
/// Tenants whose name is shared.
const TENANTS_SHARED_MAX: usize = 64;
/// Partitions named of one thread.
const PARTITIONS_NAMED_MAX: usize = 8;
