//! What becomes of one record's value. It is looked at where it lies.

use decode_core::{
    Decoder, EventSink, Limits, Mode, Summary, framing,
    wire::{
        DECOMPRESSED_BYTES_MAX, FRAME_BYTE_LEN, GapCause, MessageKind, REJECT_PREFIX_BYTES_MAX,
        RejectCode,
    },
};

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accept(Accepted),
    Reject(RejectCode),
    Gap(GapCause),
}

impl Outcome {
    /// The part of the record's value that goes into the log.
    pub(crate) fn stored(self, value: Option<&[u8]>) -> &[u8] {
        let value = value.unwrap_or_default();
        match self {
            Self::Accept(_) => value,
            Self::Reject(_) => value.get(..REJECT_PREFIX_BYTES_MAX).unwrap_or(value),
            Self::Gap(_) => &[],
        }
    }
}

/// What is known of an accepted record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub kind: Option<MessageKind>,
    pub is_newer_schema: bool,
    /// The producer's clock; 0 where it says nothing.
    pub timestamp_us: i64,
}

/// What a value turned out to be, and what that cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub outcome: Outcome,
    /// Bytes that were decoded for it, at most.
    pub decoded_bytes: usize,
}

/// Who looks inside a value while it is judged. The events of a batch come first, then one of the two ends.
pub(crate) trait Observer: for<'a> EventSink<'a> {
    /// The value is sound.
    fn accepted(self, summary: &Summary<'_>);
    /// It is not: whatever its events said does not count.
    fn refused(self);
}

/// For readers who do not look inside.
impl Observer for () {
    fn accepted(self, _: &Summary<'_>) {}
    fn refused(self) {}
}

/// Judges values one after the other. It holds the buffers for decompression, so each reader has its own.
#[derive(Debug)]
pub(crate) struct Judge {
    decoder: Decoder,
    payload_bytes_max: usize,
}

impl Judge {
    pub(crate) fn new(mode: Mode, payload_bytes_max: usize) -> Self {
        let limits = Limits {
            payload_bytes_max,
            ..Limits::default()
        };
        Self {
            decoder: Decoder::with_limits(mode, limits),
            payload_bytes_max,
        }
    }

    /// The verdict on one value. A record without a value, or with one over the limit, is not decoded, and the
    /// observer hears nothing of it.
    pub(crate) fn judge(&mut self, value: Option<&[u8]>, mut observer: impl Observer) -> Verdict {
        let Some(value) = value else {
            return Verdict::undecoded(GapCause::NullValue);
        };
        if value.len() > self.payload_bytes_max + FRAME_BYTE_LEN {
            return Verdict::undecoded(GapCause::Oversized);
        }
        match self.decoder.decode(value, &mut observer) {
            Ok(decoded) => {
                let summary = decoded.summary;
                observer.accepted(&summary);
                let accepted = Accepted {
                    kind: summary.kind,
                    is_newer_schema: summary.newer_schema().is_some(),
                    timestamp_us: summary.header.timestamp_us,
                };
                Verdict {
                    outcome: Outcome::Accept(accepted),
                    decoded_bytes: decoded.body.len(),
                }
            }
            Err(reject) => {
                observer.refused();
                let outcome = Outcome::Reject(reject.code());
                Verdict {
                    outcome,
                    decoded_bytes: self.decoded_at_most(value),
                }
            }
        }
    }

    /// How much was decoded of a value that was refused. Nobody says how far decompression came.
    fn decoded_at_most(&self, value: &[u8]) -> usize {
        match framing::detect(value, self.decoder.mode(), self.payload_bytes_max) {
            Ok((framing, _)) if framing.is_compressed() => DECOMPRESSED_BYTES_MAX,
            Ok((_, body)) => body.len(),
            // Refused by its first bytes or its length.
            Err(_) => 0,
        }
    }
}

impl Verdict {
    const fn undecoded(cause: GapCause) -> Self {
        Self {
            outcome: Outcome::Gap(cause),
            decoded_bytes: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use decode_core::wire::{FRAME_RAW, PAYLOAD_BYTES_MAX};

    use super::*;

    fn outcome(value: Option<&[u8]>) -> Outcome {
        Judge::new(Mode::Strict, 1024).judge(value, ()).outcome
    }

    /// Each value has one outcome, whoever asks and however often.
    #[test]
    fn a_value_has_one_outcome() {
        let event = [FRAME_RAW, 0x0A, 0x00];
        let accepted = Accepted {
            kind: Some(MessageKind::Event),
            is_newer_schema: false,
            timestamp_us: 0,
        };
        let at_limit = [&[FRAME_RAW][..], &[0x7A, 0xFD, 0x07], &[0; 1021]].concat();
        assert_eq!(at_limit.len(), 1024 + FRAME_BYTE_LEN);
        for (value, expected) in [
            (Some(&event[..]), Outcome::Accept(accepted)),
            (None, Outcome::Gap(GapCause::NullValue)),
            (Some(&[]), Outcome::Reject(RejectCode::Empty)),
            (Some(b"{"), Outcome::Reject(RejectCode::BadFrame)),
            (
                Some(&[FRAME_RAW, 0x0A, 0x05]),
                Outcome::Reject(RejectCode::Protobuf),
            ),
            (
                Some(&[0; 1024 + FRAME_BYTE_LEN + 1]),
                Outcome::Gap(GapCause::Oversized),
            ),
        ] {
            assert_eq!(outcome(value), expected, "{value:?}");
            assert_eq!(outcome(value), expected, "again: {value:?}");
        }
        assert!(matches!(outcome(Some(&at_limit)), Outcome::Accept(_)));
    }

    #[test]
    fn what_is_stored_of_a_value_follows_its_outcome() {
        let value = vec![0x7B; PAYLOAD_BYTES_MAX];
        let reject = Outcome::Reject(RejectCode::BadFrame);
        assert_eq!(reject.stored(Some(&value)).len(), REJECT_PREFIX_BYTES_MAX);
        assert_eq!(reject.stored(Some(b"{")), b"{");
        assert_eq!(Outcome::Gap(GapCause::Oversized).stored(Some(&value)), b"");
        assert_eq!(Outcome::Gap(GapCause::NullValue).stored(None), b"");
    }
}
