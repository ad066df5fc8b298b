//! From Kafka to the log: one loop per partition, each with a connection of its own, so that a slow
//! or broken partition never stops another.

mod admit;
mod age;
mod backoff;
mod kafka;
mod log_limit;
mod measured;
mod partition;
mod position;
mod sequence;
mod source;
mod start;
mod status;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{limits, relay::Shared};
use age::Origin;
use backoff::Backoff;
use kafka::{Failure, Kafka};
use partition::{PartitionLoop, Surroundings};
use sequence::Sequences;
use source::Source as _;

pub(crate) use log_limit::LogLimit;
pub use measured::MeasuredAdmission;
pub use status::{IngestStatus, PartitionStatus, Pause, Phase, TopicState};

/// Reads all partitions of the topic, and those that come later, until it is dropped.
pub async fn run(shared: Arc<Shared>) {
    let kafka = Arc::new(Kafka::new(&shared.config));
    let mut loops = JoinSet::new();
    let mut started = BTreeSet::new();
    let mut backoff = Backoff::new(shared.config.ingest.backoff);
    // What is there at the first sight of the topic was there before the relay.
    let mut origin = Origin::AtStart;
    let around = Surroundings {
        clock: shared.clock,
        counters: Arc::clone(&shared.counters),
        hub: Arc::clone(&shared.hub),
        dlq: shared.dlq.clone(),
        sequences: Arc::new(Sequences::new(shared.config.ingest.sequence_policy)),
    };
    loop {
        let pause = match kafka.partitions().await {
            Ok(Some(found)) => {
                backoff.succeed();
                announce(&shared, TopicState::Present);
                for partition in found {
                    if started.insert(partition) {
                        shared.hub.expect_partition(partition);
                        let status = shared.ingest.partition(partition);
                        let around = around.clone();
                        let reader =
                            PartitionLoop::new(partition, &shared.config, origin, status, around);
                        loops.spawn(read(Arc::clone(&shared), Arc::clone(&kafka), reader));
                        loops.spawn(probe(Arc::clone(&shared), Arc::clone(&kafka), partition));
                    }
                }
                origin = Origin::Later;
                settle(&shared, started.len()).await;
                shared.config.kafka.metadata_interval
            }
            Ok(None) => {
                backoff.succeed();
                announce(&shared, TopicState::Absent);
                origin = Origin::Later;
                Duration::from_millis(limits::ABSENT_TOPIC_RETRY_MS)
            }
            Err(failure) => {
                let pause = backoff.fail();
                count(&shared, &failure);
                tracing::warn!(error = %failure, ?pause, "no metadata from any broker");
                if backoff.failures() >= limits::FAILURES_BEFORE_REBUILD {
                    rebuild(&shared, &kafka, kafka.generation().await).await;
                }
                pause
            }
        };
        tokio::time::sleep(pause).await;
    }
}

fn announce(shared: &Shared, state: TopicState) {
    if shared.ingest.topic() != state {
        tracing::info!(topic = %shared.config.kafka.topic, ?state, "topic");
        shared.ingest.set_topic(state);
    }
}

/// Lets clients in once every partition has its place in the log: a cursor for a partition not yet
/// added would be refused. One partition without a leader holds the others up for a bounded time.
async fn settle(shared: &Shared, partitions: usize) {
    if shared.hub.is_settled() {
        return;
    }
    let waited = async {
        while shared.hub.log().partition_count() < partitions {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_millis(limits::SETTLE_MS_MAX);
    if tokio::time::timeout(limit, waited).await.is_err() {
        tracing::warn!("some partitions have no position yet; clients are let in without them");
    }
    shared.hub.set_settled();
}

/// Keeps one partition's loop going over failures and reconnections.
async fn read(shared: Arc<Shared>, kafka: Arc<Kafka>, mut reader: PartitionLoop) {
    let partition = reader.partition();
    let status = shared.ingest.partition(partition);
    let mut backoff = Backoff::new(shared.config.ingest.backoff);
    let mut missing = 0_u32;
    if let Some(checkpoints) = &shared.checkpoints {
        let found = checkpoints.load(partition).await;
        reader.resume(found, checkpoints.progress(partition));
    }
    loop {
        let (generation, failure) = match kafka.partition(partition).await {
            Ok(mut source) => {
                let generation = source.generation;
                let failure = reader.run(&mut source, || backoff.succeed()).await;
                (generation, failure)
            }
            Err(failure) => (kafka.generation().await, failure),
        };
        let pause = backoff.fail();
        let is_missing = matches!(failure, Failure::Absent) && is_gone(&kafka, partition).await;
        missing = if is_missing {
            missing.saturating_add(1)
        } else {
            0
        };
        if missing >= limits::MISSING_ANSWERS {
            if status.phase() != Phase::Gone {
                tracing::warn!(partition, "the topic is there without this partition");
                reader.vanish();
                status.set_phase(Phase::Gone);
            }
            tokio::time::sleep(pause).await;
            continue;
        }
        status.set_phase(Phase::Retrying);
        count(&shared, &failure);
        tracing::warn!(partition, error = %failure, ?pause, "reading failed");
        if backoff.failures() >= limits::FAILURES_BEFORE_REBUILD {
            rebuild(&shared, &kafka, generation).await;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Whether the topic is there without the partition. Kafka never takes one away, so it was made anew.
async fn is_gone(kafka: &Kafka, partition: u32) -> bool {
    let known = kafka.partitions().await.ok().flatten();
    known.is_some_and(|known| !known.contains(&partition))
}

/// Asks for a partition's end at intervals, on a connection of its own: lag is measured off the
/// path of the records, and an answer proves that the broker is there although nothing flows.
async fn probe(shared: Arc<Shared>, kafka: Arc<Kafka>, partition: u32) {
    let status = shared.ingest.partition(partition);
    let interval = shared.config.kafka.lag_check_interval;
    let mut source = None;
    loop {
        if status.phase() == Phase::Gone {
            tokio::time::sleep(interval).await;
            continue;
        }
        let result = match source.take() {
            Some(source) => Ok(source),
            None => kafka.partition(partition).await,
        };
        let result = match result {
            Ok(mut connected) => {
                let end = connected.end().await;
                end.map(|end| (connected, end))
            }
            Err(failure) => Err(failure),
        };
        match result {
            Ok((connected, end)) => {
                source = Some(connected);
                status.set_end(end);
                status.last_probe.set(shared.clock.now_ms());
                shared.hub.set_kafka_end(partition, end);
            }
            Err(failure) => {
                shared.counters.lag_poll_failures.inc();
                tracing::debug!(partition, error = %failure, "probing the end failed");
            }
        }
        tokio::time::sleep(interval).await;
    }
}

async fn rebuild(shared: &Shared, kafka: &Kafka, generation: u64) {
    if kafka.forget(generation).await {
        shared.counters.client_rebuilds.inc();
        tracing::info!("starting over from the bootstrap brokers");
    }
}

fn count(shared: &Shared, failure: &Failure) {
    shared.counters.fetch_failures.inc();
    shared.counters.kafka_errors.inc(failure.kind());
    shared.counters.last_kafka_error.set(shared.clock.now_ms());
}
