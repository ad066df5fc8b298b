//! The page: npm's packages and Vite's build into `web/dist`, which the relay carries in its binary.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{
    output,
    project::Project,
    run::{self, Progress},
    stamp::{Inputs, Stamp},
};

pub(crate) fn build(project: &Project) -> Result<()> {
    let _lock = project.lock()?;
    let dir = project.web();
    install(project)?;
    let inputs = Inputs::new().path(&dir)?;
    let stamp = Stamp::new(project, "web", &inputs)?;
    if stamp.holds() && index(project).exists() {
        output::say("page: nothing has changed");
        return Ok(());
    }
    run::run(
        project,
        "build the page",
        npm(project).args(["run", "build"]),
        Progress::Own,
    )?;
    ensure!(
        index(project).exists(),
        "the build of the page left no {}",
        index(project).display()
    );
    stamp.write()
}

/// Whether there is a page, perhaps an old one.
pub(crate) fn is_built(project: &Project) -> bool {
    index(project).exists()
}

/// One of the page's own checks: `npm run NAME`.
pub(crate) fn script(project: &Project, name: &str) -> Command {
    let mut command = npm(project);
    command.args(["run", name]);
    command
}

fn install(project: &Project) -> Result<()> {
    node_is_new_enough()?;
    let dir = project.web();
    let lock = dir.join("package-lock.json");
    ensure!(
        lock.exists(),
        "{} is missing: the page's packages are pinned there",
        lock.display()
    );
    let inputs = Inputs::new().path(&lock)?.path(&dir.join("package.json"))?;
    let stamp = Stamp::new(project, "npm", &inputs)?;
    // npm writes this file last.
    if stamp.holds() && dir.join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    let mut command = npm(project);
    command.args(["ci", "--no-audit", "--no-fund"]);
    run::run(
        project,
        "fetch the page's packages with npm",
        &mut command,
        Progress::Heartbeat,
    )?;
    stamp.write()
}

fn node_is_new_enough() -> Result<()> {
    let version = run::read(Command::new("node").arg("--version"))
        .context("Node is missing: install Node 20.19 or newer, with npm")?;
    let mut numbers = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(str::parse::<u32>);
    let mut number = || numbers.next().and_then(Result::ok).unwrap_or_default();
    let new_enough = (number(), number()) >= NODE_MIN;
    ensure!(
        new_enough,
        "Node {} is too old: install Node 20.19 or newer",
        version.trim()
    );
    Ok(())
}

fn npm(project: &Project) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(project.web());
    command
}

fn index(project: &Project) -> PathBuf {
    project.web().join("dist/index.html")
}

/// As `engines` in the page's package.json says.
const NODE_MIN: (u32, u32) = (20, 19);
