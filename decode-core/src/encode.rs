//! The producer's side: how DashFlow frames and compresses a message.
//!
//! The compressor is an argument, because producers use libzstd (whose frames declare their size)
//! while this crate stays free of C.

use alloc::vec::Vec;

use dashstream_proto::v1::{
    CompressionType, DashStreamMessage, Header, dash_stream_message::Message,
};
use prost::Message as _;

use crate::wire::{FRAME_BYTE_LEN, FRAME_RAW, FRAME_ZSTD, PAYLOAD_BYTES_MAX};

/// What a producer may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Compression is tried only for messages longer than this.
    pub threshold_bytes: usize,
    /// Longest uncompressed protobuf.
    pub message_bytes_max: usize,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            threshold_bytes: 512,
            message_bytes_max: 1024 * 1024,
        }
    }
}

/// Why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The message has no payload.
    Empty,
    /// The uncompressed protobuf is longer than the limit.
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
}

impl EncodeError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "encode_empty",
            Self::TooLarge { .. } => "encode_too_large",
        }
    }
}

impl core::fmt::Display for EncodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str(self.code()),
            Self::TooLarge { bytes, bytes_max } => {
                write!(f, "{}: {bytes} bytes, at most {bytes_max}", self.code())
            }
        }
    }
}

impl core::error::Error for EncodeError {}

/// Encodes a message as a Kafka value.
///
/// `compress` gives one zstd frame, or nothing if it cannot. Compressed form is used only where it
/// is strictly smaller, and the headers then say so (a batch's inner headers too), which is why a
/// message is compressed twice.
///
/// # Errors
/// `encode_empty`, `encode_too_large`.
pub fn encode(
    message: &DashStreamMessage,
    options: &EncodeOptions,
    compress: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, EncodeError> {
    if message.message.is_none() {
        return Err(EncodeError::Empty);
    }
    let bytes_max = options.message_bytes_max.min(PAYLOAD_BYTES_MAX);
    let plain = message.encode_to_vec();
    if plain.len() > bytes_max {
        return Err(EncodeError::TooLarge {
            bytes: plain.len(),
            bytes_max,
        });
    }
    if plain.len() > options.threshold_bytes
        && compress(&plain).is_some_and(|packed| packed.len() < plain.len())
    {
        let mut marked = message.clone();
        mark_compressed(&mut marked);
        let plain = marked.encode_to_vec();
        if let Some(packed) = compress(&plain).filter(|packed| packed.len() < plain.len()) {
            return Ok(framed(FRAME_ZSTD, &packed));
        }
    }
    Ok(framed(FRAME_RAW, &plain))
}

fn framed(byte: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME_BYTE_LEN + body.len());
    out.push(byte);
    out.extend_from_slice(body);
    out
}

fn mark_compressed(message: &mut DashStreamMessage) {
    let mark = |header: &mut Option<Header>| {
        if let Some(header) = header {
            header.compression = CompressionType::CompressionZstd as i32;
        }
    };
    match &mut message.message {
        None => {}
        Some(Message::Event(m)) => mark(&mut m.header),
        Some(Message::StateDiff(m)) => mark(&mut m.header),
        Some(Message::TokenChunk(m)) => mark(&mut m.header),
        Some(Message::ToolExecution(m)) => mark(&mut m.header),
        Some(Message::Checkpoint(m)) => mark(&mut m.header),
        Some(Message::Metrics(m)) => mark(&mut m.header),
        Some(Message::Error(m)) => mark(&mut m.header),
        Some(Message::ExecutionTrace(m)) => mark(&mut m.header),
        Some(Message::EventBatch(m)) => {
            mark(&mut m.header);
            m.events
                .iter_mut()
                .for_each(|event| mark(&mut event.header));
        }
    }
}
