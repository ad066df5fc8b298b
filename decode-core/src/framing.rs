//! Which of the four ways a Kafka value is wrapped, decided by its first bytes and the mode.

use crate::error::Reject;
use crate::wire::{
    FRAME_BYTE_LEN, FRAME_RAW, FRAME_ZSTD, PAYLOAD_BYTES_MAX, RejectCode, ZSTD_MAGIC, mode,
};

/// Which wrappings are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only values with a frame byte.
    Strict,
    /// Also unframed protobuf and unframed zstd, as old producers wrote them.
    Compatible,
}

impl Mode {
    /// The name used in `welcome` and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => mode::STRICT,
            Self::Compatible => mode::COMPATIBLE,
        }
    }
}

/// How a value is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Frame byte, plain protobuf.
    Raw,
    /// Frame byte, zstd.
    Zstd,
    /// No frame byte, plain protobuf (compatible mode).
    LegacyRaw,
    /// No frame byte, zstd (compatible mode).
    LegacyZstd,
}

impl Framing {
    /// A short stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Zstd => "zstd",
            Self::LegacyRaw => "legacy_raw",
            Self::LegacyZstd => "legacy_zstd",
        }
    }

    /// Whether the body must be decompressed.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        matches!(self, Self::Zstd | Self::LegacyZstd)
    }
}

/// Splits a Kafka value into its wrapping and its body.
///
/// A protobuf message cannot start with byte 0 or 1 (field number 0), so the first byte decides.
///
/// # Errors
/// `empty`; `too_large` when the body is over `payload_bytes_max` (at most [`PAYLOAD_BYTES_MAX`]);
/// `bad_frame` when strict mode meets another first byte.
pub fn detect(
    payload: &[u8],
    mode: Mode,
    payload_bytes_max: usize,
) -> Result<(Framing, &[u8]), Reject> {
    let Some(&first) = payload.first() else {
        return Err(Reject::new(RejectCode::Empty, 0, "empty payload"));
    };
    let framed = first == FRAME_RAW || first == FRAME_ZSTD;
    let bytes_max = payload_bytes_max.min(PAYLOAD_BYTES_MAX);
    if payload.len() > bytes_max + if framed { FRAME_BYTE_LEN } else { 0 } {
        return Err(Reject::new(
            RejectCode::TooLarge,
            bytes_max,
            "payload exceeds maximum size",
        ));
    }
    let body = payload.get(FRAME_BYTE_LEN..).unwrap_or_default();
    match (first, mode) {
        (FRAME_RAW, _) => Ok((Framing::Raw, body)),
        (FRAME_ZSTD, _) => Ok((Framing::Zstd, body)),
        (_, Mode::Strict) => Err(Reject::new(RejectCode::BadFrame, 0, "unknown frame byte")),
        (_, Mode::Compatible) if payload.starts_with(&ZSTD_MAGIC) => {
            Ok((Framing::LegacyZstd, payload))
        }
        (_, Mode::Compatible) => Ok((Framing::LegacyRaw, payload)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn code(payload: &[u8], mode: Mode) -> Result<Framing, RejectCode> {
        detect(payload, mode, PAYLOAD_BYTES_MAX)
            .map(|(f, _)| f)
            .map_err(|e| e.code())
    }

    /// DEC-01
    #[test]
    fn the_first_byte_decides() {
        let both = [Mode::Strict, Mode::Compatible];
        for mode in both {
            assert_eq!(code(&[], mode), Err(RejectCode::Empty));
            assert_eq!(code(&[0], mode), Ok(Framing::Raw));
            assert_eq!(code(&[1], mode), Ok(Framing::Zstd));
        }
        assert_eq!(code(&[2, 1], Mode::Strict), Err(RejectCode::BadFrame));
        assert_eq!(code(&[0x0A, 0], Mode::Strict), Err(RejectCode::BadFrame));
        assert_eq!(code(&[0x0A, 0], Mode::Compatible), Ok(Framing::LegacyRaw));
        assert_eq!(code(&ZSTD_MAGIC, Mode::Strict), Err(RejectCode::BadFrame));
        assert_eq!(code(&ZSTD_MAGIC, Mode::Compatible), Ok(Framing::LegacyZstd));
    }

    /// DEC-06, DEC-05
    #[test]
    fn the_frame_byte_does_not_count_against_the_limit() {
        let mut payload = vec![0u8; PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN];
        assert_eq!(code(&payload, Mode::Strict), Ok(Framing::Raw));
        payload.push(0);
        assert_eq!(code(&payload, Mode::Strict), Err(RejectCode::TooLarge));
        let mut unframed = vec![0x0Au8; PAYLOAD_BYTES_MAX];
        assert_eq!(code(&unframed, Mode::Compatible), Ok(Framing::LegacyRaw));
        unframed.push(0);
        assert_eq!(code(&unframed, Mode::Compatible), Err(RejectCode::TooLarge));
        assert_eq!(
            detect(&[0; 6], Mode::Strict, 4).map_err(|e| e.code()),
            Err(RejectCode::TooLarge)
        );
        assert!(detect(&[0; 5], Mode::Strict, 4).is_ok());
    }
}
