//! The topology of a simulated graph and the three texts a run start carries about it.
//!
//! Nodes and edges come from hash maps in the real library, so their order differs from message
//! to message; the same shuffle happens here. `schema_id` does not depend on it.

use serde::ser::{Serialize, SerializeMap, Serializer};
use sha2::{Digest, Sha256};

use crate::rng::Rng;

/// Target of an edge that ends the run.
pub(crate) const END: &str = "__end__";

#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) name: &'static str,
    pub(crate) entry: &'static str,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) description: Option<&'static str>,
    pub(crate) kind: NodeKind,
    pub(crate) input_fields: &'static [&'static str],
    pub(crate) output_fields: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// What a node is unless somebody says otherwise.
    Plain,
    Transform,
    Llm,
    Tool,
    HumanInLoop,
    /// Anything else travels as `{"custom": name}`.
    Custom(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) kind: EdgeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    Direct,
    /// With the route's key.
    Conditional(&'static str),
    Parallel,
}

impl Graph {
    pub(crate) fn new(name: &'static str, entry: &'static str) -> Self {
        Self {
            name,
            entry,
            nodes: Vec::new(),
            edges: Vec::new(),
        }
    }

    pub(crate) fn node(mut self, name: &'static str) -> Self {
        self.nodes.push(Node {
            name,
            description: None,
            kind: NodeKind::Plain,
            input_fields: &[],
            output_fields: &[],
        });
        self
    }

    /// Says more about the node added last.
    pub(crate) fn is(mut self, kind: NodeKind, description: &'static str) -> Self {
        if let Some(node) = self.nodes.last_mut() {
            node.kind = kind;
            node.description = Some(description);
        }
        self
    }

    /// The state fields the node added last reads and writes.
    pub(crate) fn fields(
        mut self,
        input: &'static [&'static str],
        output: &'static [&'static str],
    ) -> Self {
        if let Some(node) = self.nodes.last_mut() {
            node.input_fields = input;
            node.output_fields = output;
        }
        self
    }

    pub(crate) fn edge(self, from: &'static str, to: &'static str) -> Self {
        self.edge_of(from, to, EdgeKind::Direct)
    }

    pub(crate) fn route(self, from: &'static str, key: &'static str, to: &'static str) -> Self {
        self.edge_of(from, to, EdgeKind::Conditional(key))
    }

    pub(crate) fn fan(mut self, from: &'static str, to: &[&'static str]) -> Self {
        for to in to {
            self = self.edge_of(from, to, EdgeKind::Parallel);
        }
        self
    }

    /// Nodes one after the other, the first being the entry, the last going to the end.
    pub(crate) fn chain(name: &'static str, nodes: &[&'static str]) -> Self {
        let mut graph = Self::new(name, nodes.first().copied().unwrap_or(END));
        for node in nodes {
            graph = graph.node(node);
        }
        for pair in nodes.windows(2) {
            if let [from, to] = pair {
                graph = graph.edge(from, to);
            }
        }
        match nodes.last() {
            Some(last) => graph.edge(last, END),
            None => graph,
        }
    }

    fn edge_of(mut self, from: &'static str, to: &'static str, kind: EdgeKind) -> Self {
        self.edges.push(Edge { from, to, kind });
        self
    }

    /// The same graph as another iteration of its maps would list it: nodes and edge sources in any
    /// order, and within a source only the routes, which are a map themselves.
    pub(crate) fn shuffled(&self, rng: &mut Rng) -> Self {
        let mut out = self.clone();
        rng.shuffle(&mut out.nodes);
        let mut groups = self.edges_by_source();
        rng.shuffle(&mut groups);
        for (_, edges) in &mut groups {
            if edges
                .iter()
                .all(|edge| matches!(edge.kind, EdgeKind::Conditional(_)))
            {
                rng.shuffle(edges);
            }
        }
        out.edges = groups.into_iter().flat_map(|(_, edges)| edges).collect();
        out
    }

    fn edges_by_source(&self) -> Vec<(&'static str, Vec<Edge>)> {
        let mut groups: Vec<(&'static str, Vec<Edge>)> = Vec::new();
        for edge in &self.edges {
            match groups.iter_mut().find(|(from, _)| *from == edge.from) {
                Some((_, edges)) => edges.push(*edge),
                None => groups.push((edge.from, vec![*edge])),
            }
        }
        groups
    }

    /// Sixteen hex digits over names and edges. Types and parallelism do not count, so that two
    /// different graphs can share one.
    pub(crate) fn schema_id(&self) -> String {
        let mut nodes: Vec<_> = self.nodes.iter().map(|node| node.name).collect();
        nodes.sort_unstable();
        let mut edges: Vec<_> = self
            .edges
            .iter()
            .map(|e| {
                format!(
                    "{}->{}:{}",
                    e.from,
                    e.to,
                    matches!(e.kind, EdgeKind::Conditional(_))
                )
            })
            .collect();
        edges.sort_unstable();
        let text = format!(
            "entry:{};nodes:{};edges:{}",
            self.entry,
            nodes.join(","),
            edges.join(",")
        );
        Sha256::digest(text.as_bytes())
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The `graph_schema_json` attribute.
    pub(crate) fn schema_json(&self, exported_at: &str) -> String {
        let schema = Schema {
            name: self.name,
            version: "1.0.0",
            description: None,
            nodes: self.nodes.iter().map(SchemaNode::of).collect(),
            edges: self.edges.iter().map(SchemaEdge::of).collect(),
            entry_point: self.entry,
            state_type: None,
            exported_at,
            metadata: Map(Vec::new()),
        };
        text_of(&schema)
    }

    /// The `graph_manifest` attribute.
    pub(crate) fn manifest_json(&self, rng: &mut Rng) -> String {
        let groups = self.edges_by_source();
        let manifest = Manifest {
            graph_id: None,
            graph_name: self.name,
            entry_point: self.entry,
            nodes: Map(self
                .nodes
                .iter()
                .map(|n| (n.name, ManifestNode::of(n, rng)))
                .collect()),
            edges: Map(groups
                .iter()
                .map(|(from, edges)| (*from, edges.iter().map(ManifestEdge::of).collect()))
                .collect()),
            state_schema: None,
            metadata: ManifestMetadata {
                version: None,
                author: None,
                created_at: None,
                // Wrong for loops, as in the real library.
                has_cycles: false,
                has_parallel_edges: self.edges.iter().any(|e| e.kind == EdgeKind::Parallel),
                custom: Map(Vec::new()),
            },
        };
        text_of(&manifest)
    }
}

/// JSON of a type without anything that could fail.
fn text_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A JSON object in the order of its entries.
#[derive(Clone, Debug)]
struct Map<T>(Vec<(&'static str, T)>);

impl<T: Serialize> Serialize for Map<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Schema<'a> {
    name: &'a str,
    version: &'a str,
    description: Option<&'a str>,
    nodes: Vec<SchemaNode>,
    edges: Vec<SchemaEdge>,
    entry_point: &'a str,
    state_type: Option<&'a str>,
    exported_at: &'a str,
    metadata: Map<&'a str>,
}

#[derive(serde::Serialize)]
struct SchemaNode {
    name: &'static str,
    description: Option<&'static str>,
    node_type: SchemaNodeType,
    input_fields: &'static [&'static str],
    output_fields: &'static [&'static str],
    position: Option<()>,
    attributes: Map<()>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum SchemaNodeType {
    Transform,
    Llm,
    Tool,
    HumanInLoop,
    Custom(&'static str),
}

impl SchemaNode {
    fn of(node: &Node) -> Self {
        Self {
            name: node.name,
            description: node.description,
            node_type: match node.kind {
                NodeKind::Plain | NodeKind::Transform => SchemaNodeType::Transform,
                NodeKind::Llm => SchemaNodeType::Llm,
                NodeKind::Tool => SchemaNodeType::Tool,
                NodeKind::HumanInLoop => SchemaNodeType::HumanInLoop,
                NodeKind::Custom(name) => SchemaNodeType::Custom(name),
            },
            input_fields: node.input_fields,
            output_fields: node.output_fields,
            position: None,
            attributes: Map(Vec::new()),
        }
    }
}

#[derive(serde::Serialize)]
struct SchemaEdge {
    from: &'static str,
    to: &'static str,
    edge_type: &'static str,
    label: Option<&'static str>,
    conditional_targets: Option<()>,
}

impl SchemaEdge {
    fn of(edge: &Edge) -> Self {
        let (edge_type, label) = match edge.kind {
            EdgeKind::Direct => ("direct", None),
            EdgeKind::Conditional(key) => ("conditional", Some(key)),
            EdgeKind::Parallel => ("parallel", None),
        };
        Self {
            from: edge.from,
            to: edge.to,
            edge_type,
            label,
            conditional_targets: None,
        }
    }
}

#[derive(serde::Serialize)]
struct Manifest<'a> {
    graph_id: Option<&'a str>,
    graph_name: &'a str,
    entry_point: &'a str,
    nodes: Map<ManifestNode>,
    edges: Map<Vec<ManifestEdge>>,
    state_schema: Option<()>,
    metadata: ManifestMetadata,
}

#[derive(serde::Serialize)]
struct ManifestNode {
    name: &'static str,
    description: Option<&'static str>,
    node_type: ManifestNodeType,
    tools_available: Vec<&'static str>,
    metadata: Map<NodeMetadata>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum ManifestNodeType {
    Function,
    Agent,
    ToolExecutor,
    Approval,
    Custom(&'static str),
}

#[derive(Clone, serde::Serialize)]
#[serde(untagged)]
enum NodeMetadata {
    Fields(&'static [&'static str]),
    Kind(String),
}

impl ManifestNode {
    fn of(node: &Node, rng: &mut Rng) -> Self {
        let (node_type, kind) = match node.kind {
            NodeKind::Plain => (ManifestNodeType::Function, None),
            NodeKind::Transform => (ManifestNodeType::Function, Some("transform".to_owned())),
            NodeKind::Llm => (ManifestNodeType::Agent, Some("llm".to_owned())),
            NodeKind::Tool => (ManifestNodeType::ToolExecutor, Some("tool".to_owned())),
            NodeKind::HumanInLoop => (ManifestNodeType::Approval, Some("humaninloop".to_owned())),
            NodeKind::Custom(name) => (
                ManifestNodeType::Custom(name),
                Some(format!("custom(\"{name}\")")),
            ),
        };
        let mut metadata: Vec<_> = [
            ("input_fields", node.input_fields),
            ("output_fields", node.output_fields),
        ]
        .into_iter()
        .filter(|(_, fields)| !fields.is_empty())
        .map(|(key, fields)| (key, NodeMetadata::Fields(fields)))
        .chain(kind.map(|kind| ("node_type", NodeMetadata::Kind(kind))))
        .collect();
        rng.shuffle(&mut metadata);
        Self {
            name: node.name,
            description: node.description,
            node_type,
            tools_available: Vec::new(),
            metadata: Map(metadata),
        }
    }
}

#[derive(serde::Serialize)]
struct ManifestEdge {
    from: &'static str,
    to: &'static str,
    is_conditional: bool,
    is_parallel: bool,
    condition_label: Option<&'static str>,
    description: Option<&'static str>,
}

impl ManifestEdge {
    fn of(edge: &Edge) -> Self {
        let condition_label = match edge.kind {
            EdgeKind::Conditional(key) => Some(key),
            EdgeKind::Direct | EdgeKind::Parallel => None,
        };
        Self {
            from: edge.from,
            to: edge.to,
            is_conditional: condition_label.is_some(),
            is_parallel: edge.kind == EdgeKind::Parallel,
            condition_label,
            description: None,
        }
    }
}

#[derive(serde::Serialize)]
struct ManifestMetadata {
    version: Option<()>,
    author: Option<()>,
    created_at: Option<()>,
    has_cycles: bool,
    has_parallel_edges: bool,
    custom: Map<()>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn review_loop() -> Graph {
        Graph::new("review-loop", "draft")
            .node("draft")
            .node("review")
            .node("publish")
            .edge("draft", "review")
            .route("review", "again", "draft")
            .route("review", "done", "publish")
            .edge("publish", END)
    }

    #[test]
    fn schema_ids_are_the_ones_the_real_library_computes() {
        assert_eq!(review_loop().schema_id(), "c5bffb0505c5b693");
        assert_eq!(
            Graph::chain("failing", &["fetch", "parse"]).schema_id(),
            "e35886f7c4b5ace6"
        );
        let mut fan = Graph::new("fan-out", "split").node("split");
        fan = fan.fan("split", &["worker_a", "worker_b", "worker_c"]);
        for worker in ["worker_a", "worker_b", "worker_c"] {
            fan = fan.node(worker).edge(worker, "join");
        }
        let fan = fan.node("join").edge("join", END);
        assert_eq!(fan.schema_id(), "cb7cdf00df5e18d5");
        assert_eq!(
            fan.shuffled(&mut Rng::new(9)).schema_id(),
            "cb7cdf00df5e18d5"
        );
    }

    #[test]
    fn texts_differ_in_order_only() {
        let graph = review_loop();
        let text = |seed| {
            let mut rng = Rng::new(seed);
            let shuffled = graph.shuffled(&mut rng);
            (
                shuffled.schema_json("now"),
                shuffled.manifest_json(&mut rng),
            )
        };
        let texts: Vec<_> = (0..8).map(text).collect();
        assert_eq!(texts[0], text(0));
        assert!(texts.iter().any(|other| other.0 != texts[0].0));
        for (schema, manifest) in &texts {
            let schema: Value = serde_json::from_str(schema).expect("schema is JSON");
            let manifest: Value = serde_json::from_str(manifest).expect("manifest is JSON");
            assert_eq!(schema["nodes"].as_array().map(Vec::len), Some(3));
            assert_eq!(schema["edges"].as_array().map(Vec::len), Some(4));
            assert_eq!(schema["nodes"][0]["node_type"], "transform");
            assert_eq!(
                manifest["edges"]["review"].as_array().map(Vec::len),
                Some(2)
            );
            assert_eq!(manifest["nodes"]["draft"]["node_type"], "function");
            assert_eq!(manifest["metadata"]["has_cycles"], false);
        }
    }

    #[test]
    fn custom_types_are_objects() {
        let graph = Graph::new("g", "r")
            .node("r")
            .is(NodeKind::Custom("router"), "Chooses");
        let schema: Value = serde_json::from_str(&graph.schema_json("")).expect("JSON");
        assert_eq!(
            schema["nodes"][0]["node_type"],
            serde_json::json!({"custom": "router"})
        );
    }
}
