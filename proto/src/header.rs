//! What every kind of message has in common.

use crate::v1::{Header, dash_stream_message::Message};

impl Message {
    /// The header of the message, whichever kind it is.
    pub fn header(&self) -> Option<&Header> {
        match self {
            Self::Event(m) => m.header.as_ref(),
            Self::StateDiff(m) => m.header.as_ref(),
            Self::TokenChunk(m) => m.header.as_ref(),
            Self::ToolExecution(m) => m.header.as_ref(),
            Self::Checkpoint(m) => m.header.as_ref(),
            Self::Metrics(m) => m.header.as_ref(),
            Self::Error(m) => m.header.as_ref(),
            Self::EventBatch(m) => m.header.as_ref(),
            Self::ExecutionTrace(m) => m.header.as_ref(),
        }
    }
}
