//! Runs that differ in how control flows, or in how the callback is set up.

use serde_json::{Value, json};

use super::{Stage, agent_state, message, push};
use crate::graph::{END, Graph, NodeKind};
use crate::telemetry::{NodeConfig, Options, Telemetry};

const QUESTIONS: &[&str] = &[
    "What is the answer?",
    "Which of our suppliers changed their terms last quarter?",
    "Summarise the incident of last night.",
    "Plan a week of meals for two.",
    "Why is the build slow since Tuesday?",
    "Wie spät ist es in 東京?",
];
const WORKERS: [&str; 3] = ["worker_a", "worker_b", "worker_c"];
/// Time after a run at which its quality is known.
const EVALUATION_US: u64 = 50_000;

pub(super) fn linear(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options::default());
    linear_run(&mut telemetry);
    telemetry.wait(EVALUATION_US);
    telemetry.quality_metrics(0.95, 0.875, 1.0);
    stage.finish(telemetry);
}

pub(super) fn without_diffs(stage: &mut Stage) {
    // The checkpoint interval has no effect then.
    let options = Options {
        state_diffs: false,
        checkpoint_interval: 1,
        ..Options::default()
    };
    let mut telemetry = stage.paced(options);
    linear_run(&mut telemetry);
    stage.finish(telemetry);
}

pub(super) fn linear_run(telemetry: &mut Telemetry) {
    let graph = linear_graph();
    let hash = format!("sha256:{}", telemetry.rng.hex(64));
    telemetry.configs.insert(
        "answer",
        NodeConfig {
            version: 1,
            hash,
            updated_by: "human",
        },
    );
    let question = telemetry.rng.pick(QUESTIONS).copied().unwrap_or_default();
    let mut state = agent_state(question);
    telemetry.graph_start(&graph, &state);

    push(
        &mut state["messages"],
        message("m1", "assistant", "Plan: search, then answer."),
    );
    state["step"] = json!(1);
    telemetry.node("plan", 16_000, &state);
    telemetry.edge("plan");

    state["data"] = json!({"docs": ["a.md", "b.md", "c.md"], "total": 3});
    push(
        &mut state["messages"],
        message("m2", "tool", "3 documents found"),
    );
    state["score"] = json!(0.75);
    state["step"] = json!(2);
    telemetry.node("search", 26_000, &state);
    telemetry.edge("search");

    telemetry.node("noop", 6_000, &state);
    telemetry.edge("noop");

    push(
        &mut state["messages"],
        message("m3", "assistant", "Forty-two."),
    );
    state["score"] = json!(1.0);
    state["step"] = json!(3);
    state["tags"] = json!(["final"]);
    telemetry.node("answer", 11_000, &state);
    telemetry.edge("answer");
    telemetry.graph_end(&state);
}

pub(super) fn review_loop(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 2,
        ..Options::default()
    });
    loop_run(&mut telemetry, 3);
    stage.finish(telemetry);
}

pub(super) fn non_ascii(stage: &mut Stage) {
    let thread = format!("поток/α {}", stage.setting.id);
    let mut telemetry = stage.of_tenant("tenant-ß".to_owned(), thread, Options::default());
    loop_run(&mut telemetry, 1);
    stage.finish(telemetry);
}

pub(super) fn restart(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 3,
        ..Options::default()
    });
    loop_run(&mut telemetry, 1);
    telemetry.wait(400_000);
    telemetry.renew();
    loop_run(&mut telemetry, 2);
    stage.finish(telemetry);
}

pub(super) fn reuse(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 3,
        ..Options::default()
    });
    loop_run(&mut telemetry, 2);
    telemetry.wait(400_000);
    loop_run(&mut telemetry, 2);
    stage.finish(telemetry);
}

pub(super) fn batch(stage: &mut Stage) {
    let options = Options {
        checkpoint_interval: 2,
        batch_size: 10,
        ..Options::default()
    };
    let mut telemetry = stage.quick(options);
    loop_run(&mut telemetry, 3);
    stage.finish(telemetry);
}

pub(super) fn batch_without_diffs(stage: &mut Stage) {
    let options = Options {
        state_diffs: false,
        batch_size: 6,
        ..Options::default()
    };
    let mut telemetry = stage.quick(options);
    loop_run(&mut telemetry, 3);
    stage.finish(telemetry);
}

/// Drafts until the review accepts.
fn loop_run(telemetry: &mut Telemetry, rounds: u32) {
    let mut state = agent_state("Write a short announcement.");
    telemetry.graph_start(&loop_graph(), &state);
    for round in 1..=rounds {
        loop_round(telemetry, &mut state, round, round == rounds, 10_000);
    }
    publish(telemetry, &mut state, rounds);
}

pub(super) fn loop_round(
    telemetry: &mut Telemetry,
    state: &mut Value,
    round: u32,
    accepted: bool,
    work_us: u64,
) {
    let text = format!("draft no. {round}");
    push(
        &mut state["messages"],
        message(&format!("d{round}"), "assistant", &text),
    );
    state["score"] = json!(f64::from(round) * 0.5);
    state["step"] = json!(round);
    telemetry.node("draft", work_us, state);
    telemetry.edge("draft");

    state["tags"] = json!([if accepted { "accept" } else { "reject" }]);
    telemetry.node("review", work_us, state);
    telemetry.branch("review");
}

pub(super) fn publish(telemetry: &mut Telemetry, state: &mut Value, rounds: u32) {
    state["data"]["published"] = json!(true);
    state["data"]["revision"] = json!(rounds);
    telemetry.node("publish", 20, state);
    telemetry.edge("publish");
    telemetry.graph_end(state);
}

pub(super) fn parallel(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 1,
        ..Options::default()
    });
    fan_run(&mut telemetry, "fan out");
    stage.finish(telemetry);
}

pub(super) fn batch_parallel(stage: &mut Stage) {
    let mut telemetry = stage.quick(Options {
        batch_size: 50,
        ..Options::default()
    });
    fan_run(&mut telemetry, "fan out in batches");
    stage.finish(telemetry);
}

pub(super) fn interleaved(stage: &mut Stage) {
    for part in 1..=2 {
        let thread = format!("inter-{}-{part}", stage.setting.id);
        let checkpoint_interval = if part == 1 { 0 } else { 2 };
        let mut telemetry = stage.named(
            thread,
            Options {
                checkpoint_interval,
                ..Options::default()
            },
        );
        telemetry.wait(2_000 * part);
        if part == 1 {
            loop_run(&mut telemetry, 3);
        } else {
            fan_run(&mut telemetry, "interleaved fan out");
        }
        stage.finish(telemetry);
    }
}

fn fan_run(telemetry: &mut Telemetry, query: &str) {
    let mut state = agent_state(query);
    split(telemetry, &mut state);
    telemetry.work(21_000);
    telemetry.parallel_end(&WORKERS);

    state["data"]["a"] = json!(1.0);
    state["data"]["b"] = json!([1, 2.5, null]);
    for (id, text) in [("a", "from A"), ("b", "from B"), ("c", "from C")] {
        push(
            &mut state["messages"],
            json!({"id": id, "role": "tool", "content": text, "tokens": 1, "weight": 1.0}),
        );
    }
    state["score"] = json!(0.5);
    state["step"] = json!(2);
    push(&mut state["tags"], json!("joined-4"));
    telemetry.node("join", 6_300, &state);
    telemetry.edge("join");
    telemetry.graph_end(&state);
}

pub(super) fn parallel_fail(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options::default());
    split(&mut telemetry, &mut agent_state("fan out and fail"));
    telemetry.work(21_000);
    stage.finish(telemetry);
}

/// The run up to the point at which the workers start.
fn split(telemetry: &mut Telemetry, state: &mut Value) {
    telemetry.graph_start(&fan_graph(), state);
    state["data"]["shards"] = json!(3);
    state["step"] = json!(1);
    telemetry.node("split", 6_300, state);
    telemetry.edge("split");
    telemetry.parallel_start(&WORKERS);
}

pub(super) fn parallel_end(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 1,
        ..Options::default()
    });
    let graph = Graph::new("fan-out-no-join", "split")
        .node("split")
        .node("think")
        .node("other")
        .fan("split", &["think", "other"])
        .edge("think", END)
        .edge("other", END);
    let mut state = agent_state("branches end the graph");
    telemetry.graph_start(&graph, &state);
    state["step"] = json!(1);
    telemetry.node("split", 9_500, &state);
    telemetry.edge("split");
    telemetry.parallel_start(&["think", "other"]);
    telemetry.work(36_000);
    telemetry.parallel_end(&["think", "other"]);
    push(
        &mut state["messages"],
        message("o", "tool", "other branch done"),
    );
    state["step"] = json!(2);
    telemetry.graph_end(&state);
    stage.finish(telemetry);
}

pub(super) fn fail(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options::default());
    failing_run(&mut telemetry);
    stage.finish(telemetry);
}

pub(super) fn fail_batch(stage: &mut Stage) {
    let mut telemetry = stage.quick(Options {
        batch_size: 5,
        ..Options::default()
    });
    failing_run(&mut telemetry);
    stage.finish(telemetry);
}

fn failing_run(telemetry: &mut Telemetry) {
    let mut state = agent_state("fail");
    telemetry.graph_start(&Graph::chain("failing", &["fetch", "parse"]), &state);
    state["data"]["rows"] = json!(17);
    state["step"] = json!(1);
    telemetry.node("fetch", 11_600, &state);
    telemetry.edge("fetch");
    telemetry.node_start("parse");
    telemetry.work(11_000);
    telemetry.node_error("parse", "unexpected token ‘}’ at line 3 — naïve parser");
}

/// The first invocation stops before `approve`; the second goes on from its state.
pub(super) fn interrupt(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 2,
        ..Options::default()
    });
    let graph = Graph::new("approval", "propose")
        .node("propose")
        .node("approve")
        .is(NodeKind::HumanInLoop, "Asks a person")
        .node("pay")
        .edge("propose", "approve")
        .edge("approve", "pay")
        .edge("pay", END);
    let mut state = json!({
        "amount": 0.0, "approved": false, "log": [], "request": "pay the invoice", "scores": {},
    });
    telemetry.graph_start(&graph, &state);
    state["amount"] = json!(250.0);
    push(&mut state["log"], json!("proposed"));
    state["scores"]["risk"] = json!(1.0);
    telemetry.node("propose", 6_500, &state);
    telemetry.edge("propose");
    telemetry.graph_end(&state);

    telemetry.work(100_000);
    telemetry.graph_start(&graph, &state);
    state["approved"] = json!(true);
    push(&mut state["log"], json!("approved"));
    telemetry.node("approve", 6_300, &state);
    telemetry.edge("approve");
    push(&mut state["log"], json!("paid"));
    state["scores"]["зн"] = json!(0.25);
    telemetry.node("pay", 6_300, &state);
    telemetry.edge("pay");
    telemetry.graph_end(&state);
    stage.finish(telemetry);
}

fn linear_graph() -> Graph {
    Graph::new("linear-qa", "plan")
        .node("plan")
        .is(NodeKind::Transform, "Makes a plan")
        .fields(&["query"], &["messages", "step"])
        .node("search")
        .is(NodeKind::Tool, "Looks things up")
        .node("noop")
        .node("answer")
        .edge("plan", "search")
        .edge("search", "noop")
        .edge("noop", "answer")
        .edge("answer", END)
}

pub(super) fn loop_graph() -> Graph {
    Graph::new("review-loop", "draft")
        .node("draft")
        .node("review")
        .node("publish")
        .edge("draft", "review")
        .route("review", "again", "draft")
        .route("review", "done", "publish")
        .edge("publish", END)
}

fn fan_graph() -> Graph {
    let mut graph = Graph::new("fan-out", "split")
        .node("split")
        .fan("split", &WORKERS);
    for worker in WORKERS {
        graph = graph.node(worker).edge(worker, "join");
    }
    graph.node("join").edge("join", END)
}
