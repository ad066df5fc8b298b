//! From Kafka to the log: one loop per partition, so that a slow or broken partition never stops another.

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
#[cfg(feature = "demo")]
pub mod simulated;
mod status;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use decode_core::wire::RESUME_PARTITIONS_MAX;
use tokio::task::JoinSet;

use crate::{config::Config, kafka::TopicReader, limits};
use failures::Failures;
use horizon::Origin;
use partition::PartitionLoop;
use sequence::Sequences;

#[cfg(feature = "test-support")]
pub use bench_support::MeasuredAdmission;
pub use context::Context;
pub use counts::{Counts, GapSizes, SequenceCounts, SequenceFinding};
pub use status::{Hidden, IngestStatus, PartitionStatus, Pause, Phase, TopicState, Trouble};

/// Reads all partitions of the topic, and those that come later, until it is dropped.
pub async fn run(config: Config, kafka: Arc<TopicReader>, context: Context) {
    let mut ingest = Ingest::new(config, kafka, context);
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
    kafka: Arc<TopicReader>,
    sequences: Arc<Sequences>,
    /// Two for each partition; dropped with this.
    loops: JoinSet<()>,
    started: BTreeSet<u32>,
    origin: Origin,
}

impl Ingest {
    fn new(config: Config, kafka: Arc<TopicReader>, context: Context) -> Self {
        Self {
            kafka,
            sequences: Arc::new(Sequences::new(config.ingest.sequence_policy)),
            loops: JoinSet::new(),
            started: BTreeSet::new(),
            // What is there at the first sight of the topic was there before the relay.
            origin: Origin::AtStart,
            config,
            context,
        }
    }

    /// Asks for the topic's partitions and starts those that are new. Says when to ask again.
    async fn look(&mut self, failures: &mut Failures) -> Duration {
        match self.kafka.partitions().await {
            Ok(Some(found)) => {
                failures.succeed();
                self.announce(TopicState::Present);
                self.check_count(found.len());
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
                let generation = self.kafka.generation();
                failures.rebuild(&self.context, &self.kafka, generation, &failure);
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

    /// Clients of a larger topic are refused whatever they ask for.
    fn check_count(&self, partitions: usize) {
        if partitions > RESUME_PARTITIONS_MAX && self.started.len() < partitions {
            tracing::warn!(
                partitions,
                most = RESUME_PARTITIONS_MAX,
                "the topic has more partitions than a client may resume"
            );
        }
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use dashstream_serve::{Clock, Hub};

    use super::*;
    use crate::config::Cli;

    /// X2: the two tasks of a partition are owned by name.
    #[tokio::test]
    async fn the_end_of_a_partition_s_tasks_is_noticed() {
        let arguments = ["dashstream-relay", "--kafka-brokers=127.0.0.1:1"];
        let cli = Cli::try_parse_from(arguments).expect("known options");
        let config = Config::from_args(&cli.options).expect("usable options");
        let context = Context {
            clock: Clock::start(),
            counts: Arc::default(),
            hub: Arc::new(Hub::new(1 << 20)),
            status: Arc::default(),
            tasks: Arc::default(),
            dlq: None,
            checkpoints: None,
        };
        let tasks = Arc::clone(&context.tasks);
        let kafka = Arc::new(TopicReader::new(&config.kafka));
        let mut ingest = Ingest::new(config, kafka, context);
        ingest.start(3);
        assert_eq!(tasks.ended(), [""; 0]);
        ingest.loops.abort_all();
        while ingest.loops.join_next().await.is_some() {}
        assert_eq!(
            tasks.ended(),
            ["probing partition 3", "reading partition 3"]
        );
    }
}
