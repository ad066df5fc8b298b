//! Messages of the relay.

use alloc::string::String;
use alloc::vec::Vec;

use decode_core::wire::control;
use serde::Serialize;

use super::error::ControlError;
use super::fields::{Fields, Unreadable};
use super::{ByPartition, Decimal, is_zero};

/// What a partition holds, as `welcome` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Oldest position held.
    pub earliest: Decimal,
    /// The end: Kafka's as last heard, or the log's if that is further.
    pub head: Decimal,
}

/// Limits both sides must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    pub notice: String,
    /// Credit window in bytes.
    pub window_bytes: u64,
    /// Largest payload in bytes, without the frame byte.
    pub payload_bytes_max: u64,
    /// Further limits.
    pub limits: WireLimits,
    /// What each partition holds, but for those that went before in parts.
    pub partitions: ByPartition<Span>,
    /// How many parts went before.
    #[serde(skip_serializing_if = "is_zero")]
    pub parts: u64,
}

/// Part of a message whose maps by partition do not fit into one. It goes before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayPart {
    /// The type of the message it is part of; of its fields there are those of that message.
    pub of: String,
    /// Of `welcome`.
    #[serde(skip_serializing_if = "ByPartition::is_empty")]
    pub partitions: ByPartition<Span>,
    /// Of `resumed`.
    #[serde(skip_serializing_if = "ByPartition::is_empty")]
    pub heads: ByPartition,
    /// Of `resumed`.
    #[serde(skip_serializing_if = "ByPartition::is_empty")]
    pub positions: ByPartition,
    /// Of `replay_complete`.
    #[serde(skip_serializing_if = "ByPartition::is_empty")]
    pub last_offsets_by_partition: ByPartition,
    /// Of `replay_complete`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<u32>,
}

/// One partition's first position, as `partitions` announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Start {
    /// First position that will be served.
    pub position: Decimal,
}

/// A message of the relay.
///
/// Its `type` texts come from the variant names; the test `relay_types_are_those_of_wire` holds
/// them to `wire::control`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
        /// How many parts went before.
        #[serde(skip_serializing_if = "is_zero")]
        parts: u64,
    },
    /// Part of a message that follows.
    Part(RelayPart),
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
        /// Partitions of the topic that the relay cannot serve yet; the first
        /// [`crate::limits::MISSING_NAMED_MAX`] of them.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        missing: Vec<u32>,
        /// How many parts went before.
        #[serde(skip_serializing_if = "is_zero")]
        parts: u64,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayText {
    /// One of [`decode_core::wire::ErrorCode`].
    pub code: String,
    /// An English text.
    pub message: String,
    /// Partitions that are the trouble.
    pub invalid_partitions: Vec<String>,
    /// Offsets that are the trouble.
    pub invalid_offsets: Vec<String>,
}

impl RelayMessage {
    /// The refusal of a client's message.
    #[must_use]
    pub fn refusal(error: &ControlError) -> Self {
        let text = RelayText {
            code: error.code.code().into(),
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
/// # Errors
/// Text that is no message of the protocol.
pub fn parse_relay(text: &str) -> Result<Option<RelayMessage>, Unreadable> {
    let fields = Fields::parse(text)?;
    let message = match fields.text("type")?.as_str() {
        control::WELCOME => RelayMessage::Welcome(welcome(&fields)?),
        control::PONG => RelayMessage::Pong,
        control::RESUME_ERROR => RelayMessage::ResumeError(relay_text(&fields)?),
        control::ERROR => RelayMessage::Error(relay_text(&fields)?),
        control::RESUMED => RelayMessage::Resumed {
            heads: fields.decimals("heads")?,
            positions: fields.decimals("positions")?,
            parts: fields.u64_or_zero("parts")?,
        },
        control::PART => RelayMessage::Part(RelayPart {
            of: fields.text("of")?,
            partitions: fields.objects_or_none("partitions", span)?,
            heads: fields.decimals_or_none("heads")?,
            positions: fields.decimals_or_none("positions")?,
            last_offsets_by_partition: fields.decimals_or_none("lastOffsetsByPartition")?,
            blocked: fields.u32s("blocked")?,
        }),
        control::REPLAY_PROGRESS => RelayMessage::ReplayProgress {
            sent: fields.decimal("sent")?,
            estimated_total: fields.decimal("estimatedTotal")?,
        },
        control::REPLAY_COMPLETE => RelayMessage::ReplayComplete {
            mode: fields.text("mode")?,
            total_replayed: fields.decimal("totalReplayed")?,
            last_offsets_by_partition: fields.decimals("lastOffsetsByPartition")?,
            blocked: fields.u32s("blocked")?,
            missing: fields.u32s("missing")?,
            parts: fields.u64_or_zero("parts")?,
        },
        control::CURSOR_STALE => RelayMessage::CursorStale {
            partition: fields.u32("partition")?,
            requested: fields.decimal("requested")?,
            oldest: fields.decimal("oldest")?,
        },
        control::TOPIC_RESET => RelayMessage::TopicReset {
            partition: fields.u32("partition")?,
            requested: fields.decimal("requested")?,
            position: fields.decimal("position")?,
        },
        control::PARTITIONS => RelayMessage::Partitions {
            partitions: fields.objects("partitions", |start| {
                let position = start.decimal("position")?;
                Ok(Start { position })
            })?,
        },
        control::SCHEMA_STATUS => RelayMessage::SchemaStatus {
            partition: fields.u32("partition")?,
            state: fields.text("state")?,
            version: fields.u32("version")?,
            count: fields.decimal("count")?,
        },
        control::GOING_AWAY => RelayMessage::GoingAway {
            reason: fields.text("reason")?,
            retry_after_ms: fields.u64("retryAfterMs")?,
        },
        _ => return Ok(None),
    };
    Ok(Some(message))
}

fn welcome(fields: &Fields<'_>) -> Result<Welcome, Unreadable> {
    let limits = fields.object("limits")?;
    Ok(Welcome {
        protocol: fields.u32("protocol")?,
        relay_version: fields.text("relayVersion")?,
        namespace: fields.text("namespace")?,
        topic: fields.text("topic")?,
        schema_version: fields.u32("schemaVersion")?,
        mode: fields.text("mode")?,
        notice: fields.text_or_empty("notice")?,
        window_bytes: fields.u64("windowBytes")?,
        payload_bytes_max: fields.u64("payloadBytesMax")?,
        limits: WireLimits {
            control_bytes_max: limits.u64("controlBytesMax")?,
            resume_partitions_max: limits.u64("resumePartitionsMax")?,
            resume_deadline_ms: limits.u64("resumeDeadlineMs")?,
            ack_stall_ms_max: limits.u64("ackStallMsMax")?,
        },
        partitions: fields.objects("partitions", span)?,
        parts: fields.u64_or_zero("parts")?,
    })
}

fn span(span: &Fields<'_>) -> Result<Span, Unreadable> {
    Ok(Span {
        earliest: span.decimal("earliest")?,
        head: span.decimal("head")?,
    })
}

fn relay_text(fields: &Fields<'_>) -> Result<RelayText, Unreadable> {
    Ok(RelayText {
        code: fields.text("code")?,
        message: fields.text("message")?,
        invalid_partitions: fields.texts("invalidPartitions")?,
        invalid_offsets: fields.texts("invalidOffsets")?,
    })
}
