//! What a capture holds, taken out of it: in memory as a whole, or one by one.

use std::collections::BTreeMap;

use decode_core::{Decoder, Mode};

use crate::input::{self, Content, Found, Item, Place, Reading, Source};
use crate::outcome::Failure;

/// One thing of a capture.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) place: Place,
    pub(super) timestamp_ms: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Record(Vec<u8>),
    Null,
    TooLong,
    Reject {
        code: u32,
        prefix: Vec<u8>,
    },
    Gap {
        last: u64,
        cause: u32,
    },
    /// The partition goes on at this offset.
    Mark,
}

impl Held {
    const fn mark(place: Place) -> Self {
        Self {
            place,
            timestamp_ms: 0,
            key: None,
            what: What::Mark,
        }
    }

    fn of(item: &Item<'_>) -> Result<Self, Failure> {
        let what = match item.content {
            Content::Payload([]) if item.place.is_none() => {
                return Err(Failure::Io(input::EMPTY.to_owned()));
            }
            Content::Payload(payload) => What::Record(payload.to_vec()),
            Content::Null => What::Null,
            Content::TooLong(_) => What::TooLong,
            Content::Rejected { code, prefix } => What::Reject {
                code,
                prefix: prefix.to_vec(),
            },
            Content::Gap { last, cause } => What::Gap { last, cause },
            Content::Truncated { .. } | Content::Unreadable(_) => return Err(not_a_capture()),
        };
        Ok(Self {
            place: item.place.ok_or_else(not_a_capture)?,
            timestamp_ms: item.timestamp_ms.unwrap_or_default(),
            key: item.key.map(<[u8]>::to_vec),
            what,
        })
    }

    /// Where its partition goes on after it.
    const fn next(&self) -> u64 {
        match self.what {
            What::Mark => self.place.offset,
            What::Gap { last, .. } => last.saturating_add(1),
            What::Record(_) | What::Null | What::TooLong | What::Reject { .. } => {
                self.place.offset.saturating_add(1)
            }
        }
    }

    /// Bytes it takes in memory, about.
    pub(super) fn cost(&self) -> usize {
        let value = match &self.what {
            What::Record(bytes) | What::Reject { prefix: bytes, .. } => bytes.len(),
            What::Null | What::TooLong | What::Gap { .. } | What::Mark => 0,
        };
        value + self.key.as_ref().map_or(0, Vec::len) + size_of::<Self>()
    }
}

fn not_a_capture() -> Failure {
    let text =
        "the file is not a capture; use --format to name its format if it cannot be detected";
    Failure::Io(text.to_owned())
}

/// Calls `visit` with everything in the capture, in the order of the file.
pub(super) fn each(
    source: &Source,
    reading: Reading,
    mut visit: impl FnMut(Held) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut keys = Keys::default();
    input::read(source, reading, &mut |found: Found<'_>| match found {
        Found::Item(item) => {
            let mut held = Held::of(&item)?;
            keys.complete(&mut held);
            visit(held)
        }
        Found::Mark(place) => visit(Held::mark(place)),
        Found::Line(_) => Err(not_a_capture()),
        Found::Notice(text) => {
            say!("{text}");
            Ok(())
        }
    })
}

/// One more than the highest partition of the capture.
pub(super) fn partitions(source: &Source, reading: Reading) -> Result<u32, Failure> {
    let mut partitions = 0;
    input::read(source, reading, &mut |found: Found<'_>| {
        let place = match found {
            Found::Item(item) if item.place.is_none() => return Held::of(&item).map(|_| ()),
            Found::Item(Item { place, .. }) => place.ok_or_else(not_a_capture)?,
            Found::Line(_) => return Err(not_a_capture()),
            // The notice comes again, and a mark sends nothing.
            Found::Mark(_) | Found::Notice(_) => return Ok(()),
        };
        partitions = partitions.max(place.partition.saturating_add(1));
        Ok(())
    })?;
    Ok(partitions)
}

/// Everything in the capture, if it fits into so many bytes, and in an order that rises.
pub(super) fn all(source: &Source, reading: Reading, bytes_max: u64) -> Result<Vec<Held>, Failure> {
    let mut bytes = 0;
    let mut all = Vec::new();
    let mut order = Order::default();
    each(source, reading, |held| {
        bytes += held.cost() as u64;
        if bytes > bytes_max {
            return Err(Failure::Io(format!(
                "{}: it needs more than {bytes_max} bytes of memory, see --memory-max",
                source.name()
            )));
        }
        order
            .check(&held)
            .map_err(|text| Failure::Io(format!("{}: {text}", source.name())))?;
        all.push(held);
        Ok(())
    })?;
    Ok(all)
}

/// By time, each partition keeping its own order; with each the milliseconds since the first.
pub(super) fn in_time(all: Vec<Held>) -> Vec<(i64, Held)> {
    let mut latest = BTreeMap::new();
    let mut timed: Vec<_> = all
        .into_iter()
        .map(|held| {
            let latest = latest.entry(held.place.partition).or_insert(i64::MIN);
            // Gaps and marks have no time of their own: they come with what is before them.
            if !matches!(held.what, What::Gap { .. } | What::Mark) {
                *latest = (*latest).max(held.timestamp_ms);
            }
            (*latest, held)
        })
        .collect();
    timed.sort_by_key(|(at_ms, _)| *at_ms);
    let first = timed
        .iter()
        .map(|(at_ms, _)| *at_ms)
        .find(|at_ms| *at_ms > i64::MIN);
    for (at_ms, _) in &mut timed {
        *at_ms = at_ms.saturating_sub(first.unwrap_or_default()).max(0);
    }
    timed
}

/// Keys are part of Kafka's records and not of what a relay delivers. Producers use the thread id.
struct Keys(Decoder);

impl Default for Keys {
    fn default() -> Self {
        Self(Decoder::new(Mode::Compatible))
    }
}

impl Keys {
    fn complete(&mut self, held: &mut Held) {
        // Where nothing proves continuity, keys were there to be kept.
        let What::Record(payload) = &held.what else {
            return;
        };
        if held.place.prev_next.is_none() {
            return;
        }
        let decoded = self.0.decode(payload, &mut ());
        let thread = decoded.map(|decoded| decoded.summary.header.thread.as_bytes().to_vec());
        held.key = thread.ok().filter(|thread| !thread.is_empty());
    }
}

/// Offsets rise within a partition, and nothing is missing where that can be known.
#[derive(Default)]
struct Order {
    positions: BTreeMap<u32, u64>,
}

impl Order {
    fn check(&mut self, held: &Held) -> Result<(), String> {
        let Place {
            partition,
            offset,
            prev_next,
        } = held.place;
        let position = self.positions.get(&partition).copied();
        let missing = position
            .zip(prev_next)
            .is_some_and(|(at, after)| after > at);
        let is_mark = matches!(held.what, What::Mark);
        let repeated =
            position.is_some_and(|at| at > held.next() || (at == held.next() && !is_mark));
        if missing || repeated {
            return Err(format!(
                "partition {partition} does not continue at offset {offset}"
            ));
        }
        self.positions.insert(partition, held.next());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: u32, offset: u64, timestamp_ms: i64) -> Held {
        Held {
            place: Place::new(partition, offset),
            timestamp_ms,
            key: None,
            what: What::Null,
        }
    }

    #[test]
    fn partitions_keep_their_order_in_time() {
        let mut gap = record(1, 1, 0);
        gap.what = What::Gap { last: 8, cause: 1 };
        let order: Vec<_> = in_time(vec![
            record(0, 5, 10),
            record(0, 6, 90),
            record(0, 7, 20),
            record(1, 0, 50),
            gap,
            record(1, 9, 95),
        ])
        .iter()
        .map(|(at_ms, held)| (*at_ms, held.place.partition, held.place.offset))
        .collect();
        assert_eq!(
            order,
            [
                (0, 0, 5),
                (40, 1, 0),
                (40, 1, 1),
                (80, 0, 6),
                (80, 0, 7),
                (85, 1, 9)
            ]
        );
        assert!(in_time(Vec::new()).is_empty());
    }

    #[test]
    fn what_is_missing_or_twice_is_noticed() {
        let continued = |offset: u64, prev_next: u64| {
            let mut held = record(0, offset, 0);
            held.place.prev_next = Some(prev_next);
            held
        };
        let mut order = Order::default();
        assert_eq!(order.check(&continued(5, 3)), Ok(()), "the first begins it");
        assert_eq!(order.check(&continued(9, 6)), Ok(()), "sparse offsets");
        assert!(order.check(&continued(12, 11)).is_err(), "10 is missing");
        assert!(order.check(&continued(9, 9)).is_err(), "twice");
        assert_eq!(order.check(&record(0, 20, 0)), Ok(()), "nothing is known");
        assert!(order.check(&record(0, 20, 0)).is_err(), "twice");
        assert_eq!(order.check(&record(1, 0, 0)), Ok(()), "another partition");
        let mark = |offset, prev_next| {
            let prev_next = Some(prev_next);
            Held::mark(Place {
                prev_next,
                ..Place::new(0, offset)
            })
        };
        assert_eq!(order.check(&mark(21, 21)), Ok(()), "it moves nothing");
        assert_eq!(order.check(&mark(40, 21)), Ok(()));
        assert!(order.check(&mark(39, 39)).is_err(), "back");
        assert_eq!(order.check(&continued(45, 40)), Ok(()), "from the mark on");
    }
}
