//! Subjects of commits. History is not rewritten, so the rule holds for what came after it.

use std::process::Command;

use anyhow::Result;

use crate::{project::Project, run};

/// Empty in a shallow clone, whose history may not reach back to the commit from which on the rule holds.
pub(super) fn check(project: &Project) -> Result<Vec<String>> {
    let git =
        |words: &[&str]| run::read(Command::new("git").args(words).current_dir(&project.root));
    if git(&["merge-base", "--is-ancestor", SINCE, "HEAD"]).is_err() {
        let shallow = git(&["rev-parse", "--is-shallow-repository"])?;
        let missing = format!("commit {SINCE}: not in the history, so no subject can be checked");
        return Ok(if shallow.trim() == "true" {
            Vec::new()
        } else {
            vec![missing]
        });
    }
    let subjects = git(&[
        "log",
        "--no-merges",
        "--format=%h %s",
        &format!("{SINCE}..HEAD"),
    ])?;
    Ok(subjects.lines().filter_map(long).collect())
}

fn long(line: &str) -> Option<String> {
    let (commit, subject) = line.split_once(' ')?;
    let columns = subject.chars().count();
    (columns > SUBJECT_COLUMNS_MAX).then(|| {
        format!("commit {commit}: a subject of {columns} characters, at most {SUBJECT_COLUMNS_MAX}")
    })
}

const SINCE: &str = "afbf81a3";
const SUBJECT_COLUMNS_MAX: usize = 72;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_subject_is_found() {
        assert_eq!(long(&format!("abc1234 {}", "x".repeat(72))), None);
        assert!(long(&format!("abc1234 {}", "x".repeat(73))).is_some());
    }
}
