//! The graph of a run as its start declares it: what may follow a node, and which graph it is.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::hash::Hasher as _;

use fnv::FnvHasher;

use crate::names::kept_name;
use crate::order;
use crate::state::{Object, Value};

/// How an edge is taken. Where a node has edges of several kinds, the earlier kind here wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EdgeKind {
    /// One of several, chosen by a condition.
    Conditional,
    /// All of them at once.
    Parallel,
    /// Always.
    Direct,
}

/// An edge as declared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    /// Source node.
    pub from: Box<str>,
    /// How it is taken.
    pub kind: EdgeKind,
    /// Target node; `__end__` ends the run.
    pub to: Box<str>,
    /// Label of a condition's outcome, or empty.
    pub label: Box<str>,
}

/// A node as declared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    /// Its name.
    pub name: Box<str>,
    /// Its type: `transform`, `llm`, `tool`, `human_in_loop` or whatever the application says.
    pub kind: Box<str>,
}

/// What a graph calls itself; cut where it is too long to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GraphId {
    /// Its name, or empty.
    pub name: Rc<str>,
    /// The producer's id of the schema, or empty. It leaves out names, labels and the parallel flag.
    pub schema_id: Rc<str>,
}

/// A graph. Nodes and edges are sorted, as producers send them in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Topology {
    /// What it calls itself.
    pub id: Rc<GraphId>,
    /// Where a run begins, or empty.
    pub entry: Box<str>,
    /// Nodes by name.
    pub nodes: Vec<Node>,
    /// Edges by source, kind and target.
    pub edges: Vec<Edge>,
    /// Hash of nodes and edges: two graphs of one schema id can differ in content.
    pub content: u64,
}

/// What may come after a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// The graph was not declared, or not this node.
    Unknown,
    /// The run ends.
    End,
    /// One of these, or all of them.
    Nodes(Vec<&'a str>),
    /// The run ends, or one of these.
    EndOr(Vec<&'a str>),
}

impl Topology {
    /// The attributes that it is read from.
    pub(super) const KEYS: [&str; 5] = [
        "graph_name",
        "schema_id",
        "graph_entry_point",
        "graph_schema_json",
        "graph_manifest",
    ];

    /// What a start's attributes say: those of [`Self::KEYS`].
    pub(super) fn read<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut topology = Self::default();
        let mut id = GraphId::default();
        let mut schema = None;
        let mut manifest = None;
        for (key, text) in texts {
            match key {
                "graph_name" => id.name = kept_name(text).into(),
                "schema_id" => id.schema_id = kept_name(text).into(),
                "graph_entry_point" => topology.entry = text.into(),
                // A redactor may have broken one of them; then the other counts.
                "graph_schema_json" => schema = Value::parse(text.as_bytes()).ok(),
                "graph_manifest" => manifest = Value::parse(text.as_bytes()).ok(),
                _ => {}
            }
        }
        if let Some(Value::Object(schema)) = &schema {
            topology.schema(schema, &mut id);
        }
        if let (true, Some(Value::Object(manifest))) = (topology.edges.is_empty(), &manifest) {
            topology.manifest(manifest, &mut id);
        }
        order::by(&mut topology.nodes, Ord::cmp);
        topology.nodes.dedup_by(|a, b| a.name == b.name);
        order::by(&mut topology.edges, Ord::cmp);
        topology.edges.dedup();
        topology.id = Rc::new(id);
        topology.content = topology.hash();
        topology
    }

    fn schema(&mut self, schema: &Object, id: &mut GraphId) {
        self.name_and_entry(schema, "name", id);
        for node in items(schema, "nodes") {
            self.node(text(node, "name"), node.members().get("node_type"));
        }
        for edge in items(schema, "edges") {
            let kind = match text(edge, "edge_type") {
                "conditional" => EdgeKind::Conditional,
                "parallel" => EdgeKind::Parallel,
                _ => EdgeKind::Direct,
            };
            let from = text(edge, "from");
            match edge.members().get("conditional_targets") {
                Some(Value::Array(targets)) if !targets.items().is_empty() => {
                    for to in targets.items().iter().filter_map(as_text) {
                        self.edge(from, to, EdgeKind::Conditional, "");
                    }
                }
                Some(Value::Object(routes)) if !routes.members().is_empty() => {
                    for (label, to) in routes.members() {
                        let to = as_text(to).unwrap_or_default();
                        self.edge(from, to, EdgeKind::Conditional, label);
                    }
                }
                _ => self.edge(from, text(edge, "to"), kind, text(edge, "label")),
            }
        }
    }

    fn manifest(&mut self, manifest: &Object, id: &mut GraphId) {
        self.name_and_entry(manifest, "graph_name", id);
        if let Some(Value::Object(nodes)) = manifest.members().get("nodes") {
            for (name, node) in nodes.members() {
                let node = as_object(node);
                self.node(name, node.and_then(|node| node.members().get("node_type")));
            }
        }
        let Some(Value::Object(edges)) = manifest.members().get("edges") else {
            return;
        };
        for (from, edges) in edges.members() {
            let Value::Array(edges) = edges else { continue };
            for edge in edges.items() {
                let Value::Object(edge) = edge else { continue };
                let is = |flag| matches!(edge.members().get(flag), Some(Value::Bool(true)));
                let kind = match (is("is_conditional"), is("is_parallel")) {
                    (true, _) => EdgeKind::Conditional,
                    (_, true) => EdgeKind::Parallel,
                    _ => EdgeKind::Direct,
                };
                self.edge(from, text(edge, "to"), kind, text(edge, "condition_label"));
            }
        }
    }

    fn name_and_entry(&mut self, graph: &Object, name: &str, id: &mut GraphId) {
        if id.name.is_empty() {
            id.name = kept_name(text(graph, name)).into();
        }
        if self.entry.is_empty() {
            self.entry = text(graph, "entry_point").into();
        }
    }

    fn node(&mut self, name: &str, kind: Option<&Value>) {
        if name.is_empty() || self.nodes.len() >= GRAPH_PARTS_MAX {
            return;
        }
        let kind = match kind {
            Some(Value::Text(kind)) => kind.as_str(),
            // `{"custom": "router"}`
            Some(Value::Object(custom)) => {
                let first = custom.members().values().next();
                first.and_then(as_text).unwrap_or_default()
            }
            _ => "",
        };
        self.nodes.push(Node {
            name: name.into(),
            kind: kind.into(),
        });
    }

    fn edge(&mut self, from: &str, to: &str, kind: EdgeKind, label: &str) {
        // Several targets may stand in one text: `[a, b]`.
        let list = to.strip_prefix('[').and_then(|to| to.strip_suffix(']'));
        for to in list.map_or_else(|| single(to), |list| list.split(',').collect()) {
            if self.edges.len() < GRAPH_PARTS_MAX && !to.trim().is_empty() {
                self.edges.push(Edge {
                    from: from.into(),
                    kind,
                    to: to.trim().into(),
                    label: label.into(),
                });
            }
        }
    }

    /// What it takes, about.
    pub(super) fn measure(&self) -> usize {
        let nodes = self
            .nodes
            .iter()
            .map(|node| node.name.len() + node.kind.len());
        let edges = self.edges.iter();
        let edges = edges.map(|edge| edge.from.len() + edge.to.len() + edge.label.len());
        let parts = nodes.sum::<usize>() + edges.sum::<usize>();
        let slots = self.nodes.len() * size_of::<Node>() + self.edges.len() * size_of::<Edge>();
        size_of::<Self>() + parts + slots
    }

    fn hash(&self) -> u64 {
        let mut hash = FnvHasher::default();
        let mut add = |text: &str| {
            hash.write(text.as_bytes());
            hash.write_u8(0xFF);
        };
        add(&self.entry);
        for node in &self.nodes {
            add(&node.name);
            add(&node.kind);
        }
        for edge in &self.edges {
            add(&edge.from);
            add(&edge.to);
            add(match edge.kind {
                EdgeKind::Conditional => "c",
                EdgeKind::Parallel => "p",
                EdgeKind::Direct => "d",
            });
            add(&edge.label);
        }
        hash.finish()
    }

    pub(super) fn declares(&self, node: &str) -> bool {
        let found = self.nodes.binary_search_by(|known| (*known.name).cmp(node));
        found.is_ok()
    }

    /// The declared type of a node, or empty.
    pub(super) fn kind_of(&self, node: &str) -> &str {
        let found = self.nodes.binary_search_by(|known| (*known.name).cmp(node));
        let node = found.ok().and_then(|at| self.nodes.get(at));
        node.map_or("", |node| &node.kind)
    }

    fn edges_of<'a>(&'a self, node: &str) -> &'a [Edge] {
        let start = self.edges.partition_point(|edge| *edge.from < *node);
        let rest = self.edges.get(start..).unwrap_or_default();
        let count = rest.partition_point(|edge| *edge.from == *node);
        rest.get(..count).unwrap_or_default()
    }

    /// What the executor does after a node: conditional edges win over parallel ones, those over direct
    /// ones, and no edge ends the run.
    pub(super) fn next(&self, node: &str) -> Next<'_> {
        if !self.declares(node) {
            return Next::Unknown;
        }
        let edges = self.edges_of(node);
        let Some(first) = edges.first() else {
            return Next::End;
        };
        let of_kind = edges.iter().filter(|edge| edge.kind == first.kind);
        let mut targets: Vec<_> = of_kind.map(|edge| &*edge.to).collect();
        targets.dedup();
        let count = targets.len();
        targets.retain(|&to| !is_end(to));
        match (targets.is_empty(), targets.len() < count) {
            (true, _) => Next::End,
            (false, true) => Next::EndOr(targets),
            (false, false) => Next::Nodes(targets),
        }
    }

    /// The members of a parallel group, of which the event names all in one text. Names may hold commas, so the
    /// targets declared for the node before decide.
    pub(super) fn members(&self, before: Option<&str>, list: &str) -> Vec<String> {
        let declared: Vec<_> = before
            .map(|node| self.edges_of(node))
            .unwrap_or_default()
            .iter()
            .filter(|edge| edge.kind == EdgeKind::Parallel)
            .map(|edge| &*edge.to)
            .collect();
        let mut members = Vec::new();
        let mut rest = list;
        while !rest.is_empty() {
            let fits = declared.iter().filter(|name| {
                let after = rest.strip_prefix(**name);
                after.is_some_and(|after| after.is_empty() || after.starts_with(','))
            });
            let comma = rest.find(',').unwrap_or(rest.len());
            let end = fits.map(|name| name.len()).max().unwrap_or(comma);
            let (name, after) = rest.split_at(end);
            members.push(name.to_owned());
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        members
    }
}

pub(super) fn is_end(node: &str) -> bool {
    matches!(node, "__end__" | "END")
}

fn single(text: &str) -> Vec<&str> {
    alloc::vec![text]
}

fn items<'a>(object: &'a Object, key: &str) -> impl Iterator<Item = &'a Object> {
    let items = match object.members().get(key) {
        Some(Value::Array(array)) => array.items(),
        _ => &[],
    };
    items.iter().filter_map(as_object)
}

fn as_object(value: &Value) -> Option<&Object> {
    if let Value::Object(object) = value {
        Some(object)
    } else {
        None
    }
}

fn as_text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value {
        Some(text.as_str())
    } else {
        None
    }
}

fn text<'a>(object: &'a Object, key: &str) -> &'a str {
    object
        .members()
        .get(key)
        .and_then(as_text)
        .unwrap_or_default()
}

/// Nodes, and edges, of one graph that are kept.
const GRAPH_PARTS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn schema(nodes: &str, edges: &str, exported: &str) -> Topology {
        let text = format!(
            r#"{{"name":"g","nodes":[{nodes}],"edges":[{edges}],"entry_point":"a","exported_at":"{exported}"}}"#
        );
        Topology::read([("graph_schema_json", &*text)].into_iter())
    }

    const A: &str = r#"{"name":"a","node_type":"transform"}"#;
    const B: &str = r#"{"name":"b","node_type":{"custom":"router"}}"#;
    const AB: &str = r#"{"from":"a","to":"b","edge_type":"direct"}"#;
    const BA: &str = r#"{"from":"b","to":"a","edge_type":"conditional","label":"again"}"#;
    const BE: &str = r#"{"from":"b","to":"__end__","edge_type":"conditional","label":"done"}"#;

    /// STA-24, STA-25, VER-07: neither the order nor the time of an export makes another graph; a flag does, though the
    /// producer's id of the schema leaves it out.
    #[test]
    fn a_graph_is_its_content_in_any_order() {
        let one = schema(&format!("{A},{B}"), &format!("{AB},{BA},{BE}"), "x");
        let same = schema(&format!("{B},{A}"), &format!("{BE},{AB},{BA}"), "y");
        assert_eq!(one, same);
        let parallel = AB.replace("direct", "parallel");
        let other = schema(&format!("{A},{B}"), &format!("{parallel},{BA},{BE}"), "x");
        assert_eq!(one.id, other.id);
        assert_ne!(one.content, other.content);
        assert_eq!(one.kind_of("b"), "router");
        assert_eq!(one.next("a"), Next::Nodes(alloc::vec!["b"]));
        assert_eq!(one.next("b"), Next::EndOr(alloc::vec!["a"]));
        assert_eq!(one.next("c"), Next::Unknown);
    }

    /// STA-24, PRO-07: the manifest counts where the schema is absent or broken.
    #[test]
    fn a_manifest_says_the_same() {
        let manifest = r#"{"graph_name":"g","entry_point":"a","nodes":{"a":{"node_type":"function"},"b":{}},
            "edges":{"a":[{"to":"b","is_parallel":false}],"b":[{"to":"a","is_conditional":true},
            {"to":"__end__","is_conditional":true}]}}"#;
        let texts = [
            ("graph_schema_json", "{broken"),
            ("graph_manifest", manifest),
        ];
        let graph = Topology::read(texts.into_iter());
        assert_eq!((&*graph.id.name, &*graph.entry), ("g", "a"));
        assert_eq!(graph.next("b"), Next::EndOr(alloc::vec!["a"]));
    }

    /// STA-24: several targets in one text, and as a list.
    #[test]
    fn targets_may_stand_together() {
        let edges = r#"{"from":"a","to":"[b, c]","edge_type":"parallel"},
            {"from":"b","to":"","edge_type":"conditional","conditional_targets":["a","__end__"]}"#;
        let nodes = format!(r#"{A},{B},{{"name":"c"}}"#);
        let graph = schema(&nodes, edges, "");
        assert_eq!(graph.next("a"), Next::Nodes(alloc::vec!["b", "c"]));
        assert_eq!(graph.next("b"), Next::EndOr(alloc::vec!["a"]));
        assert_eq!(graph.next("c"), Next::End);
    }

    /// STA-23: names may hold commas; what is declared decides, and else the comma does.
    #[test]
    fn members_of_a_group_are_told_apart_by_what_is_declared() {
        let edges = r#"{"from":"a","to":"b,x","edge_type":"parallel"},
            {"from":"a","to":"c","edge_type":"parallel"}"#;
        let graph = schema(A, edges, "");
        assert_eq!(graph.members(Some("a"), "b,x,c"), ["b,x", "c"]);
        assert_eq!(graph.members(None, "b,x,c"), ["b", "x", "c"]);
        assert!(graph.members(Some("a"), "").is_empty());
    }
}
