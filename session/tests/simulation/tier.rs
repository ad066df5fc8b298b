//! What lies behind the relay's memory in the simulation, and what it says to a question.

use decode_core::wire::{GapCause, RejectCode};
use session::{Answer, Fetch, Segment, SegmentBuilder, ServerInput};

use super::{Put, World};

/// What lies behind memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tier {
    None,
    /// Slow, short, busy, failing at times, but in the end it gives what was asked.
    Troubled,
    /// It also answers what was not asked.
    Lying,
}

impl World {
    /// What the tier says to a question.
    pub(super) fn answer(&mut self, fetch: Fetch) -> Answer {
        assert!(fetch.from < fetch.until, "{fetch:?}");
        let lying = self.tier == Tier::Lying && self.random.one_in(3);
        match self.random.below(6) {
            0 => Answer::Busy {
                retry_ms: self.random.below(2_000),
            },
            1 => Answer::Failed,
            _ if lying => self.lie(fetch),
            _ => self.frames(fetch.partition, fetch.from, fetch.until, fetch.incarnation),
        }
    }

    /// Frames from a position on: some of what there is until `until`.
    fn frames(&mut self, partition: u32, from: u64, until: u64, incarnation: u64) -> Answer {
        let truth = &self.truth[&partition];
        let mut builder = SegmentBuilder::new(partition, from);
        let until = until.min(from + 1 + self.random.below(30));
        for (offset, put) in (0..).zip(truth).skip(from as usize) {
            if offset >= until {
                break;
            }
            match put {
                Put::Gap => builder.gap(offset, offset, GapCause::NullValue),
                Put::Reject => builder.reject(offset, 0, RejectCode::Protobuf, b"?"),
                Put::Hole => {}
                Put::Record(byte) => builder.record(offset, 1, &[*byte; 70]),
            }
        }
        builder.mark(until);
        let segment = builder.finish().expect("something");
        let read = Segment::parse(segment.bytes().clone()).expect("as it was built");
        assert_eq!(
            (read.start(), read.end(), read.frames()),
            (segment.start(), segment.end(), segment.frames())
        );
        Answer::Frames {
            incarnation,
            segment: read,
        }
    }

    /// Something that does not answer the question.
    fn lie(&mut self, fetch: Fetch) -> Answer {
        let Fetch {
            partition,
            incarnation,
            from,
            until,
            ..
        } = fetch;
        let lost = |until| Answer::Lost {
            until,
            cause: GapCause::Retention,
        };
        let (mut elsewhere, mut beyond) = (
            SegmentBuilder::new(partition + 1, from),
            SegmentBuilder::new(partition, from),
        );
        elsewhere.record(from, 1, b"elsewhere");
        beyond.gap(from, until, GapCause::Retention);
        let frames = |builder: SegmentBuilder| Answer::Frames {
            incarnation,
            segment: builder.finish().expect("a frame"),
        };
        match self.random.below(7) {
            // A hole: it begins later than asked.
            0 if from + 1 < until => self.frames(partition, from + 1, until, incarnation),
            // A repeat: nothing of it is new.
            1 if from > 0 => self.frames(partition, from - 1, from, incarnation),
            // Another topic, another partition.
            2 => self.frames(partition, from, until, incarnation + 1),
            3 => frames(elsewhere),
            // Beyond what was asked, and nothing of it.
            4 => frames(beyond),
            5 => lost(until + 1),
            _ => lost(from),
        }
    }

    /// Brings the answers that are due, also those to a connection that is gone.
    pub(super) fn tier_says(&mut self) {
        let now = self.now;
        let (due, rest) = self.asked.drain(..).partition(|(at, ..)| *at <= now);
        self.asked = rest;
        let due: Vec<(u64, Fetch, Answer)> = due;
        for (_, fetch, answer) in due {
            if let Some(server) = &mut self.server {
                let input = ServerInput::Fetched { fetch, answer };
                server.handle(input, &self.log, now);
            }
        }
    }
}
