//! How much memory reading may take, whatever brokers send: one number for what was fetched and one for what
//! is being unpacked, over all partitions. Whoever needs memory waits for it. What is fetched can be unpacked
//! without more of it being fetched, so that nobody waits for himself.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one piece of unpacked records, unless a single record is larger.
pub(crate) const CHUNK_BYTES: usize = 1024 * 1024;
/// Most bytes that are unpacked in one piece, where the codec knows no smaller one.
pub(crate) const WHOLE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The bounds, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Answers that were fetched and not yet taken, of all partitions. Also the largest answer: a batch that
    /// alone is larger is reported and passed over.
    pub fetched: usize,
    /// What is unpacked at a time, of all partitions.
    pub unpacked: usize,
    /// Largest record in a compressed batch; a larger one is reported and passed over.
    pub record: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fetched: 48 * 1024 * 1024,
            unpacked: 40 * 1024 * 1024,
            record: 12 * 1024 * 1024,
        }
    }
}

/// What was taken of a budget; given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Share {
    permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    pub(crate) fn bytes(&self) -> usize {
        self.permit
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Takes a part out; less where there is less.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes());
        Self {
            permit: self.permit.as_mut().and_then(|permit| permit.split(bytes)),
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        match (&mut self.permit, other.permit) {
            (Some(permit), Some(other)) => permit.merge(other),
            (permit @ None, other) => *permit = other,
            (Some(_), None) => {}
        }
    }
}

/// One of the two budgets.
#[derive(Debug)]
pub(crate) struct Budget {
    free: Arc<Semaphore>,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let bytes = bytes.min(u32::MAX as usize);
        Self {
            free: Arc::new(Semaphore::new(bytes)),
            bytes,
        }
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn used(&self) -> usize {
        self.bytes.saturating_sub(self.free.available_permits())
    }

    /// Waits for that much; for all of it where more is asked for than there is.
    pub(crate) async fn take(&self, bytes: usize) -> Share {
        let count = u32::try_from(bytes.min(self.bytes)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.free).acquire_many_owned(count).await;
        // It is never closed.
        Share {
            permit: permit.ok(),
        }
    }

    /// What is free now, at most `bytes`.
    pub(crate) fn take_free(&self, bytes: usize) -> Share {
        let bytes = bytes.min(self.free.available_permits());
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.free).try_acquire_many_owned(count);
        Share {
            permit: permit.ok(),
        }
    }
}

/// All budgets of a client.
#[derive(Debug)]
pub(crate) struct Budgets {
    pub fetched: Budget,
    pub unpacked: Budget,
    /// One partition at a time unpacks a record larger than a piece: whoever holds a piece may wait for this,
    /// and whoever has this waits for nothing.
    pub large: Budget,
    pub record_max: usize,
}

impl Budgets {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            fetched: Budget::new(limits.fetched.max(CHUNK_BYTES)),
            unpacked: Budget::new(limits.unpacked.max(2 * WHOLE_BYTES_MAX)),
            large: Budget::new(limits.record),
            record_max: limits.record,
        }
    }
}

/// What is held now, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Answers fetched and not yet taken.
    pub fetched: usize,
    /// Unpacked records, and what unpacking takes.
    pub unpacked: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_taken_comes_back_whole() {
        let budget = Budget::new(100);
        let mut all = budget.take(1_000).await;
        assert_eq!(
            (all.bytes(), budget.used()),
            (100, 100),
            "more than there is"
        );
        let part = all.split(30);
        drop(all);
        assert_eq!(budget.used(), 30);
        let mut rest = budget.take_free(500);
        assert_eq!(rest.bytes(), 70);
        assert_eq!(budget.take_free(1).bytes(), 0);
        rest.join(part);
        assert_eq!(rest.bytes(), 100);
        drop(rest);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn who_finds_nothing_waits() {
        let budget = Budget::new(10);
        let held = budget.take(8).await;
        let waiting = budget.take(5);
        tokio::pin!(waiting);
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("there were 2 left"),
            () = tokio::task::yield_now() => {}
        }
        drop(held);
        assert_eq!(waiting.await.bytes(), 5);
    }
}
