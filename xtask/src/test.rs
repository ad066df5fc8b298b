//! `cargo xtask test`: everything from set-up to the tests on a real Kafka and a real browser.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    ahead::Ahead,
    args::Args,
    bench, counted,
    dist::npm,
    parts::{self, FOR_TESTS},
    project::Project,
    run::{self, Progress},
    stages::{Counts, Stages},
    wasm, web,
};

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let install = args.flag("--install");
    args.finish()?;
    let mut stages = Stages::default();
    if let Some(environment) = prepare(project, &mut stages, install) {
        test(project, &mut stages, &environment);
    }
    stages.finish()
}

/// What the tests' processes get to know.
pub(crate) struct Environment(Vec<(&'static str, PathBuf)>);

impl Environment {
    pub(crate) fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        parts::export(command, &self.0);
        command
    }
}

/// Set-up, module and page: without them nothing else can be built.
pub(crate) fn prepare(
    project: &Project,
    stages: &mut Stages,
    install: bool,
) -> Option<Environment> {
    let mut variables = parts::ours(|name| project.binary(name), project);
    let ready = stages.run("set-up", || {
        let provided = parts::provide(project, FOR_TESTS, install)?;
        variables.extend(provided.variables);
        let skipped = provided.missing.len() as u64;
        Ok(Counts {
            passed: FOR_TESTS.len() as u64 - skipped,
            failed: 0,
            skipped,
        })
    });
    let ready = ready
        && stages.run("browser module", || {
            wasm::build(project).map(|()| Counts::ONE)
        });
    let ready = ready && stages.run("page", || web::build(project).map(|()| Counts::ONE));
    let ready = ready
        && stages.run("what the page is compared with", || {
            bench::javascript(project).map(|()| Counts::ONE)
        });
    ready.then_some(Environment(variables))
}

/// The checks of the page are independent of the Rust ones: each stage runs, whatever another found.
pub(crate) fn test(project: &Project, stages: &mut Stages, environment: &Environment) {
    for (name, script) in [("page: types", "check"), ("page: lint", "lint")] {
        stages.run(name, || {
            run::run(
                project,
                name,
                &mut web::script(project, script),
                Progress::Own,
            )?;
            Ok(Counts::ONE)
        });
    }
    stages.run("page: tests", || {
        counted::run(
            "vitest",
            environment.apply(&mut web::script(project, "test")),
        )
    });
    let built = stages.run("binaries", || {
        binaries(project, STARTED_BY_TESTS).map(|()| Counts::ONE)
    });
    if built {
        stages.run("Rust tests, end to end included", || {
            cargo_test(project, environment)
        });
        stages.run(VECTORS, || vectors(project, environment));
    } else {
        stages.skip(
            "Rust tests, end to end included",
            "there are no binaries to test",
        );
        stages.skip(VECTORS, "there are no binaries to compare with");
    }
    stages.run("fuzzing, seeded and bounded", || fuzz(project, environment));
}

/// What demo and tests start as processes of their own. In one profile, so that neither builds the other's again.
pub(crate) fn binaries(project: &Project, packages: &[&str]) -> Result<()> {
    let mut command = build(project, packages);
    run::run(
        project,
        &format!("build {}", packages.join(", ")),
        &mut command,
        Progress::Own,
    )
}

/// Where there is no page yet, compiles all that does not need it, for [`binaries`] afterwards: the compiler and the
/// linker of the browser module leave cores idle, and so do downloads. The crate that carries the page fails for
/// want of it, so that it is compiled once. Errors are [`binaries`]' to report.
pub(crate) fn ahead_of_page(project: &Project, packages: &[&str]) -> Result<Option<Ahead>> {
    if web::is_built(project) {
        return Ok(None);
    }
    let mut command = build(project, packages);
    command
        .arg("--keep-going")
        .env("DASHSTREAM_PAGE_PENDING", "1");
    let label = "compile what needs no page";
    Ahead::start(project, label, &mut command).map(Some)
}

fn build(project: &Project, packages: &[&str]) -> Command {
    let mut command = run::cargo();
    command.args(["build", "--bins"]).current_dir(&project.root);
    for package in packages {
        command.args(["-p", package]);
    }
    command
}

/// One call for all crates, from unit tests to those on a real Kafka and browser: Cargo gives shared
/// dependencies the features of what is selected, so a second selection would compile half of them again.
fn cargo_test(project: &Project, environment: &Environment) -> Result<Counts> {
    let mut command = run::cargo();
    command.args([
        "test",
        "--no-fail-fast",
        "--workspace",
        "--exclude",
        GENERATOR,
    ]);
    // Passed tests show their output too, so that a test which skipped itself can be counted.
    command
        .args(["--", "--show-output"])
        .current_dir(&project.root);
    counted::run("cargo test", environment.apply(&mut command))
}

/// The same files as the native tests, and damaged copies of them compared with the native decoder.
fn vectors(project: &Project, environment: &Environment) -> Result<Counts> {
    let package = npm::pack(project)?;
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=tap"])
        .args(
            ["wasm", "size", "chromium", "package"]
                .map(|name| format!("decode-wasm/node/{name}.test.mjs")),
        )
        .env("DASHSTREAM_NPM_PACKAGE", package)
        .current_dir(&project.root);
    counted::run("node --test", environment.apply(&mut command))
}

/// Targets are a workspace of their own, in a target folder of their own: their settings and the
/// second implementation of zstd that they need would change what everything else is built with.
fn fuzz(project: &Project, environment: &Environment) -> Result<Counts> {
    let mut command = run::cargo();
    command
        .args(["test", "--manifest-path", FUZZ, "--target-dir"])
        .arg(project.target.join("fuzz"))
        .current_dir(&project.root);
    counted::run("cargo test of fuzz", environment.apply(&mut command))
}

pub(crate) const FUZZ: &str = "fuzz/Cargo.toml";
const VECTORS: &str = "vectors in the browser module, in Node and in Chromium";

pub(crate) const STARTED_BY_DEMO: &[&str] = &[
    "dashstream-relay",
    "dashstream-simulator",
    "dashstream-demo-broker",
];
const STARTED_BY_TESTS: &[&str] = &[
    "dashstream-relay",
    "dashstream-simulator",
    "dashstream-cli",
    "dashstream-demo-broker",
    "mock-broker",
];

/// It has no tests, and is built only where bindings are written.
const GENERATOR: &str = "wasm-bindings";
