//! Runs of data frames: the reader, and the store behind it.

use decode_core::Mode;
use decode_core::frame::{FrameReader, FrameWriter};
use decode_core::wire::{FRAME_HEADER_LEN, FrameKind, GapCause, RejectCode};
use run_model::runs::{RunQuery, RunsQuery};
use run_model::{EventQuery, Store, ThreadSort, TreeQuery};

/// What is read is inside the input, in order, and written again it is the same.
pub(super) fn run(message: &[u8]) {
    let mut reader = FrameReader::new(message);
    let mut read = 0;
    let mut failed = false;
    while let Some(next) = reader.next() {
        assert!(!failed, "frames after an error");
        let Ok(frame) = next else {
            failed = true;
            continue;
        };
        let header = frame.header;
        let end = message.len() - reader.rest().len();
        let start = end - header.frame_len();
        assert!(start >= read, "frames overlap");
        assert_eq!(frame.payload, &message[start + FRAME_HEADER_LEN..end]);
        assert!(header.next() >= header.offset || header.offset == u64::MAX);
        read = end;
        if header.prev_next > header.offset {
            continue;
        }
        let mut again = Vec::new();
        let mut writer = FrameWriter::new(header.partition, header.prev_next);
        let (offset, ms) = (header.offset, header.timestamp_ms);
        match header.kind {
            FrameKind::Record if header.code == 0 => {
                writer.record(&mut again, offset, ms, frame.payload);
            }
            FrameKind::Gap => match GapCause::from_number(header.code) {
                Some(cause) => writer.gap(&mut again, offset, header.last_offset(), cause),
                None => continue,
            },
            FrameKind::Reject => match RejectCode::from_number(header.code) {
                Some(code) if frame.payload.len() <= 1024 => {
                    writer.reject(&mut again, offset, ms, code, frame.payload);
                }
                _ => continue,
            },
            FrameKind::Mark if header.code == 0 && ms == 0 => writer.mark(&mut again, offset),
            FrameKind::Record | FrameKind::Mark => continue,
        }
        assert_eq!(again, &message[start..end], "written again");
    }
}

/// A store with small bounds takes anything and answers queries.
pub(super) fn store(message: &[u8]) {
    let mut store = Store::with_bounds(Mode::Compatible, 50, 5, 4_000);
    for piece in [message, message] {
        store.apply(piece.to_vec(), |_| {});
    }
    let rows: Vec<_> = {
        let query = EventQuery {
            count: 100,
            ..EventQuery::default()
        };
        let page = store.events(&query);
        page.rows.iter().map(|(id, _)| *id).collect()
    };
    for row in rows {
        if let Some(opened) = store.open(row, false) {
            let _ = opened.canonical();
            let query = TreeQuery {
                count: 100,
                search: "a".into(),
                hit: Some(0),
                ..TreeQuery::default()
            };
            let _ = opened.tree().map(|tree| tree.page(&query));
        }
    }
    assert!(store.threads(ThreadSort::Name, 0, 100).len() <= 5);
    let _ = store.totals();
    let query = RunsQuery {
        count: 100,
        ..RunsQuery::default()
    };
    for run in store.runs(&query).rows {
        let query = RunQuery {
            id: run.id,
            count: 100,
            ..RunQuery::default()
        };
        assert!(store.run(&query).is_some(), "a listed run is known");
        let _ = store.run_messages(run.id, None, 0, 100);
    }
}
