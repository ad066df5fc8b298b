//! Live threads: one line each, the least recently heard of forgotten first.

use alloc::collections::BinaryHeap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use dashstream_proto::v1::EventType;
use decode_core::wire::MessageKind;

use crate::keyed::Named;
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
}

#[derive(Debug)]
pub(crate) struct Threads {
    by_name: Named<ThreadRow>,
    threads_max: usize,
    /// Threads whose newest row is of a newer schema.
    newer: u64,
    /// The same of rows without a thread.
    unnamed_newer: bool,
}

impl Threads {
    pub(crate) const fn new(threads_max: usize) -> Self {
        Self {
            by_name: Named::new(),
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
        let found = self.by_name.find(name);
        let number = found.unwrap_or_else(|| self.by_name.add(name.into(), ThreadRow::unheard()));
        let Some(thread) = self.by_name.hear(number) else {
            return;
        };
        self.newer += u64::from(row.newer_schema);
        self.newer -= u64::from(thread.newer_schema);
        thread.newer_schema = row.newer_schema;
        thread.partition = row.partition;
        thread.records += 1;
        thread.last_ms = row.timestamp_ms;
        thread.last_offset = row.offset;
        if !node.is_empty() && thread.node != node {
            thread.node = String::from(node);
        }
        thread.progress(row);
        while self.by_name.len() > self.threads_max {
            let Some(oldest) = self.by_name.oldest() else {
                break;
            };
            let gone = self.by_name.remove(oldest);
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
        let row = |number: u32| {
            let (name, thread) = self.by_name.get(number)?;
            Some((&**name, thread))
        };
        let by_name = self.by_name.numbers();
        match sort {
            ThreadSort::Name => by_name.skip(first).take(count).filter_map(row).collect(),
            ThreadSort::Recent => {
                let newest = self.by_name.newest_first();
                newest.skip(first).take(count).filter_map(row).collect()
            }
            ThreadSort::Records => {
                // As much as is shown and no more is put in order.
                let numbers: Vec<u32> = by_name.collect();
                let records = |number: &u32| row(*number).map_or(0, |(_, thread)| thread.records);
                let all = numbers.iter().map(records).zip((0..).map(Reverse));
                let mut heap: BinaryHeap<(u64, Reverse<u32>)> = all.collect();
                let ordered = core::iter::from_fn(|| heap.pop());
                ordered
                    .skip(first)
                    .take(count)
                    .filter_map(|(_, Reverse(place))| row(*numbers.get(place as usize)?))
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
    const fn unheard() -> Self {
        Self {
            partition: 0,
            records: 0,
            last_ms: 0,
            last_offset: 0,
            node: String::new(),
            status: ThreadStatus::Unknown,
            errors: 0,
            newer_schema: false,
        }
    }

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
        // A number without a type is a newer schema's.
        let Ok(event_type) = EventType::try_from(row.event_type) else {
            return;
        };
        match event_type {
            EventType::GraphStart => self.status = ThreadStatus::Running,
            EventType::GraphEnd => self.status = ThreadStatus::Ended,
            EventType::NodeError => {
                self.status = ThreadStatus::Failed;
                self.errors = self.errors.saturating_add(1);
            }
            // An alert of the quality monitor, not a failed run.
            EventType::GraphError
            | EventType::Unspecified
            | EventType::NodeStart
            | EventType::NodeEnd
            | EventType::EdgeTraversal
            | EventType::ConditionalBranch
            | EventType::ParallelStart
            | EventType::ParallelEnd
            | EventType::LlmStart
            | EventType::LlmEnd
            | EventType::LlmError
            | EventType::LlmRetry
            | EventType::ToolStart
            | EventType::ToolEnd
            | EventType::ToolError
            | EventType::CheckpointSave
            | EventType::CheckpointLoad
            | EventType::CheckpointDelete
            | EventType::MemorySave
            | EventType::MemoryLoad
            | EventType::HumanInterrupt
            | EventType::HumanResume
            | EventType::NodeProgress
            | EventType::NodeThinking
            | EventType::NodeSubstep
            | EventType::NodeWarning
            | EventType::OptimizationStart
            | EventType::OptimizationEnd => {}
        }
    }
}
