//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use dashstream_simulator::Scenario;

/// Produces simulated DashStream records, or plays a capture
#[derive(Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Kafka brokers, host:port, separated by commas
    #[arg(
        long,
        env = "KAFKA_BROKERS",
        required_unless_present = "dump",
        hide_env_values = true
    )]
    pub(crate) brokers: Option<String>,

    /// Topic to produce to; waited for, never created
    #[arg(long, env = "KAFKA_TOPIC", default_value = "dashstream-quality")]
    pub(crate) topic: String,

    /// Partitions the topic must have; for a file alone, the number to spread over (4)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) partitions: Option<u32>,

    /// Records a second, 0 for as fast as possible (simulation: 100; capture: as recorded)
    #[arg(long, value_parser = rate)]
    pub(crate) rate: Option<f64>,

    /// Decides every byte, given the same start time
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Stop after this time
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) length: Option<Duration>,

    /// Stop after so many records
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,

    /// Play this capture instead of simulating
    #[arg(long, value_name = "FILE")]
    pub(crate) capture: Option<PathBuf>,

    /// Play the capture again and again
    #[arg(long = "loop", requires = "capture")]
    pub(crate) repeats: bool,

    /// Give the capture's records their recorded timestamps instead of the present time
    #[arg(long, requires = "capture")]
    pub(crate) keep_timestamps: bool,

    /// Write the records to this file; with --brokers given too, those Kafka took, with offsets
    #[arg(long, value_name = "FILE")]
    pub(crate) dump: Option<PathBuf>,

    /// Only these scenarios, chosen by weight; may be given several times
    #[arg(long = "scenario", value_name = "NAME[=WEIGHT]", value_parser = scenario)]
    pub(crate) scenarios: Vec<(Scenario, u32)>,

    /// Share of records that something is wrong with
    #[arg(long, default_value_t = 0.002, value_parser = share)]
    pub(crate) bad_share: f64,

    /// Stretches the time that nodes work
    #[arg(long, default_value_t = 25.0, value_parser = rate)]
    pub(crate) work_scale: f64,

    /// Runs at the same time, with --rate 0
    #[arg(long, default_value_t = 64)]
    pub(crate) concurrency: u32,

    /// Start of virtual time, microseconds since 1970 (now; for a file 2026-01-01)
    #[arg(long, value_name = "MICROSECONDS")]
    pub(crate) start_us: Option<u64>,

    /// How long a batch may wait for more records
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub(crate) linger_ms: u64,

    /// How long to wait for the topic at the start, or for Kafka to take a batch
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) patience: Duration,
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
