//! The calls, in the versions that rskafka, the relay's own client and librdkafka speak.

mod fetch;
mod leader_epoch;
mod list_offsets;
mod metadata;
mod produce;
mod topics;
mod versions;

use std::ops::RangeInclusive;

use bytes::Bytes;
use kafka_wire::{Malformed, Reader};

use crate::{
    broker::Broker,
    codec::{Input, Output},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    Versions,
    LeaderEpoch,
}

impl Call {
    const ALL: [Self; 6] = [
        Self::Produce,
        Self::Fetch,
        Self::ListOffsets,
        Self::Metadata,
        Self::Versions,
        Self::LeaderEpoch,
    ];

    /// Kafka's number of the call.
    const fn key(self) -> i16 {
        match self {
            Self::Produce => 0,
            Self::Fetch => 1,
            Self::ListOffsets => 2,
            Self::Metadata => 3,
            Self::Versions => 18,
            Self::LeaderEpoch => 23,
        }
    }

    /// The versions that are answered.
    const fn spoken(self) -> RangeInclusive<i16> {
        match self {
            Self::Produce => 3..=7,
            Self::Fetch => 4..=16,
            Self::ListOffsets => 1..=7,
            Self::Metadata => 1..=12,
            Self::Versions => 0..=3,
            Self::LeaderEpoch => 2..=4,
        }
    }

    const fn first_flexible(self) -> i16 {
        match self {
            Self::Produce | Self::Metadata => 9,
            Self::Fetch => 12,
            Self::ListOffsets => 6,
            Self::Versions => 3,
            Self::LeaderEpoch => 4,
        }
    }
}

/// The answer to a request; `None` where the client wants none. A request that cannot be read, or that no broker of
/// this kind knows, ends the connection.
pub(crate) async fn answer(broker: &Broker, request: Bytes) -> Result<Option<Vec<u8>>, Malformed> {
    let mut reader = Reader::new(request);
    let (key, version) = (reader.i16()?, reader.i16()?);
    let correlation = reader.i32()?;
    reader.nullable_string()?;
    let call = Call::ALL.into_iter().find(|call| call.key() == key);
    let call = call.ok_or(Malformed("an unknown call"))?;
    let mut to = Output::default();
    to.i32(correlation);
    if !call.spoken().contains(&version) {
        if call != Call::Versions {
            return Err(Malformed("a version that was not offered"));
        }
        versions::refuse(&mut to);
        return Ok(Some(to.into_bytes()));
    }
    let is_flexible = version >= call.first_flexible();
    let mut from = Input::new(reader, is_flexible);
    from.end()?;
    to.set_flexible(is_flexible);
    if call != Call::Versions {
        to.end();
    }
    match call {
        Call::Versions => versions::answer(version, &mut to),
        Call::Metadata => metadata::answer(version, &mut from, broker, &mut to)?,
        Call::ListOffsets => list_offsets::answer(version, &mut from, broker, &mut to)?,
        Call::LeaderEpoch => leader_epoch::answer(version, &mut from, broker, &mut to)?,
        Call::Fetch => {
            let fetch = fetch::Fetch::read(version, &mut from)?;
            fetch.wait(broker).await;
            fetch.answer(version, broker, &mut to);
        }
        Call::Produce => {
            if !produce::answer(version, &mut from, broker, &mut to)? {
                return Ok(None);
            }
        }
    }
    Ok(Some(to.into_bytes()))
}

#[cfg(test)]
mod tests;
