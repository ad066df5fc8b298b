//! Reading from Kafka: the relay with everything it does to a record, beside libraries that read the same
//! topic and throw it away; and the relay's memory while many records pass through it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use dashstream_e2e::{
    java::JavaClient,
    kafka::{Kafka, unique},
    payload,
    producer::{Input, Topic, now_ms},
    relay::Relay,
};
use decode_core::wire;

use crate::{
    discard::{self, Library},
    picture::{self, Sample},
    process::{Cost, cpu_seconds, resident_bytes},
    report,
};

/// What to measure, and how long.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Ingest {
    /// Repetitions of each figure, of which the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Size of the corpora, in percent of those of `bench decode`.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    percent: u32,
    /// Only this corpus, by the beginning of its name in the table.
    #[arg(long)]
    only: Option<String>,
    /// Records that pass through the relay while its memory is watched; 0 leaves that out.
    #[arg(long, default_value_t = 10_000_000)]
    memory_records: u64,
    /// Where the picture of the memory goes.
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Document whose table is to be replaced.
    #[arg(long)]
    document: Option<PathBuf>,
}

impl Ingest {
    fn takes(&self, corpus: &Corpus) -> bool {
        let name = self.only.as_deref().unwrap_or_default();
        corpus.name.starts_with(name)
    }
}

/// What a topic is filled with.
#[derive(Debug)]
struct Corpus {
    name: &'static str,
    /// Which of those of `bench decode`.
    file: &'static str,
    /// Only payloads that their producer did not compress.
    plain: bool,
    /// The topic's own compression.
    compression: &'static str,
    /// The bar: records per processor second, as a share of the floor's.
    share_min: f64,
    /// How many times the given size. What is read in less than a second is measured with its start.
    times: u32,
}

/// One corpus, read by three.
#[derive(Debug)]
struct Row {
    corpus: &'static Corpus,
    records: u64,
    bytes: u64,
    relay: Cost,
    rskafka: Cost,
    /// rskafka, and each value decompressed by libzstd.
    floor: Cost,
    librdkafka: Cost,
    /// The least and the greatest share of a round.
    spread: (f64, f64),
}

impl Row {
    /// Records per processor second, the relay's as a share of the floor's.
    fn share(&self) -> f64 {
        self.floor.cpu_seconds / self.relay.cpu_seconds
    }

    fn meets_the_bar(&self) -> bool {
        self.share() >= self.corpus.share_min
            && self.spread.0 >= SHARE_OF_A_ROUND_MIN * self.corpus.share_min
    }
}

/// Measures, prints, and says whether the bar is met; `None` where a part is missing.
pub(crate) fn run(options: &Ingest) -> Option<bool> {
    let kafka = Kafka::start("bench-ingest")?;
    let mut rows = Vec::new();
    for corpus in CORPORA.iter().filter(|one| options.takes(one)) {
        let folder = generated(corpus, options.percent * corpus.times);
        rows.push(compare(&kafka, &folder, corpus, options.rounds.max(1))?);
    }
    let memory = if options.memory_records > 0 {
        Some(memory(&kafka, options.memory_records)?)
    } else {
        None
    };
    let text = table(&rows, memory.as_deref());
    println!("{text}");
    if let (Some(path), Some(curve)) = (&options.picture, &memory) {
        fs::write(path, picture::memory(curve)).expect("the picture can be written");
        println!("written to {}", path.display());
    }
    if let Some(document) = &options.document {
        report::replace_in(document, "ingest", &text);
        println!("written to {}", document.display());
    }
    Some(bar_is_met(&rows))
}

/// Payloads as `bench decode` reads them, more of them, and kept from one run to the next.
fn generated(corpus: &Corpus, percent: u32) -> PathBuf {
    let folder = PathBuf::from(format!("target/bench/ingest-{}-{percent}", corpus.file));
    if !folder.join("manifest.json").exists() {
        say("generating a corpus, up to a few minutes");
        let python = std::env::var_os("DASHSTREAM_PYTHON").expect("xtask sets DASHSTREAM_PYTHON");
        let status = Command::new(python)
            .arg("bench/corpus/generate.py")
            .arg(&folder)
            .args(["--percent", &percent.to_string(), "--only", corpus.file])
            .status()
            .expect("Python can be started");
        assert!(status.success(), "the corpora cannot be generated");
    }
    folder
}

fn compare(kafka: &Kafka, folder: &Path, corpus: &'static Corpus, rounds: usize) -> Option<Row> {
    let name = unique("bench-ingest");
    let setting = format!("compression.type={}", corpus.compression);
    JavaClient::start(kafka.brokers())?.create_topic(&name, PARTITIONS, &[&setting]);
    let topic = Topic::open(kafka.brokers(), &name, PARTITIONS);
    let file = folder.join(corpus.file).with_extension("bin");
    let (records, bytes) = fill(&topic, &file, corpus.plain);
    say(&format!(
        "{}: {records} records, {} MB",
        corpus.name,
        bytes / 1_000_000
    ));
    let discard = |library, decompress| {
        let topic = (kafka.brokers(), &*name);
        discard::measure(library, topic, PARTITIONS, records, decompress)
    };
    let (mut relays, mut alone, mut floors, mut theirs) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        alone.push(discard(Library::Rskafka, false));
        // Nothing in a value to decompress: the same again would only be noise.
        floors.push(match corpus.plain {
            true => *alone.last().expect("just measured"),
            false => discard(Library::Rskafka, true),
        });
        theirs.push(discard(Library::Librdkafka, false));
        relays.push(relay(kafka, &topic, records)?);
    }
    let shares = floors.iter().zip(&relays);
    let shares = shares.map(|(floor, relay)| floor.cpu_seconds / relay.cpu_seconds);
    let spread = shares.fold((f64::MAX, 0.0), |(low, high), one| {
        (one.min(low), one.max(high))
    });
    let row = Row {
        corpus,
        records,
        bytes,
        relay: report::median(relays),
        rskafka: report::median(alone),
        floor: report::median(floors),
        librdkafka: report::median(theirs),
        spread,
    };
    say(&format!(
        "{}: {:.0} % of the floor",
        corpus.name,
        row.share() * 100.0
    ));
    Some(row)
}

/// What the relay needs from its start until the whole topic is in its log.
fn relay(kafka: &Kafka, topic: &Topic, records: u64) -> Option<Cost> {
    let begun = Instant::now();
    let relay = Relay::launch(kafka.brokers(), topic.name(), RELAY_OPTIONS)?;
    let ended = begun + READ_MAX;
    while relay.metrics().sum("dashstream_relay_log_head_offset", &[]) < records as f64 {
        assert!(Instant::now() < ended, "the relay does not read the topic");
        // Each look costs the relay a few milliseconds, which are none of reading.
        thread::sleep(Duration::from_millis(200));
    }
    Some(Cost {
        cpu_seconds: cpu_seconds(relay.pid()),
        wall_seconds: begun.elapsed().as_secs_f64(),
    })
}

/// Puts the payloads of a file into the topic, in turn over its partitions.
fn fill(topic: &Topic, file: &Path, plain: bool) -> (u64, u64) {
    let content = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (mut rest, mut batch, mut batch_bytes) = (&*content, Vec::new(), 0);
    let (mut records, mut bytes, mut partition) = (0, 0, 0);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (value, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        rest = after;
        if !plain || value.first() == Some(&wire::FRAME_RAW) {
            records += 1;
            bytes += value.len() as u64;
            batch_bytes += value.len();
            batch.push(input(value.to_vec()));
        }
        if batch_bytes >= BATCH_BYTES || rest.is_empty() {
            let _offsets = topic.produce_batch(partition, std::mem::take(&mut batch));
            partition = (partition + 1) % PARTITIONS;
            batch_bytes = 0;
        }
    }
    (records, bytes)
}

/// Resident memory of the relay, sampled while records are produced and read at the same time.
fn memory(kafka: &Kafka, records: u64) -> Option<Vec<Sample>> {
    let topic = kafka.topic("bench-memory", PARTITIONS);
    let relay = Relay::start(kafka.brokers(), topic.name(), MEMORY_OPTIONS)?;
    say(&format!("memory over {records} records"));
    let sample = |read: f64| Sample {
        records: read as u64,
        bytes: resident_bytes(relay.pid()),
    };
    let read = || relay.metrics().sum("dashstream_relay_log_head_offset", &[]);
    let mut curve = vec![sample(0.0)];
    let step = (records / SAMPLES).max(1);
    let (mut produced, mut next_sample) = (0_u64, step);
    let mut partition = 0;
    while produced < records {
        let count = (records - produced).min(MEMORY_BATCH_RECORDS);
        let batch = (produced..produced + count).map(|number| {
            // One thread a batch of numbers: threads come and go as those of real runs do.
            let thread = format!("thread-{}", number / MEMORY_RECORDS_PER_THREAD);
            let sequence = number % MEMORY_RECORDS_PER_THREAD + 1;
            input(payload::event_of_len(
                &thread,
                sequence,
                MEMORY_PAYLOAD_BYTES,
            ))
        });
        let _offsets = topic.produce_batch(partition, batch.collect());
        partition = (partition + 1) % PARTITIONS;
        produced += count;
        if produced >= next_sample {
            next_sample += step;
            curve.push(sample(read()));
        }
    }
    let ended = Instant::now() + READ_MAX;
    while read() < records as f64 {
        assert!(Instant::now() < ended, "the relay does not read the topic");
        thread::sleep(Duration::from_millis(200));
    }
    curve.push(sample(read()));
    Some(curve)
}

fn input(value: Vec<u8>) -> Input {
    Input {
        key: b"bench".to_vec(),
        value: Some(value),
        timestamp_ms: now_ms(),
    }
}

fn table(rows: &[Row], memory: Option<&[Sample]>) -> String {
    let mut lines = vec![report::origin(), String::new()];
    lines.extend(HEAD.map(str::to_owned));
    for row in rows {
        let records = row.records as f64;
        let rate = |cost: &Cost| records / cost.cpu_seconds;
        lines.push(format!(
            "| {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} % ({:.0} to {:.0}) | {:.0} % |",
            row.corpus.name,
            row.bytes / row.records,
            rate(&row.relay),
            row.bytes as f64 / row.relay.cpu_seconds / 1e6,
            records / row.relay.wall_seconds,
            rate(&row.rskafka),
            rate(&row.floor),
            rate(&row.librdkafka),
            row.share() * 100.0,
            row.spread.0 * 100.0,
            row.spread.1 * 100.0,
            row.corpus.share_min * 100.0,
        ));
    }
    lines.push(String::new());
    let verdict = if bar_is_met(rows) { "met" } else { "MISSED" };
    lines.push(format!(
        "Bar (the median at least the share in the last column, no round under three quarters of it): {verdict}."
    ));
    if let Some([first, .., last]) = memory {
        let curve = memory.unwrap_or_default();
        let mega = |bytes: u64| bytes as f64 / 1e6;
        let after = curve.iter().skip(curve.len() / 10).map(|one| one.bytes);
        let (low, high) = (after.clone().min().unwrap_or(0), after.max().unwrap_or(0));
        lines.push(String::new());
        lines.push(format!(
            "Memory over {} records: {:.0} MB at the start; after the first tenth between {:.0} and {:.0} MB; \
             {:.0} MB at the end.",
            last.records,
            mega(first.bytes),
            mega(low),
            mega(high),
            mega(last.bytes),
        ));
    }
    lines.join("\n")
}

fn bar_is_met(rows: &[Row]) -> bool {
    rows.iter().all(Row::meets_the_bar)
}

fn say(text: &str) {
    eprintln!("bench: {text}");
}

const HEAD: [&str; 2] = [
    "| corpus | bytes each | relay: records per CPU s | MB per CPU s | records a second | rskafka per CPU s | with libzstd: the floor | librdkafka per CPU s | relay of the floor | bar |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
];
const CORPORA: [Corpus; 5] = [
    Corpus {
        name: "small, uncompressed",
        file: "small",
        plain: true,
        compression: "producer",
        share_min: 1.0,
        times: 3,
    },
    Corpus {
        name: "small, batches that Kafka compressed",
        file: "small",
        plain: true,
        compression: "zstd",
        share_min: 1.0,
        times: 3,
    },
    Corpus {
        name: "small",
        file: "small",
        plain: false,
        compression: "producer",
        share_min: 0.6,
        times: 1,
    },
    Corpus {
        name: "batch",
        file: "batch",
        plain: false,
        compression: "producer",
        share_min: 0.6,
        times: 1,
    },
    Corpus {
        name: "checkpoint",
        file: "checkpoint",
        plain: false,
        compression: "producer",
        share_min: 0.6,
        times: 1,
    },
];
/// Of the bar, for the worst round.
const SHARE_OF_A_ROUND_MIN: f64 = 0.75;
const PARTITIONS: u32 = 4;
/// As in a relay that has run for a while, the log is soon full and gives its memory back.
const RELAY_OPTIONS: &[&str] = &["--log-bytes-max", "64M"];
/// Small, so that the log is full early and what grows after that grows elsewhere.
const MEMORY_OPTIONS: &[&str] = &["--log-bytes-max", "64M"];
const MEMORY_PAYLOAD_BYTES: usize = 300;
const MEMORY_BATCH_RECORDS: u64 = 1_600;
const MEMORY_RECORDS_PER_THREAD: u64 = 50;
const SAMPLES: u64 = 200;
/// Well under the 1 MiB a broker takes by default; a single payload may be larger.
const BATCH_BYTES: usize = 500_000;
const READ_MAX: Duration = Duration::from_secs(600);
