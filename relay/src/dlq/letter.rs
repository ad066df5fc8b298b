//! One dead letter: the schema of DashFlow's library, with what DashFlow's server tells beyond it
//! and two fields of our own, `reject_code` and `source_key_base64`. No I/O.
//!
//! Key and trace id are a UUIDv5 of topic, partition and offset: another relay, or the same one after
//! a restart, repeats a letter under its key instead of adding a stranger.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use decode_core::wire::{GapCause, RejectCode};
use rskafka::chrono::{DateTime, Datelike as _, Timelike as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::dashflow_names::{DecodeError, INVALID_FORMAT, IO_ERROR, LetterError, letter_type};

/// Why a record cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The core refused it.
    Rejected(RejectCode),
    /// There was nothing to judge: no value, or one over the limit.
    Unusable(GapCause),
}

impl Cause {
    /// The code under which clients see it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rejected(code) => code.code(),
            Self::Unusable(cause) => cause.code(),
        }
    }

    /// Under what it is counted.
    pub(super) fn metric_type(self) -> LetterError {
        match self {
            Self::Rejected(code) => DecodeError::from(code).into(),
            Self::Unusable(GapCause::Oversized) => LetterError::PayloadTooLarge,
            Self::Unusable(_) => LetterError::PayloadMissing,
        }
    }

    /// The type in the letter.
    const fn letter_type(self) -> &'static str {
        match self {
            Self::Rejected(code) => letter_type(code),
            Self::Unusable(GapCause::Oversized) => INVALID_FORMAT,
            Self::Unusable(_) => IO_ERROR,
        }
    }
}

/// A record that cannot be used, as Kafka has it.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    pub partition: u32,
    pub offset: u64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub cause: Cause,
}

/// How large letters may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub include_full_payload: bool,
    /// Key and value of the letter, in bytes.
    pub record_bytes_max: usize,
}

impl Limits {
    /// Payload bytes that a letter holds.
    fn payload_bytes_max(self) -> usize {
        let room = self.record_bytes_max.saturating_sub(ENVELOPE_BYTES_MAX) / 4 * 3;
        if self.include_full_payload {
            room
        } else {
            room.min(KEPT_BYTES_MAX)
        }
    }
}

/// Payload bytes in a letter unless more are asked for.
pub(super) const KEPT_BYTES_MAX: usize = 512 * 1024;
/// Bytes of the source's key in a letter.
const SOURCE_KEY_BYTES_MAX: usize = 1024;
/// Bytes at each end that are given in hexadecimal, for a look without tools.
const EDGE_BYTES: usize = 16;
/// More than all of a letter without its payload, with a key and topic of the largest size.
const ENVELOPE_BYTES_MAX: usize = 4 * 1024;

/// A letter, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub partition: u32,
    pub cause: Cause,
    id: Uuid,
    topic: String,
    pub offset: u64,
    source_key: Option<Vec<u8>>,
    has_value: bool,
    size_bytes: usize,
    payload: Vec<u8>,
    last_bytes: Vec<u8>,
    sha256: String,
    time_ms: i64,
}

impl Letter {
    /// Copies at most what the letter will hold; the digest is of the whole value.
    pub fn new(topic: &str, refused: &Refused<'_>, limits: Limits, time_ms: i64) -> Self {
        let value = refused.value.unwrap_or_default();
        Self {
            partition: refused.partition,
            cause: refused.cause,
            id: letter_id(topic, refused.partition, refused.offset),
            topic: topic.to_owned(),
            offset: refused.offset,
            source_key: refused
                .key
                .map(|key| head(key, SOURCE_KEY_BYTES_MAX).to_vec()),
            has_value: refused.value.is_some(),
            size_bytes: value.len(),
            payload: head(value, limits.payload_bytes_max()).to_vec(),
            last_bytes: tail(value, EDGE_BYTES).to_vec(),
            sha256: hex(&Sha256::digest(value)),
            time_ms,
        }
    }

    /// Memory of a letter about a value of so many bytes while it is sent: the payload, its Base64 text, the JSON
    /// around that and the request with it, a third larger than the payload each.
    pub fn memory_bytes(value_bytes: usize, limits: Limits) -> usize {
        let payload = value_bytes.min(limits.payload_bytes_max());
        payload.saturating_mul(5).saturating_add(ENVELOPE_BYTES_MAX)
    }

    /// The key in Kafka.
    pub fn key(&self) -> String {
        self.id.to_string()
    }

    /// Which of `count` partitions it belongs to: one letter always goes to the same.
    pub fn partition_of(&self, count: usize) -> usize {
        let count = u128::try_from(count).unwrap_or(1).max(1);
        usize::try_from(self.id.as_u128() % count).unwrap_or(0)
    }

    /// When it was written.
    pub fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// Whether the payload is not all there.
    pub fn is_truncated(&self) -> bool {
        self.payload.len() < self.size_bytes
    }

    /// Gives up more of the payload, for a broker that takes less than it should; false where
    /// nothing is left to give up.
    pub fn shrink(&mut self) -> bool {
        let more = !self.payload.is_empty();
        let kept = self.payload.len() / 8;
        self.payload
            .truncate(if kept < EDGE_BYTES { 0 } else { kept });
        more
    }

    /// The value in Kafka.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let truncated = self.is_truncated();
        let in_full = |value: usize| truncated.then_some(value);
        let note = truncated.then(|| {
            let (kept, all) = (self.payload.len(), self.size_bytes);
            format!("the first {kept} of {all} bytes")
        });
        let id = self.key();
        serde_json::to_string(&Text {
            original_payload_base64: STANDARD.encode(&self.payload),
            original_payload_size_bytes: in_full(self.size_bytes),
            original_payload_included_bytes: in_full(self.payload.len()),
            original_payload_truncated: truncated.then_some(true),
            original_payload_sha256: truncated.then_some(&self.sha256),
            error: self.error(),
            source_topic: &self.topic,
            source_partition: self.partition,
            source_offset: self.offset,
            timestamp: rfc3339(self.time_ms),
            consumer_id: "dashstream-relay",
            error_type: self.cause.letter_type(),
            trace_id: &id,
            payload_sha256: &self.sha256,
            payload_truncation_note: note,
            message_size: self.size_bytes,
            first_bytes_hex: byte_list(head(&self.payload, EDGE_BYTES)),
            last_bytes_hex: byte_list(&self.last_bytes),
            reject_code: self.cause.code(),
            source_key_base64: self.source_key.as_ref().map(|key| STANDARD.encode(key)),
        })
        .map(String::into_bytes)
    }

    fn error(&self) -> String {
        let (code, size) = (self.cause.code(), self.size_bytes);
        if self.has_value {
            format!("a record of {size} bytes was refused: {code}")
        } else {
            format!("a record without a value: {code}")
        }
    }
}

#[derive(Serialize)]
struct Text<'a> {
    original_payload_base64: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_payload_size_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_payload_included_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_payload_truncated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_payload_sha256: Option<&'a String>,
    error: String,
    source_topic: &'a str,
    source_partition: u32,
    source_offset: u64,
    timestamp: String,
    consumer_id: &'a str,
    error_type: &'a str,
    trace_id: &'a str,
    payload_sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_truncation_note: Option<String>,
    message_size: usize,
    first_bytes_hex: String,
    last_bytes_hex: String,
    reject_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_key_base64: Option<String>,
}

/// Topic names hold no slash, so no two records share a name.
fn letter_id(topic: &str, partition: u32, offset: u64) -> Uuid {
    let name = format!("{topic}/{partition}/{offset}");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

fn head(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}

/// The last bytes; nothing where the first ones show it all, as DashFlow's server has it.
fn tail(bytes: &[u8], count: usize) -> &[u8] {
    let from = bytes.len().checked_sub(count);
    from.and_then(|from| bytes.get(from..)).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _always: std::fmt::Result = write!(text, "{byte:02x}");
        text
    })
}

/// As DashFlow's server writes bytes: `[0a, 1f]`.
fn byte_list(bytes: &[u8]) -> String {
    format!("{bytes:02x?}")
}

fn rfc3339(time_ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(time_ms).unwrap_or_default();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.timestamp_subsec_millis()
    )
}

#[cfg(test)]
mod tests;
