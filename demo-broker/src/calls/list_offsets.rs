//! Where a partition begins and ends, and where a time lies.

use kafka_wire::Malformed;

use super::topics;
use crate::{
    batch::LEADER_EPOCH,
    broker::Broker,
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
    let asked = topics::read(from, |from| {
        let partition = from.i32()?;
        if version >= 4 {
            from.i32()?;
        }
        Ok((partition, from.i64()?))
    })?;
    if version >= 2 {
        to.i32(0);
    }
    topics::write(to, asked, |to, key, (partition, timestamp)| {
        let (code, (time, offset)) = match broker.log(key, partition) {
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
    });
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
