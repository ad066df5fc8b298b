//! Where the log of a partition begins, where reading begins, and what is old there. A pure rule.
//!
//! The log is the relay's memory, and at start it is empty: a checkpoint alone would leave clients
//! with a gap where Kafka still has the records. So the log begins where the option says or at the
//! checkpoint, whichever is earlier. What lies before the checkpoint is read for its sake only; it
//! is old, and nothing that was settled is settled twice.

use decode_core::wire::GapCause;

use super::horizon::Origin;
use crate::{checkpoint::Checkpoint, reading::position::Notice};

/// What is known of a partition before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub earliest: u64,
    pub end: u64,
    /// What the option to start from means here.
    pub wanted: u64,
    /// Of this topic: its end does not lie before it.
    pub checkpoint: Option<Checkpoint>,
    pub origin: Origin,
}

/// How a partition is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// Where the log begins.
    pub log: u64,
    /// What is read first. Between the two lies what Kafka deleted while the relay was away.
    pub position: u64,
    /// Records below this offset are old.
    pub boundary: u64,
}

impl Beginning {
    pub(super) fn of(known: Known) -> Self {
        // An option out of range is no loss: nobody was promised what lies there.
        let wanted = known.wanted.min(known.end).max(known.earliest);
        match known.checkpoint {
            Some(checkpoint) => {
                let log = wanted.min(checkpoint.offset);
                Self {
                    log,
                    position: log.max(known.earliest),
                    boundary: checkpoint.old_below(),
                }
            }
            None => Self {
                log: wanted,
                position: wanted,
                boundary: match known.origin {
                    Origin::AtStart => known.end,
                    Origin::Later => 0,
                },
            },
        }
    }

    /// What was lost before the relay could read it.
    pub(super) fn lost(self) -> Option<Notice> {
        (self.position > self.log).then(|| Notice::Gap {
            first: self.log,
            last: self.position - 1,
            cause: GapCause::Retention,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(offset: u64) -> Checkpoint {
        Checkpoint::at(offset, 0, None)
    }

    /// A partition that holds 100..200, started where the option says.
    fn begin(wanted: u64, checkpoint: Option<Checkpoint>, origin: Origin) -> Beginning {
        Beginning::of(Known {
            earliest: 100,
            end: 200,
            wanted,
            checkpoint,
            origin,
        })
    }

    fn is(log: u64, position: u64, boundary: u64) -> Beginning {
        Beginning {
            log,
            position,
            boundary,
        }
    }

    /// OPS-03, DLQ-06: without a checkpoint the option decides, within what there is; the boundary is
    /// the end at start, and 0 for what was found later. Decided by offsets, never by clocks.
    #[test]
    fn without_a_checkpoint_the_option_decides() {
        for (wanted, position) in [(100, 100), (150, 150), (200, 200), (7, 100), (999, 200)] {
            let begun = begin(wanted, None, Origin::AtStart);
            assert_eq!(begun, is(position, position, 200), "from {wanted}");
            assert_eq!(begun.lost(), None);
        }
        assert_eq!(begin(100, None, Origin::Later), is(100, 100, 0));
    }

    /// OPS-02, DLQ-06: what arrived while the relay was away is neither skipped nor old, and the log
    /// reaches back as far as the option says.
    #[test]
    fn a_checkpoint_is_the_boundary_and_never_skipped() {
        let at = |wanted, offset| begin(wanted, Some(checkpoint(offset)), Origin::AtStart);
        assert_eq!(at(200, 160), is(160, 160, 160), "latest");
        assert_eq!(at(100, 160), is(100, 100, 160), "earliest: history too");
        assert_eq!(
            at(180, 160),
            is(160, 160, 160),
            "a time back that is shorter"
        );
        assert_eq!(at(200, 200), is(200, 200, 200));
    }

    /// RES-17: what Kafka deleted while the relay was away is a gap with its range.
    #[test]
    fn what_retention_took_meanwhile_is_lost_by_name() {
        let begun = begin(200, Some(checkpoint(40)), Origin::AtStart);
        assert_eq!(begun, is(40, 100, 40));
        let gap = Notice::Gap {
            first: 40,
            last: 99,
            cause: GapCause::Retention,
        };
        assert_eq!(begun.lost(), Some(gap));
    }

    /// DLQ-06: a relay that ended while it was still catching up does not take the rest for news.
    #[test]
    fn history_stays_history_over_a_restart() {
        let unfinished = Checkpoint::at(120, 180, None);
        let begun = begin(200, Some(unfinished), Origin::AtStart);
        assert_eq!(begun, is(120, 120, 180));
    }
}
