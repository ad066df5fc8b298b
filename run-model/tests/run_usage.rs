//! Tokens that messages of models carry in the state.

mod support;

use dashstream_proto::v1::EventType;
use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{DiffOperation, StateDiff};
use run_model::runs::{RunQuery, UsageSource};
use support::script::{LINE, Script};
use support::{all_runs, store_of};

const ANSWER: &str = r#"{"type":"ai","id":"m1","content":"hi","usage_metadata":{"input_tokens":120,"output_tokens":30,"total_tokens":150}}"#;

fn diff(script: &mut Script, sequence: u64, path: &str, value: &str) {
    let header = Some(script.header(sequence));
    let operation = DiffOperation {
        path: path.to_owned(),
        value: value.as_bytes().to_vec(),
        ..DiffOperation::default()
    };
    let operations = vec![operation];
    script.send(Message::StateDiff(StateDiff {
        header,
        operations,
        ..StateDiff::default()
    }));
}

/// Counted once, for the attempt of the diff that added it, and said to be from the state; a message of a person,
/// a full state and the same message again add nothing.
#[test]
fn tokens_in_a_message_that_a_diff_adds_count_once() {
    let mut script = Script::new("t");
    script.start(1, LINE).event(2, EventType::NodeStart, "a");
    diff(
        &mut script,
        3,
        "/messages/-",
        r#"{"type":"human","content":"usage_metadata"}"#,
    );
    script
        .event(4, EventType::NodeEnd, "a")
        .event(5, EventType::EdgeTraversal, "a");
    script.event(6, EventType::NodeStart, "b");
    diff(&mut script, 7, "/messages/-", ANSWER);
    diff(&mut script, 8, "/messages", &format!("[{ANSWER},{ANSWER}]"));
    let header = Some(script.header(9));
    let full_state = format!(r#"{{"messages":[{}]}}"#, ANSWER.replace("m1", "m0")).into_bytes();
    script.send(Message::StateDiff(StateDiff {
        header,
        full_state,
        ..StateDiff::default()
    }));
    script
        .event(10, EventType::NodeEnd, "b")
        .event(11, EventType::EdgeTraversal, "b")
        .end(12);
    let mut store = store_of(&script.records);
    let row = all_runs(&mut store).rows[0].clone();
    assert_eq!((row.usage.input, row.usage.output), (Some(120), Some(30)));
    assert_eq!(
        (row.usage.tokens(), row.usage.source),
        (Some(150), UsageSource::State)
    );
    let query = RunQuery {
        id: row.id,
        count: 10,
        ..RunQuery::default()
    };
    let spans = store.run(&query).expect("known").spans;
    let tokens: Vec<_> = spans.iter().map(|span| span.usage.tokens()).collect();
    assert_eq!(tokens, [None, Some(150)]);
}
