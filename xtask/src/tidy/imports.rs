//! Who uses whom. The imports of every crate and of the page are read; files that need each other, arrows against
//! the table of rooms in ARCHITECTURE.md, and modules of other crates that are given on as a crate's own are findings.
//!
//! A file uses another when code outside tests names something that the other defines, in an import or in a path.
//! Names lead to the file that defines them: a parent that only declares a module and gives its names on (`mod x;
//! pub use x::X;`) does not use it, and who says `parent::X` uses the file of `x`, not the parent.

mod circles;
mod manifest;
mod module_tree;
mod rooms;
mod script;
mod source;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use manifest::Manifest;
use module_tree::ModuleTree;
use source::Import;

/// The text of every file, by its path from the root.
pub(super) type Tree = BTreeMap<String, String>;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let manifests = manifest::read(tree);
    let mut arrows = script::arrows(tree, PAGE);
    let mut libraries = BTreeMap::new();
    let mut given_on = Vec::new();
    for manifest in &manifests {
        for root in manifest.roots(tree) {
            let modules = ModuleTree::read(tree, root);
            arrows.extend(modules.arrows());
            let paths = modules.given_on();
            given_on.extend(paths.map(|(file, import)| (file.to_owned(), import.clone())));
            if root.ends_with("/lib.rs") {
                libraries.insert(manifest.library(), modules);
            }
        }
    }
    given_on.retain(|(_, import): &(String, Import)| {
        let (library, path) = import.path.split_first().unzip();
        let modules = library.and_then(|library| libraries.get(library));
        modules.is_some_and(|modules: &ModuleTree| modules.is_module(path.unwrap_or_default()))
    });
    let mut findings = circles::findings(&circles::circles(&arrows), &arrows);
    findings.extend(against_rooms(tree, &manifests, &arrows));
    let given_on = given_on.iter().map(|(file, import)| {
        let path = import.path.join("::");
        format!("{file}: gives on {path}, a module of another crate")
    });
    findings.extend(given_on);
    findings
}

fn against_rooms(
    tree: &Tree,
    manifests: &[Manifest],
    arrows: &BTreeSet<(String, String)>,
) -> Vec<String> {
    let document = tree.get(rooms::DOCUMENT).map_or("", String::as_str);
    let rows = match rooms::read(document) {
        Ok(rows) => rows,
        Err(finding) => return vec![finding],
    };
    let (crates, folders) = (crate_names(manifests), source_files(tree, manifests));
    let between = crate_arrows(manifests);
    rows.iter()
        .flat_map(|row| {
            if row.is_of_crates() {
                row.findings(&between, crates.iter().copied())
            } else {
                row.findings(arrows, folders.iter().copied())
            }
        })
        .collect()
}

fn crate_names(manifests: &[Manifest]) -> Vec<&str> {
    manifests
        .iter()
        .map(|manifest| manifest.folder.as_str())
        .collect()
}

fn source_files<'a>(tree: &'a Tree, manifests: &[Manifest]) -> Vec<&'a str> {
    let sources: Vec<_> = manifests
        .iter()
        .map(|manifest| format!("{}/", manifest.source()))
        .collect();
    let is_source = |file: &str| {
        let rust = file.ends_with(".rs") && !file.ends_with("/tests.rs");
        rust && sources.iter().any(|source| file.starts_with(source))
            || script::is_source(file, PAGE)
    };
    tree.keys()
        .map(String::as_str)
        .filter(|file| is_source(file))
        .collect()
}

fn crate_arrows(manifests: &[Manifest]) -> BTreeSet<(String, String)> {
    let folder_of = |package: &String| {
        let known = manifests
            .iter()
            .find(|manifest| manifest.package == *package);
        known.map(|manifest| manifest.folder.clone())
    };
    manifests
        .iter()
        .flat_map(|manifest| {
            let needed = manifest.needs.iter().filter_map(folder_of);
            needed.map(|folder| (manifest.folder.clone(), folder))
        })
        .collect()
}

const PAGE: &str = "web/src";

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "<!-- rooms: begin -->\n| `crates` | `a > b` |\n| `a/src` | `x > y` |\n\
                         | `web/src` | `main > base` |\n<!-- rooms: end -->";

    fn clean() -> Tree {
        [
            ("ARCHITECTURE.md", TABLE),
            (
                "a/Cargo.toml",
                "[package]\nname = \"a\"\n[dependencies]\nb-lib.workspace = true",
            ),
            ("a/src/lib.rs", "mod x; mod y; pub use b_lib::Clock;"),
            ("a/src/x.rs", "use crate::y::Y;"),
            ("a/src/y.rs", "pub struct Y;"),
            ("b/Cargo.toml", "[package]\nname = \"b-lib\""),
            ("b/src/lib.rs", "pub mod clock; pub use clock::Clock;"),
            ("b/src/clock.rs", "pub struct Clock;"),
            ("web/src/main.ts", "import { a } from \"./base/a.js\";"),
            ("web/src/base/a.ts", ""),
        ]
        .map(|(file, text)| (file.to_owned(), text.to_owned()))
        .into()
    }

    fn with(file: &str, text: &str) -> Vec<String> {
        let mut tree = clean();
        tree.insert(file.to_owned(), text.to_owned());
        check(&tree)
    }

    #[test]
    fn a_clean_tree_passes() {
        assert_eq!(check(&clean()), Vec::<String>::new());
    }

    #[test]
    fn circles_of_crates_and_page_are_found() {
        let found = with("a/src/y.rs", "pub struct Y; fn f(x: crate::x::X) {}");
        assert!(
            found[0].starts_with("a/src/x.rs: in a circle of 2 files"),
            "{found:?}"
        );
        let found = with(
            "web/src/base/a.ts",
            "import type { M } from \"../main.js\";",
        );
        assert!(
            found[0].starts_with("web/src/base/a.ts: in a circle"),
            "{found:?}"
        );
    }

    #[test]
    fn arrows_against_the_table_are_found() {
        let found = with("a/src/y.rs", "pub struct Y; use crate::x::X;");
        assert!(
            found
                .iter()
                .any(|one| one.contains("against the rooms of a/src")),
            "{found:?}"
        );
        let found = with(
            "b/Cargo.toml",
            "[package]\nname = \"b-lib\"\n[dependencies]\na.workspace = true",
        );
        assert_eq!(found, ["b: uses a, against the rooms of crates"]);
        let found = with("c/Cargo.toml", "[package]\nname = \"c\"");
        assert!(found[0].contains("has the room c"), "{found:?}");
    }

    #[test]
    fn a_module_of_another_crate_is_not_given_on() {
        let found = with(
            "a/src/lib.rs",
            "mod x; mod y; pub use b_lib::{clock, Clock};",
        );
        assert_eq!(
            found,
            ["a/src/lib.rs: gives on b_lib::clock, a module of another crate"]
        );
        let found = with("a/src/lib.rs", "mod x; mod y; pub use b_lib as b;");
        assert_eq!(
            found,
            ["a/src/lib.rs: gives on b_lib, a module of another crate"]
        );
    }
}
