//! One client's cursors, and whose turn it is: deficit round robin by bytes, so that a busy
//! partition cannot starve a quiet one, in replay and live alike.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use decode_core::wire::MESSAGE_BYTES_TARGET;

use super::behind::Verdict;
use super::lane::{Lane, Look};
use crate::Millis;
use crate::control::{ByPartition, Decimal, From, Partition, RelayMessage, Resume, Unlisted};
use crate::history::{Answer, Fetch};
use crate::limits::{FETCHES_MAX, TURN_BYTES};
use crate::log::{Slice, TailLog};

/// What the lanes have for the connection.
pub(super) enum Next {
    Data(Slice),
    /// A message that explains a jump; the data that follows it continues there.
    Tell(RelayMessage),
    Ask(Fetch),
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
    /// Cursors of partitions that are not there yet.
    later: BTreeMap<Partition, Unlisted>,
}

impl Lanes {
    /// Whether this connection is served the partition.
    pub(super) fn has(&self, partition: u32) -> bool {
        let found = self
            .lanes
            .binary_search_by_key(&partition, |lane| lane.partition);
        found.is_ok()
    }

    /// Opens a lane per partition, all heads fixed in one step.
    pub(super) fn open(resume: &Resume, log: &TailLog, now: Millis) -> Self {
        let is_cursor = resume.from == From::Cursor;
        let unlisted = &resume.cursors.unlisted;
        let mut later: BTreeMap<Partition, Unlisted> =
            unlisted.iter().filter(|_| is_cursor).copied().collect();
        let lanes = log
            .partitions()
            .map(|p| {
                let partition = Partition(p.partition);
                // One that was found since `welcome`.
                if let Some(cursor) = later.remove(&partition) {
                    return Lane::resumed(&p, cursor.position, cursor.last, now);
                }
                let wanted = resume.cursors.positions.get(&partition).map(|d| d.0);
                let position = match resume.from {
                    // What a partition lost since the log began it is told as a gap, also to a
                    // client that never heard of the partition.
                    From::Cursor => wanted.unwrap_or(p.origin),
                    From::Earliest => p.earliest,
                    From::Latest => p.head,
                };
                let last = is_cursor.then(|| resume.cursors.fingerprint(partition));
                Lane::resumed(&p, position, last.flatten(), now)
            })
            .collect();
        Self {
            lanes,
            turn: 0,
            granted: false,
            later,
        }
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
            .fold(0, u64::saturating_add)
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
    pub(super) fn adopt_new(&mut self, log: &TailLog, now: Millis) -> Option<RelayMessage> {
        if log.partition_count() == self.lanes.len() {
            return None;
        }
        let mut partitions = ByPartition::new();
        for p in log.partitions() {
            let at = self
                .lanes
                .binary_search_by_key(&p.partition, |lane| lane.partition);
            if let Err(at) = at {
                // A client that knows the partition goes on where it was.
                let cursor = self.later.remove(&Partition(p.partition));
                let start = cursor.map_or(p.origin, |cursor| cursor.position);
                let last = cursor.and_then(|cursor| cursor.last);
                let position = Decimal(start);
                partitions.insert(Partition(p.partition), crate::control::Start { position });
                let mut lane = Lane::resumed(&p, start, last, now);
                lane.head = start;
                self.lanes.insert(at, lane);
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
                    // What comes could not be sent.
                    Look::Wants(_) if credit == 0 && !force => return Next::NoCredit,
                    Look::Wants(fetch) => match self.ask(fetch, now) {
                        Some(asked) => return asked,
                        None => continue,
                    },
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

    /// Asks for the lane whose turn it is, unless as many others wait for answers as may. Either way the turn
    /// passes.
    fn ask(&mut self, fetch: Fetch, now: Millis) -> Option<Next> {
        let open = self.lanes.iter().filter(|lane| lane.is_fetching()).count();
        let lane = self.lanes.get_mut(self.turn).filter(|_| open < FETCHES_MAX);
        let asked = lane.map(|lane| {
            lane.deficit = 0;
            lane.asked(fetch, now);
            Next::Ask(fetch)
        });
        self.pass_turn();
        asked
    }

    /// Takes an answer to a question, if it is still one.
    pub(super) fn answered(&mut self, fetch: &Fetch, answer: Answer, now: Millis) -> Verdict {
        let lanes = &mut self.lanes;
        let at = lanes.binary_search_by_key(&fetch.partition, |lane| lane.partition);
        let lane = at.ok().and_then(|at| lanes.get_mut(at));
        lane.map_or(Verdict::Stale, |lane| lane.answered(fetch, answer, now))
    }

    fn pass_turn(&mut self) {
        self.granted = false;
        self.turn = (self.turn + 1) % self.lanes.len().max(1);
    }
}
