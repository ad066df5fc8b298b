//! What a reader needs of Kafka, so that its rules can be tested on a scripted partition.

use std::future::Future;

use rskafka::record::RecordAndOffset;

use super::failure::Failure;

/// A record where it lies in an answer, as far as the relay looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub offset: u64,
    pub timestamp_ms: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
}

/// The answer to a fetch. It holds the bytes that its records point into.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    pub(super) records: Vec<RecordAndOffset>,
    /// The end of the partition as that broker knows it.
    pub watermark: u64,
}

impl Fetched {
    /// Its records, ascending by offset: whole batches, from the offset asked for on.
    pub(crate) fn records(&self) -> Vec<Record<'_>> {
        self.records.iter().filter_map(record).collect()
    }

    /// One with these records, for scripted partitions.
    #[cfg(test)]
    pub(crate) fn of(records: &[Record<'_>], watermark: u64) -> Self {
        let held = |record: &Record<'_>| RecordAndOffset {
            record: rskafka::record::Record {
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: std::collections::BTreeMap::new(),
                timestamp: rskafka::chrono::DateTime::from_timestamp_millis(record.timestamp_ms)
                    .expect("a time within reach"),
            },
            offset: i64::try_from(record.offset).expect("an offset of Kafka's"),
        };
        Self {
            records: records.iter().map(held).collect(),
            watermark,
        }
    }
}

/// Headers play no part downstream.
fn record(held: &RecordAndOffset) -> Option<Record<'_>> {
    Some(Record {
        offset: u64::try_from(held.offset).ok()?,
        timestamp_ms: held.record.timestamp.timestamp_millis(),
        key: held.record.key.as_deref(),
        value: held.record.value.as_deref(),
    })
}

/// A partition that can be read.
pub(crate) trait Source: Send {
    /// Records from `offset`. With `one_batch` only the first batch; `patient` lets the broker
    /// wait for new records.
    fn fetch(
        &mut self,
        offset: u64,
        one_batch: bool,
        patient: bool,
    ) -> impl Future<Output = Result<Fetched, Failure>> + Send;

    /// The oldest offset that may exist.
    fn earliest(&mut self) -> impl Future<Output = Result<u64, Failure>> + Send;

    /// The first offset whose record is not older than that time; `None` where there is none.
    fn at_time(
        &mut self,
        timestamp_ms: i64,
    ) -> impl Future<Output = Result<Option<u64>, Failure>> + Send;

    /// The end of what may be read: before the first open transaction.
    fn end(&mut self) -> impl Future<Output = Result<u64, Failure>> + Send;
}
