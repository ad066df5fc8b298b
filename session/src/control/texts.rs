//! The texts of the messages: what a client or a relay sends, split over several where one could not hold it.
//!
//! A message holds at most [`CONTROL_BYTES_MAX`]. Where its maps by partition do not fit, they go before it in
//! parts of [`PART_PARTITIONS`] partitions each, and the message itself, without them, says how many went.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Display, Write as _};

use decode_core::json::push_text;
use decode_core::wire::{CONTROL_BYTES_MAX, PROTOCOL_VERSION, control};

use super::client::{Ack, ClientMessage, Resume};
use super::cursors::Cursors;
use super::relay::{RelayMessage, RelayPart, Welcome};
use super::{ByPartition, Fingerprint, Partition, by_partition, text_of};

/// Partitions in one part: with the longest numbers there are, a part of any message stays within the limit.
pub const PART_PARTITIONS: usize = 256;

impl ClientMessage {
    /// Its text. Of a `resume` that may be long, use [`Resume::to_texts`].
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Resume(resume) => resume.text(),
            Self::Part(cursors) => {
                let mut part = Writer::new(control::PART);
                part.text("of", control::RESUME);
                cursors.put(&mut part);
                part.done()
            }
            Self::Ack(m) => {
                let mut ack = Writer::new(control::ACK);
                ack.decimal(&"bytes", &m.bytes);
                ack.positions("offsets", &m.offsets);
                ack.done()
            }
            Self::Ping => Writer::new(control::PING).done(),
            Self::Report(m) => {
                let mut report = Writer::new(control::REPORT);
                report.decimal(&"applyLagMs", &m.apply_lag_ms);
                report.decimal(&"backlogFrames", &m.backlog_frames);
                report.decimal(&"rejects", &m.rejects);
                report.done()
            }
        }
    }
}

impl Resume {
    /// Its text, or the texts of its parts and then of what is left.
    #[must_use]
    pub fn to_texts(self) -> Vec<String> {
        let text = self.text();
        if text.len() <= CONTROL_BYTES_MAX {
            return [text].into();
        }
        let parts = self.cursors.parts();
        let rest = Self {
            cursors: Cursors::default(),
            parts: parts.len() as u64,
            ..self
        };
        let parts = parts.into_iter().map(ClientMessage::Part);
        let all = parts.chain([ClientMessage::Resume(rest)]);
        all.map(|message| message.to_text()).collect()
    }

    fn text(&self) -> String {
        let mut resume = Writer::new(control::RESUME);
        resume.number("protocol", PROTOCOL_VERSION.into());
        if let Some(namespace) = &self.namespace {
            resume.text("namespace", namespace);
        }
        resume.text("from", self.from.name());
        self.cursors.put(&mut resume);
        if self.parts > 0 {
            resume.number("parts", self.parts);
        }
        resume.done()
    }
}

impl Cursors {
    fn put(&self, out: &mut Writer) {
        out.positions("positions", &self.positions);
        if !self.fingerprints.is_empty() {
            out.begin(&"fingerprints");
            for (partition, record) in &self.fingerprints {
                out.begin(&partition.0);
                out.fingerprint(record);
                out.end();
            }
            out.end();
        }
        if !self.unlisted.is_empty() {
            out.begin(&"unlisted");
            for (partition, cursor) in &self.unlisted {
                out.begin(&partition.0);
                out.decimal(&"position", &cursor.position);
                if let Some(record) = &cursor.last {
                    out.fingerprint(record);
                }
                out.end();
            }
            out.end();
        }
    }

    fn parts(&self) -> Vec<Self> {
        let listed: Vec<_> = self.positions.iter().map(|(p, at)| (*p, *at)).collect();
        let listed = listed.chunks(PART_PARTITIONS).map(|chunk| {
            let positions = by_partition(chunk.iter().copied());
            let named = |entry: &&(Partition, _)| positions.contains_key(&entry.0);
            Self {
                fingerprints: self.fingerprints.iter().filter(named).copied().collect(),
                positions,
                unlisted: Vec::new(),
            }
        });
        let unlisted = self.unlisted.chunks(PART_PARTITIONS);
        let unlisted = unlisted.map(|chunk| Self {
            unlisted: chunk.to_vec(),
            ..Self::default()
        });
        listed.chain(unlisted).collect()
    }
}

impl Ack {
    /// The messages that say the same with at most so many partitions in each.
    pub fn split(self, partitions_max: usize) -> impl Iterator<Item = ClientMessage> {
        let mut rest = self.offsets;
        let mut is_first = true;
        core::iter::from_fn(move || {
            if rest.is_empty() && !core::mem::take(&mut is_first) {
                return None;
            }
            is_first = false;
            let after = rest.keys().nth(partitions_max).copied();
            let after = after.map(|partition| rest.split_off(&partition));
            let offsets = core::mem::replace(&mut rest, after.unwrap_or_default());
            Some(ClientMessage::Ack(Self {
                bytes: self.bytes,
                offsets,
            }))
        })
    }
}

impl RelayMessage {
    /// Its text.
    #[must_use]
    pub fn to_text(&self) -> String {
        text_of(self)
    }

    /// Its text, or the texts of its parts and then of what is left. A list of partitions found while
    /// connected is simply sent as several.
    #[must_use]
    pub fn to_texts(self) -> Vec<String> {
        let text = self.to_text();
        if text.len() <= CONTROL_BYTES_MAX {
            return [text].into();
        }
        self.split().iter().map(Self::to_text).collect()
    }

    /// What has no maps is one message all the same.
    fn split(mut self) -> Vec<Self> {
        if let Self::Partitions { partitions } = &self {
            let several = chunks(partitions);
            return several
                .map(|partitions| Self::Partitions { partitions })
                .collect();
        }
        let split = self.take_parts();
        if let Self::Welcome(Welcome { parts, .. })
        | Self::Resumed { parts, .. }
        | Self::ReplayComplete { parts, .. } = &mut self
        {
            *parts = split.len() as u64;
        }
        split.into_iter().map(Self::Part).chain([self]).collect()
    }

    /// Takes the maps out of a message, in parts.
    fn take_parts(&mut self) -> Vec<RelayPart> {
        let part = |of: &str| RelayPart {
            of: of.into(),
            ..RelayPart::default()
        };
        if let Self::Welcome(welcome) = self {
            let partitions = core::mem::take(&mut welcome.partitions);
            let parts = chunks(&partitions).map(|partitions| RelayPart {
                partitions,
                ..part(control::WELCOME)
            });
            return parts.collect();
        }
        if let Self::Resumed {
            heads, positions, ..
        } = self
        {
            let (heads, positions) = (core::mem::take(heads), core::mem::take(positions));
            let parts = chunks(&positions).map(|positions| RelayPart {
                heads: within(&heads, &positions),
                positions,
                ..part(control::RESUMED)
            });
            return parts.collect();
        }
        if let Self::ReplayComplete {
            last_offsets_by_partition,
            blocked,
            ..
        } = self
        {
            let offsets = core::mem::take(last_offsets_by_partition);
            let blocked = core::mem::take(blocked);
            let offsets = chunks(&offsets).map(|last_offsets_by_partition| RelayPart {
                last_offsets_by_partition,
                ..part(control::REPLAY_COMPLETE)
            });
            let blocked = blocked.chunks(PART_PARTITIONS).map(|blocked| RelayPart {
                blocked: blocked.to_vec(),
                ..part(control::REPLAY_COMPLETE)
            });
            return offsets.chain(blocked).collect();
        }
        Vec::new()
    }
}

fn chunks<T: Copy>(map: &ByPartition<T>) -> impl Iterator<Item = ByPartition<T>> + use<T> {
    let entries: Vec<_> = map.iter().map(|(p, value)| (*p, *value)).collect();
    let chunks: Vec<_> = entries
        .chunks(PART_PARTITIONS)
        .map(|chunk| by_partition(chunk.iter().copied()))
        .collect();
    chunks.into_iter()
}

/// The entries of the partitions that another map has.
fn within(map: &ByPartition, other: &ByPartition) -> ByPartition {
    let of = |p: &Partition| Some((*p, *map.get(p)?));
    by_partition(other.keys().filter_map(of))
}

/// A message of a client, written field by field: a library's writer would be compiled for each message, and the
/// browser has to fetch what is compiled.
struct Writer(String);

impl Writer {
    fn new(name: &str) -> Self {
        let mut message = Self("{".into());
        message.text("type", name);
        message
    }

    fn done(mut self) -> String {
        self.end();
        self.0
    }

    fn name(&mut self, name: &dyn Display) {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        let _ = write!(self.0, "\"{name}\":");
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(&name);
        push_text(&mut self.0, text);
    }

    fn number(&mut self, name: &str, number: u64) {
        self.name(&name);
        let _ = write!(self.0, "{number}");
    }

    /// A number of 64 bits, which JSON's readers would round.
    fn decimal(&mut self, name: &dyn Display, number: &dyn Display) {
        self.name(name);
        let _ = write!(self.0, "\"{number}\"");
    }

    fn positions(&mut self, name: &str, positions: &ByPartition) {
        self.begin(&name);
        for (partition, position) in positions {
            self.decimal(&partition.0, &position.0);
        }
        self.end();
    }

    fn fingerprint(&mut self, record: &Fingerprint) {
        self.decimal(&"offset", &record.offset);
        self.decimal(&"timestampMs", &record.timestamp_ms);
    }

    fn begin(&mut self, name: &dyn Display) {
        self.name(name);
        self.0.push('{');
    }

    fn end(&mut self) {
        self.0.push('}');
    }
}
