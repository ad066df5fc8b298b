use alloc::vec::Vec;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

const MAX: usize = 64 * 1024;

fn run(input: &[u8]) -> Result<Vec<u8>, RejectCode> {
    let mut out = Vec::new();
    Decompressor::new()
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
fn a_declared_size_or_window_over_the_limit_is_refused_at_the_header() {
    // Single segment, eight-byte size: 2^40 bytes, and nothing behind it.
    let mut bomb = ZSTD_MAGIC.to_vec();
    bomb.push(0xE0);
    bomb.extend((1u64 << 40).to_le_bytes());
    assert_eq!(run(&bomb), Err(RejectCode::DecompressedTooLarge));
    // No declared size, window of 2^30 bytes.
    assert_eq!(run(&rle(1, 0xA0)), Err(RejectCode::DecompressedTooLarge));
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

#[test]
fn frames_share_one_limit() {
    let mut input = rle(MAX as u32 / 2, 0x40);
    input.extend(rle(MAX as u32 / 2, 0x40));
    assert_eq!(run(&input).map(|v| v.len()), Ok(MAX));
    input.extend(rle(1, 0x40));
    assert_eq!(run(&input), Err(RejectCode::DecompressedTooLarge));
}
