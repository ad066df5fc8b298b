//! What follows a failed call to Kafka: it is counted, the next one waits, and after a few in a row the client is built
//! again from the bootstrap list.

use std::time::Duration;

use super::context::Context;
use crate::{
    backoff::Backoff,
    config::BackoffConfig,
    kafka::{Failure, TopicReader},
    limits,
};

/// The failures in a row of one task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failures(Backoff);

impl Failures {
    pub(super) fn new(config: BackoffConfig) -> Self {
        Self(Backoff::new(config))
    }

    pub(super) fn succeed(&mut self) {
        self.0.succeed();
    }

    /// Notes one more, and says how long to wait.
    pub(super) fn pause(&mut self) -> Duration {
        self.0.fail()
    }

    /// Builds the client again, where that can help and nobody else did.
    pub(super) fn rebuild(
        &self,
        context: &Context,
        kafka: &TopicReader,
        generation: u64,
        failure: &Failure,
    ) {
        let is_due = self.0.failures() >= limits::FAILURES_BEFORE_REBUILD;
        if is_due && failure.kind().may_pass() && kafka.forget(generation) {
            context.counts.client_rebuilds.inc();
            tracing::info!("reconnecting through the bootstrap brokers");
        }
    }
}

pub(super) fn count(context: &Context, failure: &Failure) {
    context.counts.fetch_failures.inc();
    context.counts.kafka_errors.inc(failure.kind());
    context.counts.last_kafka_error.set(context.clock.now_ms());
}
