//! One client's cursor in one partition: where it is, what stands in its way, and what could be sent next.

use alloc::vec::Vec;

use decode_core::frame::FrameWriter;
use decode_core::wire::{FRAME_HEADER_LEN, GapCause};

use super::behind::{Behind, Trouble, Verdict};
use crate::Millis;
use crate::control::{Decimal, Fingerprint, RelayMessage};
use crate::history::{Answer, Fetch};
use crate::limits::{AHEAD_WAIT_MS, FETCH_BYTES};
use crate::log::{PartitionView, Read, RecordAt, Slice, TailLog};

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) partition: u32,
    pub(super) position: u64,
    /// Where the replay ends.
    pub(super) head: u64,
    /// Bytes it may send this turn; below zero after a frame larger than a turn.
    pub(super) deficit: i64,
    /// Which log of the partition its position belongs to; none where that is one before.
    incarnation: Option<u64>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It reads the log at its position.
    AtLog,
    /// Whether its position is one of this log is not decided, and so neither is how far its replay goes.
    Unverified {
        /// The client's last record, until the log reaches so far and it can be compared.
        last: Option<Fingerprint>,
        /// Since when the position lies beyond Kafka's end.
        ahead_since: Option<Millis>,
    },
    /// A gap to be sent before anything else, from its position to here.
    Gap { to: u64, cause: GapCause },
    /// Its position lies behind memory, and somebody may have it.
    Behind(Behind),
}

/// What a lane has.
pub(super) enum Look {
    /// A message that explains a jump; the data that follows it continues there.
    Tell(RelayMessage),
    Ready(Slice),
    /// A question. It counts as asked once the lane is told so.
    Wants(Fetch),
    Nothing,
}

impl Lane {
    pub(super) const fn new(view: &PartitionView, position: u64, head: u64) -> Self {
        Self {
            partition: view.partition,
            position,
            head,
            deficit: 0,
            incarnation: Some(view.incarnation),
            state: State::AtLog,
        }
    }

    /// A lane of a cursor that a client brings, with the last record before it.
    pub(super) fn resumed(
        view: &PartitionView,
        position: u64,
        last: Option<Fingerprint>,
        now: Millis,
    ) -> Self {
        let ahead_since = (position > view.head).then_some(now);
        let mut lane = Self::new(view, position, view.head);
        if last.is_some() || ahead_since.is_some() {
            lane.state = State::Unverified { last, ahead_since };
        }
        lane
    }

    pub(super) const fn passed_head(&self) -> bool {
        let is_decided = !matches!(self.state, State::Unverified { .. });
        is_decided && self.incarnation.is_some() && self.position >= self.head
    }

    /// Whether all that the log has was sent, and it gets no more until somebody releases it.
    pub(super) fn is_blocked(&self, log: &TailLog) -> bool {
        let paused = log.partition(self.partition).filter(|view| view.paused);
        let is_ahead = matches!(
            self.state,
            State::Unverified {
                ahead_since: Some(_),
                ..
            }
        );
        let is_decided = !is_ahead && self.incarnation.is_some();
        is_decided && paused.is_some_and(|view| self.position >= view.end)
    }

    /// Whether it holds a question or an answer.
    pub(super) const fn is_fetching(&self) -> bool {
        matches!(
            self.state,
            State::Behind(Behind::Asked { .. } | Behind::Answered(_))
        )
    }

    /// What this lane could send now; it does not move.
    pub(super) fn look(
        &mut self,
        log: &TailLog,
        bytes_max: usize,
        now: Millis,
        until_ms: &mut Option<Millis>,
    ) -> Look {
        if let State::Gap { to, cause } = self.state {
            return Look::Ready(self.gap(to, cause));
        }
        self.compare(log);
        if log.incarnation(self.partition) != self.incarnation
            && let Some(view) = log.partition(self.partition)
        {
            return self.start_over(&view);
        }
        if let State::Behind(behind) = &mut self.state {
            let due = behind.expire(now);
            match behind {
                Behind::Answered(segment) => {
                    return Look::Ready(segment.slice(self.position, bytes_max));
                }
                Behind::Lost { to, cause } => {
                    let (to, cause) = (*to, *cause);
                    return self.lost(to, cause);
                }
                Behind::Retry { at_ms, .. } if *at_ms <= now => {}
                Behind::Retry { .. } | Behind::Asked { .. } => {
                    wake_at(until_ms, due);
                    return Look::Nothing;
                }
            }
        }
        self.look_at_log(log, bytes_max, now, until_ms)
    }

    fn look_at_log(
        &mut self,
        log: &TailLog,
        bytes_max: usize,
        now: Millis,
        until_ms: &mut Option<Millis>,
    ) -> Look {
        let found = log.read(self.partition, self.position, bytes_max);
        if !matches!(found, Read::Ahead { .. } | Read::Behind { .. }) {
            self.state = State::AtLog;
        }
        match found {
            Read::Data(slice) => Look::Ready(slice),
            Read::CaughtUp | Read::Unknown => Look::Nothing,
            Read::Behind {
                held_from,
                earliest,
            } => {
                if self.position < earliest {
                    return self.lost(earliest, GapCause::Evicted);
                }
                Look::Wants(Fetch {
                    partition: self.partition,
                    incarnation: self.incarnation.unwrap_or_default(),
                    from: self.position,
                    until: held_from,
                    bytes_max: FETCH_BYTES,
                })
            }
            Read::Ahead { .. } => self.ahead(log, now, until_ms),
        }
    }

    /// The question is on its way.
    pub(super) fn asked(&mut self, fetch: Fetch, now: Millis) {
        let trouble = match self.state {
            State::Behind(Behind::Retry { trouble, .. }) => trouble,
            State::AtLog | State::Unverified { .. } | State::Gap { .. } | State::Behind(_) => {
                Trouble::default()
            }
        };
        self.state = State::Behind(Behind::ask(fetch, trouble, now));
    }

    pub(super) fn answered(&mut self, fetch: &Fetch, answer: Answer, now: Millis) -> Verdict {
        match &mut self.state {
            State::Behind(behind) => behind.answered(fetch, answer, now),
            State::AtLog | State::Unverified { .. } | State::Gap { .. } => Verdict::Stale,
        }
    }

    /// Only another record in the place of the client's last one shows that its position belongs to
    /// another topic; where there is none, nothing is known.
    fn compare(&mut self, log: &TailLog) {
        let State::Unverified { last, .. } = &mut self.state else {
            return;
        };
        let Some(record) = *last else {
            return;
        };
        let found = log.record_at(self.partition, record.offset);
        if found == RecordAt::NotYet {
            return;
        }
        *last = None;
        if !matches!(found, RecordAt::Unknown) && found != RecordAt::At(record.timestamp_ms) {
            self.incarnation = None;
        }
    }

    /// A cursor beyond the log: Kafka has it and the log does not yet, or it points nowhere.
    fn ahead(&mut self, log: &TailLog, now: Millis, until_ms: &mut Option<Millis>) -> Look {
        let Some(view) = log.partition(self.partition) else {
            return Look::Nothing;
        };
        let (last, since) = match self.state {
            State::Unverified { last, ahead_since } => (last, ahead_since),
            State::AtLog | State::Gap { .. } | State::Behind(_) => (None, None),
        };
        if self.position <= view.head {
            self.state = match last {
                Some(_) => State::Unverified {
                    last,
                    ahead_since: None,
                },
                None => State::AtLog,
            };
            return Look::Nothing;
        }
        let since = since.unwrap_or(now);
        self.state = State::Unverified {
            last,
            ahead_since: Some(since),
        };
        let deadline = since + AHEAD_WAIT_MS;
        if now < deadline {
            wake_at(until_ms, Some(deadline));
            return Look::Nothing;
        }
        self.reset(view.earliest, view.head)
    }

    /// The topic was recreated. What this client had not got of the old one goes with it, by name;
    /// then it begins where the new one's log does.
    fn start_over(&mut self, view: &PartitionView) -> Look {
        if self.position < view.former_end {
            let cause = view.former_cause;
            self.state = State::Gap {
                to: view.former_end,
                cause,
            };
            return Look::Ready(self.gap(view.former_end, cause));
        }
        self.incarnation = Some(view.incarnation);
        self.reset(view.origin, view.head)
    }

    fn reset(&mut self, position: u64, head: u64) -> Look {
        let requested = Decimal(core::mem::replace(&mut self.position, position));
        self.head = head;
        self.state = State::AtLog;
        Look::Tell(RelayMessage::TopicReset {
            partition: self.partition,
            requested,
            position: Decimal(position),
        })
    }

    /// What lies before `to` can't be had: first the message, then the gap.
    fn lost(&mut self, to: u64, cause: GapCause) -> Look {
        self.state = State::Gap { to, cause };
        Look::Tell(RelayMessage::CursorStale {
            partition: self.partition,
            requested: Decimal(self.position),
            oldest: Decimal(to),
        })
    }

    /// The one frame that is made for a client: what its cursor missed.
    fn gap(&self, end: u64, cause: GapCause) -> Slice {
        let mut bytes = Vec::with_capacity(FRAME_HEADER_LEN);
        let mut writer = FrameWriter::new(self.partition, self.position);
        writer.gap(&mut bytes, self.position, end - 1, cause);
        Slice {
            bytes: bytes.into(),
            frames: 1,
            next: end,
        }
    }

    pub(super) fn advance(&mut self, slice: &Slice) {
        self.position = slice.next;
        self.deficit -= slice.bytes.len() as i64;
        let rests =
            matches!(&self.state, State::Behind(Behind::Answered(s)) if self.position < s.end());
        if !rests {
            self.state = State::AtLog;
        }
    }
}

fn wake_at(until_ms: &mut Option<Millis>, at_ms: Option<Millis>) {
    *until_ms = until_ms.iter().copied().chain(at_ms).min();
}
