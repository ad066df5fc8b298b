//! Where the records of a leader epoch end: there is one epoch, and it goes on.

use kafka_wire::Malformed;

use crate::{
    batch::LEADER_EPOCH,
    broker::{Broker, Key},
    codec::{Code, Input, Output},
};

pub(super) fn answer(
    version: i16,
    from: &mut Input,
    broker: &Broker,
    to: &mut Output,
) -> Result<(), Malformed> {
    if version >= 3 {
        from.i32()?;
    }
    let topics = from.list(|from| {
        let name = from.text()?.unwrap_or_default();
        let partitions = from.list(|from| {
            let partition = from.i32()?;
            from.i32()?;
            let epoch = from.i32()?;
            from.end()?;
            Ok((partition, epoch))
        })?;
        from.end()?;
        Ok((name, partitions.unwrap_or_default()))
    })?;
    let topics = topics.unwrap_or_default();
    to.i32(0);
    to.len(topics.len());
    for (name, partitions) in topics {
        to.text(&name);
        to.len(partitions.len());
        let key = Key::Name(name);
        for (partition, epoch) in partitions {
            let (code, end) = match broker.log(&key, partition) {
                Ok(log) => (Code::NONE, log.end()),
                Err(code) => (code, -1),
            };
            let is_known = code == Code::NONE && epoch >= LEADER_EPOCH;
            to.code(code);
            to.i32(partition);
            to.i32(if is_known { LEADER_EPOCH } else { -1 });
            to.i64(if is_known { end } else { -1 });
            to.end();
        }
        to.end();
    }
    to.end();
    Ok(())
}
