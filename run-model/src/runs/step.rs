//! What is kept of one message of a run: a step of the graph's callback, or a remark made inside a node.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::fmt;

use dashstream_proto::v1::EventType;
use decode_core::wire::MessageKind;

use super::answers::{Answer, answers};
use super::attributes::{Attribute, attributes, metrics, token_stats};
use super::graphs::Graphs;
use super::topology::Topology;
use super::usage::{Source, Usage};
use crate::limits::TEXT_CHARS_HELD_MAX;
use crate::reducer::Entry;
use crate::row::{Row, RowKind};

/// Where an event is: its record, and its place in a batch. Every event has one and no other has the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventAddress {
    /// Kafka partition.
    pub partition: u32,
    /// Kafka offset.
    pub offset: u64,
    /// Place in the record's batch; 0 where it is no batch.
    pub index: u32,
}

impl fmt::Display for EventAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.partition, self.offset, self.index)
    }
}

impl core::str::FromStr for EventAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(':');
        let mut next = || parts.next().ok_or(());
        let address = Self {
            partition: next()?.parse().map_err(drop)?,
            offset: next()?.parse().map_err(drop)?,
            index: next()?.parse().map_err(drop)?,
        };
        match parts.next() {
            None => Ok(address),
            Some(_) => Err(()),
        }
    }
}

/// What a step of the graph's callback is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepKind {
    /// `GRAPH_START`
    GraphStart,
    /// `GRAPH_END`
    GraphEnd,
    /// `GRAPH_ERROR` of anyone but the quality monitor, whose alerts end nothing.
    GraphError,
    /// `NODE_START`
    NodeStart,
    /// `NODE_END`
    NodeEnd,
    /// `NODE_ERROR`
    NodeError,
    /// `EDGE_TRAVERSAL`
    Edge,
    /// `CONDITIONAL_BRANCH`
    Branch,
    /// `PARALLEL_START`
    ParallelStart,
    /// `PARALLEL_END`
    ParallelEnd,
    /// A state diff.
    Diff,
    /// A checkpoint.
    Checkpoint,
}

impl StepKind {
    /// Whether it is an event of the graph, not of its state.
    pub(super) const fn is_lifecycle(self) -> bool {
        !matches!(self, Self::Diff | Self::Checkpoint)
    }
}

/// A message of a callback's series.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) at: EventAddress,
    pub(super) time_us: i64,
    pub(super) arrived_ms: i64,
    pub(super) sequence: u64,
    pub(super) duration_us: i64,
    pub(super) kind: StepKind,
    /// Number of the node's name.
    pub(super) node: u32,
    pub(super) said: Option<Box<Said>>,
}

/// What few steps say besides.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Of a start.
    pub(super) topology: Option<Rc<Topology>>,
    pub(super) has_state: bool,
    /// Of a failure.
    pub(super) error: Option<Box<str>>,
    /// Of the other producer's end.
    pub(super) status: Option<Box<str>>,
    pub(super) usage: Usage,
    /// Of a diff: usage in the messages it adds.
    pub(super) answers: Vec<Answer>,
}

/// What a message made inside a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    /// An event without a part in the graph: progress, thoughts, alerts. Its number.
    Event(i32),
    /// A piece of a model's answer.
    Token,
    /// A stage of a tool call.
    Tool,
    /// Metrics of a node.
    Metrics,
    /// An error message: it ends nothing.
    Error,
    /// The quality monitor's alert.
    Alert,
    /// A message of another kind.
    Other,
}

/// A message made inside a node, or beside the graph.
#[derive(Debug)]
pub(super) struct Remark {
    pub(super) at: EventAddress,
    pub(super) row: u64,
    pub(super) time_us: i64,
    pub(super) sequence: u64,
    pub(super) duration_us: i64,
    pub(super) kind: RemarkKind,
    /// Number of the node's name, where the message says it.
    pub(super) node: u32,
    /// Number of the request or call id, the tool's name of which is `text`.
    pub(super) key: u32,
    pub(super) text: u32,
    /// Chunk index, stage or severity.
    pub(super) number: u32,
    /// Which attempt of its run it belongs to; [`NO_ATTEMPT`] = the run itself.
    pub(super) attempt: u32,
    pub(super) usage: Option<Box<Usage>>,
}

/// Stands for the run itself.
pub(super) const NO_ATTEMPT: u32 = u32::MAX;

/// What a message means to runs.
pub(super) enum Meaning {
    Step(StepKind),
    Remark(RemarkKind),
    /// Metrics about quality: their number is the callback's, so it is not missing.
    Quality,
    Nothing,
}

impl Meaning {
    pub(super) fn of(row: &Row<'_>) -> Self {
        if row.newer_schema {
            // What it means is for a newer build to say.
            return Self::Nothing;
        }
        let RowKind::Message(kind) = row.kind else {
            return Self::Nothing;
        };
        match kind {
            MessageKind::Event => event(row),
            MessageKind::StateDiff => Self::Step(StepKind::Diff),
            MessageKind::Checkpoint => Self::Step(StepKind::Checkpoint),
            MessageKind::TokenChunk => Self::Remark(RemarkKind::Token),
            MessageKind::ToolExecution => Self::Remark(RemarkKind::Tool),
            MessageKind::Metrics if row.scope == "quality" => Self::Quality,
            MessageKind::Metrics => Self::Remark(RemarkKind::Metrics),
            MessageKind::Error => Self::Remark(RemarkKind::Error),
            MessageKind::ExecutionTrace => Self::Remark(RemarkKind::Other),
            // An empty one: its events come one by one.
            MessageKind::EventBatch => Self::Nothing,
        }
    }
}

fn event(row: &Row<'_>) -> Meaning {
    let Ok(kind) = EventType::try_from(row.event_type) else {
        return Meaning::Remark(RemarkKind::Event(row.event_type));
    };
    Meaning::Step(match kind {
        EventType::GraphStart => StepKind::GraphStart,
        EventType::GraphEnd => StepKind::GraphEnd,
        EventType::GraphError if is_alert(row) => return Meaning::Remark(RemarkKind::Alert),
        EventType::GraphError => StepKind::GraphError,
        EventType::NodeStart => StepKind::NodeStart,
        EventType::NodeEnd => StepKind::NodeEnd,
        EventType::NodeError => StepKind::NodeError,
        EventType::EdgeTraversal => StepKind::Edge,
        EventType::ConditionalBranch => StepKind::Branch,
        EventType::ParallelStart => StepKind::ParallelStart,
        EventType::ParallelEnd => StepKind::ParallelEnd,
        EventType::Unspecified
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
        | EventType::OptimizationEnd => return Meaning::Remark(RemarkKind::Event(row.event_type)),
    })
}

fn is_alert(row: &Row<'_>) -> bool {
    row.node == "quality_monitor" || attributes(row).any(|(key, _)| key == "alert_type")
}

/// Producer's time in microseconds; where it says none, the record's.
pub(super) fn time_of(row: &Row<'_>) -> i64 {
    match row.time_us {
        us if us > 0 => us,
        _ => row.timestamp_ms.saturating_mul(1_000),
    }
}

pub(super) fn address_of(row: &Row<'_>) -> EventAddress {
    EventAddress {
        partition: row.partition,
        offset: row.offset,
        index: row.index,
    }
}

impl Step {
    pub(super) fn new(entry: &Entry<'_>, kind: StepKind, node: u32, graphs: &mut Graphs) -> Self {
        let row = entry.row;
        Self {
            at: address_of(row),
            time_us: time_of(row),
            arrived_ms: row.timestamp_ms,
            sequence: row.sequence,
            duration_us: row.duration_us,
            kind,
            node,
            said: said(row, kind, graphs).map(Box::new),
        }
    }

    /// The order in which a thread's steps are looked at, whatever the order in which they came.
    pub(super) const fn key(&self) -> (i64, u64, EventAddress) {
        (self.time_us, self.sequence, self.at)
    }

    /// Whether it is the other producer's, whose starts name a node.
    pub(super) const fn starts_agent(&self) -> bool {
        matches!(self.kind, StepKind::GraphStart) && self.node != 0
    }
}

/// What a step says besides its place in the graph; most say nothing.
fn said(row: &Row<'_>, kind: StepKind, graphs: &mut Graphs) -> Option<Said> {
    let mut said = Said::default();
    match kind {
        StepKind::GraphStart => {
            let texts = || attributes(row).map(|(key, value)| (key, value.text()));
            said.topology = Some(graphs.read(texts));
            said.has_state = attributes(row).any(|(key, _)| key == "initial_state_json");
        }
        StepKind::NodeError | StepKind::GraphError => {
            let mut errors = attributes(row).filter(|(key, _)| *key == "error");
            said.error = errors.next().map(|(_, error)| held_text(error.text()));
        }
        StepKind::GraphEnd => {
            let mut status = attributes(row).filter(|(key, _)| *key == "status");
            said.status = Some(held_text(status.next()?.1.text()));
        }
        StepKind::NodeEnd if row.node.starts_with(LLM_METRICS) => {
            for (key, value) in attributes(row) {
                said.usage.note_call(key, value);
            }
            said.usage.source = Source::CallMetrics;
        }
        StepKind::Diff => {
            said.answers = answers(row);
            if said.answers.is_empty() {
                return None;
            }
        }
        StepKind::NodeStart
        | StepKind::NodeEnd
        | StepKind::Edge
        | StepKind::Branch
        | StepKind::ParallelStart
        | StepKind::ParallelEnd
        | StepKind::Checkpoint => return None,
    }
    Some(said)
}

/// Usage of one model call of the agent adapter; the model's name follows.
pub(super) const LLM_METRICS: &str = "llm_metrics:";

/// As much of a text as is held with a run; the record has all of it.
pub(super) fn held_text(text: &str) -> Box<str> {
    match text.char_indices().nth(TEXT_CHARS_HELD_MAX) {
        None => text.into(),
        Some((end, _)) => {
            let start = text.get(..end).unwrap_or_default();
            alloc::format!("{start}…").into()
        }
    }
}

/// What a remark says about usage, if anything.
pub(super) fn usage_of(row: &Row<'_>, kind: RemarkKind) -> Option<Box<Usage>> {
    let mut usage = Usage::default();
    match kind {
        RemarkKind::Metrics => {
            for (name, value, unit) in metrics(row) {
                usage.note_metric(name, value, unit);
            }
            usage.source = Source::Metrics;
        }
        RemarkKind::Token => {
            let (input, output, total) = token_stats(row)?;
            usage = Usage {
                input,
                output,
                total,
                cost_nanos: None,
                source: Source::TokenStats,
            };
        }
        RemarkKind::Event(number) if number == EventType::LlmEnd as i32 => {
            for (key, value) in attributes(row) {
                usage.note_call(key, value);
            }
            usage.source = Source::CallMetrics;
        }
        RemarkKind::Event(_)
        | RemarkKind::Tool
        | RemarkKind::Error
        | RemarkKind::Alert
        | RemarkKind::Other => return None,
    }
    (!usage.is_empty()).then(|| Box::new(usage))
}

impl Usage {
    fn note_call(&mut self, key: &str, value: Attribute<'_>) {
        match key {
            "input_tokens" => self.input = value.count(),
            "output_tokens" => self.output = value.count(),
            "total_tokens" => self.total = value.count(),
            "cost_usd" => self.cost_nanos = value.nanos(),
            _ => {}
        }
    }

    fn note_metric(&mut self, name: &str, value: Attribute<'_>, unit: &str) {
        match name {
            "tokens_prompt" => self.input = value.count(),
            "tokens_completion" => self.output = value.count(),
            "tokens_total" => self.total = value.count(),
            _ if unit == "usd" || name == "cost_usd" => self.cost_nanos = value.nanos(),
            _ => {}
        }
    }
}
