//! `cargo xtask ci`: what a change must pass. Nothing here that a developer cannot run alone.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::{
    args::Args,
    demo::Demo,
    dist, output,
    project::Project,
    run::{self, Progress},
    stages::{Counts, Stages},
    test, tidy,
    toolchain::WasmToolchain,
};

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let install = args.flag("--install");
    args.finish()?;
    run::set_deadline(TIME_MAX);
    let mut stages = Stages::default();
    stages.run("format", || {
        cargo(project, "rustfmt", &["fmt", "--all", "--check"])?;
        let fuzz = ["fmt", "--manifest-path", test::FUZZ, "--check"];
        cargo(project, "rustfmt of fuzz", &fuzz)
    });
    stages.run("tidy", || {
        tidy::command(project, Args::new([])).map(|()| Counts::ONE)
    });
    if let Some(environment) = test::prepare(project, &mut stages, install) {
        stages.run("lint", || {
            cargo(project, "clippy", LINT)?;
            let target = project.target.join("fuzz").display().to_string();
            let fuzz = ["--manifest-path", test::FUZZ, "--target-dir", &target];
            cargo(
                project,
                "clippy of fuzz",
                &[&["clippy"], &fuzz[..], DENY].concat(),
            )
        });
        test::test(project, &mut stages, &environment);
        stages.run("demo", || demo(project));
        stages.run("archive", || dist::try_out(project).map(|()| Counts::ONE));
        second_compiler(project, &mut stages);
    }
    stages.run("time", || {
        // The deadline ends what runs too long; the sum is checked too, for what no program of ours measures.
        ensure!(run::deadline_left(), "more than {}", output::time(TIME_MAX));
        Ok(Counts::ONE)
    });
    stages.finish()
}

/// The project promises to compile with the host's compiler and with the one of the browser module.
fn second_compiler(project: &Project, stages: &mut Stages) {
    stages.run("second compiler", || {
        let Some(toolchain) = WasmToolchain::find(project)?.filter(|found| found.tools.is_some())
        else {
            output::say("the browser module is compiled by the same compiler as everything else");
            return Ok(Counts::ONE);
        };
        let mut command = run::cargo();
        command
            .args(["check", "--target-dir"])
            .arg(project.target.join("second"));
        command.current_dir(&project.root);
        toolchain.apply(&mut command);
        let label = "check with the compiler of the browser module";
        run::run(project, label, &mut command, Progress::Own)?;
        Ok(Counts::ONE)
    });
}

fn demo(project: &Project) -> Result<Counts> {
    let demo = Demo {
        length: Some(DEMO_LENGTH),
        seed: Some(1),
        ..Demo::default()
    };
    demo.run(project).map(|()| Counts::ONE)
}

fn cargo(project: &Project, label: &str, words: &[&str]) -> Result<Counts> {
    let mut command = run::cargo();
    run::run(
        project,
        label,
        command.args(words).current_dir(&project.root),
        Progress::Own,
    )?;
    Ok(Counts::ONE)
}

const LINT: &[&str] = &[
    "clippy",
    "--workspace",
    "--all-targets",
    "--",
    "--deny=warnings",
    "--warn=clippy::too_many_lines",
];
const DENY: &[&str] = &["--all-targets", "--", "--deny=warnings"];
/// All takes about 35 minutes on two cores of a current machine, and twice that on one that others share. What takes
/// longer hangs.
const TIME_MAX: Duration = Duration::from_secs(80 * 60);
const DEMO_LENGTH: Duration = Duration::from_secs(20);
