//! `cargo xtask requirements`: which test names which requirement of `docs/requirements.md`.
//!
//! A Rust test names an id in its body, its documentation or the comments above it; a TypeScript test in
//! its call or the comments above it. An id named elsewhere in the code does not count.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use crate::{args::Args, project::Project, stamp::files_below};

pub(crate) fn command(project: &Project, args: Args) -> Result<()> {
    args.finish()?;
    let list = project.root.join("docs/requirements.md");
    let text = fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    let mut held: BTreeMap<_, Vec<String>> = ids(&text).map(|id| (id, Vec::new())).collect();
    ensure!(!held.is_empty(), "{} lists no requirement", list.display());
    let mut unknown = Vec::new();
    for file in sources(project)? {
        let path = file
            .strip_prefix(&project.root)
            .unwrap_or(&file)
            .display()
            .to_string();
        for (id, test) in named(&fs::read_to_string(&file)?, &file) {
            // UTF-16 and its like look the same; only a family of ours can be mistaken.
            if !held.keys().any(|known| family(known) == family(&id)) {
                continue;
            }
            match held.get_mut(id.as_str()) {
                Some(tests) => tests.push(format!("{path}: {test}")),
                None => unknown.push(format!("{path}: {test}: {id}")),
            }
        }
    }
    print(&held);
    ensure!(
        unknown.is_empty(),
        "ids that docs/requirements.md does not have:\n{}",
        unknown.join("\n")
    );
    Ok(())
}

fn print(held: &BTreeMap<&str, Vec<String>>) {
    for (id, tests) in held.iter().filter(|(_, tests)| !tests.is_empty()) {
        println!("{id}");
        for test in tests {
            println!("    {test}");
        }
    }
    let open: Vec<_> = held
        .iter()
        .filter(|(_, tests)| tests.is_empty())
        .map(|(id, _)| *id)
        .collect();
    println!("\nwithout a test: {}", open.len());
    for line in open.chunks(12) {
        println!("    {}", line.join(" "));
    }
    println!(
        "{} of {} requirements have a test",
        held.len() - open.len(),
        held.len()
    );
}

/// The ids at the start of a list item, in bold.
fn ids(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter_map(|line| {
        let id = line.strip_prefix("- **")?.split("**").next()?;
        is_id(id).then_some(id)
    })
}

fn is_id(text: &str) -> bool {
    let Some((family, number)) = text.split_once('-') else {
        return false;
    };
    (2..=3).contains(&family.len())
        && family.bytes().all(|byte| byte.is_ascii_uppercase())
        && number.len() == 2
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn family(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

fn sources(project: &Project) -> Result<Vec<PathBuf>> {
    let mut files = files_below(&project.root)?;
    files.retain(|file| {
        let name = file.to_string_lossy();
        let typescript = [".test.ts", ".spec.ts", ".test.mjs"]
            .iter()
            .any(|end| name.ends_with(end));
        typescript || name.ends_with(".rs")
    });
    Ok(files)
}

/// Pairs of an id and the name of the test that names it.
fn named(source: &str, file: &Path) -> Vec<(String, String)> {
    let rust = file.extension().is_some_and(|ending| ending == "rs");
    let mut found = Vec::new();
    for test in if rust {
        rust_tests(source)
    } else {
        typescript_tests(source)
    } {
        let mut ids: Vec<_> = words(&test.text).filter(|word| is_id(word)).collect();
        ids.sort_unstable();
        ids.dedup();
        found.extend(ids.into_iter().map(|id| (id.to_owned(), test.name.clone())));
    }
    found
}

struct Test {
    name: String,
    text: String,
}

/// A test reaches from the comments above it to the closing brace at its own depth.
fn rust_tests(source: &str) -> Vec<Test> {
    let lines: Vec<_> = source.lines().collect();
    let mut tests = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let attribute = line.trim_start();
        if !(attribute.starts_with("#[test]") || attribute.starts_with("#[tokio::test")) {
            continue;
        }
        let indent = line.len() - attribute.len();
        let start = first_line_above(&lines, at);
        let end = (at..lines.len())
            .find(|&i| lines[i].starts_with('}') && indent == 0 || lines[i] == closing(indent))
            .unwrap_or(lines.len() - 1);
        let body = &lines[start..=end];
        let name = body
            .iter()
            .find_map(|line| line.split("fn ").nth(1)?.split(['(', '<']).next());
        if let Some(name) = name {
            tests.push(Test {
                name: name.to_owned(),
                text: body.join("\n"),
            });
        }
    }
    tests
}

/// A test reaches from the comments above it to the next one.
fn typescript_tests(source: &str) -> Vec<Test> {
    let lines: Vec<_> = source.lines().collect();
    let opens = |line: &str| {
        let line = line.trim_start();
        ["test(", "it(", "test.each(", "it.each("]
            .iter()
            .any(|open| line.starts_with(open))
    };
    let starts: Vec<_> = (0..lines.len()).filter(|&at| opens(lines[at])).collect();
    let mut tests = Vec::new();
    for (index, &at) in starts.iter().enumerate() {
        let end = starts
            .get(index + 1)
            .map_or(lines.len(), |&next| first_line_above(&lines, next));
        let start = first_line_above(&lines, at);
        let name = lines[at]
            .split(['\'', '"', '`'])
            .nth(1)
            .unwrap_or("test")
            .to_owned();
        tests.push(Test {
            name,
            text: lines[start..end.max(at + 1)].join("\n"),
        });
    }
    tests
}

/// Comments and attributes that belong to the line.
fn first_line_above(lines: &[&str], at: usize) -> usize {
    let belongs = |line: &str| {
        let line = line.trim_start();
        ["//", "#[", "/*", "*"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut start = at;
    while start > 0 && belongs(lines[start - 1]) {
        start -= 1;
    }
    start
}

fn closing(indent: usize) -> String {
    format!("{}}}", " ".repeat(indent))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, file: &str, expected: &[(&str, &str)]) {
        let found = named(source, Path::new(file));
        let found: Vec<_> = found
            .iter()
            .map(|(id, test)| (id.as_str(), test.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_list_is_read() {
        let list = "# R\n- **AAA-01** One.\n- **AAA-02** Two, like BBB-09.\n- other\n";
        assert_eq!(ids(list).collect::<Vec<_>>(), ["AAA-01", "AAA-02"]);
    }

    #[test]
    fn rust_tests_name_ids_in_body_and_comment() {
        let source = "// AAA-09 of no test\nfn helper() {}\n\n/// Holds AAA-01.\n#[test]\n\
                      fn one() {\n    // and AAA-02, AAA-01\n}\n\nmod m {\n    #[tokio::test]\n    \
                      async fn two() {\n        check(\"AAA-03\");\n    }\n    // AAA-08\n}\n";
        check(
            source,
            "a.rs",
            &[("AAA-01", "one"), ("AAA-02", "one"), ("AAA-03", "two")],
        );
    }

    #[test]
    fn typescript_tests_name_ids() {
        let source = "// AAA-09 elsewhere\n\ntest('first AAA-01', () => {\n  // AAA-02\n});\n\
                      // holds AAA-03\nit(\"second\", () => {});\n";
        let expected = [
            ("AAA-01", "first AAA-01"),
            ("AAA-02", "first AAA-01"),
            ("AAA-03", "second"),
        ];
        check(source, "a.test.ts", &expected);
    }
}
