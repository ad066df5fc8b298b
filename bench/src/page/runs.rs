//! Runs of agents as a busy topic mixes them: nodes whose models stream tokens, tools, metrics, state diffs. Some fail,
//! some never end. The same seed gives the same bytes.

use std::{cmp::Reverse, collections::BinaryHeap};

use dashstream_proto::v1::{
    AttributeValue, DashStreamMessage, DiffOperation, Event, EventType, Header, MetricValue,
    Metrics, StateDiff, TokenChunk, TokenStats, ToolExecution, attribute_value,
    dash_stream_message::Message, metric_value,
};
use dashstream_simulator::Rng;
use decode_core::encode::{EncodeOptions, encode};

/// One Kafka record.
pub(super) struct Record {
    pub(super) thread: String,
    pub(super) time_us: i64,
    pub(super) value: Vec<u8>,
}

/// How a run goes on after its nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Completed,
    Failed,
    /// It says nothing more.
    Silent,
}

/// Records of many runs at once, in the order of their time, without end.
pub(super) struct Runs {
    rng: Rng,
    /// Of each thread what it has yet to send, the next one last.
    waiting: Vec<Vec<Record>>,
    due: BinaryHeap<Reverse<(i64, usize)>>,
    threads: u64,
}

impl Runs {
    pub(super) fn new(seed: u64) -> Self {
        let mut runs = Self {
            rng: Rng::new(seed),
            waiting: Vec::new(),
            due: BinaryHeap::new(),
            threads: 0,
        };
        for slot in 0..AT_ONCE {
            runs.waiting.push(Vec::new());
            runs.refill(slot, START_US + slot as i64 * 7_000);
        }
        runs
    }

    /// The next thread of a slot: two runs, one after the other.
    fn refill(&mut self, slot: usize, start_us: i64) {
        self.threads += 1;
        let thread = format!("thread-{}-{}", self.threads, self.rng.hex(8));
        let mut run = Run::new(thread, start_us, &mut self.rng);
        for _ in 0..RUNS_PER_THREAD {
            let ending = match run.rng.range(0, 99) {
                0..8 => Ending::Failed,
                8..11 => Ending::Silent,
                _ => Ending::Completed,
            };
            let nodes = run.rng.range(3, 6) as usize;
            run.play(
                &mut NODES[..nodes].iter().copied(),
                NODES[nodes - 1],
                ending,
            );
        }
        run.records.reverse();
        self.waiting[slot] = run.records;
        self.due.push(Reverse((start_us, slot)));
    }
}

impl Iterator for Runs {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let Reverse((_, slot)) = self.due.pop()?;
        let record = self.waiting[slot].pop()?;
        match self.waiting[slot].last() {
            Some(next) => self.due.push(Reverse((next.time_us, slot))),
            None => self.refill(slot, record.time_us + 300_000),
        }
        Some(record)
    }
}

/// One run of so many spans, each a node that ran once.
pub(super) fn long(spans: usize) -> Vec<Record> {
    let mut rng = Rng::new(SEED_LONG);
    let mut run = Run::new("thread-long".to_owned(), START_US, &mut rng);
    run.start();
    for span in 0..spans {
        run.step(EventType::NodeStart, NODES[span % NODES.len()]);
        let worked_us = run.rng.range(200, 9_000) as i64;
        run.time_us += worked_us;
        run.node_end(NODES[span % NODES.len()], worked_us);
    }
    run.step(EventType::EdgeTraversal, LAST);
    run.end();
    run.records
}

/// A run as its producer tells it.
struct Run {
    thread: String,
    rng: Rng,
    time_us: i64,
    start_us: i64,
    sequence: u64,
    requests: u64,
    records: Vec<Record>,
}

impl Run {
    fn new(thread: String, time_us: i64, rng: &mut Rng) -> Self {
        Self {
            thread,
            rng: Rng::new(rng.word()),
            time_us,
            start_us: time_us,
            sequence: 0,
            requests: 0,
            records: Vec::new(),
        }
    }

    fn play(&mut self, nodes: &mut dyn Iterator<Item = &'static str>, last: &str, ending: Ending) {
        self.start();
        for node in nodes {
            self.step(EventType::NodeStart, node);
            let begun_us = self.time_us;
            self.inside(node);
            if node == last && ending != Ending::Completed {
                if ending == Ending::Failed {
                    self.fail(node);
                }
                self.time_us += 200_000;
                return;
            }
            self.diff();
            self.node_end(node, self.time_us - begun_us);
            self.step(EventType::EdgeTraversal, node);
        }
        self.end();
        self.time_us += 200_000;
    }

    fn start(&mut self) {
        (self.sequence, self.start_us) = (0, self.time_us);
        let mut edges = Vec::new();
        let mut nodes = Vec::new();
        for (at, from) in NODES.iter().enumerate() {
            // A run may end after any node but the first two, so the graph says so of each by an edge of its own.
            nodes.push(format!(r#"{{"name":"{from}","node_type":"llm"}}"#));
            let to = if at + 1 < 3 { NODES[at + 1] } else { "__end__" };
            edges.push(format!(
                r#"{{"from":"{from}","to":"{to}","edge_type":"direct"}}"#
            ));
        }
        let schema = format!(
            r#"{{"name":"agent","entry_point":"{}","nodes":[{}],"edges":[{}]}}"#,
            NODES[0],
            nodes.join(","),
            edges.join(",")
        );
        let texts = [
            ("graph_name", "agent".to_owned()),
            ("graph_schema_json", schema),
        ];
        self.event(EventType::GraphStart, "", &texts, 0);
    }

    fn step(&mut self, kind: EventType, node: &str) {
        self.event(kind, node, &[], 0);
    }

    fn node_end(&mut self, node: &str, duration_us: i64) {
        self.event(EventType::NodeEnd, node, &[], duration_us);
    }

    fn fail(&mut self, node: &str) {
        let error = [(
            "error",
            format!("Node execution error in '{node}': timed out after 30 s"),
        )];
        self.event(EventType::NodeError, node, &error, 0);
    }

    fn end(&mut self) {
        self.event(EventType::GraphEnd, "", &[], self.time_us - self.start_us);
    }

    /// What a node says while it works.
    fn inside(&mut self, node: &str) {
        let mut number = 0;
        if self.rng.chance(0.5) {
            self.tool(&mut number);
        }
        self.tokens(&mut number);
        if self.rng.chance(0.3) {
            let header = self.header(&mut number);
            let cost = metric(
                metric_value::Value::FloatValue(self.rng.unit() * 0.1),
                "usd",
            );
            let prompt = metric(metric_value::Value::IntValue(900), "count");
            self.send(Message::Metrics(Metrics {
                header,
                scope: "node".to_owned(),
                scope_id: node.to_owned(),
                metrics: [("cost_usd", cost), ("tokens_prompt", prompt)]
                    .map(|(name, value)| (name.to_owned(), value))
                    .into(),
                ..Metrics::default()
            }));
        }
    }

    fn tokens(&mut self, number: &mut u64) {
        self.requests += 1;
        let request_id = format!("req-{}", self.requests);
        let chunks = self.rng.range(4, 16) as u32;
        for chunk_index in 0..chunks {
            let is_final = chunk_index + 1 == chunks;
            let (prompt_tokens, completion_tokens) = (700 + chunks, chunks);
            let stats = is_final.then(|| TokenStats {
                prompt_tokens,
                completion_tokens,
                total_tokens: prompt_tokens + completion_tokens,
            });
            let header = self.header(number);
            let text = self.rng.pick(WORDS).copied().unwrap_or_default().to_owned();
            self.send(Message::TokenChunk(TokenChunk {
                header,
                request_id: request_id.clone(),
                text,
                chunk_index,
                is_final,
                stats,
                model: "gpt-4o-mini-2024-07-18".to_owned(),
                ..TokenChunk::default()
            }));
        }
    }

    fn tool(&mut self, number: &mut u64) {
        self.requests += 1;
        let call_id = format!("call-{}", self.requests);
        let words = self.rng.range(20, 160);
        let words: Vec<_> = (0..words)
            .filter_map(|_| self.rng.pick(WORDS))
            .copied()
            .collect();
        let arguments = format!(r#"{{"query":"{}"}}"#, words.concat()).into_bytes();
        // Requested, started, completed.
        for stage in 1..=3 {
            let is_first = stage == 1;
            let header = self.header(number);
            self.send(Message::ToolExecution(ToolExecution {
                header,
                call_id: call_id.clone(),
                tool_name: "web_search".to_owned(),
                stage,
                arguments: if is_first {
                    arguments.clone()
                } else {
                    Vec::new()
                },
                ..ToolExecution::default()
            }));
        }
    }

    fn diff(&mut self) {
        self.sequence += 1;
        let mut number = self.sequence - 1;
        let header = self.header(&mut number);
        let operations = (0..3).map(|at| DiffOperation {
            path: format!("/messages/{}", self.sequence + at),
            value: br#"{"role":"assistant","content":"The answer follows."}"#.to_vec(),
            ..DiffOperation::default()
        });
        let operations = operations.collect();
        self.send(Message::StateDiff(StateDiff {
            header,
            operations,
            ..StateDiff::default()
        }));
    }

    fn event(&mut self, kind: EventType, node: &str, texts: &[(&str, String)], duration_us: i64) {
        let mut number = self.sequence;
        self.sequence += 1;
        let header = self.header(&mut number);
        let attributes = texts.iter().map(|(key, text)| {
            let value = Some(attribute_value::Value::StringValue(text.clone()));
            ((*key).to_owned(), AttributeValue { value })
        });
        self.send(Message::Event(Event {
            header,
            event_type: kind.into(),
            node_id: node.to_owned(),
            attributes: attributes.collect(),
            duration_us,
            ..Event::default()
        }));
    }

    /// The next header of a series.
    fn header(&mut self, number: &mut u64) -> Option<Header> {
        *number += 1;
        self.time_us += self.rng.range(40, 4_000) as i64;
        Some(Header {
            message_id: self.rng.uuid().to_vec(),
            timestamp_us: self.time_us,
            tenant_id: "acme-prod".to_owned(),
            thread_id: self.thread.clone(),
            sequence: *number,
            schema_version: 1,
            ..Header::default()
        })
    }

    fn send(&mut self, message: Message) {
        let message = DashStreamMessage {
            message: Some(message),
        };
        let value = encode(&message, &EncodeOptions::default(), &mut compress);
        self.records.push(Record {
            thread: self.thread.clone(),
            time_us: self.time_us,
            value: value.expect("a small message"),
        });
    }
}

fn metric(value: metric_value::Value, unit: &str) -> MetricValue {
    MetricValue {
        value: Some(value),
        unit: unit.to_owned(),
        ..MetricValue::default()
    }
}

/// As producers do it, at level 3.
fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    let mut packed = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
    zstd_safe::compress(&mut packed, plain, 3).ok()?;
    Some(packed)
}

/// Threads that speak at the same time.
const AT_ONCE: usize = 64;
const RUNS_PER_THREAD: usize = 2;
const SEED_LONG: u64 = 7;
const START_US: i64 = 1_767_225_600_000_000;
const NODES: &[&str] = &["plan", "search", "grade", "answer", "review", "publish"];
const LAST: &str = "publish";
const WORDS: &[&str] = &[
    " the", " relay", " reads", " what", " agents", " say", " 42", ", and",
];
