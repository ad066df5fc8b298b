//! Runs beyond the capture: what the framework can emit besides, and what another producer of the
//! same format would.

use std::collections::BTreeMap;

use dashstream_proto::v1::attribute_value::Value as Attribute;
use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::error::Severity;
use dashstream_proto::v1::metric_value::{MetricType, Value as Number};
use dashstream_proto::v1::token_chunk::FinishReason;
use dashstream_proto::v1::tool_execution::ExecutionStage;
use dashstream_proto::v1::{
    AttributeArray, AttributeMap, AttributeValue, Error, ErrorRecord, Event, EventType,
    ExecutionTrace, MessageType, MetricValue, Metrics, NodeExecutionRecord, TokenChunk, TokenStats,
    ToolExecution,
};
use serde_json::json;

use super::flow::linear_run;
use super::{Stage, agent_state};
use crate::graph::{END, Graph, NodeKind};
use crate::telemetry::{Options, Telemetry, metric, string, value};
use crate::time::rfc3339;
use crate::words::{prose, tokens};

pub(super) fn optimize(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options::default());
    let mut state = agent_state("tune the prompt");
    let graph = Graph::new("self-tuning", "rank")
        .node("rank")
        .is(NodeKind::Custom("validator"), "Ranks candidates")
        .node("answer")
        .is(NodeKind::Llm, "Answers")
        .edge("rank", "answer")
        .edge("answer", END);
    telemetry.graph_start(&graph, &state);
    let id = telemetry.rng.hex(12);
    let start = [
        ("optimization_id", string(&id)),
        ("target_param", string("temperature")),
        ("strategy", string("hill_climb")),
    ];
    telemetry.optimization("rank", &start, false);
    telemetry.work(20_000);
    let end = [
        ("optimization_id", string(&id)),
        ("variants_tested", value(Attribute::IntValue(6))),
        ("improvement_delta", value(Attribute::FloatValue(0.125))),
        ("termination_reason", string("converged")),
        ("best_score", value(Attribute::FloatValue(0.9375))),
        ("found_improvement", value(Attribute::BoolValue(true))),
    ];
    telemetry.optimization("rank", &end, true);
    for (step, node) in ["rank", "answer"].into_iter().enumerate() {
        state["step"] = json!(step + 1);
        telemetry.node(node, 12_000, &state);
        telemetry.edge(node);
    }
    telemetry.graph_end(&state);
    stage.finish(telemetry);
}

/// The monitor judges a run that ended well; its `GRAPH_ERROR` is no failure of the run.
pub(super) fn quality(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options::default());
    linear_run(&mut telemetry);
    telemetry.work(30_000);
    let ratio = |number| metric(Number::FloatValue(number), "ratio");
    let metrics = Metrics {
        header: Some(telemetry.header(MessageType::Metrics, 1)),
        scope: "quality".to_owned(),
        scope_id: "response_evaluation".to_owned(),
        metrics: BTreeMap::from([
            ("quality_accuracy".to_owned(), ratio(0.5)),
            ("quality_relevance".to_owned(), ratio(0.75)),
            ("quality_completeness".to_owned(), ratio(0.25)),
            ("quality_average".to_owned(), ratio(0.5)),
            (
                "quality_issues_count".to_owned(),
                metric(Number::IntValue(2), "count"),
            ),
        ]),
        tags: [("incomplete", "true"), ("unsupported_claim", "true")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    };
    telemetry.direct(Message::Metrics(metrics));
    telemetry.wait(300);
    let attributes = [
        ("alert_type", string("LOW_QUALITY")),
        ("quality_score", value(Attribute::FloatValue(0.5))),
        ("threshold", value(Attribute::FloatValue(0.9))),
        ("issues", string("incomplete, unsupported_claim")),
    ];
    event(
        &mut telemetry,
        2,
        EventType::GraphError,
        "quality_monitor",
        &attributes,
    );
    stage.finish(telemetry);
}

pub(super) fn trace(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options::default());
    let started_us = telemetry.now_us;
    linear_run(&mut telemetry);
    telemetry.work(5_000);
    let ended_us = telemetry.now_us;
    let nodes = ["plan", "search", "noop", "answer"];
    let nodes_executed: Vec<_> = (0_u64..)
        .zip(nodes)
        .map(|(n, node)| record(node, started_us, n))
        .collect();
    let trace = ExecutionTrace {
        // Outside every series.
        header: Some(telemetry.header(MessageType::ExecutionTrace, 0)),
        thread_id: telemetry.thread().to_owned(),
        execution_id: telemetry.rng.hex(32),
        total_duration_ms: (ended_us - started_us) / 1000,
        total_tokens: nodes_executed.iter().map(|node| node.total_tokens).sum(),
        nodes_executed,
        errors: vec![ErrorRecord {
            node: "search".to_owned(),
            message: "first attempt timed out".to_owned(),
            error_code: "TIMEOUT".to_owned(),
            timestamp: rfc3339(started_us + 1),
            recovered: true,
            stack_trace: String::new(),
        }],
        completed: true,
        started_at: rfc3339(started_us),
        ended_at: rfc3339(ended_us),
        final_state: b"{\"answer\":42,\"score\":1.0}".to_vec(),
        metadata: BTreeMap::from([("host".to_owned(), b"\"worker-7\"".to_vec())]),
    };
    telemetry.direct(Message::ExecutionTrace(trace));
    stage.finish(telemetry);
}

fn record(node: &str, started_us: u64, number: u64) -> NodeExecutionRecord {
    let (prompt_tokens, completion_tokens) = (120 * number, 30 * number);
    NodeExecutionRecord {
        node: node.to_owned(),
        duration_ms: 12 + number,
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        succeeded: true,
        started_at: rfc3339(started_us + number * 12_000),
        ended_at: rfc3339(started_us + (number + 1) * 12_000),
        input: b"{}".to_vec(),
        output: format!("{{\"step\":{number}}}").into_bytes(),
        metadata: BTreeMap::from([("attempt".to_owned(), "1".to_owned())]),
    }
}

/// Numbers everything in one series, as a simple client would, and uses each event type the
/// framework's own scenarios leave out.
pub(super) fn foreign(stage: &mut Stage) {
    let options = Options {
        state_diffs: false,
        ..Options::default()
    };
    let mut telemetry = stage.paced(options);
    let named = [("graph_name", string("support-desk"))];
    let mut at = report(&mut telemetry, 0, EventType::GraphStart, &named);
    at = report(
        &mut telemetry,
        at,
        EventType::NodeStart,
        &[("hints", nested())],
    );
    at = reports(&mut telemetry, at, &LLM_EVENTS, &[]);
    let usage = [
        ("input_tokens", value(Attribute::IntValue(812))),
        ("output_tokens", value(Attribute::IntValue(64))),
    ];
    at = report(&mut telemetry, at, EventType::LlmEnd, &usage);
    at = llm_output(&mut telemetry, at);
    at = tool_calls(&mut telemetry, at);
    at = reports(
        &mut telemetry,
        at,
        &TOOL_EVENTS,
        &[("tool_name", string("sql_query"))],
    );
    at = report(
        &mut telemetry,
        at,
        EventType::NodeWarning,
        &[("message", string("slow"))],
    );
    at = reports(
        &mut telemetry,
        at,
        &CHECKPOINT_EVENTS,
        &[("checkpoint_id", string("cp-1"))],
    );
    at = reports(&mut telemetry, at, &LAST_EVENTS, &[]);
    let edge = [("edge_from", string("triage")), ("edge_to", string(END))];
    at = report(&mut telemetry, at, EventType::EdgeTraversal, &edge);
    report(&mut telemetry, at, EventType::GraphEnd, &[]);
    stage.finish(telemetry);
}

const LLM_EVENTS: [EventType; 4] = [
    EventType::MemoryLoad,
    EventType::LlmStart,
    EventType::LlmRetry,
    EventType::LlmError,
];
const TOOL_EVENTS: [EventType; 3] = [
    EventType::ToolStart,
    EventType::ToolError,
    EventType::ToolEnd,
];
const CHECKPOINT_EVENTS: [EventType; 3] = [
    EventType::CheckpointSave,
    EventType::CheckpointLoad,
    EventType::CheckpointDelete,
];
const LAST_EVENTS: [EventType; 4] = [
    EventType::HumanInterrupt,
    EventType::HumanResume,
    EventType::MemorySave,
    EventType::NodeEnd,
];

/// Sends events with the same attributes after number `sequence`; gives the last number.
fn reports(
    telemetry: &mut Telemetry,
    sequence: u64,
    kinds: &[EventType],
    attributes: &[(&str, AttributeValue)],
) -> u64 {
    kinds.iter().fold(sequence, |at, kind| {
        report(telemetry, at, *kind, attributes)
    })
}

/// Sends the event after number `sequence`; gives its own.
fn report(
    telemetry: &mut Telemetry,
    sequence: u64,
    kind: EventType,
    attributes: &[(&str, AttributeValue)],
) -> u64 {
    let is_graph = matches!(kind, EventType::GraphStart | EventType::GraphEnd);
    let node = if is_graph { "" } else { "triage" };
    event(telemetry, sequence + 1, kind, node, attributes);
    telemetry.work(4_000);
    sequence + 1
}

/// Chunks with everything a chunk can hold; gives the last sequence number.
fn llm_output(telemetry: &mut Telemetry, mut sequence: u64) -> u64 {
    let text = prose(&mut telemetry.rng, 60);
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    for (at, word) in words.iter().enumerate() {
        sequence += 1;
        let is_final = at + 1 == words.len();
        let token = u32::try_from(telemetry.rng.range(1, 120_000)).unwrap_or(1);
        #[allow(clippy::cast_possible_truncation)] // A probability, for people to read.
        let logprob = -(telemetry.rng.unit() as f32);
        let stats = TokenStats {
            prompt_tokens: 812,
            completion_tokens: 64,
            total_tokens: 876,
        };
        let chunk = TokenChunk {
            header: Some(telemetry.header(MessageType::TokenChunk, sequence)),
            request_id: "req-llm-1".to_owned(),
            text: (*word).to_owned(),
            token_ids: vec![token],
            logprobs: vec![logprob],
            chunk_index: u32::try_from(at).unwrap_or(u32::MAX),
            is_final,
            finish_reason: if is_final {
                FinishReason::Stop
            } else {
                FinishReason::None
            }
            .into(),
            model: "llama-3.1-70b-instruct".to_owned(),
            stats: is_final.then_some(stats),
        };
        telemetry.direct(Message::TokenChunk(chunk));
        telemetry.work(2_000);
    }
    sequence
}

/// A call that succeeds, one that fails with details, and metrics of every type; gives the last
/// sequence number.
fn tool_calls(telemetry: &mut Telemetry, sequence: u64) -> u64 {
    let header = telemetry.header(MessageType::ToolExecution, sequence + 1);
    let rows = prose(&mut telemetry.rng, 700);
    let result = json!({"rows": rows, "tokens": tokens(&rows)});
    telemetry.direct(Message::ToolExecution(ToolExecution {
        header: Some(header),
        call_id: "call-a".to_owned(),
        tool_name: "sql_query".to_owned(),
        stage: ExecutionStage::Completed.into(),
        arguments: br#"{"query":"select 1"}"#.to_vec(),
        result: result.to_string().into_bytes(),
        duration_us: 5_432,
        ..ToolExecution::default()
    }));
    telemetry.work(3_000);
    let header = telemetry.header(MessageType::ToolExecution, sequence + 2);
    telemetry.direct(Message::ToolExecution(ToolExecution {
        header: Some(header),
        call_id: "call-b".to_owned(),
        tool_name: "http_get".to_owned(),
        stage: ExecutionStage::Failed.into(),
        arguments: br#"{"url":"/status"}"#.to_vec(),
        error: "timed out".to_owned(),
        error_details: Some(error_details()),
        retry_count: 3,
        ..ToolExecution::default()
    }));
    telemetry.work(3_000);
    let header = telemetry.header(MessageType::Metrics, sequence + 3);
    telemetry.direct(Message::Metrics(Metrics {
        header: Some(header),
        scope: "llm".to_owned(),
        scope_id: "req-llm-1".to_owned(),
        metrics: numbers(),
        tags: BTreeMap::from([("region".to_owned(), "eu-west-1".to_owned())]),
    }));
    sequence + 3
}

fn error_details() -> Error {
    Error {
        error_code: "TIMEOUT".to_owned(),
        message: "no answer within 5 s".to_owned(),
        stack_trace: "http_get\n  connect".to_owned(),
        context: BTreeMap::from([("host".to_owned(), "status.internal".to_owned())]),
        severity: Severity::Error.into(),
        exception_type: "TimeoutError".to_owned(),
        suggestions: vec!["retry later".to_owned(), "check the host".to_owned()],
        ..Error::default()
    }
}

/// One of each value and metric type.
fn numbers() -> BTreeMap<String, MetricValue> {
    [
        (
            "tokens_total",
            Number::IntValue(876),
            "count",
            MetricType::Counter,
        ),
        (
            "cost_usd",
            Number::FloatValue(0.0031),
            "usd",
            MetricType::Summary,
        ),
        (
            "model",
            Number::StringValue("70b".to_owned()),
            "",
            MetricType::Unspecified,
        ),
        ("cache_hit", Number::BoolValue(false), "", MetricType::Gauge),
        (
            "latency",
            Number::BytesValue(vec![1, 2, 3]),
            "us",
            MetricType::Histogram,
        ),
    ]
    .into_iter()
    .map(|(name, number, unit, kind)| {
        let value = MetricValue {
            unit: unit.to_owned(),
            r#type: kind.into(),
            value: Some(number),
        };
        (name.to_owned(), value)
    })
    .collect()
}

fn nested() -> AttributeValue {
    let flag = value(Attribute::BoolValue(true));
    let bytes = value(Attribute::BytesValue(vec![0, 255]));
    let array = value(Attribute::ArrayValue(AttributeArray {
        values: vec![flag, bytes, string("é")],
    }));
    let values = BTreeMap::from([
        ("list".to_owned(), array),
        ("depth".to_owned(), value(Attribute::IntValue(-2))),
    ]);
    value(Attribute::MapValue(AttributeMap { values }))
}

fn event(
    telemetry: &mut Telemetry,
    sequence: u64,
    kind: EventType,
    node: &str,
    attributes: &[(&str, AttributeValue)],
) {
    let header = telemetry.header(MessageType::Event, sequence);
    let is_llm = matches!(
        kind,
        EventType::LlmStart | EventType::LlmEnd | EventType::LlmError | EventType::LlmRetry
    );
    telemetry.direct(Message::Event(Event {
        header: Some(header),
        event_type: kind.into(),
        node_id: node.to_owned(),
        attributes: attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
        duration_us: 0,
        llm_request_id: if is_llm {
            "req-llm-1".to_owned()
        } else {
            String::new()
        },
    }));
}
