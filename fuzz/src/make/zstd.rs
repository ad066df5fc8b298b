//! zstd frames by libzstd with every kind of block it writes, some then damaged where it hurts.

use zstd_safe::{CCtx, CParameter, Strategy};

use crate::mutate::mutate;
use crate::random::Random;

/// One to three frames, intact or damaged.
#[must_use]
pub fn frames(random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..=random.below(3) / 2 {
        if random.one_in(6) {
            let content_len = random.below(20);
            out.extend((0x184D_2A50 + random.below(16) as u32).to_le_bytes());
            out.extend((content_len as u32).to_le_bytes());
            out.extend(random.bytes(content_len));
        }
        let mut frame = if random.one_in(3) {
            by_hand(random)
        } else {
            let content = content(random);
            compressed(random, &content)
        };
        if !random.one_in(8) {
            damage(random, &mut frame);
        }
        out.extend(frame);
    }
    out
}

/// Text-like, numeric, random, repetitive or constant data: each drives other block types.
pub fn content(random: &mut Random) -> Vec<u8> {
    let len = if random.one_in(40) {
        random.below(300_000)
    } else {
        random.len(8_000)
    };
    let mut out = Vec::with_capacity(len);
    while out.len() < len {
        let run = 1 + random.below(len.min(600));
        match random.below(6) {
            0 => out.extend(random.bytes(run)),
            1 => out.extend(vec![random.byte(); run]),
            2 => {
                let alphabet = random.bytes(2 + random.clone().below(60));
                out.extend((0..run).map(|_| alphabet[skewed(random, alphabet.len())]));
            }
            3 => out.extend((0..run).map(|i| (i / 7) as u8)),
            4 if !out.is_empty() => {
                let from = random.below(out.len());
                let end = (from + run).min(out.len());
                out.extend_from_within(from..end);
            }
            _ => out.extend(WORDS[random.below(WORDS.len())].bytes().cycle().take(run)),
        }
    }
    out.truncate(len);
    out
}

fn skewed(random: &mut Random, len: usize) -> usize {
    random.below(random.clone().below(len) + 1)
}

/// One frame by libzstd with parameters that the source chooses.
#[must_use]
pub fn compressed(random: &mut Random, content: &[u8]) -> Vec<u8> {
    let mut context = CCtx::create();
    let strategies = [
        Strategy::ZSTD_fast,
        Strategy::ZSTD_dfast,
        Strategy::ZSTD_lazy,
        Strategy::ZSTD_btopt,
        Strategy::ZSTD_btultra2,
    ];
    let parameters = [
        CParameter::CompressionLevel(random.below(20) as i32 - 5),
        CParameter::ChecksumFlag(random.one_in(6)),
        CParameter::ContentSizeFlag(random.one_in(2)),
        CParameter::WindowLog(10 + random.below(12) as u32),
        CParameter::MinMatch(3 + random.below(5) as u32),
        CParameter::Strategy(*random.pick(&strategies)),
        CParameter::TargetCBlockSize(1340 + random.below(4_000) as u32),
    ];
    for parameter in parameters {
        if random.one_in(2) {
            // A combination it refuses is left at its default.
            let _ = context.set_parameter(parameter);
        }
    }
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(content.len()) + 64);
    context.compress2(&mut out, content).expect("room");
    out
}

/// A header and blocks whose sections are put together from parts that fit, mostly.
fn by_hand(random: &mut Random) -> Vec<u8> {
    let mut out = vec![0x28, 0xB5, 0x2F, 0xFD];
    if random.one_in(2) {
        out.extend([0x20, random.byte()]);
    } else {
        out.extend([random.byte() & 0x04, random.byte() & 0x3F]);
    }
    let blocks = 1 + random.below(4);
    for block in 0..blocks {
        let kind = random.below(8);
        let body = match kind {
            0 => random.bytes(random.clone().below(40)),
            1 => vec![random.byte()],
            _ => compressed_block(random),
        };
        let size = if kind == 1 {
            random.len(140_000)
        } else {
            body.len()
        };
        let header = (size << 3 | kind.min(2) << 1 | usize::from(block + 1 == blocks)) as u32;
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(body);
    }
    out
}

fn compressed_block(random: &mut Random) -> Vec<u8> {
    let mut out = literals(random);
    let sequences = random.len(0x8000);
    match sequences {
        0..0x80 => out.push(sequences as u8),
        0x80..0x7F00 => out.extend([(sequences >> 8) as u8 | 0x80, sequences as u8]),
        _ => out.extend([0xFF, (sequences - 0x7F00) as u8, 0]),
    }
    if sequences > 0 {
        out.push(if random.one_in(4) {
            random.byte()
        } else {
            *random.pick(&[0x00, 0x54, 0xA8, 0xFC, 0x40, 0x10, 0x04])
        });
        out.extend(random.bytes(random.clone().below(4)));
        out.extend(random.bytes(random.clone().len(200)));
        out.push(random.byte() | 1);
    }
    out
}

fn literals(random: &mut Random) -> Vec<u8> {
    let kind = random.below(4) as u32;
    let format = random.below(4) as u32;
    let body = random.bytes(1 + random.clone().len(300));
    if kind < 2 {
        let size = if kind == 1 && random.one_in(3) {
            random.below(1 << 20) as u32
        } else {
            body.len() as u32
        };
        let (bits, len) = match format {
            0 | 2 => ((size & 0x1F) << 3, 1),
            1 => ((size & 0xFFF) << 4, 2),
            _ => ((size & 0xF_FFFF) << 4, 3),
        };
        let mut out = (bits | format << 2 | kind).to_le_bytes()[..len].to_vec();
        let content = [1, 0x1F, 0xFFF, 0xF_FFFF];
        let stated = (size
            & content[if format == 2 {
                1
            } else {
                format.max(1) as usize
            }]) as usize;
        out.extend(body.iter().cycle().take(if kind == 1 { 1 } else { stated }));
        return out;
    }
    let regenerated = random.below(400) as u64;
    let compressed = body.len() as u64;
    let (width, len) = [(10, 3), (10, 3), (14, 4), (18, 5)][format as usize];
    let bits = compressed << (4 + width) | regenerated << 4 | u64::from(format << 2 | kind);
    let mut out = bits.to_le_bytes()[..len].to_vec();
    out.extend(body);
    out
}

/// Mostly around block and section headers, where a bit changes what everything after it means.
fn damage(random: &mut Random, frame: &mut Vec<u8>) {
    let headers = block_headers(frame);
    for _ in 0..=random.below(3) {
        if headers.is_empty() || random.one_in(4) {
            let other = frame.clone();
            mutate(random, frame, &other);
            return;
        }
        let at = random.pick(&headers) + random.below(24);
        if let Some(byte) = frame.get_mut(at) {
            match random.below(3) {
                0 => *byte ^= 1 << random.below(8),
                1 => *byte = random.byte(),
                _ => *byte = *random.pick(&[0, 0xFF, 0x80, 0x0F]),
            }
        }
    }
}

/// Where the blocks of an intact frame begin.
fn block_headers(frame: &[u8]) -> Vec<usize> {
    let Some(&descriptor) = frame.get(4) else {
        return Vec::new();
    };
    let single = descriptor & 0x20 != 0;
    let size_len = match (descriptor >> 6, single) {
        (0, single) => usize::from(single),
        (flag, _) => 1 << flag,
    };
    let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let mut at = 5 + usize::from(!single) + dictionary_len + size_len;
    let mut found = Vec::new();
    while let Some(&[a, b, c]) = frame.get(at..at + 3) {
        found.push(at);
        let header = u32::from_le_bytes([a, b, c, 0]);
        let rle = header >> 1 & 3 == 1;
        at += 3 + if rle { 1 } else { header as usize >> 3 };
        if header & 1 == 1 || found.len() > 64 {
            break;
        }
    }
    found
}

const WORDS: [&str; 4] = [
    "{\"messages\":[{\"role\":\"user\",\"content\":\"",
    "node_start analyze session-123 ",
    "0123456789",
    "ab",
];
