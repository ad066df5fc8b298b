//! Readers that only read: what a topic costs when nothing is done with its records. Each runs as a process
//! of its own, so that its processor time is that of reading alone.

use std::{
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use dashstream_relay::limits;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
};
use rskafka::client::{
    Client, ClientBuilder,
    partition::{OffsetAt, UnknownTopicHandling},
};

use tokio::sync::Barrier;

use crate::{
    process::{Cost, cpu_seconds},
    walk::Libzstd,
};

/// Whose code reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Library {
    /// The Kafka client of the given stack.
    Rskafka,
    /// The C library.
    Librdkafka,
}

/// What is read, and with what.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Discard {
    /// Which library reads.
    #[arg(long, value_enum)]
    library: Library,
    /// Bootstrap broker.
    #[arg(long)]
    brokers: String,
    /// The topic, read from its first record.
    #[arg(long)]
    topic: String,
    /// Its number of partitions.
    #[arg(long)]
    partitions: i32,
    /// Ends after so many records.
    #[arg(long)]
    records: u64,
    /// Each value is also decompressed by libzstd, where it is compressed.
    #[arg(long)]
    decompress: bool,
    /// Bytes asked for in one fetch of one partition; as the relay does if not given.
    #[arg(long, default_value_t = limits::FETCH_BYTES_DEFAULT as i32)]
    fetch_bytes: i32,
}

/// The child's side: reads, and prints what it cost since the process began.
pub(crate) fn serve(order: &Discard) -> ExitCode {
    let begun = Instant::now();
    let bytes = match order.library {
        Library::Rskafka => rskafka(order),
        Library::Librdkafka => librdkafka(order),
    };
    let cpu = cpu_seconds(std::process::id());
    println!("{bytes} {cpu} {}", begun.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

/// The parent's side: what reading the topic cost.
pub(crate) fn measure(
    library: Library,
    (brokers, topic): (&str, &str),
    partitions: u32,
    records: u64,
    decompress: bool,
) -> Cost {
    let program = std::env::current_exe().expect("a running program has a path");
    let name = library.to_possible_value().expect("no value is hidden");
    let output = Command::new(program)
        .args([
            "discard",
            "--library",
            name.get_name(),
            "--brokers",
            brokers,
        ])
        .args(["--topic", topic, "--partitions"])
        .arg(partitions.to_string())
        .args(["--records", &records.to_string()])
        .args(decompress.then_some("--decompress"))
        .stderr(Stdio::inherit())
        .output()
        .expect("this program can be started");
    assert!(output.status.success(), "{name:?} does not read the topic");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text
        .split_whitespace()
        .map(|word| word.parse().expect("a number"));
    let (_bytes, cpu_seconds, wall_seconds): (f64, f64, f64) = (
        numbers.next().expect("bytes"),
        numbers.next().expect("processor time"),
        numbers.next().expect("time"),
    );
    Cost {
        cpu_seconds,
        wall_seconds,
    }
}

/// As the relay's loops fetch: one connection to each partition, all at once.
fn rskafka(order: &Discard) -> u64 {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    runtime.block_on(async {
        let client = ClientBuilder::new(vec![order.brokers.clone()])
            .build()
            .await;
        let client = Arc::new(client.expect("the broker answers"));
        let mut readers = tokio::task::JoinSet::new();
        for partition in 0..order.partitions {
            readers.spawn(one_partition(
                Arc::clone(&client),
                order.topic.clone(),
                partition,
                (order.fetch_bytes, order.decompress),
            ));
        }
        let read = readers.join_all().await;
        let records: u64 = read.iter().map(|(records, _)| records).sum();
        assert_eq!(records, order.records, "rskafka reads every record");
        read.iter().map(|(_, bytes)| bytes).sum()
    })
}

async fn one_partition(
    client: Arc<Client>,
    topic: String,
    partition: i32,
    (fetch_bytes, decompress): (i32, bool),
) -> (u64, u64) {
    let mut zstd = decompress.then(Libzstd::new);
    let reader = client
        .partition_client(topic, partition, UnknownTopicHandling::Retry)
        .await
        .expect("the partition is there");
    let end = reader.get_offset(OffsetAt::Latest).await.expect("an end");
    let (mut next, mut records, mut bytes) = (0, 0, 0);
    while next < end {
        let fetched = reader.fetch_records(next, 1..fetch_bytes, WAIT_MS).await;
        let (batch, _) = fetched.expect("a fetch is answered");
        let Some(last) = batch.last() else { continue };
        next = last.offset + 1;
        records += batch.len() as u64;
        for value in batch.iter().filter_map(|one| one.record.value.as_ref()) {
            bytes += value.len() as u64;
            if let Some(zstd) = &mut zstd {
                std::hint::black_box(zstd.unwrap(value));
            }
        }
    }
    (records, bytes)
}

/// How old each record is when rskafka hands it over, from the end of the topic on; `barrier` is passed when
/// every partition is waited for.
pub(crate) async fn ages(
    (brokers, topic): (String, String),
    partitions: u32,
    records: u64,
    (age_ms, barrier): (fn(i64) -> f64, Arc<Barrier>),
) -> Vec<f64> {
    let client = ClientBuilder::new(vec![brokers]).build().await;
    let client = client.expect("the broker answers");
    let (samples, mut got) = tokio::sync::mpsc::unbounded_channel();
    let mut readers = tokio::task::JoinSet::new();
    for partition in 0..partitions {
        let partition = i32::try_from(partition).expect("few partitions");
        let reader = client
            .partition_client(topic.clone(), partition, UnknownTopicHandling::Retry)
            .await
            .expect("the partition is there");
        let mut next = reader.get_offset(OffsetAt::Latest).await.expect("an end");
        let samples = samples.clone();
        readers.spawn(async move {
            loop {
                let fetched = reader.fetch_records(next, 1..FETCH_BYTES, WAIT_MS).await;
                for one in fetched.expect("a fetch is answered").0 {
                    next = one.offset + 1;
                    let age = age_ms(one.record.timestamp.timestamp_millis());
                    if samples.send(age).is_err() {
                        return;
                    }
                }
            }
        });
    }
    drop(samples);
    barrier.wait().await;
    let mut all = Vec::new();
    while (all.len() as u64) < records {
        tokio::select! {
            age = got.recv() => all.push(age.expect("a reader")),
            // They read until they are stopped.
            Some(ended) = readers.join_next() => panic!("rskafka reads no more: {ended:?}"),
        }
    }
    readers.shutdown().await;
    all
}

fn librdkafka(order: &Discard) -> u64 {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &order.brokers)
        .set("group.id", "bench-discards")
        .set("enable.auto.commit", "false")
        .set("fetch.message.max.bytes", order.fetch_bytes.to_string())
        .create()
        .expect("a consumer can be made");
    let mut partitions = TopicPartitionList::new();
    for partition in 0..order.partitions {
        partitions
            .add_partition_offset(&order.topic, partition, Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&partitions).expect("partitions are taken");
    let (mut records, mut bytes) = (0, 0);
    while records < order.records {
        let Some(message) = consumer.poll(POLL_MAX) else {
            panic!("librdkafka gets nothing for {POLL_MAX:?}, after {records} records");
        };
        let message = message.expect("a record");
        records += 1;
        bytes += message.payload_len() as u64;
    }
    bytes
}

const WAIT_MS: i32 = 500;
const FETCH_BYTES: i32 = limits::FETCH_BYTES_DEFAULT as i32;
const POLL_MAX: Duration = Duration::from_secs(60);
