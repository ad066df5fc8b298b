//! The rules of the tracker, the classes of messages, and both on real traffic.

use std::path::Path;

use dashstream_proto::v1::EventType;
use decode_core::{Checked, Decoder, HeaderFacts, Mode, Summary, wire::MessageKind};

use super::{
    check::{Notes, Sequences},
    class::{Class, Counter, QUALITY_SCOPE, Role, classify},
    key::{Key, Keys, NAME_BYTES_MAX},
    tracker::{Observation, Tracker, Verdict},
};
use crate::{
    limits::{
        SEQUENCE_BYTES_MAX, SEQUENCE_PRUNE_BATCH, SEQUENCE_PRUNED_REMEMBERED_MAX,
        SEQUENCE_SERIES_MAX,
    },
    reading::judge::Observer as _,
};

const THREAD: Key = Key(1);

fn step(sequence: u64) -> Observation {
    Observation {
        key: THREAD,
        sequence,
        role: Role::Step,
    }
}

fn with_role(role: Role, sequence: u64) -> Observation {
    Observation {
        role,
        ..step(sequence)
    }
}

fn feed(tracker: &mut Tracker, numbers: &[u64]) -> Vec<Verdict> {
    numbers
        .iter()
        .map(|&number| tracker.observe(step(number), false))
        .collect()
}

/// SEQ-05, SEQ-06: what the library's own validator says, case by case.
#[test]
fn verdicts_are_those_of_the_library() {
    use Verdict::{Baseline, Duplicate, Gap, InOrder, Reorder};
    let gap = |expected, size| Gap { expected, size };
    let cases: [(&[u64], &[Verdict]); 8] = [
        (&[1, 2, 3], &[Baseline, InOrder, InOrder]),
        (&[1, 5, 6], &[Baseline, gap(2, 3), InOrder]),
        (
            &[1, 2, 2, 3],
            &[Baseline, InOrder, Duplicate { expected: 3 }, InOrder],
        ),
        (
            &[1, 2, 3, 1, 4],
            &[Baseline, InOrder, InOrder, Reorder { expected: 4 }, InOrder],
        ),
        (&[100, 101, 103], &[Baseline, InOrder, gap(102, 1)]),
        (&[1, 1000], &[Baseline, gap(2, 998)]),
        (&[100, 200], &[Baseline, gap(101, 99)]),
        (
            &[u64::MAX - 1, u64::MAX, u64::MAX, 1],
            &[
                Baseline,
                InOrder,
                Duplicate { expected: u64::MAX },
                Reorder { expected: u64::MAX },
            ],
        ),
    ];
    for (numbers, verdicts) in cases {
        let mut tracker = Tracker::default();
        assert_eq!(feed(&mut tracker, numbers), verdicts, "{numbers:?}");
    }
    let mut tracker = Tracker::default();
    let last = feed(&mut tracker, &[1, u64::MAX])[1];
    assert_eq!(last, gap(2, u64::MAX - 2));
}

#[test]
fn a_halt_leaves_the_series_where_it_was_until_it_is_reset() {
    let mut tracker = Tracker::default();
    tracker.observe(step(1), true);
    let gap = Verdict::Gap {
        expected: 2,
        size: 3,
    };
    assert_eq!(tracker.observe(step(5), true), gap);
    assert_eq!(tracker.observe(step(5), true), gap, "expected stays 2");
    tracker.reset(THREAD);
    assert_eq!(tracker.observe(step(5), true), Verdict::Baseline);
    assert_eq!(tracker.observe(step(6), true), Verdict::InOrder);
}

/// SEQ-04: a new start is no finding, and numbers taken out of turn leave no hole.
#[test]
fn restarts_and_numbers_out_of_turn() {
    let mut tracker = Tracker::default();
    feed(&mut tracker, &[1, 2, 3]);
    let restart = tracker.observe(with_role(Role::Restart, 1), false);
    assert_eq!(restart, Verdict::Baseline);
    assert_eq!(feed(&mut tracker, &[2, 3]), [Verdict::InOrder; 2]);
    for number in [6, 7] {
        let aside = tracker.observe(with_role(Role::Aside, number), false);
        assert_eq!(aside, Verdict::Aside);
    }
    assert_eq!(feed(&mut tracker, &[4, 5, 8, 9]), [Verdict::InOrder; 4]);
    tracker.observe(with_role(Role::Aside, 12), false);
    let gap = feed(&mut tracker, &[14])[0];
    let (expected, size) = (10, 3);
    assert_eq!(gap, Verdict::Gap { expected, size }, "12 is accounted for");
}

/// SEQ-12: the bound holds, the least recently used go first, and what returns is a baseline.
#[test]
fn pruning_is_by_least_recent_use_and_finds_nothing() {
    let mut tracker = Tracker::bounded(10, 3, 4);
    let at = |key, sequence| Observation {
        key: Key(key),
        ..step(sequence)
    };
    for key in 0..10 {
        tracker.observe(at(key, 7), false);
    }
    tracker.observe(at(0, 8), false);
    assert_eq!(tracker.take_pruning(), None);
    tracker.observe(at(10, 1), false);
    let pruning = tracker.take_pruning().expect("eleven of ten");
    assert_eq!((pruning.pruned, pruning.kept), (3, 7));
    assert_eq!(tracker.len(), 8);
    assert_eq!(tracker.observe(at(0, 9), false), Verdict::InOrder, "in use");
    for key in 1..4 {
        let back = tracker.observe(at(key, 900), false);
        assert_eq!(back, Verdict::Baseline, "{key} was pruned");
    }
    assert_eq!(tracker.returned(), 3);
    for key in 100..1_000 {
        tracker.observe(at(key, 1), false);
        assert!(tracker.len() <= 10 && tracker.remembered() <= 4);
    }
}

/// SEQ-12, X29: what the bound costs, at its first reaching and ever after. `docs/metrics.md` states the number.
#[test]
fn memory_of_all_series_is_bounded() {
    let mut tracker = Tracker::default();
    for thread in 0..4 * SEQUENCE_SERIES_MAX as u128 {
        // As good as a digest: the map takes it as it is.
        let key = Key(thread.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C95_5AFD_6A6D));
        tracker.observe(Observation { key, ..step(1) }, false);
        assert!(tracker.len() <= SEQUENCE_SERIES_MAX);
    }
    let bytes = tracker.bytes();
    let (series, remembered) = (tracker.len(), tracker.remembered());
    println!("{series} series and {remembered} pruned ones: {bytes} bytes");
    assert!(series > SEQUENCE_SERIES_MAX - SEQUENCE_PRUNE_BATCH);
    assert_eq!(remembered, SEQUENCE_PRUNED_REMEMBERED_MAX);
    assert!(
        bytes <= SEQUENCE_BYTES_MAX,
        "{bytes} bytes, more than documented"
    );
    let documented = include_str!("../../../../docs/metrics.md");
    let stated = format!("at most {:.1} MB", SEQUENCE_BYTES_MAX as f64 / 1e6);
    assert!(documented.contains(&stated), "{stated}");
}

fn key(keys: &Keys, tenant: &str, thread: &str, counter: Counter) -> Key {
    keys.of(tenant.into(), thread.into(), counter)
}

fn summary(kind: MessageKind, thread: &'static str, sequence: u64) -> Summary<'static> {
    Summary {
        kind: Some(kind),
        header: HeaderFacts {
            thread: thread.into(),
            sequence,
            ..HeaderFacts::default()
        },
        event_type: EventType::NodeStart as i32,
        ..Summary::default()
    }
}

/// SEQ-03, SEQ-04: which numbers are compared at all.
#[test]
fn kinds_that_share_counters_are_not_compared() {
    let step = Class::Checked(Counter::Callback, Role::Step);
    let of = |kind| classify(&summary(kind, "t", 3));
    assert_eq!(of(MessageKind::Event), step);
    assert_eq!(of(MessageKind::StateDiff), step);
    assert_eq!(of(MessageKind::Checkpoint), step);
    for kind in [
        MessageKind::TokenChunk,
        MessageKind::ToolExecution,
        MessageKind::Metrics,
        MessageKind::Error,
        MessageKind::ExecutionTrace,
    ] {
        assert_eq!(of(kind), Class::Unchecked, "{kind:?}");
    }
    for (thread, sequence) in [("t", 0), ("", 3), (" \t", 3)] {
        let class = classify(&summary(MessageKind::Event, thread, sequence));
        assert_eq!(class, Class::Unsequenced, "{thread:?} {sequence}");
    }
    let quality = |text, sequence| {
        classify(&Summary {
            scope: QUALITY_SCOPE.into(),
            text: Checked::from(text),
            ..summary(MessageKind::Metrics, "t", sequence)
        })
    };
    assert_eq!(
        quality("t", 3),
        Class::Checked(Counter::Callback, Role::Aside)
    );
    let monitor = |role| Class::Checked(Counter::Producer, role);
    assert_eq!(quality("response_evaluation", 3), monitor(Role::Step));
    assert_eq!(quality("response_evaluation", 1), monitor(Role::Restart));
    let event = |event_type: i32| {
        classify(&Summary {
            event_type,
            ..summary(MessageKind::Event, "t", 9)
        })
    };
    assert_eq!(event(EventType::NodeThinking as i32), Class::Unchecked);
    assert_eq!(event(4711), Class::Unchecked, "a type of the future");
    assert_eq!(
        event(EventType::GraphStart as i32),
        Class::Checked(Counter::Callback, Role::Restart)
    );
}

#[test]
fn keys_tell_tenants_threads_and_counters_apart() {
    let keys = Keys::default();
    let base = key(&keys, "a", "b", Counter::Callback);
    assert_eq!(base, key(&keys, "a", "b", Counter::Callback));
    for other in [
        key(&keys, "", "ab", Counter::Callback),
        key(&keys, "ab", "", Counter::Callback),
        key(&keys, "a", "b", Counter::Producer),
    ] {
        assert_ne!(base, other);
    }
    // Around the length up to which names are hashed in one piece.
    let mut seen = Vec::new();
    for length in NAME_BYTES_MAX - 8..NAME_BYTES_MAX + 300 {
        let name = "n".repeat(length);
        for (tenant, thread) in [("", &*name), (&*name, ""), ("n", &name), (&name, "n")] {
            seen.push(key(&keys, tenant, thread, Counter::Callback));
            assert_eq!(
                seen.last(),
                Some(&key(&keys, tenant, thread, Counter::Callback))
            );
        }
    }
    let made = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), made);
}

/// Values of the captured records with the thread each belongs to, in the order of the file.
fn real_capture() -> Option<Vec<(String, Vec<u8>)>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let dir = std::env::var_os("DASHSTREAM_CORPUS").map_or(beside, Into::into);
    let Ok(bytes) = std::fs::read(dir.join("dashflow-real/dashflow-real.capture")) else {
        // Never required: it is what no set-up can fetch.
        eprintln!("SKIPPED: no captured traffic (DASHSTREAM_CORPUS)");
        return None;
    };
    let prefixed = |bytes: &[u8]| {
        let (len, rest) = bytes.split_first_chunk::<4>().expect("a length");
        let (part, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        (part.to_vec(), rest.to_vec())
    };
    let mut rest = bytes;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (key, after) = prefixed(&rest[4 + 8 + 8..]);
        let (value, after) = prefixed(&after);
        records.push((String::from_utf8(key).expect("a thread"), value));
        rest = after;
    }
    Some(records)
}

/// What a stream of records reveals: thread and verdict of each finding.
fn findings(records: &[(String, Vec<u8>)]) -> (Vec<(String, Verdict)>, usize) {
    let sequences = Sequences::new(crate::config::SequencePolicy::Continue);
    let mut notes = Notes::new(&sequences);
    let mut decoder = Decoder::new(Mode::Strict);
    let mut tracker = Tracker::default();
    let (mut found, mut unchecked) = (Vec::new(), 0);
    for (thread, value) in records {
        notes.clear();
        let mut taker = notes.record(0);
        let decoded = decoder.decode(value, &mut taker).expect("sound records");
        taker.accepted(&decoded.summary);
        for observation in notes.observations() {
            let Some(observation) = observation else {
                unchecked += 1;
                continue;
            };
            let verdict = tracker.observe(observation, false);
            let fine = [Verdict::Baseline, Verdict::InOrder, Verdict::Aside];
            if !fine.contains(&verdict) {
                found.push((thread.clone(), verdict));
            }
        }
    }
    (found, unchecked)
}

/// SEQ-03, SEQ-04: real DashFlow streams raise no alarm but where messages really are missing.
#[test]
fn real_streams_raise_no_false_alarm() {
    let Some(records) = real_capture() else {
        return;
    };
    let (found, unchecked) = findings(&records);
    let gap = |thread: &str, expected, size| {
        let verdict = Verdict::Gap { expected, size };
        (thread.to_owned(), verdict)
    };
    let mut expected = vec![
        gap("cap-drop", 66, 110),
        gap("cap-drop", 179, 1),
        gap("cap-oversize", 7, 1),
    ];
    expected.sort_by_key(|(thread, _)| thread != "cap-oversize");
    let mut found = found;
    found.sort_by_key(|(thread, _)| thread != "cap-oversize");
    assert_eq!(found, expected);
    assert!(unchecked > 150, "{unchecked} numbers of running nodes");
}
