//! Stages of a longer run: a heading and a time each, and one plain line of counts at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::output;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// A stage that is one check.
    pub(crate) const ONE: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    fn line(self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[derive(Default)]
pub(crate) struct Stages {
    done: Vec<Stage>,
}

struct Stage {
    name: String,
    time: Duration,
    counts: Counts,
    failure: Option<String>,
}

impl Stages {
    /// Whether later stages can build on it is the caller's to say.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<Counts>) -> bool {
        output::heading(name);
        let started = Instant::now();
        let (counts, failure) = match work() {
            Ok(counts) => (
                counts,
                (counts.failed > 0).then(|| format!("{} failed", counts.failed)),
            ),
            Err(error) => (
                Counts {
                    failed: 1,
                    ..Counts::default()
                },
                Some(format!("{error:#}")),
            ),
        };
        let time = started.elapsed();
        let outcome = if failure.is_some() { "FAILED" } else { "ok" };
        println!(
            "== {name}: {outcome}, {}, {}",
            counts.line(),
            output::time(time)
        );
        if let Some(failure) = &failure {
            println!("   {failure}");
        }
        let passed = failure.is_none();
        self.done.push(Stage {
            name: name.to_owned(),
            time,
            counts,
            failure,
        });
        passed
    }

    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        self.run(name, || {
            println!("SKIPPED: {why}");
            Ok(Counts {
                skipped: 1,
                ..Counts::default()
            })
        });
    }

    pub(crate) fn time(&self) -> Duration {
        self.done.iter().map(|stage| stage.time).sum()
    }

    /// Prints the table and the sums; an error if anything failed.
    pub(crate) fn finish(self) -> Result<()> {
        output::heading("summary");
        let mut checks = Counts::default();
        let mut stages = Counts::default();
        for stage in &self.done {
            checks.add(stage.counts);
            let word = match (&stage.failure, stage.counts) {
                (Some(_), _) => "FAILED",
                (
                    None,
                    Counts {
                        passed: 0,
                        skipped: 1..,
                        ..
                    },
                ) => "skipped",
                (None, _) => "ok",
            };
            stages.add(Counts {
                passed: u64::from(word == "ok"),
                failed: u64::from(word == "FAILED"),
                skipped: u64::from(word == "skipped"),
            });
            println!("{word:8}{:>14}  {}", output::time(stage.time), stage.name);
        }
        for stage in &self.done {
            if let Some(failure) = &stage.failure {
                println!("{}: {failure}", stage.name);
            }
        }
        println!("stages: {} in {}", stages.line(), output::time(self.time()));
        println!("{}", checks.line());
        if stages.failed > 0 {
            bail!("{} of {} stages failed", stages.failed, self.done.len());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_fails_the_whole_and_keeps_the_rest() {
        let mut stages = Stages::default();
        assert!(stages.run("first", || Ok(Counts::ONE)));
        assert!(!stages.run("second", || bail!("broken")));
        assert!(!stages.run("third", || Ok(Counts {
            passed: 3,
            failed: 1,
            skipped: 0
        })));
        assert!(stages.run("fourth", || Ok(Counts::ONE)));
        assert_eq!(
            stages.finish().unwrap_err().to_string(),
            "2 of 4 stages failed"
        );
    }
}
