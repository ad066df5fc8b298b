//! Asks for a partition's end at intervals, on the connection for questions: lag is measured off the
//! path of the records, and an answer proves that the broker is there although nothing flows.

use std::{sync::Arc, time::Duration};

use super::{context::Context, status::Phase};
use crate::kafka::{Source, TopicReader};

/// Probes until it is dropped.
pub(super) async fn run(
    context: Context,
    kafka: Arc<TopicReader>,
    partition: u32,
    interval: Duration,
) {
    let status = context.status.partition(partition);
    let mut source = None;
    loop {
        if status.phase() == Phase::Gone {
            tokio::time::sleep(interval).await;
            continue;
        }
        let result = match source.take() {
            Some(source) => Ok(source),
            None => kafka.reader(partition).await,
        };
        let result = match result {
            Ok(mut connected) => {
                let end = Source::high_watermark(&mut connected).await;
                end.map(|end| (connected, end))
            }
            Err(failure) => Err(failure),
        };
        match result {
            Ok((connected, end)) => {
                source = Some(connected);
                status.set_end(end);
                status.last_probe.set(context.clock.now_ms());
                context.hub.set_kafka_end(partition, end);
            }
            Err(failure) => {
                context.counts.lag_poll_failures.inc();
                tracing::debug!(partition, error = %failure, "the request for the end offset failed");
            }
        }
        tokio::time::sleep(interval).await;
    }
}
