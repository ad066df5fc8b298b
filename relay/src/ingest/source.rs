//! What a partition loop needs of Kafka, so that its rules can be tested on a scripted partition.

use std::future::Future;

use super::kafka::Failure;

/// A record as far as the relay looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub offset: u64,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

/// The answer to a fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fetched {
    /// Ascending by offset; those of one answer are whole batches, from the offset asked for on.
    pub records: Vec<Record>,
    /// The end of the partition as that broker knows it.
    pub watermark: u64,
}

/// A partition that can be read.
pub(super) trait Source: Send {
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
