//! How far a connection is sent ahead of what its client has shown to have read.
//!
//! What a kernel acknowledges lies in its buffers, which may be of megabytes: whoever takes 1 KB a second and whoever
//! takes nothing look the same from here until those are full, and long after. So data is mixed with pings: an
//! answer to one shows that everything before it was read, and so does an `ack`. A client is sent only so much ahead
//! of its last answer, little at first and more as answers come at once.
//!
//! Not every client answers pings. The first ping is sent with the first message; once there is data, its answer is
//! waited for only a moment. Nothing is held back from a client that does not give it, or that was let go
//! ([`Pace::let_go`]), and its messages are not cut; for such a client the kernel's word has to do.

use std::collections::VecDeque;

use crate::limits::{
    AHEAD_BYTES_MAX, AHEAD_BYTES_MIN, AHEAD_STEPS, FIRST_ANSWER_MS_MAX, PINGS_OPEN_MAX,
    STEADY_BYTES_PER_SECOND_MIN,
};

/// See the module text. Bytes are those of data frames, from the beginning of the connection.
#[derive(Debug)]
pub(crate) struct Pace {
    send_timeout_ms: u64,
    answers: Answers,
    ahead_min: u64,
    ahead_max: u64,
    sent: Place,
    read_bytes: u64,
    /// Pings without an answer, in order.
    pings: VecDeque<Ping>,
    next_id: u64,
    /// Where the newest ping or answer is.
    marked: u64,
    /// A ping behind this place was sent after `ahead_max` last changed.
    changed: u64,
}

/// Whether the client's answers say how far it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// Not known yet. It is given until then, once there is data for it.
    Unknown {
        until_ms: Option<u64>,
    },
    Yes,
    No,
}

/// A place in what is sent.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    bytes: u64,
    /// Of them, payload of messages: what an `ack` counts.
    payload_bytes: u64,
}

#[derive(Debug)]
struct Ping {
    id: u64,
    place: Place,
    /// What the client had not shown to have read.
    unread: u64,
    sent_ms: u64,
}

impl Pace {
    pub(crate) fn new(send_timeout_ms: u64) -> Self {
        let steady = send_timeout_ms.saturating_mul(STEADY_BYTES_PER_SECOND_MIN) / 1_000;
        // A steady reader reads a step in a tenth of the timeout, and all of it in less than half.
        let ahead_min = (steady * 2 / 5).clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX);
        Self {
            send_timeout_ms,
            answers: Answers::Unknown { until_ms: None },
            ahead_min,
            ahead_max: ahead_min,
            sent: Place::default(),
            read_bytes: 0,
            pings: VecDeque::new(),
            next_id: 0,
            marked: 0,
            changed: 0,
        }
    }

    const fn step(&self) -> u64 {
        self.ahead_max / AHEAD_STEPS
    }

    const fn ahead(&self) -> u64 {
        self.sent.bytes - self.read_bytes
    }

    /// How much of a message of which so much is left is sent next; nothing while the client is to show that it reads.
    pub(crate) fn piece(&mut self, left: usize, now_ms: u64) -> Option<usize> {
        if let Answers::Unknown { until_ms } = &mut self.answers {
            let until_ms = *until_ms.get_or_insert(now_ms.saturating_add(FIRST_ANSWER_MS_MAX));
            if now_ms >= until_ms {
                self.answers = Answers::No;
            }
        }
        match self.answers {
            Answers::No => Some(left),
            Answers::Unknown { .. } => {
                let after = self.ahead().saturating_add(left as u64);
                (after <= self.ahead_max).then_some(left)
            }
            Answers::Yes => {
                let step = usize::try_from(self.step()).unwrap_or(usize::MAX);
                (self.ahead() < self.ahead_max).then_some(left.min(step))
            }
        }
    }

    /// When it is no longer waited for the first answer.
    pub(crate) const fn decides_ms(&self) -> Option<u64> {
        match self.answers {
            Answers::Unknown { until_ms } => until_ms,
            Answers::Yes | Answers::No => None,
        }
    }

    /// Takes note of a data frame.
    pub(crate) const fn sent(&mut self, frame_bytes: usize, payload_bytes: usize) {
        self.sent.bytes += frame_bytes as u64;
        self.sent.payload_bytes += payload_bytes as u64;
    }

    /// Whether a ping belongs behind what was sent.
    pub(crate) fn wants_ping(&self) -> bool {
        self.sent.bytes - self.marked >= self.step() && self.may_ping()
    }

    fn may_ping(&self) -> bool {
        self.answers == Answers::Yes && self.pings.len() < PINGS_OPEN_MAX
    }

    /// Whether nothing but an answer can tell that what was sent last was read, and none is asked for.
    pub(crate) fn is_unasked(&self) -> bool {
        self.sent.bytes > self.marked && self.may_ping()
    }

    /// A ping behind what was sent: its payload.
    pub(crate) fn ping(&mut self, now_ms: u64) -> [u8; 8] {
        let id = self.next_id;
        self.next_id += 1;
        self.pings.push_back(Ping {
            id,
            place: self.sent,
            unread: self.ahead(),
            sent_ms: now_ms,
        });
        self.marked = self.sent.bytes;
        id.to_be_bytes()
    }

    /// An answer to a ping; `true` if it shows anything.
    pub(crate) fn pong(&mut self, payload: &[u8], now_ms: u64) -> bool {
        let Ok(id) = payload.try_into().map(u64::from_be_bytes) else {
            return false;
        };
        if id >= self.next_id {
            return false;
        }
        let mut answered = None;
        // An answer covers the pings before it (RFC 6455, section 5.5.3).
        while let Some(ping) = self.pings.pop_front_if(|ping| ping.id <= id) {
            answered = Some(ping);
        }
        let Some(ping) = answered else {
            return false;
        };
        self.adapt(&ping, now_ms);
        self.read_to(ping.place.bytes);
        if self.answers != Answers::Yes {
            self.answers = Answers::Yes;
            // What it was sent until here may all be unread, and is no reason to wait.
            self.ahead_max = self.ahead_max.max(self.ahead());
        }
        true
    }

    /// An `ack` for that many bytes of payload. It shows what was read, but not that pings are answered.
    pub(crate) fn acked(&mut self, payload_bytes: u64) {
        let places = self.pings.iter().map(|ping| ping.place);
        let covered = places
            .chain([self.sent])
            .filter(|place| place.payload_bytes <= payload_bytes);
        if let Some(bytes) = covered.map(|place| place.bytes).max() {
            self.read_to(bytes);
        }
    }

    const fn read_to(&mut self, bytes: u64) {
        if bytes > self.read_bytes {
            self.read_bytes = bytes;
        }
        if bytes > self.marked {
            self.marked = bytes;
        }
    }

    /// At most two seconds' worth, at the default timeout, by how long what was unread before this ping took.
    fn adapt(&mut self, ping: &Ping, now_ms: u64) {
        if ping.place.bytes <= self.changed {
            return;
        }
        let took_ms = now_ms.saturating_sub(ping.sent_ms);
        let all_ms = took_ms.saturating_mul(self.ahead_max) / ping.unread.max(1);
        let fifth_ms = self.send_timeout_ms / 5;
        let ahead_max = if all_ms <= fifth_ms / 4 {
            self.ahead_max.saturating_mul(4)
        } else if all_ms <= fifth_ms {
            self.ahead_max.saturating_mul(2)
        } else if all_ms > 2 * fifth_ms && ping.unread >= self.ahead_max / 2 {
            self.ahead_max / 2
        } else {
            return;
        };
        self.ahead_max = ahead_max.clamp(self.ahead_min, AHEAD_BYTES_MAX);
        self.changed = self.sent.bytes;
    }

    /// Whether the client was sent what it has not shown to have read; nothing if its answers do not tell.
    pub(crate) fn is_unread(&self) -> Option<bool> {
        (self.answers == Answers::Yes).then_some(self.sent.bytes > self.read_bytes)
    }

    /// Holds nothing back from a client that no longer answers: it may still read. `false` if nothing was.
    pub(crate) fn let_go(&mut self) -> bool {
        let answered = self.answers == Answers::Yes;
        self.answers = Answers::No;
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client's kernel and the client itself have of what was sent.
    #[derive(Default)]
    struct Reader {
        now_ms: u64,
        read: u64,
        pings: VecDeque<(u64, [u8; 8])>,
    }

    impl Reader {
        /// Reads so fast for so long, while everything is sent that may be. Says how far it was behind at most, in
        /// bytes, and the longest time without an answer.
        fn read_at(&mut self, pace: &mut Pace, bytes_per_second: u64, seconds: u64) -> (u64, u64) {
            const TICK_MS: u64 = 10;
            let (mut behind, mut silence_ms, mut answered_ms) = (0, 0, self.now_ms);
            for _ in (0..seconds * 1_000).step_by(10) {
                while let Some(piece) = pace.piece(65_536, self.now_ms) {
                    pace.sent(piece, piece);
                    if pace.wants_ping() {
                        let id = pace.ping(self.now_ms);
                        self.pings.push_back((pace.sent.bytes, id));
                    }
                }
                behind = behind.max(pace.sent.bytes - self.read);
                self.now_ms += TICK_MS;
                self.read += bytes_per_second * TICK_MS / 1_000;
                self.read = self.read.min(pace.sent.bytes);
                while let Some((_, id)) = self.pings.pop_front_if(|(at, _)| *at <= self.read) {
                    assert!(pace.pong(&id, self.now_ms));
                    silence_ms = silence_ms.max(self.now_ms - answered_ms);
                    answered_ms = self.now_ms;
                }
            }
            (behind, silence_ms)
        }
    }

    fn answering(send_timeout_ms: u64) -> Pace {
        let mut pace = Pace::new(send_timeout_ms);
        let first = pace.ping(0);
        assert!(pace.pong(&first, 1));
        pace
    }

    /// M-1009: whoever takes 1 KB a second answers in time, whatever the timeout and however large its buffers are.
    #[test]
    fn a_steady_reader_answers_within_half_of_the_timeout() {
        for send_timeout_ms in [2_000, 5_000, 30_000, 300_000] {
            let mut pace = answering(send_timeout_ms);
            let (behind, silence_ms) = Reader::default().read_at(&mut pace, 1_000, 3_000);
            let most = send_timeout_ms / 2;
            assert!(
                behind <= most && silence_ms < most,
                "{behind} bytes, {silence_ms} ms"
            );
        }
    }

    /// Whoever reads faster is sent more ahead, and may slow down to a fifth at once.
    #[test]
    fn a_quick_reader_may_slow_down_to_a_fifth() {
        for bytes_per_second in [10_000, 100_000, 1_000_000, 10_000_000] {
            let (mut pace, mut reader) = (answering(5_000), Reader::default());
            let (behind, _) = reader.read_at(&mut pace, bytes_per_second, 60);
            let share = behind * 100 / bytes_per_second;
            assert!(
                (20..300).contains(&share),
                "{share} % of {bytes_per_second}"
            );
            let (_, silence_ms) = reader.read_at(&mut pace, bytes_per_second / 5, 60);
            assert!(silence_ms <= 2_600, "{silence_ms} ms at {bytes_per_second}");
        }
    }

    #[test]
    fn nothing_is_held_back_from_one_that_answers_nothing() {
        let mut pace = Pace::new(5_000);
        pace.ping(0);
        assert_eq!(pace.decides_ms(), None, "nobody waits yet");
        assert_eq!(pace.piece(500, 9_000), Some(500));
        assert_eq!(pace.piece(1 << 20, 9_001), None, "it may still answer");
        let decides_ms = 9_000 + FIRST_ANSWER_MS_MAX;
        assert_eq!(pace.decides_ms(), Some(decides_ms));
        for _ in 0..100 {
            assert_eq!(pace.piece(1 << 20, decides_ms), Some(1 << 20));
            pace.sent(1 << 20, 1 << 20);
            assert!(!pace.wants_ping() && !pace.is_unasked());
        }
        assert_eq!(pace.is_unread(), None);
        pace.acked(10);
        assert_eq!(pace.is_unread(), None, "an ack is no answer to a ping");
    }

    #[test]
    fn an_ack_shows_what_was_read() {
        let mut pace = answering(5_000);
        while let Some(piece) = pace.piece(65_536, 5) {
            pace.sent(piece + 4, piece);
            if pace.wants_ping() {
                pace.ping(5);
            }
        }
        pace.acked(pace.sent.payload_bytes - 1);
        assert_eq!((pace.is_unread(), pace.piece(1, 5)), (Some(true), Some(1)));
        pace.acked(pace.sent.payload_bytes);
        assert_eq!(pace.is_unread(), Some(false));
    }

    /// One whose answers come late is sent less ahead, but never less than a steady reader needs.
    #[test]
    fn late_answers_make_it_less() {
        let mut pace = answering(5_000);
        let least = pace.ahead_max;
        let ask = |pace: &mut Pace, took_ms: u64| {
            pace.sent(usize::try_from(pace.ahead_max).expect("bounded"), 1);
            let id = pace.ping(0);
            assert!(pace.pong(&id, took_ms));
            pace.ahead_max
        };
        assert_eq!(ask(&mut pace, 200), 4 * least);
        assert_eq!(ask(&mut pace, 900), 8 * least);
        assert_eq!(ask(&mut pace, 1_500), 8 * least);
        assert_eq!(ask(&mut pace, 2_500), 4 * least);
        (0..9).for_each(|_| assert!(ask(&mut pace, 9_000) >= least));
        assert_eq!(pace.ahead_max, least);
        (0..40).for_each(|_| assert!(ask(&mut pace, 0) <= AHEAD_BYTES_MAX));
        assert_eq!(pace.ahead_max, AHEAD_BYTES_MAX);
    }
}
