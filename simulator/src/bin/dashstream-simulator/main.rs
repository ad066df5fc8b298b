//! `dashstream-simulator`: simulated agent runs, or a capture, into Kafka or a file.
//!
//! One line of JSON at the end says what was delivered; everything else goes to standard error.
//! Exit code 0 also after SIGTERM or Ctrl-C, 1 when something failed, 2 for wrong usage.

#![forbid(unsafe_code)]
#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic where nobody reads"
)]

mod args;
mod delivery;
mod dump;
mod error;
mod kafka;
mod source;
mod summary;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;

use args::Args;
use delivery::{Delivery, Stop};
use dump::DumpFile;
use error::Error;
use kafka::Target;
use source::Source;
use summary::Summary;

/// Partitions of a file, and of nothing else, unless told otherwise.
const DUMP_PARTITIONS: u32 = 4;

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
    let said = writeln!(io::stdout(), "{}", summary.json(since.elapsed()));
    let said = said.or_else(|error| {
        // Whoever started it does not want to know.
        if error.kind() == io::ErrorKind::BrokenPipe {
            Ok(())
        } else {
            Err(format!("stdout: {error}"))
        }
    });
    match outcome.map_err(|error| error.to_string()).and(said) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("dashstream-simulator: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A line on stderr, which may be full or closed: that decides no exit code.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
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
        let topic = &target.topic;
        say(&format!(
            "producing to {topic} ({found} partitions) at {brokers}"
        ));
        Delivery::new(&target, found, args.dump.as_deref())?
            .run(source, args.count, stop, summary)
            .await
    })
}
