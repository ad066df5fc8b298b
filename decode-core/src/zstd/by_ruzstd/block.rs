//! What the format demands of a block and ruzstd does not look at. Each check reads a few bytes of
//! the block's own headers, before the block is decoded.

/// Fewest literals that may be split into four streams.
const FOUR_STREAMS_MIN: u64 = 6;
const COMPRESSED: u32 = 2;

/// Checks the block that `input` begins with. Truncation is left to the decoder to find.
pub(super) fn check(input: &[u8], block_bytes_max: usize) -> Result<(), &'static str> {
    let Some((&[a, b, c], body)) = input.split_first_chunk::<3>() else {
        return Ok(());
    };
    let header = u32::from_le_bytes([a, b, c, 0]);
    let size = (header >> 3) as usize;
    if size > block_bytes_max {
        return Err("block exceeds its maximum size");
    }
    match body.get(..size) {
        Some(body) if header >> 1 & 3 == COMPRESSED => compressed(body, block_bytes_max),
        _ => Ok(()),
    }
}

fn compressed(body: &[u8], block_bytes_max: usize) -> Result<(), &'static str> {
    let bits = body
        .iter()
        .take(LITERALS_HEADER_LEN_MAX)
        .rev()
        .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    let (kind, format) = (bits & 3, bits >> 2 & 3);
    let literals = if kind < 2 {
        let (shift, width, header_len) = match format {
            0 | 2 => (3, 5, 1),
            1 => (4, 12, 2),
            _ => (4, 20, 3),
        };
        let regenerated = bits >> shift & low(width);
        let stored = if kind == 0 { regenerated } else { 1 };
        (regenerated, header_len + stored)
    } else {
        let (width, header_len) = match format {
            0 | 1 => (10, 3),
            2 => (14, 4),
            _ => (18, 5),
        };
        let regenerated = bits >> 4 & low(width);
        if format > 0 && regenerated < FOUR_STREAMS_MIN {
            return Err("too few literals for four streams");
        }
        (regenerated, header_len + (bits >> (4 + width) & low(width)))
    };
    if literals.0 > block_bytes_max as u64 {
        return Err("literals exceed the block's maximum size");
    }
    let sequences = body.get(literals.1 as usize..).unwrap_or_default();
    let modes_at = match sequences.first() {
        None | Some(0) => return Ok(()),
        Some(1..=127) => 1,
        Some(128..=254) => 2,
        Some(255) => 3,
    };
    match sequences.get(modes_at) {
        Some(modes) if modes & 3 != 0 => Err("reserved bits of a block are set"),
        _ => Ok(()),
    }
}

const fn low(width: u32) -> u64 {
    (1 << width) - 1
}

const LITERALS_HEADER_LEN_MAX: usize = 5;
