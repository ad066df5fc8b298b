use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{
    DashStreamMessage, DiffOperation, Event, EventBatch, EventType, Header, StateDiff, TokenChunk,
};
use decode_core::encode::{EncodeOptions, encode};
use decode_core::frame::FrameWriter;

use super::*;
use crate::opened::BytesOf;
use crate::query::EventFilter;
use crate::threads::ThreadStatus;

mod identity;
mod listing;
mod opened;
mod saving;
mod trouble;

fn header(thread: &str, sequence: u64) -> Header {
    Header {
        thread_id: thread.to_string(),
        sequence,
        schema_version: 1,
        ..Header::default()
    }
}

fn event(thread: &str, sequence: u64, event_type: EventType, node: &str) -> Event {
    Event {
        header: Some(header(thread, sequence)),
        event_type: event_type as i32,
        node_id: node.to_string(),
        ..Event::default()
    }
}

fn payload(message: Message) -> Vec<u8> {
    let message = DashStreamMessage {
        message: Some(message),
    };
    encode(&message, &EncodeOptions::default(), &mut |_| None).expect("encodable")
}

fn message(payloads: &[Vec<u8>], first: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = FrameWriter::new(0, first);
    for (n, payload) in payloads.iter().enumerate() {
        let (offset, n) = (first + n as u64, (first + n as u64).cast_signed());
        writer.record(&mut out, offset, 1_000 + n, payload);
    }
    out
}

fn store_with(payloads: &[Vec<u8>]) -> Store {
    let mut store = Store::default();
    store.apply(message(payloads, 0), |_| {});
    store
}

fn page(store: &mut Store, filter: EventFilter) -> Vec<(u64, &'static str)> {
    let query = EventQuery {
        count: 100,
        filter,
        ..EventQuery::default()
    };
    store
        .events(&query)
        .rows
        .iter()
        .map(|(id, row)| (*id, row.kind.name()))
        .collect()
}

#[test]
fn a_batch_is_a_row_per_event_and_threads_follow_their_runs() {
    let batch = EventBatch {
        header: Some(header("a", 0)),
        events: vec![
            event("a", 1, EventType::GraphStart, ""),
            event("b", 1, EventType::NodeError, "parse"),
        ],
    };
    let mut store = store_with(&[
        payload(Message::EventBatch(batch)),
        payload(Message::Event(event("a", 2, EventType::GraphEnd, "last"))),
    ]);
    assert_eq!(
        page(&mut store, EventFilter::default()),
        [(2, "event"), (1, "event"), (0, "event")]
    );
    let threads = store.threads(ThreadSort::Name, 0, 10);
    let shown: Vec<_> = threads
        .iter()
        .map(|(n, t)| (*n, t.status, t.records, t.errors, t.node.as_str()))
        .collect();
    let expected = [
        ("a", ThreadStatus::Ended, 2, 0, "last"),
        ("b", ThreadStatus::Failed, 1, 1, "parse"),
    ];
    assert_eq!(shown, expected);
    assert_eq!((store.totals().records, store.totals().rows), (2, 3));
}

/// SEQ-02: what Kafka has first is applied first, whatever sequence numbers say.
#[test]
fn records_apply_in_the_order_of_their_offsets() {
    let numbers = [9, 2, 2, 7, 0];
    let nodes = ["v", "w", "x", "y", "z"];
    let payloads: Vec<_> = numbers
        .iter()
        .zip(nodes)
        .map(|(&number, node)| {
            payload(Message::Event(event(
                "t",
                number,
                EventType::NodeStart,
                node,
            )))
        })
        .collect();
    let mut store = store_with(&payloads);
    let rows: Vec<_> = (0..5)
        .map(|id| store.open(id, false).expect("held").facts().offset)
        .collect();
    assert_eq!(rows, [0, 1, 2, 3, 4]);
    assert_eq!(page(&mut store, EventFilter::default()).len(), 5);
    let threads = store.threads(ThreadSort::Name, 0, 10);
    assert_eq!((threads[0].1.records, threads[0].1.node.as_str()), (5, "z"));
}

/// DEC-18
#[test]
fn inner_events_without_a_header_take_the_thread_of_their_batch() {
    let orphan = Event {
        header: None,
        ..event("", 0, EventType::NodeStart, "n")
    };
    let batch = EventBatch {
        header: Some(header("owner", 0)),
        events: vec![orphan],
    };
    let mut store = store_with(&[payload(Message::EventBatch(batch))]);
    assert_eq!(store.thread_count(), 1);
    assert_eq!(store.threads(ThreadSort::Name, 0, 1)[0].0, "owner");
    assert_eq!(page(&mut store, EventFilter::default()).len(), 1);
}

#[test]
fn a_batch_that_fails_at_its_end_leaves_one_reject_row_and_no_thread() {
    let batch = EventBatch {
        header: Some(header("ghost", 0)),
        events: vec![event("ghost", 1, EventType::GraphStart, "")],
    };
    let mut bytes = payload(Message::EventBatch(batch));
    bytes.push(0x0F);
    let mut store = store_with(&[bytes]);
    assert_eq!(page(&mut store, EventFilter::default()), [(0, "reject")]);
    assert_eq!(store.thread_count(), 0);
    assert_eq!(store.reducers.rows.names.held(), 0);
    let totals = store.totals();
    assert_eq!((totals.records, totals.rejects), (0, 1));
    let opened = store.open(0, false).expect("held");
    assert_eq!(opened.facts().code, "protobuf");
    assert!(!opened.facts().error.is_empty() && opened.tree().is_none());
}

/// STA-16, BND-15
#[test]
fn filters_freezing_and_eviction() {
    let mut store = Store::with_bounds(Mode::Strict, 10, 3, 1 << 20);
    let token = |n: u64| {
        let header = Some(header(&alloc::format!("Thread-{}", n % 5), n));
        payload(Message::TokenChunk(TokenChunk {
            header,
            text: "hi".into(),
            ..TokenChunk::default()
        }))
    };
    let first: Vec<_> = (0..8).map(token).collect();
    store.apply(message(&first, 0), |_| {});
    let named = EventFilter {
        text: "THREAD-1".into(),
        ..EventFilter::default()
    };
    assert_eq!(
        page(&mut store, named.clone()),
        [(6, "token_chunk"), (1, "token_chunk")]
    );
    let frozen = EventQuery {
        count: 2,
        frozen_at: Some(7),
        ..EventQuery::default()
    };
    let before: Vec<_> = store.events(&frozen).rows.iter().map(|r| r.0).collect();
    let second: Vec<_> = (8..12).map(token).collect();
    store.apply(message(&second, 8), |_| {});
    let after = store.events(&frozen);
    assert_eq!(after.rows.iter().map(|r| r.0).collect::<Vec<_>>(), before);
    assert_eq!((after.total, after.newer, after.newest), (6, 4, Some(11)));
    assert_eq!(
        page(&mut store, named),
        [(11, "token_chunk"), (6, "token_chunk")]
    );
    assert_eq!(store.totals().evicted_rows, 2);
    assert_eq!(store.thread_count(), 3);
    assert!(store.open(1, false).is_none());
    let opened = store.open(11, false).expect("held");
    assert!(opened.canonical().contains("\"text\":\"hi\""));
    let trouble = EventFilter {
        trouble_only: true,
        ..EventFilter::default()
    };
    assert!(page(&mut store, trouble).is_empty());
}

/// DLQ-07
#[test]
fn gaps_and_rejects_of_the_relay_are_rows_in_their_place() {
    let mut out = Vec::new();
    let mut writer = FrameWriter::new(3, 5);
    writer.gap(&mut out, 5, 9, GapCause::Retention);
    writer.reject(&mut out, 10, 77, RejectCode::BadFrame, b"\x02junk");
    writer.mark(&mut out, 20);
    let mut store = Store::default();
    let mut frames = 0;
    store.apply(out, |_| frames += 1);
    assert_eq!(frames, 3);
    assert_eq!(
        page(&mut store, EventFilter::default()),
        [(1, "reject"), (0, "gap")]
    );
    assert_eq!(store.totals().gap_offsets, 5);
    let gap = store.open(0, false).expect("held").facts();
    assert_eq!(
        (gap.code.as_str(), gap.offset, gap.last_offset),
        ("retention", 5, 9)
    );
    let reject = store.open(1, false).expect("held");
    assert_eq!(
        (reject.facts().code.as_str(), reject.bytes(BytesOf::Kafka)),
        ("bad_frame", &b"\x02junk"[..])
    );
}

/// SEC-05, SEC-07
#[test]
fn long_names_are_cut_and_stay_different() {
    let long = "ß".repeat(400);
    let mut names = crate::names::Names::default();
    let mut hold = |name: &str| names.hold(&crate::names::kept_name(name));
    let a = hold(&alloc::format!("{long}a"));
    let b = hold(&alloc::format!("{long}b"));
    assert_eq!(crate::names::kept_name("short"), "short");
    assert_ne!(a, b);
    assert!(names.text(a).len() <= crate::limits::NAME_BYTES_MAX);
    names.release(a);
    names.release(b);
    assert_eq!(names.held(), 0);
}

/// TIM-03
#[test]
fn a_row_says_its_duration_or_its_operations() {
    let ended = Event {
        duration_us: 41_497,
        ..event("t", 1, EventType::NodeEnd, "n")
    };
    let longest = Event {
        duration_us: i64::MAX,
        ..event("t", 2, EventType::NodeEnd, "n")
    };
    let diff = StateDiff {
        operations: vec![DiffOperation::default(); 2],
        ..StateDiff::default()
    };
    let mut store = store_with(&[
        payload(Message::Event(ended)),
        payload(Message::Event(longest)),
        payload(Message::StateDiff(diff)),
    ]);
    let query = EventQuery {
        count: 10,
        ..EventQuery::default()
    };
    let rows: Vec<_> = store
        .events(&query)
        .rows
        .into_iter()
        .map(|(_, r)| r.clone())
        .collect();
    let said: Vec<_> = rows
        .iter()
        .map(|row| store.summary_of(row).into_owned())
        .collect();
    assert_eq!(
        said,
        ["2 operations", "longer than the field holds", "41.4 ms"]
    );
}

/// STA-20, STA-21: a failed node fails the run, as no end follows; the quality monitor's
/// GRAPH_ERROR is an alert and changes nothing; the next start is a new run.
#[test]
fn what_became_of_a_run_is_read_from_its_events() {
    let mut store = Store::default();
    let mut at = 0;
    let mut status_after = |event_type, node: &str| {
        at += 1;
        store.apply(
            message(
                &[payload(Message::Event(event("t", at, event_type, node)))],
                at,
            ),
            |_| {},
        );
        store.threads(ThreadSort::Name, 0, 1)[0].1.status
    };
    assert_eq!(
        status_after(EventType::NodeStart, "n"),
        ThreadStatus::Unknown
    );
    assert_eq!(
        status_after(EventType::GraphStart, ""),
        ThreadStatus::Running
    );
    assert_eq!(
        status_after(EventType::GraphError, "quality_monitor"),
        ThreadStatus::Running
    );
    assert_eq!(
        status_after(EventType::NodeError, "n"),
        ThreadStatus::Failed
    );
    assert_eq!(
        status_after(EventType::GraphStart, ""),
        ThreadStatus::Running
    );
    assert_eq!(status_after(EventType::GraphEnd, ""), ThreadStatus::Ended);
}
