//! `dashstream replay`: a capture goes back into a Kafka topic, or to clients as from a relay.

mod held;
mod kafka;
mod log;
mod pace;
mod page;
mod serve;
mod worker;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, ValueEnum};
use dashstream_serve::HostName;

use crate::follow::seconds;
use crate::input::{Format, ModeArgs, Reading, Source};
use crate::outcome::{Failure, Outcome};
use pace::Pace;

/// Replay a capture: back into a Kafka topic, or to clients as a relay would serve it
///
/// Into Kafka each record keeps its partition, its timestamp, its key and its place in the order;
/// offsets are given by Kafka. Gaps, and refused records of which only the beginning was kept,
/// cannot be sent: they are counted, and the exit code is 3. With --serve everything in the file
/// is delivered at its place, read-only.
#[derive(clap::Args)]
#[command(group(ArgGroup::new("target").required(true).args(["brokers", "serve"])))]
pub(crate) struct Args {
    /// The capture: a file of `dashstream record`, or records as captured from DashFlow
    file: PathBuf,
    /// What the file holds
    #[arg(long, value_enum, default_value_t = CaptureFormat::Auto)]
    format: CaptureFormat,
    /// Send to the Kafka cluster with these bootstrap brokers
    #[arg(
        long,
        value_name = "HOST:PORT,..",
        value_delimiter = ',',
        requires = "topic"
    )]
    brokers: Vec<String>,
    /// The topic to send to; it must exist and have the partitions of the capture
    #[arg(long, value_name = "NAME", requires = "brokers")]
    topic: Option<String>,
    /// Give up (exit 1) when Kafka takes nothing for so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    timeout: Duration,
    /// Serve the session protocol here; without HOST on 127.0.0.1, port 0 is any free one. Nobody who reaches the
    /// port needs a token: an address that other machines reach needs --insecure-allow-anyone
    #[arg(long, value_name = "[HOST:]PORT", value_parser = address)]
    serve: Option<SocketAddr>,
    /// Serve the page from this folder too (web/dist once it was built)
    #[arg(long, value_name = "FOLDER", requires = "serve")]
    page: Option<PathBuf>,
    /// Also serve under this host name, in addition to IP addresses and localhost; may be given several times
    #[arg(long, value_name = "NAME", value_parser = host, requires = "serve")]
    allowed_host: Vec<HostName>,
    /// Let anyone who reaches the port see the whole capture, without a token
    #[arg(long, requires = "serve")]
    insecure_allow_anyone: bool,
    /// Stop serving after so many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds, requires = "serve")]
    duration: Option<Duration>,
    /// Keep the time between records, X times as fast
    #[arg(long, value_name = "X", value_parser = positive, conflicts_with = "rate")]
    speed: Option<f64>,
    /// So many records a second
    #[arg(long, value_name = "N", value_parser = positive)]
    rate: Option<f64>,
    /// Refuse a file that takes more memory than this (--serve, --speed and --rate hold it whole)
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "1G")]
    memory_max: u64,
    #[command(flatten)]
    mode: ModeArgs,
}

/// The formats that say where and when a record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CaptureFormat {
    /// Detected from the first bytes
    Auto,
    /// A file of `dashstream record`
    Capture,
    /// Records with partition, offset, time and key, as captured from DashFlow
    Dashflow,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let source = Source::File(args.file.clone());
    let reading = Reading::of(match args.format {
        CaptureFormat::Auto => Format::Auto,
        CaptureFormat::Capture => Format::Capture,
        CaptureFormat::Dashflow => Format::Dashflow,
    });
    let pace = match (args.speed, args.rate) {
        (Some(speed), _) => Pace::Speed(speed),
        (None, Some(rate)) => Pace::Rate(rate),
        (None, None) => Pace::Fast,
    };
    match (&args.serve, &args.topic) {
        (Some(address), _) => {
            guarded(*address, args.insecure_allow_anyone)?;
            let serving = serve::Serving {
                source,
                reading,
                address: *address,
                page: args.page.clone(),
                hosts: args.allowed_host.clone(),
                duration: args.duration,
                pace,
                memory_bytes_max: args.memory_max,
                mode: args.mode.mode(),
            };
            serving.run()
        }
        (None, topic) => {
            let target = kafka::Target {
                brokers: args.brokers.clone(),
                topic: topic.clone().unwrap_or_default(),
                patience: args.timeout,
            };
            worker::run(target, source, reading, pace, args.memory_max)
        }
    }
}

/// As for a relay without tokens: who lets in other machines says so.
fn guarded(address: SocketAddr, allows_anyone: bool) -> Result<(), Failure> {
    let host = address.ip();
    if host.to_canonical().is_loopback() || allows_anyone {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--serve {address}: {host} can be reached from other machines, and nobody would need a token: serve on \
         127.0.0.1, or let anyone see the capture with --insecure-allow-anyone"
    )))
}

fn host(text: &str) -> Result<HostName, String> {
    let mut hosts = HostName::parse_list(text)?;
    match (hosts.pop(), hosts.is_empty()) {
        (Some(host), true) => Ok(host),
        _ => Err("expected one host name".to_owned()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let full = match text.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => text.replacen("localhost:", "127.0.0.1:", 1),
    };
    full.parse()
        .map_err(|_| "neither a port nor an address with a port".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        Ok(_) => Err("not above 0".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(digits) if text.ends_with('K') => (digits, 10),
        Some(digits) if text.ends_with('M') => (digits, 20),
        Some(digits) => (digits, 30),
        None => (text, 0),
    };
    let bytes = digits.parse::<u64>().ok();
    bytes
        .and_then(|bytes| bytes.checked_mul(1 << shift))
        .ok_or_else(|| "not a size such as 1048576, 512K, 64M or 2G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        for (text, expected) in [
            ("3002", "127.0.0.1:3002"),
            ("localhost:0", "127.0.0.1:0"),
            ("[::1]:80", "[::1]:80"),
            ("0.0.0.0:80", "0.0.0.0:80"),
        ] {
            assert_eq!(address(text).map(|a| a.to_string()), Ok(expected.into()));
        }
        assert!(address("relay:80").is_err() && address("127.0.0.1").is_err());
        assert_eq!(size("7"), Ok(7));
        assert_eq!(size("64M"), Ok(64 << 20));
        for wrong in ["", "M", "1.5M", "-1", "99999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(positive("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "NaN", "inf", "x"] {
            assert!(positive(wrong).is_err(), "{wrong}");
        }
    }
}
