//! `dashstream`: what one looks at payloads and streams with, from a terminal or a script.
//!
//! One file per command. Results go to stdout, everything else to stderr, and this file alone
//! turns an outcome into an exit code.

#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic; use say! or write"
)]

/// A line on stderr. Unlike `eprintln!` it does not panic where stderr is full or closed: what is
/// said there never decides how a command ends.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod command_line;
mod completions;
#[cfg(test)]
mod docs;
mod follow;
mod input;
mod inspect;
mod link;
mod man;
mod outcome;
mod output;
mod record;
mod replay;
mod run;
mod runs;
mod tail;
mod truncated;
mod utc;
mod validate;
mod wire_tree;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::outcome::{Failure, Outcome};

#[derive(Parser)]
#[command(name = "dashstream", version, about, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Validate(validate::Args),
    Inspect(inspect::Args),
    Runs(runs::Args),
    Run(run::Args),
    Tail(tail::Args),
    Record(record::Args),
    Replay(replay::Args),
    Completions(completions::Args),
    Man(man::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => match command_line::without_secrets(&error, std::env::args_os()) {
            Some(text) => {
                say!("{}", text.trim_end());
                return ExitCode::from(2);
            }
            // With 2, or with 0 after the help.
            None => error.exit(),
        },
    };
    let outcome = match cli.command {
        Command::Validate(args) => validate::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Tail(args) => tail::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
    };
    match outcome {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(3),
        Ok(Outcome::Unreadable) => ExitCode::from(1),
        // Whoever reads our output has seen enough.
        Err(Failure::ReaderGone) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            say!("dashstream: {text}");
            ExitCode::from(2)
        }
        Err(failure) => {
            say!("dashstream: {failure}");
            ExitCode::from(1)
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0  everything was read and accepted
  1  something could not be read or written, or the relay or Kafka not reached
  2  the command line is wrong
  3  everything was read; rejected or truncated records, gaps or missing partitions were found
A reader that closes stdout before the end ends the command with 0.";
