//! A Kafka broker as a throw-away process: librdkafka's mock cluster, for the demo and for tests
//! that need faults on demand.
//!
//! The first line on standard output is `bootstrap=HOST:PORT[,HOST:PORT..]`. Then each line on
//! standard input is a command (see [`command`]) and gets one line of answer, `ok ..` or
//! `error ..`. The process ends with its standard input, so that it cannot outlive whoever
//! started it, and on SIGTERM or Ctrl-C.
//!
//! It keeps at most 5 MiB or 100,000 batches a partition, in memory only, and does not wake a
//! waiting fetch: it is no measure of latency or durability.

#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic where nobody reads"
)]

mod command;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::str::FromStr;

use clap::Parser;
use rdkafka::mocking::MockCluster;
use tokio::sync::mpsc;

use command::{Cluster, Command};

/// Librdkafka's mock Kafka cluster as a process
///
/// It prints bootstrap=HOST:PORT, takes commands on standard input, and ends when that ends: in a
/// shell keep it open, as in `sleep infinity | dashstream-mock-broker`.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Topic to create; may be given several times
    #[arg(long = "topic", value_name = "NAME:PARTITIONS")]
    topics: Vec<TopicSpec>,

    /// Number of brokers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=16))]
    brokers: i32,
}

#[derive(Clone)]
struct TopicSpec {
    name: String,
    partitions: i32,
}

impl FromStr for TopicSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, partitions) = text.rsplit_once(':').ok_or("expected NAME:PARTITIONS")?;
        let partitions = partitions
            .parse()
            .map_err(|_| "PARTITIONS is not a number")?;
        if name.is_empty() || !(1..=10_000).contains(&partitions) {
            return Err("expected a name and 1 to 10000 partitions".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            partitions,
        })
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A stderr that is full or closed decides no exit code.
            let _ = writeln!(io::stderr(), "dashstream-mock-broker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let cluster = MockCluster::new(args.brokers)?;
    for topic in &args.topics {
        cluster.create_topic(&topic.name, topic.partitions, args.brokers.min(3))?;
    }
    answer(&format!("bootstrap={}", cluster.bootstrap_servers()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(&cluster, args.brokers))?;
    Ok(())
}

/// Answers commands until the input or the process is to end.
async fn serve(cluster: &Cluster, brokers: i32) -> std::io::Result<()> {
    let mut lines = input_lines();
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = terminate.recv() => None,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(line) = line else { return Ok(()) };
        if line.trim().is_empty() {
            continue;
        }
        let outcome = Command::parse(&line)
            .and_then(|command| command.apply(cluster, brokers).map_err(|e| e.to_string()));
        match outcome {
            Ok(()) => answer(&format!("ok {}", line.trim()))?,
            Err(reason) => answer(&format!("error {reason}"))?,
        }
    }
}

/// Lines of standard input. A thread of its own, because a blocked read of the runtime's would
/// hold up the end of the process.
fn input_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn answer(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
