//! Which format an input has, told from its first bytes.

use decode_core::capture::MAGIC;
use decode_core::wire::{FRAME_BYTE_LEN, PAYLOAD_BYTES_MAX};

/// How payloads lie in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// All of it is one payload.
    Payload,
    /// Payloads one after the other, each behind its length (u32, little endian).
    Delimited,
    /// A capture file, as `docs/capture.md` describes it.
    Capture,
    /// Records with partition, offset, time and key, as captured from DashFlow.
    Dashflow,
    /// Dead-letter records as JSON lines, of DashFlow's library or of its server.
    Dlq,
    /// Lines of `kcat -C -J`.
    Kcat,
}

impl Format {
    /// A stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Delimited => "delimited",
            Self::Capture => "capture",
            Self::Dashflow => "dashflow",
            Self::Dlq => "dlq",
            Self::Kcat => "kcat",
        }
    }
}

/// Decides in the order in which a wrong answer is least likely.
pub(crate) fn detect(head: &[u8]) -> Format {
    if head.starts_with(&MAGIC) {
        Format::Capture
    } else if is_dashflow(head) {
        Format::Dashflow
    } else if is_delimited(head) {
        Format::Delimited
    } else if head.trim_ascii_start().starts_with(b"{") {
        json(head)
    } else {
        Format::Payload
    }
}

/// Which lines of JSON, told from keys that each writer puts on every line.
fn json(head: &[u8]) -> Format {
    let has = |key: &[u8]| head.windows(key.len()).any(|part| part == key);
    if has(br#""original_payload_base64""#) {
        Format::Dlq
    } else if has(br#""topic""#) && has(br#""partition""#) && has(br#""offset""#) {
        Format::Kcat
    } else {
        Format::Payload
    }
}

/// A time of this century in the right place is not there by chance.
fn is_dashflow(head: &[u8]) -> bool {
    let Some((fixed, rest)) = head.split_first_chunk::<24>() else {
        return false;
    };
    let [
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        time @ ..,
        k0,
        k1,
        k2,
        k3,
    ] = *fixed;
    let time = i64::from_le_bytes(time);
    let key_len = u32::from_le_bytes([k0, k1, k2, k3]) as usize;
    let value_len = rest.get(key_len..).and_then(|rest| rest.first_chunk::<4>());
    let value_fits = value_len.is_none_or(|len| fits(u32::from_le_bytes(*len)));
    let key_fits = key_len <= KEY_BYTES_MAX || key_len == u32::MAX as usize;
    (TIME_MS_MIN..TIME_MS_MAX).contains(&time) && key_fits && value_fits
}

/// As a length the first four bytes of a payload are far over the limit: its fourth byte is a
/// field's tag or a length's end, and not zero.
fn is_delimited(head: &[u8]) -> bool {
    let Some((first, rest)) = head.split_first_chunk::<4>() else {
        return false;
    };
    let len = u32::from_le_bytes(*first);
    let second = rest
        .get(len as usize..)
        .and_then(|rest| rest.first_chunk::<4>());
    fits(len) && second.is_none_or(|len| fits(u32::from_le_bytes(*len)))
}

fn fits(len: u32) -> bool {
    len as usize <= PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN
}

const TIME_MS_MIN: i64 = 978_307_200_000;
const TIME_MS_MAX: i64 = 4_102_444_800_000;
const KEY_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart() {
        let payload = b"\x00\x0a\x44\x0a\x37\x0a\x10";
        let mut delimited = 7_u32.to_le_bytes().to_vec();
        delimited.extend(payload);
        let mut dashflow = vec![0; 12];
        dashflow.extend(1_700_000_000_000_i64.to_le_bytes());
        dashflow.extend([3, 0, 0, 0, b'k', b'e', b'y']);
        dashflow.extend(&delimited);
        for (head, format) in [
            (&MAGIC[..], Format::Capture),
            (&dashflow, Format::Dashflow),
            (&delimited, Format::Delimited),
            (payload, Format::Payload),
            (b"", Format::Payload),
            (b"\x00", Format::Payload),
            (b"\x01\x28\xb5\x2f\xfd", Format::Payload),
            (b"{\"a\":1}", Format::Payload),
            (br#"{"topic":"t","partition":0,"offset":0,"#, Format::Kcat),
            (b"\n {\"offset\":0,\"topic\":\"t\",\"partition\":0", Format::Kcat),
            (br#"{"error":"e","original_payload_base64":null,"#, Format::Dlq),
            (br#"{"original_payload_base64":"AAo"#, Format::Dlq),
            // A dead-letter topic read with `kcat -J`: its records are in the payloads.
            (
                br#"{"topic":"t","partition":0,"offset":0,"payload":"{\"original_payload_base64\":"#,
                Format::Kcat,
            ),
        ] {
            assert_eq!(detect(head), format, "{head:?}");
        }
    }
}
