//! Peak memory of a relay that reads a topic of well compressed batches.

use std::{fs, time::Duration};

use rskafka::client::partition::Compression;

use crate::{
    kafka::Kafka,
    payload,
    producer::{Input, now_ms},
    relay::{Metrics, Relay},
};

/// What a topic holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Partitions.
    pub partitions: u32,
    /// How many times as large it is unpacked, roughly.
    pub ratio: u32,
    /// Megabytes unpacked, over all partitions.
    pub megabytes: u32,
}

/// What became of the relay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// `VmHWM` in bytes once all was read.
    pub bytes: u64,
    /// Resident memory before anything was read.
    pub idle_bytes: u64,
    /// The sum of `dashstream_relay_memory_bytes` once all was read.
    pub accounted_bytes: u64,
}

/// Bound on the log of the relay that is measured.
pub const LOG_BYTES: u64 = 64 * 1024 * 1024;
/// What it may take besides.
pub const BESIDES_BYTES: u64 = 200_000_000;

/// Bytes of a record.
const RECORD_BYTES: usize = 16 * 1024;
/// Records of a batch: 10 MB, the largest that brokers take without being asked for more when packed.
const BATCH_RECORDS: u32 = 600;
const PATIENCE: Duration = Duration::from_secs(600);

/// Fills a topic, lets a relay read it, and looks at its memory; `None` after saying SKIPPED.
///
/// # Panics
/// Where the relay does not read all of it.
#[must_use]
pub fn peak(kafka: &Kafka, case: Case) -> Option<Peak> {
    let name = format!("memory-{}-{}", case.partitions, case.ratio);
    let topic = kafka.topic(&name, case.partitions);
    let records = u64::from(case.megabytes) * 1_000_000 / RECORD_BYTES as u64;
    let each = records.div_ceil(u64::from(case.partitions)).max(1);
    let options = [
        format!("--log-bytes-max={LOG_BYTES}"),
        "--kafka-lag-check-interval-secs=1".to_owned(),
        "--kafka-metadata-interval-secs=1".to_owned(),
    ];
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let idle_bytes = {
        let empty = kafka.topic("memory-idle", 1);
        resident(
            &Relay::start(kafka.brokers(), empty.name(), &options)?,
            "VmRSS:",
        )
    };
    for partition in 0..case.partitions {
        let mut left = each;
        while left > 0 {
            let count = left.min(BATCH_RECORDS.into());
            let batch = (0..count)
                .map(|n| record(partition, n, case.ratio))
                .collect();
            let sent = topic.produce_packed(partition, batch, Compression::Zstd);
            assert_eq!(sent.len() as u64, count);
            left -= count;
        }
    }
    let mut relay = Relay::start(kafka.brokers(), topic.name(), &options)?;
    let total = (each * u64::from(case.partitions)) as f64;
    relay.wait_for("all records", PATIENCE, |relay| {
        relay
            .metrics()
            .sum("dashstream_messages_received_total", &[])
            >= total
    });
    let metrics: Metrics = relay.metrics();
    Some(Peak {
        bytes: resident(&relay, "VmHWM:"),
        idle_bytes,
        accounted_bytes: metrics.sum("dashstream_relay_memory_bytes", &[]) as u64,
    })
}

/// An event whose payload has one part in `ratio` that does not compress.
fn record(partition: u32, n: u64, ratio: u32) -> Input {
    let mut value = payload::event_of_len("memory", n + 1, RECORD_BYTES);
    let noise = RECORD_BYTES / ratio as usize;
    let mut state = (u64::from(partition) << 32 | n).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let end = value.len();
    for byte in value.iter_mut().skip(end.saturating_sub(noise)) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = b'a' + (state % 26) as u8;
    }
    Input {
        key: b"k".to_vec(),
        value: Some(value),
        timestamp_ms: now_ms(),
    }
}

fn resident(relay: &Relay, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", relay.pid()));
    let status = status.expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("the format of /proc/PID/status") * 1024
}
