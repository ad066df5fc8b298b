//! Control messages: one JSON object per text frame, told apart by `type`.
//!
//! What clients send is parsed strictly and refused whole ([`parse_client`]); what the relay sends
//! is read leniently by clients, so that a newer relay may add fields and types.

mod client;
mod cursors;
mod error;
mod fields;
mod relay;
mod strict;
mod texts;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};

use serde::{Serialize, Serializer};

pub use client::{Ack, ClientMessage, From, Report, Resume, parse_client};
pub use cursors::{Cursors, Unlisted};
pub use error::{ControlError, LISTED_MAX};
pub use fields::Unreadable;
pub use relay::{
    RelayMessage, RelayPart, RelayText, Span, Start, Welcome, WireLimits, parse_relay,
};
pub use texts::PART_PARTITIONS;

/// A 64-bit integer as JSON carries it: decimal text. A number is read where it is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(pub u64);

/// A partition as a JSON object's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition(pub u32);

/// Positions or offsets by partition.
pub type ByPartition<T = Decimal> = BTreeMap<Partition, T>;

/// Adds one entry after the other: to collect them would sort them first, by a sort that is compiled for them alone
/// and that the browser has to fetch.
pub(crate) fn by_partition<T>(entries: impl Iterator<Item = (Partition, T)>) -> ByPartition<T> {
    let mut all = ByPartition::new();
    entries.for_each(|(partition, value)| drop(all.insert(partition, value)));
    all
}

/// By which a record is known again: at its offset another topic has another one, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Kafka offset.
    pub offset: u64,
    /// Kafka timestamp in ms.
    pub timestamp_ms: i64,
}

/// Digits only: no sign, no spaces, no leading zeros, so that one number has one text.
pub(crate) fn digits(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    if !canonical || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string())
    }
}

impl Serialize for Partition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string())
    }
}

/// Serialises a message of the relay. Such messages hold nothing JSON cannot carry.
pub(crate) fn text_of(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

/// A count that is left out where it is 0.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
