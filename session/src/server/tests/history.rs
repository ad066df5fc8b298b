//! What a session asks for behind memory, and what it makes of the answers.

use super::*;
use crate::limits::{FETCH_ANSWER_MS_MAX, FETCH_BYTES, FETCH_PATIENCE_MS, FETCHES_MAX};

/// Partitions of 40 records of which memory holds the last few; a tier has the others from `floor` on.
fn behind(partitions: u32, floor: u64) -> Bench {
    let mut b = bench(partitions, CREDIT);
    b.log = TailLog::new(1);
    for partition in 0..partitions {
        b.log.add_partition(partition, 0);
    }
    for partition in 0..partitions {
        (0..4).for_each(|_| append(&mut b.log, partition, 10, 500));
        b.log.set_floor(partition, 0, Some(floor));
    }
    b
}

fn frames(partition: u32, range: core::ops::Range<u64>) -> Answer {
    let mut builder = SegmentBuilder::new(partition, range.start);
    range.for_each(|offset| builder.record(offset, 0, b"from elsewhere"));
    Answer::Frames {
        incarnation: 0,
        segment: builder.finish().expect("frames"),
    }
}

fn asked(got: &[Got]) -> Vec<Fetch> {
    let fetch = |got: &Got| {
        if let Got::Fetch(fetch) = got {
            Some(*fetch)
        } else {
            None
        }
    };
    got.iter().filter_map(fetch).collect()
}

impl Bench {
    fn answer(&mut self, fetch: Fetch, answer: Answer) -> Vec<Got> {
        let input = ServerInput::Fetched { fetch, answer };
        self.session.handle(input, &self.log, self.now);
        self.drain()
    }

    /// Takes what comes up to the first question.
    fn question(&mut self) -> Fetch {
        let got = self.drain();
        *asked(&got)
            .first()
            .unwrap_or_else(|| panic!("no question in {got:?}"))
    }
}

/// RES-18: what can be served at all is what the tier has; before that there is a gap with a name, and from there
/// on nothing is lost.
#[test]
fn a_cursor_behind_memory_reads_the_tier_and_goes_on_in_memory() {
    let mut b = behind(1, 5);
    let view = b.log.partition(0).expect("there");
    assert_eq!((view.earliest, view.held_from, view.end), (5, 30, 40));
    b.resume(r#""from":"cursor","positions":{"0":"2"}"#);
    let got = b.drain();
    assert!(matches!(
        &got[2..],
        [
            Got::Text(RelayMessage::CursorStale { requested: Decimal(2), oldest: Decimal(5), .. }),
            Got::Frames(gap),
            Got::Fetch(_)
        ] if gap == &[(0, 2)]
    ));
    let fetch = asked(&got)[0];
    let wanted = Fetch {
        partition: 0,
        incarnation: 0,
        from: 5,
        until: 30,
        bytes_max: FETCH_BYTES,
    };
    assert_eq!(fetch, wanted);
    assert_eq!(b.drain(), [], "one question at a time");
    // It may begin earlier than asked; only what was asked is sent.
    let got = b.answer(fetch, frames(0, 3..20));
    let first: Vec<_> = (5..20).map(|offset| (0, offset)).collect();
    assert_eq!(got[0], Got::Frames(first));
    let fetch = asked(&got)[0];
    assert_eq!((fetch.from, fetch.until), (20, 30));
    let got = b.answer(fetch, frames(0, 20..30));
    let rest: Vec<_> = (20..40).map(|offset| (0, offset)).collect();
    let frames: Vec<_> = got
        .iter()
        .filter_map(|got| {
            if let Got::Frames(f) = got {
                Some(f)
            } else {
                None
            }
        })
        .flatten()
        .copied()
        .collect();
    assert_eq!(frames, rest);
    let done = |got: &Got| matches!(got, Got::Text(RelayMessage::ReplayComplete { .. }));
    assert!(got.last().is_some_and(done), "{got:?}");
    let history = b.session.stats().history;
    assert_eq!((history.asked, history.taken), (2, 2));
}

/// RES-32, VER-04: `welcome` and `earliest` promise what can be served, not what memory holds.
#[test]
fn welcome_and_earliest_go_by_what_can_be_served() {
    let b = behind(1, 7);
    let mut session = ServerSession::new(ServerConfig::default(), &b.log, 0);
    let ServerOutput::Text(welcome) = session.poll(&b.log, 0) else {
        panic!("welcome comes first");
    };
    assert!(
        welcome.contains(r#"{"earliest":"7","head":"40"}"#),
        "{welcome}"
    );
    let mut b = Bench { session, ..b };
    b.resume(r#""from":"earliest""#);
    assert_eq!(b.question().from, 7);
}

/// BND-02: however many partitions are behind, a client has only so many questions open.
#[test]
fn a_client_has_a_bounded_number_of_questions_open() {
    let mut b = behind(6, 0);
    b.resume(r#""from":"earliest""#);
    let mut open = asked(&b.drain());
    let mut served = open.iter().map(|fetch| fetch.partition).collect::<Vec<_>>();
    while let Some(fetch) = open.pop() {
        assert!(open.len() < FETCHES_MAX);
        let got = b.answer(fetch, frames(fetch.partition, fetch.from..fetch.until));
        let more = asked(&got);
        served.extend(more.iter().map(|fetch| fetch.partition));
        open.extend(more);
    }
    served.sort_unstable();
    served.dedup();
    assert_eq!(served, [0, 1, 2, 3, 4, 5]);
    assert_eq!(b.session.stats().frames, 6 * 40);
}

/// RES-17: a tier that says what is lost is believed within what was asked, with its cause.
#[test]
fn what_a_tier_lost_is_a_gap_with_its_cause() {
    let mut b = behind(1, 0);
    b.resume(r#""from":"earliest""#);
    let fetch = b.question();
    let lost = Answer::Lost {
        until: 12,
        cause: GapCause::Retention,
    };
    b.session.handle(
        ServerInput::Fetched {
            fetch,
            answer: lost,
        },
        &b.log,
        0,
    );
    let ServerOutput::Text(_) = b.session.poll(&b.log, 0) else {
        panic!("the message comes before the gap");
    };
    let ServerOutput::Data(bytes) = b.session.poll(&b.log, 0) else {
        panic!("the gap follows");
    };
    let header = FrameReader::new(&bytes)
        .next()
        .expect("one")
        .expect("whole")
        .header;
    assert_eq!(
        (header.kind, header.offset, header.last_offset()),
        (FrameKind::Gap, 0, 11)
    );
    assert_eq!(header.code, GapCause::Retention.number());
    assert_eq!(b.question().from, 12);
}

/// RES-28: what limits a tier is time without anything, not how long it takes in all.
#[test]
fn a_tier_that_gives_nothing_becomes_a_gap_in_the_end() {
    for silent in [true, false] {
        let mut b = behind(1, 0);
        b.resume(r#""from":"earliest""#);
        let mut fetch = b.question();
        let mut questions = 1;
        loop {
            let got = if silent {
                b.now += FETCH_ANSWER_MS_MAX;
                b.drain()
            } else {
                b.now += 40;
                b.answer(fetch, Answer::Failed)
            };
            if let Some(again) = asked(&got).first() {
                assert_eq!(*again, fetch, "the same is asked again");
                fetch = *again;
                questions += 1;
            }
            if got.iter().any(|got| matches!(got, Got::Frames(_))) {
                break;
            }
            b.now += 40;
            assert!(b.now < 4 * FETCH_PATIENCE_MS, "it never ends");
        }
        assert!(
            b.now >= FETCH_PATIENCE_MS && questions > 2,
            "{} ms, {questions}",
            b.now
        );
        let stale = b.session.stats();
        assert_eq!((stale.stale_gaps, stale.stale_positions), (1, 30));
        assert_eq!(stale.frames, 1 + 10, "memory follows the gap");
    }
}

/// RES-16: an answer to what nobody asks any more, or to another topic, is nothing.
#[test]
fn a_recreated_topic_ends_its_questions() {
    let mut b = behind(1, 0);
    b.resume(r#""from":"earliest""#);
    let fetch = b.question();
    b.log.restart_partition(0, 0);
    append(&mut b.log, 0, 3, 9);
    let late = b.answer(fetch, frames(0, 0..30));
    let all: Vec<_> = late
        .iter()
        .map(|got| match got {
            Got::Text(RelayMessage::TopicReset { .. }) => 'r',
            Got::Frames(frames) if frames == &[(0, 0)] => 'g',
            Got::Frames(frames) if frames == &[(0, 0), (0, 1), (0, 2)] => 'n',
            _ => '-',
        })
        .filter(|kind| *kind != '-')
        .collect();
    assert_eq!(
        all,
        ['g', 'r', 'n'],
        "gap, message, the new topic: {late:?}"
    );
    assert_eq!(
        b.log.partition(0).map(|view| view.earliest),
        Some(0),
        "no floor of the former topic"
    );
}

/// BND-04: without credit nothing is asked, as it could not be sent.
#[test]
fn nothing_is_asked_without_credit() {
    let one = 40 + b"from elsewhere".len();
    let mut b = Bench {
        session: ServerSession::new(
            ServerConfig {
                window_bytes: one,
                ..ServerConfig::default()
            },
            &TailLog::new(1),
            0,
        ),
        ..behind(1, 0)
    };
    b.resume(r#""from":"earliest""#);
    let fetch = b.question();
    assert_eq!(
        b.answer(fetch, frames(0, 0..1)),
        [Got::Frames(alloc::vec![(0, 0)])]
    );
    b.say(&alloc::format!(r#"{{"type":"ack","bytes":"{one}"}}"#));
    assert_eq!(b.question().from, 1);
}
