//! The command line tool, run as a process.

use std::{
    path::PathBuf,
    process::{Command, ExitStatus},
    time::Duration,
};

use crate::{
    child::Running,
    place,
    requirement::{Tool, need, test_name},
};

/// A running `dashstream`.
#[derive(Debug)]
pub struct Cli {
    running: Running,
}

/// What a finished `dashstream` left.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Cli {
    /// Starts it, or says SKIPPED.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, arguments: &[&str]) -> Option<Self> {
        let binary: PathBuf = need(Tool::Cli)?;
        let log = place::log_file(&format!("{}-cli-{name}", test_name()));
        let running = Running::tool(
            Command::new(binary).env("NO_COLOR", "1").args(arguments),
            &log,
        );
        Some(Self { running })
    }

    /// Starts a `tail` from the earliest record that ends with digests once it has so many, or says SKIPPED.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn tail(name: &str, url: &str, records: u64, patience: Duration) -> Option<Self> {
        let (records, seconds) = (records.to_string(), patience.as_secs().to_string());
        let from = ["tail", url, "--from", "earliest", "--quiet", "--digest"];
        let until = ["--until-records", &records, "--timeout", &seconds];
        Self::start(name, &[&from[..], &until].concat())
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within `patience`.
    #[must_use]
    pub fn wait(mut self, patience: Duration) -> Finished {
        let status = self.running.wait(patience);
        Finished {
            status,
            output: self.running.output(),
            errors: self.running.log(),
        }
    }

    /// What it has written so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.running.output()
    }
}
