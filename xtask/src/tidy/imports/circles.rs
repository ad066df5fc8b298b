//! Files that need each other: the strongly connected parts of the graph of arrows.
//!
//! A module may be written in several files, `x.rs` with the files of `x/`: these may use what their own parent
//! defines, although it uses them. Such arrows to a parent alone make no circle; files beside each other do.

use std::collections::{BTreeMap, BTreeSet};

type Arrows = BTreeSet<(String, String)>;

/// Each circle, as the set of its files.
pub(super) fn circles(arrows: &Arrows) -> Vec<BTreeSet<String>> {
    let (own, circles) = connected(arrows)
        .into_iter()
        .partition::<Vec<_>, _>(|part| parent_of_all(part).is_some());
    let inside = own.iter().flat_map(|part| {
        let parent = parent_of_all(part);
        let kept = arrows
            .iter()
            .filter(|(from, to)| part.contains(from) && part.contains(to) && Some(to) != parent);
        self::circles(&kept.cloned().collect())
    });
    circles.iter().cloned().chain(inside).collect()
}

/// The file of a module of which all the others are children.
fn parent_of_all(part: &BTreeSet<String>) -> Option<&String> {
    part.iter().find(|file| {
        let folder = module_folder(file);
        let is_child = |other: &String| other == *file || other.starts_with(&folder);
        !is_root(file) && part.iter().all(is_child)
    })
}

/// Where the children of a module's file are.
fn module_folder(file: &str) -> String {
    let stem = file
        .strip_suffix("/mod.rs")
        .or_else(|| file.strip_suffix(".rs"));
    format!("{}/", stem.unwrap_or(file))
}

/// Everything is a child of these.
fn is_root(file: &str) -> bool {
    file.ends_with("/lib.rs") || file.ends_with("/main.rs")
}

fn connected(arrows: &Arrows) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = arrows
        .iter()
        .map(|(from, _)| (from.as_str(), reach(arrows, from)))
        .collect();
    let mut parts: Vec<BTreeSet<String>> = Vec::new();
    for (from, all) in &reached {
        if parts.iter().any(|part| part.contains(*from)) {
            continue;
        }
        let back = |to: &&&str| {
            reached
                .get(**to)
                .is_some_and(|targets| targets.contains(from))
        };
        let part: BTreeSet<String> = all
            .iter()
            .filter(back)
            .map(|&file| file.to_owned())
            .collect();
        if part.len() > 1 {
            parts.push(part);
        }
    }
    parts
}

/// Every file to which arrows lead from this one. Graphs of one crate are small.
fn reach<'a>(arrows: &'a Arrows, from: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        let targets = arrows.iter().filter(|(source, _)| source == file);
        open.extend(
            targets
                .map(|(_, to)| to.as_str())
                .filter(|to| found.insert(*to)),
        );
    }
    found
}

/// Each circle, with the arrows inside.
pub(super) fn findings(circles: &[BTreeSet<String>], arrows: &Arrows) -> Vec<String> {
    let mut findings = Vec::new();
    for circle in circles {
        let inside: Vec<_> = arrows
            .iter()
            .filter(|(from, to)| circle.contains(from) && circle.contains(to))
            .map(|(from, to)| format!("    {from} -> {to}"))
            .collect();
        let first = circle.first().map_or("", String::as_str);
        findings.push(format!(
            "{first}: in a circle of {} files:\n{}",
            circle.len(),
            inside.join("\n")
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(text: &str) -> Arrows {
        let pairs = text.split(' ').filter_map(|arrow| arrow.split_once('>'));
        pairs
            .map(|(from, to)| (from.to_owned(), to.to_owned()))
            .collect()
    }

    fn shown(text: &str) -> Vec<String> {
        let circles = circles(&arrows(text));
        let files = circles
            .into_iter()
            .map(|circle| circle.into_iter().collect::<String>());
        files.collect()
    }

    #[test]
    fn circles_are_found_and_trees_are_none() {
        assert_eq!(shown("a>b b>c a>c"), Vec::<String>::new());
        assert_eq!(shown("a>b b>a c>a"), ["ab"]);
        assert_eq!(shown("a>b b>c c>a c>d d>e e>d e>f"), ["abc", "de"]);
    }

    #[test]
    fn children_may_use_their_own_parent() {
        for parent in ["x.rs", "x/mod.rs"] {
            let own = format!("{parent}>x/a.rs x/a.rs>{parent} {parent}>x/b.rs x/b.rs>{parent}");
            assert_eq!(shown(&own), Vec::<String>::new());
            let siblings = format!("{own} x/a.rs>x/b.rs x/b.rs>x/a.rs");
            assert_eq!(shown(&siblings), ["x/a.rsx/b.rs"]);
            let through_another = format!("{own} x/a.rs>y.rs y.rs>{parent}");
            assert_eq!(circles(&arrows(&through_another))[0].len(), 4);
        }
        assert_eq!(shown("s/lib.rs>s/a.rs s/a.rs>s/lib.rs"), ["s/a.rss/lib.rs"]);
    }
}
