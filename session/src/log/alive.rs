//! Which bytes of segments are alive. A client that is being sent a segment keeps it although the log has evicted it:
//! what that comes to is part of a relay's memory and not of its log.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::Segment;

/// Counts the bytes of the segments that it was given and that somebody still holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Alive(Arc<AtomicUsize>);

impl Alive {
    /// The same segment, counted until the last slice of it is dropped.
    pub(super) fn count(&self, segment: Segment) -> Segment {
        segment.held_by(|bytes| {
            self.0.fetch_add(bytes.len(), Ordering::Relaxed);
            let alive = self.clone();
            Bytes::from_owner(Counted { bytes, alive })
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct Counted {
    bytes: Bytes,
    alive: Alive,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}
