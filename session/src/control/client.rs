//! Messages of a client, and their strict parsing.

use alloc::format;
use alloc::string::String;

use decode_core::wire::{
    CONTROL_BYTES_MAX, ErrorCode, PROTOCOL_VERSION, RESUME_PARTITIONS_MAX, control, from,
};
use serde_json::{Map, Value};

use super::cursors::{Cursors, by_partition, cursors, number, offset};
use super::error::{ControlError, shown};
use super::{ByPartition, strict};

/// Where a connection starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// After what the client has; a partition that it does not name from where the log began it.
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
    /// The cursors, or the last of them where parts went before.
    pub cursors: Cursors,
    /// How many parts went before.
    pub parts: u64,
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
    /// Cursors of a `resume` that follows.
    Part(Cursors),
    /// Bytes disposed of.
    Ack(Ack),
    /// Are you there?
    Ping,
    /// The client's own figures.
    Report(Report),
}

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
        of_resume: matches!(name, Some(control::RESUME | control::PART)),
        ..e
    })
}

fn message(name: Option<&str>, object: &Map<String, Value>) -> Result<ClientMessage, ControlError> {
    match name {
        Some(control::RESUME) => resume(object).map(ClientMessage::Resume),
        Some(control::PART) => part(object).map(ClientMessage::Part),
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
    let parts = match object.get("parts") {
        None => 0,
        Some(value) => number(value).ok_or_else(|| {
            ControlError::new(ErrorCode::InvalidJson, "parts is not an unsigned integer")
        })?,
    };
    Ok(Resume {
        namespace,
        from,
        cursors: cursors(object)?,
        parts,
    })
}

fn part(object: &Map<String, Value>) -> Result<Cursors, ControlError> {
    if object.get("of").and_then(Value::as_str) != Some(control::RESUME) {
        let text = "only a resume has parts";
        return Err(ControlError::new(ErrorCode::Unsupported, text));
    }
    cursors(object)
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
        offsets: by_partition(object, "offsets", RESUME_PARTITIONS_MAX, offset)?,
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
