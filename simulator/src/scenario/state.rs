//! Runs that differ in what their state holds.

use serde_json::{Value, json};

use super::{Stage, agent_state, message, push};
use crate::graph::{END, Graph};
use crate::telemetry::{Options, Telemetry};
use crate::words::prose;

/// What a node does to the state.
type Edit = fn(&mut Value);

/// Turns of the growing conversation, and bytes of each of a turn's two messages.
const BIG: (usize, usize) = (14, 3_000);
const BIG_RAW: (usize, usize) = (3, 1_250);
/// A threshold no message reaches.
const NEVER_COMPRESS_BYTES: usize = 1_000_000;

pub(super) fn big(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 4,
        ..Options::default()
    });
    chat_run(&mut telemetry, BIG);
    stage.finish(telemetry);
}

pub(super) fn big_raw(stage: &mut Stage) {
    let options = Options {
        checkpoint_interval: 2,
        threshold_bytes: NEVER_COMPRESS_BYTES,
        ..Options::default()
    };
    let mut telemetry = stage.paced(options);
    chat_run(&mut telemetry, BIG_RAW);
    stage.finish(telemetry);
}

fn chat_run(telemetry: &mut Telemetry, (turns, message_bytes): (usize, usize)) {
    let graph = Graph::new("long-chat", "chat")
        .node("chat")
        .node("summarise")
        .route("chat", "more", "chat")
        .route("chat", "enough", "summarise")
        .edge("summarise", END);
    let mut state = agent_state("tell me everything");
    telemetry.graph_start(&graph, &state);
    for turn in 1..=turns {
        for (role, mark) in [("user", 'u'), ("assistant", 'a')] {
            let text = prose(&mut telemetry.rng, message_bytes);
            push(
                &mut state["messages"],
                message(&format!("{mark}{turn}"), role, &text),
            );
        }
        state["step"] = json!(turn);
        telemetry.node("chat", 9_500, &state);
        telemetry.branch("chat");
    }
    let summary = prose(&mut telemetry.rng, message_bytes);
    let first = state["messages"][0].clone();
    state["messages"] = json!([first, message("s", "assistant", &summary)]);
    state["data"] = json!({"dropped": turns * 2 - 1});
    telemetry.node("summarise", 10_000, &state);
    telemetry.edge("summarise");
    telemetry.graph_end(&state);
}

pub(super) fn full_state(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 3,
        ..Options::default()
    });
    let mut state = json!({
        "query": "", "messages": [], "step": 0, "score": 0.0, "tags": [], "data": {},
    });
    telemetry.graph_start(&Graph::chain("full-state", &["rekey", "bump"]), &state);
    for (node, first) in [("rekey", 0_u32), ("bump", 1)] {
        let numbers = (0..80).map(|n| (format!("n{n}"), json!(f64::from(first + n))));
        state["data"] = json!({"m": numbers.collect::<serde_json::Map<_, _>>()});
        telemetry.node(node, 6_500, &state);
        telemetry.edge(node);
    }
    telemetry.graph_end(&state);
    stage.finish(telemetry);
}

pub(super) fn ints(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 2,
        ..Options::default()
    });
    let mut state =
        json!({"deep": {"none": null, "ok": true}, "half": 0.5, "n": 1, "words": ["a"]});
    telemetry.graph_start(&Graph::chain("ints", &["add", "more"]), &state);
    state["half"] = json!(0.25);
    state["n"] = json!(2);
    state["words"] = json!(["a", "b", "ж"]);
    telemetry.node("add", 9_600, &state);
    telemetry.edge("add");
    state["deep"]["ok"] = json!(false);
    state["long"] = json!(prose(&mut telemetry.rng, 720));
    telemetry.node("more", 9_300, &state);
    telemetry.edge("more");
    telemetry.graph_end(&state);
    stage.finish(telemetry);
}

pub(super) fn values(stage: &mut Stage) {
    let thread = format!("values-{}", stage.setting.id);
    let options = Options {
        checkpoint_interval: 1,
        ..Options::default()
    };
    let mut telemetry = stage.of_tenant("tenant-ß".to_owned(), thread, options);
    let mut state = agent_state("values");
    let steps: [(&str, Edit); 6] = [
        ("numbers", numbers),
        ("unicode", unicode),
        ("change", change),
        ("shrink", shrink),
        ("regrow", regrow),
        ("array_edit", array_edit),
    ];
    let graph = Graph::chain("values-ünïcode", &steps.map(|step| step.0));
    telemetry.graph_start(&graph, &state);
    for (node, edit) in steps {
        edit(&mut state);
        telemetry.node(node, 6_300, &state);
        telemetry.edge(node);
    }
    telemetry.graph_end(&state);
    stage.finish(telemetry);
}

#[allow(clippy::excessive_precision)] // Written as the shortest text that reads back.
fn numbers(state: &mut Value) {
    state["data"]["numbers"] = json!({
        "zero": 0, "one": 1.0, "two_i": 2, "tenth": 0.1, "third": 1.0 / 3.0, "hundred": 100.0,
        "milli": 0.001, "em5": 1e-5, "em6": 1e-6, "em7": 1e-7, "small": 5e-324, "neg_zero": -0.0,
        "e15": 1e15, "e16": 1e16, "e17": 1e17, "e20": 1e20, "e21": 1e21, "e22": 1e22,
        "big": f64::MAX, "frac": 123_456_789.125, "f32": f64::from(0.1_f32),
        "safe": 9_007_199_254_740_993_u64, "f2p53": 9_007_199_254_740_992.0,
        "i64min": i64::MIN, "u64max": u64::MAX,
    });
    state["score"] = json!(1.0);
}

fn unicode(state: &mut Value) {
    let data = &mut state["data"];
    data["02"] = json!("oh two");
    data["10"] = json!("ten");
    data["9"] = json!("nine");
    data["<script>"] = json!("</script>&amp;");
    data["__proto__"] = json!({"x": 1});
    data["constructor"] = json!("c");
    data["a/b"] = json!({"": "empty key", " ": "space", "m~n": 1, "~1": "tilde one"});
    data["line\u{2028}sep"] = json!("\u{2028}\u{2029}\u{feff}");
    data["ключ"] = json!("значение");
    data["日本"] = json!({
        "é": "e\u{301}",
        "🦀": ["👨\u{200d}👩\u{200d}👧", "\u{0}\u{1}\u{1f}\t\n\"\\/"],
    });
    data["～"] = json!("sorts after U+1F980 in UTF-16, before it in UTF-8");
    data["🦀"] = json!("crab key");
}

fn change(state: &mut Value) {
    let data = &mut state["data"];
    data["__proto__"]["x"] = json!(2);
    data["a/b"][""] = json!("still empty key");
    data["a/b"]["m~n"] = json!(2.0);
    data["numbers"]["one"] = json!(1);
    data["numbers"]["two_i"] = json!(2.0);
    data["numbers"]["u64max"] = json!(u64::MAX - 1);
    data["日本"]["é"] = json!("é");
    data["🦀"] = json!("crab changed");
    without(data, &["9", "constructor"]);
    state["tags"] = json!(["x", "", "y"]);
}

fn shrink(state: &mut Value) {
    *state = json!({
        "query": "", "messages": [], "step": 0, "score": 0.0, "tags": [], "data": null,
    });
}

fn regrow(state: &mut Value) {
    state["data"] = json!({"nested": {"l": [[], [[1.0]], {}], "n": null, "t": true}});
    state["tags"] = json!(["t0", "t1", "t2", "t3"]);
}

fn array_edit(state: &mut Value) {
    state["data"]["nested"]["l"] = json!([[0.5], {"k": [1e21]}, "x", null]);
    state["tags"] = json!(["t1", "new", "t3", "t0", "tail"]);
}

pub(super) fn edit(stage: &mut Stage) {
    let mut telemetry = stage.paced(Options {
        checkpoint_interval: 2,
        ..Options::default()
    });
    let mut state = editable_state(&mut telemetry);
    let steps: [(&str, Edit); 7] = [
        ("remove_first", remove_first),
        ("insert_front", insert_front),
        ("drop_tail", drop_tail),
        ("keys", keys),
        ("types", types),
        ("swap", swap),
        ("root", root),
    ];
    telemetry.graph_start(&Graph::chain("edits", &steps.map(|step| step.0)), &state);
    for (node, edit) in steps {
        edit(&mut state);
        telemetry.node(node, 9_400, &state);
        telemetry.edge(node);
    }
    telemetry.graph_end(&state);
    stage.finish(telemetry);
}

fn editable_state(telemetry: &mut Telemetry) -> Value {
    let mut state = agent_state("edit");
    state["messages"] = json!([]);
    for n in 0..6 {
        let text = prose(&mut telemetry.rng, 110);
        push(
            &mut state["messages"],
            message(&format!("k{n}"), "user", &text),
        );
    }
    state["data"] = json!({
        "a/b~c": {"/": "slash", "~": [1, 2, 3]},
        "grid": [[1, 2], [3, 4], []],
        "list": [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}, {"id": 3, "v": "c"}, {"id": 4, "v": "d"}],
    });
    for n in 0..24 {
        state["data"][format!("field-{n:02}")] = json!(prose(&mut telemetry.rng, 90));
    }
    state
}

fn remove_first(state: &mut Value) {
    drain(&mut state["messages"], 0, 1);
    drain(&mut state["data"]["list"], 0, 1);
}

fn insert_front(state: &mut Value) {
    if let Some(list) = state["data"]["list"].as_array_mut() {
        list.insert(0, json!({"id": 9, "v": "нов"}));
    }
    state["tags"] = json!(["α", "draft"]);
}

fn drop_tail(state: &mut Value) {
    drain(&mut state["messages"], 3, usize::MAX);
    drain(&mut state["data"]["list"], 1, usize::MAX);
    state["data"]["grid"] = json!([[1], [3, 4.5, 5.0], [6]]);
}

fn keys(state: &mut Value) {
    let data = &mut state["data"];
    data[""] = json!({"": {"": 1.0}});
    data["a/b~c"]["-"] = json!("dash key");
    data["a/b~c"]["0"] = json!("index-like key");
    data["a/b~c"]["~"] = json!([1, 3]);
    data["a/b~c"]["~0~1"] = json!("tricky pointer");
    without(data, &["field-03", "field-04", "grid"]);
}

fn types(state: &mut Value) {
    let data = &mut state["data"];
    data[""][""] = json!([{"": 2.0}]);
    data["field-05"] = json!({"now": "an object"});
    data["field-06"] = json!(null);
    data["field-07"] = json!([]);
    data["field-08"] = json!(false);
    data["list"] = json!({});
    state["score"] = json!(1e-7);
}

fn swap(state: &mut Value) {
    if let Some(messages) = state["messages"].as_array_mut() {
        messages.reverse();
    }
    let text = format!(
        "{} — edited 🎯",
        state["messages"][1]["content"].as_str().unwrap_or_default()
    );
    state["messages"][1]["content"] = json!(text);
    state["messages"][1]["weight"] = json!(2.0);
    state["score"] = json!(100.0);
}

fn root(state: &mut Value) {
    state["messages"] = json!([]);
    state["query"] = json!("");
    state["tags"] = json!([]);
}

/// Removes the elements `from..to` that are there.
fn drain(list: &mut Value, from: usize, to: usize) {
    if let Some(items) = list.as_array_mut() {
        let to = to.min(items.len());
        items.drain(from.min(to)..to);
    }
}

fn without(object: &mut Value, keys: &[&str]) {
    if let Some(members) = object.as_object_mut() {
        members.retain(|key, _| !keys.contains(&key.as_str()));
    }
}
