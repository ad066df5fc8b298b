//! How a command ends.

use std::fmt;
use std::io;

/// A command that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Clean,
    /// Rejected records or gaps.
    Found,
    /// Some input could not be read; the rest was.
    Unreadable,
}

/// A command that could not go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments contradict each other or what they name.
    Usage(String),
    /// What could not be read, written or reached, and why.
    Io(String),
    /// stdout was closed.
    ReaderGone,
}

impl Failure {
    /// An error on stdout.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::Io(format!("stdout: {error}"))
        }
    }
}

/// How a command ends whose last output was just written: a reader that is gone by then changes
/// nothing about what was done.
pub(crate) fn concluded(written: io::Result<()>, outcome: Outcome) -> Result<Outcome, Failure> {
    match written.map_err(|error| Failure::stdout(&error)) {
        Ok(()) | Err(Failure::ReaderGone) => Ok(outcome),
        Err(failure) => Err(failure),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Io(text) => f.write_str(text),
            Self::ReaderGone => f.write_str("stdout was closed"),
        }
    }
}
