//! Measurements of relay and decoder, run by `cargo xtask bench`. Each figure has a floor measured in the same
//! run on the same machine, because figures of different machines cannot be compared, but ratios can.

mod curves;
mod decode;
mod discard;
mod fanout;
mod fanout_table;
mod floor;
mod growth;
mod ingest;
mod latency;
mod live;
mod memory;
mod page;
mod picture;
mod process;
mod reader;
mod reading_memory;
mod report;
mod tool;
mod walk;
mod workload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures relay and decoder.
#[derive(Debug, Parser)]
#[command(name = "dashstream-bench", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One relay to many clients: throughput, processor time, memory, latency.
    Fanout(workload::Fanout),
    /// Decoding: natively, under Node and in Chromium, beside JavaScript and a floor.
    Decode(decode::Options),
    /// How admission grows with the size of a payload and the events of a batch.
    Growth(growth::Growth),
    /// The page in Chromium, beside one without the module.
    Web(page::Options),
    /// Reading from Kafka, beside libraries that read and discard; memory over many records.
    Ingest(ingest::Ingest),
    /// Peak memory of the relay, by compression and number of partitions.
    Memory(reading_memory::Memory),
    /// The command line tool over a file of payloads, on one core and on two.
    Tool(tool::Options),
    /// The tool's floor: reads a file, decompresses and walks. Started by the others.
    #[command(hide = true)]
    Walk(tool::Walk),
    /// A reader that discards. Started by the others.
    #[command(hide = true)]
    Discard(discard::Discard),
    /// The floor's process: writes bytes to sockets. Started by the others.
    #[command(hide = true)]
    Floor(floor::Order),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Fanout(options) => fanout(&options),
        Command::Decode(options) => decode::command(&options),
        Command::Growth(options) => {
            growth::run(&options);
            ExitCode::SUCCESS
        }
        Command::Web(options) => page::command(&options),
        Command::Ingest(options) => verdict(ingest::run(&options)),
        Command::Memory(options) => verdict(reading_memory::run(&options)),
        Command::Tool(options) => verdict(tool::run(&options)),
        Command::Walk(order) => {
            tool::walk(&order);
            ExitCode::SUCCESS
        }
        Command::Discard(order) => discard::serve(&order),
        Command::Floor(order) => {
            floor::serve(&order);
            ExitCode::SUCCESS
        }
    }
}

fn fanout(options: &workload::Fanout) -> ExitCode {
    let Some(figures) = workload::run(options) else {
        return ExitCode::FAILURE;
    };
    let text = fanout_table::table(&figures);
    println!("{text}");
    if let Some(path) = &options.picture {
        let picture = fanout_table::picture(&figures.rows);
        std::fs::write(path, picture).expect("the picture can be written");
        println!("written to {}", path.display());
    }
    if let Some(document) = &options.document {
        report::replace_in(document, "fanout", &text);
        println!("written to {}", document.display());
    }
    verdict(Some(figures.bar_is_met()))
}

/// Whether the bar is met; `None` where nothing could be measured.
fn verdict(met: Option<bool>) -> ExitCode {
    match met {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => {
            eprintln!("the bar is missed");
            ExitCode::FAILURE
        }
        None => ExitCode::FAILURE,
    }
}
