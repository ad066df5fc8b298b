//! What a run says although a part of what carries its state is missing or comes twice.

mod support;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{Checkpoint, EventType, StateDiff};
use run_model::runs::{Integrity, RunRow, Status};
use support::script::{LINE, Script};
use support::{Record, all_runs, store_of};

const KEPT: &[u8] = &[1; 16];
const DROPPED: &[u8] = &[2; 16];

/// A run whose last diff builds on a checkpoint that nobody sent, because its queue was full.
fn with_checkpoints() -> Vec<Record> {
    let mut script = Script::new("t");
    script.start(1, LINE).node(2, "a");
    let header = Some(script.header(6));
    script.send(Message::Checkpoint(Checkpoint {
        header,
        checkpoint_id: KEPT.to_vec(),
        state: b"{}".to_vec(),
        ..Checkpoint::default()
    }));
    script.event(7, EventType::NodeStart, "b");
    let header = Some(script.header(8));
    script.send(Message::StateDiff(StateDiff {
        header,
        base_checkpoint_id: DROPPED.to_vec(),
        ..StateDiff::default()
    }));
    script.event(9, EventType::NodeEnd, "b");
    script.event(10, EventType::EdgeTraversal, "b").end(11);
    script.records
}

/// PRO-04: a diff may name a checkpoint that was dropped, and a checkpoint may come twice, at once or after the
/// end: the run is what it was, whole and completed, and the second copy is counted as one.
#[test]
fn a_checkpoint_may_be_dropped_or_come_twice() {
    let records = with_checkpoints();
    let plain = all_runs(&mut store_of(&records)).rows;
    let [row] = &plain[..] else {
        panic!("one run: {plain:?}")
    };
    assert_eq!(
        (row.status, row.integrity, row.missing),
        (Status::Completed, Integrity::Whole, 0)
    );
    let checkpoint = records[5].clone();
    for place in [6, records.len()] {
        let mut twice = records.clone();
        twice.insert(place, checkpoint.clone());
        for (offset, record) in (0..).zip(&mut twice) {
            record.offset = offset;
        }
        let mut store = store_of(&twice);
        assert_eq!(store.totals().repeats, 1, "{place}");
        assert_eq!(all_runs(&mut store).rows.len(), 1, "{place}");
        let again = all_runs(&mut store).rows.remove(0);
        let same = RunRow {
            evidence: row.evidence,
            ..again.clone()
        };
        assert_eq!(&same, row, "{place}");
        assert!(again.evidence.offset >= row.evidence.offset, "{place}");
    }
}
