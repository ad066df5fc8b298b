//! The cursors of a `resume`: maps by partition, read strictly.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use decode_core::wire::{ErrorCode, RESUME_PARTITIONS_MAX, UNLISTED_PARTITIONS_MAX};
use serde_json::{Map, Value};

use super::error::ControlError;
use super::{ByPartition, Decimal, Fingerprint, Partition, digits};

/// Where a client is in each partition, as a `resume` or a part of one says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursors {
    /// Next position wanted, by partition.
    pub positions: ByPartition,
    /// The last record disposed of before that position, one a partition, ascending. A list, because a
    /// map of its own would cost the browser's module more than all else about fingerprints.
    pub fingerprints: Vec<(Partition, Fingerprint)>,
    /// The same of partitions that the relay's `welcome` did not list: a relay that was restarted may
    /// find them later.
    pub unlisted: Vec<(Partition, Unlisted)>,
}

/// The cursor of a partition that the relay did not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlisted {
    /// Next position wanted.
    pub position: u64,
    /// The last record disposed of before it.
    pub last: Option<Fingerprint>,
}

impl Cursors {
    /// The last record disposed of in a partition, if it was said.
    #[must_use]
    pub fn fingerprint(&self, partition: Partition) -> Option<Fingerprint> {
        let said = &self.fingerprints;
        let at = said.binary_search_by_key(&partition, |(partition, _)| *partition);
        at.ok()
            .and_then(|at| said.get(at))
            .map(|(_, record)| *record)
    }

    /// How many partitions they name.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positions.len() + self.unlisted.len()
    }

    /// Whether they name none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads the maps of a `resume` or of a part of one.
pub(super) fn cursors(object: &Map<String, Value>) -> Result<Cursors, ControlError> {
    let positions = positions(object)?;
    let fingerprints = fingerprints(object, &positions)?;
    let unlisted = unlisted(object, &positions)?;
    Ok(Cursors {
        positions,
        fingerprints,
        unlisted,
    })
}

/// Of partitions that are in neither of the maps.
fn unlisted(
    object: &Map<String, Value>,
    positions: &ByPartition,
) -> Result<Vec<(Partition, Unlisted)>, ControlError> {
    let read = |value: &Value| {
        let position = value.get("position").and_then(number)?;
        let last = match (value.get("offset"), value.get("timestampMs")) {
            (None, None) => None,
            (offset, time) => Some(Fingerprint {
                offset: number(offset?).filter(|&offset| offset < position)?,
                timestamp_ms: signed(time?)?,
            }),
        };
        Some(Unlisted { position, last })
    };
    let entry = |value: &Value| read(value).ok_or(ErrorCode::InvalidOffset);
    let unlisted = by_partition(object, "unlisted", UNLISTED_PARTITIONS_MAX, entry)?;
    let mut error = ControlError::new(
        ErrorCode::InvalidPartition,
        "a partition is in both positions and unlisted",
    );
    for partition in unlisted.keys().filter(|p| positions.contains_key(p)) {
        error.partition(&partition.0.to_string());
    }
    if error.invalid_counts.0 > 0 {
        return Err(error);
    }
    Ok(unlisted.into_iter().collect())
}

/// The two maps in which positions may be said, as one.
fn positions(object: &Map<String, Value>) -> Result<ByPartition, ControlError> {
    let max = RESUME_PARTITIONS_MAX;
    let mut positions = by_partition(object, "positions", max, offset)?;
    for (partition, last) in by_partition(object, "lastOffsetsByPartition", max, offset)? {
        let Some(next) = last.0.checked_add(1) else {
            let mut error = ControlError::new(
                ErrorCode::InvalidOffset,
                "the last offset 2^64 - 1 has no next offset",
            );
            error.offset(&last.0.to_string());
            return Err(error);
        };
        if positions.insert(partition, Decimal(next)).is_some() {
            let text = "a partition is in both positions and lastOffsetsByPartition";
            let mut error = ControlError::new(ErrorCode::InvalidPartition, text);
            error.partition(&partition.0.to_string());
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
    let fingerprints = by_partition(object, "fingerprints", RESUME_PARTITIONS_MAX, entry)?;
    let misplaced = fingerprints.iter().filter(|(partition, record)| {
        let position = positions.get(partition);
        position.is_none_or(|position| record.offset >= position.0)
    });
    let text = "a fingerprint must be of a record before its partition's position";
    let mut error = ControlError::new(ErrorCode::InvalidFingerprint, text);
    for (partition, _) in misplaced {
        error.partition(&partition.0.to_string());
    }
    if error.invalid_counts.0 > 0 {
        return Err(error);
    }
    Ok(fingerprints.into_iter().collect())
}

/// A map by partition; everything wrong in it is listed in one error. What is wrong with a value is a
/// code.
pub(super) fn by_partition<T>(
    object: &Map<String, Value>,
    name: &str,
    partitions_max: usize,
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
    if map.len() > partitions_max {
        let text = format!("at most {partitions_max} partitions in {name}");
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
        if partition.is_none() {
            error.partition(key);
        } else {
            error.offset(&value.to_string());
        }
    }
    error.map_or(Ok(good), Err)
}

/// An offset or a position.
pub(super) fn offset(value: &Value) -> Result<Decimal, ErrorCode> {
    let number = number(value).ok_or(ErrorCode::InvalidOffset)?;
    Ok(Decimal(number))
}

/// An unsigned integer, as decimal text or as a number that is exact.
pub(super) fn number(value: &Value) -> Option<u64> {
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
