//! `dashstream-simulator`: simulated agent runs, or a capture, into Kafka or a file.
//!
//! One line of JSON at the end says what was delivered; everything else goes to standard error.
//! Exit code 0 also after SIGTERM or Ctrl-C, 1 when something failed, 2 for wrong usage.

#![forbid(unsafe_code)]

mod delivery;
mod dump;
mod error;
mod kafka;
mod source;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use dashstream_simulator::Scenario;

use delivery::{Delivery, Stop};
use dump::DumpFile;
use error::Error;
use kafka::Target;
use source::Source;
use summary::Summary;

/// Partitions of a file, and of nothing else, unless told otherwise.
const DUMP_PARTITIONS: u32 = 4;
/// Produces simulated DashStream records, or plays a capture
#[derive(Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Kafka brokers, host:port, separated by commas
    #[arg(long, env = "KAFKA_BROKERS", required_unless_present = "dump")]
    brokers: Option<String>,

    /// Topic to produce to; waited for, never created
    #[arg(long, env = "KAFKA_TOPIC", default_value = "dashstream-quality")]
    topic: String,

    /// Partitions the topic must have; for a file alone, the number to spread over (4)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    partitions: Option<u32>,

    /// Records a second, 0 for as fast as possible (simulation: 100; capture: as recorded)
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,

    /// Decides every byte, given the same start time
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Stop after this time
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    length: Option<Duration>,

    /// Stop after so many records
    #[arg(long, value_name = "N")]
    count: Option<u64>,

    /// Play this capture instead of simulating
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,

    /// Play the capture again and again
    #[arg(long = "loop", requires = "capture")]
    repeats: bool,

    /// Give the capture's records their recorded timestamps instead of the present time
    #[arg(long, requires = "capture")]
    keep_timestamps: bool,

    /// Write the records to this file; with --brokers given too, those Kafka took, with offsets
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,

    /// Only these scenarios, chosen by weight; may be given several times
    #[arg(long = "scenario", value_name = "NAME[=WEIGHT]", value_parser = scenario)]
    scenarios: Vec<(Scenario, u32)>,

    /// Share of records that something is wrong with
    #[arg(long, default_value_t = 0.002, value_parser = share)]
    bad_share: f64,

    /// Stretches the time that nodes work
    #[arg(long, default_value_t = 25.0, value_parser = rate)]
    work_scale: f64,

    /// Runs at the same time, with --rate 0
    #[arg(long, default_value_t = 64)]
    concurrency: u32,

    /// Start of virtual time, microseconds since 1970 (now; for a file 2026-01-01)
    #[arg(long, value_name = "MICROSECONDS")]
    start_us: Option<u64>,

    /// How long a batch may wait for more records
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    linger_ms: u64,

    /// How long to wait for the topic at the start, or for Kafka to take a batch
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    patience: Duration,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let since = Instant::now();
    let mut summary = Summary::default();
    let outcome = match (&args.brokers, &args.dump) {
        (Some(brokers), _) => produce(&args, brokers, &mut summary),
        (None, Some(path)) => dump(&args, path, &mut summary),
        // clap asks for one of them.
        (None, None) => Ok(()),
    };
    println!("{}", summary.json(since.elapsed()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dashstream-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes records to a file, numbering each partition from 0.
fn dump(args: &Args, path: &Path, summary: &mut Summary) -> Result<(), Error> {
    let partitions = args.partitions.unwrap_or(DUMP_PARTITIONS);
    let mut offsets = std::collections::BTreeMap::<u32, u64>::new();
    let mut file = DumpFile::create(path)?;
    let since = Instant::now();
    for (number, record) in (0_u64..).zip(Source::open(args, partitions, false)?) {
        let is_over = args.length.is_some_and(|length| since.elapsed() >= length);
        if is_over || args.count.is_some_and(|count| number >= count) {
            break;
        }
        let offset = offsets.entry(record.partition).or_default();
        file.write(&record, *offset)?;
        summary.add(&record, i64::try_from(*offset).unwrap_or(i64::MAX));
        *offset += 1;
    }
    file.finish()
}

fn produce(args: &Args, brokers: &str, summary: &mut Summary) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let target = Arc::new(Target {
        brokers: brokers.to_owned(),
        topic: args.topic.clone(),
        patience: args.patience,
        linger: Duration::from_millis(args.linger_ms),
    });
    runtime.block_on(async {
        let mut stop = Stop::new(args.length)?;
        let found = tokio::select! {
            found = target.partitions() => found?,
            () = stop.wait() => return Ok(()),
        };
        if let Some(asked) = args.partitions.filter(|asked| *asked != found) {
            return Err(Error::Partitions {
                topic: target.topic.clone(),
                asked,
                found,
            });
        }
        let source = Source::open(args, found, true)?;
        eprintln!(
            "producing to {} ({found} partitions) at {brokers}",
            target.topic
        );
        Delivery::new(&target, found, args.dump.as_deref())?
            .run(source, args.count, stop, summary)
            .await
    })
}

fn rate(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=10_000_000.0).contains(&number) {
        Ok(number)
    } else {
        Err("must be between 0 and 10000000".to_owned())
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err("must be between 0 and 1".to_owned())
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|e| e.to_string())
}

fn scenario(text: &str) -> Result<(Scenario, u32), String> {
    let (name, weight) = text.split_once('=').unwrap_or((text, "1"));
    let weight = weight
        .parse()
        .map_err(|_| "the weight is not a number".to_owned())?;
    Scenario::from_name(name)
        .map(|scenario| (scenario, weight))
        .ok_or_else(|| {
            let names: Vec<_> = Scenario::ALL
                .iter()
                .map(|scenario| scenario.name())
                .collect();
            format!("there are {}", names.join(", "))
        })
}
