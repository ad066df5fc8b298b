//! Runs other programs: says which, shows that a long one is alive, and names the time it took.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    output::{say, time},
    project::Project,
};

/// Whether the program tells the person at the terminal how far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Its output goes to the terminal as it comes.
    Own,
    /// Its output goes to a log, of which the end is shown only when it fails.
    Heartbeat,
}

pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs to the end; an exit code other than 0 is an error that names the step.
pub(crate) fn run(
    project: &Project,
    label: &str,
    command: &mut Command,
    progress: Progress,
) -> Result<()> {
    let started = Instant::now();
    say(label);
    let log = match progress {
        Progress::Own => None,
        Progress::Heartbeat => Some(quiet(project, label, command)?),
    };
    let mut child = command.spawn().with_context(|| not_started(command))?;
    let status = wait(&mut child, label, progress, started)?;
    if status.success() {
        say(&format!("{label}: done in {}", time(started.elapsed())));
        return Ok(());
    }
    if let Some(log) = &log {
        print_tail(log);
    }
    bail!(
        "{label}: {} ended with {status}",
        command.get_program().display()
    );
}

/// What the program prints on stdout; its stderr is kept for the error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| not_started(command))?;
    if !output.status.success() {
        bail!(
            "{} ended with {}: {}",
            command.get_program().display(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The first program of these names on the search path.
pub(crate) fn which(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|dir| dir.join(name))
            .find(|file| file.is_file())
    })
}

/// From here on every program is ended when `limit` has passed.
pub(crate) fn set_deadline(limit: Duration) {
    // A second limit in one process would be a mistake of ours; the first one holds.
    let _ = DEADLINE.set(Instant::now() + limit);
}

pub(crate) fn deadline_left() -> bool {
    DEADLINE
        .get()
        .is_none_or(|deadline| Instant::now() <= *deadline)
}

pub(crate) fn wait(
    child: &mut Child,
    label: &str,
    progress: Progress,
    started: Instant,
) -> Result<ExitStatus> {
    let mut next_sign = HEARTBEAT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if DEADLINE
            .get()
            .is_some_and(|deadline| Instant::now() > *deadline)
        {
            child.kill()?;
            child.wait()?;
            bail!("{label}: ended, the time limit of the whole run is reached");
        }
        if progress == Progress::Heartbeat && started.elapsed() > next_sign {
            say(&format!(
                "{label}: still working, {}",
                time(started.elapsed())
            ));
            // Rarer and rarer: the log of a slow step should stay short.
            next_sign *= 2;
        }
        thread::sleep(POLL);
    }
}

/// Sends what the program prints to a log; where that is.
pub(crate) fn quiet(project: &Project, label: &str, command: &mut Command) -> Result<PathBuf> {
    let name: String = label
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    let log = project.state()?.join(format!("{name}.log"));
    let file = File::create(&log)?;
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file);
    Ok(log)
}

fn print_tail(log: &PathBuf) {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    for line in lines
        .iter()
        .skip(lines.len().saturating_sub(TAIL_LINES_MAX))
    {
        println!("    {line}");
    }
    println!("    (all of it: {})", log.display());
}

fn not_started(command: &Command) -> String {
    format!(
        "cannot start {}: is it installed?",
        command.get_program().display()
    )
}

static DEADLINE: OnceLock<Instant> = OnceLock::new();
const POLL: Duration = Duration::from_millis(40);
const HEARTBEAT: Duration = Duration::from_secs(15);
const TAIL_LINES_MAX: usize = 40;
