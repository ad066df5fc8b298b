//! `cargo xtask pictures`: the pictures in the documents, taken of simulated runs in Chromium, so that they show the
//! page as it is.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};

use crate::{
    args::Args,
    parts,
    project::Project,
    run::{self, Progress},
    service::Service,
    test, wasm, web,
};

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let install = args.flag("--install");
    args.finish()?;
    let provided = parts::provide(project, parts::FOR_PICTURES, install)?;
    if let Some(missing) = provided.missing.first() {
        bail!("pictures need {}: {}", missing.part, missing.why);
    }
    wasm::build(project)?;
    web::build(project)?;
    test::binaries(project, &["dashstream-relay"])?;
    let mut demo = Command::new(project.binary("dashstream-relay"));
    demo.args(["demo", "--seed", SEED, "--port", "0"]);
    let relay = Service::start("relay", &mut demo)?;
    let line = relay.first_line(START_TIMEOUT)?;
    let url = line
        .strip_prefix("listening on ")
        .context("the relay names no address")?;
    let mut script = Command::new("node");
    script.arg(project.web().join("e2e/pictures.mjs"));
    script.args(["--url", url, "--out"]);
    script.arg(project.root.join("docs"));
    parts::export(&mut script, &provided.variables);
    run::run(project, "take the pictures", &mut script, Progress::Own)?;
    relay.stop(STOP_TIMEOUT)
}

const SEED: &str = "7";
const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
