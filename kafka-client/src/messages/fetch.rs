//! Batches of many partitions of one broker.

use bytes::Bytes;
use kafka_wire::{Malformed, Reader, TopicId, Writer};

use super::Call;
use crate::{aborted::Aborted, versions::Api};

#[derive(Clone, Debug)]
pub(crate) struct Fetch<'a> {
    pub max_wait_ms: i32,
    pub max_bytes: i32,
    /// All partitions asked for, those of one topic one after the other.
    pub partitions: Vec<Asked<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub topic: &'a str,
    pub topic_id: TopicId,
    pub partition: i32,
    pub offset: i64,
    /// Leader epoch of the metadata, or -1.
    pub leader_epoch: i32,
    /// Leader epoch of the record read last, or -1: by it the broker notices a truncation.
    pub last_epoch: i32,
    pub max_bytes: i32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub throttle_ms: i32,
    pub code: i16,
    pub partitions: Vec<Partition>,
}

#[derive(Clone, Debug)]
pub(crate) struct Partition {
    /// As the request named it: by name up to version 12, by id from 13 on.
    pub topic: TopicKey,
    pub partition: i32,
    pub code: i16,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    /// Epoch and end offset where the log was truncated.
    pub diverging: Option<(i32, i64)>,
    pub aborted: Aborted,
    pub records: Bytes,
    /// How many bytes the records have; more than `records` where the answer was cut short.
    pub records_len: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TopicKey {
    Name(String),
    Id(TopicId),
}

/// The first version that names topics by id.
pub(crate) const FIRST_WITH_IDS: i16 = 13;

impl Call for Fetch<'_> {
    type Answer = Answer;
    const API: Api = Api::Fetch;

    fn write(&self, version: i16, to: &mut Writer) {
        if version <= 14 {
            to.i32(-1);
        }
        to.i32(self.max_wait_ms);
        to.i32(1);
        to.i32(self.max_bytes);
        // Read committed.
        to.i8(1);
        // No session.
        to.i32(0);
        to.i32(-1);
        let topics = self.partitions.chunk_by(|one, two| one.topic == two.topic);
        to.compact_len(topics.clone().count());
        for partitions in topics {
            let Some(first) = partitions.first() else {
                continue;
            };
            if version >= FIRST_WITH_IDS {
                to.topic_id(first.topic_id);
            } else {
                to.compact_string(first.topic);
            }
            to.compact_len(partitions.len());
            for asked in partitions {
                asked.write(to);
            }
            to.no_tagged();
        }
        to.compact_len(0);
        to.compact_string("");
        to.no_tagged();
    }

    fn read(version: i16, from: &mut Reader) -> Result<Answer, Malformed> {
        let (throttle_ms, code) = (from.i32()?, from.i16()?);
        from.i32()?;
        let topics = (from.uvarint()? as usize).saturating_sub(1);
        let mut partitions = Vec::new();
        for _ in 0..topics {
            // A cut answer ends in the records of a partition: nothing after them is there.
            if !topic(version, from, &mut partitions)? {
                break;
            }
        }
        Ok(Answer {
            throttle_ms,
            code,
            partitions,
        })
    }
}

impl Asked<'_> {
    fn write(&self, to: &mut Writer) {
        to.i32(self.partition);
        to.i32(self.leader_epoch);
        to.i64(self.offset);
        to.i32(self.last_epoch);
        to.i64(-1);
        to.i32(self.max_bytes);
        to.no_tagged();
    }
}

/// Reads one topic; says whether the answer goes on behind it.
fn topic(
    version: i16,
    from: &mut Reader,
    partitions: &mut Vec<Partition>,
) -> Result<bool, Malformed> {
    let topic = if version >= FIRST_WITH_IDS {
        TopicKey::Id(from.topic_id()?)
    } else {
        TopicKey::Name(from.compact_string()?.unwrap_or_default())
    };
    for _ in 0..(from.uvarint()? as usize).saturating_sub(1) {
        let read = partition(&topic, from)?;
        let is_cut = read.records.len() < read.records_len;
        partitions.push(read);
        if is_cut {
            return Ok(false);
        }
    }
    from.skip_tagged()?;
    Ok(true)
}

fn partition(topic: &TopicKey, from: &mut Reader) -> Result<Partition, Malformed> {
    let (partition, code) = (from.i32()?, from.i16()?);
    let (high_watermark, last_stable_offset) = (from.i64()?, from.i64()?);
    let log_start_offset = from.i64()?;
    let aborted = from.compact_array(|from| {
        let entry = (from.i64()?, from.i64()?);
        from.skip_tagged()?;
        Ok(entry)
    })?;
    from.i32()?;
    let records_len = (from.uvarint()? as usize).saturating_sub(1);
    let records = from.take_what_is_there(records_len);
    let mut diverging = None;
    if records.len() == records_len {
        from.tagged(|tag, field| {
            if tag == 0 {
                diverging = Some((field.i32()?, field.i64()?));
            }
            Ok(())
        })?;
    }
    Ok(Partition {
        topic: topic.clone(),
        partition,
        code,
        high_watermark,
        last_stable_offset,
        log_start_offset,
        diverging,
        aborted: Aborted::new(aborted),
        records,
        records_len,
    })
}
