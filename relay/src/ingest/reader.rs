//! Keeps one partition's loop going over failures and new connections.

use std::sync::Arc;

use super::{
    context::Context,
    failures::{self, Failures},
    partition::PartitionLoop,
    status::Phase,
};
use crate::{
    kafka::{Failure, TopicReader},
    limits,
};

/// Reads until it is dropped.
pub(super) async fn run(
    context: Context,
    kafka: Arc<TopicReader>,
    mut failures: Failures,
    mut reader: PartitionLoop,
) {
    let partition = reader.partition();
    let status = context.status.partition(partition);
    let mut missing = 0_u32;
    if let Some(checkpoints) = &context.checkpoints {
        let found = checkpoints.load(partition).await;
        reader.resume(found, checkpoints.progress(partition));
    }
    loop {
        let generation = kafka.generation();
        let failure = match kafka.reader(partition).await {
            Ok(mut source) => {
                let answered = || {
                    failures.succeed();
                    status.succeed();
                };
                reader.run(&mut source, answered).await
            }
            Err(failure) => failure,
        };
        let is_missing = matches!(failure, Failure::Absent) && is_gone(&kafka, partition).await;
        missing = if is_missing {
            missing.saturating_add(1)
        } else {
            0
        };
        if missing >= limits::MISSING_ANSWERS {
            if status.phase() != Phase::Gone {
                tracing::warn!(partition, "the topic does not have this partition");
                reader.vanish();
                status.set_phase(Phase::Gone);
            }
            tokio::time::sleep(failures.pause()).await;
            continue;
        }
        status.set_phase(Phase::Retrying);
        status.fail(&failure);
        failures::count(&context, &failure);
        let pause = failures.pause();
        tracing::warn!(partition, error = %failure, ?pause, "reading failed");
        failures.rebuild(&context, &kafka, generation, &failure);
        tokio::time::sleep(pause).await;
    }
}

/// Whether the topic is there without the partition. Kafka never takes one away, so it was recreated.
async fn is_gone(kafka: &TopicReader, partition: u32) -> bool {
    let known = kafka.partitions().await.ok().flatten();
    known.is_some_and(|known| !known.contains(&partition))
}
