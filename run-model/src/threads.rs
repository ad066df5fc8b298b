//! Live threads: one line each, the least recently heard of forgotten first.

use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use dashstream_proto::v1::EventType;
use decode_core::wire::MessageKind;

use crate::reducer::{Entry, Reducer};
use crate::row::{Row, RowKind};

/// What became of a thread's newest run, as far as events tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadStatus {
    /// No start or end was seen.
    Unknown,
    /// A graph started.
    Running,
    /// The graph ended. An interrupted one looks the same: producers do not tell.
    Ended,
    /// A node failed and nothing started since: failed runs send no end.
    Failed,
}

impl ThreadStatus {
    /// A stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
}

/// Order of the thread table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadSort {
    /// Newest first.
    Recent,
    /// By name.
    Name,
    /// Most rows first.
    Records,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadRow {
    /// Partition it was last heard of in.
    pub partition: u32,
    /// Rows seen (a batch counts one per event inside).
    pub records: u64,
    /// Kafka timestamp of the newest record, ms.
    pub last_ms: i64,
    /// Offset of the newest record.
    pub last_offset: u64,
    /// Node last heard of.
    pub node: String,
    /// What became of its newest run.
    pub status: ThreadStatus,
    /// Failed nodes and tool calls, and error messages.
    pub errors: u32,
    /// Whether its newest row is of a schema version newer than this build applies.
    pub newer_schema: bool,
    heard: u64,
}

#[derive(Debug)]
pub(crate) struct Threads {
    by_name: BTreeMap<Rc<str>, ThreadRow>,
    by_heard: BTreeMap<u64, Rc<str>>,
    heard: u64,
    threads_max: usize,
    /// Threads whose newest row is of a newer schema.
    newer: u64,
    /// The same of rows without a thread.
    unnamed_newer: bool,
}

impl Threads {
    pub(crate) const fn new(threads_max: usize) -> Self {
        Self {
            by_name: BTreeMap::new(),
            by_heard: BTreeMap::new(),
            heard: 0,
            threads_max,
            newer: 0,
            unnamed_newer: false,
        }
    }

    /// Threads whose newest row is of a newer schema; rows without a thread count as one.
    pub(crate) fn newer(&self) -> u64 {
        self.newer + u64::from(self.unnamed_newer)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    fn note(&mut self, row: &Row<'_>) {
        let (name, node) = (row.thread, row.node);
        if name.is_empty() {
            self.unnamed_newer = row.newer_schema;
            return;
        }
        self.heard += 1;
        let name = match self.by_name.get_key_value(name) {
            Some((known, thread)) => {
                self.by_heard.remove(&thread.heard);
                Rc::clone(known)
            }
            None => Rc::from(name),
        };
        self.by_heard.insert(self.heard, Rc::clone(&name));
        let thread = self.by_name.entry(name).or_insert_with(|| ThreadRow {
            partition: row.partition,
            records: 0,
            last_ms: 0,
            last_offset: 0,
            node: String::new(),
            status: ThreadStatus::Unknown,
            errors: 0,
            newer_schema: false,
            heard: 0,
        });
        self.newer += u64::from(row.newer_schema);
        self.newer -= u64::from(thread.newer_schema);
        thread.newer_schema = row.newer_schema;
        thread.heard = self.heard;
        thread.partition = row.partition;
        thread.records += 1;
        thread.last_ms = row.timestamp_ms;
        thread.last_offset = row.offset;
        if !node.is_empty() && thread.node != node {
            thread.node = String::from(node);
        }
        thread.progress(row);
        while self.by_name.len() > self.threads_max {
            let Some((_, oldest)) = self.by_heard.pop_first() else {
                break;
            };
            let gone = self.by_name.remove(&oldest);
            self.newer -= u64::from(gone.is_some_and(|thread| thread.newer_schema));
        }
    }

    /// The threads `first..first + count` in that order.
    pub(crate) fn page(
        &self,
        sort: ThreadSort,
        first: usize,
        count: usize,
    ) -> Vec<(&str, &ThreadRow)> {
        let named = |name: &Rc<str>| {
            self.by_name
                .get_key_value(name)
                .map(|(name, thread)| (&**name, thread))
        };
        match sort {
            ThreadSort::Name => {
                let all = self.by_name.iter().map(|(name, thread)| (&**name, thread));
                all.skip(first).take(count).collect()
            }
            ThreadSort::Recent => self
                .by_heard
                .values()
                .rev()
                .skip(first)
                .take(count)
                .filter_map(named)
                .collect(),
            ThreadSort::Records => {
                // As much as is shown and no more is put in order.
                let all = self.by_name.iter();
                let mut heap: BinaryHeap<_> = all
                    .map(|(name, thread)| (thread.records, Reverse(&**name)))
                    .collect();
                let ordered = core::iter::from_fn(|| heap.pop());
                ordered
                    .skip(first)
                    .take(count)
                    .filter_map(|(_, Reverse(name))| self.by_name.get_key_value(name))
                    .map(|(name, thread)| (&**name, thread))
                    .collect()
            }
        }
    }
}

impl Reducer for Threads {
    fn record(&mut self, entry: &Entry<'_>) {
        if !entry.repeat {
            self.note(entry.row);
        }
    }

    // What was lost or rejected is of no thread and says nothing of a schema.
    fn gap(&mut self, _: &Entry<'_>) {}

    fn reject(&mut self, _: &Entry<'_>) {}

    // A thread sums up its rows and leads to none of them.
    fn evict(&mut self, _: u64) {}
}

impl ThreadRow {
    fn progress(&mut self, row: &Row<'_>) {
        match row.kind {
            // What it means is for a newer build to say.
            _ if row.newer_schema => return,
            RowKind::Message(MessageKind::ToolExecution) if row.is_failure() => {
                self.errors = self.errors.saturating_add(1);
                return;
            }
            RowKind::Message(MessageKind::Event) => {}
            RowKind::Message(MessageKind::Error) => {
                self.errors = self.errors.saturating_add(1);
                return;
            }
            RowKind::Message(
                MessageKind::StateDiff
                | MessageKind::TokenChunk
                | MessageKind::ToolExecution
                | MessageKind::Checkpoint
                | MessageKind::Metrics
                | MessageKind::EventBatch
                | MessageKind::ExecutionTrace,
            )
            | RowKind::Gap
            | RowKind::Reject
            | RowKind::Unknown => return,
        }
        // A type of a newer schema is none of these.
        match EventType::try_from(row.event_type) {
            Ok(EventType::GraphStart) => self.status = ThreadStatus::Running,
            Ok(EventType::GraphEnd) => self.status = ThreadStatus::Ended,
            Ok(EventType::NodeError) => {
                self.status = ThreadStatus::Failed;
                self.errors = self.errors.saturating_add(1);
            }
            // GRAPH_ERROR is an alert of the quality monitor, not a failed run.
            _ => {}
        }
    }
}
