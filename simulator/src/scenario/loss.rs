//! Runs of which something is lost or altered on the way.

use serde_json::{Value, json};

use super::flow::{linear_run, loop_graph, loop_round, publish};
use super::{Stage, agent_state};
use crate::graph::Graph;
use crate::telemetry::{Options, Telemetry};

/// Rounds of the loop that follow each other without a pause, and in all.
const DROP_ROUNDS: (u32, u32) = (18, 26);
/// Text that makes a difference larger than the producer's limit of 1 MiB.
const BLOB_BYTES: usize = 1_200_000;

pub(super) fn redact(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options::default());
    let mut state = agent_state("redact");
    // Made up here, so that no scanner takes the source for a leak.
    state["data"]["key"] = json!(format!("sk-{}", telemetry.rng.hex(32)));
    login_run(&mut telemetry, &mut state);
    stage.finish(telemetry);
}

pub(super) fn redact_url(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options::default());
    let mut state = agent_state("see https://example.com");
    state["messages"] = json!([]);
    state["data"]["contact"] = json!("x@example.com");
    state["tags"] = json!(["x@example.com"]);
    login_run(&mut telemetry, &mut state);
    stage.finish(telemetry);
}

fn login_run(telemetry: &mut Telemetry, state: &mut Value) {
    telemetry.graph_start(&Graph::chain("redaction", &["login", "use"]), state);
    state["data"]["auth"] = json!(format!("Bearer {}", telemetry.rng.hex(40)));
    let password = telemetry.rng.hex(16);
    state["data"]["dsn"] = json!(format!("postgres://service:{password}@db.internal/x"));
    telemetry.node("login", 6_500, state);
    telemetry.edge("login");
    state["step"] = json!(2);
    telemetry.node("use", 6_300, state);
    telemetry.edge("use");
    telemetry.graph_end(state);
}

/// A fast part fills the queue while the first acknowledgement is awaited; the slow part that
/// follows gets through again, on a state nobody received.
pub(super) fn drop_messages(stage: &mut Stage) {
    let first_ack_us = 500_000;
    let options = Options {
        checkpoint_interval: 8,
        first_ack_us,
        ..Options::default()
    };
    let mut telemetry = stage.quick(options);
    let mut state = agent_state("overflow");
    let (fast, all) = DROP_ROUNDS;
    telemetry.graph_start(&loop_graph(), &state);
    for round in 1..=all {
        let work_us = if round <= fast { 15 } else { 72_000 };
        loop_round(&mut telemetry, &mut state, round, round == all, work_us);
    }
    publish(&mut telemetry, &mut state, all);
    stage.finish(telemetry);
}

/// The worker is still waiting when the graph is dropped.
pub(super) fn no_flush(stage: &mut Stage) {
    let first_ack_us = 50_000;
    let mut telemetry = stage.quick(Options {
        first_ack_us,
        ..Options::default()
    });
    let since_us = telemetry.now_us;
    linear_run(&mut telemetry);
    telemetry.now_us = since_us + 58_000;
    telemetry.abort();
    stage.finish(telemetry);
}

pub(super) fn oversize(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 3,
        ..Options::default()
    });
    let graph = Graph::chain("oversize", &["small", "blob", "after", "shrunk"]);
    let mut state = agent_state("oversize");
    telemetry.graph_start(&graph, &state);
    state["step"] = json!(1);
    telemetry.node("small", 11_500, &state);
    telemetry.edge("small");

    state["data"] = json!({"blob": "x".repeat(BLOB_BYTES), "n": 1});
    state["step"] = json!(2);
    telemetry.node("blob", 14_000, &state);
    telemetry.edge("blob");

    state["data"]["n"] = json!(2);
    state["step"] = json!(3);
    telemetry.node("after", 11_500, &state);
    telemetry.edge("after");

    state["data"] = json!({"n": 3});
    telemetry.node("shrunk", 11_500, &state);
    telemetry.edge("shrunk");
    telemetry.graph_end(&state);
    stage.finish(telemetry);
}
