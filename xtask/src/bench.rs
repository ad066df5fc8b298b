//! `cargo xtask bench ARGS`: release builds, then the bench crate's own program with these words.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    args::Args,
    parts,
    project::Project,
    run::{self, Progress},
    stamp::{Inputs, Stamp},
    wasm, web,
};

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let install = args.flag("--install");
    let words = args.rest();
    let decodes = words.first().is_some_and(|word| word == "decode");
    let mut provided = parts::provide(project, parts::FOR_TESTS, install)?;
    if words.first().is_some_and(|word| word == "zstd") {
        return zstd(project, &words[1..], &provided.variables);
    }
    wasm::build(project)?;
    web::build(project)?;
    if decodes || words.first().is_some_and(|word| word == "web") {
        javascript(project)?;
    }
    let mut build = run::cargo();
    build
        .args(["build", "--release", "--bins"])
        .current_dir(&project.root);
    // Decoding is measured in the bench's own process and in engines.
    let packages = if decodes { &PACKAGES[..1] } else { PACKAGES };
    for package in packages {
        build.args(["-p", package]);
    }
    run::run(
        project,
        "build everything that is measured",
        &mut build,
        Progress::Own,
    )?;
    let mut bench = Command::new(project.released("dashstream-bench"));
    provided
        .variables
        .extend(parts::ours(|name| project.released(name), project));
    parts::export(&mut bench, &provided.variables);
    bench.args(words).current_dir(&project.root);
    run::run(project, "measure", &mut bench, Progress::Own)
}

/// Other zstd decoders, from a crate outside the workspace: what is only tried out stays out of its lock file.
fn zstd(project: &Project, words: &[String], variables: &[(&'static str, PathBuf)]) -> Result<()> {
    let manifest = project.root.join("bench/zstd/Cargo.toml");
    for features in ["none", "ruzstd", "structured", "safe"] {
        let out = project.target.join("bench/zstd-modules").join(features);
        wasm::build_apart(project, &manifest, features, &out)?;
    }
    let mut command = run::cargo();
    command
        .args(["run", "--release", "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(project.target.join("bench/zstd"))
        .arg("--")
        .args(words)
        .current_dir(&project.root);
    parts::export(&mut command, variables);
    run::run(project, "measure", &mut command, Progress::Own)
}

/// The JavaScript decoders that the browser module is measured beside.
pub(crate) fn javascript(project: &Project) -> Result<()> {
    let _lock = project.lock()?;
    let dir = project.root.join("bench/web");
    let inputs = Inputs::new()
        .path(&dir.join("package-lock.json"))?
        .path(&dir.join("package.json"))?;
    let stamp = Stamp::new(project, "bench-npm", &inputs)?;
    // npm writes this file last.
    if stamp.holds() && dir.join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    let mut command = Command::new("npm");
    command
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(&dir);
    run::run(
        project,
        "fetch protobufjs and fzstd with npm",
        &mut command,
        Progress::Heartbeat,
    )?;
    stamp.write()
}

const PACKAGES: &[&str] = &[
    "dashstream-bench",
    "dashstream-relay",
    "dashstream-cli",
    "dashstream-simulator",
    "mock-broker",
];
