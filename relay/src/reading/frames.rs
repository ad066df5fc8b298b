//! What became of a run of records, as the frames of one segment. The payload is copied once, into the segment.

use session::{Segment, SegmentBuilder};

use super::{judge::Outcome, position::Notice};
use crate::kafka::Record;

/// Where a segment begins, and how much room it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub partition: u32,
    /// Where the log ends. Records below it are in the log already and are left out.
    pub end: u64,
    /// Of all frames.
    pub bytes: usize,
}

/// A segment of these records; `None` where no frame came of them. `framed` is called for each record that is in it.
pub(crate) fn of<'a>(
    room: Room,
    records: &[Record<'a>],
    outcomes: &[Outcome],
    mut framed: impl FnMut(&Record<'a>, Outcome),
) -> Option<Segment> {
    let mut builder = SegmentBuilder::new(room.partition, room.end);
    builder.reserve(outcomes.len(), room.bytes);
    for (record, &outcome) in records.iter().zip(outcomes) {
        if record.offset < builder.position() {
            continue;
        }
        framed(record, outcome);
        let value = outcome.stored(record.value);
        match outcome {
            Outcome::Accept(_) => builder.record(record.offset, record.timestamp_ms, value),
            Outcome::Reject(code) => {
                builder.reject(record.offset, record.timestamp_ms, code, value);
            }
            Outcome::Gap(cause) => builder.gap(record.offset, record.offset, cause),
        }
    }
    builder.finish()
}

/// A segment for what is said without a record, in a log that ends at `end`.
pub(crate) fn of_notice(partition: u32, end: u64, notice: Notice) -> Option<Segment> {
    let mut builder = SegmentBuilder::new(partition, end);
    match notice {
        Notice::Gap { first, last, cause } => builder.gap(first, last, cause),
        Notice::Mark { position } => builder.mark(position),
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use decode_core::{
        frame::FrameReader,
        wire::{FrameKind, GapCause, RejectCode},
    };

    use super::*;

    /// One frame a record, in its order; what the log has already is left out and not framed.
    #[test]
    fn a_run_becomes_frames_from_the_end_of_the_log_on() {
        let record = |offset| Record {
            offset,
            timestamp_ms: 7,
            key: None,
            value: Some(b"value"),
        };
        let records = [record(3), record(5), record(9)];
        let outcomes = [
            Outcome::Reject(RejectCode::Utf8),
            Outcome::Reject(RejectCode::Utf8),
            Outcome::Gap(GapCause::Oversized),
        ];
        let room = |end| Room {
            partition: 2,
            end,
            bytes: 0,
        };
        let mut framed = Vec::new();
        let segment = of(room(4), &records, &outcomes, |record, _| {
            framed.push(record.offset);
        });
        let segment = segment.expect("two of three");
        assert_eq!(framed, [5, 9]);
        assert_eq!(segment.end(), 10);
        let frames: Vec<_> = FrameReader::new(segment.bytes())
            .map(|frame| frame.expect("frames of our own").header)
            .map(|header| (header.kind, header.offset))
            .collect();
        assert_eq!(frames, [(FrameKind::Reject, 5), (FrameKind::Gap, 9)]);
        let nothing = of(room(10), &records, &outcomes, |_, _| unreachable!());
        assert!(nothing.is_none());
    }
}
