use alloc::vec;
use alloc::vec::Vec;

use super::*;

fn frames(bytes: &[u8]) -> Vec<Result<Frame<'_>, FrameError>> {
    FrameReader::new(bytes).collect()
}

#[test]
fn the_layout_is_the_documented_one() {
    let mut out = Vec::new();
    let mut writer = FrameWriter::new(0x0403_0201, 5);
    writer.record(&mut out, 0x0807_0605_0403_0201, -2, b"abc");
    let mut expected = vec![1, 0, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8];
    expected.extend([5, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend([0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    expected.extend([3, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend(b"abc");
    assert_eq!(out, expected);
    assert_eq!(writer.position(), 0x0807_0605_0403_0202);
}

#[test]
fn frames_chain_and_come_back_as_written() {
    let mut out = Vec::new();
    let mut writer = FrameWriter::new(3, 10);
    writer.record(&mut out, 12, 1000, b"x");
    writer.gap(&mut out, 13, 19, GapCause::Oversized);
    writer.reject(&mut out, 20, 1001, RejectCode::Protobuf, &[7; 5000]);
    writer.mark(&mut out, 25);
    let read: Vec<_> = frames(&out)
        .into_iter()
        .map(|f| f.expect("a frame"))
        .collect();
    let shape: Vec<_> = read
        .iter()
        .map(|f| {
            (
                f.header.kind,
                f.header.offset,
                f.header.prev_next,
                f.header.next(),
                f.header.code,
            )
        })
        .collect();
    assert_eq!(
        shape,
        [
            (FrameKind::Record, 12, 10, 13, 0),
            (FrameKind::Gap, 13, 13, 20, GapCause::Oversized.number()),
            (FrameKind::Reject, 20, 20, 21, RejectCode::Protobuf.number()),
            (FrameKind::Mark, 25, 21, 25, 0),
        ]
    );
    assert_eq!(read[2].payload.len(), REJECT_PREFIX_BYTES_MAX);
}

#[test]
fn the_first_frames_of_a_run_are_whole_and_end_with_it() {
    let mut run = Vec::new();
    let mut writer = FrameWriter::new(0, 0);
    (0..3).for_each(|offset| writer.record(&mut run, offset, 0, &[7; 60]));
    let frame = FRAME_HEADER_LEN + 60;
    let cases = [
        (0, 0),
        (1, 1),
        (frame, 1),
        (frame + 1, 2),
        (3 * frame, 3),
        (usize::MAX, 3),
    ];
    for (bytes_min, whole) in cases {
        assert_eq!(first_frames(&run, bytes_min), whole * frame);
    }
    // A frame of a kind that is not known is passed over, here at the end.
    run[2 * frame + 1] = 99;
    assert_eq!(first_frames(&run[2 * frame..], 1), frame);
}

/// RES-17
#[test]
fn continuity_allows_sparse_offsets_and_cursors_inside_gaps() {
    let mut out = Vec::new();
    let mut writer = FrameWriter::new(0, 10);
    writer.record(&mut out, 12, 0, b"");
    writer.gap(&mut out, 13, 19, GapCause::Evicted);
    let read: Vec<_> = frames(&out)
        .into_iter()
        .map(|f| f.expect("a frame").header)
        .collect();
    let accepted = |h: &FrameHeader| (0..30).filter(|e| h.continues(*e)).collect::<Vec<_>>();
    assert_eq!(accepted(&read[0]), [10, 11, 12]);
    assert_eq!(accepted(&read[1]), (13..=19).collect::<Vec<_>>());
}

#[test]
fn unknown_kinds_are_passed_over_and_counted() {
    let mut out = Vec::new();
    let mut writer = FrameWriter::new(0, 0);
    writer.record(&mut out, 0, 0, b"later kind");
    out[1] = 200;
    writer.record(&mut out, 1, 0, b"known");
    let mut reader = FrameReader::new(&out);
    assert_eq!(reader.next().expect("one").expect("ok").payload, b"known");
    assert_eq!(reader.next(), None);
    assert_eq!(reader.unknown(), 1);
}

#[test]
fn every_truncation_is_an_error() {
    let mut out = Vec::new();
    FrameWriter::new(0, 0).record(&mut out, 0, 0, b"payload");
    for len in 1..out.len() {
        assert_eq!(
            frames(&out[..len]),
            [Err(FrameError::Truncated)],
            "{len} bytes"
        );
    }
    assert!(frames(&[]).is_empty());
}

#[test]
fn damage_is_named() {
    let mut good = Vec::new();
    FrameWriter::new(0, 0).record(&mut good, 0, 0, b"");
    let with = |at: usize, byte: u8| {
        let mut bad = good.clone();
        bad[at] = byte;
        bad
    };
    assert_eq!(frames(&with(0, 2)), [Err(FrameError::Layout(2))]);
    assert_eq!(frames(&with(2, 1)), [Err(FrameError::Reserved)]);
    assert!(matches!(
        frames(&with(35, 1))[..],
        [Err(FrameError::PayloadTooLarge(_))]
    ));
    let mut gap = Vec::new();
    FrameWriter::new(0, 9).gap(&mut gap, 9, 8, GapCause::Evicted);
    assert_eq!(frames(&gap), [Err(FrameError::Inconsistent)]);
}
