//! Runs a test program and counts its tests from what it prints. A Rust test that cannot run here prints
//! a line that starts with `SKIPPED`; it is then counted as skipped, although Rust calls it passed.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Command, Stdio},
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::{Context as _, Result};

use crate::{
    output, parts,
    run::{self, Progress},
    stages::Counts,
};

/// What the program prints is shown without the noise of tests that passed.
pub(crate) fn run(label: &str, command: &mut Command) -> Result<Counts> {
    let started = Instant::now();
    output::say(label);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let program = command.get_program().to_owned();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let output = child.stdout.take().context("no output to read")?;
    let errors = child.stderr.take().context("no errors to read")?;
    let output = tally(output, |line| println!("{line}"));
    // Tests reach the real standard error past Rust's capture, and some say there that they skip.
    let errors = tally(errors, |line| eprintln!("{line}"));
    let status = run::wait(&mut child, label, Progress::Own, started)?;
    let mut tally = output.join().ok().context("its output could not be read")?;
    tally.add(errors.join().ok().context("its errors could not be read")?);
    Ok(tally.counts(status.success(), parts::required()))
}

fn tally(stream: impl Read + Send + 'static, show: fn(&str)) -> JoinHandle<Tally> {
    thread::spawn(move || {
        let mut tally = Tally::default();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if tally.take(&line) {
                show(&line);
            }
        }
        tally
    })
}

#[derive(Default)]
struct Tally {
    reported: Counts,
    /// Rust tests that passed without having run.
    skips: u64,
    /// Those among them that a better equipped machine would have run.
    avoidable: u64,
    /// Tests that their program itself reports as skipped, for want of what cannot be had.
    excused: u64,
    /// Inside the output of passed tests.
    quiet: bool,
}

impl Tally {
    /// Counts the line, and says whether a person should see it.
    fn take(&mut self, line: &str) -> bool {
        let plain = without_colour(line);
        let text = plain.trim();
        if text.starts_with("SKIPPED") {
            self.skips += 1;
            self.avoidable += u64::from(!text.contains(NOT_TO_BE_HAD));
            return true;
        }
        match text {
            "successes:" => self.quiet = true,
            "failures:" => self.quiet = false,
            _ => {}
        }
        if text.starts_with("ok ") && text.contains("# SKIP ") && text.contains(NOT_TO_BE_HAD) {
            self.excused += 1;
        }
        if let Some(counts) = text.strip_prefix("# ").and_then(node) {
            self.avoidable += counts.skipped;
            self.reported.add(counts);
        }
        let result = text
            .strip_prefix("test result:")
            .or_else(|| text.strip_prefix("Tests "));
        if let Some(result) = result {
            self.quiet = false;
            let result = numbers(result);
            self.avoidable += result.skipped;
            self.reported.add(result);
        }
        !self.quiet
    }

    fn add(&mut self, other: Self) {
        self.reported.add(other.reported);
        self.skips += other.skips;
        self.avoidable += other.avoidable;
        self.excused += other.excused;
    }

    fn counts(self, success: bool, required: bool) -> Counts {
        let Self {
            reported,
            skips,
            avoidable,
            excused,
            ..
        } = self;
        // A program that does not compile reports no test, and one without tests proves nothing.
        let nothing = reported == Counts::default();
        let silent_failure = u64::from(nothing || !success && reported.failed == 0);
        let forbidden = if required {
            avoidable.saturating_sub(excused)
        } else {
            0
        };
        Counts {
            passed: reported.passed.saturating_sub(skips),
            failed: reported.failed + silent_failure + forbidden,
            skipped: reported.skipped + skips - forbidden,
        }
    }
}

/// A skip that names this variable lacks captured traffic, which no set-up can fetch.
const NOT_TO_BE_HAD: &str = "DASHSTREAM_CORPUS";

/// Some programs colour what is not shown on a terminal too.
fn without_colour(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

/// Reads `pass 3`, a line of the sums of Node's test runner.
fn node(line: &str) -> Option<Counts> {
    let (kind, number) = line.split_once(' ')?;
    let number = number.parse().ok()?;
    let mut counts = Counts::default();
    match kind {
        "pass" => counts.passed = number,
        "fail" | "cancelled" => counts.failed = number,
        "skipped" | "todo" => counts.skipped = number,
        _ => return None,
    }
    Some(counts)
}

/// Reads `5 passed; 0 failed; 1 ignored` of Rust and `5 passed | 1 skipped (6)` of vitest.
fn numbers(result: &str) -> Counts {
    let mut counts = Counts::default();
    let words: Vec<_> = result
        .split([' ', ';', '|', '.'])
        .filter(|word| !word.is_empty())
        .collect();
    for pair in words.windows(2) {
        let &[number, kind] = pair else { continue };
        let Ok(number) = number.parse::<u64>() else {
            continue;
        };
        match kind {
            "passed" => counts.passed += number,
            "failed" => counts.failed += number,
            "ignored" | "skipped" | "todo" => counts.skipped += number,
            _ => {}
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, success: bool, passed: u64, failed: u64, skipped: u64) -> String {
        let mut tally = Tally::default();
        let shown: Vec<_> = output.lines().filter(|line| tally.take(line)).collect();
        assert_eq!(
            tally.counts(success, false),
            Counts {
                passed,
                failed,
                skipped
            }
        );
        shown.join("\n")
    }

    #[test]
    fn rust_results_add_up() {
        let one = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out";
        check(&format!("{one}\n{one}"), true, 10, 0, 2);
    }

    #[test]
    fn vitest_results_count() {
        check(
            "      Tests  2 failed | 12 passed | 1 skipped (15)",
            false,
            12,
            2,
            1,
        );
    }

    #[test]
    fn coloured_results_count() {
        let line =
            "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m88 passed\u{1b}[39m\u{1b}[90m (88)";
        check(line, true, 88, 0, 0);
    }

    #[test]
    fn node_results_count() {
        let output = "ok 1 - a\nok 2 - b # SKIP no captured traffic (DASHSTREAM_CORPUS)\n\
                      # 12 cases\n# pass 4\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 0";
        check(output, false, 4, 2, 1);
        let mut tally = Tally::default();
        for line in output.lines().chain(["# skipped 1"]) {
            tally.take(line);
        }
        let required = tally.counts(false, true);
        assert_eq!((required.failed, required.skipped), (3, 1));
    }

    #[test]
    fn a_run_without_tests_is_a_failure() {
        check("all well", true, 0, 1, 0);
    }

    #[test]
    fn a_skip_is_not_a_pass() {
        let shown = check(
            "test a ... ok\n\nsuccesses:\n\n---- a stdout ----\nnoise\nSKIPPED: no corpus\n\
             test result: ok. 2 passed; 0 failed; 0 ignored",
            true,
            1,
            0,
            1,
        );
        assert!(shown.contains("SKIPPED: no corpus"));
        assert!(!shown.contains("noise"));
    }

    #[test]
    fn where_all_is_required_only_what_nobody_can_install_may_be_missing() {
        let mut tally = Tally::default();
        for line in [
            "SKIPPED one: no captured traffic (DASHSTREAM_CORPUS)",
            "SKIPPED two: no browser",
            "test result: ok. 5 passed; 0 failed; 1 ignored",
        ] {
            tally.take(line);
        }
        assert_eq!(
            tally.counts(true, true),
            Counts {
                passed: 3,
                failed: 2,
                skipped: 1
            }
        );
    }

    #[test]
    fn the_output_of_a_failure_is_shown() {
        let output = "successes:\nnoise\nfailures:\n---- b stdout ----\npanicked\n\
                      test result: FAILED. 1 passed; 1 failed";
        assert!(check(output, false, 1, 1, 0).contains("panicked"));
    }

    #[test]
    fn what_does_not_compile_is_a_failure() {
        check("", false, 0, 1, 0);
    }
}
