//! The archive: a folder with the programs and what belongs to them, packed the same way each time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{Release, folder, sbom};
use crate::{
    project::{Project, create_dir, remove_dir},
    run::{self, Progress},
};

/// Gives the archive, and the list of its contents beside it.
pub(super) fn pack(project: &Project, release: &Release) -> Result<Vec<PathBuf>> {
    let dist = folder(project);
    let stage = dist.join(&release.name);
    create_dir(&stage)?;
    for program in PROGRAMS {
        copy(&release.programs.join(program), &stage.join(program))?;
    }
    for (from, to) in files() {
        copy(&project.root.join(from), &stage.join(to))?;
    }
    texts_of_the_tool(&stage)?;
    page_is_inside(&stage)?;
    let list = dist.join(format!("{}.cdx.json", release.name));
    fs::write(&list, sbom::of(project, PACKAGES)?)?;
    copy(&list, &stage.join("sbom.cdx.json"))?;
    let archive = format!("{}.tar.gz", release.name);
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .arg(format!("--mtime=@{}", release.time))
        // The name and time of the input are no part of the output.
        .args(["--use-compress-program=gzip -n -9", "-cf", &archive])
        .arg(&release.name)
        .current_dir(&dist);
    run::run(project, "pack the archive", &mut tar, Progress::Heartbeat)?;
    remove_dir(&stage)?;
    Ok(vec![dist.join(archive), list])
}

/// Completions and manual pages, which the tool writes itself.
fn texts_of_the_tool(stage: &Path) -> Result<()> {
    let tool = stage.join("dashstream");
    for (shell, name) in COMPLETIONS {
        let script = run::read(Command::new(&tool).args(["completions", shell]))?;
        write(&stage.join("completions").join(name), &script)?;
    }
    let man = stage.join("man");
    create_dir(&man)?;
    run::read(Command::new(&tool).args(["man", "--output"]).arg(&man))?;
    Ok(())
}

/// A relay that was built before its page would say so to whoever opens it.
fn page_is_inside(stage: &Path) -> Result<()> {
    let bytes = fs::read(stage.join("dashstream-relay"))?;
    let title = b"<title>DashStream";
    ensure!(
        bytes.windows(title.len()).any(|window| window == title),
        "the relay does not carry the page"
    );
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    create_dir(to.parent().context("a file is in a folder")?)?;
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    create_dir(file.parent().context("a file is in a folder")?)?;
    fs::write(file, text).with_context(|| file.display().to_string())
}

pub(super) const PACKAGES: &[&str] = &["dashstream-relay", "dashstream-cli"];
const PROGRAMS: [&str; 2] = ["dashstream-relay", "dashstream"];
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "dashstream.bash"),
    ("zsh", "_dashstream"),
    ("fish", "dashstream.fish"),
];
/// From the checkout, to the archive.
const MOVED: [(&str, &str); 4] = [
    ("deploy/archive/README.md", "README.md"),
    ("deploy/prometheus/alerts.yml", "deploy/alerts.yml"),
    ("deploy/prometheus/prometheus.yml", "deploy/prometheus.yml"),
    (
        "deploy/grafana/dashboards/relay.json",
        "deploy/dashboard.json",
    ),
];
/// At the same place in both.
const FILES: &[&str] = &[
    "LICENSE",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs/growth-admission.svg",
    "docs/relay-memory.svg",
    "docs/capture.md",
    "docs/cli.md",
    "docs/configuration.md",
    "docs/decode.md",
    "docs/deploy.md",
    "docs/metrics.md",
    "docs/operations.md",
    "docs/page.md",
    "docs/performance.md",
    "docs/protocol.md",
    "deploy/Dockerfile.archive",
    "deploy/kubernetes/base/kustomization.yaml",
    "deploy/kubernetes/base/deployment.yaml",
    "deploy/kubernetes/base/service.yaml",
    "deploy/kubernetes/base/disruption.yaml",
    "deploy/kubernetes/base/settings.yaml",
    "deploy/kubernetes/checkpoints/kustomization.yaml",
    "deploy/kubernetes/checkpoints/statefulset.yaml",
    "deploy/kubernetes/checkpoints/pods.yaml",
    "deploy/kubernetes/ingress/kustomization.yaml",
    "deploy/kubernetes/ingress/ingress.yaml",
    "deploy/kubernetes/network/kustomization.yaml",
    "deploy/kubernetes/network/policy.yaml",
];

fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    let same = FILES.iter().map(|file| (*file, *file));
    same.chain(MOVED)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tidy::relative_links;

    /// Where a link of a document leads, from the root of the archive.
    fn target(document: &str, link: &str) -> String {
        let (folder, _) = document.rsplit_once('/').unwrap_or_default();
        let mut place: Vec<&str> = Vec::new();
        for part in folder.split('/').chain(link.split('/')) {
            match part {
                "" | "." => {}
                ".." => drop(place.pop()),
                part => place.push(part),
            }
        }
        place.join("/")
    }

    #[test]
    fn no_link_leads_out_of_the_archive() {
        let root = Project::locate().expect("a checkout").root;
        let held: BTreeSet<&str> = files().map(|(_, to)| to).collect();
        let documents = files().filter(|(_, to)| to.ends_with(".md"));
        let mut links = 0;
        for (from, to) in documents {
            let text = fs::read_to_string(root.join(from)).expect("a document");
            for link in relative_links(&text) {
                let target = target(to, link);
                assert!(held.contains(target.as_str()), "{to}: {link}");
                links += 1;
            }
        }
        assert!(links > 10, "{links}");
    }

    /// The manifests are whole, whichever are added.
    #[test]
    fn the_archive_has_all_manifests() {
        let root = Project::locate().expect("a checkout").root;
        let mut there = BTreeSet::new();
        for folder in fs::read_dir(root.join("deploy/kubernetes")).expect("manifests") {
            let folder = folder.expect("a folder").path();
            for file in fs::read_dir(&folder).expect("a folder") {
                let file = file.expect("a file").path();
                let file = file.strip_prefix(&root).expect("in the checkout");
                there.insert(file.to_string_lossy().into_owned());
            }
        }
        let held = files().map(|(from, _)| from.to_owned());
        let held: BTreeSet<_> = held
            .filter(|from| from.starts_with("deploy/kubernetes/"))
            .collect();
        assert_eq!(held, there);
    }
}
