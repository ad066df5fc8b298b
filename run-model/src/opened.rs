//! One record in full: what it is, its message as a tree, its bytes.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use dashstream_proto::schema;
use decode_core::scan::{EventFacts, EventSink};
use decode_core::text::canonical_json;
use decode_core::wire::{FRAME_BYTE_LEN, FRAME_ZSTD, MessageKind, RejectCode};
use decode_core::{Decoder, Reject};

use crate::limits::HEX_BYTES_MAX;
use crate::readable::readable;
use crate::row::RowKind;
use crate::rows::StoredRow;
use crate::tree::Tree;

/// What is known of a record besides its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: &'static str,
    /// Kafka partition.
    pub partition: u32,
    /// Kafka offset.
    pub offset: u64,
    /// Last offset of a gap, else the offset.
    pub last_offset: u64,
    /// Of an event in a batch: its place there.
    pub index: u32,
    /// Events in the batch; 0 where it is no batch.
    pub batch_events: u32,
    /// Kafka timestamp in ms.
    pub timestamp_ms: i64,
    /// Gap cause or reject code, or empty.
    pub code: String,
    /// How the value was wrapped, or empty.
    pub framing: &'static str,
    /// Length of the Kafka value in bytes; of a record the relay refused, of what it kept of it.
    pub payload_bytes: u32,
    /// Length of the protobuf in bytes; 0 where the value cannot be unwrapped.
    pub decoded_bytes: usize,
    /// What is wrong with it, or empty.
    pub error: String,
    /// Where: which of its bytes, and at which.
    pub error_at: Option<(BytesOf, usize)>,
}

/// Which bytes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BytesOf {
    /// The value as it is on Kafka.
    Kafka,
    /// The protobuf in it, decompressed.
    Decoded,
}

/// A record that is open.
#[derive(Debug)]
pub struct Opened {
    facts: Facts,
    payload: Vec<u8>,
    decoded: Vec<u8>,
    tree: Option<Tree>,
}

impl Opened {
    /// Opens what a row is about. Of an event in a batch that event alone, unless the whole record is wanted.
    pub(crate) fn new(
        row: &StoredRow,
        code: String,
        payload: &[u8],
        is_whole: bool,
        decoder: &mut Decoder,
    ) -> Self {
        let mut opened = Self {
            facts: Facts {
                kind: row.kind.name(),
                partition: row.partition,
                offset: row.offset,
                last_offset: row.last_offset,
                index: row.index,
                timestamp_ms: row.timestamp_ms,
                code,
                payload_bytes: row.bytes,
                ..Facts::default()
            },
            payload: payload.to_vec(),
            decoded: Vec::new(),
            tree: None,
        };
        if row.kind == RowKind::Gap {
            return opened;
        }
        match decoder.unwrap_frame(payload) {
            Ok((framing, body)) => {
                opened.facts.framing = framing.name();
                opened.facts.decoded_bytes = body.len();
                opened.decoded = body.to_vec();
            }
            Err(reject) => {
                opened.failed(&reject);
                return opened;
            }
        }
        let wanted = if is_whole { None } else { Some(row.index) };
        let mut pick = Pick {
            index: wanted,
            ..Pick::default()
        };
        let read = decode_core::scan::scan(&opened.decoded, &mut pick).and_then(|summary| {
            if summary.kind != Some(MessageKind::EventBatch) {
                return readable(&opened.decoded, schema::DASH_STREAM_MESSAGE);
            }
            opened.facts.batch_events = pick.count;
            match pick.found {
                Some(event) => readable(event, schema::EVENT),
                None => readable(&opened.decoded, schema::DASH_STREAM_MESSAGE),
            }
        });
        match read {
            Ok((text, notes)) => opened.tree = Some(Tree::new(text, notes)),
            Err(reject) => opened.failed(&reject),
        }
        opened
    }

    fn failed(&mut self, reject: &Reject) {
        self.facts.error = reject.to_string();
        self.facts.error_at = match reject.code() {
            RejectCode::Empty => None,
            RejectCode::Decompress | RejectCode::DecompressedTooLarge => {
                let is_framed = self.payload.first() == Some(&FRAME_ZSTD);
                let start = if is_framed { FRAME_BYTE_LEN } else { 0 };
                Some((BytesOf::Kafka, start + reject.at()))
            }
            RejectCode::TooLarge | RejectCode::BadFrame => Some((BytesOf::Kafka, reject.at())),
            RejectCode::Protobuf
            | RejectCode::Utf8
            | RejectCode::TooDeep
            | RejectCode::TooManyEvents => Some((BytesOf::Decoded, reject.at())),
        };
    }

    /// What is known of it besides its message.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its message, if it has one.
    pub const fn tree(&mut self) -> Option<&mut Tree> {
        self.tree.as_mut()
    }

    /// All of its bytes.
    #[must_use]
    pub fn bytes(&self, of: BytesOf) -> &[u8] {
        match of {
            BytesOf::Kafka => &self.payload,
            BytesOf::Decoded => &self.decoded,
        }
    }

    /// At most [`HEX_BYTES_MAX`] of its bytes from a place on.
    #[must_use]
    pub fn window(&self, of: BytesOf, first: usize) -> &[u8] {
        let bytes = self.bytes(of);
        let first = first.min(bytes.len());
        let end = bytes.len().min(first + HEX_BYTES_MAX);
        bytes.get(first..end).unwrap_or_default()
    }

    /// The canonical text of the whole record, or nothing where it cannot be decoded.
    #[must_use]
    pub fn canonical(&self) -> String {
        if self.facts.framing.is_empty() {
            return String::new();
        }
        canonical_json(&self.decoded).unwrap_or_default()
    }
}

/// Finds one event of a batch.
#[derive(Default)]
struct Pick<'a> {
    index: Option<u32>,
    count: u32,
    found: Option<&'a [u8]>,
}

impl<'a> EventSink<'a> for Pick<'a> {
    fn event(&mut self, event: &EventFacts<'a>) {
        if self.index == Some(self.count) {
            self.found = Some(event.body);
        }
        self.count += 1;
    }

    fn restart(&mut self) {
        self.count = 0;
        self.found = None;
    }
}
