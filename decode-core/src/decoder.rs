//! The decoder: framing, decompression and the one checked pass, with buffers that live on.

use alloc::vec::Vec;

use prost::Message as _;

use crate::error::Reject;
use crate::framing::{self, Framing, Mode};
use crate::scan::{self, EventSink, Summary};
use crate::wire::{DECOMPRESSED_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::zstd::Decompressor;

/// Size limits of one decoder. Nothing raises them over those of [`crate::wire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest body, the frame byte not counted.
    pub payload_bytes_max: usize,
    /// Largest decompressed body.
    pub decompressed_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
        }
    }
}

/// A message that was accepted.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a> {
    /// How the value was wrapped.
    pub framing: Framing,
    /// The protobuf, decompressed.
    pub body: &'a [u8],
    /// What it says.
    pub summary: Summary<'a>,
}

impl Decoded<'_> {
    /// The whole message as a tree, for tests and tools: unlike all else here it takes many times the
    /// body's memory, as an event of two bytes becomes a structure of hundreds.
    ///
    /// # Errors
    /// Never for a body this decoder accepted, unless prost and the pass disagree; `protobuf` then.
    pub fn message(&self) -> Result<dashstream_proto::v1::DashStreamMessage, Reject> {
        dashstream_proto::v1::DashStreamMessage::decode(self.body)
            .map_err(|_| Reject::protobuf(0, "full decode failed"))
    }

    /// The whole message as canonical JSON text.
    ///
    /// # Errors
    /// As [`crate::text::canonical_json`].
    pub fn canonical_json(&self) -> Result<alloc::string::String, Reject> {
        crate::text::canonical_json(self.body)
    }
}

/// Turns Kafka values into messages. One per thread of work; not shared.
#[derive(Debug)]
pub struct Decoder {
    mode: Mode,
    limits: Limits,
    zstd: Decompressor,
    decompressed: Vec<u8>,
}

impl Decoder {
    /// A decoder with the limits of [`crate::wire`].
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self::with_limits(mode, Limits::default())
    }

    /// A decoder with smaller limits.
    #[must_use]
    pub fn with_limits(mode: Mode, limits: Limits) -> Self {
        let limits = Limits {
            payload_bytes_max: limits.payload_bytes_max.min(PAYLOAD_BYTES_MAX),
            decompressed_bytes_max: limits.decompressed_bytes_max.min(DECOMPRESSED_BYTES_MAX),
        };
        Self {
            mode,
            limits,
            zstd: Decompressor::new(),
            decompressed: Vec::new(),
        }
    }

    /// Which wrappings it accepts.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Unwraps a value: what its protobuf bytes are, not yet whether they are valid.
    ///
    /// # Errors
    /// `empty`, `too_large`, `bad_frame`, `decompress`, `decompressed_too_large`.
    pub fn unwrap_frame<'a>(
        &'a mut self,
        payload: &'a [u8],
    ) -> Result<(Framing, &'a [u8]), Reject> {
        let (framing, body) = framing::detect(payload, self.mode, self.limits.payload_bytes_max)?;
        if !framing.is_compressed() {
            return Ok((framing, body));
        }
        self.zstd.decompress(
            body,
            &mut self.decompressed,
            self.limits.decompressed_bytes_max,
        )?;
        Ok((framing, &self.decompressed))
    }

    /// Decodes a value in one checked pass. Inner events of a batch go to `sink` as they are met;
    /// after an error what it was given does not count.
    ///
    /// # Errors
    /// As [`Self::unwrap_frame`], and `protobuf`, `utf8`, `too_deep`, `too_many_events`. A framed value
    /// whose inside fails is never tried another way.
    pub fn decode<'a, S: EventSink<'a>>(
        &'a mut self,
        payload: &'a [u8],
        sink: &mut S,
    ) -> Result<Decoded<'a>, Reject> {
        let (framing, body) = self.unwrap_frame(payload)?;
        let summary = scan::scan(body, sink)?;
        Ok(Decoded {
            framing,
            body,
            summary,
        })
    }
}
