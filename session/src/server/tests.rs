use alloc::string::String;
use alloc::vec::Vec;

use decode_core::frame::FrameReader;
use decode_core::wire::{FrameKind, GapCause};

use super::*;
use crate::control::parse_relay;
use crate::limits::CONTROL_PER_SECOND_MAX;
use crate::log::SegmentBuilder;

mod history;
mod many;
mod proof;

const CREDIT: usize = WINDOW_BYTES_DEFAULT;

struct Bench {
    log: TailLog,
    session: ServerSession,
    now: Millis,
}

#[derive(Debug, PartialEq, Eq)]
enum Got {
    Text(RelayMessage),
    Frames(Vec<(u32, u64)>),
    Close(CloseCode),
    Fetch(Fetch),
}

fn append(log: &mut TailLog, partition: u32, count: u64, payload: usize) {
    let head = log.partition(partition).expect("added").end;
    let mut builder = SegmentBuilder::new(partition, head);
    for offset in head..head + count {
        builder.record(offset, 0, &alloc::vec![7; payload]);
    }
    if let Some(segment) = builder.finish() {
        log.append(segment).expect("continuous");
    }
}

fn bench(partitions: u32, window_bytes: usize) -> Bench {
    let mut log = TailLog::new(1 << 30);
    (0..partitions).for_each(|p| log.add_partition(p, 0));
    let config = ServerConfig {
        window_bytes,
        ..ServerConfig::default()
    };
    let session = ServerSession::new(config, &log, 0);
    Bench {
        log,
        session,
        now: 0,
    }
}

impl Bench {
    fn say(&mut self, text: &str) {
        self.session
            .handle(ServerInput::Text(text), &self.log, self.now);
    }

    fn resume(&mut self, rest: &str) {
        self.say(&alloc::format!(
            r#"{{"type":"resume","protocol":1,{rest}}}"#
        ));
    }

    fn drain(&mut self) -> Vec<Got> {
        let mut got = Vec::new();
        loop {
            got.push(match self.session.poll(&self.log, self.now) {
                ServerOutput::Text(text) => {
                    Got::Text(parse_relay(&text).expect("readable").expect("known"))
                }
                ServerOutput::Data(bytes) => Got::Frames(
                    FrameReader::new(&bytes)
                        .map(|f| f.expect("a frame").header)
                        .map(|h| (h.partition, h.offset))
                        .collect(),
                ),
                ServerOutput::Close(code, _) => Got::Close(code),
                ServerOutput::Fetch(fetch) => Got::Fetch(fetch),
                ServerOutput::Wait { .. } => return got,
            });
        }
    }

    fn frames(&mut self) -> Vec<(u32, u64)> {
        let frames = |got| {
            if let Got::Frames(frames) = got {
                frames
            } else {
                Vec::new()
            }
        };
        self.drain().into_iter().flat_map(frames).collect()
    }
}

fn closes(got: &[Got]) -> Option<CloseCode> {
    got.iter().find_map(|g| {
        if let Got::Close(code) = g {
            Some(*code)
        } else {
            None
        }
    })
}

/// BND-06
#[test]
fn clients_share_the_bytes_of_the_log() {
    let mut b = bench(1, CREDIT);
    append(&mut b.log, 0, 50, 300);
    let data_of_a_client = || {
        let mut session = ServerSession::new(ServerConfig::default(), &b.log, 0);
        let resume = r#"{"type":"resume","protocol":1,"from":"earliest"}"#;
        session.handle(ServerInput::Text(resume), &b.log, 0);
        loop {
            match session.poll(&b.log, 0) {
                ServerOutput::Data(bytes) => return bytes,
                ServerOutput::Wait { .. } => panic!("the log holds records"),
                ServerOutput::Text(_) | ServerOutput::Fetch(_) | ServerOutput::Close(..) => {}
            }
        }
    };
    let (one, other) = (data_of_a_client(), data_of_a_client());
    assert!(one.len() > 50 * 300);
    assert_eq!((one.as_ptr(), one.len()), (other.as_ptr(), other.len()));
}

/// RES-27, VER-04
#[test]
fn welcome_then_resumed_then_data_then_complete_once() {
    let mut b = bench(2, CREDIT);
    append(&mut b.log, 0, 3, 10);
    let first = b.drain();
    assert!(matches!(&first[..], [Got::Text(RelayMessage::Welcome(_))]));
    b.resume(r#""from":"earliest""#);
    b.now += 40;
    let got = b.drain();
    assert!(matches!(got[0], Got::Text(RelayMessage::Resumed { .. })));
    assert_eq!(got[1], Got::Frames(alloc::vec![(0, 0), (0, 1), (0, 2)]));
    let Got::Text(RelayMessage::ReplayComplete {
        total_replayed,
        last_offsets_by_partition,
        ..
    }) = &got[2]
    else {
        panic!("no end of replay: {got:?}");
    };
    assert_eq!(total_replayed.0, 3);
    assert_eq!(
        last_offsets_by_partition.get(&Partition(0)),
        Some(&Decimal(2))
    );
    assert_eq!(last_offsets_by_partition.get(&Partition(1)), None);
    assert_eq!(got.len(), 3);
    append(&mut b.log, 1, 2, 10);
    assert_eq!(b.drain(), [Got::Frames(alloc::vec![(1, 0), (1, 1)])]);
    let stats = b.session.stats();
    let replay = stats.replay;
    assert_eq!((stats.frames, replay.frames), (5, 3));
    assert_eq!(replay.bytes * 5, stats.bytes * 3);
    assert_eq!(
        (replay.from, replay.took_ms),
        (Some(From::Earliest), Some(40))
    );
}

#[test]
fn latest_starts_at_the_end_and_cursor_after_what_the_client_has() {
    for (rest, expected) in [
        (r#""from":"latest""#, alloc::vec![(0, 5)]),
        (
            r#""from":"cursor","lastOffsetsByPartition":{"0":"2"}"#,
            alloc::vec![(0, 3), (0, 4), (0, 5)],
        ),
        (
            r#""from":"cursor","positions":{"0":"0"}"#,
            (0..6).map(|o| (0, o)).collect(),
        ),
    ] {
        let mut b = bench(1, CREDIT);
        append(&mut b.log, 0, 5, 1);
        b.resume(rest);
        let mut got = b.frames();
        append(&mut b.log, 0, 1, 1);
        got.extend(b.frames());
        assert_eq!(got, expected, "{rest}");
    }
}

/// RES-18
#[test]
fn a_cursor_older_than_memory_gets_a_gap_frame_with_the_exact_range() {
    let mut b = bench(1, CREDIT);
    b.log = TailLog::new(1);
    b.log.add_partition(0, 0);
    append(&mut b.log, 0, 10, 1);
    append(&mut b.log, 0, 5, 1);
    b.resume(r#""from":"cursor","positions":{"0":"4"}"#);
    let mut gap = None;
    loop {
        match b.session.poll(&b.log, 0) {
            ServerOutput::Data(bytes) if gap.is_none() => {
                let frame = FrameReader::new(&bytes)
                    .next()
                    .expect("one")
                    .expect("a frame");
                gap = Some(frame.header);
            }
            ServerOutput::Wait { .. } => break,
            _ => {}
        }
    }
    let gap = gap.expect("a gap");
    assert_eq!(
        (gap.kind, gap.code),
        (FrameKind::Gap, GapCause::Evicted.number())
    );
    assert_eq!((gap.offset, gap.last_offset(), gap.prev_next), (4, 9, 4));
    let stats = b.session.stats();
    assert_eq!((stats.stale_gaps, stats.stale_positions), (1, 6));
    assert_eq!((stats.replay.gaps, stats.replay.gap_positions), (1, 6));
}

/// RES-19
#[test]
fn a_cursor_beyond_the_end_is_waited_for_and_then_reset() {
    let mut b = bench(1, CREDIT);
    append(&mut b.log, 0, 2, 1);
    b.drain();
    b.resume(r#""from":"cursor","positions":{"0":"50"}"#);
    assert!(b.frames().is_empty());
    // Kafka has it, the log does not yet: no reset however long that takes.
    b.log.set_kafka_end(0, 60);
    b.now += 100_000;
    assert!(b.frames().is_empty());
    b.log.set_kafka_end(0, 2);
    b.now += 1;
    assert!(b.frames().is_empty());
    b.now += crate::limits::AHEAD_WAIT_MS;
    let got = b.drain();
    let reset = RelayMessage::TopicReset {
        partition: 0,
        requested: Decimal(50),
        position: Decimal(0),
    };
    assert!(got.contains(&Got::Text(reset)), "{got:?}");
    assert!(
        got.contains(&Got::Frames(alloc::vec![(0, 0), (0, 1)])),
        "{got:?}"
    );
}

fn completions(got: &[Got]) -> usize {
    let is_complete = |got: &&Got| matches!(got, Got::Text(RelayMessage::ReplayComplete { .. }));
    got.iter().filter(is_complete).count()
}

/// RES-27, RES-19: a partition whose cursor is beyond the end is not complete before it is decided
/// what becomes of it; one that is set back is replayed first.
#[test]
fn a_replay_is_not_complete_while_a_cursor_is_beyond_the_end() {
    let mut b = bench(2, CREDIT);
    append(&mut b.log, 0, 2, 1);
    append(&mut b.log, 1, 3, 1);
    b.drain();
    b.resume(r#""from":"cursor","positions":{"0":"50"}"#);
    let got = b.drain();
    assert!(got.contains(&Got::Frames((0..3).map(|o| (1, o)).collect())));
    assert_eq!(completions(&got), 0, "{got:?}");
    b.now += crate::limits::AHEAD_WAIT_MS - 1;
    assert_eq!(completions(&b.drain()), 0);
    b.now += 1;
    let got = b.drain();
    let reset = RelayMessage::TopicReset {
        partition: 0,
        requested: Decimal(50),
        position: Decimal(0),
    };
    let [Got::Text(told), Got::Frames(frames), Got::Text(done)] = &got[..] else {
        panic!("no reset, data and end: {got:?}");
    };
    assert_eq!((told, frames.len()), (&reset, 2));
    let RelayMessage::ReplayComplete { total_replayed, .. } = done else {
        panic!("no end: {done:?}");
    };
    assert_eq!(total_replayed.0, 5);
}

/// RES-27: it is decided as well when the log or Kafka's end comes to where the cursor is.
#[test]
fn a_cursor_that_the_log_catches_up_with_ends_the_replay_at_once() {
    type CatchUp = fn(&mut TailLog);
    let ways: [(CatchUp, usize); 4] = [
        (|log| append(log, 0, 8, 1), 0),
        (|log| append(log, 0, 9, 1), 1),
        (|log| log.set_kafka_end(0, 10), 0),
        (|log| log.set_kafka_end(0, 11), 0),
    ];
    for (catch_up, frames) in ways {
        let mut b = bench(1, CREDIT);
        append(&mut b.log, 0, 2, 1);
        b.drain();
        b.resume(r#""from":"cursor","positions":{"0":"10"}"#);
        assert_eq!(completions(&b.drain()), 0);
        b.now += 1;
        catch_up(&mut b.log);
        let got = b.drain();
        assert_eq!(completions(&got), 1, "{got:?}");
        let data = got.iter().filter(|got| matches!(got, Got::Frames(_)));
        assert_eq!(data.count(), frames, "{got:?}");
        b.now += 2 * crate::limits::AHEAD_WAIT_MS;
        assert_eq!(b.drain(), [], "neither set back nor complete again");
    }
}

/// RES-19, RES-20: a topic recreated is told on the connection that stands, with what goes with the
/// old one as a gap, also where the new one is longer than the old one was.
#[test]
fn a_topic_made_anew_starts_its_partition_over() {
    let mut b = bench(2, CREDIT);
    append(&mut b.log, 0, 5, 10);
    append(&mut b.log, 1, 2, 10);
    b.drain();
    b.resume(r#""from":"earliest""#);
    assert_eq!(b.frames().len(), 7);
    append(&mut b.log, 0, 3, 10);
    b.log.restart_partition(0, 2);
    append(&mut b.log, 0, 20, 10);
    let reset = RelayMessage::TopicReset {
        partition: 0,
        requested: Decimal(8),
        position: Decimal(2),
    };
    let got = b.drain();
    assert_eq!(got[0], Got::Frames(alloc::vec![(0, 5)]), "the gap");
    assert_eq!(got[1], Got::Text(reset));
    let again = (2..22).map(|offset| (0, offset)).collect();
    assert_eq!(got[2..], [Got::Frames(again)]);
    append(&mut b.log, 1, 1, 10);
    assert_eq!(b.drain(), [Got::Frames(alloc::vec![(1, 2)])]);
}

/// BND-02
#[test]
fn unacknowledged_bytes_never_exceed_the_window_but_one_frame_may_always_go() {
    let mut b = bench(1, 500);
    append(&mut b.log, 0, 10, 60);
    b.resume(r#""from":"earliest""#);
    assert_eq!(b.frames().len(), 5);
    b.say(r#"{"type":"ack","bytes":"300"}"#);
    assert_eq!(b.frames().len(), 3);
    b.say(r#"{"type":"ack","bytes":"800"}"#);
    assert_eq!(b.frames().len(), 2);
    append(&mut b.log, 0, 1, 5_000);
    assert!(
        b.frames().is_empty(),
        "larger than the credit while bytes are out"
    );
    b.say(r#"{"type":"ack","bytes":"1000"}"#);
    assert_eq!(b.frames().len(), 1, "nothing is out: it may go");
}

/// RES-28, BND-04
#[test]
fn data_held_back_without_an_ack_ends_the_connection() {
    let mut b = bench(1, 100);
    append(&mut b.log, 0, 3, 60);
    b.resume(r#""from":"earliest""#);
    assert_eq!(b.frames().len(), 1);
    b.now = ACK_STALL_MS_MAX - 1;
    assert_eq!(closes(&b.drain()), None);
    b.now += 1;
    assert_eq!(closes(&b.drain()), Some(CloseCode::AckStalled));
    assert!(b.drain().is_empty(), "nothing follows a close");
}

#[test]
fn a_client_that_never_resumes_is_closed() {
    let mut b = bench(1, CREDIT);
    b.now = RESUME_DEADLINE_MS;
    assert_eq!(closes(&b.drain()), Some(CloseCode::NoResume));
}

/// RES-14
#[test]
fn partitions_take_turns_by_bytes() {
    let mut b = bench(3, CREDIT);
    append(&mut b.log, 0, 20_000, 100);
    append(&mut b.log, 1, 2_000, 1_000);
    append(&mut b.log, 2, 2, 500_000);
    b.resume(r#""from":"earliest""#);
    let mut bytes = [0usize; 3];
    let mut spread = Vec::new();
    loop {
        match b.session.poll(&b.log, 0) {
            ServerOutput::Data(data) => {
                let frame = FrameReader::new(&data)
                    .next()
                    .expect("one")
                    .expect("a frame");
                bytes[frame.header.partition as usize] += data.len();
                if bytes[..2].iter().all(|&n| n < 1_500_000) {
                    spread.push(bytes[0].abs_diff(bytes[1]));
                }
            }
            ServerOutput::Wait { .. } => break,
            _ => {}
        }
    }
    assert!(spread.len() > 20);
    let worst = spread.into_iter().max().expect("some");
    assert!(
        worst <= 3 * crate::limits::TURN_BYTES,
        "{worst} bytes apart"
    );
    assert_eq!(bytes, [20_000 * 140, 2_000 * 1_040, 2 * 500_040]);
}

/// RES-11
#[test]
fn partitions_found_later_are_announced_before_their_data() {
    let mut b = bench(1, CREDIT);
    b.resume(r#""from":"latest""#);
    b.drain();
    b.log.add_partition(1, 7);
    append(&mut b.log, 1, 1, 1);
    let got = b.drain();
    let Got::Text(RelayMessage::Partitions { partitions }) = &got[0] else {
        panic!("not announced: {got:?}");
    };
    assert_eq!(partitions[&Partition(1)].position, Decimal(7));
    assert_eq!(got[1..], [Got::Frames(alloc::vec![(1, 7)])]);
}

#[test]
fn a_refused_resume_changes_nothing_and_a_good_one_may_follow() {
    let mut b = bench(1, CREDIT);
    b.drain();
    b.resume(r#""from":"cursor","positions":{"0":"0","9":"1"}"#);
    let got = b.drain();
    let Got::Text(RelayMessage::ResumeError(error)) = &got[0] else {
        panic!("{got:?}")
    };
    assert_eq!(error.invalid_partitions, ["9"]);
    b.resume(r#""from":"latest","namespace":"elsewhere""#);
    assert!(matches!(
        &b.drain()[..],
        [Got::Text(RelayMessage::ResumeError(_))]
    ));
    b.resume(r#""from":"latest""#);
    assert!(matches!(
        b.drain()[0],
        Got::Text(RelayMessage::Resumed { .. })
    ));
    b.resume(r#""from":"latest""#);
    let got = b.drain();
    let Got::Text(RelayMessage::ResumeError(error)) = &got[0] else {
        panic!("{got:?}")
    };
    assert_eq!(error.code, ErrorCode::OutOfOrder.code());
}

/// SEC-04
#[test]
fn repeated_junk_and_floods_are_closed() {
    let mut b = bench(1, CREDIT);
    (0..JUNK_MESSAGES_MAX).for_each(|_| b.say("junk"));
    assert_eq!(closes(&b.drain()), Some(CloseCode::Policy));
    let mut b = bench(1, CREDIT);
    b.resume(r#""from":"latest""#);
    (0..CONTROL_PER_SECOND_MAX + JUNK_MESSAGES_MAX).for_each(|_| {
        b.say(r#"{"type":"ping"}"#);
        b.drain();
    });
    let refusal = b.session.take_refusal().map(|refusal| refusal.code);
    assert_eq!(refusal, Some(ErrorCode::TooManyMessages));
    let mut b = bench(1, CREDIT);
    b.session.handle(ServerInput::Oversized, &b.log, 0);
    let got = b.drain();
    assert_eq!(closes(&got), Some(CloseCode::TooLarge));
    let said = |got: &Got| matches!(got, Got::Text(RelayMessage::Error(text)) if text.code == ErrorCode::TooLarge.code());
    assert!(got.iter().any(said), "the reason comes first: {got:?}");
}

/// RES-35
#[test]
fn shutdown_says_so_and_closes() {
    let mut b = bench(1, CREDIT);
    b.resume(r#""from":"latest""#);
    b.drain();
    b.session.handle(
        ServerInput::Shutdown {
            retry_after_ms: 500,
        },
        &b.log,
        0,
    );
    let got = b.drain();
    let going = RelayMessage::GoingAway {
        reason: String::from("shutdown"),
        retry_after_ms: 500,
    };
    assert_eq!(got, [Got::Text(going), Got::Close(CloseCode::Shutdown)]);
}

/// M-1009: while what was sent is still on its way, no `ack` can come.
#[test]
fn the_wait_for_an_ack_begins_when_all_was_taken() {
    let mut b = bench(1, 100);
    append(&mut b.log, 0, 3, 60);
    b.resume(r#""from":"earliest""#);
    assert_eq!(closes(&b.drain()), None);
    assert!(b.session.waits_for_ack());
    for _ in 0..10 {
        b.now += ACK_STALL_MS_MAX - 1;
        b.session.defer_ack(b.now);
        assert_eq!(closes(&b.drain()), None);
    }
    b.now += ACK_STALL_MS_MAX;
    assert_eq!(closes(&b.drain()), Some(CloseCode::AckStalled));
}

/// X28: an acknowledgement of what is not served is refused whole.
#[test]
fn an_ack_of_an_unknown_partition_is_refused() {
    let mut b = bench(1, 1_000);
    append(&mut b.log, 0, 1, 60);
    b.resume(r#""from":"earliest""#);
    let sent = b.session.stats().bytes.max(1);
    b.drain();
    b.say(&alloc::format!(
        r#"{{"type":"ack","bytes":"{sent}","offsets":{{"0":"0","7":"0"}}}}"#
    ));
    let refused = b.session.take_refusal().expect("it is refused");
    assert_eq!(refused.code, ErrorCode::InvalidPartition);
    let named = |got: &Got| matches!(got, Got::Text(RelayMessage::Error(text)) if text.invalid_partitions == ["7"]);
    assert!(b.drain().iter().any(named));
    b.say(r#"{"type":"ack","bytes":"0","offsets":{"0":"0"}}"#);
    assert!(b.session.take_refusal().is_none());
}
