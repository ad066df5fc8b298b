use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use decode_core::wire::GapCause;
use session::SegmentBuilder;
use tokio::sync::watch;

use super::*;

/// A tier whose reads wait until they are let through, and give one record of so many bytes each.
struct Gated {
    open: watch::Sender<bool>,
    reads: AtomicUsize,
    record_bytes: usize,
    lost: bool,
}

impl Gated {
    fn new(record_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            open: watch::Sender::default(),
            reads: AtomicUsize::new(0),
            record_bytes,
            lost: false,
        })
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl History for Gated {
    fn floors(&self) -> Vec<Floor> {
        Vec::new()
    }

    fn read(&self, fetch: Fetch) -> Reading {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (mut open, bytes, lost) = (self.open.subscribe(), self.record_bytes, self.lost);
        Box::pin(async move {
            open.wait_for(|open| *open).await.ok();
            if lost {
                let (until, cause) = (fetch.until, GapCause::Retention);
                return Answer::Lost { until, cause };
            }
            let mut builder = SegmentBuilder::new(fetch.partition, fetch.from);
            builder.record(fetch.from, 1, &vec![7; bytes]);
            Answer::Frames {
                incarnation: fetch.incarnation,
                segment: builder.finish().expect("a frame"),
            }
        })
    }
}

const BYTES: usize = 16 * HISTORY_UNIT_BYTES;

fn fetch(partition: u32, from: u64) -> Fetch {
    Fetch {
        partition,
        incarnation: 2,
        from,
        until: 1_000,
        bytes_max: BYTES,
    }
}

fn place(answer: &Answer) -> Option<*const u8> {
    match answer {
        Answer::Frames { segment, .. } => Some(segment.bytes().as_ptr()),
        Answer::Lost { .. } | Answer::Busy { .. } | Answer::Failed => None,
    }
}

async fn within<T>(reading: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("an answer")
}

/// Clients that ask for the same wait for one read and get the same bytes; one that goes away takes nothing from
/// the others.
#[tokio::test]
async fn equal_reads_are_one() {
    let tier = Gated::new(100);
    let shared = SharedReads::new(tier.clone(), 64 * BYTES);
    let readings: Vec<_> = (0..20).map(|_| shared.read(fetch(0, 5))).collect();
    let later = Fetch {
        until: 1_010,
        ..fetch(0, 5)
    };
    let (other, another) = (shared.read(fetch(1, 5)), shared.read(fetch(0, 6)));
    let same = shared.read(later);
    assert_eq!(tier.reads(), 3);
    tier.open.send_replace(true);
    let mut readings = readings.into_iter();
    drop(readings.next());
    let first = within(readings.next().expect("twenty")).await;
    for reading in readings.chain([same]) {
        assert_eq!(place(&within(reading).await), place(&first));
    }
    assert_ne!(place(&within(other).await), place(&within(another).await));
    // One who comes a little later gets what is still held.
    assert_eq!(
        place(&within(shared.read(fetch(0, 5))).await),
        place(&first)
    );
    assert_eq!(tier.reads(), 3);
    // Of another topic, or with less room before memory, it is not the same.
    let reset = Fetch {
        incarnation: 3,
        ..fetch(0, 5)
    };
    within(shared.read(reset)).await;
    let shorter = Fetch {
        until: 5,
        ..fetch(0, 5)
    };
    within(shared.read(shorter)).await;
    assert_eq!(tier.reads(), 5);
}

/// BND-01: what is read and held has one bound over all clients; what nobody has any more makes room.
#[tokio::test]
async fn reads_are_bounded_in_bytes_and_give_their_room_back() {
    let tier = Gated::new(BYTES / 2);
    let shared = SharedReads::new(tier.clone(), 4 * BYTES);
    let waiting: Vec<_> = (0..4).map(|p| shared.read(fetch(p, 0))).collect();
    let refused = within(shared.read(fetch(9, 0))).await;
    assert!(matches!(refused, Answer::Busy { retry_ms } if retry_ms == HISTORY_BUSY_MS));
    assert_eq!(
        tier.reads(),
        4,
        "a tier is not asked without room for the answer"
    );
    tier.open.send_replace(true);
    let mut answers = Vec::new();
    for reading in waiting {
        answers.push(within(reading).await);
    }
    // Each takes what it is: a half, and a header. So two more fit, as long as these are in use.
    let units_each = units(40 + BYTES / 2) as usize;
    let free = shared.budget.available_permits();
    assert_eq!(free, 4 * 16 - 4 * units_each);
    for partition in [4, 5] {
        answers.push(within(shared.read(fetch(partition, 0))).await);
    }
    assert!(answers.iter().all(|answer| place(answer).is_some()));
    let busy = within(shared.read(fetch(6, 0))).await;
    assert!(matches!(busy, Answer::Busy { .. }), "{busy:?}");
    // A client that still has a slice keeps its room; the others are forgotten for those that ask.
    let Answer::Frames { segment, .. } = answers.swap_remove(0) else {
        panic!("frames")
    };
    let slice = segment.bytes().slice(3..9);
    drop((segment, answers));
    for partition in 10..40 {
        let answer = within(shared.read(fetch(partition, 0))).await;
        assert!(place(&answer).is_some(), "{partition}");
    }
    assert_eq!(slice.len(), 6);
    drop(slice);
    while shared.reads.lock().forget_one() {}
    assert_eq!(
        shared.budget.available_permits(),
        4 * 16,
        "all of it came back"
    );
}

/// A read that nobody waits for is cancelled and leaves nothing.
#[tokio::test]
async fn a_read_without_clients_ends() {
    let tier = Gated::new(10);
    let shared = SharedReads::new(tier.clone(), 2 * BYTES);
    drop(shared.read(fetch(0, 0)));
    drop(shared.read(fetch(0, 0)));
    assert_eq!(tier.reads(), 2);
    assert_eq!(tier.open.receiver_count(), 0, "the tier's read is gone");
    assert_eq!(shared.budget.available_permits(), 2 * 16);
}

/// A frame larger than what was asked for takes its room too, or comes later.
#[tokio::test]
async fn a_large_frame_takes_the_room_it_needs() {
    let tier = Gated::new(3 * BYTES);
    tier.open.send_replace(true);
    let shared = SharedReads::new(tier.clone(), 4 * BYTES);
    let first = within(shared.read(fetch(0, 0))).await;
    assert!(place(&first).is_some());
    assert_eq!(shared.budget.available_permits(), 4 * 16 - 3 * 16 - 1);
    let second = within(shared.read(fetch(1, 0))).await;
    assert!(matches!(second, Answer::Busy { .. }), "{second:?}");
    drop(first);
    assert!(place(&within(shared.read(fetch(1, 0))).await).is_some());
}
