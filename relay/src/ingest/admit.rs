//! Judges records with the core and turns a run of them into a segment. The payload is copied once,
//! into the segment; everything else is looked at where it lies.

use decode_core::{
    Decoder, Limits, Mode,
    wire::{FRAME_BYTE_LEN, FRAME_HEADER_LEN, GapCause, REJECT_PREFIX_BYTES_MAX, RejectCode},
};
use session::{Segment, SegmentBuilder};

use super::{position::Notice, source::Record};
use crate::{config::DecodeMode, limits::SEGMENT_BYTES_TARGET, metrics::Counters};

/// What becomes of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Accept,
    Reject(RejectCode),
    Gap(GapCause),
}

/// One partition's judge; it holds decompression buffers and so is not shared.
#[derive(Debug)]
pub(super) struct Admission {
    partition: u32,
    decoder: Decoder,
    payload_bytes_max: usize,
    outcomes: Vec<Outcome>,
}

impl Admission {
    pub(super) fn new(partition: u32, mode: DecodeMode, payload_bytes_max: usize) -> Self {
        let mode = match mode {
            DecodeMode::Strict => Mode::Strict,
            DecodeMode::Compatible => Mode::Compatible,
        };
        let limits = Limits {
            payload_bytes_max,
            ..Limits::default()
        };
        Self {
            partition,
            decoder: Decoder::with_limits(mode, limits),
            payload_bytes_max,
            outcomes: Vec::new(),
        }
    }

    /// Builds the next segment of `records`, which continue the log at `position`: as many as fit
    /// into one, and at least one. Returns it with the number of records taken.
    ///
    /// Space is taken after the verdicts, for exactly what will be stored: a refused record of
    /// 10 MB must not cost 10 MB.
    pub(super) fn segment(
        &mut self,
        position: u64,
        records: &[Record],
        counters: &Counters,
    ) -> (Option<Segment>, usize) {
        self.outcomes.clear();
        let mut bytes = 0;
        for record in records {
            // Judging costs; a record that does not fit is judged when its segment is built.
            let at_most = FRAME_HEADER_LEN + record.value.as_ref().map_or(0, Vec::len);
            if !self.outcomes.is_empty() && bytes + at_most > SEGMENT_BYTES_TARGET {
                break;
            }
            let outcome = self.judge(record, counters);
            bytes += FRAME_HEADER_LEN + stored(record, outcome).len();
            self.outcomes.push(outcome);
        }
        let mut builder = SegmentBuilder::new(self.partition, position);
        builder.reserve(self.outcomes.len(), bytes);
        for (record, &outcome) in records.iter().zip(&self.outcomes) {
            if record.offset < builder.position() {
                continue;
            }
            let value = stored(record, outcome);
            match outcome {
                Outcome::Accept => builder.record(record.offset, record.timestamp_ms, value),
                Outcome::Reject(code) => {
                    builder.reject(record.offset, record.timestamp_ms, code, value);
                }
                Outcome::Gap(cause) => builder.gap(record.offset, record.offset, cause),
            }
        }
        (builder.finish(), self.outcomes.len())
    }

    /// The verdict on one record, counted under exactly one outcome.
    fn judge(&mut self, record: &Record, counters: &Counters) -> Outcome {
        let Some(value) = &record.value else {
            return gap(GapCause::NullValue, counters);
        };
        counters.received_bytes.add(value.len() as u64);
        if value.len() > self.payload_bytes_max + FRAME_BYTE_LEN {
            return gap(GapCause::Oversized, counters);
        }
        match self.decoder.decode(value, &mut ()) {
            Ok(decoded) => {
                match decoded.summary.kind {
                    Some(kind) => counters.accepted.inc(kind),
                    None => counters.accepted_empty.inc(),
                }
                if decoded.summary.newer_schema().is_some() {
                    counters.newer_schema.inc();
                }
                Outcome::Accept
            }
            Err(reject) => {
                counters.rejects.inc(reject.code());
                Outcome::Reject(reject.code())
            }
        }
    }
}

fn gap(cause: GapCause, counters: &Counters) -> Outcome {
    counters.gaps.inc(cause);
    counters.gap_offsets.inc(cause);
    Outcome::Gap(cause)
}

/// The part of a record's value that goes into the log.
fn stored(record: &Record, outcome: Outcome) -> &[u8] {
    let value = record.value.as_deref().unwrap_or_default();
    match outcome {
        Outcome::Accept => value,
        Outcome::Reject(_) => value.get(..REJECT_PREFIX_BYTES_MAX).unwrap_or(value),
        Outcome::Gap(_) => &[],
    }
}

/// A segment for what is said without a record.
pub(super) fn notice_segment(
    partition: u32,
    position: u64,
    notice: Notice,
    counters: &Counters,
) -> Option<Segment> {
    let mut builder = SegmentBuilder::new(partition, position);
    match notice {
        Notice::Gap { first, last, cause } => {
            counters.gaps.inc(cause);
            counters
                .gap_offsets
                .add(cause, last.saturating_sub(first).saturating_add(1));
            builder.gap(first, last, cause);
        }
        Notice::Mark { position } => {
            counters.marks.inc();
            builder.mark(position);
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use decode_core::{
        frame::FrameReader,
        wire::{FRAME_RAW, FrameKind, MessageKind, PAYLOAD_BYTES_MAX},
    };

    use super::*;

    fn record(offset: u64, value: Option<&[u8]>) -> Record {
        Record {
            offset,
            timestamp_ms: 7,
            value: value.map(<[u8]>::to_vec),
        }
    }

    /// The empty event: envelope field 1, length 0.
    const EVENT: &[u8] = &[FRAME_RAW, 0x0A, 0x00];

    fn admit(records: &[Record]) -> (Vec<(FrameKind, u64, u32, usize)>, Counters) {
        let counters = Counters::default();
        let mut admission = Admission::new(0, DecodeMode::Strict, 2048);
        let mut rest = records;
        let mut position = 0;
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let (segment, taken) = admission.segment(position, rest, &counters);
            assert!(taken > 0, "no progress");
            rest = &rest[taken..];
            let Some(segment) = segment else { continue };
            position = segment.end();
            for frame in FrameReader::new(segment.bytes()) {
                let frame = frame.expect("frames of our own");
                let header = frame.header;
                frames.push((header.kind, header.offset, header.code, frame.payload.len()));
            }
        }
        (frames, counters)
    }

    // holds MET-02: each record has one outcome, and the sums say so.
    #[test]
    fn every_record_becomes_one_frame_and_one_count() {
        let big = vec![FRAME_RAW; 2050];
        let junk = vec![0x7B; 1025];
        let records = [
            record(3, Some(EVENT)),
            record(4, None),
            record(9, Some(&[])),
            record(10, Some(&big)),
            record(11, Some(&junk)),
            record(12, Some(&[FRAME_RAW])),
        ];
        let (frames, counters) = admit(&records);
        assert_eq!(
            frames,
            [
                (FrameKind::Record, 3, 0, EVENT.len()),
                (FrameKind::Gap, 4, GapCause::NullValue.number(), 0),
                (FrameKind::Reject, 9, RejectCode::Empty.number(), 0),
                (FrameKind::Gap, 10, GapCause::Oversized.number(), 0),
                (
                    FrameKind::Reject,
                    11,
                    RejectCode::BadFrame.number(),
                    REJECT_PREFIX_BYTES_MAX
                ),
                (FrameKind::Record, 12, 0, 1),
            ]
        );
        assert_eq!(counters.accepted_total(), 2);
        assert_eq!(counters.refused_total(), 4);
        let events = counters
            .accepted
            .iter()
            .find(|(kind, _)| *kind == MessageKind::Event.code());
        assert_eq!(events, Some((MessageKind::Event.code(), 1)));
    }

    #[test]
    fn a_large_batch_becomes_several_segments_without_a_loss() {
        let value = [EVENT, &[0_u8; 0]].concat();
        let count = 2 * SEGMENT_BYTES_TARGET as u64 / (FRAME_HEADER_LEN + value.len()) as u64;
        let records: Vec<_> = (0..count)
            .map(|offset| record(offset, Some(&value)))
            .collect();
        let (frames, _) = admit(&records);
        let offsets: Vec<_> = frames.iter().map(|frame| frame.1).collect();
        assert_eq!(offsets, (0..count).collect::<Vec<_>>());
        let mut admission = Admission::new(0, DecodeMode::Strict, 1024);
        let (segment, _) = admission.segment(0, &records, &Counters::default());
        assert!(segment.expect("frames").bytes().len() <= SEGMENT_BYTES_TARGET);
    }

    #[test]
    fn an_offset_that_goes_back_is_not_said_twice() {
        let (frames, _) = admit(&[record(5, Some(EVENT)), record(5, Some(EVENT))]);
        assert_eq!(frames.len(), 1);
    }

    #[test]
    fn a_legal_record_larger_than_a_segment_goes_alone() {
        let large = vec![0x7B; PAYLOAD_BYTES_MAX];
        let counters = Counters::default();
        let mut admission = Admission::new(0, DecodeMode::Strict, PAYLOAD_BYTES_MAX);
        let records = [record(0, Some(&large)), record(1, Some(EVENT))];
        let (segment, taken) = admission.segment(0, &records, &counters);
        assert_eq!(taken, 2, "a refused giant leaves room for the next record");
        assert!(segment.expect("frames").bytes().len() < 2 * REJECT_PREFIX_BYTES_MAX);
    }
}
