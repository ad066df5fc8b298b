use alloc::vec::Vec;

use decode_core::frame::FrameReader;

use super::*;

fn segment(partition: u32, offsets: core::ops::Range<u64>, payload: usize) -> Segment {
    let mut builder = SegmentBuilder::new(partition, offsets.start);
    let payload = alloc::vec![0u8; payload];
    for offset in offsets {
        builder.record(offset, offset as i64, &payload);
    }
    builder.finish().expect("not empty")
}

fn offsets(slice: &Slice) -> Vec<u64> {
    FrameReader::new(&slice.bytes)
        .map(|f| f.expect("a frame").header.offset)
        .collect()
}

fn data(log: &TailLog, position: u64, bytes_max: usize) -> Slice {
    match log.read(0, position, bytes_max) {
        Read::Data(slice) => slice,
        other => panic!("no data at {position}: {other:?}"),
    }
}

#[test]
fn a_read_starts_at_the_cursor_and_keeps_to_whole_frames() {
    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, 10);
    log.append(segment(0, 10..20, 60)).expect("continuous");
    assert_eq!(
        offsets(&data(&log, 13, usize::MAX)),
        (13..20).collect::<Vec<_>>()
    );
    let three = data(&log, 13, 399);
    assert_eq!((offsets(&three), three.next), ((13..16).collect(), 16));
    assert_eq!(offsets(&data(&log, 13, 400)), (13..17).collect::<Vec<_>>());
    // A frame larger than the limit goes alone.
    assert_eq!(offsets(&data(&log, 13, 1)), [13]);
    assert_eq!(data(&log, 19, 1).next, 20);
    assert_eq!(log.read(0, 20, 1), Read::CaughtUp);
    assert_eq!(log.read(0, 21, 1), Read::Ahead { head: 20 });
    assert_eq!(log.read(0, 9, 1), Read::Behind { earliest: 10 });
    assert_eq!(log.read(1, 0, 1), Read::Unknown);
}

#[test]
fn sparse_offsets_marks_and_gaps_are_found_from_any_cursor() {
    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, 0);
    let mut builder = SegmentBuilder::new(0, 0);
    builder.record(5, 0, b"");
    builder.gap(6, 9, GapCause::NullValue);
    builder.mark(14);
    log.append(builder.finish().expect("three frames"))
        .expect("continuous");
    assert_eq!(offsets(&data(&log, 0, usize::MAX)), [5, 6, 14]);
    assert_eq!(offsets(&data(&log, 3, usize::MAX)), [5, 6, 14]);
    assert_eq!(offsets(&data(&log, 8, usize::MAX)), [6, 14]);
    assert_eq!(offsets(&data(&log, 12, usize::MAX)), [14]);
    assert_eq!(log.read(0, 14, usize::MAX), Read::CaughtUp);
}

/// BND-01
#[test]
fn the_oldest_segment_goes_first_over_all_partitions() {
    let cost = segment(0, 0..10, 60).cost();
    let mut log = TailLog::new(cost * 3);
    log.add_partition(0, 0);
    log.add_partition(1, 0);
    log.append(segment(0, 0..10, 60)).expect("continuous");
    for start in [0, 10, 20] {
        log.append(segment(1, start..start + 10, 60))
            .expect("continuous");
    }
    let quiet = log.partition(0).expect("added");
    assert_eq!(
        (quiet.earliest, quiet.head, quiet.evicted_frames),
        (10, 10, 10)
    );
    assert_eq!(log.read(0, 3, 1), Read::Behind { earliest: 10 });
    assert_eq!(log.bytes(), cost * 3);
    // One segment larger than the whole bound is still held, alone.
    log.append(segment(1, 30..130, 60)).expect("continuous");
    let busy = log.partition(1).expect("added");
    assert_eq!((busy.earliest, busy.head), (30, 130));
}

/// RES-19, BND-01: a partition that starts over holds nothing of what it held, and gives the room back.
#[test]
fn a_partition_starts_over_with_nothing_in_it() {
    let cost = segment(0, 0..10, 60).cost();
    let mut log = TailLog::new(cost * 2);
    log.add_partition(0, 0);
    log.add_partition(1, 0);
    log.append(segment(0, 0..10, 60)).expect("continuous");
    log.append(segment(1, 0..10, 60)).expect("continuous");
    let before = log.version();
    log.restart_partition(0, 3);
    assert!(log.version() > before, "sessions are woken");
    assert_eq!(log.bytes(), cost);
    let view = log.partition(0).expect("still there");
    assert_eq!((view.origin, view.earliest, view.head), (3, 3, 3));
    assert_eq!((view.incarnation, view.former_end), (1, 10));
    assert_eq!((view.frames, view.evicted_frames), (0, 0));
    assert_eq!(log.incarnation(1), Some(0));
    assert_eq!(log.read(0, 10, 1), Read::Ahead { head: 3 });
    // The order of eviction is of what is held: partition 1 is the oldest.
    log.append(segment(0, 3..13, 60)).expect("continuous");
    log.append(segment(0, 13..23, 60)).expect("continuous");
    assert_eq!(log.partition(1).map(|view| view.frames), Some(0));
    assert_eq!(log.bytes(), cost * 2);
    log.restart_partition(7, 5);
    assert_eq!(log.partition(7).map(|view| view.origin), Some(5), "made");
}

#[test]
fn a_segment_that_does_not_continue_the_log_is_refused() {
    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, 0);
    let refused = log.append(segment(0, 5..6, 0));
    assert_eq!(
        refused,
        Err(AppendError::Discontinuous { head: 0, start: 5 })
    );
    assert_eq!(
        log.append(segment(9, 0..1, 0)),
        Err(AppendError::UnknownPartition(9))
    );
    assert_eq!(log.partition(0).map(|p| p.head), Some(0));
}
