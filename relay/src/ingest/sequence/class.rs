//! Which counter a message's number comes from, and what it does in its series.

use dashstream_proto::v1::EventType;
use decode_core::{Checked, EventFacts, Summary, wire::MessageKind};

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
pub(super) const QUALITY_SCOPE: &str = "quality";
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
    let Ok(event) = EventType::try_from(event_type) else {
        return Class::Unchecked;
    };
    match event {
        EventType::GraphStart => Class::Checked(Counter::Callback, Role::Restart),
        EventType::GraphError if node == QUALITY_MONITOR => producer(sequence),
        // Sent by a running node, with the node's own counter.
        EventType::NodeProgress
        | EventType::NodeThinking
        | EventType::NodeSubstep
        | EventType::NodeWarning => Class::Unchecked,
        EventType::Unspecified
        | EventType::GraphEnd
        | EventType::GraphError
        | EventType::NodeStart
        | EventType::NodeEnd
        | EventType::NodeError
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
        | EventType::OptimizationStart
        | EventType::OptimizationEnd => Class::Checked(Counter::Callback, Role::Step),
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
