//! Whether a record was there before the relay's time.

use dashstream_counters::labels;

labels! {
    /// What is wrong with historical records is counted apart and raises no alert.
    pub enum Age {
        New = "new",
        Historical = "old",
    }
}

impl Age {
    /// That of an offset in a partition whose historical records end at `boundary`.
    pub const fn of(offset: u64, boundary: u64) -> Self {
        if offset < boundary {
            Self::Historical
        } else {
            Self::New
        }
    }
}
