//! What lies behind memory: the questions a session asks for it and the answers it takes.
//!
//! A session never reads anything but the log. Where a cursor lies before what the log holds, and the log's
//! floor says that somebody can still serve it, the session asks: [`ServerOutput::Fetch`]. Whoever runs it
//! answers later: [`ServerInput::Fetched`]. What comes is checked here, since a tier is another system: frames
//! of another partition or incarnation, that leave something out, repeat something or go beyond what was asked
//! are refused and asked for again, and in the end become a gap with a cause.
//!
//! [`ServerOutput::Fetch`]: crate::ServerOutput::Fetch
//! [`ServerInput::Fetched`]: crate::ServerInput::Fetched

use decode_core::wire::GapCause;

use crate::log::Segment;

/// A question: the frames of a partition from a position on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fetch {
    /// Partition.
    pub partition: u32,
    /// Which log of the partition the positions belong to: how often its topic was recreated.
    pub incarnation: u64,
    /// Position of the first frame wanted.
    pub from: u64,
    /// Where memory begins: nothing from here on is wanted.
    pub until: u64,
    /// Bytes of frames wanted; a single larger frame may come alone.
    pub bytes_max: usize,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Frames of this incarnation: [`Segment::start`] is at most `from`, [`Segment::end`] lies beyond it and
    /// not beyond `until`.
    Frames {
        /// Which log of the partition they are of.
        incarnation: u64,
        /// The frames.
        segment: Segment,
    },
    /// Nothing before this position can be had any more.
    Lost {
        /// First position that may still be had.
        until: u64,
        /// Why what lies before it can't be delivered.
        cause: GapCause,
    },
    /// Nothing for the moment.
    Busy {
        /// Time after which it is worth asking again.
        retry_ms: u64,
    },
    /// The attempt failed. Why is for whoever answers to log and count.
    Failed,
}

impl Fetch {
    /// Whether these frames answer this question: they continue at `from` and end within what was asked.
    #[must_use]
    pub const fn is_answered_by(&self, incarnation: u64, segment: &Segment) -> bool {
        self.incarnation == incarnation
            && self.partition == segment.partition()
            && segment.start() <= self.from
            && self.from < segment.end()
            && segment.end() <= self.until
    }

    /// Whether everything before `position` may be declared lost.
    #[must_use]
    pub const fn covers(&self, position: u64) -> bool {
        self.from < position && position <= self.until
    }
}
