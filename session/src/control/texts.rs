//! The texts of the messages: what a client or a relay sends, split over several where one could not hold it.
//!
//! A message holds at most [`CONTROL_BYTES_MAX`]. Where its maps by partition do not fit, they go before it in
//! parts of [`PART_PARTITIONS`] partitions each, and the message itself, without them, says how many went.

use alloc::string::String;
use alloc::vec::Vec;

use decode_core::wire::{CONTROL_BYTES_MAX, PROTOCOL_VERSION, control};
use serde::{Serialize, Serializer};

use super::client::{Ack, ClientMessage, Resume};
use super::cursors::{Cursors, Unlisted};
use super::relay::{RelayMessage, RelayPart, Welcome};
use super::{ByPartition, Decimal, Fingerprint, Partition, by_partition, is_zero, text_of};

/// Partitions in one part: with the longest numbers there are, a part of any message stays within the limit.
pub const PART_PARTITIONS: usize = 256;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text<'a, B: Serialize> {
    r#type: &'a str,
    #[serde(flatten)]
    body: B,
}

#[derive(Serialize)]
struct ResumeBody<'a> {
    protocol: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    from: &'a str,
    #[serde(flatten)]
    cursors: CursorsBody<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    parts: u64,
}

#[derive(Serialize)]
struct PartBody<'a> {
    of: &'a str,
    #[serde(flatten)]
    cursors: CursorsBody<'a>,
}

#[derive(Serialize)]
struct CursorsBody<'a> {
    positions: &'a ByPartition,
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "as_map")]
    fingerprints: &'a [(Partition, Fingerprint)],
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "unlisted")]
    unlisted: &'a [(Partition, Unlisted)],
}

#[derive(Serialize)]
struct AckBody<'a> {
    bytes: Decimal,
    offsets: &'a ByPartition,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportBody {
    apply_lag_ms: Decimal,
    backlog_frames: Decimal,
    rejects: Decimal,
}

#[derive(Serialize)]
struct Nothing {}

impl ClientMessage {
    /// Its text. Of a `resume` that may be long, use [`Resume::to_texts`].
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Resume(resume) => resume.text(),
            Self::Part(cursors) => text_of(&Text {
                r#type: control::PART,
                body: PartBody {
                    of: control::RESUME,
                    cursors: cursors.body(),
                },
            }),
            Self::Ack(m) => text_of(&Text {
                r#type: control::ACK,
                body: AckBody {
                    bytes: Decimal(m.bytes),
                    offsets: &m.offsets,
                },
            }),
            Self::Ping => text_of(&Text {
                r#type: control::PING,
                body: Nothing {},
            }),
            Self::Report(m) => text_of(&Text {
                r#type: control::REPORT,
                body: ReportBody {
                    apply_lag_ms: Decimal(m.apply_lag_ms),
                    backlog_frames: Decimal(m.backlog_frames),
                    rejects: Decimal(m.rejects),
                },
            }),
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
        text_of(&Text {
            r#type: control::RESUME,
            body: ResumeBody {
                protocol: PROTOCOL_VERSION,
                namespace: self.namespace.as_deref(),
                from: self.from.name(),
                cursors: self.cursors.body(),
                parts: self.parts,
            },
        })
    }
}

impl Cursors {
    fn body(&self) -> CursorsBody<'_> {
        CursorsBody {
            positions: &self.positions,
            fingerprints: &self.fingerprints,
            unlisted: &self.unlisted,
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

fn as_map<S: Serializer>(
    entries: &[(Partition, Fingerprint)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().copied())
}

fn unlisted<S: Serializer>(
    entries: &[(Partition, Unlisted)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Entry {
        position: Decimal,
        #[serde(flatten)]
        last: Option<Fingerprint>,
    }
    serializer.collect_map(entries.iter().map(|(partition, cursor)| {
        let entry = Entry {
            position: Decimal(cursor.position),
            last: cursor.last,
        };
        (*partition, entry)
    }))
}
