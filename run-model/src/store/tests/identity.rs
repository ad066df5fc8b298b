//! What happens once happens once, whoever says it again, and trouble with a version ends where it ends.

use super::*;

fn with_id(mut event: Event, id: u8) -> Event {
    if let Some(header) = &mut event.header {
        header.message_id = vec![id; 16];
    }
    event
}

fn with_version(mut event: Event, version: u32) -> Event {
    if let Some(header) = &mut event.header {
        header.schema_version = version;
    }
    event
}

fn started(thread: &str, id: u8) -> Vec<u8> {
    let event = event(thread, 1, EventType::GraphStart, "");
    payload(Message::Event(with_id(event, id)))
}

fn repeats(store: &mut Store) -> Vec<u64> {
    let query = EventQuery {
        count: 100,
        ..EventQuery::default()
    };
    let page = store.events(&query);
    let repeats = page.rows.iter().filter(|(_, row)| row.repeat);
    repeats.map(|(id, _)| *id).rev().collect()
}

/// SEQ-01, PRO-10: a record sent again is a row like any other, marked, and has no second effect.
#[test]
fn a_repeat_is_shown_and_takes_effect_once() {
    let ended = event("t", 2, EventType::GraphEnd, "last");
    let failed = event("t", 3, EventType::NodeError, "n");
    let mut store = store_with(&[
        started("t", 1),
        payload(Message::Event(with_id(ended, 2))),
        started("t", 1),
        payload(Message::Event(with_id(failed.clone(), 3))),
        payload(Message::Event(with_id(failed, 3))),
    ]);
    // Another partition, another message, the same id.
    let mut elsewhere = Vec::new();
    FrameWriter::new(1, 0).record(&mut elsewhere, 0, 9_000, &started("t", 1));
    store.apply(elsewhere, |_| {});
    assert_eq!(repeats(&mut store), [2, 4, 5]);
    let totals = store.totals();
    assert_eq!((totals.records, totals.rows, totals.repeats), (6, 6, 3));
    let threads = store.threads(ThreadSort::Name, 0, 10);
    let [(_, thread)] = &threads[..] else {
        panic!("one thread")
    };
    assert_eq!((thread.records, thread.errors), (3, 1));
    assert_eq!((thread.status, thread.partition), (ThreadStatus::Failed, 0));
    assert!(
        store
            .open(4, false)
            .is_some_and(|opened| opened.tree().is_some())
    );
}

/// SEQ-01: without an id it is the place that tells records apart; the sequence alone tells nothing.
#[test]
fn records_without_an_id_are_never_repeats() {
    let same = payload(Message::Event(event("t", 7, EventType::NodeStart, "n")));
    let mut store = store_with(&[same.clone(), same.clone(), same]);
    assert!(repeats(&mut store).is_empty());
    assert_eq!(store.totals().repeats, 0);
    assert_eq!(store.threads(ThreadSort::Name, 0, 1)[0].1.records, 3);
}

/// PRO-10: of a batch each event counts once, with its own id or, where it has no header, by its place
/// in the batch; an event that came alone before is a repeat there.
#[test]
fn the_events_of_a_batch_count_once() {
    let orphan = Event {
        header: None,
        ..event("", 0, EventType::NodeStart, "n")
    };
    let batch = |id: u8, events: Vec<Event>| {
        let mut header = header("t", 0);
        header.message_id = vec![id; 16];
        payload(Message::EventBatch(EventBatch {
            header: Some(header),
            events,
        }))
    };
    let own = |id| with_id(event("t", 1, EventType::NodeStart, "n"), id);
    let mut store = store_with(&[
        batch(1, vec![own(10), own(11), own(10)]),
        batch(1, vec![own(10), own(11), own(10)]),
        batch(2, vec![orphan.clone(), orphan.clone()]),
        batch(2, vec![orphan.clone(), orphan.clone()]),
        batch(3, vec![orphan, own(12)]),
        payload(Message::Event(own(12))),
    ]);
    assert_eq!(repeats(&mut store), [2, 3, 4, 5, 8, 9, 12]);
    assert_eq!(store.threads(ThreadSort::Name, 0, 1)[0].1.records, 6);
}

/// SEQ-01: what fails to decode is no first time.
#[test]
fn a_damaged_batch_is_not_what_a_good_one_repeats() {
    let events = vec![with_id(event("t", 1, EventType::NodeStart, "n"), 9); 1];
    let good = payload(Message::EventBatch(EventBatch {
        header: Some(header("t", 0)),
        events,
    }));
    let mut damaged = good.clone();
    damaged.push(0x02);
    let mut store = store_with(&[damaged, good]);
    assert_eq!((store.totals().rejects, store.totals().repeats), (1, 0));
    assert!(repeats(&mut store).is_empty());
}

/// VER-02: the newest record of a thread decides whether it is of a newer schema: the notice clears
/// without a reconnect when compatible data returns, other threads are not touched, and what was counted
/// stays counted.
#[test]
fn a_newer_schema_clears_with_the_next_compatible_record() {
    let of = |thread: &str, version: u32, kind| {
        payload(Message::Event(with_version(
            event(thread, 1, kind, "n"),
            version,
        )))
    };
    let mut store = store_with(&[
        of("a", 1, EventType::GraphStart),
        of("b", 2, EventType::GraphStart),
        of("c", 2, EventType::GraphStart),
        of("", 2, EventType::NodeStart),
    ]);
    let newer = |store: &Store| (store.totals().newer_threads, store.totals().newer_schema);
    let marked = |store: &Store| -> Vec<bool> {
        let threads = store.threads(ThreadSort::Name, 0, 10);
        threads
            .iter()
            .map(|(_, thread)| thread.newer_schema)
            .collect()
    };
    assert_eq!(
        (newer(&store), marked(&store)),
        ((3, 3), vec![false, true, true])
    );
    assert_eq!(
        store.threads(ThreadSort::Name, 1, 1)[0].1.status,
        ThreadStatus::Unknown,
        "what a newer record means is not guessed"
    );
    // A gap says nothing of a schema, and schema 0 is an old producer's 1.
    let mut gap = Vec::new();
    FrameWriter::new(0, 4).gap(&mut gap, 4, 4, decode_core::wire::GapCause::NullValue);
    store.apply(gap, |_| {});
    assert_eq!(newer(&store), (3, 3));
    let next = [
        of("b", 0, EventType::GraphStart),
        of("", 1, EventType::NodeStart),
        of("c", 3, EventType::NodeStart),
    ];
    store.apply(message(&next, 5), |_| {});
    assert_eq!(
        (newer(&store), marked(&store)),
        ((1, 4), vec![false, false, true])
    );
    store.apply(message(&[of("c", 1, EventType::NodeStart)], 8), |_| {});
    assert_eq!((newer(&store), marked(&store)), ((0, 4), vec![false; 3]));
}

/// VER-02, BND-01: a thread that is forgotten takes its mark with it.
#[test]
fn a_forgotten_thread_is_of_no_schema() {
    let of = |thread: &str, version: u32| {
        let event = event(thread, 1, EventType::NodeStart, "n");
        payload(Message::Event(with_version(event, version)))
    };
    let mut store = Store::with_bounds(Mode::Strict, 10, 2, 1 << 20);
    store.apply(message(&[of("a", 2), of("b", 2), of("b", 2)], 0), |_| {});
    assert_eq!(store.totals().newer_threads, 2);
    store.apply(message(&[of("c", 1), of("d", 1)], 3), |_| {});
    assert_eq!(store.totals().newer_threads, 0);
    assert_eq!(store.totals().newer_schema, 3);
}

/// SEQ-11: row ids are made here, by arrival: no number a producer sends is or moves one, and a row's id
/// is that of no other row as long as the store lives.
#[test]
fn row_ids_sort_by_arrival_whatever_producers_say() {
    let mut store = Store::with_bounds(Mode::Strict, 4, 4, 1 << 20);
    let numbers = [u64::MAX, 0, 1, 1, 1 << 53, 2, 0, u64::MAX];
    let mut shown = Vec::new();
    for (n, &number) in numbers.iter().enumerate() {
        let one = with_id(
            event("t", number, EventType::NodeStart, ""),
            1 + n as u8 % 2,
        );
        let mut writer = FrameWriter::new((n % 3) as u32, n as u64);
        let mut out = Vec::new();
        // A batch that fails at its end had rows for a moment; the next one takes no number of theirs.
        if n == 3 {
            let mut damaged = payload(Message::EventBatch(EventBatch {
                header: Some(header("t", 0)),
                events: vec![one.clone(); 6],
            }));
            damaged.push(0x02);
            writer.record(&mut out, n as u64, i64::MAX, &damaged);
        } else {
            writer.record(
                &mut out,
                n as u64,
                -(n as i64),
                &payload(Message::Event(one)),
            );
        }
        store.apply(out, |_| {});
        let query = EventQuery {
            count: 1,
            by_arrival: true,
            ..EventQuery::default()
        };
        let page = store.events(&query);
        shown.extend(page.rows.iter().map(|(id, row)| (*id, row.offset)));
    }
    let offsets: Vec<_> = shown.iter().map(|(_, offset)| *offset).collect();
    assert_eq!(
        offsets,
        (0..8).collect::<Vec<_>>(),
        "the newest row is the latest"
    );
    let is_rising = shown.windows(2).all(|pair| pair[0].0 < pair[1].0);
    assert!(is_rising, "{shown:?}");
}

/// SEQ-10: the place a thread is shown at moves forward only, whatever its records' times and numbers.
#[test]
fn a_threads_place_moves_forward() {
    let mut store = Store::default();
    let mut last = None;
    for (n, number) in [5, 1, 0, u64::MAX, 3].into_iter().enumerate() {
        let event = with_id(
            event("t", number, EventType::NodeStart, ""),
            1 + n as u8 / 2,
        );
        let mut out = Vec::new();
        let offset = 10 + 3 * n as u64;
        let time = 1_000 - n as i64;
        FrameWriter::new(0, offset).record(&mut out, offset, time, &payload(Message::Event(event)));
        store.apply(out, |_| {});
        let place = store.threads(ThreadSort::Name, 0, 1)[0].1.last_offset;
        assert!(last <= Some(place), "{last:?}, then {place}");
        last = Some(place);
    }
    assert_eq!(last, Some(22), "of the latest that was no repeat");
}
