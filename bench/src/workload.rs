//! The whole run: a broker, topics of two sizes, a relay for each, and every measurement on them.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use dashstream_e2e::{
    java::JavaClient,
    kafka::{Kafka, unique},
    payload,
    producer::{Input, Topic, now_ms},
    relay::Relay,
};
use decode_core::wire::{FRAME_HEADER_LEN, MESSAGE_BYTES_TARGET};
use tokio::runtime::Runtime;

use crate::{
    fanout,
    live::{self, Live},
    memory,
    process::{Cost, cpu_seconds},
    report,
};

/// What to measure, and how long.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Fanout {
    /// Repetitions of each figure, of which the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Share of the full amount of work, in percent. Less than 100 is for trying things out.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    percent: u64,
    /// Seconds of each live measurement.
    #[arg(long, default_value_t = 20)]
    latency_seconds: u64,
    /// Only what is read from memory, as fast as possible.
    #[arg(long)]
    replay_only: bool,
    /// Where the picture goes.
    #[arg(long)]
    pub(crate) picture: Option<PathBuf>,
    /// Document whose table is to be replaced.
    #[arg(long)]
    pub(crate) document: Option<PathBuf>,
}

/// Everything measured.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) rows: Vec<Row>,
    pub(crate) ingest: Vec<Ingest>,
    pub(crate) live: Vec<Live>,
    pub(crate) idle_bytes: f64,
}

/// Fan-out of one payload size to one number of clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) payload_bytes: usize,
    pub(crate) clients: usize,
    /// Records read by all clients together.
    pub(crate) deliveries: u64,
    pub(crate) relay: Cost,
    /// The cheapest of the floor's sizes of a write.
    pub(crate) floor: Cost,
    pub(crate) floor_write_bytes: usize,
}

/// What reading the topic cost the relay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ingest {
    pub(crate) payload_bytes: usize,
    pub(crate) records: u64,
    pub(crate) cost: Cost,
}

impl Row {
    pub(crate) fn ratio(&self) -> f64 {
        self.relay.cpu_seconds / self.floor.cpu_seconds
    }

    fn meets_the_bar(&self) -> bool {
        self.ratio() <= RATIO_MAX
    }
}

impl Figures {
    /// Live and from memory, the relay may cost at most so many times the floor; and what arrives live may be
    /// at most so many times as old as with rskafka alone.
    pub(crate) fn bar_is_met(&self) -> bool {
        let live = |one: &Live| {
            one.ratio() <= RATIO_MAX && one.age_ratio().is_none_or(|ratio| ratio <= AGE_RATIO_MAX)
        };
        self.rows.iter().all(Row::meets_the_bar) && self.live.iter().all(live)
    }
}

/// All measurements, or `None` where a part is missing.
pub(crate) fn run(options: &Fanout) -> Option<Figures> {
    let kafka = Kafka::start("bench")?;
    let runtime = Runtime::new().expect("a runtime can be started");
    let mut figures = Figures {
        rows: Vec::new(),
        ingest: Vec::new(),
        live: Vec::new(),
        idle_bytes: 0.0,
    };
    for size in SIZES {
        fan_out(&kafka, &runtime, options, size, &mut figures)?;
    }
    if !options.replay_only {
        quiet(&kafka, &runtime, options, &mut figures)?;
    }
    Some(figures)
}

fn fan_out(
    kafka: &Kafka,
    runtime: &Runtime,
    options: &Fanout,
    size: &Size,
    figures: &mut Figures,
) -> Option<()> {
    let share = |count: u64| (count * options.percent / 100).next_multiple_of(PARTITIONS.into());
    let records = share(size.records);
    say(&format!(
        "{records} records of {} bytes into Kafka",
        size.payload_bytes
    ));
    let topic = kafka.topic("bench", PARTITIONS);
    fill(&topic, records, size.payload_bytes);
    let begun = Instant::now();
    let relay = Relay::launch(kafka.brokers(), topic.name(), RELAY_OPTIONS)?;
    let cost = wait_read(&relay, records, begun);
    figures.ingest.push(Ingest {
        payload_bytes: size.payload_bytes,
        records,
        cost,
    });
    for (clients, per_client) in size.clients {
        let per_client = share(*per_client);
        let bytes = bytes_of(per_client, size.payload_bytes);
        let mut rounds = Vec::new();
        for _ in 0..options.rounds.max(1) {
            let relay = fanout::relay(runtime, relay.pid(), relay.address(), *clients, per_client);
            rounds.push((relay, fanout::floors(runtime, *clients, bytes)));
        }
        let (relays, floors): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
        let (floor, floor_write_bytes) = fanout::best(&floors);
        let row = Row {
            payload_bytes: size.payload_bytes,
            clients: *clients,
            deliveries: per_client * *clients as u64,
            relay: report::median(relays),
            floor,
            floor_write_bytes,
        };
        say(&format!(
            "{clients} clients: {:.2} x the floor",
            row.ratio()
        ));
        figures.rows.push(row);
    }
    Some(())
}

/// Memory and latency, on a topic that is nearly empty.
fn quiet(kafka: &Kafka, runtime: &Runtime, options: &Fanout, figures: &mut Figures) -> Option<()> {
    let mut java = JavaClient::start(kafka.brokers())?;
    let name = unique("latency");
    java.create_topic(&name, PARTITIONS, &["message.timestamp.type=LogAppendTime"]);
    let topic = Topic::open(kafka.brokers(), &name, PARTITIONS);
    let relay = Relay::start(kafka.brokers(), &name, RELAY_OPTIONS)?;
    let at = (relay.pid(), relay.address());
    figures.idle_bytes = memory::per_idle_client(runtime, at, IDLE_CLIENTS);
    say(&format!("{:.0} bytes an idle client", figures.idle_bytes));
    let length = Duration::from_secs(options.latency_seconds.max(1));
    for size in SIZES {
        let what = (size.payload_bytes, options.rounds.max(1), length);
        let rows = live::measure(runtime, at, &topic, what);
        say(&format!("live: {rows:?}"));
        figures.live.extend(rows);
    }
    Some(())
}

fn fill(topic: &Topic, records: u64, payload_bytes: usize) {
    let each = records / u64::from(PARTITIONS);
    let batch_records = (FILL_BATCH_BYTES / payload_bytes) as u64;
    for partition in 0..PARTITIONS {
        let mut next = 0;
        while next < each {
            let count = (each - next).min(batch_records);
            let batch = (next..next + count).map(|n| Input {
                key: b"bench".to_vec(),
                value: Some(payload::event_of_len("bench", n, payload_bytes)),
                timestamp_ms: now_ms(),
            });
            next += topic.produce_batch(partition, batch.collect()).len() as u64;
        }
    }
}

/// Waits until the relay holds the whole topic, and tells what that cost from its start on.
fn wait_read(relay: &Relay, records: u64, begun: Instant) -> Cost {
    loop {
        let read = relay.metrics().sum("dashstream_relay_log_head_offset", &[]);
        if read >= records as f64 && relay.get("/ready").status == 200 {
            return Cost {
                cpu_seconds: cpu_seconds(relay.pid()),
                wall_seconds: begun.elapsed().as_secs_f64(),
            };
        }
        assert!(
            begun.elapsed() < READ_MAX,
            "the relay does not read the topic"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The bytes of that many frames, with the heads of the WebSocket messages they come in.
fn bytes_of(records: u64, payload_bytes: usize) -> u64 {
    let frame = (FRAME_HEADER_LEN + payload_bytes) as u64;
    let per_message = MESSAGE_BYTES_TARGET as u64 / frame;
    records * frame + records.div_ceil(per_message) * WEBSOCKET_HEAD_BYTES
}

fn say(text: &str) {
    eprintln!("bench: {text}");
}

/// One payload size, and how many records each of so many clients reads.
#[derive(Debug)]
struct Size {
    payload_bytes: usize,
    records: u64,
    clients: &'static [(usize, u64)],
}

const SIZES: &[Size] = &[
    Size {
        payload_bytes: 300,
        records: 1_000_000,
        clients: &[
            (1, 1_000_000),
            (10, 1_000_000),
            (100, 200_000),
            (1_000, 20_000),
            (5_000, 4_000),
        ],
    },
    Size {
        payload_bytes: 2_048,
        records: 200_000,
        clients: &[
            (1, 200_000),
            (10, 200_000),
            (100, 40_000),
            (1_000, 4_000),
            (5_000, 800),
        ],
    },
];
const IDLE_CLIENTS: usize = 1_000;
const PARTITIONS: u32 = 4;
/// Well under the 1 MiB a broker takes by default.
const FILL_BATCH_BYTES: usize = 500_000;
const RELAY_OPTIONS: &[&str] = &[
    "--log-bytes-max",
    "1G",
    "--max-connections",
    "6000",
    "--max-connections-per-ip",
    "6000",
    // A thousand saturated sockets on two cores: the kernel may leave one alone for seconds, and it is
    // throughput that is measured here, not who is given up.
    "--send-timeout-secs",
    "60",
];
const READ_MAX: Duration = Duration::from_secs(300);
/// A server's message of 126 to 65,535 bytes has this head.
const WEBSOCKET_HEAD_BYTES: u64 = 4;
const RATIO_MAX: f64 = 1.1;
const AGE_RATIO_MAX: f64 = 1.5;
