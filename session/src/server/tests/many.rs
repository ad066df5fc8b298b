//! Topics of many partitions, and partitions that a relay finds late.

use decode_core::wire::RESUME_PARTITIONS_MAX;

use super::*;
use crate::control::{ByPartition, Partition};
use crate::{ClientConfig, ClientInput, ClientOutput, ClientSession, Phase};

/// A relay and a client over one log, in lock step.
struct Pair {
    log: TailLog,
    server: ServerSession,
    client: ClientSession,
    longest: usize,
}

impl Pair {
    fn new(log: TailLog) -> Self {
        let client = ClientConfig {
            from: From::Earliest,
            seed: 3,
        };
        Self {
            server: ServerSession::new(ServerConfig::default(), &log, 0),
            client: ClientSession::new(client),
            log,
            longest: 0,
        }
    }

    /// Another relay in place of the one before: the client reconnects.
    fn reconnect(&mut self, now: Millis) {
        self.server = ServerSession::new(ServerConfig::default(), &self.log, now);
        let closed = ClientInput::Closed {
            code: 1006,
            reason: "",
        };
        self.client.handle(closed, now);
        self.client.handle(ClientInput::Wake, now);
    }

    /// Goes on until neither has anything to say; an acknowledgement is waited for.
    fn settle(&mut self, from: Millis) {
        let mut now = from;
        for _ in 0..200 {
            now += 50;
            self.client_says(now);
            self.server_says(now);
        }
        assert_eq!(self.client.phase(), Phase::Live, "{:?}", self.problems());
    }

    fn client_says(&mut self, now: Millis) {
        loop {
            match self.client.poll(now) {
                ClientOutput::Connect { .. } => self.client.handle(ClientInput::Opened, now),
                ClientOutput::Send(text) => {
                    self.longest = self.longest.max(text.len());
                    self.server.handle(ServerInput::Text(&text), &self.log, now);
                    assert_eq!(self.server.take_refusal(), None, "{text}");
                }
                ClientOutput::Close { code, reason } => panic!("{code} {reason}"),
                ClientOutput::Wait { .. } => return,
            }
        }
    }

    fn server_says(&mut self, now: Millis) {
        loop {
            match self.server.poll(&self.log, now) {
                ServerOutput::Text(text) => {
                    self.longest = self.longest.max(text.len());
                    self.client.handle(ClientInput::Text(&text), now);
                }
                ServerOutput::Data(bytes) => {
                    let epoch = self.client.epoch();
                    let mut delivery = self.client.accept(epoch, &bytes, now).expect("continuous");
                    for frame in FrameReader::new(&bytes) {
                        delivery.disposed(&frame.expect("whole").header);
                    }
                    delivery.finish(now);
                }
                ServerOutput::Fetch(_) | ServerOutput::Close(..) => panic!("neither is due"),
                ServerOutput::Wait { .. } => return,
            }
        }
    }

    fn problems(&self) -> Vec<&str> {
        self.client.problems().map(|p| p.text.as_str()).collect()
    }
}

/// A log of partitions that begin at a 19-digit offset and hold two records each.
fn large_log(partitions: u32) -> TailLog {
    let mut log = TailLog::new(1 << 30);
    for partition in 0..partitions {
        log.add_partition(partition, BEGIN);
        more(&mut log, partition, 2);
    }
    log
}

const BEGIN: u64 = 1_234_567_890_123_456_789;

fn more(log: &mut TailLog, partition: u32, count: u64) {
    let end = log.partition(partition).expect("added").end;
    let mut builder = SegmentBuilder::new(partition, end);
    for offset in end..end + count {
        let time = 1_767_225_600_123 + i64::from(partition) + (offset - BEGIN) as i64;
        builder.record(offset, time, b"a record");
    }
    log.append(builder.finish().expect("frames"))
        .expect("continuous");
}

/// RES-36, RES-22, RES-31: through a reconnect with fingerprints, what a client has of a topic of many
/// partitions equals the topic, and no control message of either side is longer than the limit.
#[test]
fn topics_of_many_partitions_resume_whole() {
    for partitions in [600, 2_000] {
        let mut pair = Pair::new(large_log(partitions));
        pair.client.handle(ClientInput::Start, 0);
        pair.settle(0);
        for round in 1..=2_u64 {
            (0..partitions).for_each(|p| more(&mut pair.log, p, 1));
            pair.reconnect(100_000 * round);
            pair.settle(100_000 * round);
            let positions: Vec<_> = pair.client.positions().collect();
            assert_eq!(positions.len(), partitions as usize);
            for p in &positions {
                assert_eq!((p.committed, p.records), (BEGIN + 2 + round, 2 + round));
            }
        }
        assert_eq!(pair.problems(), [""; 0], "{partitions}");
        assert!(pair.longest <= CONTROL_BYTES_MAX, "{} bytes", pair.longest);
        assert_eq!(pair.server.stats().replay.from, Some(From::Cursor));
        let unacked = pair.client.unacked_bytes();
        assert_eq!((unacked, pair.server.stats().refused), (0, 0));
    }
}

/// RES-36, RES-23, SEC-04: more partitions than a resume may name are refused whole, in whatever parts they come.
#[test]
fn more_partitions_than_the_cap_are_refused_whole() {
    let most = RESUME_PARTITIONS_MAX as u32;
    let mut log = TailLog::new(1 << 30);
    (0..=most).for_each(|p| log.add_partition(p, 0));
    let mut b = Bench {
        session: ServerSession::new(ServerConfig::default(), &log, 0),
        log,
        now: 0,
    };
    b.drain();
    let cursors = |partitions: core::ops::RangeInclusive<u32>| {
        let positions: ByPartition = partitions.map(|p| (Partition(p), Decimal(0))).collect();
        Resume {
            namespace: None,
            from: From::Cursor,
            cursors: Cursors {
                positions,
                ..Cursors::default()
            },
            parts: 0,
        }
    };
    for (last, code) in [(most, Some(ErrorCode::TooManyPartitions)), (most - 1, None)] {
        b.now += 1_000;
        let mut refusals = Vec::new();
        for text in cursors(0..=last).to_texts() {
            b.say(&text);
            refusals.extend(b.session.take_refusal());
        }
        assert_eq!(refusals.first().map(|refusal| refusal.code), code);
        assert!(refusals.iter().all(|refusal| refusal.of_resume));
        let got = b.drain();
        let resumed = |got: &Got| matches!(got, Got::Text(RelayMessage::Resumed { .. }));
        assert_eq!(got.iter().any(resumed), code.is_none());
    }
}

/// RES-38: a refused part is a refused resume: it is answered with `resume_error`, its numbers are counted in full, and
/// nothing of what came before takes effect.
#[test]
fn a_refused_part_takes_the_whole_resume_with_it() {
    let part = |positions: &str| {
        alloc::format!(r#"{{"type":"part","of":"resume","positions":{{{positions}}}}}"#)
    };
    let strangers: Vec<_> = (100..140).map(|p| alloc::format!(r#""{p}":"1""#)).collect();
    let bad: Vec<_> = (100..140)
        .map(|p| alloc::format!(r#""{p}":"-1""#))
        .collect();
    let cases = [
        (
            part(&strangers.join(",")),
            ErrorCode::InvalidPartition,
            (40, 0),
        ),
        (part(&bad.join(",")), ErrorCode::InvalidOffset, (0, 40)),
        (part(r#""0":"1""#), ErrorCode::InvalidPartition, (1, 0)),
    ];
    for (wrong, code, counts) in cases {
        let mut b = bench(3, CREDIT);
        append(&mut b.log, 0, 9, 5);
        b.drain();
        b.say(&part(r#""0":"4""#));
        b.say(&wrong);
        let refusal = b.session.take_refusal().expect("refused");
        assert_eq!((refusal.code, refusal.of_resume), (code, true));
        assert_eq!(
            (refusal.invalid_partitions, refusal.invalid_offsets),
            counts
        );
        assert!(matches!(
            &b.drain()[..],
            [Got::Text(RelayMessage::ResumeError(_))]
        ));
        b.resume(r#""from":"cursor","positions":{"1":"0"},"parts":2"#);
        let refusal = b.session.take_refusal().expect("refused");
        assert_eq!(refusal.code, ErrorCode::OutOfOrder);
        b.drain();
        // What is said whole afterwards is taken, and nothing of before is in it.
        b.resume(r#""from":"cursor","positions":{"1":"0"}"#);
        let got = b.drain();
        let Some(Got::Text(RelayMessage::Resumed { positions, .. })) = got.first() else {
            panic!("{got:?}")
        };
        assert_eq!(positions[&Partition(0)], Decimal(0), "its origin, not 4");
    }
    let mut b = bench(1, CREDIT);
    b.resume(r#""from":"latest""#);
    b.say(&part(r#""0":"1""#));
    let refusal = b.session.take_refusal().expect("refused");
    assert_eq!(
        (refusal.code, refusal.of_resume),
        (ErrorCode::OutOfOrder, true)
    );
}

/// RES-37, RES-11: a relay that was restarted finds a partition late in which a client has a cursor. It goes on there:
/// nothing twice, no error, no other connection.
#[test]
fn a_partition_found_late_goes_on_at_the_clients_cursor() {
    let mut pair = Pair::new(TailLog::new(1 << 20));
    for partition in 0..2 {
        pair.log.add_partition(partition, 0);
        append(&mut pair.log, partition, 20, 9);
    }
    pair.client.handle(ClientInput::Start, 0);
    pair.settle(0);
    // The relay comes back with one of them, and finds the other when its leader is back.
    pair.log = TailLog::new(1 << 20);
    pair.log.add_partition(0, 0);
    append(&mut pair.log, 0, 20, 9);
    pair.reconnect(100_000);
    pair.settle(100_000);
    let epoch = pair.client.epoch();
    pair.log.add_partition(1, 0);
    append(&mut pair.log, 1, 23, 9);
    pair.settle(110_000);
    let positions: Vec<_> = pair
        .client
        .positions()
        .map(|p| (p.committed, p.records))
        .collect();
    assert_eq!(positions, [(20, 20), (23, 23)]);
    assert_eq!((pair.client.epoch(), pair.problems()), (epoch, Vec::new()));
}

/// The same against a relay that does not know of such cursors: the client reconnects by itself.
#[test]
fn an_older_relay_that_finds_a_partition_late_is_asked_again() {
    let mut pair = Pair::new(TailLog::new(1 << 20));
    pair.log.add_partition(0, 0);
    append(&mut pair.log, 0, 20, 9);
    pair.client.handle(ClientInput::Start, 0);
    pair.settle(0);
    let epoch = pair.client.epoch();
    let late = r#"{"type":"partitions","partitions":{"0":{"position":"0"}}}"#;
    pair.client.handle(ClientInput::Text(late), 90_000);
    assert!(matches!(
        pair.client.poll(90_000),
        ClientOutput::Close { .. }
    ));
    pair.reconnect(100_000);
    pair.settle(100_000);
    let positions: Vec<_> = pair
        .client
        .positions()
        .map(|p| (p.committed, p.records))
        .collect();
    assert_eq!(
        (positions, pair.problems()),
        ([(20, 20)].into(), Vec::new())
    );
    assert_eq!(pair.client.epoch(), epoch + 1);
}

/// RES-37: a cursor of a recreated topic in a partition that is found late starts over.
#[test]
fn a_cursor_of_a_partition_found_late_is_compared_too() {
    let mut b = bench(1, CREDIT);
    b.drain();
    b.resume(
        r#""from":"cursor","unlisted":{"4":{"position":"3","offset":"2","timestampMs":"77"}}"#,
    );
    b.drain();
    b.log.add_partition(4, 0);
    append(&mut b.log, 4, 5, 9);
    let got = b.drain();
    assert!(
        matches!(
            &got[..],
            [
                Got::Text(RelayMessage::Partitions { partitions }),
                Got::Text(RelayMessage::TopicReset { partition: 4, .. }),
                Got::Frames(frames)
            ] if partitions[&Partition(4)].position == Decimal(3) && frames.len() == 5
        ),
        "{got:?}"
    );
}
