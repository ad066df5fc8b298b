//! What is in the programs, as a CycloneDX list: every crate that Cargo compiles into them, by version and licence.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::{Context as _, Result, ensure};

use crate::{project::Project, run};

pub(super) fn of(project: &Project, packages: &[&str]) -> Result<String> {
    let mut command = run::cargo();
    command
        .args(["tree", "--locked", "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}|{l}"])
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .current_dir(&project.root);
    let tree = run::read(&mut command)?;
    let version = super::version(project)?;
    let crates = tree.lines().filter(|line| !line.is_empty());
    let crates: BTreeSet<_> = crates
        .map(|line| Crate::parse(line).with_context(|| format!("cargo tree says {line}")))
        .collect::<Result<_>>()?;
    ensure!(crates.len() > packages.len(), "cargo tree lists no crates");
    document(&version, &crates)
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate<'a> {
    name: &'a str,
    version: &'a str,
    licence: &'a str,
}

impl<'a> Crate<'a> {
    /// `name v1.2.3 (proc-macro)|MIT`; ` (*)` follows where a crate was listed before.
    fn parse(line: &'a str) -> Option<Self> {
        let (package, licence) = line.split_once('|')?;
        let mut words = package.split_whitespace();
        Some(Self {
            name: words.next()?,
            version: words.next()?.strip_prefix('v')?,
            licence: licence.trim_end_matches(" (*)"),
        })
    }
}

fn document(version: &str, crates: &BTreeSet<Crate<'_>>) -> Result<String> {
    let mut text = format!(
        "{{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n  \"metadata\": {{\n    \
         \"component\": {{\"type\": \"application\", \"name\": \"dashstream-relay\", \"version\": {}}}\n  }},\n  \
         \"components\": [",
        quoted(version)
    );
    for (at, one) in crates.iter().enumerate() {
        let purl = format!("pkg:cargo/{}@{}", one.name, one.version);
        write!(
            text,
            "{}\n    {{\"type\": \"library\", \"name\": {}, \"version\": {}, \"purl\": {}, \"bom-ref\": {}",
            if at == 0 { "" } else { "," },
            quoted(one.name),
            quoted(one.version),
            quoted(&purl),
            quoted(&purl),
        )?;
        if !one.licence.is_empty() {
            // Older crates write a slash where the standard has OR.
            let licence = one.licence.replace('/', " OR ").replace("  ", " ");
            write!(
                text,
                ", \"licenses\": [{{\"expression\": {}}}]",
                quoted(&licence)
            )?;
        }
        text.push('}');
    }
    text.push_str("\n  ]\n}\n");
    Ok(text)
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_cargo_tree_are_read() {
        let read = |line| Crate::parse(line).map(|one| (one.name, one.version, one.licence));
        assert_eq!(
            read("serde v1.0.2 (proc-macro)|MIT OR Apache-2.0 (*)"),
            Some(("serde", "1.0.2", "MIT OR Apache-2.0"))
        );
        assert_eq!(read("a v0.1.0 (/x/a)|"), Some(("a", "0.1.0", "")));
        assert_eq!(read("[build-dependencies]"), None);
    }

    #[test]
    fn the_list_is_json_with_each_crate_once() {
        let crates = [
            "b v2.0.0|MIT/Apache-2.0",
            "a v1.0.0|",
            "b v2.0.0|MIT/Apache-2.0",
        ];
        let crates = crates
            .iter()
            .filter_map(|line| Crate::parse(line))
            .collect();
        let text = document("0.1.0", &crates).unwrap();
        assert_eq!(text.matches("\"purl\"").count(), 2);
        assert!(text.contains("{\"expression\": \"MIT OR Apache-2.0\"}"));
        assert_eq!(quoted("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
    }
}
