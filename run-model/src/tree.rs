//! A JSON text as a tree of which only a window is on the screen. Members of a container are looked up when it is
//! opened, so that a text of many megabytes costs one pass over it and no more.

use alloc::borrow::ToOwned as _;
use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::json::{Child, children, cut_at, indented, unescaped};
use crate::limits::{
    ANSWER_BYTES_MAX, QUERY_ROWS_MAX, TREE_CHILDREN_HELD_MAX, TREE_CHILDREN_MAX, TREE_HITS_MAX,
    TREE_PREVIEW_BYTES_MAX,
};
use crate::order;
use crate::readable::Note;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// `{}`.
    Object,
    /// `[]`.
    Array,
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
}

impl ValueKind {
    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::Text => "text",
            Self::Number => "number",
            Self::Word => "word",
        }
    }

    const fn of(first: Option<u8>) -> Self {
        match first {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::Text,
            Some(b't' | b'f' | b'n') => Self::Word,
            _ => Self::Number,
        }
    }
}

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// What the value is known by: where it starts in the text.
    pub id: u32,
    /// Containers around it, the outermost not counted.
    pub depth: u32,
    /// Key or index, as it stands in the text, cut.
    pub key: String,
    /// What it is.
    pub kind: ValueKind,
    /// The value as it stands in the text, cut; of a container nothing.
    pub text: String,
    /// Bytes of the value in the text.
    pub bytes: u32,
    /// Members of a container that was looked into, else nothing.
    pub members: Option<u32>,
    /// Whether it has members that can be shown.
    pub can_open: bool,
    /// Whether they are shown.
    pub is_open: bool,
    /// What the field really holds.
    pub note: Option<Note>,
}

/// Which lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeQuery {
    /// First line.
    pub first: usize,
    /// How many, at most [`QUERY_ROWS_MAX`].
    pub count: usize,
    /// Containers that are not as they are at first: closed instead of open, or the other way round.
    pub toggled: Vec<u32>,
    /// Text to look for in keys and values, ASCII letters in either case; empty looks for nothing.
    pub search: String,
    /// The hit to bring into view, from 0.
    pub hit: Option<usize>,
}

/// A window of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreePage {
    /// The lines; fewer than asked for where the answer would be too large.
    pub rows: Vec<TreeRow>,
    /// Lines there are.
    pub total: usize,
    /// Places where the text was found, at most [`TREE_HITS_MAX`].
    pub hits: usize,
    /// Value in which the wanted hit is, and its line.
    pub found: Option<(u32, usize)>,
    /// Whether a container on the screen has more members than are shown.
    pub is_cut: bool,
}

/// A JSON text, which is valid, and what was looked up of it.
#[derive(Debug)]
pub struct Tree {
    text: String,
    notes: Vec<Note>,
    /// Ascending by the container they are of.
    looked_up: Vec<(u32, Members)>,
    children_held: usize,
    layout: Layout,
    search: (String, Vec<u32>),
}

#[derive(Clone, Debug, Default)]
struct Members {
    list: Rc<[Child]>,
    /// Whether there are more than are kept.
    more: bool,
}

/// Lines that follow each other inside one container.
#[derive(Clone, Copy, Debug)]
struct Run {
    parent: u32,
    depth: u32,
    /// Its first member, and how many there are.
    first: usize,
    count: usize,
    /// Its first line.
    row: usize,
}

#[derive(Debug, Default)]
struct Layout {
    /// What it was made for; nothing before the first.
    made_for: Option<(Vec<u32>, Vec<u32>)>,
    runs: Vec<Run>,
    total: usize,
}

/// A container whose members are being laid out.
struct Level {
    at: u32,
    depth: u32,
    members: Rc<[Child]>,
    /// First member that is in no run yet.
    first: usize,
    next: usize,
}

impl Tree {
    pub(crate) fn new(text: String, notes: Vec<Note>) -> Self {
        Self {
            text,
            notes,
            looked_up: Vec::new(),
            children_held: 0,
            layout: Layout::default(),
            search: (String::new(), Vec::new()),
        }
    }

    /// A window of the tree.
    pub fn page(&mut self, query: &TreeQuery) -> TreePage {
        self.find(&query.search);
        let hits = self.search.1.len();
        let hit = query.hit.and_then(|hit| self.search.1.get(hit).copied());
        let way = hit.map(|at| self.way(at)).unwrap_or_default();
        let forced: Vec<u32> = way.iter().map(|(container, _)| *container).collect();
        self.lay_out(&query.toggled, forced);
        let mut page = TreePage {
            total: self.layout.total,
            hits,
            found: way.last().and_then(|step| self.row_of(*step)),
            ..TreePage::default()
        };
        let end = query.first + query.count.min(QUERY_ROWS_MAX);
        let mut bytes = 0;
        for row in query.first..end.min(self.layout.total) {
            let Some((run, index)) = self.run_at(row) else {
                break;
            };
            let members = self.members(run.parent);
            let Some(&child) = members.list.get(index) else {
                break;
            };
            page.is_cut |= members.more;
            let is_open = self.layout.runs.iter().any(|run| run.parent == child.value);
            let line = self.line(child, index, run.depth, is_open);
            bytes += line.key.len() + line.text.len();
            if bytes > ANSWER_BYTES_MAX {
                break;
            }
            page.rows.push(line);
        }
        page
    }

    /// The JSON Pointer (RFC 6901) of a value.
    pub fn pointer(&mut self, id: u32) -> String {
        let mut pointer = String::new();
        for (container, index) in self.way(id) {
            let members = self.members(container);
            let Some(child) = members.list.get(index) else {
                break;
            };
            let key = self
                .key(*child)
                .map_or_else(|| index.to_string(), unescaped);
            pointer.push('/');
            pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        }
        pointer
    }

    /// The whole of a value: what a string says, and any other value as an indented text.
    #[must_use]
    pub fn value(&self, id: u32) -> String {
        let value = self.source(id);
        match inside(value) {
            Some(inside) => unescaped(inside),
            None => indented(value),
        }
    }

    /// The whole text, indented.
    #[must_use]
    pub fn whole(&self) -> String {
        indented(&self.text)
    }

    /// A part of what a string says, from that byte of its text on: the part, where it ends, and how long the text
    /// is. Parts follow each other without loss.
    #[must_use]
    pub fn text(&self, id: u32, from: usize, bytes_max: usize) -> (String, usize, usize) {
        let value = self.source(id);
        let inside = inside(value).unwrap_or(value);
        let start = cut_at(inside, from);
        let end = cut_at(
            inside,
            start.saturating_add(bytes_max.min(ANSWER_BYTES_MAX)),
        );
        let part = unescaped(inside.get(start..end).unwrap_or_default());
        (part, end, inside.len())
    }

    fn byte(&self, at: u32) -> Option<u8> {
        self.text.as_bytes().get(at as usize).copied()
    }

    /// A value as it stands in the text.
    fn source(&self, id: u32) -> &str {
        let rest = self.text.get(id as usize..).unwrap_or_default();
        let len = crate::json::value_len(rest);
        rest.get(..len).unwrap_or_default()
    }

    fn key(&self, child: Child) -> Option<&str> {
        let key = self.text.get(child.key as usize..child.value as usize)?;
        let key = key.trim_end().strip_suffix(':')?;
        inside(key.trim_end())
    }

    fn members(&mut self, container: u32) -> Members {
        if let Some(known) = self.known(container) {
            return known.clone();
        }
        let (list, more) = children(&self.text, container, TREE_CHILDREN_MAX);
        if self.children_held + list.len() > TREE_CHILDREN_HELD_MAX {
            self.looked_up.clear();
            self.children_held = 0;
        }
        self.children_held += list.len();
        let members = Members {
            list: list.into(),
            more,
        };
        let at = self.looked_up.partition_point(|(of, _)| *of < container);
        self.looked_up.insert(at, (container, members.clone()));
        members
    }

    fn known(&self, container: u32) -> Option<&Members> {
        let at = self
            .looked_up
            .binary_search_by_key(&container, |(of, _)| *of);
        self.looked_up.get(at.ok()?).map(|(_, members)| members)
    }

    fn lay_out(&mut self, toggled: &[u32], forced: Vec<u32>) {
        let mut toggled = toggled.to_owned();
        order::by(&mut toggled, Ord::cmp);
        let wanted = Some((toggled, forced));
        if self.layout.made_for == wanted {
            return;
        }
        let (toggled, forced) = wanted.clone().unwrap_or_default();
        let mut layout = Layout {
            made_for: wanted,
            ..Layout::default()
        };
        let mut stack = Vec::new();
        let root = self.root();
        stack.push(self.level(root, 0));
        while let Some(level) = stack.last_mut() {
            let found = self.next_open(level, &toggled, &forced);
            let end = found.map_or(level.members.len(), |index| index + 1);
            if end > level.first {
                layout.runs.push(Run {
                    parent: level.at,
                    depth: level.depth,
                    first: level.first,
                    count: end - level.first,
                    row: layout.total,
                });
                layout.total += end - level.first;
            }
            level.first = end;
            level.next = end;
            let child = found.and_then(|index| level.members.get(index));
            let inner = child.map(|child| (child.value, level.depth + 1));
            match inner {
                Some((at, depth)) => {
                    let level = self.level(at, depth);
                    stack.push(level);
                }
                None => drop(stack.pop()),
            }
        }
        self.layout = layout;
    }

    fn root(&self) -> u32 {
        let space = |byte: &u8| byte.is_ascii_whitespace();
        self.text.bytes().take_while(space).count() as u32
    }

    fn level(&mut self, at: u32, depth: u32) -> Level {
        Level {
            at,
            depth,
            members: self.members(at).list,
            first: 0,
            next: 0,
        }
    }

    /// The next member whose own members are shown.
    fn next_open(&self, level: &Level, toggled: &[u32], forced: &[u32]) -> Option<usize> {
        let is_small = self.text.len() <= SMALL_BYTES_MAX;
        let at_first = is_small || (level.depth <= 1 && level.members.len() <= OPEN_SIBLINGS_MAX);
        let is_open = |child: &Child| {
            let is_toggled = toggled.binary_search(&child.value).is_ok();
            self.can_open(child.value) && (forced.contains(&child.value) || at_first != is_toggled)
        };
        let rest = level.members.get(level.next..)?;
        if at_first {
            return rest.iter().position(is_open).map(|at| level.next + at);
        }
        // Of a long list only what was toggled can be open.
        let wanted = toggled.iter().chain(forced);
        let among = wanted.filter_map(|id| {
            let at = rest.binary_search_by_key(id, |child| child.value).ok()?;
            rest.get(at).is_some_and(is_open).then_some(level.next + at)
        });
        among.min()
    }

    fn can_open(&self, value: u32) -> bool {
        matches!(self.byte(value), Some(b'{' | b'['))
            && !matches!(self.byte(value + 1), Some(b'}' | b']'))
    }

    fn run_at(&self, row: usize) -> Option<(Run, usize)> {
        let after = self.layout.runs.partition_point(|run| run.row <= row);
        let run = *self.layout.runs.get(after.checked_sub(1)?)?;
        Some((run, run.first + row - run.row))
    }

    /// The line of a member of a container that is shown.
    fn row_of(&mut self, (container, index): (u32, usize)) -> Option<(u32, usize)> {
        let value = self.members(container).list.get(index)?.value;
        let run = self.layout.runs.iter().find(|run| {
            run.parent == container && (run.first..run.first + run.count).contains(&index)
        })?;
        Some((value, run.row + index - run.first))
    }

    fn line(&self, child: Child, index: usize, depth: u32, is_open: bool) -> TreeRow {
        let kind = ValueKind::of(self.byte(child.value));
        let source = self.text.get(child.value as usize..child.end as usize);
        let source = source.unwrap_or_default();
        let is_container = matches!(kind, ValueKind::Object | ValueKind::Array);
        let shown = if is_container { "" } else { preview(source) };
        let key = self.key(child).map(|key| preview(key).to_owned());
        let note = self
            .notes
            .binary_search_by_key(&child.value, |note| note.at);
        let members = self.known(child.value);
        let can_open = self.can_open(child.value);
        TreeRow {
            id: child.value,
            depth,
            key: key.unwrap_or_else(|| index.to_string()),
            kind,
            text: shown.to_owned(),
            bytes: child.end - child.value,
            members: match (can_open, members) {
                (false, _) => Some(0),
                (true, members) => members.map(|members| members.list.len() as u32),
            },
            can_open,
            is_open: is_open && can_open,
            note: note.ok().and_then(|at| self.notes.get(at).copied()),
        }
    }

    /// The containers around a place, each with the number of its member in which the place is.
    fn way(&mut self, at: u32) -> Vec<(u32, usize)> {
        let mut way = Vec::new();
        let mut container = self.root();
        loop {
            let members = self.members(container).list;
            let index = members.partition_point(|child| child.end <= at);
            let Some(child) = members.get(index).filter(|child| child.key <= at) else {
                return way;
            };
            way.push((container, index));
            if at <= child.value || !self.can_open(child.value) {
                return way;
            }
            container = child.value;
        }
    }

    fn find(&mut self, search: &str) {
        if self.search.0 == search {
            return;
        }
        let hits = if search.is_empty() {
            Vec::new()
        } else {
            // ASCII letters only, so that every byte keeps its place.
            let needle = search.to_ascii_lowercase();
            let lowered = self.text.to_ascii_lowercase();
            let places = lowered.match_indices(&needle).take(TREE_HITS_MAX);
            places.map(|(at, _)| at as u32).collect()
        };
        self.search = (search.to_owned(), hits);
    }
}

/// What stands between the quotes of a string.
fn inside(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

/// As much of a value as its line shows.
fn preview(source: &str) -> &str {
    if source.len() <= TREE_PREVIEW_BYTES_MAX {
        return source;
    }
    let end = cut_at(source, TREE_PREVIEW_BYTES_MAX);
    source.get(..end).unwrap_or_default()
}

/// A text of at most this is shown with everything open.
const SMALL_BYTES_MAX: usize = 64 * 1024;
/// In a larger one the members of longer lists are closed at first.
const OPEN_SIBLINGS_MAX: usize = 64;

#[cfg(test)]
mod tests;
