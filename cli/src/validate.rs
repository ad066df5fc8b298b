//! `dashstream validate`: the verdict on every payload, the same that the relay and the browser
//! reach, as it is the same decoder.
//!
//! One thread reads and packs what it finds into chunks, every core judges chunks, and the main
//! thread prints in the order of the input. What is under way is bounded in bytes.

mod chunk;
mod pipeline;
mod progress;
mod verdict;

use std::io::{self, Write as _};

use crate::input::{InputArgs, ModeArgs};
use crate::outcome::{Failure, Outcome, concluded};
use pipeline::Pipeline;
use progress::Progress;
use verdict::Summary;

/// Check payloads: framing, compression, protobuf, limits
///
/// Without --json only what is not accepted is printed, then a summary. With --json each payload is
/// one object on a line of its own, and the last line is {"summary": ...}.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    mode: ModeArgs,
    /// One JSON object per payload
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let reading = args.input.reading()?;
    let sources = args.input.sources();
    let mut progress = Progress::new(&sources);
    let pipeline = Pipeline::start(sources, reading, args.mode.mode(), args.json);
    let mut out = io::stdout().lock();
    let mut summary = Summary::default();
    let mut unreadable = false;
    for done in pipeline {
        let mut done = done?;
        progress.clear_before(!done.out.is_empty() || !done.notices.is_empty());
        out.write_all(&done.out)
            .map_err(|error| Failure::stdout(&error))?;
        for notice in &done.notices {
            say!("{notice}");
        }
        if let Some(text) = &done.failure {
            unreadable = true;
            say!("dashstream: {text}");
        }
        summary.add(std::mem::take(&mut done.summary));
        progress.show(done.read_bytes, summary.payloads);
    }
    progress.clear_before(true);
    let written = summary
        .write(args.json, &mut out)
        .and_then(|()| out.flush());
    let outcome = if unreadable {
        Outcome::Unreadable
    } else {
        summary.outcome()
    };
    concluded(written, outcome)
}
