//! A token bucket over control messages.

use crate::Millis;
use crate::limits::CONTROL_PER_SECOND_MAX;

#[derive(Debug)]
pub(super) struct Bucket {
    tokens: u32,
    refilled_ms: Millis,
}

impl Bucket {
    pub(super) const fn new(now: Millis) -> Self {
        Self {
            tokens: CONTROL_PER_SECOND_MAX,
            refilled_ms: now,
        }
    }

    pub(super) fn take(&mut self, now: Millis) -> bool {
        let elapsed = now.saturating_sub(self.refilled_ms);
        let earned = elapsed * u64::from(CONTROL_PER_SECOND_MAX) / 1_000;
        if earned > 0 {
            self.refilled_ms = now;
            let tokens = u64::from(self.tokens).saturating_add(earned);
            self.tokens = tokens.min(u64::from(CONTROL_PER_SECOND_MAX)) as u32;
        }
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }
}
