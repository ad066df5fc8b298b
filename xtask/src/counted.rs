//! Runs a test program and counts its tests from what it prints. A Rust test that cannot run here prints
//! a line that starts with `SKIPPED`; it is then counted as skipped, although Rust calls it passed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result};

use crate::{
    run::{self, Progress},
    stages::Counts,
};

/// Standard output is read, and shown without the noise of tests that passed.
pub(crate) fn run(label: &str, command: &mut Command) -> Result<Counts> {
    let started = Instant::now();
    run::say(label);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let program = command.get_program().to_owned();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let output = child.stdout.take().context("no output to read")?;
    let reader = std::thread::spawn(move || {
        let mut tally = Tally::default();
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        lines
            .filter(|line| tally.take(line))
            .for_each(|line| println!("{line}"));
        tally
    });
    let status = run::wait(&mut child, label, Progress::Own, started)?;
    let tally = reader.join().ok().context("its output could not be read")?;
    Ok(tally.counts(status.success()))
}

#[derive(Default)]
struct Tally {
    reported: Counts,
    /// Rust tests that passed without having run.
    skips: u64,
    /// Inside the output of passed tests.
    quiet: bool,
}

impl Tally {
    /// Counts the line, and says whether a person should see it.
    fn take(&mut self, line: &str) -> bool {
        let text = line.trim();
        if text.starts_with("SKIPPED") {
            self.skips += 1;
            return true;
        }
        match text {
            "successes:" => self.quiet = true,
            "failures:" => self.quiet = false,
            _ => {}
        }
        let result = text
            .strip_prefix("test result:")
            .or_else(|| text.strip_prefix("Tests "));
        if let Some(result) = result {
            self.quiet = false;
            self.reported.add(numbers(result));
        }
        !self.quiet
    }

    fn counts(self, success: bool) -> Counts {
        let Self {
            reported, skips, ..
        } = self;
        // A program that does not compile reports no test.
        let failed = if success {
            reported.failed
        } else {
            reported.failed.max(1)
        };
        Counts {
            passed: reported.passed.saturating_sub(skips),
            failed,
            skipped: reported.skipped + skips,
        }
    }
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
            tally.counts(success),
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
