//! What the first bytes of a payload say about all of it.

use decode_core::Decoder;
use decode_core::tree::zstd::{PartKind, walk};
use decode_core::wire::{FRAME_BYTE_LEN, FRAME_ZSTD, PAYLOAD_BYTES_MAX, RejectCode};

use crate::output::describe;

/// Code and text of the refusal that every payload of that length and beginning meets; nothing
/// where the missing bytes decide.
///
/// The beginning is tried twice, with the missing bytes all zero and all one. A refusal counts if
/// both meet it and if what was read when it was found lies within the beginning.
pub(crate) fn certain_refusal(
    decoder: &mut Decoder,
    head: &[u8],
    len: u64,
) -> Option<(RejectCode, String)> {
    let fits = |len: &usize| *len <= PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN;
    let Some(len) = usize::try_from(len).ok().filter(fits) else {
        let what = format!("payload of {len} bytes exceeds {PAYLOAD_BYTES_MAX}");
        return Some((RejectCode::TooLarge, what));
    };
    if head.is_empty() {
        return None;
    }
    let mut refusal = |fill: u8| {
        let mut whole = head.to_vec();
        whole.resize(len, fill);
        decoder.decode(&whole, &mut ()).err()
    };
    let found = refusal(0x00)?;
    let reach = match found.code() {
        // The first byte and the length decide, and in compatible mode the first four bytes.
        RejectCode::BadFrame | RejectCode::TooLarge => 0,
        RejectCode::Decompress | RejectCode::DecompressedTooLarge => zstd_reach(head, found.at()),
        RejectCode::Empty
        | RejectCode::Protobuf
        | RejectCode::Utf8
        | RejectCode::TooDeep
        | RejectCode::TooManyEvents => TOKEN_BYTES_MAX,
    };
    let within = found.at().saturating_add(reach) <= head.len() || reach == 0;
    let what = format!(
        "{}, in the first {} of {len} bytes",
        describe(&found),
        head.len()
    );
    (within && refusal(0xFF) == Some(found)).then_some((found.code(), what))
}

/// How many bytes from `at` on a refusal of zstd data rests on. At the start of a frame that is all of
/// the frame, which has to be there; anywhere else it is a header.
fn zstd_reach(head: &[u8], at: usize) -> usize {
    let body = head.strip_prefix(&[FRAME_ZSTD]).unwrap_or(head);
    let (mut found, mut is_whole) = (false, false);
    let (mut inside, mut checked) = (false, false);
    walk(body, &mut |part| match part.kind {
        PartKind::Frame { has_checksum, .. } => {
            inside = part.at == at;
            found |= inside;
            checked = has_checksum;
        }
        PartKind::Block { is_last, .. } => {
            is_whole |= inside && is_last && part.is_whole && !checked;
        }
        PartKind::Checksum => is_whole |= inside && part.is_whole,
        PartKind::Skippable { .. } | PartKind::Foreign => inside = false,
    });
    match (found, is_whole) {
        (false, _) => ZSTD_HEADER_BYTES_MAX,
        (true, true) => 0,
        (true, false) => usize::MAX,
    }
}

/// A tag, a number or a character.
const TOKEN_BYTES_MAX: usize = 10 + 1;
/// A frame's header at its longest, and the frame byte.
const ZSTD_HEADER_BYTES_MAX: usize = 18 + 1;

#[cfg(test)]
mod tests {
    use decode_core::Mode;

    use super::*;

    fn check(mode: Mode, head: &[u8], len: u64) -> Option<RejectCode> {
        certain_refusal(&mut Decoder::new(mode), head, len).map(|(code, _)| code)
    }

    #[test]
    fn only_what_is_certain_is_said() {
        let strict = |head: &[u8], len| check(Mode::Strict, head, len);
        assert_eq!(strict(b"", 5), None);
        assert_eq!(strict(b"", u64::MAX), Some(RejectCode::TooLarge));
        assert_eq!(strict(b"{", 500), Some(RejectCode::BadFrame));
        assert_eq!(check(Mode::Compatible, b"\x0A", 500), None);
        assert_eq!(strict(b"\x00\x0A", 500), None);

        // Field 0, far from the end of what is there; and as the last byte that is there.
        let mut head = vec![0, 0x0A, 0xF0, 0x03];
        assert_eq!(strict(&head, 500), None);
        head.push(0x00);
        assert_eq!(strict(&head, 500), None, "too near to the end to be sure");
        head.extend([0; 20]);
        assert_eq!(strict(&head, 500), Some(RejectCode::Protobuf));

        // A text cut inside a character: both fillings are no UTF-8, the real bytes may be.
        let mut head = vec![0, 0x0A, 0xF0, 0x03, 0x1A, 0x80, 0x01];
        head.extend([b'a'; 20]);
        head.extend([0xE2, 0x82]);
        assert_eq!(strict(&head, 500), None);
        head.extend([b'a'; 20]);
        assert_eq!(strict(&head, 500), Some(RejectCode::Utf8));
    }

    #[test]
    fn a_length_inside_decides_without_the_rest() {
        // An event of 500 bytes in a payload of 300.
        let mut head = vec![0, 0x0A, 0xF4, 0x03];
        head.extend([0x28; 20]);
        assert_eq!(
            check(Mode::Strict, &head, 300),
            Some(RejectCode::Protobuf),
            "it does not fit"
        );
    }

    #[test]
    fn a_compressed_beginning_is_judged_by_its_blocks() {
        // A frame that declares 3 GiB.
        let mut head = vec![1, 0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 0xC0];
        assert_eq!(
            check(Mode::Strict, &head, 200_000),
            None,
            "shorter than a header may be"
        );
        head.resize(150, 0);
        assert_eq!(
            check(Mode::Strict, &head, 200_000),
            Some(RejectCode::DecompressedTooLarge)
        );
        // A block of the reserved type, first and with enough behind it.
        let mut head = vec![1, 0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58, 0x0E];
        assert_eq!(check(Mode::Strict, &head, 200_000), None);
        head.resize(40, 0);
        assert_eq!(
            check(Mode::Strict, &head, 200_000),
            Some(RejectCode::Decompress)
        );
        // Raw blocks of one byte without an end.
        let mut head = vec![1, 0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58];
        while head.len() < 150_000 {
            head.extend([0x08, 0, 0, b'x']);
        }
        assert_eq!(check(Mode::Strict, &head, 200_000), None);
        // A compressed block that is damaged, the last of its frame: it decides once all of it is there.
        let frame = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58, 0x15, 0, 0, 3, 0];
        let mut head = [&[1][..], &frame].concat();
        assert_eq!(
            check(Mode::Strict, &head, 200_000),
            Some(RejectCode::Decompress)
        );
        head.pop();
        assert_eq!(check(Mode::Strict, &head, 200_000), None);
        // A block of 100,000 bytes of which 90,000 are there.
        let mut head = vec![1, 0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58, 0x05, 0x35, 0x0C];
        head.resize(90_000, 0);
        assert_eq!(
            check(Mode::Strict, &head, 100_010),
            None,
            "the block is longer than what is there"
        );
    }
}
