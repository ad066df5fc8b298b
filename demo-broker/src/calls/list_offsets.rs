//! Where a partition begins and ends, and where a time lies.

use kafka_wire::Malformed;

use crate::{
    batch::LEADER_EPOCH,
    broker::{Broker, Key},
    codec::{Code, Input, Output},
    log::Log,
};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const NEWEST_TIME: i64 = -3;
/// No time, or no offset.
const NONE: i64 = -1;

pub(super) fn answer(
    version: i16,
    from: &mut Input,
    broker: &Broker,
    to: &mut Output,
) -> Result<(), Malformed> {
    from.i32()?;
    if version >= 2 {
        // Without transactions every record is committed.
        from.i8()?;
    }
    let topics = from.list(|from| {
        let name = from.text()?.unwrap_or_default();
        let partitions = from.list(|from| {
            let partition = from.i32()?;
            if version >= 4 {
                from.i32()?;
            }
            let timestamp = from.i64()?;
            from.end()?;
            Ok((partition, timestamp))
        })?;
        from.end()?;
        Ok((name, partitions.unwrap_or_default()))
    })?;
    let topics = topics.unwrap_or_default();
    if version >= 2 {
        to.i32(0);
    }
    to.len(topics.len());
    for (name, partitions) in topics {
        to.text(&name);
        to.len(partitions.len());
        let key = Key::Name(name);
        for (partition, timestamp) in partitions {
            let (code, (time, offset)) = match broker.log(&key, partition) {
                Ok(log) => (Code::NONE, find(&log, timestamp)),
                Err(code) => (code, (NONE, NONE)),
            };
            to.i32(partition);
            to.code(code);
            to.i64(time);
            to.i64(offset);
            if version >= 4 {
                to.i32(LEADER_EPOCH);
            }
            to.end();
        }
        to.end();
    }
    to.end();
    Ok(())
}

fn find(log: &Log, timestamp: i64) -> (i64, i64) {
    match timestamp {
        LATEST => (NONE, log.end()),
        EARLIEST => (NONE, log.start()),
        NEWEST_TIME => log.newest().unwrap_or((NONE, NONE)),
        time => log.at_time(time).unwrap_or((NONE, NONE)),
    }
}
