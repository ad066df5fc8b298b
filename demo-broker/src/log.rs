//! The records of one partition: the latest batches, as many as fit.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::batch::Batch;

/// Batches in the order of their offsets, without holes between them.
#[derive(Debug)]
pub(crate) struct Log {
    kept: VecDeque<Kept>,
    bytes: usize,
    bytes_max: usize,
    end: i64,
}

#[derive(Debug)]
struct Kept {
    base: i64,
    max_timestamp: i64,
    bytes: Bytes,
}

/// Nothing lies at the offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

impl Log {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            bytes: 0,
            bytes_max,
            end: 0,
        }
    }

    /// The oldest offset that is there.
    pub(crate) fn start(&self) -> i64 {
        self.kept.front().map_or(self.end, |first| first.base)
    }

    /// The offset that the next record gets.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Appends batches, gives the first record's offset, and drops the oldest ones that do not fit any more. The
    /// latest batch stays, whatever its size.
    pub(crate) fn append(&mut self, batches: Vec<Batch>) -> i64 {
        let first = self.end;
        for batch in batches {
            let (base, max_timestamp) = (self.end, batch.max_timestamp);
            self.end += batch.offsets;
            let bytes = batch.at(base);
            self.bytes += bytes.len();
            self.kept.push_back(Kept {
                base,
                max_timestamp,
                bytes,
            });
        }
        while self.bytes > self.bytes_max && self.kept.len() > 1 {
            let oldest = self.kept.pop_front();
            self.bytes -= oldest.map_or(0, |oldest| oldest.bytes.len());
        }
        first
    }

    /// The batches from the one that holds the offset on, at the end of the log none.
    pub(crate) fn from(&self, offset: i64) -> Result<impl Iterator<Item = &Bytes>, OutOfRange> {
        if offset < self.start() || offset > self.end {
            return Err(OutOfRange);
        }
        let behind = self.kept.partition_point(|kept| kept.base <= offset);
        let first = if offset == self.end {
            self.kept.len()
        } else {
            behind.saturating_sub(1)
        };
        Ok(self.kept.range(first..).map(|kept| &kept.bytes))
    }

    /// The first batch with a record as new as that, by its latest timestamp and its first offset.
    pub(crate) fn at_time(&self, timestamp: i64) -> Option<(i64, i64)> {
        let found = self
            .kept
            .iter()
            .find(|kept| kept.max_timestamp >= timestamp);
        found.map(|kept| (kept.max_timestamp, kept.base))
    }

    /// The batch with the newest record.
    pub(crate) fn newest(&self) -> Option<(i64, i64)> {
        let times = self.kept.iter().map(|kept| kept.max_timestamp);
        self.at_time(times.max()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::batch;

    fn log(bytes_max: usize, batches: &[(i32, i64)]) -> Log {
        let mut log = Log::new(bytes_max);
        for (count, time) in batches {
            let bytes = batch(*count, *time, b"packed").into();
            log.append(Batch::split(bytes).expect("a batch"));
        }
        log
    }

    fn bases(log: &Log, offset: i64) -> Result<Vec<i64>, OutOfRange> {
        let base = |bytes: &Bytes| i64::from_be_bytes(*bytes.first_chunk().expect("a batch"));
        log.from(offset).map(|found| found.map(base).collect())
    }

    #[test]
    fn a_read_begins_with_the_batch_that_holds_the_offset() {
        let log = log(10_000, &[(3, 10), (1, 30), (2, 20)]);
        assert_eq!((log.start(), log.end()), (0, 6));
        for (offset, expected) in [
            (0, vec![0, 3, 4]),
            (2, vec![0, 3, 4]),
            (3, vec![3, 4]),
            (5, vec![4]),
        ] {
            assert_eq!(bases(&log, offset), Ok(expected), "{offset}");
        }
        assert_eq!(bases(&log, 6), Ok(vec![]), "nothing yet");
        assert_eq!(bases(&log, 7), Err(OutOfRange));
        assert_eq!(bases(&log, -1), Err(OutOfRange));
        assert_eq!(log.at_time(11), Some((30, 3)));
        assert_eq!(log.at_time(31), None);
        assert_eq!(log.newest(), Some((30, 3)));
        assert_eq!(Log::new(1).newest(), None);
    }

    #[test]
    fn the_oldest_batches_go_and_the_latest_stays() {
        let one = batch(2, 10, b"packed").len();
        let full = log(3 * one, &[(2, 10); 7]);
        assert_eq!((full.start(), full.end(), full.bytes), (8, 14, 3 * one));
        assert_eq!(bases(&full, 7), Err(OutOfRange));
        let tiny = log(1, &[(2, 10); 2]);
        assert_eq!((tiny.start(), tiny.end()), (2, 4));
    }
}
