//! One Rust file, read for its modules and the paths it names.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{Token, product};

/// A module with its own names: that of a file, or one written inside a file.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Names of the modules from the file's own down to this one.
    pub(super) inside: Vec<String>,
    /// Modules of which the file only says that they are in files of their own.
    pub(super) declared: Vec<String>,
    pub(super) imports: Vec<Import>,
    /// Paths of two segments and more outside imports.
    pub(super) paths: Vec<Vec<String>>,
    /// Every name outside imports.
    pub(super) names: BTreeSet<String>,
    /// Names of items that are written here.
    pub(super) items: BTreeSet<String>,
}

/// One leaf of a `use`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// `None` for `*`.
    pub(super) name: Option<String>,
    /// With `pub`, however far it reaches.
    pub(super) is_public: bool,
}

/// The scopes of a file, its own first.
pub(super) fn read(source: &str) -> Vec<Scope> {
    let tokens = product(source);
    let mut scopes = BTreeMap::from([(Vec::new(), Scope::default())]);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        open: Vec::new(),
        depth: 0,
    };
    while reader.at < tokens.len() {
        let inside: Vec<_> = reader.open.iter().map(|(name, _)| name.clone()).collect();
        let scope = scopes.entry(inside.clone()).or_insert_with(|| Scope {
            inside,
            ..Scope::default()
        });
        reader.step(scope);
    }
    scopes.into_values().collect()
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Modules whose braces are open, with the depth outside of each.
    open: Vec<(String, usize)>,
    depth: usize,
}

impl Reader<'_> {
    fn name(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.at + ahead)?.name()
    }

    fn is(&self, ahead: usize, sign: char) -> bool {
        self.tokens
            .get(self.at + ahead)
            .is_some_and(|token| token.is(sign))
    }

    fn step(&mut self, scope: &mut Scope) {
        match &self.tokens[self.at] {
            Token::Sign('{') => self.depth += 1,
            Token::Sign('}') => {
                self.depth = self.depth.saturating_sub(1);
                self.open.pop_if(|(_, outside)| *outside == self.depth);
            }
            Token::Name(name) if name == "mod" && self.module(scope) => return,
            Token::Name(name) if name == "use" && !self.is(1, '<') => return self.import(scope),
            Token::Name(name) if name == "pub" && self.is(1, '(') => return self.visibility(),
            Token::Name(_) => return self.path(scope),
            Token::Colons | Token::Sign(_) => {}
        }
        self.at += 1;
    }

    fn module(&mut self, scope: &mut Scope) -> bool {
        let Some(name) = self.name(1).map(str::to_owned) else {
            return false;
        };
        if self.is(2, ';') {
            scope.declared.push(name);
        } else if self.is(2, '{') {
            self.open.push((name, self.depth));
            self.depth += 1;
        } else {
            return false;
        }
        self.at += 3;
        true
    }

    fn visibility(&mut self) {
        while !self.is(0, ')') && self.at < self.tokens.len() {
            self.at += 1;
        }
        // What follows has to know that it was public.
        if self.name(1) == Some("use") {
            return;
        }
        self.at += 1;
    }

    fn import(&mut self, scope: &mut Scope) {
        let before = self.at.checked_sub(1).map(|at| &self.tokens[at]);
        let is_public = before.is_some_and(|token| token.is(')') || token.name() == Some("pub"));
        let end = self.tokens[self.at..]
            .iter()
            .position(|token| token.is(';'))
            .map_or(self.tokens.len(), |length| self.at + length);
        let mut leaves = Vec::new();
        branches(&self.tokens[self.at + 1..end], &mut Vec::new(), &mut leaves);
        scope
            .imports
            .extend(leaves.into_iter().map(|(path, name)| Import {
                path,
                name,
                is_public,
            }));
        self.at = end + 1;
    }

    fn path(&mut self, scope: &mut Scope) {
        let mut path = Vec::new();
        // `a.b::<C>()`, `::std::x` and `$crate::x` start no path of ours, but the last one.
        while let Some(name) = self.name(0) {
            path.push(name.to_owned());
            self.at += 1;
            if self.tokens.get(self.at) != Some(&Token::Colons) || self.name(1).is_none() {
                break;
            }
            self.at += 1;
        }
        let keyword = path.first().map_or("", String::as_str);
        if ITEMS.contains(&keyword)
            && let Some(item) = self.name(0)
        {
            scope.items.insert(item.to_owned());
        }
        if keyword == "macro_rules"
            && let Some(item) = self.name(1)
        {
            scope.items.insert(item.to_owned());
        }
        scope.names.extend(path.iter().cloned());
        if path.len() > 1 {
            scope.paths.push(path);
        }
    }
}

type Leaf = (Vec<String>, Option<String>);

/// The leaves of one tree of imports.
fn branches(tokens: &[Token], prefix: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
    let depth = prefix.len();
    let mut at = 0;
    let mut rename = None;
    let mut star = false;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Name(name) if name == "as" => {
                rename = tokens.get(at + 1).and_then(Token::name);
                at += 1;
            }
            Token::Name(name) => prefix.push(name.clone()),
            Token::Sign('*') => star = true,
            Token::Sign('{') => {
                let close = close(&tokens[at..]);
                for part in parts(&tokens[at + 1..at + close]) {
                    branches(part, prefix, leaves);
                }
                prefix.truncate(depth);
                return;
            }
            Token::Colons | Token::Sign(_) => {}
        }
        at += 1;
    }
    let mut path = prefix.split_off(depth);
    path.splice(0..0, prefix.iter().cloned());
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let last = path.last().cloned();
    let name = if star {
        None
    } else {
        rename.map(str::to_owned).or(last)
    };
    if star || name.is_some() {
        leaves.push((path, name));
    }
}

/// Where the bracket closes with which the tokens start.
fn close(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => depth -= 1,
            Token::Name(_) | Token::Colons | Token::Sign(_) => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

/// Split at the commas that are in no brackets.
fn parts(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0;
    let parts = tokens.split(|token| {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => depth -= 1,
            Token::Name(_) | Token::Colons | Token::Sign(_) => {}
        }
        depth == 0 && token.is(',')
    });
    parts.filter(|part| !part.is_empty()).collect()
}

const ITEMS: &[&str] = &[
    "struct", "enum", "union", "fn", "const", "static", "trait", "type", "mod",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(source: &str) -> Vec<String> {
        let scope = &read(source)[0];
        let shown = scope.imports.iter().map(|import| {
            let name = import.name.as_deref().unwrap_or("*");
            let public = if import.is_public { "pub " } else { "" };
            format!("{public}{} as {name}", import.path.join("::"))
        });
        shown.collect()
    }

    #[test]
    fn a_tree_of_imports_is_taken_apart() {
        assert_eq!(
            imports(
                "use a::{self, b::{c, d as e}, f::*}; pub(crate) use super::g; use h as _; pub use i::j;"
            ),
            [
                "a as a",
                "a::b::c as c",
                "a::b::d as e",
                "a::f as *",
                "pub super::g as g",
                "h as _",
                "pub i::j as j",
            ]
        );
    }

    #[test]
    fn paths_items_and_modules_are_found() {
        let source = "mod a; pub(in crate::x) mod b { fn c() { crate::d::e(); } mod f {} } \
                      impl T for $crate::g::H { const I: u8 = super::super::j::K; }";
        let scopes = read(source);
        assert_eq!(scopes[0].declared, ["a"]);
        assert_eq!(
            scopes[0].paths,
            [vec!["crate", "g", "H"], vec!["super", "super", "j", "K"]]
        );
        assert!(scopes[0].items.contains("I"));
        assert_eq!(scopes[1].inside, ["b"]);
        assert_eq!(scopes[1].paths, [vec!["crate", "d", "e"]]);
        assert!(scopes[1].items.contains("c"));
    }
}
