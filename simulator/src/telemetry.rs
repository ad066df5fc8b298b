//! What DashFlow's graph callback reports while a graph runs: lifecycle events, state differences,
//! checkpoints and quality metrics, numbered in one series that starts at 1 with each new callback.

use std::collections::BTreeMap;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{
    AttributeValue, Checkpoint, CompressionInfo, CompressionType, Event, EventType, Header,
    MessageType, MetricValue, Metrics, StateDiff, attribute_value, metric_value,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::diff::diff;
use crate::graph::Graph;
use crate::outbox::{Identity, Outbox, Sent};
use crate::redact::{may_change, redact};
use crate::rng::Rng;
use crate::time::rfc3339;
use crate::zstd::compress;

/// Metadata texts longer than this are left out of a run start.
const TOPOLOGY_BYTES_MAX: usize = 500 * 1024;

/// How a callback is configured.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) state_diffs: bool,
    /// Every how many differences a checkpoint follows; 0 is never.
    pub(crate) checkpoint_interval: u32,
    pub(crate) batch_size: usize,
    pub(crate) threshold_bytes: usize,
    pub(crate) first_ack_us: u64,
    /// Stretches the time nodes work.
    pub(crate) work_scale: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            state_diffs: true,
            checkpoint_interval: 0,
            batch_size: 1,
            threshold_bytes: 512,
            first_ack_us: 40_000,
            work_scale: 1.0,
        }
    }
}

/// Marks of a node whose configuration is versioned.
#[derive(Clone, Debug)]
pub(crate) struct NodeConfig {
    pub(crate) version: i64,
    pub(crate) hash: String,
    pub(crate) updated_by: &'static str,
}

/// One callback on one thread, and the clock of the run it watches.
pub(crate) struct Telemetry {
    pub(crate) now_us: u64,
    pub(crate) rng: Rng,
    pub(crate) options: Options,
    pub(crate) configs: BTreeMap<&'static str, NodeConfig>,
    outbox: Outbox,
    sequence: u64,
    /// The state the next difference refers to.
    state: Value,
    checkpoint_id: Vec<u8>,
    differences: u32,
    run_since_us: u64,
    node_since_us: u64,
}

impl Telemetry {
    pub(crate) fn new(identity: Identity, mut rng: Rng, options: Options, now_us: u64) -> Self {
        let outbox_rng = Rng::new(rng.word());
        Self {
            now_us,
            rng,
            configs: BTreeMap::new(),
            outbox: Outbox::new(
                identity,
                outbox_rng,
                options.batch_size,
                options.first_ack_us,
            ),
            options,
            sequence: 0,
            state: Value::Null,
            checkpoint_id: Vec::new(),
            differences: 0,
            run_since_us: now_us,
            node_since_us: now_us,
        }
    }

    /// A node's working time: about `us` microseconds, stretched.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    pub(crate) fn work(&mut self, us: u64) {
        let jitter = 0.95 + 0.1 * self.rng.unit();
        self.now_us += (us as f64 * self.options.work_scale * jitter) as u64;
    }

    /// Time that does not depend on how long nodes work.
    pub(crate) fn wait(&mut self, us: u64) {
        self.now_us += us;
    }

    pub(crate) fn graph_start(&mut self, graph: &Graph, state: &Value) {
        self.state = redacted(state);
        self.run_since_us = self.now_us;
        let exported_at = rfc3339(self.now_us);
        self.wait(400);
        let graph = graph.shuffled(&mut self.rng);
        let schema = graph.schema_json(&exported_at);
        let manifest = graph.manifest_json(&mut self.rng);
        let mut attributes = BTreeMap::new();
        for (key, text) in [("graph_manifest", manifest), ("graph_schema_json", schema)] {
            if text.len() <= TOPOLOGY_BYTES_MAX {
                attributes.insert(key.to_owned(), string(&text));
            }
        }
        attributes.insert("schema_id".to_owned(), string(&graph.schema_id()));
        attributes.insert("graph_entry_point".to_owned(), string(graph.entry));
        attributes.insert("graph_name".to_owned(), string(graph.name));
        attributes.insert("graph_node_count".to_owned(), int(graph.nodes.len()));
        attributes.insert("graph_edge_count".to_owned(), int(graph.edges.len()));
        if self.options.state_diffs {
            let text = self.state.to_string();
            attributes.insert("initial_state_json".to_owned(), string(&text));
        }
        self.event(EventType::GraphStart, "", attributes, 0);
    }

    /// The end of a run, an interrupted one included: they look the same.
    pub(crate) fn graph_end(&mut self, state: &Value) {
        self.wait(200);
        self.state_diff(state);
        let duration_us = self.now_us - self.run_since_us;
        self.event(EventType::GraphEnd, "", BTreeMap::new(), duration_us);
    }

    pub(crate) fn node_start(&mut self, node: &str) {
        self.node_since_us = self.now_us;
        let attributes = self.config_of(node);
        self.event(EventType::NodeStart, node, attributes, 0);
    }

    /// The difference a node made comes before its end.
    pub(crate) fn node_end(&mut self, node: &str, state: &Value) {
        let duration_us = self.now_us - self.node_since_us;
        self.state_diff(state);
        let attributes = self.config_of(node);
        self.event(EventType::NodeEnd, node, attributes, duration_us);
    }

    /// Nothing follows: a failed run has no end.
    pub(crate) fn node_error(&mut self, node: &str, error: &str) {
        let text = format!("Node execution error in '{node}': {error}");
        let attributes = BTreeMap::from([("error".to_owned(), string(&text))]);
        self.event(EventType::NodeError, node, attributes, 0);
    }

    /// A node from start to end, `state` being what it left.
    pub(crate) fn node(&mut self, node: &str, work_us: u64, state: &Value) {
        self.node_start(node);
        self.work(work_us);
        self.node_end(node, state);
    }

    pub(crate) fn edge(&mut self, from: &str) {
        self.wait(30);
        self.event(EventType::EdgeTraversal, from, BTreeMap::new(), 0);
    }

    pub(crate) fn branch(&mut self, from: &str) {
        self.wait(50);
        self.event(EventType::ConditionalBranch, from, BTreeMap::new(), 0);
    }

    pub(crate) fn parallel_start(&mut self, branches: &[&str]) {
        self.node_since_us = self.now_us;
        self.event(
            EventType::ParallelStart,
            &branches.join(","),
            BTreeMap::new(),
            0,
        );
    }

    /// The branches' changes show only in the next difference.
    pub(crate) fn parallel_end(&mut self, branches: &[&str]) {
        let duration_us = self.now_us - self.node_since_us;
        self.event(
            EventType::ParallelEnd,
            &branches.join(","),
            BTreeMap::new(),
            duration_us,
        );
    }

    pub(crate) fn optimization(
        &mut self,
        node: &str,
        attributes: &[(&str, AttributeValue)],
        end: bool,
    ) {
        let kind = if end {
            EventType::OptimizationEnd
        } else {
            EventType::OptimizationStart
        };
        let attributes = attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        self.event(kind, node, attributes.collect(), 0);
    }

    /// Numbered with the callback's messages but sent past its queue.
    pub(crate) fn quality_metrics(&mut self, accuracy: f64, relevance: f64, completeness: f64) {
        let score = (accuracy + relevance + completeness) / 3.0;
        let ratio = |value| metric(metric_value::Value::FloatValue(value), "ratio");
        let identity = self.outbox.identity().clone();
        let metrics = Metrics {
            scope: "quality".to_owned(),
            scope_id: identity.thread.clone(),
            metrics: BTreeMap::from([
                ("accuracy".to_owned(), ratio(accuracy)),
                ("relevance".to_owned(), ratio(relevance)),
                ("completeness".to_owned(), ratio(completeness)),
                ("quality_score".to_owned(), ratio(score)),
                (
                    "passed".to_owned(),
                    metric(metric_value::Value::BoolValue(score >= 0.9), "bool"),
                ),
            ]),
            tags: BTreeMap::from([
                ("tenant_id".to_owned(), identity.tenant),
                ("thread_id".to_owned(), identity.thread),
            ]),
            header: Some(self.next_header(MessageType::Metrics)),
        };
        self.direct(Message::Metrics(metrics));
    }

    /// A header outside the callback's series.
    pub(crate) fn header(&mut self, kind: MessageType, sequence: u64) -> Header {
        let identity = self.outbox.identity();
        Header {
            message_id: self.rng.uuid().to_vec(),
            timestamp_us: i64::try_from(self.now_us).unwrap_or(i64::MAX),
            tenant_id: identity.tenant.clone(),
            thread_id: identity.thread.clone(),
            sequence,
            r#type: kind.into(),
            parent_id: Vec::new(),
            compression: 0,
            schema_version: 1,
        }
    }

    /// Sends a message past the queue.
    pub(crate) fn direct(&mut self, message: Message) {
        self.outbox.direct(self.now_us, message);
    }

    /// A new callback on the same thread, as after a restart: counting starts over.
    pub(crate) fn renew(&mut self) {
        self.outbox.close(self.now_us);
        self.sequence = 0;
        self.differences = 0;
        self.checkpoint_id.clear();
    }

    /// Loses everything that was not sent by now.
    pub(crate) fn abort(&mut self) {
        self.outbox.abort(self.now_us);
    }

    pub(crate) fn thread(&self) -> &str {
        &self.outbox.identity().thread
    }

    /// Ends the producer; all it sent, in order.
    pub(crate) fn finish(mut self) -> Vec<Sent> {
        self.outbox.close(self.now_us);
        self.outbox.into_sent()
    }

    fn next_header(&mut self, kind: MessageType) -> Header {
        self.sequence += 1;
        self.header(kind, self.sequence)
    }

    fn event(
        &mut self,
        kind: EventType,
        node: &str,
        attributes: BTreeMap<String, AttributeValue>,
        duration_us: u64,
    ) {
        let event = Event {
            header: Some(self.next_header(MessageType::Event)),
            event_type: kind.into(),
            node_id: node.to_owned(),
            attributes,
            duration_us: i64::try_from(duration_us).unwrap_or(i64::MAX),
            llm_request_id: String::new(),
        };
        self.queue(Message::Event(event));
    }

    /// Takes the sequence number first, as the callback does, so that a drop leaves a hole.
    fn queue(&mut self, message: Message) {
        self.outbox.offer(self.now_us, message);
        self.wait(10);
    }

    fn config_of(&self, node: &str) -> BTreeMap<String, AttributeValue> {
        self.configs.get(node).map_or_else(BTreeMap::new, |config| {
            BTreeMap::from([
                (
                    "config_version".to_owned(),
                    value(attribute_value::Value::IntValue(config.version)),
                ),
                ("config_hash".to_owned(), string(&config.hash)),
                ("config_updated_by".to_owned(), string(config.updated_by)),
            ])
        })
    }

    fn state_diff(&mut self, state: &Value) {
        if !self.options.state_diffs {
            return;
        }
        let state = redacted(state);
        let text = state.to_string();
        let (operations, patch_bytes) = diff(&self.state, &state);
        let use_full = patch_bytes > text.len() * 11 / 10;
        self.state = state;
        let message = StateDiff {
            header: Some(self.next_header(MessageType::StateDiff)),
            base_checkpoint_id: self.checkpoint_id.clone(),
            operations: if use_full { Vec::new() } else { operations },
            state_hash: Sha256::digest(text.as_bytes()).to_vec(),
            full_state: if use_full {
                text.clone().into_bytes()
            } else {
                Vec::new()
            },
        };
        self.queue(Message::StateDiff(message));
        self.differences += 1;
        let interval = self.options.checkpoint_interval;
        if interval > 0 && self.differences.is_multiple_of(interval) {
            self.checkpoint(text.into_bytes());
        }
    }

    fn checkpoint(&mut self, state: Vec<u8>) {
        self.wait(20);
        // Named from here on, whether or not it gets through.
        self.checkpoint_id = self.rng.uuid().to_vec();
        let checksum = Sha256::digest(&state).to_vec();
        let packed = if state.len() >= self.options.threshold_bytes {
            compress(&state)
        } else {
            None
        };
        let compression_info = packed
            .as_ref()
            .map(|packed| compression_info(&state, packed));
        let message = Checkpoint {
            header: Some(self.next_header(MessageType::Checkpoint)),
            checkpoint_id: self.checkpoint_id.clone(),
            state: packed.unwrap_or(state),
            state_type: "serde_json::Value".to_owned(),
            checksum,
            storage_uri: String::new(),
            compression_info,
            metadata: BTreeMap::new(),
        };
        self.queue(Message::Checkpoint(message));
    }
}

#[allow(clippy::cast_precision_loss)] // A ratio, for people to read.
fn compression_info(state: &[u8], packed: &[u8]) -> CompressionInfo {
    CompressionInfo {
        r#type: CompressionType::CompressionZstd.into(),
        compressed_size: packed.len() as u64,
        uncompressed_size: state.len() as u64,
        compression_ratio: state.len() as f32 / packed.len() as f32,
    }
}

/// An attribute's text goes through the redactor, whatever it holds.
pub(crate) fn string(text: &str) -> AttributeValue {
    let text = if may_change(text) {
        redact(text)
    } else {
        text.to_owned()
    };
    value(attribute_value::Value::StringValue(text))
}

pub(crate) fn value(value: attribute_value::Value) -> AttributeValue {
    AttributeValue { value: Some(value) }
}

/// A gauge.
pub(crate) fn metric(value: metric_value::Value, unit: &str) -> MetricValue {
    MetricValue {
        unit: unit.to_owned(),
        r#type: dashstream_proto::v1::metric_value::MetricType::Gauge.into(),
        value: Some(value),
    }
}

fn int(count: usize) -> AttributeValue {
    value(attribute_value::Value::IntValue(
        i64::try_from(count).unwrap_or(i64::MAX),
    ))
}

/// The state with each text in it redacted on its own.
#[expect(clippy::wildcard_enum_match_arm, reason = "JSON has no further types")]
fn redacted(state: &Value) -> Value {
    match state {
        Value::String(text) if may_change(text) => Value::String(redact(text)),
        Value::Array(items) => Value::Array(items.iter().map(redacted).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| (key.clone(), redacted(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
