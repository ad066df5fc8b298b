//! A bound on log lines that anybody can provoke who connects, or writes to a topic: so many in a while, and
//! then one that says how many were left out.

/// Lines in one span.
const LINES_MAX: u32 = 10;
/// Length of a span.
const SPAN_MS: u64 = 10_000;

/// Counts lines against the bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogLimit {
    begin_ms: u64,
    lines: u32,
    left_out: u64,
}

impl LogLimit {
    /// Whether a line may be written now, and how many were left out since the last one.
    pub fn allow(&mut self, now_ms: u64) -> Option<u64> {
        if now_ms.saturating_sub(self.begin_ms) >= SPAN_MS {
            self.begin_ms = now_ms;
            self.lines = 0;
        }
        if self.lines >= LINES_MAX {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BND-16: a flood of refusals writes a bounded number of lines, and none is uncounted.
    #[test]
    fn a_flood_becomes_a_few_lines_and_a_number() {
        let mut limit = LogLimit::default();
        let said = (0..1_000).filter_map(|_| limit.allow(5)).count();
        assert_eq!(said, LINES_MAX as usize);
        assert_eq!(limit.allow(SPAN_MS), Some(990));
        assert_eq!(limit.allow(SPAN_MS), Some(0));
    }
}
