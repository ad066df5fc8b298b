//! Our bounded decompression against libzstd, and against ruzstd behind the same seam. On what an
//! encoder wrote all three give the same bytes. On damage: no panic, no output over the limit, the same
//! from a reused decompressor, nothing accepted that libzstd refuses, no other bytes than libzstd's,
//! and nothing refused that libzstd takes but for the classes that docs/decode.md explains.

use std::cell::RefCell;

use decode_core::Reject;
use decode_core::wire::RejectCode;
use decode_core::zstd::{Decompressor, Oracle};

use crate::make;
use crate::random::Random;

/// Output limit of all sides in bytes.
const OUT_BYTES_MAX: usize = 1 << 20;

thread_local! {
    /// Lives on, so that what one input leaves behind meets the next.
    static REUSED: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static ORACLE: RefCell<Oracle> = RefCell::new(Oracle::default());
}

/// How the verdicts on one input relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// All three say the same.
    Same,
    /// libzstd takes it; we refuse it for this reason.
    Stricter(&'static str),
    /// As [`Self::Same`], but ruzstd refuses it.
    OracleStricter,
    /// Only ruzstd takes it.
    OracleLenient,
    /// ruzstd gives other bytes than the two that agree.
    OracleOther,
}

pub(super) fn run(input: &[u8]) {
    let _ = compare(input);
}

/// Panics where our verdict or content is not to be explained; otherwise says how the three differ.
pub fn compare(input: &[u8]) -> Relation {
    let ours = ours(input);
    let theirs = theirs(input);
    let oracle = oracle(input);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert!(ours == theirs, "other bytes than libzstd");
            match oracle {
                Ok(oracle) if oracle == ours => Relation::Same,
                Ok(_) => Relation::OracleOther,
                Err(_) => Relation::OracleStricter,
            }
        }
        (Ok(_), Err(name)) => panic!("libzstd refuses it: {name}"),
        (Err(reject), Ok(theirs)) => {
            let why = reject.what();
            let nothing = theirs.is_empty() && why == NO_FRAME;
            let known = nothing || STRICTER.contains(&(reject.code(), why));
            assert!(known, "libzstd takes it: {reject}");
            Relation::Stricter(why)
        }
        (Err(_), Err(_)) if oracle.is_ok() => Relation::OracleLenient,
        (Err(_), Err(_)) => Relation::Same,
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
    for (name, result) in [("ours", ours(&frames)), ("ruzstd", oracle(&frames))] {
        assert!(
            result.as_deref() == Ok(content),
            "{name}: other bytes than went in"
        );
    }
}

/// A seed and content for [`intact`].
pub(super) fn seed_and_content(random: &mut Random) -> Vec<u8> {
    let mut out = random.bits().to_le_bytes().to_vec();
    out.extend(make::zstd::content(random));
    out
}

fn ours(input: &[u8]) -> Result<Vec<u8>, Reject> {
    let mut out = Vec::new();
    let reused = REUSED.with_borrow_mut(|zstd| zstd.decompress(input, &mut out, OUT_BYTES_MAX));
    let mut fresh = Vec::new();
    let with_new = Decompressor::new().decompress(input, &mut fresh, OUT_BYTES_MAX);
    assert_eq!(reused, with_new, "a reused decompressor");
    assert!(out == fresh, "a reused decompressor");
    assert!(out.len() <= OUT_BYTES_MAX);
    if let Err(reject) = reused {
        assert!(out.is_empty() && reject.at() <= input.len(), "{reject}");
    }
    reused.map(|()| out)
}

fn oracle(input: &[u8]) -> Result<Vec<u8>, Reject> {
    let mut out = Vec::new();
    let verdict = ORACLE.with_borrow_mut(|zstd| zstd.decompress(input, &mut out, OUT_BYTES_MAX));
    verdict.map(|()| out)
}

fn theirs(input: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(OUT_BYTES_MAX);
    match zstd_safe::DCtx::create().decompress(&mut out, input) {
        Ok(_) => Ok(out),
        Err(code) => Err(zstd_safe::get_error_name(code)),
    }
}

/// libzstd takes no frame at all for an empty one.
const NO_FRAME: &str = "no zstd frame";
/// Damage that libzstd overlooks; docs/decode.md explains each.
const STRICTER: [(RejectCode, &str); 7] = [
    (
        RejectCode::Decompress,
        "Huffman stream not consumed exactly",
    ),
    (RejectCode::Decompress, "Huffman stream missing end marker"),
    (RejectCode::Decompress, "block exceeds its maximum size"),
    (
        RejectCode::Decompress,
        "block regenerates more than Block_Maximum_Size",
    ),
    (
        RejectCode::Decompress,
        "frame declares more than its blocks can hold",
    ),
    (RejectCode::Decompress, "window of more than 2 GiB"),
    (
        RejectCode::DecompressedTooLarge,
        "frame declares more than the limit",
    ),
];
