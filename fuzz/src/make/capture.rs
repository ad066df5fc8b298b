//! Runs of data frames, and capture files of them.

use decode_core::capture::CaptureWriter;
use decode_core::frame::FrameWriter;
use decode_core::wire::{GapCause, RejectCode};

use super::protobuf;
use crate::random::Random;

/// A message of frames, as a relay sends it.
#[must_use]
pub fn frames(random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writers: Vec<_> = (0..1 + random.below(3) as u32)
        .map(|partition| FrameWriter::new(partition, random.below(1000) as u64))
        .collect();
    for _ in 0..random.below(8) {
        let index = random.below(writers.len());
        let writer = &mut writers[index];
        let offset = writer.position() + random.below(3) as u64;
        let payload = protobuf::payload(random);
        let timestamp_ms = random.bits() as i64 >> random.below(64);
        match random.below(6) {
            0 => {
                let cause = *random.pick(GapCause::ALL);
                writer.gap(&mut out, offset, offset + random.below(5) as u64, cause);
            }
            1 => {
                let code = *random.pick(RejectCode::ALL);
                writer.reject(&mut out, offset, timestamp_ms, code, &payload);
            }
            2 => writer.mark(&mut out, offset + 1),
            _ => writer.record(&mut out, offset, timestamp_ms, &payload),
        }
    }
    out
}

/// A whole capture file.
#[must_use]
pub fn file(random: &mut Random) -> Vec<u8> {
    let mut writer = CaptureWriter::new("{\"source\":\"fuzz\"}").expect("short metadata");
    let mut out = Vec::new();
    for _ in 0..random.below(4) {
        writer.frames(&frames(random)).expect("whole frames");
        if random.one_in(2) {
            writer.close_block().expect("room");
        }
        writer.take(&mut out);
    }
    if !random.one_in(4) {
        out.extend(writer.finish().expect("room"));
    }
    out
}
