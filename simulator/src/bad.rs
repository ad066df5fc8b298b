//! Records that something is wrong with, as they turn up in any topic after a while.

use std::sync::LazyLock;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{DashStreamMessage, Event, EventType, Header, MessageType};
use decode_core::wire::{DECOMPRESSED_BYTES_MAX, FRAME_RAW, FRAME_ZSTD, SCHEMA_VERSION};
use prost::Message as _;

use crate::rng::Rng;
use crate::zstd::compress;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// The body is no protobuf.
    Undecodable,
    /// The zstd frame ends early.
    TruncatedZstd,
    /// The first byte is no frame byte.
    UnknownFrame,
    NullValue,
    /// No bytes at all.
    Empty,
    /// Small on the wire, but more than may be decompressed.
    Oversized,
    /// Written by a later producer.
    NewerSchema,
}

impl Bad {
    pub const ALL: [Self; 7] = [
        Self::Undecodable,
        Self::TruncatedZstd,
        Self::UnknownFrame,
        Self::NullValue,
        Self::Empty,
        Self::Oversized,
        Self::NewerSchema,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "bad-undecodable",
            Self::TruncatedZstd => "bad-truncated-zstd",
            Self::UnknownFrame => "bad-unknown-frame",
            Self::NullValue => "bad-null-value",
            Self::Empty => "bad-empty",
            Self::Oversized => "bad-oversized",
            Self::NewerSchema => "bad-newer-schema",
        }
    }

    /// The Kafka value of such a record on a thread.
    pub fn value(self, rng: &mut Rng, thread: &str, time_us: u64) -> Option<Vec<u8>> {
        let event = |rng: &mut Rng, version| event(rng, thread, time_us, version).encode_to_vec();
        Some(match self {
            Self::NullValue => return None,
            Self::Empty => Vec::new(),
            Self::Undecodable => {
                // A length that points past the end.
                let mut body = event(rng, SCHEMA_VERSION);
                body.truncate(body.len() * 2 / 3);
                framed(FRAME_RAW, &body)
            }
            Self::TruncatedZstd => {
                let packed = compress(&event(rng, SCHEMA_VERSION)).unwrap_or_default();
                framed(
                    FRAME_ZSTD,
                    packed.get(..packed.len() / 2).unwrap_or_default(),
                )
            }
            Self::UnknownFrame => framed(0x02, &event(rng, SCHEMA_VERSION)),
            Self::Oversized => OVERSIZED.clone(),
            Self::NewerSchema => framed(FRAME_RAW, &event(rng, SCHEMA_VERSION + 1)),
        })
    }
}

static OVERSIZED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let packed = compress(&vec![0; DECOMPRESSED_BYTES_MAX + 1]).unwrap_or_default();
    framed(FRAME_ZSTD, &packed)
});

fn framed(byte: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![byte];
    out.extend_from_slice(body);
    out
}

fn event(rng: &mut Rng, thread: &str, time_us: u64, schema_version: u32) -> DashStreamMessage {
    let header = Header {
        message_id: rng.uuid().to_vec(),
        timestamp_us: i64::try_from(time_us).unwrap_or(i64::MAX),
        tenant_id: "tenant-a".to_owned(),
        thread_id: thread.to_owned(),
        sequence: 1,
        r#type: MessageType::Event.into(),
        schema_version,
        ..Header::default()
    };
    let event = Event {
        header: Some(header),
        event_type: EventType::NodeStart.into(),
        node_id: "somewhere".to_owned(),
        ..Event::default()
    };
    DashStreamMessage {
        message: Some(Message::Event(event)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use decode_core::wire::RejectCode;
    use decode_core::{Decoder, Mode};

    #[test]
    fn each_gets_the_verdict_it_is_made_for() {
        let mut decoder = Decoder::new(Mode::Strict);
        for bad in Bad::ALL {
            let value = bad.value(&mut Rng::new(5), "thread", 1);
            let verdict = value.map(|value| {
                assert!(value.len() < 16 * 1024, "{bad:?} is small on the wire");
                decoder
                    .decode(&value, &mut ())
                    .map(|d| d.summary.header.schema_version())
                    .map_err(|reject| reject.code())
            });
            let expected = match bad {
                Bad::NullValue => None,
                Bad::Empty => Some(Err(RejectCode::Empty)),
                Bad::Undecodable => Some(Err(RejectCode::Protobuf)),
                Bad::TruncatedZstd => Some(Err(RejectCode::Decompress)),
                Bad::UnknownFrame => Some(Err(RejectCode::BadFrame)),
                Bad::Oversized => Some(Err(RejectCode::DecompressedTooLarge)),
                Bad::NewerSchema => Some(Ok(SCHEMA_VERSION + 1)),
            };
            assert_eq!(verdict, expected, "{bad:?}");
        }
    }
}
