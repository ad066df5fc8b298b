//! Rules for every text: its length, the width of comments, and names that only one machine knows.

use crate::project::Project;

pub(super) fn length(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let written = is_code(path) && !path.contains("/generated/");
    let long = written && lines > FILE_LINES_MAX && !LONG.contains(&path);
    long.then(|| format!("{path}: {lines} lines, at most {FILE_LINES_MAX}"))
}

/// A merge that was committed half done.
pub(super) fn conflict(path: &str, text: &str) -> Option<String> {
    let marks = ["<<<<<<< ", ">>>>>>> "];
    let line = text
        .lines()
        .position(|line| marks.iter().any(|mark| line.starts_with(mark)))?;
    Some(format!("{path}:{}: the mark of a conflict", line + 1))
}

/// The formatter keeps code to its width, and leaves comments as they are.
pub(super) fn comment_width(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let comment = line.trim_start();
        let table = comment.trim_start_matches(['/', '!', ' ']).starts_with('|');
        comment.starts_with("//") && !table && line.chars().count() > COMMENT_COLUMNS_MAX
    });
    let lines = lines.filter(|_| is_code(path));
    lines
        .map(|(at, _)| {
            format!(
                "{path}:{}: a comment over {COMMENT_COLUMNS_MAX} columns",
                at + 1
            )
        })
        .collect()
}

/// The project must read the same to someone who has only the project: no text names the folder it is in, nor the
/// home of whoever is logged in.
pub(super) fn local_names(project: &Project, path: &str, text: &str) -> Vec<String> {
    let home = std::env::var("HOME").unwrap_or_default();
    local(&[&project.root.display().to_string(), &home], path, text)
}

fn local(roots: &[&str], path: &str, text: &str) -> Vec<String> {
    let found = |name: &str| {
        text.match_indices(name).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            let inner = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            !before.ends_with(inner) && !after.starts_with(inner)
        })
    };
    roots
        .iter()
        .filter(|name| name.len() > 1 && found(name))
        .map(|name| format!("{path}: names {name}, a folder of this machine"))
        .collect()
}

fn is_code(path: &str) -> bool {
    CODE.iter().any(|ending| path.ends_with(ending))
}

const CODE: &[&str] = &[
    ".rs", ".ts", ".svelte", ".js", ".mjs", ".css", ".proto", ".py", ".sh",
];
const FILE_LINES_MAX: usize = 600;
const COMMENT_COLUMNS_MAX: usize = 120;

/// Longer files, each with its reason. The list may only shrink.
const LONG: &[&str] = &[
    // The schema of the producers, one file by protobuf's own convention.
    "proto/dashstream.proto",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found() {
        let text = "x\n".repeat(FILE_LINES_MAX + 1);
        assert!(length("a.rs", &text).is_some());
        assert!(length("a.rs", &text[2..]).is_none());
        assert!(length("a.lock", &text).is_none());
        assert!(length("src/generated/a.rs", &text).is_none());
    }

    #[test]
    fn the_mark_of_a_conflict_is_found() {
        let text = ["a", &format!("{} HEAD", "<".repeat(7)), "b"].join("\n");
        assert!(conflict("a.md", &text).is_some_and(|found| found.starts_with("a.md:2:")));
        assert_eq!(conflict("a.md", "a << b\n=======\n"), None);
    }

    #[test]
    fn a_wide_comment_is_found() {
        let wide = format!("    /// {}", "word ".repeat(25));
        assert_eq!(comment_width("a.rs", &wide).len(), 1);
        assert_eq!(comment_width("a.md", &wide).len(), 0);
        assert_eq!(
            comment_width("a.rs", &wide.replace("/// ", "/// | ")).len(),
            0
        );
    }

    #[test]
    fn a_name_of_this_machine_is_found() {
        let count = |text: &str| local(&["/src/checkout", "/home/me", "/"], "a", text).len();
        assert_eq!(count("see /src/checkout/xtask"), 1);
        assert_eq!(count("(/home/me) and /src/checkout"), 2);
        assert_eq!(count("/home/mean, x/src/checkout, /src/checkout-2, /"), 0);
    }
}
