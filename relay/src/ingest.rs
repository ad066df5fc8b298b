//! From Kafka to the log: one loop per partition, each with a connection of its own, so that a slow
//! or broken partition never stops another.

mod admission;
mod beginning;
#[cfg(feature = "test-support")]
mod bench_support;
mod context;
mod counts;
mod failures;
mod horizon;
mod partition;
mod probe;
mod reader;
mod sequence;
mod status;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{config::Config, kafka::TopicClient, limits};
use failures::Failures;
use horizon::Origin;
use partition::PartitionLoop;
use sequence::Sequences;

#[cfg(feature = "test-support")]
pub use bench_support::MeasuredAdmission;
pub use context::Context;
pub use counts::{Counts, GapSizes, SequenceCounts, SequenceFinding};
pub use status::{IngestStatus, PartitionStatus, Pause, Phase, TopicState, Trouble};

/// Reads all partitions of the topic, and those that come later, until it is dropped.
pub async fn run(config: Config, context: Context) {
    let mut ingest = Ingest {
        kafka: Arc::new(TopicClient::new(&config.kafka, &config.kafka.topic)),
        sequences: Arc::new(Sequences::new(config.ingest.sequence_policy)),
        loops: JoinSet::new(),
        started: BTreeSet::new(),
        // What is there at the first sight of the topic was there before the relay.
        origin: Origin::AtStart,
        config,
        context,
    };
    let mut failures = Failures::new(ingest.config.ingest.backoff);
    loop {
        let pause = ingest.look(&mut failures).await;
        tokio::time::sleep(pause).await;
    }
}

/// The topic as it is read.
struct Ingest {
    config: Config,
    context: Context,
    kafka: Arc<TopicClient>,
    sequences: Arc<Sequences>,
    /// Two for each partition; dropped with this.
    loops: JoinSet<()>,
    started: BTreeSet<u32>,
    origin: Origin,
}

impl Ingest {
    /// Asks for the topic's partitions and starts those that are new. Says when to ask again.
    async fn look(&mut self, failures: &mut Failures) -> Duration {
        match self.kafka.partitions().await {
            Ok(Some(found)) => {
                failures.succeed();
                self.announce(TopicState::Present);
                for partition in found {
                    if self.started.insert(partition) {
                        self.context.hub.expect_partition(partition);
                        self.start(partition);
                    }
                }
                self.origin = Origin::Later;
                self.settle().await;
                self.config.kafka.metadata_interval
            }
            Ok(None) => {
                failures.succeed();
                self.announce(TopicState::Absent);
                self.origin = Origin::Later;
                Duration::from_millis(limits::ABSENT_TOPIC_RETRY_MS)
            }
            Err(failure) => {
                let pause = failures.pause();
                failures::count(&self.context, &failure);
                self.context.status.fail(&failure);
                tracing::warn!(error = %failure, ?pause, "no metadata from any broker");
                let generation = self.kafka.generation().await;
                failures
                    .rebuild(&self.context, &self.kafka, generation, &failure)
                    .await;
                pause
            }
        }
    }

    fn start(&mut self, partition: u32) {
        let context = &self.context;
        let reader = PartitionLoop::new(
            partition,
            &self.config,
            self.origin,
            Arc::clone(&self.sequences),
            context.clone(),
        );
        let reading = reader::run(
            context.clone(),
            Arc::clone(&self.kafka),
            Failures::new(self.config.ingest.backoff),
            reader,
        );
        let name = format!("reading partition {partition}");
        self.loops.spawn(context.tasks.own(&name, reading));
        let interval = self.config.kafka.lag_check_interval;
        let probing = probe::run(
            context.clone(),
            Arc::clone(&self.kafka),
            partition,
            interval,
        );
        let name = format!("probing partition {partition}");
        self.loops.spawn(context.tasks.own(&name, probing));
    }

    fn announce(&self, state: TopicState) {
        self.context.status.succeed();
        if self.context.status.topic() != state {
            tracing::info!(topic = %self.config.kafka.topic, ?state, "topic");
            self.context.status.set_topic(state);
        }
    }

    /// Lets clients in once every partition has its place in the log: a cursor for a partition not yet
    /// added would be refused. One partition without a leader holds the others up for a bounded time.
    async fn settle(&self) {
        let hub = &self.context.hub;
        if hub.is_settled() {
            return;
        }
        let mut signal = hub.subscribe();
        let placed = signal.wait_for(|_| hub.log().partition_count() >= self.started.len());
        let limit = Duration::from_millis(limits::SETTLE_MS_MAX);
        if tokio::time::timeout(limit, placed).await.is_err() {
            tracing::warn!("some partitions have no position yet; clients are let in without them");
        }
        hub.set_settled();
    }
}
