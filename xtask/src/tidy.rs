//! `cargo xtask tidy`: house rules that no compiler checks, over the files that git tracks. Also run as a
//! test of this crate. A finding is one line: `path: what is wrong`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{COMMANDS, args::Args, project::Project, run};

pub(crate) fn command(project: &Project, args: Args) -> Result<()> {
    args.finish()?;
    let findings = check(project)?;
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    run::say("tidy");
    Ok(())
}

fn check(project: &Project) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in tracked(project)? {
        let file = project.root.join(&path);
        // Removed but not yet committed, or no text.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        findings.extend(length(&path, &text));
        findings.extend(foreign_names(project, &path, &text));
        if path.ends_with(".md") {
            findings.extend(links(&file, &path, &text));
            findings.extend(named_tests(project, &path, &text));
        } else {
            findings.extend(named_docs(project, &path, &text));
        }
    }
    let justfile = fs::read_to_string(project.root.join("justfile"))?;
    findings.extend(recipes(&justfile));
    Ok(findings)
}

fn tracked(project: &Project) -> Result<Vec<String>> {
    let list = run::read(
        Command::new("git")
            .args(["ls-files"])
            .current_dir(&project.root),
    )?;
    Ok(list.lines().map(str::to_owned).collect())
}

fn length(path: &str, text: &str) -> Option<String> {
    let code = CODE.iter().any(|ending| path.ends_with(ending));
    let lines = text.lines().count();
    let long = code && lines > FILE_LINES_MAX && !LONG.contains(&path);
    long.then(|| format!("{path}: {lines} lines, at most {FILE_LINES_MAX}"))
}

/// The project must read the same to someone who has only the project.
fn foreign_names(project: &Project, path: &str, text: &str) -> Vec<String> {
    let mut names = vec![project.root.display().to_string()];
    names.extend(std::env::var("HOME").ok().filter(|home| home.len() > 1));
    names.extend(FOREIGN.iter().map(|parts| parts.concat()));
    let allowed = CORPUS.concat();
    let text = text.replace(&allowed, "");
    let found = |name: &String| {
        text.match_indices(name.as_str()).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            let inner = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            !before.ends_with(inner) && !after.starts_with(inner)
        })
    };
    names
        .iter()
        .filter(|name| found(name))
        .map(|name| format!("{path}: names {name}"))
        .collect()
}

/// Relative links only: others cannot be checked without the network.
fn links(file: &Path, path: &str, text: &str) -> Vec<String> {
    let dir = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '<']))
        .filter(|target| !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty() && !dir.join(target).exists())
        .map(|target| format!("{path}: links to {target}, which does not exist"))
        .collect()
}

/// Where a text says "`name` in `file.rs`", that function is in that file.
fn named_tests(project: &Project, path: &str, text: &str) -> Vec<String> {
    let text: Vec<_> = text.split_whitespace().collect();
    let text = text.join(" ");
    let parts: Vec<_> = text.split("` in `").collect();
    let named = parts.windows(2).filter_map(|pair| {
        let name = pair[0].rsplit('`').next()?;
        let file = pair[1].split('`').next()?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (file.ends_with(".rs") && !name.is_empty() && name.chars().all(is_name))
            .then_some((name, file))
    });
    named
        .filter(|(name, file)| {
            let text = fs::read_to_string(project.root.join(file)).unwrap_or_default();
            !text.contains(&format!("fn {name}("))
        })
        .map(|(name, file)| format!("{path}: names {name} in {file}, where it is not"))
        .collect()
}

/// Documents that a comment names by their path from the root.
fn named_docs(project: &Project, path: &str, text: &str) -> Vec<String> {
    let is_comment = |line: &&str| {
        COMMENTS
            .iter()
            .any(|mark| line.trim_start().starts_with(mark))
    };
    let in_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_');
    let named = text.lines().filter(is_comment).flat_map(|line| {
        line.match_indices("docs/").filter_map(move |(at, _)| {
            let end = line[at..]
                .find(|c| !in_path(c))
                .map_or(line.len(), |len| at + len);
            let is_whole = !line[..at].ends_with(in_path);
            let name = line[at..end].trim_end_matches('.');
            (is_whole && name.ends_with(".md")).then_some(name)
        })
    });
    named
        .filter(|name| !project.root.join(name).exists())
        .map(|name| format!("{path}: names {name}, which does not exist"))
        .collect()
}

const COMMENTS: &[&str] = &["//", "#", "*", "<!--"];

/// One recipe for each command, of the same name, and none that calls an unknown one.
fn recipes(justfile: &str) -> Vec<String> {
    let lines = || justfile.lines().map(str::trim_end);
    let called: Vec<_> = lines()
        .filter_map(|line| line.trim_start().strip_prefix("cargo xtask "))
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    let lacking = COMMANDS.iter().map(|command| command.name).filter(|name| {
        let recipe = |line: &str| line.split([' ', ':']).next() == Some(name);
        !(lines().any(recipe) && called.contains(name))
    });
    let unknown = called
        .iter()
        .filter(|name| COMMANDS.iter().all(|known| known.name != **name));
    lacking
        .map(|name| format!("justfile: no recipe for `cargo xtask {name}`"))
        .chain(unknown.map(|name| format!("justfile: `cargo xtask {name}` does not exist")))
        .collect()
}

const CODE: &[&str] = &[
    ".rs", ".ts", ".svelte", ".js", ".mjs", ".css", ".proto", ".py", ".sh",
];
const FILE_LINES_MAX: usize = 600;

/// Longer files, each with its reason. The list may only shrink.
const LONG: &[&str] = &[
    // The schema of the producers, one file by protobuf's own convention.
    "proto/dashstream.proto",
];

/// In pieces, so that this file does not name them itself.
const FOREIGN: &[&[&str]] = &[
    &["/work", "/main"],
    &["/tmp", "/brief"],
    &["..", "/shared"],
    &[".lib", "rary"],
    &["artif", "actory"],
];

/// Where captures of real traffic may lie beside a checkout; documented, and optional.
const CORPUS: &[&str] = &["..", "/shared", "/corpus"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let findings = check(&Project::locate().unwrap()).unwrap();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn a_long_file_is_found() {
        let text = "x\n".repeat(FILE_LINES_MAX + 1);
        assert!(length("a.rs", &text).is_some());
        assert!(length("a.rs", &text[2..]).is_none());
        assert!(length("a.lock", &text).is_none());
    }

    #[test]
    fn a_foreign_name_is_found() {
        let project = Project::locate().unwrap();
        let names = |text: &str| foreign_names(&project, "a", text).len();
        assert_eq!(
            names(&format!("see {}/xtask", project.root.display())),
            expected_for_root(&project)
        );
        assert_eq!(names(&format!("{}/style.md", FOREIGN[2].concat())), 1);
        assert_eq!(names(&format!("{}/x", CORPUS.concat())), 0);
        assert_eq!(names(&format!("a{}x", FOREIGN[2].concat())), 0);
    }

    /// The name of the checkout can also be one of the names that are always foreign.
    fn expected_for_root(project: &Project) -> usize {
        let root = project.root.display().to_string();
        1 + FOREIGN
            .iter()
            .filter(|parts| root == parts.concat())
            .count()
    }

    #[test]
    fn a_dead_link_is_found() {
        let file = Project::locate().unwrap().root.join("README.md");
        let check = |text| links(&file, "README.md", text).len();
        assert_eq!(
            check("[a](Cargo.toml) [b](https://x.y) [c](#d) [e](xtask/src#f)"),
            0
        );
        assert_eq!(check("[a](no-such-file.md) and [b](docs/none.md#c)"), 2);
    }

    #[test]
    fn a_test_that_is_elsewhere_is_found() {
        let project = Project::locate().unwrap();
        let check = |text| named_tests(&project, "a.md", text).len();
        assert_eq!(
            check("`the_tree_is_tidy` in\n`xtask/src/tidy.rs`, `x` in `y`"),
            0
        );
        assert_eq!(check("`no_such_test` in `xtask/src/tidy.rs`"), 1);
        assert_eq!(check("`the_tree_is_tidy` in `xtask/src/none.rs`"), 1);
    }

    #[test]
    fn a_document_that_is_not_there_is_found() {
        let project = Project::locate().unwrap();
        let check = |text| named_docs(&project, "a.rs", text).len();
        assert_eq!(
            check("//! See docs/cli.md. Or x/docs/none.md\nlet a = \"docs/none.md\";"),
            0
        );
        assert_eq!(
            check("    // as docs/none.md says, and docs/nothing.md."),
            2
        );
    }

    #[test]
    fn justfile_and_commands_are_compared() {
        let whole: String = COMMANDS
            .iter()
            .map(|command| {
                format!(
                    "{0} *ARGS:\n    cargo xtask {0} {{{{ARGS}}}}\n",
                    command.name
                )
            })
            .collect();
        assert_eq!(recipes(&whole), Vec::<String>::new());
        assert_eq!(
            recipes(&whole.replacen("setup *ARGS", "set *ARGS", 1)).len(),
            1
        );
        assert_eq!(
            recipes(&format!("{whole}\nx:\n    cargo xtask nothing\n")).len(),
            1
        );
    }
}
