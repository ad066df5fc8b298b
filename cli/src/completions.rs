//! `dashstream completions`: what a shell needs to complete commands and flags.

use std::io::{self, Write as _};

use clap::Command;
use clap_complete::Shell;

use crate::outcome::{Failure, Outcome};

/// Print a completion script for a shell
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: Command) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    io::stdout()
        .write_all(&script)
        .map_err(|error| Failure::stdout(&error))?;
    Ok(Outcome::Clean)
}
