//! `dashstream record`: what a relay delivers, into a capture file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use decode_core::capture::CaptureWriter;
use decode_core::frame::Frame;
use serde_json::json;
use session::control::Welcome;

use crate::follow::{self, FollowArgs, Watcher};
use crate::outcome::{Failure, Outcome, concluded};
use crate::output::write_line;
use crate::utc::utc;

/// Record what a relay delivers into a capture file, gaps and rejects included
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    follow: FollowArgs,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let name = args.output.display().to_string();
    let mut options = OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let file = match options.open(&args.output) {
        Ok(file) => file,
        Err(_) if args.output.is_dir() => {
            let text = "is a folder; give the name of a file";
            return Err(Failure::Io(format!("{name}: {text}")));
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Failure::Io(format!(
                "{name} already exists; use --force to overwrite it"
            )));
        }
        Err(error) => return Err(Failure::Io(format!("{name}: {error}"))),
    };
    let mut recording = Recording {
        name,
        file,
        writer: None,
        namespace: String::new(),
        buffer: Vec::new(),
        block_closed: Instant::now(),
    };
    let followed = follow::run(&args.follow, &mut recording);
    if recording.writer.is_none() {
        // Nothing was heard; an empty file would stand in the way of the next try.
        let _ = std::fs::remove_file(&args.output);
    }
    // What was received is kept, however it ended.
    let finished = recording.finish();
    let followed = followed?;
    finished?;
    let totals = &followed.totals;
    let (records, gaps, rejects) = (totals.records, totals.gaps, totals.rejects);
    say!("dashstream: recorded {records} records, {rejects} rejects, {gaps} gaps");
    let written = if args.follow.digest {
        write_line(&mut io::stdout(), totals)
    } else {
        Ok(())
    };
    concluded(written, followed.outcome())
}

struct Recording {
    name: String,
    file: File,
    /// Begun by the first greeting, which says what is being recorded.
    writer: Option<CaptureWriter>,
    namespace: String,
    buffer: Vec<u8>,
    block_closed: Instant,
}

impl Watcher for Recording {
    fn welcome(&mut self, welcome: &Welcome) -> Result<(), Failure> {
        if self.writer.is_some() {
            if self.namespace != welcome.namespace {
                let text = "the relay serves a different topic or cluster than at the start";
                return Err(Failure::Io(text.to_owned()));
            }
            return Ok(());
        }
        self.namespace.clone_from(&welcome.namespace);
        let metadata = json!({
            "writer": concat!("dashstream ", env!("CARGO_PKG_VERSION")),
            "startedAt": utc(now_ms()),
            "namespace": welcome.namespace,
            "topic": welcome.topic,
            "relayVersion": welcome.relay_version,
            "mode": welcome.mode,
        });
        let writer = CaptureWriter::new(&metadata.to_string());
        self.writer = Some(writer.map_err(|error| self.failed(&error))?);
        self.write()
    }

    fn frame(&mut self, _frame: &Frame<'_>, raw: &[u8]) -> Result<(), Failure> {
        let added = self
            .writer
            .as_mut()
            .map_or(Ok(()), |writer| writer.frames(raw));
        added.map_err(|error| self.failed(&error))
    }

    /// A recording keeps records as they came and decodes none.
    fn undecodable(&self) -> u64 {
        0
    }

    fn flush(&mut self) -> Result<(), Failure> {
        // A crash costs what came since the last whole block.
        if self.block_closed.elapsed() >= BLOCK_AGE_MAX {
            self.block_closed = Instant::now();
            let closed = self
                .writer
                .as_mut()
                .map_or(Ok(()), CaptureWriter::close_block);
            closed.map_err(|error| self.failed(&error))?;
        }
        self.write()
    }
}

impl Recording {
    fn write(&mut self) -> Result<(), Failure> {
        if let Some(writer) = &mut self.writer {
            writer.take(&mut self.buffer);
        }
        self.file
            .write_all(&self.buffer)
            .map_err(|error| self.failed(&error))?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        let end = writer.finish().map_err(|error| self.failed(&error))?;
        let written = self
            .file
            .write_all(&end)
            .and_then(|()| self.file.sync_all());
        written.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::Io(format!("{}: {error}", self.name))
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A block is closed when its oldest frame may be this old.
const BLOCK_AGE_MAX: Duration = Duration::from_secs(1);
