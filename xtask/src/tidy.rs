//! `cargo xtask tidy`: house rules that no compiler checks, over the files that git tracks or would. Also run as a
//! test of this crate. A finding is one line: `path: what is wrong`.

mod commits;
mod documents;
mod imports;
mod text;

use std::{fs, process::Command};

use anyhow::{Result, bail};

#[cfg(test)]
pub(crate) use documents::relative_links;

use crate::{args::Args, output, project::Project, run};

pub(crate) fn command(project: &Project, args: Args) -> Result<()> {
    args.finish()?;
    let findings = check(project)?;
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    output::say("tidy");
    Ok(())
}

fn check(project: &Project) -> Result<Vec<String>> {
    let tree = tracked(project)?;
    let mut findings = Vec::new();
    for (path, text) in &tree {
        findings.extend(text::length(path, text));
        findings.extend(text::conflict(path, text));
        findings.extend(text::comment_width(path, text));
        findings.extend(text::local_names(project, path, text));
        if path.ends_with(".md") {
            let file = project.root.join(path);
            findings.extend(documents::links(&file, path, text));
            findings.extend(documents::named_tests(project, path, text));
            findings.extend(documents::tests_of_tables(&tree, path, text));
            findings.extend(documents::width(path, text));
        } else {
            findings.extend(documents::named_docs(project, path, text));
        }
    }
    findings.extend(imports::check(&tree));
    findings.extend(commits::check(project)?);
    Ok(findings)
}

/// The texts that git tracks or would, by their path from the root.
fn tracked(project: &Project) -> Result<imports::Tree> {
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&project.root);
    let list = run::read(&mut list)?;
    let texts = list.lines().filter_map(|path| {
        // Removed but not yet committed, or no text.
        let text = fs::read_to_string(project.root.join(path)).ok()?;
        Some((path.to_owned(), text))
    });
    Ok(texts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let findings = check(&Project::locate().unwrap()).unwrap();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
