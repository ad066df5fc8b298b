//! How each codec is read as a stream, and what that takes.

use std::io::{Cursor, Read};

use bytes::Bytes;

use super::{Loss, Records, snappy, window::Window};
use crate::{
    batch::Codec,
    budget::{Budget, CHUNK_BYTES, Share, WHOLE_BYTES_MAX},
};

/// Largest window of a zstd stream. What declares a larger one is unpacked in one piece, where it fits.
const ZSTD_WINDOW_MAX: usize = 8 * 1024 * 1024;
/// What libzstd takes besides the window.
const ZSTD_OWN_BYTES: usize = 512 * 1024;
/// Two blocks of the largest kind, and its own.
const LZ4_BYTES: usize = 8 * 1024 * 1024 + 256 * 1024;
const GZIP_BYTES: usize = 128 * 1024;
/// A window grows by doubling.
const WINDOW_BYTES: usize = 2 * CHUNK_BYTES;

/// Opens the records of a batch.
pub(super) async fn begin(
    codec: Codec,
    packed: Bytes,
    budget: &Budget,
) -> Result<(Records, Share), Loss> {
    let capacity = packed.len().saturating_mul(4).clamp(4 * 1024, CHUNK_BYTES);
    let own = match codec {
        Codec::None => 0,
        Codec::Gzip => GZIP_BYTES,
        Codec::Lz4 => LZ4_BYTES,
        Codec::Zstd => match zstd_window(&packed) {
            Some(window) if window <= ZSTD_WINDOW_MAX => window + ZSTD_OWN_BYTES,
            Some(_) => return zstd_whole(&packed, budget).await,
            None => return Err(failed("it is not zstd data")),
        },
        Codec::Snappy => match snappy::Chunks::begin(&packed) {
            Some(chunks) => {
                let share = budget.take(WINDOW_BYTES + snappy::CHUNK_BYTES_MAX).await;
                let window = Window::new(Box::new(chunks), capacity);
                return Ok((Records::Packed(Box::new(window)), share));
            }
            None => return snappy_whole(&packed, budget).await,
        },
    };
    let share = budget.take(own + WINDOW_BYTES).await;
    let packed = Cursor::new(packed);
    let from: Box<dyn Read + Send + Sync> = match codec {
        Codec::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        Codec::Lz4 => Box::new(Lz4(lz4::Decoder::new(packed).map_err(|_| failed("lz4"))?)),
        // The first two were dealt with above.
        Codec::None | Codec::Snappy | Codec::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(packed);
            let mut decoder = decoder.map_err(|_| failed("zstd"))?;
            let log = ZSTD_WINDOW_MAX.ilog2();
            decoder.window_log_max(log).map_err(|_| failed("zstd"))?;
            Box::new(decoder)
        }
    };
    let window = Window::new(from, capacity);
    Ok((Records::Packed(Box::new(window)), share))
}

struct Lz4(lz4::Decoder<Cursor<Bytes>>);

impl Read for Lz4 {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(into)
    }
}

async fn zstd_whole(packed: &[u8], budget: &Budget) -> Result<(Records, Share), Loss> {
    let share = budget.take(WHOLE_BYTES_MAX + ZSTD_OWN_BYTES).await;
    match zstd::bulk::decompress(packed, WHOLE_BYTES_MAX) {
        Ok(bytes) => Ok((whole(bytes), share)),
        Err(_) => Err(Loss::TooLarge(format!(
            "a zstd batch with a window over {ZSTD_WINDOW_MAX} bytes that does not unpack into \
             {WHOLE_BYTES_MAX}"
        ))),
    }
}

async fn snappy_whole(packed: &[u8], budget: &Budget) -> Result<(Records, Share), Loss> {
    let len = snap::raw::decompress_len(packed).map_err(|_| failed("it is not snappy data"))?;
    if len > WHOLE_BYTES_MAX {
        return Err(Loss::TooLarge(format!(
            "a snappy batch of {len} bytes in one piece"
        )));
    }
    let share = budget.take(len).await;
    let bytes = snap::raw::Decoder::new().decompress_vec(packed);
    let bytes = bytes.map_err(|_| failed("snappy data is damaged"))?;
    Ok((whole(bytes), share))
}

fn whole(bytes: Vec<u8>) -> Records {
    Records::Whole {
        bytes: bytes.into(),
        at: 0,
    }
}

fn failed(why: &str) -> Loss {
    Loss::Damaged(format!("decompression failed: {why}"))
}

/// The window that the first frame declares (RFC 8878, 3.1.1.1).
fn zstd_window(packed: &[u8]) -> Option<usize> {
    let (magic, rest) = packed.split_at_checked(4)?;
    if magic != [0x28, 0xb5, 0x2f, 0xfd] {
        return None;
    }
    let (&descriptor, rest) = rest.split_first()?;
    if descriptor & 0x20 == 0 {
        let &byte = rest.first()?;
        let base = 1_usize << (10 + (byte >> 3));
        return Some(base + base / 8 * usize::from(byte & 7));
    }
    // One segment: the window is the content, whose size stands behind the dictionary's number.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let len = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let size = rest.get(dictionary..dictionary + len)?;
    let size = size
        .iter()
        .rev()
        .fold(0_u64, |size, &byte| size << 8 | u64::from(byte));
    let size = if len == 2 { size + 256 } else { size };
    Some(usize::try_from(size).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_of_a_zstd_frame_is_what_it_declares() {
        let window = |level, content: &[u8]| {
            let packed = zstd::bulk::compress(content, level).expect("it compresses");
            zstd_window(&packed)
        };
        assert_eq!(window(3, &[7; 300]), Some(300), "one segment");
        assert_eq!(window(3, &[7; 100_000]), Some(100_000));
        let mut long = zstd::stream::Encoder::new(Vec::new(), 22).expect("an encoder");
        std::io::Write::write_all(&mut long, b"unknown length").expect("it compresses");
        let packed = long.finish().expect("it compresses");
        assert_eq!(zstd_window(&packed), Some(128 << 20));
        assert_eq!(zstd_window(b"no zstd"), None);
        assert_eq!(zstd_window(&[0x28, 0xb5, 0x2f, 0xfd, 0xff, 1]), None, "cut");
    }
}
