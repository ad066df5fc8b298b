//! Peak memory of a relay that reads a topic of well compressed batches.

use std::{cell::Cell, fs, thread, time::Duration};

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
    /// Bound on the relay's log.
    pub log_bytes: u64,
}

/// What became of the relay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// `VmHWM` in bytes once all was read.
    pub bytes: u64,
    /// Resident memory before anything was read.
    pub idle_bytes: u64,
    /// Memory by its parts before anything was read.
    pub idle: Parts,
    /// The same at the moment when it was largest, as far as was looked.
    pub largest: Parts,
    /// The same once all was read and what was freed has gone back to the system.
    pub after: Parts,
}

/// What `dashstream_relay_memory_bytes` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// The sum.
    pub all: f64,
    /// What has a name of its own, and what the allocator keeps.
    pub named: f64,
}

impl Parts {
    fn of(metrics: &Metrics) -> Self {
        let name = "dashstream_relay_memory_bytes";
        let all = metrics.sum(name, &[]);
        let program = metrics.sum(name, &[("part", "program")]);
        Self {
            all,
            named: all - program,
        }
    }

    /// How much of the growth since then has a name.
    #[must_use]
    pub fn explained(self, idle: Self) -> f64 {
        (self.named - idle.named) / (self.all - idle.all)
    }
}

/// The usual bound on the log of the relay that is measured.
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
    let Case {
        partitions,
        ratio,
        log_bytes,
        ..
    } = case;
    let name = format!("memory-{partitions}-{ratio}-{log_bytes}");
    let topic = kafka.topic(&name, case.partitions);
    let records = u64::from(case.megabytes) * 1_000_000 / RECORD_BYTES as u64;
    let each = records.div_ceil(u64::from(case.partitions)).max(1);
    let options = [
        format!("--log-bytes-max={}", case.log_bytes),
        "--kafka-lag-check-interval-secs=1".to_owned(),
        "--kafka-metadata-interval-secs=1".to_owned(),
    ];
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let (idle_bytes, idle) = {
        let empty = kafka.topic("memory-idle", 1);
        let relay = Relay::start(kafka.brokers(), empty.name(), &options)?;
        (resident(&relay, "VmRSS:"), Parts::of(&relay.metrics()))
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
    let largest = Cell::new(Parts::default());
    relay.wait_for("all records", PATIENCE, |relay| {
        let metrics = relay.metrics();
        let parts = Parts::of(&metrics);
        if parts.all > largest.get().all {
            largest.set(parts);
        }
        metrics.sum("dashstream_messages_received_total", &[]) >= total
    });
    let bytes = resident(&relay, "VmHWM:");
    thread::sleep(GIVEN_BACK_AFTER);
    Some(Peak {
        bytes,
        idle_bytes,
        idle,
        largest: largest.get(),
        after: Parts::of(&relay.metrics()),
    })
}

/// Longer than the allocator keeps what was freed.
const GIVEN_BACK_AFTER: Duration = Duration::from_secs(8);

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
