//! Payloads out of files and pipes of several formats, one at a time: at most one payload, one line
//! or one block of a capture is in memory.

mod detect;
mod dlq;
mod json;
mod kcat;
mod line;
mod seek;
mod stream;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use decode_core::Mode;

use crate::outcome::Failure;

pub(crate) use self::line::{Line, LineFormat, Lines};
pub(crate) use self::seek::{Wanted, metadata, read_from};
pub(crate) use self::stream::{EMPTY, read};

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

/// What comes out of an input: a thing it holds, a line that somebody must still make sense of, a
/// place where it goes on, or a word about the input itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    Item(Item<'a>),
    Line(Line<'a>),
    /// Nothing is there up to the offset of this place, and nothing is missing.
    Mark(Place),
    Notice(&'a str),
}

/// What an input holds at one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    /// Counted from 0 within the input; unknown where not all of it was read.
    pub(crate) index: Option<u64>,
    pub(crate) place: Option<Place>,
    /// Of the Kafka record, in formats that say so.
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) content: Content<'a>,
}

/// Where a record stood in Kafka, in formats that say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    /// Where what is before it ended, in formats that prove that nothing is missing.
    pub(crate) prev_next: Option<u64>,
}

impl<'a> Item<'a> {
    pub(crate) const fn new(
        index: Option<u64>,
        place: Option<Place>,
        content: Content<'a>,
    ) -> Self {
        Self {
            index,
            place,
            timestamp_ms: None,
            key: None,
            content,
        }
    }
}

impl Place {
    pub(crate) const fn new(partition: u32, offset: u64) -> Self {
        Self {
            partition,
            offset,
            prev_next: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Payload(&'a [u8]),
    /// Longer than any payload may be; its bytes were passed over.
    TooLong(u64),
    /// A record without a value.
    Null,
    /// The first bytes of a payload of that length; the rest was not kept.
    Truncated {
        head: &'a [u8],
        len: u64,
    },
    /// A record the relay did not accept, and its first bytes.
    Rejected {
        code: u32,
        prefix: &'a [u8],
    },
    /// Offsets up to this one that were not delivered.
    Gap {
        last: u64,
        cause: u32,
    },
    /// Nobody can say what was here, and why.
    Unreadable(&'a str),
}

/// Read from a file at once.
const READ_BYTES: usize = 256 * 1024;
/// What a format is told from.
const HEAD_BYTES: u64 = 4096;
