//! How a client keeps up: what it received and has not disposed of, how long that waited, and what it
//! could not decode. The page shows it and `report` tells the relay.
//!
//! Samples and their expiry go by the one clock of the machine.

use crate::Millis;
use crate::control::Report;
use crate::limits::REPORT_INTERVAL_MS;

/// Of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeepingUp {
    frames_received: u64,
    frames_disposed: u64,
    messages_received: u64,
    messages_disposed: u64,
    undecodable: u64,
    /// Since when there is something to dispose of.
    behind_since: Option<Millis>,
    began_ms: Millis,
    /// Longest lag since `began_ms`, and in the interval before.
    longest_ms: Millis,
    longest_before_ms: Millis,
    /// Sum of the lags of messages since `began_ms`, and how many; and in the interval before.
    sum: (Millis, u64),
    sum_before: (Millis, u64),
    /// When a report is due; none where nothing was received since the last one.
    due_ms: Option<Millis>,
}

impl KeepingUp {
    pub(super) fn received(&mut self, frames: u64, now: Millis) {
        self.frames_received += frames;
        self.messages_received += 1;
        self.behind_since.get_or_insert(now);
        self.due_ms.get_or_insert(now + REPORT_INTERVAL_MS);
    }

    pub(super) const fn disposed(&mut self) {
        self.frames_disposed += 1;
    }

    pub(super) fn disposed_message(&mut self, everything: bool, now: Millis) {
        self.messages_disposed += 1;
        let Some(since) = self.behind_since else {
            return;
        };
        self.expire(now);
        let lag = now.saturating_sub(since);
        self.longest_ms = self.longest_ms.max(lag);
        self.sum = (self.sum.0 + lag, self.sum.1 + 1);
        if everything {
            self.behind_since = None;
        }
    }

    pub(super) const fn undecodable(&mut self, records: u64) {
        self.undecodable += records;
    }

    pub(super) const fn due_ms(&self) -> Option<Millis> {
        self.due_ms
    }

    pub(super) fn report_if_due(&mut self, now: Millis) -> Option<Report> {
        if now < self.due_ms? {
            return None;
        }
        self.due_ms = None;
        Some(Report {
            apply_lag_ms: self.lag_ms(now),
            backlog_frames: self.backlog_frames(),
            rejects: self.undecodable,
        })
    }

    /// The longest lag of the running interval and the one before it.
    pub(super) fn lag_ms(mut self, now: Millis) -> Millis {
        self.expire(now);
        let waiting = self
            .behind_since
            .map_or(0, |since| now.saturating_sub(since));
        waiting.max(self.longest_ms).max(self.longest_before_ms)
    }

    /// The mean lag of the messages of the same time; where one is waited for and none is done, for how long.
    pub(super) fn mean_lag_ms(mut self, now: Millis) -> Millis {
        self.expire(now);
        let (sum, messages) = (
            self.sum.0 + self.sum_before.0,
            self.sum.1 + self.sum_before.1,
        );
        match (messages, self.behind_since) {
            (0, None) => 0,
            (0, Some(since)) => now.saturating_sub(since),
            (messages, _) => sum / messages,
        }
    }

    pub(super) const fn backlog_messages(&self) -> u64 {
        self.messages_received
            .saturating_sub(self.messages_disposed)
    }

    pub(super) const fn backlog_frames(&self) -> u64 {
        self.frames_received.saturating_sub(self.frames_disposed)
    }

    const fn expire(&mut self, now: Millis) {
        let intervals = now.saturating_sub(self.began_ms) / REPORT_INTERVAL_MS;
        if intervals > 0 {
            let is_next = intervals == 1;
            self.longest_before_ms = if is_next { self.longest_ms } else { 0 };
            self.sum_before = if is_next { self.sum } else { (0, 0) };
            self.longest_ms = 0;
            self.sum = (0, 0);
            self.began_ms += intervals * REPORT_INTERVAL_MS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MET-15: what is counted and what has expired goes by one clock, whatever it shows at the start.
    #[test]
    fn a_lag_is_remembered_for_one_to_two_intervals() {
        for start in [0, 1_700_000_000_000] {
            let mut up = KeepingUp::default();
            up.received(3, start);
            assert_eq!((up.lag_ms(start + 70), up.backlog_frames()), (70, 3));
            (0..3).for_each(|_| up.disposed());
            up.disposed_message(true, start + 80);
            assert_eq!((up.lag_ms(start + 90), up.backlog_frames()), (80, 0));
            assert_eq!(up.lag_ms(start + REPORT_INTERVAL_MS - 1), 80);
            assert_eq!(up.lag_ms(start + 2 * REPORT_INTERVAL_MS), 0);
            up.received(1, start + 2 * REPORT_INTERVAL_MS);
            up.disposed_message(true, start + 2 * REPORT_INTERVAL_MS + 7);
            assert_eq!(up.lag_ms(start + 2 * REPORT_INTERVAL_MS + 8), 7);
        }
    }

    /// MET-14, MET-15: average and worst are of the same messages and leave the window together; what waits is
    /// counted in messages.
    #[test]
    fn the_mean_lag_and_the_backlog_are_of_messages() {
        for start in [0, 1_700_000_000_000] {
            let mut up = KeepingUp::default();
            for lag in [10, 20, 90] {
                up.received(5, start + 100);
                assert_eq!(up.backlog_messages(), 1);
                up.disposed_message(true, start + 100 + lag);
            }
            let now = start + 300;
            assert_eq!((up.mean_lag_ms(now), up.lag_ms(now)), (40, 90));
            assert_eq!(up.backlog_messages(), 0);
            let late = start + 2 * REPORT_INTERVAL_MS;
            assert_eq!((up.mean_lag_ms(late), up.lag_ms(late)), (0, 0));
            (0..7).for_each(|_| up.received(1, late));
            assert_eq!((up.mean_lag_ms(late + 30), up.backlog_messages()), (30, 7));
        }
    }

    #[test]
    fn what_waits_behind_others_waits_as_long_as_they_do() {
        let mut up = KeepingUp::default();
        up.received(1, 10);
        up.received(1, 20);
        up.disposed_message(false, 30);
        assert_eq!(up.lag_ms(50), 40);
        up.disposed_message(true, 60);
        assert_eq!(up.lag_ms(1_000), 50);
    }

    #[test]
    fn reports_are_an_interval_apart_and_only_where_something_came() {
        let mut up = KeepingUp::default();
        assert_eq!((up.due_ms(), up.report_if_due(1 << 40)), (None, None));
        up.received(2, 100);
        up.disposed();
        up.undecodable(1);
        assert_eq!(up.report_if_due(99 + REPORT_INTERVAL_MS), None);
        let due = 100 + REPORT_INTERVAL_MS;
        assert_eq!(up.due_ms(), Some(due));
        let report = Report {
            apply_lag_ms: REPORT_INTERVAL_MS,
            backlog_frames: 1,
            rejects: 1,
        };
        assert_eq!(up.report_if_due(due), Some(report));
        assert_eq!(up.report_if_due(due), None);
        up.received(1, due + 1);
        assert_eq!(up.due_ms(), Some(due + 1 + REPORT_INTERVAL_MS));
    }
}
