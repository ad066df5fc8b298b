//! Messages of the relay.

use alloc::string::String;
use alloc::vec::Vec;

use decode_core::wire::control;
use serde::{Deserialize, Serialize};

use super::{ByPartition, ControlError, Decimal, text_of};

/// What a partition holds, as `welcome` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Oldest position held.
    pub earliest: Decimal,
    /// The end: Kafka's as last heard, or the log's if that is further.
    pub head: Decimal,
}

/// Limits both sides must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireLimits {
    /// Largest control message in bytes.
    pub control_bytes_max: u64,
    /// Most partitions in one `resume`.
    pub resume_partitions_max: u64,
    /// Longest wait for `resume`.
    pub resume_deadline_ms: u64,
    /// Longest wait for an `ack` while data is held back.
    pub ack_stall_ms_max: u64,
}

/// `welcome`: the first message of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// Protocol version.
    pub protocol: u32,
    /// Version of the relay.
    pub relay_version: String,
    /// What cursors belong to.
    pub namespace: String,
    /// Kafka topic.
    pub topic: String,
    /// Newest schema version the relay knows.
    pub schema_version: u32,
    /// Which payloads it accepts.
    pub mode: String,
    /// Text to show to people, or empty.
    #[serde(default)]
    pub notice: String,
    /// Credit window in bytes.
    pub window_bytes: u64,
    /// Largest payload in bytes, without the frame byte.
    pub payload_bytes_max: u64,
    /// Further limits.
    pub limits: WireLimits,
    /// What each partition holds.
    pub partitions: ByPartition<Span>,
}

/// One partition's first position, as `partitions` announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// First position that will be served.
    pub position: Decimal,
}

/// A message of the relay.
///
/// Its `type` texts come from the variant names; the test `relay_types_are_those_of_wire` holds
/// them to `wire::control`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum RelayMessage {
    /// The first message of a connection.
    Welcome(Welcome),
    /// The answer to `resume`.
    Resumed {
        /// Where the replay ends, by partition.
        heads: ByPartition,
        /// First position that will be served, by partition.
        positions: ByPartition,
    },
    /// How far the replay is.
    ReplayProgress {
        /// Frames sent.
        sent: Decimal,
        /// Frames estimated in all.
        estimated_total: Decimal,
    },
    /// Every fixed head was passed.
    ReplayComplete {
        /// The `from` of the resume.
        mode: String,
        /// Frames sent.
        total_replayed: Decimal,
        /// Last offset passed, by partition.
        last_offsets_by_partition: ByPartition,
        /// Partitions that are paused and so not passed.
        blocked: Vec<u32>,
    },
    /// The answer to `ping`.
    Pong,
    /// A cursor is older than what is held; a gap frame follows.
    CursorStale {
        /// Partition.
        partition: u32,
        /// Position asked for.
        requested: Decimal,
        /// Oldest position held.
        oldest: Decimal,
    },
    /// A cursor points beyond the topic's end: the topic started over.
    TopicReset {
        /// Partition.
        partition: u32,
        /// Position asked for.
        requested: Decimal,
        /// Position served instead.
        position: Decimal,
    },
    /// Partitions found while connected.
    Partitions {
        /// Where each starts.
        partitions: ByPartition<Start>,
    },
    /// Schema versions seen.
    SchemaStatus {
        /// Partition.
        partition: u32,
        /// `ok` or `newer`.
        state: String,
        /// Highest version seen.
        version: u32,
        /// Records of newer versions.
        count: Decimal,
    },
    /// The relay shuts down.
    GoingAway {
        /// Why.
        reason: String,
        /// When to come back.
        retry_after_ms: u64,
    },
    /// The `resume` was refused whole.
    ResumeError(RelayText),
    /// Another message was refused.
    Error(RelayText),
}

/// A refusal as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayText {
    /// One of `wire::error_code`.
    pub code: String,
    /// An English text.
    pub message: String,
    /// Partitions that are the trouble.
    #[serde(default)]
    pub invalid_partitions: Vec<String>,
    /// Offsets that are the trouble.
    #[serde(default)]
    pub invalid_offsets: Vec<String>,
}

impl RelayMessage {
    /// Its text.
    #[must_use]
    pub fn to_text(&self) -> String {
        text_of(self)
    }

    /// The refusal of a client's message.
    #[must_use]
    pub fn refusal(error: &ControlError) -> Self {
        let text = RelayText {
            code: error.code.into(),
            message: error.message.clone(),
            invalid_partitions: error.invalid_partitions.clone(),
            invalid_offsets: error.invalid_offsets.clone(),
        };
        if error.of_resume {
            Self::ResumeError(text)
        } else {
            Self::Error(text)
        }
    }
}

/// Reads a relay's message: `Ok(None)` for a type this build does not know.
///
/// Each type is read by itself: reading a tagged enum would build the object once more in between,
/// which in the browser is a tenth of the whole module.
///
/// # Errors
/// Text that is no message of the protocol.
pub fn parse_relay(text: &str) -> Result<Option<RelayMessage>, serde_json::Error> {
    let Head { r#type } = serde_json::from_str(text)?;
    let message = match r#type.as_str() {
        control::WELCOME => RelayMessage::Welcome(serde_json::from_str(text)?),
        control::PONG => RelayMessage::Pong,
        control::RESUME_ERROR => RelayMessage::ResumeError(serde_json::from_str(text)?),
        control::ERROR => RelayMessage::Error(serde_json::from_str(text)?),
        kind if TYPES.contains(&kind) => {
            let fields: Fields = serde_json::from_str(text)?;
            return fields.message(kind).map(Some);
        }
        _ => return Ok(None),
    };
    Ok(Some(message))
}

#[derive(Deserialize)]
struct Head {
    r#type: String,
}

/// The fields of every small message; each takes those it needs and misses those that are not there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    heads: Option<ByPartition>,
    positions: Option<ByPartition>,
    sent: Option<Decimal>,
    estimated_total: Option<Decimal>,
    mode: Option<String>,
    total_replayed: Option<Decimal>,
    last_offsets_by_partition: Option<ByPartition>,
    #[serde(default)]
    blocked: Vec<u32>,
    partition: Option<u32>,
    requested: Option<Decimal>,
    oldest: Option<Decimal>,
    position: Option<Decimal>,
    partitions: Option<ByPartition<Start>>,
    state: Option<String>,
    version: Option<u32>,
    count: Option<Decimal>,
    reason: Option<String>,
    retry_after_ms: Option<u64>,
}

impl Fields {
    fn message(self, kind: &str) -> Result<RelayMessage, serde_json::Error> {
        Ok(match kind {
            control::RESUMED => RelayMessage::Resumed {
                heads: need(self.heads, "heads")?,
                positions: need(self.positions, "positions")?,
            },
            control::REPLAY_PROGRESS => RelayMessage::ReplayProgress {
                sent: need(self.sent, "sent")?,
                estimated_total: need(self.estimated_total, "estimatedTotal")?,
            },
            control::REPLAY_COMPLETE => RelayMessage::ReplayComplete {
                mode: need(self.mode, "mode")?,
                total_replayed: need(self.total_replayed, "totalReplayed")?,
                last_offsets_by_partition: need(
                    self.last_offsets_by_partition,
                    "lastOffsetsByPartition",
                )?,
                blocked: self.blocked,
            },
            control::CURSOR_STALE => RelayMessage::CursorStale {
                partition: need(self.partition, "partition")?,
                requested: need(self.requested, "requested")?,
                oldest: need(self.oldest, "oldest")?,
            },
            control::TOPIC_RESET => RelayMessage::TopicReset {
                partition: need(self.partition, "partition")?,
                requested: need(self.requested, "requested")?,
                position: need(self.position, "position")?,
            },
            control::PARTITIONS => RelayMessage::Partitions {
                partitions: need(self.partitions, "partitions")?,
            },
            control::SCHEMA_STATUS => RelayMessage::SchemaStatus {
                partition: need(self.partition, "partition")?,
                state: need(self.state, "state")?,
                version: need(self.version, "version")?,
                count: need(self.count, "count")?,
            },
            _ => RelayMessage::GoingAway {
                reason: need(self.reason, "reason")?,
                retry_after_ms: need(self.retry_after_ms, "retryAfterMs")?,
            },
        })
    }
}

fn need<T>(field: Option<T>, name: &'static str) -> Result<T, serde_json::Error> {
    field.ok_or_else(|| serde::de::Error::missing_field(name))
}

/// Every type a relay sends.
pub(crate) const TYPES: [&str; 12] = [
    control::WELCOME,
    control::RESUMED,
    control::REPLAY_PROGRESS,
    control::REPLAY_COMPLETE,
    control::PONG,
    control::CURSOR_STALE,
    control::TOPIC_RESET,
    control::PARTITIONS,
    control::SCHEMA_STATUS,
    control::GOING_AWAY,
    control::RESUME_ERROR,
    control::ERROR,
];
