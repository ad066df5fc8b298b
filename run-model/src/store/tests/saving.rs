//! What is saved of the list, read again.

use decode_core::capture::{Block, CaptureReader, Ending, METADATA_BYTES_MAX};
use decode_core::frame::FrameReader;

use super::*;
use crate::runs::RunRow;
use crate::saving::{Saved, Saving};

/// The file and what is said of it.
fn saved(store: &mut Store, filter: &EventFilter, frozen_at: Option<u64>) -> (Vec<u8>, Saved) {
    let metadata = r#"{"a":1}"#;
    let saving = store.save(filter, frozen_at, metadata.len());
    let mut saving = saving.expect("short metadata");
    let mut file = Saving::head(metadata);
    while !saving.is_over() {
        file.extend(store.save_on(&mut saving));
    }
    (file, saving.saved())
}

/// The file in another store, after it was checked as a capture whose frames continue each other.
fn reopened(file: &[u8]) -> Store {
    let mut reader = CaptureReader::new();
    reader.push(file);
    let mut store = Store::default();
    let mut positions = [None; 4];
    while let Some(block) = reader.next_block().expect("a capture") {
        match block {
            Block::Metadata(text) => assert_eq!(text, r#"{"a":1}"#),
            Block::Data { frames, .. } => {
                for frame in FrameReader::new(frames) {
                    let header = frame.expect("whole").header;
                    let position = &mut positions[header.partition as usize];
                    let expected = position.unwrap_or(header.offset);
                    assert_eq!(header.prev_next, expected, "it continues");
                    *position = Some(header.next());
                }
                store.apply(frames.to_vec(), |_| {});
            }
            Block::Index(_) => {}
        }
    }
    assert!(matches!(reader.ending(), Ending::Complete));
    store
}

/// All that a list says of its rows, but for their ids.
fn said(store: &mut Store, filter: &EventFilter) -> Vec<String> {
    let query = EventQuery {
        count: 1_000,
        filter: filter.clone(),
        ..EventQuery::default()
    };
    let rows: Vec<_> = store
        .events(&query)
        .rows
        .iter()
        .map(|(_, row)| (*row).clone())
        .collect();
    let lines = rows.iter().map(|row| {
        let (thread, node) = store.names_of(row);
        let summary = store.summary_of(row);
        let StoredRow { partition, offset, index, last_offset, timestamp_ms, .. } = row;
        let kind = row.kind.name();
        format!(
            "{partition}:{offset}:{index}-{last_offset} {timestamp_ms} {kind} {thread} {node} {} {} {summary}",
            row.code, row.bytes,
        )
    });
    lines.collect()
}

fn stream() -> Vec<u8> {
    let mut out = Vec::new();
    let batch = EventBatch {
        header: Some(header("a", 0)),
        events: vec![
            event("a", 1, EventType::GraphStart, ""),
            event("b", 1, EventType::GraphStart, ""),
            event("a", 2, EventType::NodeStart, "n"),
        ],
    };
    let mut writer = FrameWriter::new(0, 3);
    writer.record(&mut out, 3, 10, &payload(Message::EventBatch(batch)));
    writer.reject(&mut out, 4, 11, RejectCode::BadFrame, b"\x02junk");
    writer.gap(&mut out, 5, 8, GapCause::Retention);
    let mut one = FrameWriter::new(1, 0);
    for (offset, thread) in ["b", "a", "b", "a"].iter().enumerate() {
        let event = event(thread, 3 + offset as u64, EventType::NodeEnd, "n");
        one.record(
            &mut out,
            offset as u64,
            20 + offset as i64,
            &payload(Message::Event(event)),
        );
    }
    let bad = b"\x00\x0a\x04\x12\x7fx";
    writer.record(&mut out, 12, 30, bad);
    out
}

/// D-30: what was saved and opened again gives the same answers under the filter, and each frame once.
#[test]
fn what_is_saved_gives_the_same_answers_under_its_filter() {
    let mut store = Store::default();
    store.apply(stream(), |_| {});
    let all = EventFilter::default();
    let thread = EventFilter {
        thread: Some("a".into()),
        ..EventFilter::default()
    };
    let types = EventFilter {
        kinds: vec!["GRAPH_START".into(), "gap".into()],
        ..EventFilter::default()
    };
    let trouble = EventFilter {
        trouble_only: true,
        ..EventFilter::default()
    };
    for (filter, rows, frames) in [
        (&all, 10, 8),
        (&thread, 4, 3),
        (&types, 3, 2),
        (&trouble, 3, 3),
    ] {
        let (file, counts) = saved(&mut store, filter, None);
        let expected = Saved {
            rows,
            frames,
            lost: 0,
            evicted: 0,
        };
        assert_eq!(counts, expected, "{filter:?}");
        let mut again = reopened(&file);
        assert_eq!(
            said(&mut again, filter),
            said(&mut store, filter),
            "{filter:?}"
        );
        assert_eq!(said(&mut again, filter).len() as u64, rows);
    }
    let (file, _) = saved(&mut store, &all, Some(4));
    assert_eq!(
        said(&mut reopened(&file), &all).len(),
        5,
        "as it stands still"
    );
}

/// A run is counted and judged beside the others of its thread: all of the thread is saved.
#[test]
fn a_run_is_saved_with_its_thread() {
    let run = |at: u64| {
        let steps = [
            EventType::GraphStart,
            EventType::NodeStart,
            EventType::NodeEnd,
        ];
        let number = |n: u64| header("t", at * 10 + n);
        let mut out = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            let mut event = event("t", 0, step, if n == 0 { "" } else { "n" });
            event.header = Some(Header {
                timestamp_us: ((at * 10 + n as u64) * 1_000) as i64,
                ..number(n as u64)
            });
            out.push(payload(Message::Event(event)));
        }
        out.push(payload(Message::Event(event(
            "u",
            at,
            EventType::GraphStart,
            "",
        ))));
        out
    };
    let records: Vec<_> = (1..4).flat_map(run).collect();
    let mut store = store_with(&records);
    let filter = EventFilter {
        within: Some((
            EventAddress {
                partition: 0,
                offset: 4,
                index: 0,
            },
            Some(0),
        )),
        ..EventFilter::default()
    };
    let (file, counts) = saved(&mut store, &filter, None);
    assert_eq!((counts.rows, counts.lost), (9, 0));
    let mut again = reopened(&file);
    assert_eq!(said(&mut again, &filter), said(&mut store, &filter));
    assert_eq!(said(&mut again, &filter).len(), 2);
    let runs = |store: &mut Store| {
        let query = RunsQuery {
            count: 10,
            thread: Some("t".into()),
            ..RunsQuery::default()
        };
        let rows = store.runs(&query).rows.into_iter();
        // In which order runs were seen is no answer.
        let rows = rows.map(|row| RunRow { serial: 0, ..row });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(runs(&mut again), runs(&mut store));
    let nothing = EventFilter {
        within: Some((
            EventAddress {
                partition: 9,
                offset: 9,
                index: 0,
            },
            None,
        )),
        ..EventFilter::default()
    };
    assert_eq!(saved(&mut store, &nothing, None).1.rows, 0);
}

/// What the store no longer holds is counted: bytes that went before the list's rows, and rows that went.
#[test]
fn what_is_no_longer_held_is_counted_as_left_out() {
    let mut store = Store::with_bounds(Mode::Strict, 8, 10, 1_000);
    for offset in 0..10 {
        let chunk = TokenChunk {
            header: Some(header("t", offset + 1)),
            text: "x".repeat(200),
            ..TokenChunk::default()
        };
        store.apply(
            message(&[payload(Message::TokenChunk(chunk))], offset),
            |_| {},
        );
    }
    let filter = EventFilter::default();
    let (file, counts) = saved(&mut store, &filter, None);
    assert_eq!((counts.rows + counts.lost, counts.evicted), (8, 2));
    assert!(counts.lost > 0 && counts.rows > 0, "{counts:?}");
    assert_eq!(
        said(&mut reopened(&file), &filter).len() as u64,
        counts.rows
    );
    // Rows that go while it is saved are left out too.
    let mut saving = store.save(&filter, None, 0).expect("no metadata");
    store.apply(message(&[b"\x02".to_vec(), b"\x02".to_vec()], 10), |_| {});
    store.save_on(&mut saving);
    assert_eq!(saving.saved().rows + saving.saved().lost, 8);
    assert!(saving.saved().lost >= counts.lost);
}

/// BND-10: rows are looked at in parts, before the first of them is saved; what goes meanwhile is left out and counted.
#[test]
fn what_is_to_be_saved_is_looked_for_in_parts() {
    let filter = EventFilter {
        text: "one of three".into(),
        ..EventFilter::default()
    };
    let chunk = |offset: u64| TokenChunk {
        header: Some(header("t", offset + 1)),
        text: if offset.is_multiple_of(3) {
            "One of THREE"
        } else {
            ""
        }
        .into(),
        ..TokenChunk::default()
    };
    let payloads = |offsets: core::ops::Range<u64>| {
        let chunks = offsets.map(|offset| payload(Message::TokenChunk(chunk(offset))));
        chunks.collect::<Vec<_>>()
    };
    let mut store = Store::with_bounds(Mode::Strict, 30_000, 10, usize::MAX);
    store.apply(message(&payloads(0..30_000), 0), |_| {});
    let mut saving = store.save(&filter, None, 0).expect("no metadata");
    assert_eq!(store.save_on(&mut saving).len(), 0, "still looking");
    // By now 8,192 rows were looked at; these go, and 8,808 others.
    store.apply(message(&payloads(30_000..47_000), 30_000), |_| {});
    while !saving.is_over() {
        store.save_on(&mut saving);
    }
    let saved = saving.saved();
    assert_eq!(saved.evicted, 8_808);
    assert_eq!(
        saved.lost,
        8_192_u64.div_ceil(3),
        "gone before they were saved"
    );
    assert_eq!(
        saved.rows,
        (17_000..30_000_u64)
            .filter(|row| row.is_multiple_of(3))
            .count() as u64
    );
}

/// What a file cannot hold is not made room for.
#[test]
fn the_metadata_of_a_saved_capture_is_bounded() {
    let mut store = Store::default();
    let all = EventFilter::default();
    assert!(store.save(&all, None, METADATA_BYTES_MAX).is_some());
    for bytes in [METADATA_BYTES_MAX + 1, usize::MAX] {
        assert!(store.save(&all, None, bytes).is_none());
    }
}

/// No piece is much larger than what is said, however much is saved.
#[test]
fn a_capture_is_made_in_pieces() {
    let mut store = Store::default();
    for offset in 0..400_u64 {
        let chunk = TokenChunk {
            header: Some(header("t", offset + 1)),
            text: "0123456789".repeat(500),
            ..TokenChunk::default()
        };
        store.apply(
            message(&[payload(Message::TokenChunk(chunk))], offset),
            |_| {},
        );
    }
    let mut saving = store
        .save(&EventFilter::default(), None, 0)
        .expect("no metadata");
    let mut pieces = Vec::new();
    while !saving.is_over() {
        pieces.push(store.save_on(&mut saving).len());
    }
    let longest = pieces.iter().max().copied().unwrap_or(0);
    assert!(
        longest <= 2 * crate::limits::SAVED_PIECE_BYTES + 16_384,
        "{pieces:?}"
    );
    assert!(pieces.len() >= 7, "{pieces:?}");
}
