//! Records from a producer.

use bytes::Bytes;
use kafka_wire::Malformed;

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
    let topics = from.list(|from| {
        let name = from.text()?.unwrap_or_default();
        let partitions = from.list(|from| {
            let partition = (from.i32()?, from.data()?.unwrap_or_default());
            from.end()?;
            Ok(partition)
        })?;
        from.end()?;
        Ok((name, partitions.unwrap_or_default()))
    })?;
    let topics = topics.unwrap_or_default();
    to.len(topics.len());
    for (name, partitions) in topics {
        to.text(&name);
        to.len(partitions.len());
        let key = Key::Name(name);
        for (partition, records) in partitions {
            let appended = if transaction.is_none() {
                append(broker, &key, partition, records)
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
            to.end();
        }
        to.end();
    }
    to.i32(0);
    to.end();
    Ok(acks != 0)
}

fn append(broker: &Broker, key: &Key, partition: i32, records: Bytes) -> Result<(i64, i64), Code> {
    broker.append(key, partition, Batch::split(records)?)
}
