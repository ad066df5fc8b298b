//! Reading one partition. Each call has a wall-clock limit, because rskafka's own limits are not ones.

use std::{ops::Range, time::Duration};

use rskafka::{
    chrono::DateTime,
    client::partition::{OffsetAt, PartitionClient},
};

use super::{
    failure::Failure,
    source::{Fetched, Source},
};
use crate::limits;

/// One connection to a partition's leader. A waiting fetch blocks every other call on it, so
/// whoever needs both has two.
#[derive(Debug)]
pub(crate) struct PartitionReader {
    pub(super) client: PartitionClient,
    /// That of the client it came from.
    pub(crate) generation: u64,
    pub(super) operation_timeout: Duration,
    pub(super) fetch_wait: Duration,
    pub(super) fetch_bytes: i32,
}

impl PartitionReader {
    /// `None` where Kafka says that there is none.
    async fn offset(&self, at: OffsetAt) -> Result<Option<u64>, Failure> {
        let offset = tokio::time::timeout(self.operation_timeout, self.client.get_offset(at))
            .await
            .map_err(|_| Failure::timeout())?
            .map_err(Failure::of)?;
        Ok(u64::try_from(offset).ok())
    }
}

impl Source for PartitionReader {
    async fn fetch(
        &mut self,
        offset: u64,
        one_batch: bool,
        patient: bool,
    ) -> Result<Fetched, Failure> {
        let offset = i64::try_from(offset).map_err(|_| Failure::OutOfRange)?;
        let bytes: Range<i32> = if one_batch {
            // rskafka passes on the end less one.
            1..limits::ISOLATING_FETCH_BYTES + 1
        } else {
            1..self.fetch_bytes
        };
        let wait = if patient {
            self.fetch_wait
        } else {
            Duration::ZERO
        };
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let call = self.client.fetch_records(offset, bytes, wait_ms);
        let (records, watermark) = tokio::time::timeout(self.operation_timeout + wait, call)
            .await
            .map_err(|_| Failure::timeout())?
            .map_err(Failure::of_fetch)?;
        Ok(Fetched {
            records,
            watermark: u64::try_from(watermark).unwrap_or(0),
        })
    }

    async fn earliest(&mut self) -> Result<u64, Failure> {
        let offset = self.offset(OffsetAt::Earliest).await?;
        Ok(offset.unwrap_or(0))
    }

    async fn at_time(&mut self, timestamp_ms: i64) -> Result<Option<u64>, Failure> {
        // A time that chrono does not know lies before all records or after them; both are far off.
        let time = DateTime::from_timestamp_millis(timestamp_ms).unwrap_or_default();
        self.offset(OffsetAt::Timestamp(time)).await
    }

    async fn end(&mut self) -> Result<u64, Failure> {
        let offset = self.offset(OffsetAt::Latest).await?;
        Ok(offset.unwrap_or(0))
    }
}
