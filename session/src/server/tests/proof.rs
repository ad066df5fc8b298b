//! Cursors of a topic that is not there any more, and partitions that stand still.

use alloc::vec;

use super::*;
use crate::control::Fingerprint;

/// Records of one byte whose timestamps tell two topics apart.
fn records(log: &mut TailLog, count: u64, since_ms: i64) {
    let head = log.partition(0).expect("added").end;
    let mut builder = SegmentBuilder::new(0, head);
    for offset in head..head + count {
        builder.record(offset, since_ms + offset as i64, b"x");
    }
    log.append(builder.finish().expect("something"))
        .expect("continuous");
}

/// A client that had everything before `position` of the topic that began at 1,000 ms.
fn resume_at(b: &mut Bench, position: u64) {
    let (offset, timestamp_ms) = (position - 1, 999 + position);
    b.resume(&alloc::format!(
        r#""from":"cursor","positions":{{"0":"{position}"}},
           "fingerprints":{{"0":{{"offset":"{offset}","timestampMs":"{timestamp_ms}"}}}}"#
    ));
}

/// A partition that Kafka ends at 20 and the log has not read yet.
fn fresh() -> Bench {
    let mut b = bench(1, CREDIT);
    b.log.set_kafka_end(0, 20);
    b.drain();
    b
}

fn reset(requested: u64) -> Got {
    Got::Text(RelayMessage::TopicReset {
        partition: 0,
        requested: Decimal(requested),
        position: Decimal(0),
    })
}

fn frames(offsets: core::ops::Range<u64>) -> Got {
    Got::Frames(offsets.map(|offset| (0, offset)).collect())
}

/// RES-19: the same record in its place is the same topic.
#[test]
fn a_cursor_whose_record_is_there_goes_on() {
    let mut b = bench(1, CREDIT);
    records(&mut b.log, 20, 1_000);
    b.drain();
    resume_at(&mut b, 12);
    let got = b.drain();
    assert!(got.contains(&frames(12..20)), "{got:?}");
    assert_eq!((got.len(), completions(&got)), (3, 1), "{got:?}");
}

/// RES-19, RES-27: another record in its place is another topic, also where the cursor fits, and
/// nothing is complete before that is said.
#[test]
fn a_cursor_of_a_former_topic_starts_over_where_it_fits() {
    for position in [12, 20] {
        let mut b = bench(1, CREDIT);
        records(&mut b.log, 20, 5_000);
        b.drain();
        resume_at(&mut b, position);
        let got = b.drain();
        assert!(matches!(&got[0], Got::Text(RelayMessage::Resumed { .. })));
        assert_eq!(got[1..3], [reset(position), frames(0..20)], "{got:?}");
        assert_eq!((got.len(), completions(&got)), (4, 1), "{got:?}");
    }
}

/// RES-19, RES-20: what is known of the former topic's end is a gap before the new one begins.
#[test]
fn what_was_not_had_of_the_former_topic_is_a_gap() {
    let mut b = bench(1, CREDIT);
    records(&mut b.log, 17, 1_000);
    b.log.restart_partition(0, 0);
    records(&mut b.log, 20, 5_000);
    b.drain();
    resume_at(&mut b, 12);
    let got = b.drain();
    assert_eq!(got[1], Got::Frames(vec![(0, 12)]), "the gap: {got:?}");
    assert_eq!(got[2..4], [reset(17), frames(0..20)], "{got:?}");
    assert_eq!(completions(&got), 1);
}

/// RES-19: a relay that was restarted compares when it has read as far, and not before.
#[test]
fn a_record_that_was_not_read_yet_is_compared_later() {
    for (since_ms, is_same) in [(1_000, true), (5_000, false)] {
        // A cursor at Kafka's end, inside, and beyond.
        for position in [20, 12, 23] {
            let mut b = fresh();
            resume_at(&mut b, position);
            let got = b.drain();
            assert_eq!((got.len(), completions(&got)), (1, 0), "{got:?}");
            records(&mut b.log, 8, since_ms);
            assert_eq!(b.drain(), [], "{position}");
            records(&mut b.log, 16, since_ms);
            let got = b.drain();
            assert_eq!(completions(&got), 1, "{got:?}");
            let expected = if is_same {
                vec![frames(position..24)]
            } else {
                vec![reset(position), frames(0..24)]
            };
            let told: Vec<_> = got
                .into_iter()
                .filter(|got| !matches!(got, Got::Text(RelayMessage::ReplayComplete { .. })))
                .collect();
            assert_eq!(told, expected, "{position}");
        }
    }
}

/// RES-19: where the log holds no record at that offset nothing is known, and nobody is alarmed.
#[test]
fn what_is_not_held_proves_nothing() {
    // Evicted, or before the log began.
    let mut b = bench(1, CREDIT);
    b.log = TailLog::new(1 << 20);
    b.log.add_partition(0, 12);
    records(&mut b.log, 8, 5_000);
    b.drain();
    resume_at(&mut b, 12);
    let got = b.drain();
    assert!(got.contains(&frames(12..20)), "{got:?}");

    // Compacted away, or in a gap: the offset has no record.
    let mut b = bench(1, CREDIT);
    let mut builder = SegmentBuilder::new(0, 0);
    builder.record(0, 1, b"x");
    builder.gap(11, 11, GapCause::Oversized);
    builder.record(13, 1, b"x");
    b.log
        .append(builder.finish().expect("something"))
        .expect("continuous");
    for position in [12, 13] {
        b.session = ServerSession::new(ServerConfig::default(), &b.log, 0);
        b.drain();
        resume_at(&mut b, position);
        let got = b.drain();
        assert!(got.contains(&Got::Frames(vec![(0, 13)])), "{got:?}");
        assert_eq!((got.len(), completions(&got)), (3, 1), "{got:?}");
    }
}

/// RES-19: the record right before the log's beginning is known to whoever began it there.
#[test]
fn the_record_before_the_log_proves_too() {
    for (timestamp_ms, is_same) in [(1_011, true), (5_011, false)] {
        let mut b = bench(1, CREDIT);
        b.log = TailLog::new(1 << 20);
        b.log.add_partition(0, 12);
        let before = Fingerprint {
            offset: 11,
            timestamp_ms,
        };
        b.log.set_before(0, before);
        b.drain();
        resume_at(&mut b, 12);
        let got = b.drain();
        let resets = got
            .iter()
            .filter(|got| matches!(got, Got::Text(RelayMessage::TopicReset { .. })));
        assert_eq!(resets.count(), usize::from(!is_same), "{got:?}");
        assert_eq!(completions(&got), 1, "{got:?}");
    }
}

/// RES-19: old clients send none; with another start than the cursor they say nothing.
#[test]
fn without_a_fingerprint_or_a_cursor_nothing_is_compared() {
    for rest in [
        r#""from":"cursor","positions":{"0":"12"}"#,
        r#""from":"earliest","positions":{"0":"12"},"fingerprints":{"0":{"offset":"11","timestampMs":"1"}}"#,
    ] {
        let mut b = bench(1, CREDIT);
        records(&mut b.log, 20, 5_000);
        b.drain();
        b.resume(rest);
        let got = b.drain();
        assert_eq!((got.len(), completions(&got)), (3, 1), "{got:?}");
    }
}

/// Which partitions the end of the replay names as paused.
fn blocked(got: &[Got]) -> Option<Vec<u32>> {
    got.iter().find_map(|got| match got {
        Got::Text(RelayMessage::ReplayComplete { blocked, .. }) => Some(blocked.clone()),
        _ => None,
    })
}

/// RES-27: a head that a paused partition will not reach keeps no replay open; the end of the replay
/// names the partition, and what it held back comes when it is released.
#[test]
fn a_paused_partition_is_named_and_not_waited_for() {
    let mut b = bench(2, CREDIT);
    append(&mut b.log, 0, 5, 1);
    append(&mut b.log, 1, 3, 1);
    b.log.set_kafka_end(0, 9);
    b.drain();
    b.resume(r#""from":"earliest""#);
    let got = b.drain();
    assert_eq!(blocked(&got), None, "it is being read: {got:?}");
    let version = b.log.version();
    b.log.set_paused(0, true);
    assert!(b.log.version() > version, "sessions are woken");
    assert_eq!(blocked(&b.drain()), Some(vec![0]));
    b.log.set_paused(0, false);
    append(&mut b.log, 0, 4, 1);
    let got = b.drain();
    assert_eq!(got, [frames(5..9)], "{got:?}");
}

/// RES-27: what the log of a paused partition holds is replayed whole, and it is named also where the
/// replay did not have to wait for it.
#[test]
fn what_a_paused_partition_has_is_replayed_first() {
    let mut b = bench(1, 200);
    append(&mut b.log, 0, 8, 60);
    b.log.set_kafka_end(0, 9);
    b.log.set_paused(0, true);
    b.resume(r#""from":"earliest""#);
    let got = b.drain();
    assert_eq!(blocked(&got), None, "the window is full: {got:?}");
    b.say(r#"{"type":"ack","bytes":"200"}"#);
    assert_eq!(blocked(&b.drain()), None);
    (4..=8).for_each(|n| {
        let ack = alloc::format!(r#"{{"type":"ack","bytes":"{}"}}"#, n * 100);
        b.say(&ack);
        let got = b.drain();
        assert_eq!(blocked(&got).is_some(), n == 6, "{n}: {got:?}");
    });
    b.session = ServerSession::new(ServerConfig::default(), &b.log, 0);
    b.resume(r#""from":"cursor","positions":{"0":"9"}"#);
    assert_eq!(blocked(&b.drain()), Some(vec![0]), "nothing to wait for");
}
