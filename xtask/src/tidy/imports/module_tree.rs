//! The modules of one crate and which file each name is written in.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Tree,
    source::{self, Import, Scope},
};

/// Every module that a crate root reaches in a build without tests.
pub(super) struct ModuleTree {
    modules: Vec<Module>,
}

struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    scope: Scope,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Module(usize),
    /// An item of this module.
    Item(usize),
}

impl ModuleTree {
    /// `root` is the file of a library or a program.
    pub(super) fn read(tree: &Tree, root: &str) -> Self {
        let mut modules = Self {
            modules: Vec::new(),
        };
        let folder = folder_of(root);
        modules.add_file(tree, root, folder, None);
        modules
    }

    /// `folder` is where the files of its children are.
    fn add_file(&mut self, tree: &Tree, file: &str, folder: &str, parent: Option<usize>) -> usize {
        let text = tree.get(file).map_or("", String::as_str);
        let first = self.modules.len();
        let mut declared = Vec::new();
        for scope in source::read(text) {
            let at = self.modules.len();
            // Scopes come in the order of their names, so that those around one are there before it.
            let parent = match scope.inside.split_last() {
                None => parent,
                Some((name, around)) => {
                    let around = self.descend(first, around);
                    self.modules[around].children.insert(name.clone(), at);
                    Some(around)
                }
            };
            declared.extend(scope.declared.iter().map(|name| (at, name.clone())));
            self.modules.push(Module {
                file: file.to_owned(),
                parent,
                children: BTreeMap::new(),
                scope,
            });
        }
        for (at, name) in declared {
            let inside = &self.modules[at].scope.inside;
            let folder = [
                &[folder.to_owned()],
                &inside[..],
                std::slice::from_ref(&name),
            ]
            .concat()
            .join("/");
            let file = [format!("{folder}.rs"), format!("{folder}/mod.rs")]
                .into_iter()
                .find(|file| tree.contains_key(file));
            // A file that a macro or a build makes.
            let Some(file) = file else { continue };
            let child = self.add_file(tree, &file, &folder, Some(at));
            self.modules[at].children.insert(name, child);
        }
        first
    }

    fn descend(&self, from: usize, names: &[String]) -> usize {
        names.iter().fold(from, |at, name| {
            self.modules[at].children.get(name).copied().unwrap_or(at)
        })
    }

    /// Pairs of files of which the first names what the second defines.
    pub(super) fn arrows(&self) -> BTreeSet<(String, String)> {
        let mut arrows = BTreeSet::new();
        for (at, module) in self.modules.iter().enumerate() {
            let imports = module.scope.imports.iter();
            let used = imports.filter(|import| is_used(module, import));
            let paths = used.map(|import| &import.path).chain(&module.scope.paths);
            for path in paths {
                let Some(Place::Item(target)) = self.resolve(at, path, DEPTH_MAX) else {
                    continue;
                };
                let target = &self.modules[target].file;
                if *target != module.file {
                    arrows.insert((module.file.clone(), target.clone()));
                }
            }
        }
        arrows
    }

    /// Paths that are given on under a name of this crate, with the file that does so.
    pub(super) fn given_on(&self) -> impl Iterator<Item = (&str, &Import)> {
        self.modules
            .iter()
            .enumerate()
            .flat_map(move |(at, module)| {
                let imports = module.scope.imports.iter();
                let foreign = imports.filter(move |import| {
                    import.is_public && self.resolve(at, &import.path, DEPTH_MAX).is_none()
                });
                foreign.map(|import| (module.file.as_str(), import))
            })
    }

    /// True where a path from the crate's root leads to a module.
    pub(super) fn is_module(&self, path: &[String]) -> bool {
        let mut place = Place::Module(0);
        for name in path {
            place = self.next(place, name, DEPTH_MAX);
        }
        matches!(place, Place::Module(_))
    }

    /// `None` for paths into other crates.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Place> {
        let (first, mut rest) = path.split_first()?;
        let mut place = match first.as_str() {
            "crate" => Place::Module(0),
            "self" => Place::Module(from),
            "super" => Place::Module(self.modules[from].parent?),
            name => self.local(from, name, depth)?,
        };
        while let (Place::Module(at), Some((name, after))) = (place, rest.split_first()) {
            place = if name == "super" {
                Place::Module(self.modules[at].parent?)
            } else {
                self.next(place, name, depth)
            };
            rest = after;
        }
        Some(place)
    }

    /// What a name means where it is the first of a path.
    fn local(&self, from: usize, name: &str, depth: usize) -> Option<Place> {
        let depth = depth.checked_sub(1)?;
        let module = &self.modules[from];
        if let Some(child) = module.children.get(name) {
            return Some(Place::Module(*child));
        }
        let imports = &module.scope.imports;
        let named = imports.iter().find(|import| {
            // `use name;` and `use name::x as name;` lead out of the crate, not back here.
            let first = import.path.first();
            import.name.as_deref() == Some(name) && first.is_none_or(|first| first != name)
        });
        if let Some(place) = named.and_then(|import| self.resolve(from, &import.path, depth)) {
            return Some(place);
        }
        if module.scope.items.contains(name) {
            return Some(Place::Item(from));
        }
        let globs = imports.iter().filter(|import| import.name.is_none());
        globs
            .filter_map(|import| self.resolve(from, &import.path, depth))
            .find_map(|place| match place {
                Place::Module(at) if at != from => self.local(at, name, depth),
                Place::Module(_) | Place::Item(_) => None,
            })
    }

    fn next(&self, place: Place, name: &str, depth: usize) -> Place {
        let Place::Module(at) = place else {
            return place;
        };
        // What is neither child, item nor import comes from a macro of this module.
        self.local(at, name, depth).unwrap_or(Place::Item(at))
    }
}

/// What a module only gives on under its own name is not used by it.
fn is_used(module: &Module, import: &Import) -> bool {
    !import.is_public
        || import
            .name
            .as_ref()
            .is_some_and(|name| module.scope.names.contains(name))
}

/// Where the children of a crate root or of a `mod.rs` are.
fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Imports that lead to each other.
const DEPTH_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files
            .iter()
            .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
            .collect()
    }

    fn check(files: &[(&str, &str)], expected: &[(&str, &str)]) {
        let found = ModuleTree::read(&tree(files), "src/lib.rs").arrows();
        let found: Vec<_> = found
            .iter()
            .map(|(from, to)| {
                (
                    from.trim_start_matches("src/"),
                    to.trim_start_matches("src/"),
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_way_to_name_a_file_is_an_arrow() {
        let a = "use crate::b::B; use super::c; fn f() { c::C::new(); crate::d::e::E; self::inner::I; } \
                 mod inner { fn i() { super::super::g::G; } }";
        let lib = "mod a; mod b; mod c; mod d; mod g;";
        let files = [
            ("src/lib.rs", lib),
            ("src/a.rs", a),
            ("src/b.rs", "pub struct B;"),
            ("src/c.rs", "pub struct C;"),
            ("src/d/mod.rs", "pub mod e;"),
            ("src/d/e.rs", "pub enum E {}"),
            ("src/g.rs", "pub struct G;"),
        ];
        let expected = [
            ("a.rs", "b.rs"),
            ("a.rs", "c.rs"),
            ("a.rs", "d/e.rs"),
            ("a.rs", "g.rs"),
        ];
        check(&files, &expected);
    }

    /// A parent that declares a module and gives its names on does not use it, and who names something through the
    /// parent uses the file that defines it.
    #[test]
    fn names_given_on_lead_to_where_they_are_defined() {
        for parent in ["src/p.rs", "src/p/mod.rs"] {
            let files = [
                ("src/lib.rs", "mod p; mod q;"),
                (
                    parent,
                    "mod x; mod y; pub(crate) use x::X; pub use y::*; pub struct P;",
                ),
                ("src/p/x.rs", "use super::P; pub struct X(P);"),
                ("src/p/y.rs", "pub struct Y;"),
                ("src/q.rs", "use crate::p::{self, X}; fn f() { p::Y; }"),
            ];
            let parent = parent.trim_start_matches("src/");
            check(
                &files,
                &[("p/x.rs", parent), ("q.rs", "p/x.rs"), ("q.rs", "p/y.rs")],
            );
        }
    }

    #[test]
    fn a_parent_that_gives_a_name_on_and_uses_it_is_an_arrow() {
        let files = [
            ("src/lib.rs", "mod p;"),
            ("src/p.rs", "mod x; pub use x::X; fn f() -> X { x::make() }"),
            ("src/p/x.rs", "pub struct X; pub fn make() {}"),
        ];
        check(&files, &[("p.rs", "p/x.rs")]);
    }

    #[test]
    fn tests_and_other_crates_are_no_arrows() {
        let a = "use std::fmt; use bytes::Bytes; fn f() { bytes::b(); } \
                 #[cfg(test)] mod tests { use crate::b::B; }";
        let files = [
            ("src/lib.rs", "mod a; mod b; #[cfg(test)] mod c;"),
            ("src/a.rs", a),
            ("src/b.rs", "pub struct B;"),
            ("src/c.rs", "use crate::a::A;"),
        ];
        check(&files, &[]);
    }

    #[test]
    fn modules_of_other_crates_are_seen() {
        let files = [
            (
                "src/lib.rs",
                "mod a; pub use a::A; pub use other::{clock, Hub};",
            ),
            ("src/a.rs", ""),
        ];
        let modules = ModuleTree::read(&tree(&files), "src/lib.rs");
        let given: Vec<_> = modules
            .given_on()
            .map(|(_, import)| import.path.join("::"))
            .collect();
        assert_eq!(given, ["other::clock", "other::Hub"]);
        let other = tree(&[
            ("src/lib.rs", "pub mod clock; pub use hub::Hub; mod hub;"),
            ("src/clock.rs", ""),
            ("src/hub.rs", "pub struct Hub;"),
        ]);
        let other = ModuleTree::read(&other, "src/lib.rs");
        assert!(other.is_module(&["clock".into()]));
        assert!(!other.is_module(&["Hub".into()]));
    }
}
