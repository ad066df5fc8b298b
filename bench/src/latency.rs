//! Latency at a moderate rate: from Kafka's own append time to the client's hands. Kafka counts whole
//! milliseconds, cut off, so that each figure is up to 1 ms too high. Beside the clients, rskafka alone reads
//! the same records of the same run.

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
use tokio::{runtime::Runtime, sync::Barrier, task::JoinSet, time::timeout};

use crate::{discard, fanout::connect_all, process::cpu_seconds, reader::Reader};

/// What is produced, and for how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) payload_bytes: usize,
    pub(crate) clients: usize,
    /// Records a second, in batches of [`BATCH_RECORDS`].
    pub(crate) per_second: u64,
    pub(crate) length: Duration,
}

impl Load {
    pub(crate) fn total(&self) -> u64 {
        (self.length.as_secs() * self.per_second).next_multiple_of(BATCH_RECORDS)
    }
}

/// One measurement.
#[derive(Debug)]
pub(crate) struct Latency {
    /// Records a second that were produced.
    pub(crate) rate: f64,
    /// Ages in ms, sorted.
    pub(crate) clients: Vec<f64>,
    /// The same for rskafka alone; nothing where it was not asked to read.
    pub(crate) rskafka: Vec<f64>,
    /// Processor seconds of the relay, reading from Kafka included.
    pub(crate) cpu_seconds: f64,
}

/// Produces for a while and lets the clients measure, and rskafka with them if `peer`.
pub(crate) fn measure(
    runtime: &Runtime,
    (pid, address): (u32, SocketAddr),
    topic: &Topic,
    load: Load,
    peer: bool,
) -> Latency {
    let readers = runtime
        .block_on(connect_all(address, load.clients))
        .expect("the relay accepts");
    let ready = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        let producer = scope.spawn({
            let ready = Arc::clone(&ready);
            move || produce(topic, load, &ready)
        });
        let (clients, rskafka, before) = runtime.block_on(async {
            let parties = load.clients + 1 + usize::from(peer);
            let barrier = Arc::new(Barrier::new(parties));
            let mut all = JoinSet::new();
            for reader in readers {
                all.spawn(ages(reader, load.total(), Arc::clone(&barrier)));
            }
            let named = (topic.brokers().to_owned(), topic.name().to_owned());
            let alone = peer.then(|| {
                tokio::spawn(discard::ages(
                    named,
                    topic.partitions(),
                    load.total(),
                    (age_ms, Arc::clone(&barrier)),
                ))
            });
            // A reader that ended instead would be waited for for ever.
            let all_wait = timeout(START_MAX, barrier.wait()).await;
            all_wait.expect("every reader is ready");
            let before = cpu_seconds(pid);
            ready.store(true, Ordering::Release);
            let samples = all.join_all().await.into_iter();
            let samples = samples.flat_map(|samples| samples.expect("the relay delivers"));
            let samples: Vec<f64> = samples.collect();
            let rskafka = match alone {
                Some(alone) => alone.await.expect("rskafka reads"),
                None => Vec::new(),
            };
            (samples, rskafka, before)
        });
        let rate = producer.join().expect("the producer works");
        Latency {
            rate,
            clients: sorted(clients),
            rskafka: sorted(rskafka),
            cpu_seconds: cpu_seconds(pid) - before,
        }
    })
}

async fn ages(mut reader: Reader, total: u64, barrier: Arc<Barrier>) -> std::io::Result<Vec<f64>> {
    reader.resume(json!({"from": "latest"})).await?;
    reader
        .read_control(decode_core::wire::control::REPLAY_COMPLETE)
        .await?;
    barrier.wait().await;
    let mut samples = Vec::new();
    reader
        .read_records(total, |time_ms| samples.push(age_ms(time_ms)))
        .await?;
    Ok(samples)
}

/// Small batches at an even rate; gives the rate reached.
fn produce(topic: &Topic, load: Load, ready: &AtomicBool) -> f64 {
    while !ready.load(Ordering::Acquire) {
        thread::sleep(Duration::from_millis(5));
    }
    let begun = Instant::now();
    let mut sent = 0;
    while sent < load.total() {
        let due = begun + Duration::from_micros(sent * 1_000_000 / load.per_second);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let partition = u32::try_from(sent / BATCH_RECORDS % u64::from(topic.partitions()));
        let batch = (sent..sent + BATCH_RECORDS).map(|n| Input {
            key: b"latency".to_vec(),
            value: Some(payload::event_of_len("latency", n, load.payload_bytes)),
            timestamp_ms: now_ms(),
        });
        let produced = topic.produce_batch(partition.expect("few partitions"), batch.collect());
        sent += produced.len() as u64;
    }
    sent as f64 / begun.elapsed().as_secs_f64()
}

/// How long ago a record was appended.
pub(crate) fn age_ms(time_ms: i64) -> f64 {
    let since = UNIX_EPOCH.elapsed().expect("after 1970");
    since.as_secs_f64() * 1e3 - time_ms as f64
}

fn sorted(mut samples: Vec<f64>) -> Vec<f64> {
    samples.sort_by(f64::total_cmp);
    samples
}

/// NaN without samples.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// Records of one batch, and so of one message to each client.
pub(crate) const BATCH_RECORDS: u64 = 2;
/// For thousands of clients to resume.
const START_MAX: Duration = Duration::from_secs(120);
