//! From what a capture holds to the log that sessions read, the same log as the relay's.

use std::collections::{BTreeMap, BTreeSet};

use dashstream_serve::Hub;
use decode_core::wire::{GapCause, RejectCode};
use decode_core::{Decoder, Mode};
use session::SegmentBuilder;

use super::held::{Held, What};

/// Appends to a log what comes out of a capture.
pub(super) struct Feeder {
    /// Judges what no relay has judged.
    decoder: Decoder,
    /// Gaps and refused records so far.
    pub(super) found: u64,
}

impl Feeder {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            decoder: Decoder::new(mode),
            found: 0,
        }
    }

    /// A hub whose log has every partition of the capture and holds nothing yet.
    pub(super) fn hub(all: &[Held]) -> Hub {
        // Nothing is evicted: what is in the file was measured before.
        let hub = Hub::new(usize::MAX);
        let mut begun = BTreeSet::new();
        for held in all {
            // The first of a partition begins it. What comes later is not there yet, so that a client which has
            // everything so far is live.
            if begun.insert(held.place.partition) {
                let first = held.place.prev_next.unwrap_or(held.place.offset);
                let first = first.min(held.place.offset);
                hub.add_partition(held.place.partition, first, first);
            }
        }
        hub.set_settled();
        hub
    }

    pub(super) fn append(
        &mut self,
        hub: &Hub,
        all: impl IntoIterator<Item = Held>,
    ) -> Result<(), String> {
        let mut open: BTreeMap<u32, SegmentBuilder> = BTreeMap::new();
        for held in all {
            let partition = held.place.partition;
            let builder = open.entry(partition).or_insert_with(|| {
                let head = hub.log().partition(partition).map_or(0, |view| view.end);
                SegmentBuilder::new(partition, head)
            });
            self.frame(builder, held)?;
            if builder.len() >= SEGMENT_BYTES_TARGET
                && let Some(full) = open.remove(&partition)
            {
                close(hub, full)?;
            }
        }
        open.into_values()
            .try_for_each(|builder| close(hub, builder))
    }

    fn frame(&mut self, builder: &mut SegmentBuilder, held: Held) -> Result<(), String> {
        let (offset, time) = (held.place.offset, held.timestamp_ms);
        let is_found = !matches!(held.what, What::Mark);
        self.found += u64::from(is_found);
        match held.what {
            What::Mark => builder.mark(offset),
            What::Record(payload) => {
                // What a relay delivered it has judged.
                let judged = held.place.prev_next.is_some();
                match self.decoder.decode(&payload, &mut ()) {
                    Err(reject) if !judged => {
                        builder.reject(offset, time, reject.code(), &payload);
                    }
                    _ => {
                        self.found -= 1;
                        builder.record(offset, time, &payload);
                    }
                }
            }
            What::Null => builder.gap(offset, offset, GapCause::NullValue),
            What::TooLong => builder.gap(offset, offset, GapCause::Oversized),
            What::Reject { code, prefix } => {
                let code = RejectCode::from_number(code)
                    .ok_or_else(|| format!("reject code {code} is newer than this build"))?;
                builder.reject(offset, time, code, &prefix);
            }
            What::Gap { last, cause } => {
                let cause = GapCause::from_number(cause)
                    .ok_or_else(|| format!("gap cause {cause} is newer than this build"))?;
                // It may begin before what is already there, as a cursor may lie inside it.
                builder.gap(offset.max(builder.position()), last, cause);
            }
        }
        Ok(())
    }
}

fn close(hub: &Hub, builder: SegmentBuilder) -> Result<(), String> {
    match builder.finish() {
        Some(segment) => hub.append(segment).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// As large as the relay's: what one slow client keeps alive.
const SEGMENT_BYTES_TARGET: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use decode_core::frame::FrameReader;
    use decode_core::wire::FrameKind;
    use session::log::Read;

    use super::*;
    use crate::input::Place;

    fn held(offset: u64, what: What) -> Held {
        Held {
            place: Place::new(2, offset),
            timestamp_ms: 5,
            key: None,
            what,
        }
    }

    /// Or a client would be told that it still replays until the last record was sent.
    #[test]
    fn what_is_yet_to_be_sent_is_no_backlog() {
        let all = vec![
            held(3, What::Record(vec![0])),
            held(900, What::Record(vec![0])),
        ];
        let hub = Feeder::hub(&all);
        let view = hub.log().partition(2).expect("it was in the file");
        assert_eq!((view.origin, view.head), (3, 3));
    }

    #[test]
    fn everything_gets_its_frame() {
        let all = vec![
            held(3, What::Record(vec![0])),
            held(4, What::Record(b"{".to_vec())),
            held(6, What::Null),
            held(7, What::TooLong),
            held(8, What::Gap { last: 9, cause: 1 }),
            held(
                10,
                What::Reject {
                    code: RejectCode::Utf8.number(),
                    prefix: vec![0, 0xFF],
                },
            ),
        ];
        let hub = Feeder::hub(&all);
        let mut feeder = Feeder::new(Mode::Strict);
        feeder.append(&hub, all).expect("in order");
        assert_eq!(feeder.found, 5);
        let Read::Data(slice) = hub.log().read(2, 3, usize::MAX) else {
            panic!("it holds something");
        };
        let seen: Vec<_> = FrameReader::new(&slice.bytes)
            .map(|frame| frame.expect("whole frames").header)
            .map(|header| (header.kind, header.offset, header.next(), header.code))
            .collect();
        let gap = |first, next, cause: GapCause| (FrameKind::Gap, first, next, cause.number());
        assert_eq!(
            seen,
            [
                (FrameKind::Record, 3, 4, 0),
                (FrameKind::Reject, 4, 5, RejectCode::BadFrame.number()),
                gap(6, 7, GapCause::NullValue),
                gap(7, 8, GapCause::Oversized),
                gap(8, 10, GapCause::Retention),
                (FrameKind::Reject, 10, 11, RejectCode::Utf8.number()),
            ]
        );
        let newer = held(
            11,
            What::Gap {
                last: 11,
                cause: 99,
            },
        );
        assert!(feeder.append(&hub, [newer]).is_err());
    }
}
