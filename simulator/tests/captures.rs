//! Both formats of captures, the real one included.

mod support;

use dashstream_simulator::capture::{CaptureError, read};
use dashstream_simulator::{Scenario, partition_of};
use decode_core::capture::CaptureWriter;
use decode_core::frame::FrameWriter;
use decode_core::wire::{GapCause, RejectCode};
use support::{played, real_threads};

#[test]
fn the_projects_own_format_plays() {
    let mut frames = Vec::new();
    let mut writer = FrameWriter::new(2, 100);
    let records = played(Scenario::Loop, 1);
    for (offset, record) in (100..).zip(&records) {
        let value = record.value.as_ref().expect("a value");
        writer.record(&mut frames, offset, record.timestamp_ms, value);
    }
    let next = 100 + records.len() as u64;
    writer.reject(&mut frames, next, 1, RejectCode::BadFrame, b"cut");
    writer.gap(&mut frames, next + 1, next + 5, GapCause::Retention);
    writer.mark(&mut frames, next + 9);
    let mut capture = CaptureWriter::new("{}").expect("metadata");
    capture.frames(&frames).expect("frames");
    let bytes = capture.finish().expect("the rest");

    let played = read(&bytes).expect("reads");
    assert_eq!(
        played.len(),
        records.len(),
        "rejects, gaps and marks cannot be played"
    );
    for (offset, (played, record)) in (100..).zip(played.iter().zip(&records)) {
        assert_eq!((played.partition, played.offset), (2, offset));
        assert_eq!(
            played.key.as_ref(),
            Some(&record.key),
            "the thread id is the key"
        );
        assert_eq!(played.value, record.value);
        assert_eq!(played.timestamp_ms, record.timestamp_ms);
    }

    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    assert!(matches!(read(&damaged), Err(CaptureError::Damaged(_))));
}

#[test]
fn the_real_capture_reads_whole() {
    let Some(threads) = real_threads() else {
        return;
    };
    assert_eq!(threads.values().map(Vec::len).sum::<usize>(), 903);
    for (thread, records) in threads {
        for record in records {
            assert_eq!(
                record.partition,
                partition_of(thread.as_bytes(), 4),
                "{thread}"
            );
        }
    }
}
