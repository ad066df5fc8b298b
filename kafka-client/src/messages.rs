//! The seven calls that reading takes, in the versions that brokers from Kafka 2.8 on speak: all of them but
//! the login's first have the compact encoding. The tests compare each with the types that another library
//! generates from Kafka's own schemas.

pub(crate) mod api_versions;
pub(crate) mod fetch;
pub(crate) mod leader_epoch;
pub(crate) mod list_offsets;
pub(crate) mod metadata;
pub(crate) mod sasl;

#[cfg(test)]
mod tests;

use kafka_wire::{Malformed, Reader, Writer};

use crate::versions::Api;

/// A call: how it is written and how its answer is read, in a version that both sides speak.
pub(crate) trait Call {
    type Answer;
    const API: Api;

    fn write(&self, version: i16, to: &mut Writer);

    fn read(version: i16, from: &mut Reader) -> Result<Self::Answer, Malformed>;
}

/// A whole request without its length, header included.
pub(crate) fn request<C: Call>(call: &C, version: i16, correlation: i32, client: &str) -> Vec<u8> {
    let mut to = Writer::default();
    to.i16(C::API.key());
    to.i16(version);
    to.i32(correlation);
    to.string(client);
    if C::API.is_flexible(version) {
        to.no_tagged();
    }
    call.write(version, &mut to);
    to.bytes
}

/// Reads an answer, header included.
pub(crate) fn answer<C: Call>(
    version: i16,
    correlation: i32,
    from: &mut Reader,
) -> Result<C::Answer, Malformed> {
    if from.i32()? != correlation {
        return Err(Malformed("it answers another request"));
    }
    // The answer about versions has the old header always, so that anybody can read it.
    if C::API.is_flexible(version) && C::API != Api::Versions {
        from.skip_tagged()?;
    }
    C::read(version, from)
}
