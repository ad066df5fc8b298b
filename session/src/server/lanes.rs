//! One client's cursors, and whose turn it is: deficit round robin by bytes, so that a busy
//! partition cannot starve a quiet one, in replay and live alike.

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use decode_core::frame::FrameWriter;
use decode_core::wire::{ErrorCode, FRAME_HEADER_LEN, GapCause, MESSAGE_BYTES_TARGET};

use crate::Millis;
use crate::control::{
    ByPartition, ControlError, Decimal, Fingerprint, From, Partition, RelayMessage, Resume,
};
use crate::limits::{AHEAD_WAIT_MS, TURN_BYTES};
use crate::log::{PartitionView, Read, RecordAt, Slice, TailLog};

/// What the lanes have for the connection.
pub(super) enum Next {
    Data(Slice),
    /// A message that explains a jump; the data that follows it continues there.
    Tell(RelayMessage),
    NoCredit,
    Idle {
        until_ms: Option<Millis>,
    },
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    turn: usize,
    /// Whether the lane whose turn it is has got its bytes for it.
    granted: bool,
}

#[derive(Debug)]
struct Lane {
    partition: u32,
    position: u64,
    /// Where the replay ends.
    head: u64,
    /// Bytes it may send this turn; below zero after a frame larger than a turn.
    deficit: i64,
    /// Since when its cursor points beyond Kafka's end: whether it is waited for or set back is
    /// not decided, and so neither is how far its replay goes.
    ahead_since: Option<Millis>,
    /// Which log of the partition its position belongs to; none where that is one before.
    incarnation: Option<u64>,
    /// The client's last record, until the log reaches so far and it can be compared.
    unproven: Option<Fingerprint>,
    /// A gap to send before anything else, from its position to here.
    gap_to: Option<(u64, GapCause)>,
}

impl Lanes {
    /// Opens a lane per partition, all heads fixed in one step.
    pub(super) fn open(resume: &Resume, log: &TailLog, now: Millis) -> Result<Self, ControlError> {
        let unknown: Vec<_> = resume
            .positions
            .keys()
            .filter(|p| log.partition(p.0).is_none())
            .map(|p| p.0.to_string())
            .collect();
        if !unknown.is_empty() {
            let text = format!("{} unknown partitions", unknown.len());
            let mut error = ControlError::new(ErrorCode::InvalidPartition, text);
            error.invalid_partitions = unknown;
            error
                .invalid_partitions
                .truncate(crate::control::LISTED_MAX);
            return Err(error);
        }
        let lanes = log
            .partitions()
            .map(|p| {
                let partition = Partition(p.partition);
                let wanted = resume.positions.get(&partition).map(|d| d.0);
                let position = match resume.from {
                    // What a partition lost since the log began it is told as a gap, also to a
                    // client that never heard of the partition.
                    From::Cursor => wanted.unwrap_or(p.origin),
                    From::Earliest => p.earliest,
                    From::Latest => p.end,
                };
                let mut lane = Lane::new(&p, position, p.end);
                lane.ahead_since = (position > p.end).then_some(now);
                if resume.from == From::Cursor {
                    lane.unproven = resume.fingerprint(partition);
                }
                lane
            })
            .collect();
        Ok(Self {
            lanes,
            turn: 0,
            granted: false,
        })
    }

    pub(super) fn heads_and_positions(&self) -> (ByPartition, ByPartition) {
        let heads = self
            .lanes
            .iter()
            .map(|l| (Partition(l.partition), Decimal(l.head)));
        let positions = self
            .lanes
            .iter()
            .map(|l| (Partition(l.partition), Decimal(l.position)));
        (heads.collect(), positions.collect())
    }

    /// Offsets between the cursors and the heads: an estimate, as offsets are sparse.
    pub(super) fn behind(&self) -> u64 {
        self.lanes
            .iter()
            .map(|l| l.head.saturating_sub(l.position))
            .sum()
    }

    /// Whether the replay is over: every head is passed, but for partitions that stand still.
    pub(super) fn passed_heads(&self, log: &TailLog) -> bool {
        self.lanes
            .iter()
            .all(|lane| lane.passed_head() || lane.is_blocked(log))
    }

    pub(super) fn last_offsets(&self) -> ByPartition {
        self.lanes
            .iter()
            .filter_map(|l| Some((Partition(l.partition), Decimal(l.position.checked_sub(1)?))))
            .collect()
    }

    /// Takes up partitions that were found since; the client is told before their data comes.
    pub(super) fn adopt_new(&mut self, log: &TailLog) -> Option<RelayMessage> {
        if log.partition_count() == self.lanes.len() {
            return None;
        }
        let mut partitions = ByPartition::new();
        for p in log.partitions() {
            let at = self
                .lanes
                .binary_search_by_key(&p.partition, |lane| lane.partition);
            if let Err(at) = at {
                let position = Decimal(p.origin);
                partitions.insert(Partition(p.partition), crate::control::Start { position });
                self.lanes.insert(at, Lane::new(&p, p.origin, p.origin));
            }
        }
        (!partitions.is_empty()).then_some(RelayMessage::Partitions { partitions })
    }

    /// The next message within `credit` bytes. With `force`, one frame goes whatever its size.
    pub(super) fn next(&mut self, log: &TailLog, now: Millis, credit: u64, force: bool) -> Next {
        let bytes_max = usize::try_from(credit).map_or(MESSAGE_BYTES_TARGET, |credit| {
            credit.clamp(1, MESSAGE_BYTES_TARGET)
        });
        let mut until_ms = None;
        // Two rounds at most: the second only when everybody with data had overdrawn in the first.
        for _ in 0..2 {
            let mut least_overdrawn: Option<i64> = None;
            for _ in 0..self.lanes.len() {
                let Some(lane) = self.lanes.get_mut(self.turn) else {
                    break;
                };
                let slice = match lane.look(log, bytes_max, now, &mut until_ms) {
                    Look::Tell(message) => return Next::Tell(message),
                    Look::Ready(slice) => slice,
                    Look::Nothing => {
                        lane.deficit = 0;
                        self.pass_turn();
                        continue;
                    }
                };
                if !core::mem::replace(&mut self.granted, true) {
                    lane.deficit += TURN_BYTES as i64;
                }
                if lane.deficit <= 0 {
                    let least = least_overdrawn.unwrap_or(i64::MIN).max(lane.deficit);
                    least_overdrawn = Some(least);
                    self.pass_turn();
                    continue;
                }
                if slice.bytes.len() as u64 > credit && !force {
                    return Next::NoCredit;
                }
                lane.advance(&slice);
                if lane.deficit <= 0 {
                    self.pass_turn();
                }
                return Next::Data(slice);
            }
            let Some(least) = least_overdrawn else { break };
            let turns = -least / TURN_BYTES as i64;
            for lane in &mut self.lanes {
                lane.deficit += turns * TURN_BYTES as i64;
            }
        }
        Next::Idle { until_ms }
    }

    fn pass_turn(&mut self) {
        self.granted = false;
        self.turn = (self.turn + 1) % self.lanes.len().max(1);
    }
}

enum Look {
    Tell(RelayMessage),
    Ready(Slice),
    Nothing,
}

impl Lane {
    const fn new(view: &PartitionView, position: u64, head: u64) -> Self {
        Self {
            partition: view.partition,
            position,
            head,
            deficit: 0,
            ahead_since: None,
            incarnation: Some(view.incarnation),
            unproven: None,
            gap_to: None,
        }
    }

    fn passed_head(&self) -> bool {
        let is_decided = self.ahead_since.is_none() && self.unproven.is_none();
        is_decided && self.incarnation.is_some() && self.position >= self.head
    }

    /// Whether all that the log has was sent, and it gets no more until somebody releases it.
    fn is_blocked(&self, log: &TailLog) -> bool {
        let paused = log.partition(self.partition).filter(|view| view.paused);
        let is_decided = self.ahead_since.is_none() && self.incarnation.is_some();
        is_decided && paused.is_some_and(|view| self.position >= view.head)
    }

    /// What this lane could send now; it does not move.
    fn look(
        &mut self,
        log: &TailLog,
        bytes_max: usize,
        now: Millis,
        until_ms: &mut Option<Millis>,
    ) -> Look {
        if let Some((end, cause)) = self.gap_to {
            return Look::Ready(self.gap(end, cause));
        }
        self.compare(log);
        if log.incarnation(self.partition) != self.incarnation
            && let Some(view) = log.partition(self.partition)
        {
            return self.start_over(&view);
        }
        let found = log.read(self.partition, self.position, bytes_max);
        if !matches!(found, Read::Ahead { .. }) {
            self.ahead_since = None;
        }
        match found {
            Read::Data(slice) => Look::Ready(slice),
            Read::CaughtUp | Read::Unknown => Look::Nothing,
            Read::Behind { earliest } => {
                self.gap_to = Some((earliest, GapCause::Evicted));
                Look::Tell(RelayMessage::CursorStale {
                    partition: self.partition,
                    requested: Decimal(self.position),
                    oldest: Decimal(earliest),
                })
            }
            Read::Ahead { .. } => self.ahead(log, now, until_ms),
        }
    }

    /// Only another record in the place of the client's last one shows that its position belongs to
    /// another topic; where there is none, nothing is known.
    fn compare(&mut self, log: &TailLog) {
        let Some(record) = self.unproven else {
            return;
        };
        let found = log.record_at(self.partition, record.offset);
        if found == RecordAt::NotYet {
            return;
        }
        self.unproven = None;
        if !matches!(found, RecordAt::Unknown) && found != RecordAt::At(record.timestamp_ms) {
            self.incarnation = None;
        }
    }

    /// A cursor beyond the log: Kafka has it and the log does not yet, or it points nowhere.
    fn ahead(&mut self, log: &TailLog, now: Millis, until_ms: &mut Option<Millis>) -> Look {
        let Some(view) = log.partition(self.partition) else {
            return Look::Nothing;
        };
        if self.position <= view.end {
            self.ahead_since = None;
            return Look::Nothing;
        }
        let deadline = *self.ahead_since.get_or_insert(now) + AHEAD_WAIT_MS;
        if now < deadline {
            *until_ms = Some(until_ms.map_or(deadline, |other| other.min(deadline)));
            return Look::Nothing;
        }
        self.reset(view.earliest, view.end)
    }

    /// The topic was made anew. What this client had not got of the old one goes with it, by name;
    /// then it begins where the new one's log does.
    fn start_over(&mut self, view: &PartitionView) -> Look {
        if self.position < view.former_end {
            let cause = GapCause::TopicReset;
            self.gap_to = Some((view.former_end, cause));
            return Look::Ready(self.gap(view.former_end, cause));
        }
        self.incarnation = Some(view.incarnation);
        self.reset(view.origin, view.end)
    }

    fn reset(&mut self, position: u64, head: u64) -> Look {
        let requested = Decimal(core::mem::replace(&mut self.position, position));
        self.head = head;
        self.ahead_since = None;
        self.unproven = None;
        Look::Tell(RelayMessage::TopicReset {
            partition: self.partition,
            requested,
            position: Decimal(position),
        })
    }

    /// The one frame that is made for a client: what its cursor missed, no longer held.
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

    fn advance(&mut self, slice: &Slice) {
        self.position = slice.next;
        self.gap_to = None;
        self.deficit -= slice.bytes.len() as i64;
    }
}
