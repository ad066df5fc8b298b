//! What a connection did, for metrics.

use decode_core::wire::ErrorCode;

use crate::Millis;
use crate::control::From;

/// What a connection did, for metrics. Monotonic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerStats {
    /// Data frames sent.
    pub frames: u64,
    /// Bytes of data frames sent.
    pub bytes: u64,
    /// Gap frames made for this client because its cursor was too old.
    pub stale_gaps: u64,
    /// Positions those gaps cover.
    pub stale_positions: u64,
    /// Control messages refused.
    pub refused: u64,
    /// What was asked for behind memory.
    pub history: HistoryStats,
    /// What of it belongs to the replay.
    pub replay: ReplayStats,
}

/// What a connection asked for behind memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryStats {
    /// Questions.
    pub asked: u64,
    /// Answers that were taken.
    pub taken: u64,
    /// Answers that there is nothing for the moment.
    pub busy: u64,
    /// Failed attempts.
    pub failed: u64,
    /// Answers that did not answer the question: a hole, a repeat, another topic.
    pub wrong: u64,
}

/// What a connection's replay gave: all up to the heads named in `resumed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayStats {
    /// How it was asked for; none before `resume`.
    pub from: Option<From>,
    /// Data frames sent.
    pub frames: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Gap frames made for this client because its cursor was too old.
    pub gaps: u64,
    /// Positions those gaps cover.
    pub gap_positions: u64,
    /// How long it took, once it is complete.
    pub took_ms: Option<Millis>,
}

/// A message of a client that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: ErrorCode,
    /// Whether it was a `resume` or a part of one.
    pub of_resume: bool,
    /// Partitions in it that are the trouble.
    pub invalid_partitions: usize,
    /// Offsets in it that are the trouble.
    pub invalid_offsets: usize,
}
