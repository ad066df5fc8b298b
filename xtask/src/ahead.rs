//! A step that goes on while others do their work: what it prints goes to a log.

use std::{
    process::{Child, Command, ExitStatus},
    time::Instant,
};

use anyhow::Result;

use crate::{
    output,
    project::Project,
    run::{self, Progress},
};

pub(crate) struct Ahead {
    label: String,
    child: Child,
    started: Instant,
}

impl Ahead {
    pub(crate) fn start(project: &Project, label: &str, command: &mut Command) -> Result<Self> {
        output::say(&format!("{label}, beside the next steps"));
        run::quiet(project, label, command)?;
        Ok(Self {
            label: label.to_owned(),
            child: command.spawn()?,
            started: Instant::now(),
        })
    }

    /// Waits for it; whether it did well is the caller's to judge.
    pub(crate) fn finish(mut self) -> Result<ExitStatus> {
        let status = run::wait(
            &mut self.child,
            &self.label,
            Progress::Heartbeat,
            self.started,
        )?;
        let took = output::time(self.started.elapsed());
        output::say(&format!("{}: ended after {took}", self.label));
        Ok(status)
    }
}

/// A step before it failed: nobody needs this one's work any more.
impl Drop for Ahead {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end in just this moment; then there is nothing left to do.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
