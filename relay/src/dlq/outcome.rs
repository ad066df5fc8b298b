//! How a letter ends.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use dashstream_counters::labels;
use tokio::sync::oneshot::{self, error::TryRecvError};

labels! {
    /// Why an attempt or a letter failed. The first three are DashFlow's.
    pub enum Reason {
        Timeout = "timeout",
        KafkaError = "kafka_error",
        /// Too many letters on their way; never a reason of an attempt.
        Backpressure = "backpressure",
        TopicAbsent = "topic_absent",
        RecordTooLarge = "record_too_large",
        /// A fault of the relay itself; never a reason of an attempt.
        Fault = "fault",
    }
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Kafka has it.
    Stored,
    /// It could not be stored and never will be.
    Failed,
    /// Too many others were on their way.
    Dropped,
}

/// The outcome of one letter, once it is known. Dropping it does not stop the letter.
#[derive(Debug)]
pub struct Settled(pub(super) oneshot::Receiver<Outcome>);

impl Settled {
    /// Whether the outcome is still open.
    pub fn is_pending(&mut self) -> bool {
        matches!(self.0.try_recv(), Err(TryRecvError::Empty))
    }
}

impl Future for Settled {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let received = Pin::new(&mut self.0).poll(context);
        received.map(|outcome| outcome.unwrap_or(Outcome::Failed))
    }
}
