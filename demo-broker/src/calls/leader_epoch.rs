//! Where the records of a leader epoch end: there is one epoch, and it goes on.

use kafka_wire::Malformed;

use super::topics;
use crate::{
    batch::LEADER_EPOCH,
    broker::Broker,
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
    let asked = topics::read(from, |from| {
        let partition = from.i32()?;
        from.i32()?;
        Ok((partition, from.i32()?))
    })?;
    to.i32(0);
    topics::write(to, asked, |to, key, (partition, epoch)| {
        let (code, end) = match broker.log(key, partition) {
            Ok(log) => (Code::NONE, log.end()),
            Err(code) => (code, -1),
        };
        let is_known = code == Code::NONE && epoch >= LEADER_EPOCH;
        to.code(code);
        to.i32(partition);
        to.i32(if is_known { LEADER_EPOCH } else { -1 });
        to.i64(if is_known { end } else { -1 });
    });
    to.end();
    Ok(())
}
