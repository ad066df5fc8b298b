use alloc::vec;
use alloc::vec::Vec;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::by_ruzstd::ByRuzstd;
use super::by_zstd_rs::ByZstdRs;
use super::*;
use crate::wire::ZSTD_MAGIC;

const MAX: usize = 64 * 1024;

/// What both engines say.
fn run(input: &[u8]) -> Result<Vec<u8>, RejectCode> {
    let found = run_on::<ByZstdRs>(input);
    assert_eq!(run_on::<ByRuzstd>(input), found, "the two engines");
    found
}

fn run_on<E: Engine>(input: &[u8]) -> Result<Vec<u8>, RejectCode> {
    let mut out = Vec::new();
    Bounded::<E>::default()
        .decompress(input, &mut out, MAX)
        .map(|()| out)
        .map_err(|e| e.code())
}

fn sample(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * i / 7 % 97) as u8).collect()
}

fn packed(data: &[u8]) -> Vec<u8> {
    compress_to_vec(data, CompressionLevel::Fastest)
}

/// A frame of one RLE block that declares nothing: magic, descriptor, window, block header, byte.
fn rle(len: u32, window: u8) -> Vec<u8> {
    let block = (len << 3 | 1 << 1 | 1).to_le_bytes();
    let mut frame = ZSTD_MAGIC.to_vec();
    frame.extend([0x00, window, block[0], block[1], block[2], b'a']);
    frame
}

#[test]
fn frames_follow_each_other_and_skippable_ones_are_passed_over() {
    let data = sample(1000);
    let mut input = packed(&data);
    input.extend(0x184D_2A53u32.to_le_bytes());
    input.extend(3u32.to_le_bytes());
    input.extend(b"xyz");
    input.extend(packed(b"tail"));
    let mut expected = data;
    expected.extend(b"tail");
    assert_eq!(run(&input), Ok(expected));
}

#[test]
fn the_decoder_is_reused_also_after_damage() {
    let mut decoder = Decompressor::new();
    let mut out = Vec::new();
    for len in [10, 5000, 0, 300] {
        let data = sample(len);
        assert_eq!(decoder.decompress(&packed(&data), &mut out, MAX), Ok(()));
        assert_eq!(out, data);
        assert!(
            decoder
                .decompress(&packed(&data)[..8], &mut out, MAX)
                .is_err()
        );
        assert!(out.is_empty());
    }
}

/// DEC-04
#[test]
fn a_frame_without_declared_size_is_cut_at_the_limit() {
    assert_eq!(run(&rle(MAX as u32, 0x40)).map(|v| v.len()), Ok(MAX));
    assert_eq!(
        run(&rle(MAX as u32 + 1, 0x40)),
        Err(RejectCode::DecompressedTooLarge)
    );
}

/// DEC-03
#[test]
fn a_declared_size_over_the_limit_is_refused_at_the_header() {
    // Single segment, eight-byte size: 2^40 bytes, and nothing behind it.
    let mut bomb = ZSTD_MAGIC.to_vec();
    bomb.push(0xE0);
    bomb.extend((1u64 << 40).to_le_bytes());
    assert_eq!(run(&bomb), Err(RejectCode::DecompressedTooLarge));
}

#[test]
fn trailing_bytes_truncation_and_a_wrong_checksum_are_damage() {
    let good = packed(&sample(500));
    assert!(run(&good).is_ok());
    for len in 0..good.len() {
        assert_eq!(
            run(&good[..len]),
            Err(RejectCode::Decompress),
            "{len} bytes"
        );
    }
    let mut trailing = good.clone();
    trailing.push(0);
    assert_eq!(run(&trailing), Err(RejectCode::Decompress));
    let mut checksum = good;
    *checksum.last_mut().expect("not empty") ^= 1;
    assert_eq!(run(&checksum), Err(RejectCode::Decompress));
    assert_eq!(run(&[]), Err(RejectCode::Decompress));
}

#[test]
fn a_frame_that_holds_less_than_it_declares_is_damage() {
    let mut frame = ZSTD_MAGIC.to_vec();
    // Single segment, one-byte size 5; a last raw block of 4 bytes.
    frame.extend([0x20, 5, (4 << 3 | 1) as u8, 0, 0]);
    frame.extend(b"four");
    assert_eq!(run(&frame), Err(RejectCode::Decompress));
    frame[5] = 4;
    assert_eq!(run(&frame), Ok(b"four".to_vec()));
}

/// A header of 13 bytes does not reserve ten MiB: what the blocks can hold is counted first.
#[test]
fn a_frame_declares_no_more_than_its_blocks_can_hold() {
    // Single segment, four-byte size.
    let frame = |size: u32, block: u32| {
        let mut frame = ZSTD_MAGIC.to_vec();
        frame.push(0xA0);
        frame.extend(size.to_le_bytes());
        frame.extend(&(block << 3 | 1 << 1 | 1).to_le_bytes()[..3]);
        frame.push(b'a');
        frame
    };
    assert_eq!(run(&frame(60_000, 60_000)).map(|v| v.len()), Ok(60_000));
    let empty = frame(60_000, 59_999);
    assert_eq!(run(&empty), Err(RejectCode::Decompress));
    let expected = "frame declares more than its blocks can hold";
    assert_eq!(complaint(&empty), expected);
    let more = frame(59_999, 60_000);
    assert_eq!(run(&more), Err(RejectCode::Decompress));
    // A window is counted as what it is, the size of the content: no block may be larger.
    assert_eq!(complaint(&more), "block exceeds its maximum size");
    // Two blocks that together hold more than is declared.
    let mut more = frame(60_000, 60_000);
    more[9] &= !1;
    more.extend([(1 << 3 | 1) as u8, 0, 0, b'b']);
    assert_eq!(run(&more), Err(RejectCode::Decompress));
    assert_eq!(complaint(&more), "frame holds more than its declared size");
}

/// Producers at level 20 and above declare windows of 32 to 128 MiB for a few hundred bytes.
///
/// DEC-03
#[test]
fn a_window_is_no_reason_to_refuse() {
    for log in [23, 24, 25, 27, 30, 31] {
        let window = (log - 10) << 3;
        assert_eq!(run(&rle(300, window)), Ok(vec![b'a'; 300]), "2^{log}");
    }
    // Content over the limit is one, whatever the window.
    let larger = rle(MAX as u32 + 1, (27 - 10) << 3);
    assert_eq!(run(&larger), Err(RejectCode::DecompressedTooLarge));
    // What no decoder takes.
    assert_eq!(
        run(&rle(300, (31 - 10) << 3 | 1)),
        Err(RejectCode::Decompress)
    );
    assert_eq!(complaint(&rle(300, 0xFF)), "window of more than 2 GiB");
}

/// The content of later frames passes through a buffer; what it holds must not show.
#[test]
fn later_frames_hold_what_they_held() {
    let mut decoder = Bounded::<ByZstdRs>::default();
    let mut out = Vec::new();
    for lens in [[3_000, 0, 5_000, 1], [1, 20_000, 7, 9_000]] {
        let (mut input, mut expected) = (Vec::new(), Vec::new());
        for (seed, len) in lens.into_iter().enumerate() {
            let mut data = sample(len);
            data.iter_mut().for_each(|byte| *byte ^= seed as u8);
            input.extend(packed(&data));
            expected.extend(data);
        }
        assert_eq!(decoder.decompress(&input, &mut out, MAX), Ok(()));
        assert_eq!(out, expected);
        assert_eq!(run(&input), Ok(expected));
    }
    assert!(decoder.next.capacity() <= NEXT_BYTES_KEPT);
}

#[test]
fn frames_share_one_limit() {
    let mut input = rle(MAX as u32 / 2, 0x40);
    input.extend(rle(MAX as u32 / 2, 0x40));
    assert_eq!(run(&input).map(|v| v.len()), Ok(MAX));
    input.extend(rle(1, 0x40));
    assert_eq!(run(&input), Err(RejectCode::DecompressedTooLarge));
}

/// A frame of one compressed block, with a window of 1 KiB or, if `size` is given, one segment.
fn block(size: Option<u8>, body: &[u8]) -> Vec<u8> {
    let header = ((body.len() as u32) << 3 | 2 << 1 | 1).to_le_bytes();
    let mut frame = ZSTD_MAGIC.to_vec();
    frame.extend(size.map_or([0x00, 0x00], |size| [0x20, size]));
    frame.extend(&header[..3]);
    frame.extend(body);
    frame
}

/// What is found wrong, with a limit that no block reaches.
fn complaint(input: &[u8]) -> &'static str {
    let mut decoder = Bounded::<ByZstdRs>::default();
    let refused = decoder.decompress(input, &mut Vec::new(), 1 << 21);
    let error = refused.expect_err("the format forbids it");
    assert_eq!(error.code(), RejectCode::Decompress);
    error.what()
}

/// Found by comparing with libzstd: ruzstd looks at none of these.
#[test]
fn what_the_format_forbids_is_damage() {
    // Raw literals "abc" in a compressed block without sequences.
    let abc = [3 << 3, b'a', b'b', b'c', 0];
    let mut frame = block(None, &abc);
    assert_eq!(run(&frame), Ok(b"abc".to_vec()));
    frame[4] |= 0x08;
    assert_eq!(complaint(&frame), "reserved bit of a frame header is set");
    // The window of a single segment is as large as its content; a block is no larger.
    let larger = block(Some(3), &abc);
    assert_eq!(complaint(&larger), "block exceeds its maximum size");
    // Literals of one repeated byte: 2^20 - 1 bytes out of 5.
    let literals = block(None, &[0xFD, 0xFF, 0xFF, b'a', 0]);
    assert_eq!(complaint(&literals), "literals larger than a block");
    // Five literals in four streams, after a tree of two symbols.
    let mut streams = [2 | 1 << 2 | 5 << 4, 0x40, 3, 0x80, 0x10].to_vec();
    streams.extend([1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0]);
    let streams = block(None, &streams);
    assert_eq!(complaint(&streams), "4-stream literals too short");
}

/// A sequence by three tables of one symbol each, and the reserved bits of the byte that says so.
#[test]
fn reserved_bits_of_a_block_are_damage() {
    let sequence = [4 << 3, b'a', b'b', b'c', b'd', 1, 0x54, 4, 2, 0, 0x04];
    let good = block(None, &sequence);
    assert_eq!(run(&good), Ok(b"abcdddd".to_vec()));
    for bits in 1..4 {
        let mut frame = good.clone();
        frame[9 + 6] |= bits;
        assert_eq!(complaint(&frame), "reserved bits of a block are set");
    }
}

/// DEC-11: whatever is cut off or changed in a block of every kind, an error is all that comes.
#[test]
fn damaged_blocks_are_errors() {
    let mut decoder = Decompressor::new();
    let mut out = Vec::new();
    for data in [sample(3_000), vec_of(b"abcab", 900), vec_of(b"x", 5_000)] {
        let good = packed(&data);
        for at in 4..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // Without a checksum some damage stays unseen; it must not grow, or panic.
                if decoder.decompress(&bad, &mut out, MAX).is_ok() {
                    assert!(out.len() <= MAX);
                }
            }
        }
    }
}

fn vec_of(piece: &[u8], times: usize) -> Vec<u8> {
    piece.repeat(times)
}
