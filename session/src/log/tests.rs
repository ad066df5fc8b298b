use alloc::vec::Vec;

use bytes::Bytes;
use decode_core::frame::{FrameError, FrameReader};
use decode_core::wire::{FRAME_HEADER_LEN, GapCause, RejectCode};

use super::*;

fn segment(partition: u32, offsets: core::ops::Range<u64>, payload: usize) -> Segment {
    let mut builder = SegmentBuilder::new(partition, offsets.start);
    let payload = alloc::vec![0u8; payload];
    for offset in offsets {
        builder.record(offset, offset as i64, &payload);
    }
    builder.finish().expect("not empty")
}

/// What a segment costs alone.
fn cost(segment: Segment) -> usize {
    let mut log = TailLog::new(usize::MAX);
    log.add_partition(segment.partition(), segment.start);
    log.append(segment).expect("continuous");
    log.bytes()
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
    assert_eq!(log.read(0, 21, 1), Read::Ahead { end: 20 });
    assert_eq!(
        log.read(0, 9, 1),
        Read::Behind {
            held_from: 10,
            earliest: 10
        }
    );
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
    let cost = cost(segment(0, 0..10, 6_000));
    let mut log = TailLog::new(cost * 3);
    log.add_partition(0, 0);
    log.add_partition(1, 0);
    log.append(segment(0, 0..10, 6_000)).expect("continuous");
    for start in [0, 10, 20] {
        log.append(segment(1, start..start + 10, 6_000))
            .expect("continuous");
    }
    let quiet = log.partition(0).expect("added");
    assert_eq!(
        (quiet.earliest, quiet.end, quiet.evicted_frames),
        (10, 10, 10)
    );
    assert_eq!(
        log.read(0, 3, 1),
        Read::Behind {
            held_from: 10,
            earliest: 10
        }
    );
    assert_eq!(log.bytes(), cost * 3);
    // One segment larger than the whole bound is still held, alone.
    log.append(segment(1, 30..130, 6_000)).expect("continuous");
    let busy = log.partition(1).expect("added");
    assert_eq!((busy.held_from, busy.end), (30, 130));
}

/// RES-19, BND-01: a partition that starts over holds nothing of what it held, and gives the room back.
#[test]
fn a_partition_starts_over_with_nothing_in_it() {
    let cost = cost(segment(0, 0..10, 6_000));
    let mut log = TailLog::new(cost * 2);
    log.add_partition(0, 0);
    log.add_partition(1, 0);
    log.append(segment(0, 0..10, 6_000)).expect("continuous");
    log.append(segment(1, 0..10, 6_000)).expect("continuous");
    let before = log.version();
    log.restart_partition(0, 3);
    assert!(log.version() > before, "sessions are woken");
    assert_eq!(log.bytes(), cost);
    let view = log.partition(0).expect("still there");
    assert_eq!((view.origin, view.held_from, view.end), (3, 3, 3));
    assert_eq!((view.incarnation, view.former_end), (1, 10));
    assert_eq!((view.frames, view.evicted_frames), (0, 0));
    assert_eq!(log.incarnation(1), Some(0));
    assert_eq!(log.read(0, 10, 1), Read::Ahead { end: 3 });
    // The order of eviction is of what is held: partition 1 is the oldest.
    log.append(segment(0, 3..13, 6_000)).expect("continuous");
    log.append(segment(0, 13..23, 6_000)).expect("continuous");
    assert_eq!(log.partition(1).map(|view| view.frames), Some(0));
    assert_eq!(log.bytes(), cost * 2);
    log.restart_partition(7, 5);
    assert_eq!(log.partition(7).map(|view| view.origin), Some(5), "made");
}

/// RES-19: a record is known by its timestamp as long as it is held, and the one before the log too.
#[test]
fn the_log_knows_its_records() {
    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, 100);
    log.set_before(
        0,
        Fingerprint {
            offset: 99,
            timestamp_ms: 5,
        },
    );
    let mut builder = SegmentBuilder::new(0, 100);
    builder.record(100, 7, b"x");
    builder.reject(102, 8, decode_core::wire::RejectCode::Empty, b"");
    builder.gap(103, 105, GapCause::Retention);
    builder.mark(108);
    log.append(builder.finish().expect("something"))
        .expect("continuous");
    log.append(segment(0, 108..110, 1)).expect("continuous");
    let known: Vec<_> = (98..112).map(|offset| log.record_at(0, offset)).collect();
    let mut expected = alloc::vec![RecordAt::Unknown; 14];
    for (offset, timestamp_ms) in [(99, 5), (100, 7), (102, 8), (108, 108), (109, 109)] {
        expected[offset - 98] = RecordAt::At(timestamp_ms);
    }
    expected[12..].fill(RecordAt::NotYet);
    assert_eq!(known, expected);
    assert_eq!(log.record_at(7, 1), RecordAt::Unknown);
    log.restart_partition(0, 100);
    assert_eq!(
        log.record_at(0, 99),
        RecordAt::Unknown,
        "of the former topic"
    );
}

/// The frames of partition 0 from `position` on, checked to continue each other, and the messages
/// of at most `bytes_max` they came in.
fn replayed(log: &TailLog, mut position: u64, bytes_max: usize) -> (Vec<u64>, usize) {
    let (mut found, mut messages) = (Vec::new(), 0);
    while let Read::Data(slice) = log.read(0, position, bytes_max) {
        for frame in FrameReader::new(&slice.bytes) {
            let header = frame.expect("a frame").header;
            let first = found.is_empty();
            assert!(header.prev_next <= position && (first || header.prev_next == position));
            found.push(header.offset);
            position = header.next();
        }
        assert_eq!(slice.next, position);
        messages += 1;
    }
    assert_eq!(log.read(0, position, bytes_max), Read::CaughtUp);
    (found, messages)
}

/// SEQ-02, BND-01: what came one by one is read at once, and later in full messages, from any cursor.
#[test]
fn small_segments_are_joined_and_read_like_one() {
    let mut log = TailLog::new(64 << 20);
    log.add_partition(0, 0);
    let mut live: Vec<(Slice, Vec<u64>)> = Vec::new();
    let (mut expected, mut position, mut bytes) = (Vec::new(), 0, 0);
    for n in 0..2_000_u64 {
        let mut builder = SegmentBuilder::new(0, position);
        builder.record(
            position + n % 3,
            n as i64,
            &alloc::vec![n as u8; (n % 211) as usize],
        );
        if n % 7 == 0 {
            builder.gap(
                builder.position(),
                builder.position() + 1,
                GapCause::NullValue,
            );
        }
        builder.mark(builder.position() + n % 2);
        let segment = builder.finish().expect("frames");
        bytes += segment.bytes().len();
        log.append(segment).expect("continuous");
        let slice = data(&log, position, usize::MAX);
        let offsets = offsets(&slice);
        expected.extend(offsets.iter().copied());
        position = slice.next;
        live.push((slice, offsets));
    }
    for (slice, before) in &live {
        assert_eq!(&offsets(slice), before, "slices stay what they were");
    }
    let (found, messages) = replayed(&log, 0, JOINED_BYTES_MAX);
    assert_eq!(found, expected);
    let doublings = JOINED_BYTES_MAX.ilog2() as usize;
    assert!(
        messages <= bytes * 2 / JOINED_BYTES_MAX + doublings,
        "{messages}"
    );
    let view = log.partition(0).expect("added");
    assert_eq!((view.frames, view.end), (expected.len(), position));
    assert_eq!((view.bytes, log.order.len()), (log.bytes(), messages));
    for start in (0..position).step_by(97) {
        let (found, _) = replayed(&log, start, 1_000);
        let rest = expected.len() - found.len();
        assert_eq!(found, expected[rest..], "from {start}");
    }
}

/// BND-01: joining costs each byte one copy per doubling at most, and what is large none.
#[test]
fn joining_copies_little() {
    let mut log = TailLog::new(1 << 30);
    log.add_partition(0, 0);
    let frame = FRAME_HEADER_LEN + 88;
    let newest = |log: &TailLog| {
        log.partitions[&0]
            .segments
            .back()
            .map(|held| held.segment.bytes.clone())
    };
    let (mut copied, mut most) = (0, 0);
    for n in 0..20_000 {
        log.append(segment(0, n..n + 1, 88)).expect("continuous");
        let len = newest(&log).expect("held").len();
        copied += if len > frame { len } else { 0 };
        assert!(len <= JOINED_BYTES_MAX);
        most = most.max(len);
    }
    assert_eq!(most, JOINED_BYTES_MAX);
    let doublings = (JOINED_BYTES_MAX / frame).ilog2() as usize;
    assert!(copied <= 20_000 * frame * (doublings + 1), "{copied}");
    let large = segment(0, 20_000..20_002, JOINED_BYTES_MAX / 2);
    let bytes = large.bytes().clone();
    log.append(large).expect("continuous");
    assert_eq!(
        newest(&log).map(|newest| newest.as_ptr()),
        Some(bytes.as_ptr())
    );
}

/// BND-01: records that came one by one are counted as what they take, evicted whole, and those of
/// a quiet partition not for the age of their neighbours.
#[test]
fn joined_segments_keep_to_the_bound() {
    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, 0);
    log.add_partition(1, 0);
    let mut quiet = 0;
    for n in 0..50_000_u64 {
        log.append(segment(0, n..n + 1, 100)).expect("continuous");
        if n % 1_000 == 0 {
            log.append(segment(1, quiet..quiet + 1, 100))
                .expect("continuous");
            quiet += 1;
        }
        assert!(log.bytes() <= 1 << 20);
        assert!(matches!(log.read(1, quiet - 1, 1), Read::Data(_)), "{n}");
    }
    let views: Vec<_> = log.partitions().collect();
    assert_eq!(
        views.iter().map(|view| view.bytes).sum::<usize>(),
        log.bytes()
    );
    let busy = views[0];
    assert_eq!(busy.evicted_frames + busy.frames as u64, 50_000);
    assert_eq!(busy.held_from, busy.evicted_frames);
    let (found, _) = replayed(&log, busy.held_from, JOINED_BYTES_MAX);
    assert_eq!(found, (busy.held_from..50_000).collect::<Vec<_>>());
    // Nine tenths and more of what is counted is frames and their index.
    let entry = size_of::<u64>() + size_of::<usize>();
    let frames = views.iter().map(|view| view.frames).sum::<usize>() * (140 + entry);
    assert!(frames * 10 > log.bytes() * 9 && log.bytes() * 10 > (9 << 20));
    log.restart_partition(0, 0);
    assert_eq!(log.bytes(), views[1].bytes);
    assert!(log.order.values().all(|&partition| partition == 1));
}

#[test]
fn a_segment_that_does_not_continue_the_log_is_refused() {
    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, 0);
    let refused = log.append(segment(0, 5..6, 0));
    assert_eq!(
        refused,
        Err(AppendError::Discontinuous { end: 0, start: 5 })
    );
    assert_eq!(
        log.append(segment(9, 0..1, 0)),
        Err(AppendError::UnknownPartition(9))
    );
    assert_eq!(log.partition(0).map(|p| p.end), Some(0));
}

/// A segment reads as it was built, and what is not one is refused with the reason.
#[test]
fn segments_read_as_they_were_built() {
    let mut builder = SegmentBuilder::new(3, 7);
    builder.record(9, 50, b"one");
    builder.gap(10, 14, GapCause::Retention);
    builder.reject(15, 70, RejectCode::Utf8, b"two");
    builder.mark(20);
    let built = builder.finish().expect("frames");
    let read = Segment::parse(built.bytes().clone()).expect("a segment");
    assert_eq!(
        (read.partition(), read.start(), read.end(), read.frames()),
        (3, 7, 20, 4)
    );
    assert_eq!(read.newest_timestamp_ms, 70);
    for position in 7..20 {
        for bytes_max in [1, 60, 1_000] {
            let slices = (
                read.slice(position, bytes_max),
                built.slice(position, bytes_max),
            );
            assert_eq!(slices.0, slices.1, "{position} {bytes_max}");
        }
    }

    let frames = |partition, at, offset| {
        let mut builder = SegmentBuilder::new(partition, at);
        builder.record(offset, 1, b"x");
        builder.finish().expect("a frame").bytes().to_vec()
    };
    let parse = |bytes: Vec<u8>| Segment::parse(Bytes::from(bytes)).expect_err("not a segment");
    let broken = |expected, prev_next| SegmentError::Broken {
        expected,
        prev_next,
    };
    let after = |second: Vec<u8>| parse([frames(0, 4, 5), second].concat());
    assert_eq!(parse(Vec::new()), SegmentError::Size(0));
    assert_eq!(after(frames(0, 7, 8)), broken(6, 7), "a hole");
    assert_eq!(after(frames(0, 5, 5)), broken(6, 5), "a repeat");
    let (partition, other) = (0, 1);
    assert_eq!(
        after(frames(1, 6, 6)),
        SegmentError::Mixed { partition, other }
    );
    let mut cut = frames(0, 4, 5);
    cut.pop();
    assert_eq!(parse(cut), SegmentError::Frame(FrameError::Truncated));
    let mut unknown = frames(0, 4, 5);
    unknown[1] = 9;
    assert_eq!(parse(unknown), SegmentError::UnknownKind);
}

/// X1: what a client is being sent is counted for as long as it keeps it, evicted or joined.
#[test]
fn what_clients_keep_of_evicted_segments_is_counted() {
    let mut log = TailLog::new(100_000);
    log.add_partition(0, 0);
    log.append(segment(0, 0..1, 70_000)).expect("continuous");
    let kept = data(&log, 0, usize::MAX);
    assert_eq!(log.bytes_held_elsewhere(), 0, "the log has it itself");
    log.append(segment(0, 1..2, 70_000)).expect("continuous");
    let len = FRAME_HEADER_LEN + 70_000;
    assert_eq!(log.bytes_held_elsewhere(), len);
    let part = kept.bytes.slice(..1);
    drop(kept);
    assert_eq!(log.bytes_held_elsewhere(), len, "a part keeps all of it");
    drop(part);
    assert_eq!(log.bytes_held_elsewhere(), 0);

    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, 0);
    log.append(segment(0, 0..1, 100)).expect("continuous");
    let kept = data(&log, 0, usize::MAX);
    log.append(segment(0, 1..2, 100)).expect("continuous");
    assert_eq!(log.bytes_held_elsewhere(), kept.bytes.len(), "joined");
}
