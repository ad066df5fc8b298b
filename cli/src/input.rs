//! The files and pipes of a command line, and how they are read.

mod seek;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use decode_core::Mode;

use crate::command_line::shown_url;
use crate::outcome::Failure;

pub(crate) use inputs::{Content, EMPTY, Found, Item, Line, LineFormat, Lines, Place};
use inputs::{Input, Stop};

pub(crate) use self::seek::{Wanted, metadata, read_from};

/// Takes what an input holds.
pub(crate) type Visit<'a> = dyn FnMut(Found<'_>) -> Result<(), Failure> + 'a;

/// Calls `visit` with everything the source holds, in order.
///
/// An input that ends in the middle of something is an error, after what came before it was visited.
pub(crate) fn read(
    source: &Source,
    reading: Reading,
    visit: &mut Visit<'_>,
) -> Result<(), Failure> {
    let name = source.name();
    let failed = |text: String| Failure::Io(format!("{name}: {text}"));
    let reader = source.open().map_err(|error| failed(error.to_string()))?;
    let reading = inputs::Reading {
        format: reading.format.detected(),
        base64: reading.base64,
    };
    let mut input = Input::open(reader, reading).map_err(failed)?;
    let mut named = |found: Found<'_>| match found {
        Found::Notice(text) => visit(Found::Notice(&format!("{name}: {text}"))),
        Found::Item(_) | Found::Line(_) | Found::Mark(_) => visit(found),
    };
    loop {
        match input.step(&mut named) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(Stop::Input(text)) => return Err(failed(text)),
            Err(Stop::Visit(failure)) => return Err(failure),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Detected from the first bytes
    Auto,
    /// One file is one payload
    Payload,
    /// Payloads one after the other, each behind its length (u32, little endian)
    Delimited,
    /// A file of `dashstream record`
    Capture,
    /// Records with partition, offset, time and key, as captured from DashFlow
    Dashflow,
    /// Dead-letter records as JSON lines, of DashFlow's library or of its server
    Dlq,
    /// Lines of `kcat -C -J`
    Kcat,
}

impl Format {
    /// The format that is meant; nothing leaves it to the first bytes.
    const fn detected(self) -> Option<inputs::Format> {
        match self {
            Self::Auto => None,
            Self::Payload => Some(inputs::Format::Payload),
            Self::Delimited => Some(inputs::Format::Delimited),
            Self::Capture => Some(inputs::Format::Capture),
            Self::Dashflow => Some(inputs::Format::Dashflow),
            Self::Dlq => Some(inputs::Format::Dlq),
            Self::Kcat => Some(inputs::Format::Kcat),
        }
    }
}

#[derive(clap::Args)]
pub(crate) struct InputArgs {
    /// Files to read; `-` or none is stdin
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files hold
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    pub(crate) format: Format,
    /// The payload in lines of --format kcat is base64, not the bytes as kcat writes them
    #[arg(long)]
    base64: bool,
}

#[derive(clap::Args)]
pub(crate) struct ModeArgs {
    /// Accept only values with a frame byte (default)
    #[arg(long, conflicts_with = "compatible")]
    strict: bool,
    /// Accept unframed protobuf and unframed zstd too, as old producers wrote them
    #[arg(long)]
    compatible: bool,
}

impl ModeArgs {
    pub(crate) fn mode(&self) -> Mode {
        if self.compatible {
            Mode::Compatible
        } else {
            Mode::Strict
        }
    }
}

impl InputArgs {
    pub(crate) fn sources(&self) -> Vec<Source> {
        if self.files.is_empty() {
            return vec![Source::Stdin];
        }
        self.files.iter().map(|file| Source::of(file)).collect()
    }

    /// The URL of a relay, where that is the input.
    pub(crate) fn relay(&self) -> Result<Option<&str>, Failure> {
        let is_url = |text: &&str| {
            let scheme = text.split_once("://").map(|(scheme, _)| scheme);
            scheme.is_some_and(|scheme| ["ws", "wss", "http", "https"].contains(&scheme))
        };
        let mut names = self.files.iter().filter_map(|file| file.to_str());
        let Some(url) = names.find(is_url) else {
            return Ok(None);
        };
        if self.files.len() > 1 || self.format != Format::Auto || self.base64 {
            let url = shown_url(url);
            let text = format!("{url}: a relay is the only input, and has no --format");
            return Err(Failure::Usage(text));
        }
        Ok(Some(url))
    }

    pub(crate) fn reading(&self) -> Result<Reading, Failure> {
        if self.base64 && !matches!(self.format, Format::Auto | Format::Kcat) {
            let text = "--base64 is about the lines of --format kcat";
            return Err(Failure::Usage(text.to_owned()));
        }
        Ok(Reading {
            format: self.format,
            base64: self.base64,
        })
    }
}

/// How to read an input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) format: Format,
    base64: bool,
}

impl Reading {
    pub(crate) const fn of(format: Format) -> Self {
        Self {
            format,
            base64: false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    fn of(path: &Path) -> Self {
        if path.as_os_str() == "-" {
            Self::Stdin
        } else {
            Self::File(path.to_path_buf())
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Length of a file.
    pub(crate) fn len(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => {
                let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
                Some(metadata.len())
            }
        }
    }

    pub(crate) fn open(&self) -> io::Result<BufReader<Box<dyn Read + Send>>> {
        let reader: Box<dyn Read + Send> = match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(path) => Box::new(File::open(path)?),
        };
        Ok(BufReader::with_capacity(READ_BYTES, reader))
    }
}

/// Read from a file at once.
const READ_BYTES: usize = 256 * 1024;
