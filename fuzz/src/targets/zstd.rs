//! Our bounded decompression against libzstd. On what an encoder wrote both give the same bytes. On
//! damage each overlooks something (docs/decode.md), so there the promises are: no panic, no output
//! over the limit, the same from a reused decompressor, and no other bytes under a checksum.

use std::cell::RefCell;

use decode_core::wire::RejectCode;
use decode_core::zstd::Decompressor;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::make;
use crate::random::Random;

/// Output limit of both sides in bytes.
const OUT_BYTES_MAX: usize = 1 << 20;

thread_local! {
    /// Lives on, so that what one input leaves behind meets the next.
    static REUSED: RefCell<Decompressor> = RefCell::new(Decompressor::new());
}

pub(super) fn run(input: &[u8]) {
    let ours = ours(input);
    match (ours, theirs(input)) {
        (Ok(ours), Ok(theirs)) if ours != theirs => {
            assert!(
                !all_checked(input),
                "other bytes than libzstd under a checksum"
            );
        }
        // libzstd takes no frame at all for an empty one.
        (Err(RejectCode::Decompress), Ok(theirs))
            if !theirs.is_empty() || first_frame(input).is_some() =>
        {
            let why = why(input);
            let known = STRICTER.iter().any(|name| why.contains(name));
            assert!(known, "libzstd takes it: {why}");
        }
        (Ok(_), Err(name)) => assert_eq!(name, LENIENT, "libzstd refuses it"),
        // Equal, both refuse, or ours is over a limit that libzstd does not have here.
        _ => {}
    }
}

/// The input chooses content and parameters; what libzstd makes of them must come back whole.
pub(super) fn intact(input: &[u8]) {
    let Some((seed, content)) = input.split_first_chunk::<8>() else {
        return;
    };
    let mut random = Random::new(u64::from_le_bytes(*seed));
    let cut = random.below(content.len() + 1);
    let (head, tail) = content.split_at(cut);
    let mut frames = make::zstd::compressed(&mut random, head);
    if random.one_in(2) {
        frames.extend([0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    }
    frames.extend(make::zstd::compressed(&mut random, tail));
    assert!(theirs(&frames).as_deref() == Ok(content), "libzstd itself");
    assert!(
        ours(&frames).as_deref() == Ok(content),
        "other bytes than went in"
    );
}

/// A seed and content for [`intact`].
pub(super) fn seed_and_content(random: &mut Random) -> Vec<u8> {
    let mut out = random.bits().to_le_bytes().to_vec();
    out.extend(make::zstd::content(random));
    out
}

fn ours(input: &[u8]) -> Result<Vec<u8>, RejectCode> {
    let mut out = Vec::new();
    let reused = REUSED.with_borrow_mut(|zstd| zstd.decompress(input, &mut out, OUT_BYTES_MAX));
    let mut fresh = Vec::new();
    let anew = Decompressor::new().decompress(input, &mut fresh, OUT_BYTES_MAX);
    assert_eq!(reused, anew, "a reused decompressor");
    assert!(out == fresh, "a reused decompressor");
    assert!(out.len() <= OUT_BYTES_MAX);
    match reused {
        Ok(()) => Ok(out),
        Err(reject) => {
            assert!(out.is_empty() && reject.at() <= input.len(), "{reject}");
            Err(reject.code())
        }
    }
}

fn theirs(input: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(OUT_BYTES_MAX);
    match zstd_safe::DCtx::create().decompress(&mut out, input) {
        Ok(_) => Ok(out),
        Err(code) => Err(zstd_safe::get_error_name(code)),
    }
}

/// What stands behind the skippable frames at the start, if anything does.
fn first_frame(mut input: &[u8]) -> Option<&[u8]> {
    while let Some((head, rest)) = input.split_first_chunk::<8>() {
        if head[1..4] != [0x2A, 0x4D, 0x18] || head[0] >> 4 != 5 {
            return Some(input);
        }
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        input = rest.get(len as usize..).unwrap_or_default();
    }
    (!input.is_empty()).then_some(input)
}

/// Whether the first frame has a checksum and nothing follows it.
fn all_checked(input: &[u8]) -> bool {
    let Some(frame) = first_frame(input) else {
        return false;
    };
    let checked = frame.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
    let len = zstd_safe::find_frame_compressed_size(frame);
    checked && len == Ok(frame.len())
}

/// What ruzstd itself says of the first frame it does not take.
fn why(input: &[u8]) -> String {
    let mut rest = input;
    let mut frame = FrameDecoder::new();
    while !rest.is_empty() {
        match frame.reset(&mut rest) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                rest = rest.get(length as usize..).unwrap_or_default();
                continue;
            }
            Err(error) => return format!("{error:?}"),
        }
        loop {
            match frame.decode_blocks(&mut rest, BlockDecodingStrategy::UptoBlocks(1)) {
                Ok(done) => {
                    let _ = frame.collect();
                    if done {
                        break;
                    }
                }
                Err(error) => return format!("{error:?}"),
            }
        }
    }
    "nothing".to_owned()
}

/// Damage that libzstd overlooks: streams of literals not used up to their last bit, blocks over
/// their maximum size.
const STRICTER: [&str; 6] = [
    "DecodedLiteralCountMismatch",
    "BitstreamReadMismatch",
    "ExtraPadding",
    "DecompressedSizeTooLarge",
    "TooManyBytesGenerated",
    "BlockSizeTooLarge",
];
/// Damage that ruzstd overlooks has this name: streams of literals not used up, about one in three
/// thousand of the damaged inputs that it takes.
const LENIENT: &str = "Data corruption detected";
