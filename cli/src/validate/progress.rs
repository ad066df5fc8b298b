//! How far it is, on a terminal only: a line on stderr that is written over.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::input::Source;

pub(super) struct Progress {
    /// Nothing where stderr is no terminal.
    since: Option<Instant>,
    shown: Option<Instant>,
    read_bytes: u64,
    /// Of all inputs, where all are files.
    total_bytes: Option<u64>,
    /// stdout is a terminal too: the same one, as far as anybody can tell.
    shares_terminal: bool,
}

impl Progress {
    pub(super) fn new(sources: &[Source]) -> Self {
        Self {
            since: io::stderr().is_terminal().then(Instant::now),
            shown: None,
            read_bytes: 0,
            total_bytes: sources.iter().map(Source::len).sum(),
            shares_terminal: io::stdout().is_terminal(),
        }
    }

    /// Makes room if something else is about to be written.
    pub(super) fn clear_before(&mut self, output: bool) {
        if output && self.shares_terminal && self.shown.is_some() {
            self.clear();
            // Shown again at once, below what was written.
            self.shown = None;
        }
    }

    pub(super) fn show(&mut self, read_bytes: u64, payloads: u64) {
        self.read_bytes += read_bytes;
        let Some(since) = self.since else { return };
        if self.shown.is_some_and(|at| at.elapsed() < INTERVAL) {
            return;
        }
        self.shown = Some(Instant::now());
        let text = text(self.read_bytes, self.total_bytes, payloads, since.elapsed());
        write(&text);
    }

    fn clear(&self) {
        write("");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            self.clear();
        }
    }
}

/// A terminal that is gone is noticed on stdout.
fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r{text}{CLEAR_REST}").and_then(|()| stderr.flush());
}

fn text(read_bytes: u64, total_bytes: Option<u64>, payloads: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let megabytes = read_bytes as f64 / 1e6;
    // Lengths and keys around the payloads are not counted: never more than all of it.
    let share = total_bytes.filter(|total| *total > 0).map(|total| {
        let percent = read_bytes.min(total) as f64 * 100.0 / total as f64;
        format!(" ({percent:.0} %)")
    });
    format!(
        "{payloads} payloads, {megabytes:.1} MB{}, {:.1} MB/s",
        share.unwrap_or_default(),
        megabytes / seconds
    )
}

const INTERVAL: Duration = Duration::from_millis(200);
/// ANSI: from here to the end of the line.
const CLEAR_REST: &str = "\x1b[K";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_like_this() {
        let second = Duration::from_secs(1);
        assert_eq!(
            text(1_500_000, None, 7, 2 * second),
            "7 payloads, 1.5 MB, 0.8 MB/s"
        );
        assert_eq!(
            text(1_500_000, Some(3_000_000), 7, second),
            "7 payloads, 1.5 MB (50 %), 1.5 MB/s"
        );
        assert_eq!(
            text(0, Some(0), 0, Duration::ZERO),
            "0 payloads, 0.0 MB, 0.0 MB/s"
        );
    }
}
