//! Which rows say that something went wrong.

use dashstream_proto::v1::EventType;
use dashstream_proto::v1::tool_execution::ExecutionStage;
use decode_core::wire::MessageKind;

use crate::row::{Row, RowKind};
use crate::rows::StoredRow;

/// What of a row says whether something failed.
#[derive(Clone, Copy)]
struct Facts {
    kind: RowKind,
    event_type: i32,
    number: u32,
}

impl Facts {
    fn is_failure(self) -> bool {
        match self.kind {
            RowKind::Message(MessageKind::Error) => true,
            RowKind::Message(MessageKind::ToolExecution) => {
                self.stage() == Some(ExecutionStage::Failed)
            }
            RowKind::Message(MessageKind::Event) => EventType::try_from(self.event_type)
                .is_ok_and(|event| event.as_str_name().ends_with("_ERROR")),
            RowKind::Message(
                MessageKind::StateDiff
                | MessageKind::TokenChunk
                | MessageKind::Checkpoint
                | MessageKind::Metrics
                | MessageKind::EventBatch
                | MessageKind::ExecutionTrace,
            )
            | RowKind::Gap
            | RowKind::Reject
            | RowKind::Unknown => false,
        }
    }

    fn stage(self) -> Option<ExecutionStage> {
        let is_tool = self.kind == RowKind::Message(MessageKind::ToolExecution);
        let number = i32::try_from(self.number).ok().filter(|_| is_tool)?;
        ExecutionStage::try_from(number).ok()
    }
}

impl Row<'_> {
    /// Whether it reports a failure: an error, a failed node or graph, a failed tool call.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        let (kind, event_type, number) = (self.kind, self.event_type, self.number);
        Facts {
            kind,
            event_type,
            number,
        }
        .is_failure()
    }
}

impl StoredRow {
    const fn facts(&self) -> Facts {
        let (kind, event_type, number) = (self.kind, self.event_type, self.number);
        Facts {
            kind,
            event_type,
            number,
        }
    }

    /// Whether it reports a failure: an error, a failed node or graph, a failed tool call.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.facts().is_failure()
    }

    /// Whether a reader who looks for trouble wants to see it: a failure, what is missing, what could not be
    /// read, and what this build does not understand.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        let is_lost = matches!(self.kind, RowKind::Gap | RowKind::Reject);
        is_lost || self.newer_schema || self.is_failure()
    }

    /// The stage of a tool execution in a word, or empty.
    pub(crate) fn stage_word(&self) -> &'static str {
        match self.facts().stage() {
            Some(ExecutionStage::Requested) => "requested",
            Some(ExecutionStage::Started) => "started",
            Some(ExecutionStage::Completed) => "completed",
            Some(ExecutionStage::Failed) => "failed",
            Some(ExecutionStage::Retrying) => "retrying",
            Some(ExecutionStage::Unspecified) | None => "",
        }
    }
}
