//! Messages of a client: strict parsing, and the texts the client machine sends.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use decode_core::wire::{
    CONTROL_BYTES_MAX, ErrorCode, PROTOCOL_VERSION, RESUME_PARTITIONS_MAX, control, from,
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{ByPartition, Decimal, Fingerprint, Partition, digits, strict, text_of};

/// Where a connection starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// After what the client has; unlisted partitions from where the log began them.
    Cursor,
    /// From the earliest held.
    Earliest,
    /// Only what comes from now on.
    Latest,
}

impl From {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cursor => from::CURSOR,
            Self::Earliest => from::EARLIEST,
            Self::Latest => from::LATEST,
        }
    }
}

/// `resume`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The topic and cluster the cursors are of.
    pub namespace: Option<String>,
    /// Where to start.
    pub from: From,
    /// Next position wanted, by partition.
    pub positions: ByPartition,
    /// The last record disposed of before that position, one a partition, ascending. A list, because a
    /// map of its own would cost the browser's module more than all else about fingerprints.
    pub fingerprints: Vec<(Partition, Fingerprint)>,
}

impl Resume {
    /// The last record disposed of in a partition, if it was said.
    #[must_use]
    pub fn fingerprint(&self, partition: Partition) -> Option<Fingerprint> {
        let said = &self.fingerprints;
        let at = said.binary_search_by_key(&partition, |(partition, _)| *partition);
        at.ok()
            .and_then(|at| said.get(at))
            .map(|(_, record)| *record)
    }
}

/// `ack`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Bytes of data frames disposed of since the connection began.
    pub bytes: u64,
    /// Last offset disposed of, by partition.
    pub offsets: ByPartition,
}

/// `report`: a client's own figures. Absent ones are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Longest that something received had to wait until it was disposed of, lately, in ms.
    pub apply_lag_ms: u64,
    /// Frames received and not disposed of.
    pub backlog_frames: u64,
    /// Records of this connection that the client could not decode.
    pub rejects: u64,
}

/// A message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Where to start.
    Resume(Resume),
    /// Bytes disposed of.
    Ack(Ack),
    /// Are you there?
    Ping,
    /// The client's own figures.
    Report(Report),
}

impl ClientMessage {
    /// Its text.
    #[must_use]
    pub fn to_text(&self) -> String {
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
            positions: &'a ByPartition,
            #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "as_map")]
            fingerprints: &'a [(Partition, Fingerprint)],
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
        match self {
            Self::Resume(m) => text_of(&Text {
                r#type: control::RESUME,
                body: ResumeBody {
                    protocol: PROTOCOL_VERSION,
                    namespace: m.namespace.as_deref(),
                    from: m.from.name(),
                    positions: &m.positions,
                    fingerprints: &m.fingerprints,
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

fn as_map<S: Serializer>(
    entries: &[(Partition, Fingerprint)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().copied())
}

/// Why a client's message is refused. Nothing of it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlError {
    /// One of [`ErrorCode`].
    pub code: ErrorCode,
    /// An English text.
    pub message: String,
    /// Partitions that are the trouble, as sent (at most [`LISTED_MAX`]).
    pub invalid_partitions: Vec<String>,
    /// Offsets that are the trouble, as sent (at most [`LISTED_MAX`]).
    pub invalid_offsets: Vec<String>,
    /// Whether the refused message was a `resume`.
    pub of_resume: bool,
}

impl ControlError {
    pub(crate) fn new(code: ErrorCode, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            invalid_partitions: Vec::new(),
            invalid_offsets: Vec::new(),
            of_resume: false,
        }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl core::error::Error for ControlError {}

/// Reads a client's message.
///
/// # Errors
/// A [`ControlError`] naming what is wrong; every bad partition and offset is listed, up to a bound.
pub fn parse_client(text: &str) -> Result<ClientMessage, ControlError> {
    if text.len() > CONTROL_BYTES_MAX {
        return Err(ControlError::new(
            ErrorCode::TooLarge,
            "control message too large",
        ));
    }
    let read = strict::read(text).map_err(|e| ControlError::new(ErrorCode::InvalidJson, e))?;
    let Value::Object(object) = read.value else {
        return Err(ControlError::new(ErrorCode::InvalidJson, "not an object"));
    };
    let name = object.get("type").and_then(Value::as_str);
    let parsed = match read.repeated {
        Some(key) => {
            let text = format!("{:?} appears twice", shown(&key));
            Err(ControlError::new(ErrorCode::InvalidJson, text))
        }
        None => message(name, &object),
    };
    parsed.map_err(|e| ControlError {
        of_resume: name == Some(control::RESUME),
        ..e
    })
}

fn message(name: Option<&str>, object: &Map<String, Value>) -> Result<ClientMessage, ControlError> {
    match name {
        Some(control::RESUME) => resume(object).map(ClientMessage::Resume),
        Some(control::ACK) => ack(object).map(ClientMessage::Ack),
        Some(control::PING) => Ok(ClientMessage::Ping),
        Some(control::REPORT) => report(object).map(ClientMessage::Report),
        Some(other) => Err(ControlError::new(
            ErrorCode::UnknownType,
            format!("unknown type {:?}", shown(other)),
        )),
        None => Err(ControlError::new(ErrorCode::UnknownType, "no type")),
    }
}

fn resume(object: &Map<String, Value>) -> Result<Resume, ControlError> {
    if object.get("protocol").and_then(Value::as_u64) != Some(u64::from(PROTOCOL_VERSION)) {
        let text = format!("this relay speaks protocol {PROTOCOL_VERSION}");
        return Err(ControlError::new(ErrorCode::UnsupportedProtocol, text));
    }
    if object.contains_key("scope") {
        let text = "scope needs the delivery tiers";
        return Err(ControlError::new(ErrorCode::Unsupported, text));
    }
    let from = match object.get("from").and_then(Value::as_str) {
        Some(from::CURSOR) => From::Cursor,
        Some(from::EARLIEST) => From::Earliest,
        Some(from::LATEST) => From::Latest,
        Some(from::ACTIVE) => {
            let text = "from \"active\" needs the delivery tiers";
            return Err(ControlError::new(ErrorCode::Unsupported, text));
        }
        _ => {
            return Err(ControlError::new(
                ErrorCode::UnknownFrom,
                "unknown or missing from",
            ));
        }
    };
    let namespace = match object.get("namespace") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            return Err(ControlError::new(
                ErrorCode::InvalidJson,
                "namespace is not a string",
            ));
        }
    };
    let positions = positions(object)?;
    let fingerprints = fingerprints(object, &positions)?;
    Ok(Resume {
        namespace,
        from,
        positions,
        fingerprints,
    })
}

/// The two maps in which positions may be said, as one.
fn positions(object: &Map<String, Value>) -> Result<ByPartition, ControlError> {
    let mut positions = by_partition(object, "positions", offset)?;
    for (partition, last) in by_partition(object, "lastOffsetsByPartition", offset)? {
        let Some(next) = last.0.checked_add(1) else {
            let mut error = ControlError::new(
                ErrorCode::InvalidOffset,
                "the last offset 2^64 - 1 has no next offset",
            );
            error.invalid_offsets.push(last.0.to_string());
            return Err(error);
        };
        if positions.insert(partition, Decimal(next)).is_some() {
            let text = "a partition is in both positions and lastOffsetsByPartition";
            let mut error = ControlError::new(ErrorCode::InvalidPartition, text);
            error.invalid_partitions.push(partition.0.to_string());
            return Err(error);
        }
    }
    if positions.len() > RESUME_PARTITIONS_MAX {
        let text = format!("at most {RESUME_PARTITIONS_MAX} partitions");
        return Err(ControlError::new(ErrorCode::TooManyPartitions, text));
    }
    Ok(positions)
}

/// Each is of a record before the position that it belongs to.
fn fingerprints(
    object: &Map<String, Value>,
    positions: &ByPartition,
) -> Result<Vec<(Partition, Fingerprint)>, ControlError> {
    let read = |value: &Value| {
        let record = Fingerprint {
            offset: value.get("offset").and_then(number)?,
            timestamp_ms: value.get("timestampMs").and_then(signed)?,
        };
        Some(record)
    };
    let entry = |value: &Value| read(value).ok_or(ErrorCode::InvalidFingerprint);
    let fingerprints = by_partition(object, "fingerprints", entry)?;
    let misplaced = fingerprints.iter().filter(|(partition, record)| {
        let position = positions.get(partition);
        position.is_none_or(|position| record.offset >= position.0)
    });
    let misplaced = misplaced.map(|(partition, _)| partition.0.to_string());
    let invalid_partitions: Vec<_> = misplaced.take(LISTED_MAX).collect();
    if invalid_partitions.is_empty() {
        return Ok(fingerprints.into_iter().collect());
    }
    let text = "a fingerprint must be of a record before its partition's position";
    Err(ControlError {
        invalid_partitions,
        ..ControlError::new(ErrorCode::InvalidFingerprint, text)
    })
}

fn ack(object: &Map<String, Value>) -> Result<Ack, ControlError> {
    let Some(bytes) = object.get("bytes").and_then(number) else {
        return Err(ControlError::new(
            ErrorCode::InvalidAck,
            "bytes is not an unsigned integer",
        ));
    };
    Ok(Ack {
        bytes,
        offsets: by_partition(object, "offsets", offset)?,
    })
}

fn report(object: &Map<String, Value>) -> Result<Report, ControlError> {
    let field = |name: &str| match object.get(name) {
        None => Ok(0),
        Some(value) => number(value).ok_or_else(|| {
            ControlError::new(
                ErrorCode::InvalidJson,
                format!("{name} is not an unsigned integer"),
            )
        }),
    };
    Ok(Report {
        apply_lag_ms: field("applyLagMs")?,
        backlog_frames: field("backlogFrames")?,
        rejects: field("rejects")?,
    })
}

/// A map by partition; everything wrong in it is listed in one error. What is wrong with a value is a
/// code.
fn by_partition<T>(
    object: &Map<String, Value>,
    name: &str,
    read: impl Fn(&Value) -> Result<T, ErrorCode>,
) -> Result<ByPartition<T>, ControlError> {
    let mut good = ByPartition::new();
    let map = match object.get(name) {
        None => return Ok(good),
        Some(Value::Object(map)) => map,
        Some(_) => {
            return Err(ControlError::new(
                ErrorCode::InvalidJson,
                format!("{name} is not an object"),
            ));
        }
    };
    if map.len() > RESUME_PARTITIONS_MAX {
        let text = format!("at most {RESUME_PARTITIONS_MAX} partitions");
        return Err(ControlError::new(ErrorCode::TooManyPartitions, text));
    }
    let mut error: Option<ControlError> = None;
    for (key, value) in map {
        let partition = digits(key).and_then(|n| u32::try_from(n).ok());
        let code = match (partition, read(value)) {
            (Some(partition), Ok(value)) => {
                good.insert(Partition(partition), value);
                continue;
            }
            (Some(_), Err(code)) => code,
            (None, _) => ErrorCode::InvalidPartition,
        };
        let error =
            error.get_or_insert_with(|| ControlError::new(code, format!("bad entry in {name}")));
        let (list, text) = if partition.is_none() {
            (&mut error.invalid_partitions, key.clone())
        } else {
            (&mut error.invalid_offsets, value.to_string())
        };
        if list.len() < LISTED_MAX {
            list.push(shown(&text));
        }
    }
    error.map_or(Ok(good), Err)
}

fn offset(value: &Value) -> Result<Decimal, ErrorCode> {
    let number = number(value).ok_or(ErrorCode::InvalidOffset)?;
    Ok(Decimal(number))
}

/// An unsigned integer, as decimal text or as a number that is exact.
fn number(value: &Value) -> Option<u64> {
    match value.as_str() {
        Some(text) => digits(text),
        None => value.as_u64(),
    }
}

/// The same with a sign where it is below zero.
fn signed(value: &Value) -> Option<i64> {
    let Value::String(text) = value else {
        return value.as_i64();
    };
    match text.strip_prefix('-') {
        Some(text) => 0_i64.checked_sub_unsigned(digits(text).filter(|&n| n > 0)?),
        None => digits(text)?.try_into().ok(),
    }
}

/// The beginning of a client's text, to be repeated to it.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// Bad entries listed in one error.
pub const LISTED_MAX: usize = 16;
/// Characters of a client's text repeated to it.
const SHOWN_CHARS_MAX: usize = 64;
