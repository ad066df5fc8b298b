//! Where a partition begins and ends, and which offset a time has.

use kafka_wire::{Malformed, Reader, Writer};

use super::Call;
use crate::versions::Api;

/// Stands for the end of a partition.
pub(crate) const LATEST: i64 = -1;
/// Stands for its beginning.
pub(crate) const EARLIEST: i64 = -2;

#[derive(Clone, Copy, Debug)]
pub(crate) struct ListOffsets<'a> {
    pub topic: &'a str,
    pub partition: i32,
    /// Whether the end is that of what is settled, or that of everything.
    pub read_committed: bool,
    /// In ms, or one of [`LATEST`] and [`EARLIEST`].
    pub timestamp: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub partition: i32,
    pub code: i16,
    /// -1 where there is none.
    pub offset: i64,
}

impl Call for ListOffsets<'_> {
    type Answer = Vec<Answer>;
    const API: Api = Api::ListOffsets;

    fn write(&self, _: i16, to: &mut Writer) {
        to.i32(-1);
        to.i8(self.read_committed.into());
        to.compact_len(1);
        to.compact_string(self.topic);
        to.compact_len(1);
        to.i32(self.partition);
        to.i32(-1);
        to.i64(self.timestamp);
        to.no_tagged();
        to.no_tagged();
        to.no_tagged();
    }

    fn read(_: i16, from: &mut Reader) -> Result<Vec<Answer>, Malformed> {
        from.i32()?;
        let topics = from.compact_array(|from| {
            from.compact_string()?;
            let partitions = from.compact_array(|from| {
                let (partition, code) = (from.i32()?, from.i16()?);
                from.i64()?;
                let offset = from.i64()?;
                from.i32()?;
                from.skip_tagged()?;
                Ok(Answer {
                    partition,
                    code,
                    offset,
                })
            })?;
            from.skip_tagged()?;
            Ok(partitions)
        })?;
        Ok(topics.into_iter().flatten().collect())
    }
}
