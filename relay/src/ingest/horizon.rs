//! Old and new: what was in a partition before the relay's time is history, and trouble in it is no
//! news. A pure value per partition, decided by offsets only, as clocks may be wrong.

/// Where the relay's time begins in one partition, and whether the start has been caught up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Horizon {
    boundary: u64,
    target: u64,
    is_reached: bool,
}

/// What is known when a partition is first read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was there when the relay started: what it held then is old.
    AtStart,
    /// It was found while the relay ran, or recreated: all of it is new.
    Later,
}

impl Horizon {
    /// `end` is where the partition ended when it was first looked at.
    pub(super) fn new(boundary: u64, end: u64) -> Self {
        Self {
            boundary,
            target: end,
            is_reached: false,
        }
    }

    /// Records below this offset are old.
    pub(super) fn boundary(&self) -> u64 {
        self.boundary
    }

    /// Whether the end found at start is still ahead of `position`. Once it was reached this stays
    /// so, also where the position reached it without a record.
    pub(super) fn is_catching_up(&mut self, position: u64) -> bool {
        self.is_reached |= position >= self.target;
        !self.is_reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MET-10: catching up ends at the end found at start, with or without a record there.
    #[test]
    fn catching_up_ends_once() {
        let mut horizon = Horizon::new(4, 10);
        assert!(horizon.is_catching_up(3) && horizon.is_catching_up(9));
        assert!(!horizon.is_catching_up(10));
        assert!(!horizon.is_catching_up(4), "a step back is no new start");
        assert!(!Horizon::new(0, 0).is_catching_up(0), "empty");
    }
}
