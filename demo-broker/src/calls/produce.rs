//! Records from a producer.

use bytes::Bytes;
use kafka_wire::Malformed;

use super::topics;
use crate::{
    batch::Batch,
    broker::{Broker, Key},
    codec::{Code, Input, Output},
};

/// Appends what it is given; says whether the producer waits for an answer.
pub(super) fn answer(
    version: i16,
    from: &mut Input,
    broker: &Broker,
    to: &mut Output,
) -> Result<bool, Malformed> {
    let transaction = from.text()?;
    let (acks, _timeout) = (from.i16()?, from.i32()?);
    let sent = topics::read(from, |from| {
        Ok((from.i32()?, from.data()?.unwrap_or_default()))
    })?;
    topics::write(to, sent, |to, key, (partition, records)| {
        let appended = if transaction.is_none() {
            append(broker, key, partition, records)
        } else {
            Err(Code::INVALID_RECORD)
        };
        let (code, (offset, start)) = match appended {
            Ok(offsets) => (Code::NONE, offsets),
            Err(code) => (code, (-1, -1)),
        };
        to.i32(partition);
        to.code(code);
        to.i64(offset);
        // The records keep their producer's time.
        to.i64(-1);
        if version >= 5 {
            to.i64(start);
        }
    });
    to.i32(0);
    to.end();
    Ok(acks != 0)
}

fn append(broker: &Broker, key: &Key, partition: i32, records: Bytes) -> Result<(i64, i64), Code> {
    broker.append(key, partition, Batch::split(records)?)
}
