//! A long-running program of ours: its output with its name in front, stopped as an operator would.

use std::{
    io::{BufRead as _, BufReader, Read},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, SyncSender},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

pub(crate) struct Service {
    name: &'static str,
    child: Child,
    /// Held open: the broker ends when it is closed, so it cannot outlive us.
    stdin: Option<ChildStdin>,
    first_line: Receiver<String>,
}

impl Service {
    /// In a process group of its own, so that Ctrl-C reaches only us and the stop is in order.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let (sender, first_line) = mpsc::sync_channel(1);
        if let Some(output) = child.stdout.take() {
            relay_lines(name, output, Some(sender));
        }
        if let Some(output) = child.stderr.take() {
            relay_lines(name, output, None);
        }
        let stdin = child.stdin.take();
        Ok(Self {
            name,
            child,
            stdin,
            first_line,
        })
    }

    /// The first line on its standard output.
    pub(crate) fn first_line(&self, limit: Duration) -> Result<String> {
        let line = self.first_line.recv_timeout(limit);
        line.with_context(|| format!("{} did not say that it has started", self.name))
    }

    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to end, with SIGTERM, and waits. Anything but a clean end is an error.
    pub(crate) fn stop(mut self, grace: Duration) -> Result<()> {
        if self.ended()?.is_none() {
            signal(&self.child, "TERM")?;
        }
        drop(self.stdin.take());
        let asked = Instant::now();
        loop {
            match self.ended()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("{} ended with {status}", self.name),
                None if asked.elapsed() > grace => {
                    bail!(
                        "{} did not end within {} s of SIGTERM",
                        self.name,
                        grace.as_secs()
                    )
                }
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

/// Whatever goes wrong here, nothing of ours stays behind.
impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end in just this moment; then there is nothing left to do.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn signal(child: &Child, name: &str) -> Result<()> {
    let kill = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status()?;
    if !status.success() {
        bail!("cannot send SIG{name} to process {}", child.id());
    }
    Ok(())
}

fn relay_lines(
    name: &'static str,
    output: impl Read + Send + 'static,
    mut first: Option<SyncSender<String>>,
) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("[{name}] {line}");
            if let Some(sender) = first.take() {
                // Nobody may be waiting for it.
                let _ = sender.send(line);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Service {
        Service::start("shell", Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn a_clean_end_is_told_from_a_failure() {
        let kind = shell("trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done");
        assert_eq!(kind.first_line(LIMIT).unwrap(), "up");
        kind.stop(LIMIT).unwrap();
        let rude = shell("trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done");
        rude.first_line(LIMIT).unwrap();
        assert!(
            rude.stop(LIMIT)
                .unwrap_err()
                .to_string()
                .contains("ended with")
        );
    }

    #[test]
    fn one_that_will_not_end_is_killed_and_named() {
        let deaf = shell("trap '' TERM; echo up; while :; do sleep 0.05; done");
        deaf.first_line(LIMIT).unwrap();
        let error = deaf.stop(Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().contains("did not end"));
    }

    #[test]
    fn the_end_of_its_input_is_enough_for_a_reader() {
        let reader = shell("trap '' TERM; echo up; cat");
        reader.first_line(LIMIT).unwrap();
        reader.stop(LIMIT).unwrap();
    }

    const LIMIT: Duration = Duration::from_secs(10);
}
