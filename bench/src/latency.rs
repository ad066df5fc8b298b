//! Latency at a moderate rate: from Kafka's own append time to the client's hands. Kafka counts whole
//! milliseconds, cut off, so that each figure is up to 1 ms too high.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use dashstream_e2e::{
    payload,
    producer::{Input, Topic, now_ms},
};
use serde_json::json;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{fanout::connect_all, process::cpu_seconds};

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) clients: usize,
    /// Records a second that were produced.
    pub(crate) rate: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor seconds of the relay per million deliveries, reading from Kafka included.
    pub(crate) cpu_per_million: f64,
}

/// Produces for a while and lets `clients` measure.
pub(crate) fn measure(
    runtime: &Runtime,
    (pid, address): (u32, SocketAddr),
    topic: &Topic,
    clients: usize,
    length: Duration,
) -> Latency {
    let readers = runtime
        .block_on(connect_all(address, clients))
        .expect("the relay accepts");
    let ready = Arc::new(AtomicBool::new(false));
    let total = total(length);
    let (samples, rate, cpu) = thread::scope(|scope| {
        let producer = scope.spawn({
            let ready = Arc::clone(&ready);
            move || produce(topic, total, &ready)
        });
        let before = cpu_seconds(pid);
        let samples = runtime.block_on(async {
            let mut all = JoinSet::new();
            let barrier = Arc::new(tokio::sync::Barrier::new(clients + 1));
            for mut reader in readers {
                let barrier = Arc::clone(&barrier);
                all.spawn(async move {
                    reader.resume(json!({"from": "latest"})).await?;
                    reader
                        .read_control(decode_core::wire::control::REPLAY_COMPLETE)
                        .await?;
                    barrier.wait().await;
                    let mut samples = Vec::new();
                    reader
                        .read_records(total, |time_ms| samples.push(age_ms(time_ms)))
                        .await?;
                    std::io::Result::Ok(samples)
                });
            }
            barrier.wait().await;
            ready.store(true, Ordering::Release);
            let samples = all.join_all().await.into_iter();
            let samples = samples.map(|samples| samples.expect("the relay delivers"));
            samples.flatten().collect::<Vec<f64>>()
        });
        let rate = producer.join().expect("the producer works");
        (samples, rate, cpu_seconds(pid) - before)
    });
    let mut samples = samples;
    samples.sort_by(f64::total_cmp);
    let deliveries = samples.len() as f64;
    Latency {
        clients,
        rate,
        p50_ms: percentile(&samples, 50),
        p99_ms: percentile(&samples, 99),
        cpu_per_million: cpu / deliveries * 1e6,
    }
}

fn total(length: Duration) -> u64 {
    length.as_secs() * RATE_PER_SECOND
}

/// Small batches at an even rate; gives the rate reached.
fn produce(topic: &Topic, total: u64, ready: &AtomicBool) -> f64 {
    while !ready.load(Ordering::Acquire) {
        thread::sleep(Duration::from_millis(5));
    }
    let begun = Instant::now();
    let mut sent = 0;
    while sent < total {
        let due = begun + Duration::from_micros(sent * 1_000_000 / RATE_PER_SECOND);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let partition = u32::try_from(sent / BATCH_RECORDS % u64::from(topic.partitions()));
        let batch = (sent..sent + BATCH_RECORDS).map(|n| Input {
            key: b"latency".to_vec(),
            value: Some(payload::event_of_len("latency", n, 300)),
            timestamp_ms: now_ms(),
        });
        let produced = topic.produce_batch(partition.expect("few partitions"), batch.collect());
        sent += produced.len() as u64;
    }
    sent as f64 / begun.elapsed().as_secs_f64()
}

fn age_ms(time_ms: i64) -> f64 {
    let since = UNIX_EPOCH.elapsed().expect("after 1970");
    since.as_secs_f64() * 1e3 - time_ms as f64
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

const RATE_PER_SECOND: u64 = 500;
const BATCH_RECORDS: u64 = 2;
