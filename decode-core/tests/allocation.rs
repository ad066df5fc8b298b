//! No input takes more memory than a stated multiple of the limits: every allocation is counted
//! while vectors, bombs and bodies made to be expensive are decoded. `docs/decode.md` states the
//! multiples; this test holds them.

mod support;

use std::path::Path;

use decode_core::text::canonical_json;
use decode_core::tree::zstd::{PartKind, walk};
use decode_core::wire::{DECOMPRESSED_BYTES_MAX, INNER_EVENTS_MAX};
use decode_core::{Decoder, Limits, Mode};
use peak_alloc::PeakAlloc;

/// Memory that decoding may take, as a multiple of the decompressed limit: the content, what a second
/// frame holds before it is appended, and the content once more while its room grows.
const DECODE_MULTIPLE: usize = 3;
/// What it takes however low the limit is: the literals of one block, and tables.
const DECODE_BYTES_BASE: usize = 192 * 1024;
/// Memory that the canonical text may take, itself included, as a multiple of the body.
const TEXT_MULTIPLE: usize = 32;
/// What a text takes however short the body is: the tables of the messages on the way down.
const TEXT_BYTES_BASE: usize = 256 * 1024;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The most that was allocated at once while `run` ran, and what is kept after it.
fn measured<R>(run: impl FnOnce() -> R) -> (usize, R) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let result = run();
    (HEAP.peak_usage() - before, result)
}

/// One test, because what other tests allocate at the same time would count too.
///
/// DEC-03, DEC-04, DEC-05, BND-13
#[test]
fn no_input_takes_more_than_its_multiple() {
    let decode = decoding();
    at_every_limit();
    let text = texts();
    eprintln!(
        "decoding: {:.2} of {DECODE_MULTIPLE} times the limit; text: {text:.1} of {TEXT_MULTIPLE} times the body",
        decode as f64 / DECOMPRESSED_BYTES_MAX as f64
    );
}

/// The most that decoding took, over fresh decoders and one that lives through everything.
fn decoding() -> usize {
    let mut inputs: Vec<Vec<u8>> = support::vectors().into_iter().map(|v| v.payload).collect();
    inputs.extend(found());
    inputs.extend(expensive(DECOMPRESSED_BYTES_MAX));
    let (mut worst, mut kept) = (0, 0);
    let live = HEAP.current_usage();
    let mut reused = [Decoder::new(Mode::Strict), Decoder::new(Mode::Compatible)];
    for input in &inputs {
        for reused in &mut reused {
            let mode = reused.mode();
            let (fresh, verdict) = measured(|| {
                let mut decoder = Decoder::new(mode);
                decoder
                    .decode(input, &mut ())
                    .map(|d| d.framing.is_compressed())
            });
            // Plain payloads are looked at where they lie.
            if verdict == Ok(false) {
                assert_eq!(fresh, 0, "a plain payload of {} bytes", input.len());
            }
            let (again, _) = measured(|| reused.decode(input, &mut ()).is_ok());
            worst = worst.max(fresh).max(again);
        }
        // Two decoders, each with what it keeps for the next payload.
        kept = kept.max((HEAP.current_usage() - live) / 2);
        assert!(
            worst <= DECODE_MULTIPLE * DECOMPRESSED_BYTES_MAX + DECODE_BYTES_BASE,
            "{worst} bytes"
        );
        // The content's room, rounded up by no more than what copying in pieces needs.
        assert!(
            kept <= DECOMPRESSED_BYTES_MAX + 2 * DECODE_BYTES_BASE,
            "{kept} bytes kept"
        );
    }
    assert!(
        worst > DECOMPRESSED_BYTES_MAX,
        "something large was decoded"
    );
    worst
}

/// The same inputs under lower limits: memory follows the limit, not what a frame declares.
fn at_every_limit() {
    for limit in [0, 1, 1_000, 64 << 10, 128 << 10, 1 << 20, 4 << 20, 10 << 20] {
        let mut inputs = found();
        inputs.extend(expensive(limit));
        inputs.extend(expensive(DECOMPRESSED_BYTES_MAX));
        let (mut worst, mut worst_single) = (0, 0);
        for input in &inputs {
            let limits = Limits {
                decompressed_bytes_max: limit,
                ..Limits::default()
            };
            let (bytes, _) = measured(|| {
                let mut decoder = Decoder::with_limits(Mode::Strict, limits);
                decoder.decode(input, &mut ()).is_ok()
            });
            worst = worst.max(bytes);
            if frames(input) <= 1 {
                worst_single = worst_single.max(bytes);
            }
        }
        eprintln!("limit {limit}: {worst} bytes, one frame {worst_single}");
        assert!(worst <= DECODE_MULTIPLE * limit + DECODE_BYTES_BASE);
        assert!(worst_single <= limit + DECODE_BYTES_BASE);
    }
}

/// How many frames a payload has, as far as they are whole.
fn frames(payload: &[u8]) -> usize {
    let mut count = 0;
    walk(payload.get(1..).unwrap_or_default(), &mut |part| {
        count += usize::from(matches!(part.kind, PartKind::Frame { .. }));
    });
    count
}

/// Inputs that fuzzing found.
fn found() -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let folders = ["decoder", "zstd"].map(|name| corpus.join(name));
    let files = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten();
    let mut inputs = Vec::new();
    for file in files {
        let bytes = std::fs::read(file.path()).expect("a file of the corpus");
        inputs.push([&[1], &bytes[..]].concat());
        inputs.push(bytes);
    }
    assert!(!inputs.is_empty(), "fuzz/corpus holds what was found");
    inputs
}

/// Payloads that ask for all they can get under a limit.
fn expensive(limit: usize) -> Vec<Vec<u8>> {
    let blocks = limit.div_ceil(128 * 1024);
    const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
    let block = |kind: u32, size: usize, last: bool| {
        ((size as u32) << 3 | kind << 1 | u32::from(last)).to_le_bytes()[..3].to_vec()
    };
    let rle = [block(1, 128 * 1024, false), vec![0]].concat();
    let end = block(0, 0, true);
    // 128 KiB of one byte as literals, and no sequences.
    let literals = [&block(2, 5, false)[..], &[0x0D, 0x00, 0x20, 0, 0]].concat();
    // Windows of 8 and 10 MiB.
    let windowed = |descriptor: u8, blocks: usize| {
        [&MAGIC[..], &[0, descriptor], &rle.repeat(blocks), &end].concat()
    };
    // A table description of zeros that goes on for a whole block.
    let table = [&[0, 1, 0x80, 0x05][..], &[0xFF; 128 * 1024 - 4]].concat();
    let tables = [&MAGIC[..], &[0, 0x38], &block(2, table.len(), true), &table].concat();
    // As many sequences as there can be, and bits for none of them.
    let many = [&[0, 0xFF, 0xFF, 0xFF, 0x54, 0, 0, 0][..], &[0x80; 64]].concat();
    let sequences = [&MAGIC[..], &[0, 0x38], &block(2, many.len(), true), &many].concat();
    let single = |size: usize, blocks: usize| {
        let size = (size as u32).to_le_bytes();
        [&MAGIC[..], &[0xA0], &size, &rle.repeat(blocks), &end].concat()
    };
    let frames = vec![
        windowed(13 << 3, blocks),
        windowed(13 << 3 | 2, blocks),
        windowed(27 << 3, blocks + 1),
        [
            windowed(13 << 3, blocks / 2),
            windowed(13 << 3 | 2, blocks / 2),
        ]
        .concat(),
        windowed(13 << 3, 1).repeat(blocks),
        single(limit, blocks),
        single(limit, blocks.saturating_sub(1)),
        [single(limit / 2, blocks / 2), single(limit / 2, blocks / 2)].concat(),
        // Literals repeated: compressed blocks, whose content no header says.
        [&MAGIC[..], &[0, 0x38], &literals.repeat(blocks), &end].concat(),
        [&MAGIC[..], &[0, 0x38], &literals.repeat(blocks + 1), &end].concat(),
        [&MAGIC[..], &[0, 0x38], &literals, &end]
            .concat()
            .repeat(blocks),
        windowed(0, 0).repeat(100_000),
        tables,
        sequences,
    ];
    frames
        .into_iter()
        .map(|frame| [&[1], &frame[..]].concat())
        .collect()
}

/// The largest multiple of the body that a text took.
fn texts() -> f64 {
    let mut worst = 0.0_f64;
    for (name, body) in bodies() {
        let (bytes, text) = measured(|| canonical_json(&body));
        let len = text.unwrap_or_else(|error| panic!("{name}: {error}")).len();
        let multiple = bytes as f64 / body.len() as f64;
        eprintln!(
            "{name}: text {:.1}, memory {multiple:.1}",
            len as f64 / body.len() as f64
        );
        assert!(
            bytes <= TEXT_MULTIPLE * body.len() + TEXT_BYTES_BASE,
            "{name}: {bytes} bytes for {}",
            body.len()
        );
        worst = worst.max(multiple);
    }
    for vector in support::vectors() {
        let mut decoder = Decoder::new(Mode::Compatible);
        let Ok((_, body)) = decoder.unwrap_frame(&vector.payload) else {
            continue;
        };
        let (bytes, _) = measured(|| canonical_json(body).is_ok());
        assert!(
            bytes <= TEXT_MULTIPLE * body.len() + TEXT_BYTES_BASE,
            "{}",
            vector.name
        );
    }
    worst
}

/// Valid bodies whose texts, or whose way to them, are as long as they can be.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let events = |event: &[u8]| {
        let count = BODY_BYTES / (event.len() + 2);
        field(
            8,
            &field(2, event).repeat(count.min(INNER_EVENTS_MAX as usize)),
        )
    };
    let keys = (0..BODY_BYTES / 7)
        .map(|n| {
            field(
                4,
                &field(
                    1,
                    &[
                        n as u8 & 0x7F,
                        (n >> 7) as u8 & 0x7F,
                        (n >> 14) as u8 & 0x7F,
                    ],
                ),
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let many = |piece: &[u8]| piece.repeat(BODY_BYTES / piece.len());
    let deep = (0..24).fold(vec![], |value, _| {
        // Each level in two halves that protobuf merges.
        let half = field(6, &field(1, &value));
        [&half[..], &field(6, &[])].concat()
    });
    vec![
        ("empty events", events(&[])),
        ("events of the longest name", events(&[0x10, 90])),
        (
            "events with the longest names throughout",
            events(&[0x0A, 0x04, 0x30, 0x09, 0x40, 0x03, 0x10, 90]),
        ),
        (
            "operations",
            field(2, &many(&field(3, &[0x08, 2, 0x28, 2]))),
        ),
        (
            "control characters",
            field(1, &field(3, &vec![1; BODY_BYTES])),
        ),
        ("unknown numbers", many(&[0x78, 0x00])),
        ("unknown groups", many(&[0x7B, 0x7C])),
        (
            "unknown in map entries",
            field(1, &many(&field(4, &[0x18, 0]))),
        ),
        ("entries of one key", field(1, &many(&field(4, &[])))),
        ("entries of many keys", field(1, &keys)),
        ("an event in many parts", many(&field(1, &[0x28, 1]))),
        ("an event in many empty parts", many(&field(1, &[]))),
        (
            "a header in many parts",
            field(1, &many(&field(1, &[0x28, 1]))),
        ),
        ("both in many parts", many(&field(1, &field(1, &[0x28, 1])))),
        ("packed numbers", field(3, &field(4, &vec![9; BODY_BYTES]))),
        (
            "packed floats",
            field(3, &field(5, &many(&(-f32::MAX).to_le_bytes()))),
        ),
        (
            "nested values",
            field(1, &many(&field(4, &field(2, &deep)))),
        ),
    ]
}

/// Long enough that what does not grow with a body does not show.
const BODY_BYTES: usize = 1024 * 1024;

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut len = content.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(content);
    out
}
