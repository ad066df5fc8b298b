//! Records through the judge into frames.

use clap::Parser as _;
use decode_core::{
    Decoder,
    frame::FrameReader,
    wire::{
        FRAME_RAW, FRAME_ZSTD, FrameKind, MessageKind, PAYLOAD_BYTES_MAX, REJECT_PREFIX_BYTES_MAX,
        RejectCode, ZSTD_MAGIC,
    },
};

use super::*;
use crate::config::{Cli, Config};

fn record(offset: u64, value: Option<&[u8]>) -> Record<'_> {
    Record {
        offset,
        timestamp_ms: 7,
        key: None,
        value,
    }
}

/// The empty event: envelope field 1, length 0.
const EVENT: &[u8] = &[FRAME_RAW, 0x0A, 0x00];

fn admission(payload_bytes_max: usize) -> Admission {
    let bytes = format!("--max-payload-bytes={payload_bytes_max}");
    let cli = Cli::try_parse_from(["dashstream-relay", &bytes]).expect("known options");
    let config = Config::from_args(&cli.options).expect("usable options");
    let sequences = Arc::new(Sequences::new(config.ingest.sequence_policy));
    Admission::new(0, &config, sequences)
}

/// Records from 10 on are new.
fn place(end: u64) -> Place {
    Place {
        end,
        boundary: 10,
        now_ms: 1,
        wall_us: 1_000,
        released: None,
        letters_max: usize::MAX,
    }
}

fn admit(records: &[Record<'_>]) -> (Vec<(FrameKind, u64, u32, usize)>, Counts) {
    let counts = Counts::default();
    let mut admission = admission(2048);
    let mut rest = records;
    let mut position = 0;
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let Admitted { segment, taken, .. } = admission.segment(place(position), rest, &counts);
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
    (frames, counts)
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
    let (frames, counts) = admit(&records);
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
    assert_eq!(counts.accepted_total(), 2);
    assert_eq!(counts.refused_total(), 4);
    assert_eq!(counts.refused(Age::Historical), 2, "below the boundary");
    assert_eq!(counts.received.get(), 6);
    assert_eq!(counts.accepted.get(MessageKind::Event), 1);
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
    let admitted = admission(1024).segment(place(0), &records, &Counts::default());
    assert!(admitted.segment.expect("frames").bytes().len() <= SEGMENT_BYTES_TARGET);
}

/// A value that decompresses to so many blocks of 128 KiB: one unknown field, or damage at the end.
fn bomb(blocks: usize, is_sound: bool) -> Vec<u8> {
    const BLOCK_BYTES: usize = 128 * 1024;
    let block = |kind: usize, size: usize, last: usize| {
        ((size << 3 | kind << 1 | last) as u32).to_le_bytes()[..3].to_vec()
    };
    let len = blocks * BLOCK_BYTES;
    // Field 15 and a length in four bytes.
    let mut head = vec![0x7A];
    head.extend([0, 7, 14].map(|shift| (len >> shift) as u8 | 0x80));
    head.push((len >> 21) as u8);
    let mut out = vec![FRAME_ZSTD];
    out.extend(ZSTD_MAGIC);
    // A window of 8 MiB.
    out.extend([0, 13 << 3]);
    out.extend([block(0, head.len(), 0), head].concat());
    out.extend(
        [block(1, BLOCK_BYTES, 0), vec![b'x']]
            .concat()
            .repeat(blocks),
    );
    out.extend(block(if is_sound { 0 } else { 3 }, 0, 1));
    out
}

/// How many records each turn took.
fn turns(records: &[Record<'_>]) -> Vec<usize> {
    let counts = Counts::default();
    let mut admission = admission(PAYLOAD_BYTES_MAX);
    let (mut rest, mut turns) = (records, Vec::new());
    while !rest.is_empty() {
        let at = place(rest[0].offset);
        let taken = admission.segment(at, rest, &counts).taken;
        turns.push(taken);
        rest = &rest[taken..];
    }
    turns
}

/// BND-07: a turn ends by what it decoded, too: small values may be anything but little work.
#[test]
fn a_run_of_bombs_is_cut_into_turns() {
    let run = |values: &[Vec<u8>]| {
        let records: Vec<_> = (0..)
            .zip(values)
            .map(|(at, v)| record(at, Some(v)))
            .collect();
        turns(&records)
    };
    let mib = bomb(8, true);
    let mut decoder = Decoder::new(Mode::Strict);
    assert!(
        decoder
            .decode(&mib, &mut ())
            .is_ok_and(|d| d.body.len() > 1 << 20)
    );
    assert!(mib.len() * 24 < SEGMENT_BYTES_TARGET);
    assert_eq!(run(&vec![mib; 24]), [4; 6]);
    // What is damaged at its very end cost as much as what is sound.
    assert!(decoder.decode(&bomb(79, true), &mut ()).is_ok());
    for value in [bomb(79, true), bomb(79, false)] {
        assert_eq!(run(&vec![value; 3]), [1; 3]);
    }
    // Plain values cost what they are.
    assert_eq!(run(&vec![EVENT.to_vec(); 1_000]), [1_000]);
    assert_eq!(run(&vec![vec![0x7B; 1_000]; 100]), [100]);
}

#[test]
fn an_offset_that_goes_back_is_not_said_twice() {
    let (frames, _) = admit(&[record(5, Some(EVENT)), record(5, Some(EVENT))]);
    assert_eq!(frames.len(), 1);
}

#[test]
fn a_legal_record_larger_than_a_segment_goes_alone() {
    let large = vec![0x7B; PAYLOAD_BYTES_MAX];
    let counts = Counts::default();
    let records = [record(0, Some(&large)), record(1, Some(EVENT))];
    let Admitted { segment, taken, .. } =
        admission(PAYLOAD_BYTES_MAX).segment(place(0), &records, &counts);
    assert_eq!(taken, 2, "a refused giant leaves room for the next record");
    assert!(segment.expect("frames").bytes().len() < 2 * REJECT_PREFIX_BYTES_MAX);
}

/// DLQ-06: only new records that cannot be used become dead letters, each with its cause.
#[test]
fn dead_letters_are_of_new_records_only() {
    let records = [
        record(3, Some(&[0x7B])),
        record(4, Some(EVENT)),
        record(5, Some(&[0x7B])),
        record(6, None),
        record(7, Some(&[0x7B; 2050])),
        record(8, Some(EVENT)),
    ];
    let mut admission = admission(2048);
    let place = Place {
        end: 3,
        boundary: 4,
        now_ms: 0,
        wall_us: 0,
        released: None,
        letters_max: usize::MAX,
    };
    let admitted = admission.segment(place, &records, &Counts::default());
    assert_eq!(admitted.taken, records.len());
    let letters: Vec<_> = admitted
        .refusals
        .iter()
        .map(|refused| (refused.offset, refused.cause))
        .collect();
    assert_eq!(
        letters,
        [
            (5, Cause::Rejected(RejectCode::BadFrame)),
            (6, Cause::Unusable(GapCause::NullValue)),
            (7, Cause::Unusable(GapCause::Oversized)),
        ]
    );
}
