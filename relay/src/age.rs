//! Whether a record was there before the relay's time.

use dashstream_counters::labels;

labels! {
    /// Old trouble is no news: it is counted apart and raises no alarm.
    pub enum Age {
        New = "new",
        Old = "old",
    }
}

impl Age {
    /// That of an offset in a partition whose old records end at `boundary`.
    pub const fn of(offset: u64, boundary: u64) -> Self {
        if offset < boundary {
            Self::Old
        } else {
            Self::New
        }
    }
}
