//! What "only problems" shows, and how a thread counts it.

use dashstream_proto::v1::tool_execution::ExecutionStage;
use dashstream_proto::v1::{Error, ToolExecution};

use super::*;

fn tool(stage: ExecutionStage) -> Vec<u8> {
    payload(Message::ToolExecution(ToolExecution {
        header: Some(header("t", 1)),
        tool_name: "calculator".to_string(),
        stage: stage as i32,
        ..ToolExecution::default()
    }))
}

#[test]
fn errors_and_failed_tools_are_trouble_and_the_rest_of_a_run_is_not() {
    let error = Error {
        header: Some(header("t", 4)),
        ..Error::default()
    };
    let mut store = store_with(&[
        payload(Message::Event(event("t", 1, EventType::GraphStart, ""))),
        tool(ExecutionStage::Requested),
        tool(ExecutionStage::Failed),
        tool(ExecutionStage::Retrying),
        tool(ExecutionStage::Completed),
        payload(Message::Error(error)),
        payload(Message::Event(event("t", 5, EventType::NodeError, "n"))),
        payload(Message::Event(event("t", 6, EventType::NodeEnd, "n"))),
    ]);
    let trouble = EventFilter {
        trouble_only: true,
        ..EventFilter::default()
    };
    assert_eq!(
        page(&mut store, trouble),
        [(6, "event"), (5, "error"), (2, "tool_execution")]
    );
    let threads = store.threads(ThreadSort::Recent, 0, 1);
    assert_eq!(threads[0].1.errors, 3);
    let failed = store.row(2).expect("held");
    assert!(failed.is_failure());
    assert_eq!(store.summary_of(failed), "calculator · failed");
}

#[test]
fn a_record_is_found_by_its_place_as_is_the_gap_over_it() {
    let mut store = store_with(&[
        tool(ExecutionStage::Started),
        tool(ExecutionStage::Completed),
    ]);
    let mut gap = Vec::new();
    FrameWriter::new(0, 2).gap(&mut gap, 2, 9, GapCause::Retention);
    store.apply(gap, |_| {});
    assert_eq!(store.find(0, 1, None), Some(1));
    assert_eq!(store.find(0, 5, None), Some(2));
    assert_eq!(store.find(0, 10, None), None);
    assert_eq!(store.find(1, 1, None), None);
}
