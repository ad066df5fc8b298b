//! The event list: orders, filters by run and attempt, places to go to.

use super::*;
use crate::listing::{Looked, View};
use crate::query::{Landed, Landing, Seek};

/// Frames of one partition: offset, Kafka time and value of each.
fn frames(partition: u32, records: &[(u64, i64, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = FrameWriter::new(partition, 0);
    for (offset, time, value) in records {
        writer.record(&mut out, *offset, *time, value);
    }
    out
}

fn node(thread: &str, sequence: u64, event_type: EventType, node: &str) -> Vec<u8> {
    payload(Message::Event(event(thread, sequence, event_type, node)))
}

fn start(thread: &str, sequence: u64) -> Vec<u8> {
    node(thread, sequence, EventType::NodeStart, "n")
}

/// Ids in the order of the list.
fn ids(store: &mut Store, query: &EventQuery) -> Vec<u64> {
    let query = EventQuery {
        count: 100,
        ..query.clone()
    };
    store.events(&query).rows.iter().map(|row| row.0).collect()
}

/// Partition 0 with its gap comes first, then all of partition 1, as history does.
fn history() -> Store {
    let mut store = Store::default();
    let mut zero = Vec::new();
    let mut writer = FrameWriter::new(0, 0);
    writer.record(&mut zero, 0, 10, &start("a", 1));
    writer.gap(&mut zero, 1, 3, GapCause::Retention);
    writer.record(&mut zero, 4, 30, &start("a", 2));
    store.apply(zero, |_| {});
    let one = [(7, 20, start("b", 1)), (8, 40, start("b", 2))];
    store.apply(frames(1, &one), |_| {});
    store
}

/// X34, D6: history comes one partition after the other, and is in the order of time; a gap stands with the record
/// before it.
#[test]
fn x34_rows_are_in_the_order_of_time_over_partitions_or_of_their_arrival() {
    let mut store = history();
    let newest = EventQuery::default();
    assert_eq!(ids(&mut store, &newest), [4, 2, 3, 1, 0]);
    let oldest = EventQuery {
        oldest_first: true,
        ..EventQuery::default()
    };
    assert_eq!(ids(&mut store, &oldest), [0, 1, 3, 2, 4]);
    let arrival = EventQuery {
        by_arrival: true,
        ..EventQuery::default()
    };
    assert_eq!(ids(&mut store, &arrival), [4, 3, 2, 1, 0]);
    // What comes late goes to its place; in a list that stands still nothing moves.
    store.apply(frames(2, &[(0, 15, start("c", 1))]), |_| {});
    let frozen = EventQuery {
        frozen_at: Some(4),
        ..EventQuery::default()
    };
    assert_eq!(ids(&mut store, &frozen), [4, 2, 3, 1, 0]);
    assert_eq!(store.events(&frozen).newer, 1);
    assert_eq!(ids(&mut store, &newest), [4, 2, 3, 5, 1, 0]);
    assert_eq!(ids(&mut store, &frozen), [4, 2, 3, 1, 0]);
    assert_eq!(ids(&mut store, &oldest), [0, 1, 5, 3, 2, 4]);
}

/// D-31: rows of one moment are in the same order, whichever partition came first.
#[test]
fn the_order_of_one_moment_does_not_depend_on_arrival() {
    let parts = [0, 1, 2].map(|partition| {
        let record = |offset| (offset, 5, start("t", offset));
        frames(partition, &[record(0), record(1)])
    });
    let order = |arrival: [usize; 3]| {
        let mut store = Store::default();
        for at in arrival {
            store.apply(parts[at].clone(), |_| {});
        }
        let query = EventQuery {
            count: 10,
            ..EventQuery::default()
        };
        let rows = store.events(&query).rows;
        rows.iter()
            .map(|(_, row)| (row.partition, row.offset))
            .collect::<Vec<_>>()
    };
    let expected = [(2, 1), (2, 0), (1, 1), (1, 0), (0, 1), (0, 0)];
    assert_eq!(order([0, 1, 2]), expected);
    assert_eq!(order([2, 0, 1]), expected);
}

/// The list that is kept up piece by piece is the one that is made at once, in every order, while rows go.
#[test]
fn a_list_kept_up_is_the_list_made_at_once() {
    let mut store = Store::with_bounds(Mode::Strict, 60, 10, 1 << 20);
    let mut seed = 7_u64;
    let mut offsets = [0_u64; 3];
    for turn in 0..200_u64 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let partition = (seed >> 33) as usize % 3;
        let time = 1 + (seed >> 40) as i64 % 50;
        let record = (offsets[partition], time, start("t", turn));
        offsets[partition] += 1;
        store.apply(frames(partition as u32, &[record]), |_| {});
        let query = EventQuery {
            by_arrival: turn / 50 == 2,
            frozen_at: (turn % 7 == 0).then(|| turn.saturating_sub(3)),
            ..EventQuery::default()
        };
        let kept = ids(&mut store, &query);
        store.view = View::default();
        assert_eq!(ids(&mut store, &query), kept, "{turn}");
    }
}

/// BND-10: a list that is made a few rows at a time, while rows come and go and the filter changes, is the list made
/// at once.
#[test]
fn a_list_made_in_parts_is_the_list_made_at_once() {
    let filters = [
        EventFilter::default(),
        EventFilter {
            thread: Some("a".into()),
            ..EventFilter::default()
        },
        EventFilter {
            text: "NODE_ST".into(),
            ..EventFilter::default()
        },
    ];
    let mut store = Store::with_bounds(Mode::Strict, 90, 10, 1 << 20);
    for turn in 0..400_u64 {
        let partition = (turn % 3) as u32;
        let thread = if turn % 5 == 0 { "a" } else { "b" };
        let record = (turn / 3, (turn * 7_919 % 50) as i64, start(thread, turn));
        store.apply(frames(partition, &[record]), |_| {});
        let query = EventQuery {
            by_arrival: turn / 60 % 2 == 1,
            frozen_at: (turn % 11 == 0).then(|| turn.saturating_sub(9)),
            filter: filters[turn as usize / 40 % 3].clone(),
            ..EventQuery::default()
        };
        // Now and then somebody asks for something else before it is there.
        let is_ready = store.look(&query, turn % 7 + 1) == Looked::All;
        if !is_ready && turn % 4 > 0 {
            continue;
        }
        while store.look(&query, 2) != Looked::All {}
        let page = store.listed(&query);
        let (total, newer) = (page.total, page.newer);
        let kept = ids(&mut store, &query);
        store.view = View::default();
        let page = store.events(&query);
        assert_eq!((page.total, page.newer), (total, newer), "{turn}");
        assert_eq!(ids(&mut store, &query), kept, "{turn}");
    }
}

/// A run that is live differs at every look; its list comes all the same, and is behind by two passes at most.
#[test]
fn the_list_of_a_live_run_is_not_begun_anew_for_ever() {
    let mut store = Store::default();
    let event = |n: u64| {
        (
            n,
            n.cast_signed(),
            node("t", n + 1, EventType::NodeStart, "n"),
        )
    };
    let first = (0, 0, node("t", 1, EventType::GraphStart, ""));
    let others = (0..500).map(|n| (n, 1, start("other", n)));
    store.apply(frames(1, &others.collect::<Vec<_>>()), |_| {});
    store.apply(frames(0, &[first]), |_| {});
    let query = EventQuery {
        filter: EventFilter {
            within: Some((EventAddress::default(), None)),
            ..EventFilter::default()
        },
        ..EventQuery::default()
    };
    let mut seen = Vec::new();
    for n in 1..200 {
        store.apply(frames(0, &[event(n)]), |_| {});
        if store.look(&query, 50) != Looked::Part {
            seen.push(n as usize + 1 - store.listed(&query).total);
        }
    }
    assert!(seen.len() > 150, "shown {} times", seen.len());
    assert!(seen.iter().all(|behind| *behind <= 30), "{seen:?}");
    assert!(store.lists_made() > 10, "{}", store.lists_made());
    assert_eq!(store.events(&query).total, 200);
}

/// Two runs of one thread with two nodes each, a token of the first node of the first, and another thread.
fn two_runs() -> Store {
    let steps = [
        (EventType::GraphStart, ""),
        (EventType::NodeStart, "plan"),
        (EventType::NodeEnd, "plan"),
        (EventType::NodeStart, "act"),
        (EventType::NodeEnd, "act"),
        (EventType::GraphEnd, ""),
    ];
    let mut records = Vec::new();
    for (at, (event_type, name)) in steps.iter().cycle().take(12).enumerate() {
        let mut header = header("t", at as u64 + 1);
        header.timestamp_us = 1_000_000 + 10 * at as i64;
        let event = Event {
            header: Some(header),
            ..event("t", 0, *event_type, name)
        };
        records.push((at as u64, 1_000 + at as i64, payload(Message::Event(event))));
    }
    let token = TokenChunk {
        header: Some(Header {
            timestamp_us: 1_000_015,
            ..header("t", 90)
        }),
        text: "Hello there".into(),
        ..TokenChunk::default()
    };
    records.push((12, 1_012, payload(Message::TokenChunk(token))));
    records.push((13, 1_013, start("other", 1)));
    let mut store = Store::default();
    store.apply(frames(0, &records), |_| {});
    store
}

/// Ids of the rows that match, oldest first.
fn narrowed(filter: EventFilter) -> Vec<u64> {
    let query = EventQuery {
        oldest_first: true,
        filter,
        ..EventQuery::default()
    };
    ids(&mut two_runs(), &query)
}

/// Issue 11, the page, 4: a list is narrowed to a run or an attempt of it.
#[test]
fn a_list_is_narrowed_to_a_run_or_an_attempt() {
    let within = |offset, attempt| {
        let run = EventAddress {
            offset,
            ..EventAddress::default()
        };
        EventFilter {
            within: Some((run, attempt)),
            ..EventFilter::default()
        }
    };
    assert_eq!(narrowed(within(6, None)), [6, 7, 8, 9, 10, 11]);
    assert_eq!(narrowed(within(6, Some(1))), [9, 10]);
    assert!(narrowed(within(6, Some(9))).is_empty(), "no such attempt");
    assert_eq!(narrowed(within(0, Some(0))), [1, 2, 12], "with its token");
    assert!(narrowed(within(3, None)).is_empty(), "no run begins there");
    let node = EventFilter {
        node: Some("act".into()),
        ..within(6, None)
    };
    assert_eq!(narrowed(node), [9, 10]);
}

/// Issue 11, the page, 4; D19: a list is narrowed by type, and by a text in thread, node, type or summary.
#[test]
fn a_list_is_narrowed_by_what_its_rows_say() {
    let named = |text: &str| EventFilter {
        text: text.into(),
        ..EventFilter::default()
    };
    let types = EventFilter {
        kinds: vec!["GRAPH_END".into(), "token_chunk".into()],
        ..EventFilter::default()
    };
    assert_eq!(narrowed(types), [5, 11, 12]);
    assert_eq!(narrowed(named("graph_s")), [0, 6]);
    assert_eq!(narrowed(named("HELLO")), [12]);
    assert_eq!(narrowed(named("oTHer")), [13]);
}

/// A run that goes on brings its events to a list that is narrowed to it.
#[test]
fn a_list_of_a_run_follows_the_run() {
    let mut store = Store::default();
    store.apply(
        frames(0, &[(0, 1, node("t", 1, EventType::GraphStart, ""))]),
        |_| {},
    );
    let query = EventQuery {
        filter: EventFilter {
            within: Some((EventAddress::default(), None)),
            ..EventFilter::default()
        },
        ..EventQuery::default()
    };
    assert_eq!(ids(&mut store, &query), [0]);
    store.apply(
        frames(0, &[(1, 2, start("t", 2)), (2, 3, start("u", 1))]),
        |_| {},
    );
    assert_eq!(ids(&mut store, &query), [1, 0]);
}

fn landed(store: &mut Store, seek: Seek, oldest_first: bool, thread: &str) -> Landed {
    let query = EventQuery {
        seek: Some(seek),
        oldest_first,
        filter: EventFilter {
            thread: (!thread.is_empty()).then(|| thread.to_string()),
            ..EventFilter::default()
        },
        ..EventQuery::default()
    };
    store.events(&query).landed.expect("a place was wanted")
}

/// Issue 11, the page, 4 and 7: one goes to an offset or a time, and what is not there is said to be gone, yet to
/// come, hidden, or nothing.
#[test]
fn a_place_to_go_to_is_found_or_said_to_be_older_later_hidden_or_nothing() {
    let mut store = history();
    let mut at = |partition, offset, oldest_first, thread| {
        let place = EventAddress {
            partition,
            offset,
            index: 0,
        };
        let landed = landed(&mut store, Seek::Place(place), oldest_first, thread);
        (landed.landing, landed.at, landed.edge)
    };
    assert_eq!(at(1, 8, false, ""), (Landing::There, Some(0), None));
    assert_eq!(at(1, 8, true, ""), (Landing::There, Some(4), None));
    assert_eq!(
        at(0, 2, true, ""),
        (Landing::There, Some(1), None),
        "in a gap"
    );
    assert_eq!(at(1, 6, true, ""), (Landing::Older, Some(2), Some(7)));
    assert_eq!(at(1, 9, true, ""), (Landing::Later, None, Some(8)));
    assert_eq!(at(5, 0, true, ""), (Landing::Later, None, None));
    assert_eq!(at(1, 7, true, "a"), (Landing::Hidden, None, None));
    let mut time = |ms, oldest_first, thread| {
        let landed = landed(&mut store, Seek::Time(ms), oldest_first, thread);
        (landed.landing, landed.at, landed.edge)
    };
    assert_eq!(time(20, true, ""), (Landing::There, Some(2), None));
    assert_eq!(time(21, true, ""), (Landing::There, Some(3), None));
    assert_eq!(time(21, false, ""), (Landing::There, Some(1), None));
    assert_eq!(time(9, true, ""), (Landing::Older, Some(0), Some(10)));
    assert_eq!(time(41, true, ""), (Landing::Later, None, Some(40)));
    assert_eq!(time(35, true, "a"), (Landing::Hidden, None, None));
    assert_eq!((store.first_of(1), store.first_of(5)), (Some(7), None));
}

/// An index of a batch that it does not have, and an offset that Kafka left unused, lead to what follows.
#[test]
fn a_place_that_holds_nothing_leads_to_what_follows_it() {
    let batch = EventBatch {
        header: Some(header("a", 0)),
        events: (1..4)
            .map(|n| event("a", n, EventType::NodeStart, "n"))
            .collect(),
    };
    let records = [
        (0, 10, payload(Message::EventBatch(batch))),
        (5, 20, start("a", 9)),
    ];
    let mut store = Store::default();
    store.apply(frames(0, &records), |_| {});
    let mut at = |offset, index| {
        let place = EventAddress {
            partition: 0,
            offset,
            index,
        };
        let landed = landed(&mut store, Seek::Place(place), true, "");
        (landed.landing, landed.at)
    };
    assert_eq!(at(0, 2), (Landing::There, Some(2)));
    assert_eq!(at(0, 3), (Landing::Next, Some(3)));
    assert_eq!(at(2, 0), (Landing::Next, Some(3)));
}

/// Rows lie in blocks of 1,024: each is found by its id and no other, however many were evicted before it.
#[test]
fn rows_are_found_over_the_ends_of_blocks() {
    let mut store = Store::with_bounds(Mode::Strict, 1_500, 10, 1 << 20);
    for offset in 0..5_000_u64 {
        store.apply(frames(0, &[(offset, 1, start("a", offset + 1))]), |_| {});
        let first = (offset + 1).saturating_sub(1_500);
        for id in [first, first + 1, offset / 2, offset].map(|id| id.clamp(first, offset)) {
            assert_eq!(store.row(id).map(|row| row.offset), Some(id));
        }
        assert!(store.row(offset + 1).is_none());
        assert!(first == 0 || store.row(first - 1).is_none(), "evicted");
    }
}

/// Summaries of runs that ended are made while others go on; asked for at any time or only at the end, they are the
/// same.
#[test]
fn runs_are_the_same_however_often_somebody_asks() {
    let kinds = [
        EventType::GraphStart,
        EventType::NodeStart,
        EventType::NodeEnd,
        EventType::GraphEnd,
    ];
    let query = RunsQuery {
        count: 1_000,
        ..RunsQuery::default()
    };
    let (mut asked, mut left) = (Store::default(), Store::default());
    // Of 300 threads, more than are left unsettled, every third does not end.
    for (offset, (step, thread)) in (0..4)
        .flat_map(|step| (0..300).map(move |n| (step, n)))
        .enumerate()
    {
        if step == 3 && thread % 3 == 0 {
            continue;
        }
        let name = format!("thread-{thread}");
        let value = node(&name, step as u64 + 1, kinds[step], "n");
        let message = frames(0, &[(offset as u64, offset as i64, value)]);
        asked.apply(message.clone(), |_| {});
        left.apply(message, |_| {});
        if offset % 7 == 0 {
            asked.runs(&query);
        }
    }
    let (asked, left) = (asked.runs(&query), left.runs(&query));
    assert_eq!((asked.rows.len(), &asked.rows), (300, &left.rows));
    assert_eq!(asked.counts, left.counts);
    assert_eq!(
        left.rows.iter().filter(|row| row.end_us.is_some()).count(),
        200
    );
}
