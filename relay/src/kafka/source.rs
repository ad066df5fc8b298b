//! What a reader needs of Kafka, so that its rules can be tested on a scripted partition.

use std::future::Future;

use dashstream_kafka::{Ask, Fetched, Item, PartitionReader, TopicId};

use super::failure::Failure;

/// The answer to a fetch. It holds the bytes that its records point into, and with them a part of the memory for
/// all partitions.
pub(crate) trait Answer: Send {
    /// The next records, ascending by offset, or offsets that cannot be had.
    fn next(&mut self) -> impl Future<Output = Option<Item<'_>>> + Send;

    /// The offset to ask for next, once all was taken.
    fn position(&self) -> u64;

    /// Where the partition ends, open transactions included.
    fn high_watermark(&self) -> u64;

    /// Where the first open transaction begins; the high watermark where none is open.
    fn last_stable(&self) -> u64;

    /// Leader epoch of the batch taken last, where that is known.
    fn epoch(&self) -> Option<i32>;

    /// Records left out so far because their transaction was aborted.
    fn aborted_records(&self) -> u64;
}

impl Answer for Fetched {
    fn next(&mut self) -> impl Future<Output = Option<Item<'_>>> + Send {
        self.next()
    }

    fn position(&self) -> u64 {
        self.position()
    }

    fn high_watermark(&self) -> u64 {
        self.high_watermark()
    }

    fn last_stable(&self) -> u64 {
        self.last_stable()
    }

    fn epoch(&self) -> Option<i32> {
        Some(self.epoch()).filter(|&epoch| epoch >= 0)
    }

    fn aborted_records(&self) -> u64 {
        self.aborted_records()
    }
}

/// A partition that can be read.
pub(crate) trait Source: Send {
    type Answer: Answer;

    /// The topic's identity, where brokers give one.
    fn topic_id(&self) -> Option<TopicId>;

    /// Records from an offset on.
    fn fetch(&mut self, ask: Ask) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;

    /// Drops what was fetched ahead: whoever does not go on soon must not keep memory from others.
    fn drop_ahead(&mut self);

    /// The oldest offset that may exist.
    fn earliest(&mut self) -> impl Future<Output = Result<u64, Failure>> + Send;

    /// The first offset whose record is not older than that time; `None` where there is none.
    fn at_time(
        &mut self,
        timestamp_ms: i64,
    ) -> impl Future<Output = Result<Option<u64>, Failure>> + Send;

    /// The end of what may be read: before the first open transaction.
    fn last_stable(&mut self) -> impl Future<Output = Result<u64, Failure>> + Send;

    /// The end, open transactions included.
    fn high_watermark(&mut self) -> impl Future<Output = Result<u64, Failure>> + Send;
}

impl Source for PartitionReader {
    type Answer = Fetched;

    fn topic_id(&self) -> Option<TopicId> {
        Some(self.topic_id()).filter(|id| !id.is_unknown())
    }

    async fn fetch(&mut self, ask: Ask) -> Result<Fetched, Failure> {
        Ok(self.fetch(ask).await?)
    }

    fn drop_ahead(&mut self) {
        self.drop_ahead();
    }

    async fn earliest(&mut self) -> Result<u64, Failure> {
        Ok(Self::earliest(self).await?)
    }

    async fn at_time(&mut self, timestamp_ms: i64) -> Result<Option<u64>, Failure> {
        Ok(Self::at_time(self, timestamp_ms).await?)
    }

    async fn last_stable(&mut self) -> Result<u64, Failure> {
        Ok(Self::last_stable(self).await?)
    }

    async fn high_watermark(&mut self) -> Result<u64, Failure> {
        Ok(Self::high_watermark(self).await?)
    }
}
