//! `cargo xtask dist`: what people download, in `target/dist`. An archive with relay, page and tool, the npm package
//! of the browser module, lists of what is inside, and checksums.

pub(crate) mod npm;

mod archive;
mod sbom;

use std::{fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};

use crate::{
    args::Args,
    compiler, output, parts,
    project::{Project, create_dir, remove_dir},
    run::{self, Progress},
    served,
    service::Service,
    wasm, web,
};

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let install = args.flag("--install");
    // Another profile makes the same archive of slower programs, sooner.
    let profile: String = args.value("--profile")?.unwrap_or_else(|| "release".into());
    let tries = args.flag("--try");
    args.finish()?;
    let provided = parts::provide(project, parts::FOR_DEMO, install)?;
    if let Some(missing) = provided.missing.first() {
        bail!("an archive needs {}: {}", missing.part, missing.why);
    }
    wasm::build(project)?;
    web::build(project)?;
    programs(project, &profile)?;
    let folder = folder(project);
    remove_dir(&folder)?;
    create_dir(&folder)?;
    let release = Release::of(project, &profile)?;
    let mut made = archive::pack(project, &release)?;
    made.push(npm::pack(project)?);
    checksums(project, &made)?;
    if tries {
        show_runs(project, &release)?;
    }
    for file in &made {
        output::say(&format!("made {}", file.display()));
    }
    Ok(())
}

/// The archive of the programs that tests use, unpacked elsewhere, shows simulated runs by itself: no toolchain, no
/// Kafka, and nothing beside the relay.
pub(crate) fn try_out(project: &Project) -> Result<()> {
    let folder = folder(project);
    remove_dir(&folder)?;
    create_dir(&folder)?;
    let release = Release::of(project, "dev")?;
    archive::pack(project, &release)?;
    show_runs(project, &release)
}

fn show_runs(project: &Project, release: &Release) -> Result<()> {
    let folder = folder(project);
    let mut unpack = Command::new("tar");
    unpack
        .args(["-xzf", &format!("{}.tar.gz", release.name)])
        .current_dir(&folder);
    run::run(project, "unpack it", &mut unpack, Progress::Heartbeat)?;
    let unpacked = folder.join(&release.name);
    let mut relay = Command::new(unpacked.join("dashstream-relay"));
    relay
        .args(["demo", "--port", "0", "--rate", "500"])
        .env_clear()
        .current_dir(&unpacked);
    let relay = Service::start("relay", &mut relay)?;
    let line = relay.first_line(START_MAX)?;
    let port = line.rsplit(':').next().and_then(|port| port.parse().ok());
    let port = port.with_context(|| format!("no port in {line}"))?;
    served::check_within(port, START_MAX)?;
    relay.stop(STOP_MAX)?;
    remove_dir(&unpacked)
}

const START_MAX: Duration = Duration::from_secs(30);
const STOP_MAX: Duration = Duration::from_secs(15);

/// What an archive is made of, and its name.
struct Release {
    /// `dashstream-relay-VERSION-TARGET`.
    name: String,
    /// Where the programs are.
    programs: PathBuf,
    /// Time of the commit, seconds since 1970, so that the same commit gives the same archive.
    time: String,
}

impl Release {
    fn of(project: &Project, profile: &str) -> Result<Self> {
        let mut date = Command::new("git");
        date.args(["log", "-1", "--format=%ct"])
            .current_dir(&project.root);
        let folder = if profile == "dev" { "debug" } else { profile };
        Ok(Self {
            name: format!(
                "dashstream-relay-{}-{}",
                version(project)?,
                compiler::host_triple()?
            ),
            programs: project.target.join(folder),
            time: run::read(&mut date)?.trim().to_owned(),
        })
    }
}

fn programs(project: &Project, profile: &str) -> Result<()> {
    let mut build = run::cargo();
    build
        .args(["build", "--locked", "--bins"])
        .args(archive::PACKAGES.iter().flat_map(|package| ["-p", package]))
        .current_dir(&project.root);
    if profile != "dev" {
        build.args(["--profile", profile]);
    }
    run::run(project, "build relay and tool", &mut build, Progress::Own)
}

/// The workspace's version.
fn version(project: &Project) -> Result<String> {
    let manifest = fs::read_to_string(project.root.join("Cargo.toml"))?;
    let (_, package) = manifest
        .split_once("[workspace.package]")
        .context("Cargo.toml has no [workspace.package]")?;
    let version = package
        .lines()
        .find_map(|line| line.strip_prefix("version = "))
        .context("Cargo.toml has no version")?;
    Ok(version.trim_matches('"').to_owned())
}

fn folder(project: &Project) -> PathBuf {
    project.target.join("dist")
}

/// In the format that `sha256sum --check` reads.
fn checksums(project: &Project, files: &[PathBuf]) -> Result<()> {
    let folder = folder(project);
    let names = files.iter().filter_map(|file| file.file_name());
    let (program, words): (_, &[&str]) = if run::which(&["sha256sum"]).is_some() {
        ("sha256sum", &[])
    } else {
        ("shasum", &["-a", "256"])
    };
    let mut command = Command::new(program);
    command.args(words).args(names).current_dir(&folder);
    fs::write(folder.join("SHA256SUMS"), run::read(&mut command)?)?;
    Ok(())
}
