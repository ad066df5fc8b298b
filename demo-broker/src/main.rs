//! `dashstream-demo-broker`: a small Kafka in memory, for the demo.
//!
//! The first line on standard output is `bootstrap=HOST:PORT`. The process ends with its standard input, so that it
//! cannot outlive whoever started it, and on SIGTERM or Ctrl-C.

#![forbid(unsafe_code)]
#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic where nobody reads"
)]

use std::{
    io::{self, Read as _, Write as _},
    net::Ipv4Addr,
    process::ExitCode,
    sync::Arc,
    thread,
};

use clap::Parser;
use dashstream_demo_broker::{Broker, TopicSpec, serve};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// A small Kafka broker in memory, for the demo
///
/// It speaks Kafka's protocol on loopback, and keeps the latest records of the topics it is given: no files, no
/// groups, no transactions. It prints bootstrap=HOST:PORT and ends when its standard input ends: in a shell keep that
/// open, as in `sleep infinity | dashstream-demo-broker --topic runs:4`.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Topic to create; may be given several times
    #[arg(long = "topic", value_name = "NAME:PARTITIONS", required = true)]
    topics: Vec<TopicSpec>,

    /// Port on loopback; by default a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Records kept of each partition, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    partition_mib: u16,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// A stderr that is full or closed decides nothing.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "dashstream-demo-broker: {text}");
}

fn run(args: Args) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await?;
        let address = listener.local_addr()?;
        let partition_bytes_max = usize::from(args.partition_mib) * 1024 * 1024;
        let broker = Broker::new(address, args.topics, partition_bytes_max);
        let mut terminate = signal(SignalKind::terminate())?;
        let input = input_ended();
        writeln!(io::stdout(), "bootstrap={address}")?;
        tokio::select! {
            () = serve(listener, Arc::new(broker), say) => {}
            _ = input => {}
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        Ok(())
    })
}

/// A thread of its own, because a blocked read of the runtime's would hold up the end of the process.
fn input_ended() -> oneshot::Receiver<()> {
    let (sender, ended) = oneshot::channel();
    thread::spawn(move || {
        let mut ignored = [0; 1024];
        while matches!(io::stdin().lock().read(&mut ignored), Ok(1..)) {}
        // Nobody waits any more when the process is ending already.
        let _ = sender.send(());
    });
    ended
}
