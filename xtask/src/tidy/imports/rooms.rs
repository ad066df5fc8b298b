//! The table of rooms in ARCHITECTURE.md, and arrows against it. A row names a folder and its rooms from the top
//! down; a room is a file or a folder of that folder. Each may use those below it, and rooms side by side do not know
//! each other.

use std::collections::{BTreeMap, BTreeSet};

type Arrows = BTreeSet<(String, String)>;

/// One row of the table.
#[derive(Debug)]
pub(super) struct Rooms {
    folder: String,
    /// The floor of each room, 0 at the top.
    floors: BTreeMap<String, usize>,
}

/// The rows between the marks of the table. They are missing, or a row says nothing: that is an error.
pub(super) fn read(document: &str) -> Result<Vec<Rooms>, String> {
    let table = document
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .map(|(table, _)| table)
        .ok_or_else(|| format!("{DOCUMENT}: no table between {BEGIN} and {END}"))?;
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| parse(row).ok_or_else(|| format!("{DOCUMENT}: not a row of rooms: {row}")))
        .collect()
}

fn parse(row: &str) -> Option<Rooms> {
    let mut cells = row.trim_matches('|').split('|').map(str::trim);
    let folder = cells.next()?.trim_matches('`').to_owned();
    let floors = cells.next()?.trim_matches('`').split('>').enumerate();
    let rooms = floors.flat_map(|(floor, rooms)| {
        let names = rooms.split_whitespace();
        names.map(move |name| (name.to_owned(), floor))
    });
    Some(Rooms {
        folder,
        floors: rooms.collect(),
    })
}

impl Rooms {
    pub(super) fn is_of_crates(&self) -> bool {
        self.folder == CRATES
    }

    /// Arrows against the row, and rooms that only the folder or only the row has.
    pub(super) fn findings<'a>(
        &self,
        arrows: &Arrows,
        files: impl Iterator<Item = &'a str>,
    ) -> Vec<String> {
        let mut empty: BTreeSet<_> = self.floors.keys().map(String::as_str).collect();
        let mut findings = BTreeSet::new();
        for room in files.filter_map(|file| self.room(file)) {
            empty.remove(room);
            if !self.floors.contains_key(room) {
                findings.insert(format!(
                    "{DOCUMENT}: {} has the room {room}, which the table does not name",
                    self.folder
                ));
            }
        }
        findings.extend(
            empty
                .iter()
                .map(|room| format!("{DOCUMENT}: {} has no room {room}", self.folder)),
        );
        for (from, to) in arrows {
            let (Some(upper), Some(lower)) = (self.room(from), self.room(to)) else {
                continue;
            };
            let floor = |room| self.floors.get(room);
            if upper != lower && floor(upper) >= floor(lower) && floor(lower).is_some() {
                findings.insert(format!(
                    "{from}: uses {to}, against the rooms of {}",
                    self.folder
                ));
            }
        }
        findings.into_iter().collect()
    }

    /// The room a file is in. The root of a crate or of the folder is over all of them, and in none.
    fn room<'a>(&self, file: &'a str) -> Option<&'a str> {
        if self.is_of_crates() {
            return Some(file);
        }
        let inside = file.strip_prefix(&self.folder)?.strip_prefix('/')?;
        let name = inside.split(['/', '.']).next()?;
        let is_root = matches!(inside, "lib.rs" | "main.rs" | "mod.rs");
        Some(name).filter(|_| !is_root)
    }
}

/// The row whose rooms are the crates themselves.
const CRATES: &str = "crates";
pub(super) const DOCUMENT: &str = "ARCHITECTURE.md";
const BEGIN: &str = "<!-- rooms: begin -->";
const END: &str = "<!-- rooms: end -->";

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(row: &str) -> Rooms {
        let document = format!("x\n{BEGIN}\n| in | rooms |\n| --- | --- |\n{row}\n{END}\n");
        read(&document).unwrap().remove(0)
    }

    fn check(row: &str, arrows: &[(&str, &str)]) -> Vec<String> {
        let arrows = arrows
            .iter()
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
        let arrows: Arrows = arrows.collect();
        let files = arrows
            .iter()
            .flat_map(|(from, to)| [from.as_str(), to.as_str()]);
        rooms(row).findings(&arrows, files)
    }

    const ROW: &str = "| `a/src` | `top > left right > ground` |";

    #[test]
    fn arrows_down_are_clean() {
        let clean = [
            ("a/src/lib.rs", "a/src/ground.rs"),
            ("a/src/ground.rs", "a/src/mod.rs"),
            ("a/src/top/x.rs", "a/src/left.rs"),
            ("a/src/top/x.rs", "a/src/top.rs"),
            ("a/src/left/y.rs", "a/src/ground.rs"),
            ("a/src/right.rs", "a/src/ground/mod.rs"),
        ];
        assert_eq!(check(ROW, &clean), Vec::<String>::new());
    }

    #[test]
    fn arrows_up_and_sideways_are_found() {
        let whole = [
            ("a/src/top.rs", "a/src/left.rs"),
            ("a/src/right.rs", "a/src/ground.rs"),
        ];
        for bad in [
            ("a/src/ground.rs", "a/src/top.rs"),
            ("a/src/left/y.rs", "a/src/right.rs"),
        ] {
            let arrows = [&whole[..], &[bad]].concat();
            let found = check(ROW, &arrows);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(bad.0), "{found:?}");
        }
    }

    #[test]
    fn table_and_folder_have_the_same_rooms() {
        let found = check(
            ROW,
            &[
                ("a/src/top.rs", "a/src/left.rs"),
                ("a/src/new.rs", "a/src/right.rs"),
            ],
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("has no room ground"), "{found:?}");
        assert!(found[1].contains("room new"), "{found:?}");
    }

    #[test]
    fn a_document_without_the_table_is_an_error() {
        assert!(read("| `a` | `b` |").is_err());
        assert!(read(&format!("{BEGIN}\n| `a`\n{END}")).is_err());
    }
}
