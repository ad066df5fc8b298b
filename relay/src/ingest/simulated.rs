//! Simulated agent runs in place of a topic, for `dashstream-relay demo`. The records are those that the simulator
//! produces to Kafka; they are admitted, counted and served like Kafka's. There is no broker: what has left memory
//! cannot be read again, and every start begins at offset 0.

use std::{sync::Arc, time::Duration};

use dashstream_serve::Clock;
use dashstream_simulator::{Pace, SimConfig, SimRecord, Simulation, partition_of};
use tokio::time::{Instant, sleep_until};

use super::{
    admission::{Admission, Place},
    context::Context,
    sequence::Sequences,
    status::{PartitionStatus, Phase, TopicState},
};
use crate::{config::Config, kafka::Record};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// Records a second, on average.
    pub rate: u32,
    /// Another seed gives other runs.
    pub seed: u64,
}

/// Simulates until it is dropped.
pub async fn run(config: Config, context: Context, demo: Demo) {
    let sequences = Arc::new(Sequences::new(config.ingest.sequence_policy));
    let mut partitions: Vec<_> = (0..PARTITIONS)
        .map(|partition| Partition::begin(partition, &config, &sequences, context.clone()))
        .collect();
    context.status.succeed();
    context.status.set_topic(TopicState::Present);
    context.hub.set_settled();
    let begun = Instant::now();
    let start_us = u64::try_from(Clock::wall_ms()).unwrap_or(0) * 1_000;
    let mut records = Simulation::new(SimConfig {
        seed: demo.seed,
        start_us,
        pace: Pace::RecordsPerSecond(f64::from(demo.rate)),
        work_scale: WORK_SCALE,
        ..SimConfig::default()
    })
    .peekable();
    while let Some(next) = records.peek() {
        let since =
            |record: &SimRecord| Duration::from_micros(record.due_us.saturating_sub(start_us));
        let due = begun + since(next);
        // A few records at once: a segment for each would wake every client for each.
        sleep_until(due.max(Instant::now() + TICK)).await;
        let now = begun.elapsed();
        let ready = std::iter::from_fn(|| records.next_if(|record| since(record) <= now));
        let mut turn: Vec<Vec<SimRecord>> = partitions.iter().map(|_| Vec::new()).collect();
        for record in ready.take(TURN_RECORDS_MAX) {
            let partition = partition_of(&record.key, PARTITIONS);
            if let Some(own) = turn.get_mut(partition as usize) {
                own.push(record);
            }
        }
        for (partition, records) in partitions.iter_mut().zip(&turn) {
            partition.take(records);
        }
    }
}

struct Partition {
    partition: u32,
    end: u64,
    admission: Admission,
    status: Arc<PartitionStatus>,
    context: Context,
}

impl Partition {
    fn begin(
        partition: u32,
        config: &Config,
        sequences: &Arc<Sequences>,
        context: Context,
    ) -> Self {
        context.hub.expect_partition(partition);
        context.hub.add_partition(partition, 0, 0);
        let status = context.status.partition(partition);
        status.set_phase(Phase::Reading);
        status.set_catching_up(false);
        Self {
            partition,
            end: 0,
            admission: Admission::new(partition, config, Arc::clone(sequences)),
            status,
            context,
        }
    }

    fn take(&mut self, records: &[SimRecord]) {
        let now_ms = self.context.clock.now_ms();
        let records: Vec<_> = (self.end..)
            .zip(records)
            .map(|(offset, record)| Record {
                offset,
                timestamp_ms: record.timestamp_ms,
                key: Some(&record.key),
                value: record.value.as_deref(),
            })
            .collect();
        let mut rest = records.as_slice();
        while !rest.is_empty() {
            let place = Place {
                end: self.end,
                boundary: 0,
                now_ms,
                wall_us: Clock::wall_ms().saturating_mul(1_000),
                released: None,
                letters_max: usize::MAX,
            };
            let admitted = self.admission.segment(place, rest, &self.context.counts);
            if let Some(segment) = admitted.segment {
                self.end = segment.end();
                if let Err(error) = self.context.hub.append(segment) {
                    tracing::error!(self.partition, %error, "simulated records do not continue the log");
                }
            }
            // No policy keeps a demo from going on.
            rest = rest.get(admitted.taken.max(1)..).unwrap_or_default();
        }
        if !records.is_empty() {
            self.status.last_record.set(now_ms);
            self.context.counts.last_record.set(now_ms);
        }
        self.status.last_answer.set(now_ms);
        self.status.last_probe.set(now_ms);
        self.status.set_position(self.end);
        self.status.set_end(self.end);
        self.context.hub.set_kafka_end(self.partition, self.end);
    }
}

const PARTITIONS: u32 = 4;
/// As the simulator's own default: nodes work for seconds, so that there is something to watch.
const WORK_SCALE: f64 = 25.0;
const TICK: Duration = Duration::from_millis(20);
/// After a machine slept there may be many at once; others get their turn in between.
const TURN_RECORDS_MAX: usize = 1_000;
