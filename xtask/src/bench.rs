//! `cargo xtask bench ARGS`: release builds, then the bench crate's own program with these words.

use std::process::Command;

use anyhow::Result;

use crate::{
    args::Args,
    parts,
    project::Project,
    run::{self, Progress},
    wasm, web,
};

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let install = args.flag("--install");
    let mut provided = parts::provide(project, parts::FOR_TESTS, install)?;
    wasm::build(project)?;
    web::build(project)?;
    let mut build = run::cargo();
    build
        .args(["build", "--release", "--bins"])
        .current_dir(&project.root);
    for package in PACKAGES {
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
    bench.args(args.rest()).current_dir(&project.root);
    run::run(project, "measure", &mut bench, Progress::Own)
}

const PACKAGES: &[&str] = &[
    "dashstream-bench",
    "dashstream-relay",
    "dashstream-cli",
    "dashstream-simulator",
    "mock-broker",
];
