//! Runs with streaming nodes: progress, thoughts, tool calls, metrics and tokens from the node
//! itself, beside the callback's own messages.

use dashstream_proto::v1::error::Severity;
use dashstream_proto::v1::tool_execution::ExecutionStage;
use serde_json::json;

use super::{Stage, agent_state, message, push};
use crate::graph::Graph;
use crate::node_context::NodeContext;
use crate::telemetry::{Options, Telemetry};

const ANSWER: [&str; 7] = ["The", " answer", " is", " 4", "2", " 🎉", "."];
const BURST: [&str; 12] = [
    "b0 ", "b1 ", "b2 ", "b3 ", "b4 ", "b5 ", "b6 ", "b7 ", "b8 ", "b9 ", "b10 ", "b11 ",
];

pub(super) fn stream(stage: &mut Stage) {
    let first_ack_us = 50_000;
    let mut telemetry = stage.paced(Options {
        first_ack_us,
        ..Options::default()
    });
    let completed = streaming_run(&mut telemetry, false);
    debug_assert!(completed);
    stage.finish(telemetry);
}

pub(super) fn batched(stage: &mut Stage) {
    let options = Options {
        batch_size: 8,
        checkpoint_interval: 2,
        ..Options::default()
    };
    let mut telemetry = stage.quick(options);
    streaming_run(&mut telemetry, false);
    stage.finish(telemetry);
}

pub(super) fn failing(stage: &mut Stage) {
    // A slow first acknowledgement: the nodes are done before the callback's second message.
    let first_ack_us = 500_000;
    let mut telemetry = stage.quick(Options {
        first_ack_us,
        ..Options::default()
    });
    streaming_run(&mut telemetry, true);
    stage.finish(telemetry);
}

pub(super) fn warm(stage: &mut Stage) {
    let first_ack_us = 5_500;
    let mut telemetry = stage.quick(Options {
        first_ack_us,
        ..Options::default()
    });
    telemetry.quality_metrics(0.5, 0.25, 0.75);
    telemetry.wait(500_000);
    streaming_run(&mut telemetry, false);
    telemetry.wait(300_000);
    streaming_run(&mut telemetry, false);
    stage.finish(telemetry);
}

/// Whether the run came to its end.
fn streaming_run(telemetry: &mut Telemetry, fails: bool) -> bool {
    let mut state = agent_state("stream");
    let graph = Graph::chain("streaming", &["prepare", "think", "speak", "wrap"]);
    telemetry.graph_start(&graph, &state);
    state["step"] = json!(1);
    telemetry.node("prepare", 6_600, &state);
    telemetry.edge("prepare");

    telemetry.node_start("think");
    think(&mut NodeContext::new(telemetry, "think"));
    state["step"] = json!(2);
    telemetry.node_end("think", &state);
    telemetry.edge("think");

    telemetry.node_start("speak");
    speak(&mut NodeContext::new(telemetry, "speak"), fails);
    telemetry.work(40_000);
    if fails {
        telemetry.node_error("speak", "speaker gave up");
        return false;
    }
    push(
        &mut state["messages"],
        message("ans", "assistant", &ANSWER.concat()),
    );
    state["step"] = json!(3);
    telemetry.node_end("speak", &state);
    telemetry.edge("speak");

    push(&mut state["tags"], json!("wrapped"));
    telemetry.node("wrap", 6_500, &state);
    telemetry.edge("wrap");
    telemetry.graph_end(&state);
    true
}

fn think(context: &mut NodeContext<'_>) {
    context.progress("reading the question", 0.1);
    context.thinking("The user wants a number.", 1);
    context.thinking("Probably 42 — проверим.", 2);
    context.substep("outline", "starting");
    context.substep("outline", "complete");
    context.progress("done", 1.0);
}

fn speak(context: &mut NodeContext<'_>, fails: bool) {
    context.tool("call-1", "web_search", ExecutionStage::Requested, 0);
    context.tool("call-1", "web_search", ExecutionStage::Started, 0);
    context.tool("call-1", "web_search", ExecutionStage::Completed, 12_345);
    context.tool("call-2", "calculator", ExecutionStage::Requested, 0);
    context.tool("call-2", "calculator", ExecutionStage::Failed, 777);
    context.tool("call-2", "calculator", ExecutionStage::Retrying, 0);
    context.metric("result_count", 3.0, "documents");
    context.metric("cost", 0.000_42, "usd");
    context.tokens("req-7", &ANSWER);
    context.burst("req-8", &BURST);
    context.error(
        "RATE_LIMIT",
        "429 from the model provider",
        Severity::Warning,
    );
    if fails {
        context.error("SPEAKER_FAILED", "the speaker gave up", Severity::Fatal);
    }
}
