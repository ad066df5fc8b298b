//! One record in full.

use crate::tree::TreeQuery;

use super::*;

/// Keys and values of the lines of an open record.
fn lines(store: &mut Store, row: u64, is_whole: bool) -> Vec<(alloc::string::String, u32)> {
    let tree = store
        .open(row, is_whole)
        .expect("held")
        .tree()
        .expect("decoded");
    let query = TreeQuery {
        count: 100,
        ..TreeQuery::default()
    };
    let rows = tree.page(&query).rows;
    let line = |row: crate::tree::TreeRow| (alloc::format!("{}={}", row.key, row.text), row.depth);
    rows.into_iter().map(line).collect()
}

fn batch() -> Vec<u8> {
    payload(Message::EventBatch(EventBatch {
        header: Some(header("t", 0)),
        events: vec![
            event("t", 1, EventType::NodeStart, "first"),
            event("t", 2, EventType::NodeEnd, "second"),
        ],
    }))
}

/// X32: an event of a batch is opened by its address, and it is that event and no other.
#[test]
fn an_event_of_a_batch_is_shown_alone() {
    let mut store = store_with(&[batch()]);
    for (row, mine, other) in [(0, "first", "second"), (1, "second", "first")] {
        let shown = lines(&mut store, row, false);
        let has = |node: &str| {
            let line = alloc::format!("nodeId=\"{node}\"");
            shown.iter().any(|(text, _)| *text == line)
        };
        assert!(has(mine) && !has(other), "{shown:?}");
        let facts = store.open(row, false).expect("held").facts();
        assert_eq!((u64::from(facts.index), facts.batch_events), (row, 2));
    }
    let whole = lines(&mut store, 1, true);
    assert_eq!(whole[0], ("eventBatch=".into(), 0));
    let nodes = whole.iter().filter(|(text, _)| text.starts_with("nodeId="));
    assert_eq!(nodes.count(), 2);
    let row = store.find(0, 0, Some(1));
    assert_eq!((row, store.find(0, 0, Some(2))), (Some(1), None));
}

/// X36: numbers of event types that no list has, large and negative.
#[test]
fn event_types_beyond_sixteen_bits_keep_their_number() {
    let numbers = [70_000, i32::MAX, -1, i32::MIN];
    let payloads: Vec<_> = numbers
        .iter()
        .map(|&event_type| {
            payload(Message::Event(Event {
                event_type,
                ..event("t", 1, EventType::Unspecified, "n")
            }))
        })
        .collect();
    let mut store = store_with(&payloads);
    for (row, number) in numbers.into_iter().enumerate() {
        let row = row as u64;
        assert_eq!(store.row(row).map(|row| row.event_type), Some(number));
        let shown = lines(&mut store, row, false);
        let line = alloc::format!("eventType={number}");
        assert!(shown.iter().any(|(text, _)| *text == line), "{shown:?}");
    }
}

/// X31: the bytes of a compressed record can be read, and where it fails is a place among them.
#[test]
fn bytes_are_the_decompressed_ones_and_a_failure_has_its_place() {
    // A frame of one raw block: an envelope with a token chunk of one text.
    let body = b"\x1a\x04\x12\x02hi";
    let packed = |body: &[u8]| {
        let size = body.len() as u8;
        let start = [1, 0x28, 0xB5, 0x2F, 0xFD, 0x20, size, size << 3 | 1, 0, 0];
        [&start[..], body].concat()
    };
    let mut store = store_with(&[
        packed(body),
        packed(b"\x1a\x04\x12\x02\xFFi"),
        vec![1, 2, 3],
    ]);
    let opened = store.open(0, false).expect("held");
    assert_eq!(opened.facts().framing, "zstd");
    assert_eq!(opened.window(BytesOf::Decoded, 0), body);
    assert_eq!(opened.window(BytesOf::Decoded, 4), b"hi");
    assert_eq!(opened.window(BytesOf::Kafka, 0).len(), body.len() + 10);
    assert!(opened.window(BytesOf::Kafka, usize::MAX).is_empty());
    let opened = store.open(1, false).expect("held");
    assert_eq!(opened.facts().error_at, Some((BytesOf::Decoded, 4)));
    assert!(opened.tree().is_none() && opened.canonical().is_empty());
    let opened = store.open(2, false).expect("held");
    let (of, at) = opened.facts().error_at.expect("it fails somewhere");
    assert!(of == BytesOf::Kafka && at >= 1, "{at}");
}

/// What was opened stays as it is when its row is evicted.
#[test]
fn what_is_open_outlives_its_row() {
    let mut store = Store::with_bounds(Mode::Strict, 2, 3, 1 << 20);
    let one = payload(Message::Event(event("t", 1, EventType::NodeStart, "n")));
    store.apply(message(core::slice::from_ref(&one), 0), |_| {});
    assert!(store.open(0, false).is_some());
    store.apply(message(&[one.clone(), one.clone(), one], 1), |_| {});
    assert!(store.open(0, false).is_some());
    assert!(store.open(3, false).is_some());
    assert!(store.open(0, false).is_none());
}
