//! What documents and comments name has to be there: links, tests, other documents. And prose keeps to its width.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::imports::Tree;
use crate::project::Project;

/// Relative links only: others cannot be checked without the network.
pub(super) fn links(file: &Path, path: &str, text: &str) -> Vec<String> {
    let dir = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    relative_links(text)
        .filter(|target| !dir.join(target).exists())
        .map(|target| format!("{path}: links to {target}, which does not exist"))
        .collect()
}

/// Where the relative links of a text lead.
pub(crate) fn relative_links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '<']))
        .filter(|target| !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
}

/// Where a text says "`name` in `file.rs`", that function is in that file.
pub(super) fn named_tests(project: &Project, path: &str, text: &str) -> Vec<String> {
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

/// A table whose last column is "test" names tests that some Rust source has.
pub(super) fn tests_of_tables(tree: &Tree, path: &str, text: &str) -> Vec<String> {
    let mut is_of_tests = false;
    let mut findings = Vec::new();
    for line in text.lines() {
        let Some(row) = line.strip_prefix('|') else {
            is_of_tests = false;
            continue;
        };
        let row = row.trim_end().trim_end_matches('|');
        let cell = row.rsplit('|').next().unwrap_or_default().trim();
        is_of_tests |= cell == "test";
        // Every second part is between backticks.
        let named = cell.split('`').skip(1).step_by(2);
        let missing = named.filter(|name| is_of_tests && !has_test(tree, name));
        findings.extend(missing.map(|name| format!("{path}: there is no test {name}")));
    }
    findings
}

fn has_test(tree: &Tree, name: &str) -> bool {
    let head = format!("fn {name}(");
    let is_rust = |path: &str| Path::new(path).extension().is_some_and(|ext| ext == "rs");
    tree.iter()
        .filter(|(path, _)| is_rust(path))
        .any(|(_, text)| {
            text.match_indices(&head).any(|(at, _)| {
                // What stands right above: attributes and their comments, up to another item or an empty line.
                let above = text[..at].lines().rev().map(str::trim).skip_while(|line| {
                    matches!(*line, "" | "async" | "pub") // The start of the function's own line.
                });
                let mut above = above.take_while(|line| line.starts_with(['#', '/']));
                above.any(|line| line.starts_with("#[") && line.contains("test"))
            })
        })
}

/// Documents that a comment names by their path from the root.
pub(super) fn named_docs(project: &Project, path: &str, text: &str) -> Vec<String> {
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

/// Prose that no screen shows side by side is not reviewed. Tables and code cannot be wrapped, nor can a line that is
/// one long link.
pub(super) fn width(path: &str, text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        let columns = line.chars().count();
        let wraps = line.trim().contains(' ') && !line.contains("](http");
        if columns > PROSE_COLUMNS_MAX && wraps && !in_code && !line.starts_with('|') {
            findings.push(format!(
                "{path}:{}: {columns} columns of prose, at most {PROSE_COLUMNS_MAX}",
                at + 1
            ));
        }
    }
    findings
}

const PROSE_COLUMNS_MAX: usize = 120;
const COMMENTS: &[&str] = &["//", "#", "*", "<!--"];

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_test_of_a_table_that_is_nowhere_is_found() {
        let source = "#[test]\nfn here() {}\n\n    #[tokio::test]\n    async fn there() {}\n\nfn helper() {}\n";
        let tree = Tree::from([("a.rs".to_owned(), source.to_owned())]);
        let check = |cell: &str| {
            let text = format!("| a | test |\n| --- | --- |\n| `x` | {cell} |\n\n| `none` |\n");
            tests_of_tables(&tree, "a.md", &text).len()
        };
        assert_eq!(check("`here`, `there` and what has no name"), 0);
        assert_eq!(check("`here`, `helper`, `nowhere`"), 2);
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
    fn long_prose_is_found() {
        let long = "word ".repeat(25);
        assert_eq!(width("a.md", &format!("short\n{long}")).len(), 1);
        let fine = format!("| {long} |\n```\n{long}\n```\n[{long}](https://x.y)\n");
        assert_eq!(width("a.md", &fine), Vec::<String>::new());
    }
}
