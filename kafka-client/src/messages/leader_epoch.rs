//! Where the records of a leader epoch end: what tells a truncated log from another one.

use kafka_wire::{Malformed, Reader, Writer};

use super::Call;
use crate::versions::Api;

#[derive(Clone, Copy, Debug)]
pub(crate) struct OffsetForLeaderEpoch<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub epoch: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub partition: i32,
    pub code: i16,
    /// The largest epoch known that is not above the one asked for; -1 where there is none.
    pub epoch: i32,
    /// Where its records end; -1 where there is none.
    pub end_offset: i64,
}

impl Call for OffsetForLeaderEpoch<'_> {
    type Answer = Vec<Answer>;
    const API: Api = Api::OffsetForLeaderEpoch;

    fn write(&self, _: i16, to: &mut Writer) {
        to.i32(-1);
        to.compact_len(1);
        to.compact_string(self.topic);
        to.compact_len(1);
        to.i32(self.partition);
        to.i32(-1);
        to.i32(self.epoch);
        to.no_tagged();
        to.no_tagged();
        to.no_tagged();
    }

    fn read(_: i16, from: &mut Reader) -> Result<Vec<Answer>, Malformed> {
        from.i32()?;
        let topics = from.compact_array(|from| {
            from.compact_string()?;
            let partitions = from.compact_array(|from| {
                let (code, partition) = (from.i16()?, from.i32()?);
                let (epoch, end_offset) = (from.i32()?, from.i64()?);
                from.skip_tagged()?;
                Ok(Answer {
                    partition,
                    code,
                    epoch,
                    end_offset,
                })
            })?;
            from.skip_tagged()?;
            Ok(partitions)
        })?;
        Ok(topics.into_iter().flatten().collect())
    }
}
