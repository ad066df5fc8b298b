//! The frames and blocks of a zstd body, as their headers announce them.

use crate::wire::ZSTD_MAGIC;

/// A piece of a zstd body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it starts, in the body.
    pub at: usize,
    /// What it is.
    pub kind: PartKind,
    /// Whether all of it is there.
    pub is_whole: bool,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A frame's magic number and header.
    Frame {
        /// Decompressed size, where the header tells it.
        declared: Option<u64>,
        /// Bytes the decoder must keep; of a single segment all of them.
        window: Option<u64>,
        /// Whether a checksum follows the blocks.
        has_checksum: bool,
    },
    /// A block with its header.
    Block {
        /// How its content is stored.
        kind: BlockKind,
        /// Bytes behind the header, or how often the one byte there is repeated.
        size: usize,
        /// Whether the frame ends with it.
        is_last: bool,
    },
    /// Four bytes after the last block.
    Checksum,
    /// A frame for others, passed over.
    Skippable {
        /// Its length without magic number and length.
        len: usize,
    },
    /// Neither of the magic numbers.
    Foreign,
}

/// How a block's content is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// As it is.
    Raw,
    /// One byte, repeated.
    Repeated,
    /// Compressed.
    Compressed,
    /// No kind that there is.
    Reserved,
}

/// Visits the pieces of `body` in order, up to the first that is not whole.
pub fn walk(body: &[u8], visit: &mut dyn FnMut(Part)) {
    let mut walk = Walk { body, at: 0, visit };
    while walk.at < body.len() {
        if walk.frame().is_none() {
            return;
        }
    }
}

struct Walk<'a> {
    body: &'a [u8],
    at: usize,
    visit: &'a mut dyn FnMut(Part),
}

impl Walk<'_> {
    fn rest(&self) -> &[u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    /// Visits a piece and moves over it; nothing if it was the last.
    fn part(&mut self, kind: PartKind, len: usize) -> Option<()> {
        let is_whole = self.rest().len() >= len;
        (self.visit)(Part {
            at: self.at,
            kind,
            is_whole,
        });
        self.at = self.at.saturating_add(len);
        is_whole.then_some(())
    }

    fn frame(&mut self) -> Option<()> {
        let Some((magic, rest)) = self.rest().split_first_chunk::<4>() else {
            return self.part(PartKind::Foreign, MAGIC_LEN);
        };
        if u32::from_le_bytes(*magic) & SKIPPABLE_MASK == SKIPPABLE_MAGIC {
            let len = rest.first_chunk().map_or(0, |len| u32::from_le_bytes(*len)) as usize;
            let whole = len.saturating_add(MAGIC_LEN + 4);
            return self.part(PartKind::Skippable { len }, whole);
        }
        if *magic != ZSTD_MAGIC {
            self.part(PartKind::Foreign, MAGIC_LEN);
            return None;
        }
        let (header, len) = header(rest);
        let PartKind::Frame { has_checksum, .. } = header else {
            return None;
        };
        self.part(header, MAGIC_LEN + len)?;
        while !self.block()? {}
        if has_checksum {
            self.part(PartKind::Checksum, CHECKSUM_LEN)?;
        }
        Some(())
    }

    /// Moves over a block; whether it was the frame's last.
    fn block(&mut self) -> Option<bool> {
        let header = match self.rest() {
            [a, b, c, ..] => u32::from_le_bytes([*a, *b, *c, 0]),
            _ => return None,
        };
        let size = (header >> 3) as usize;
        let (kind, stored) = match header >> 1 & 3 {
            0 => (BlockKind::Raw, size),
            1 => (BlockKind::Repeated, 1),
            2 => (BlockKind::Compressed, size),
            _ => (BlockKind::Reserved, 0),
        };
        let is_last = header & 1 == 1;
        let part = PartKind::Block {
            kind,
            size,
            is_last,
        };
        self.part(part, BLOCK_HEADER_LEN + stored)?;
        (kind != BlockKind::Reserved).then_some(is_last)
    }
}

/// What stands behind the magic number, and its length.
fn header(bytes: &[u8]) -> (PartKind, usize) {
    let descriptor = bytes.first().copied().unwrap_or_default();
    let is_single = descriptor & 0x20 != 0;
    let window_len = usize::from(!is_single);
    let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size_len = match descriptor >> 6 {
        0 => usize::from(is_single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let field = |at: usize, len: usize| {
        let field = bytes.get(at..at + len).filter(|field| !field.is_empty())?;
        Some(field.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    };
    let declared = field(1 + window_len + dictionary_len, size_len);
    let declared = declared.map(|size| if size_len == 2 { size + 256 } else { size });
    let window = match field(1, window_len) {
        Some(byte) => {
            let base = 1_u64 << (10 + (byte >> 3));
            Some(base + base / 8 * (byte & 7))
        }
        None => declared,
    };
    let kind = PartKind::Frame {
        declared,
        window,
        has_checksum: descriptor & 4 != 0,
    };
    (kind, 1 + window_len + dictionary_len + size_len)
}

const MAGIC_LEN: usize = 4;
/// Sixteen magic numbers mark a skippable frame.
const SKIPPABLE_MAGIC: u32 = 0x184D_2A50;
const SKIPPABLE_MASK: u32 = 0xFFFF_FFF0;
const BLOCK_HEADER_LEN: usize = 3;
const CHECKSUM_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn parts(body: &[u8]) -> Vec<(usize, PartKind, bool)> {
        let mut seen = Vec::new();
        walk(body, &mut |part| {
            seen.push((part.at, part.kind, part.is_whole))
        });
        seen
    }

    const fn block(kind: BlockKind, size: usize, is_last: bool) -> PartKind {
        PartKind::Block {
            kind,
            size,
            is_last,
        }
    }

    #[test]
    fn frames_blocks_and_what_is_around_them() {
        let mut body = [0x53, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9].to_vec();
        // No declared size, window 2^20, checksum; a raw block, a repeated byte as the last.
        body.extend([0x28, 0xB5, 0x2F, 0xFD, 0x04, 0x50]);
        body.extend([0x18, 0, 0, b'a', b'b', b'c']);
        body.extend([0x03 | 0x20, 0, 0, b'x']);
        body.extend([1, 2, 3, 4]);
        // A single segment of 300 bytes whose only block is cut.
        body.extend([0x28, 0xB5, 0x2F, 0xFD, 0x60, 44, 0]);
        body.extend([0x05, 0x08, 0, 7]);
        let first = PartKind::Frame {
            declared: None,
            window: Some(1 << 20),
            has_checksum: true,
        };
        let second = PartKind::Frame {
            declared: Some(300),
            window: Some(300),
            has_checksum: false,
        };
        assert_eq!(
            parts(&body),
            [
                (0, PartKind::Skippable { len: 2 }, true),
                (10, first, true),
                (16, block(BlockKind::Raw, 3, false), true),
                (22, block(BlockKind::Repeated, 4, true), true),
                (26, PartKind::Checksum, true),
                (30, second, true),
                (37, block(BlockKind::Compressed, 256, true), false),
            ]
        );
    }

    #[test]
    fn what_is_no_frame_ends_it() {
        assert_eq!(parts(b""), []);
        assert_eq!(parts(b"\x28\xB5"), [(0, PartKind::Foreign, false)]);
        assert_eq!(parts(b"not zstd"), [(0, PartKind::Foreign, true)]);
        let reserved = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x00, 0x06, 0, 0, 0x28];
        assert_eq!(
            parts(&reserved).last(),
            Some(&(6, block(BlockKind::Reserved, 0, false), true))
        );
    }

    /// DEC-11
    #[test]
    fn every_cut_and_every_byte_is_walked_to_an_end() {
        let mut body = [0x28, 0xB5, 0x2F, 0xFD, 0xC4, 0x88].to_vec();
        body.extend([1; 8]);
        body.extend([0x08, 0, 0, 5, 0x09, 0, 0, 6, 1, 2, 3, 4]);
        for end in 0..=body.len() {
            let _ = parts(body.get(..end).unwrap_or_default());
        }
        for at in 0..body.len() {
            for byte in 0..=u8::MAX {
                let mut changed = body.clone();
                changed[at] = byte;
                let _ = parts(&changed);
            }
        }
    }
}
