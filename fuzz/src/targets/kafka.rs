//! What brokers send: answers to every call in every version, and batches in every compression. Read or refused, never
//! a panic, offsets ascending, memory given back.

use dashstream_kafka::fuzzing;

pub(super) fn answers(bytes: &[u8]) {
    fuzzing::answers(bytes);
}

/// The first byte says from which offset on, and whether checksums are made right first.
pub(super) fn batches(input: &[u8]) {
    let Some((&first, bytes)) = input.split_first() else {
        return;
    };
    let mut bytes = bytes.to_vec();
    if first & 1 == 0 {
        fuzzing::seal(&mut bytes);
    }
    fuzzing::records(&bytes, u64::from(first >> 1));
}
