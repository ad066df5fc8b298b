//! Questions to Debian's package system, and the one call that changes the system.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{
    project::Project,
    run::{self, Progress},
};

pub(crate) fn present() -> bool {
    run::which(&["apt-get"]).is_some()
}

/// The version that would be installed now.
pub(crate) fn candidate(package: &str) -> Result<Option<String>> {
    let policy = run::read(Command::new("apt-cache").args(["policy", package]))?;
    let line = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "));
    Ok(line
        .filter(|version| *version != "(none)")
        .map(str::to_owned))
}

/// Names only, of the first alternative each.
pub(crate) fn depends(package: &str, version: &str) -> Result<Vec<String>> {
    let wanted = format!("{package}={version}");
    let record = run::read(Command::new("apt-cache").args(["show", &wanted]))?;
    let list = record
        .lines()
        .find_map(|line| line.strip_prefix("Depends: "))
        .unwrap_or_default();
    Ok(list
        .split(',')
        .filter_map(|part| part.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}

pub(crate) fn installed(package: &str) -> bool {
    run::read(Command::new("dpkg").args(["-s", package])).is_ok()
}

/// Asked for only when a package is unknown: lists are kept by the system, not by us.
pub(crate) fn update(project: &Project) -> Result<()> {
    let mut command = as_root("apt-get")?;
    command.args(["update", "-q"]);
    run::run(
        project,
        "refresh the package lists",
        &mut command,
        Progress::Heartbeat,
    )
}

pub(crate) fn install(project: &Project, packages: &[&str]) -> Result<()> {
    let mut unknown = false;
    for package in packages {
        unknown |= candidate(package)?.is_none();
    }
    if unknown {
        update(project)?;
    }
    let mut command = as_root("apt-get")?;
    command
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(packages);
    let label = format!("install {}", packages.join(" "));
    run::run(project, &label, &mut command, Progress::Heartbeat)
}

fn as_root(program: &str) -> Result<Command> {
    // Debian's service packages start their daemon, except in this run level. Ours are started by tests.
    let settings = ["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
    let mut command = if run::read(Command::new("id").arg("-u"))?.trim() == "0" {
        Command::new("env")
    } else if Path::new("/usr/bin/sudo").exists() {
        let mut command = Command::new("sudo");
        command.arg("env");
        command
    } else {
        bail!("installing packages needs root, and sudo is not installed");
    };
    command.args(settings).arg(program);
    Ok(command)
}
