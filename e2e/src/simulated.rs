//! Simulated records with the verdict each must get, known from how they were made.

use std::collections::BTreeSet;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_simulator::{Bad, SimConfig, SimRecord, Simulation, kind_name};
use decode_core::wire::{GapCause, MessageKind, RejectCode};

use crate::{digest::Verdict, payload, producer::Input};

/// A record to produce and what must become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The record.
    pub input: Input,
    /// What a reader must get.
    pub verdict: Verdict,
    /// The envelope's choice, or what is wrong with the record.
    pub kind: &'static str,
}

/// Exactly `count` records of all kinds, good and bad, for a topic with that many partitions. The last
/// one of each partition is good, so that who has all good records has everything.
///
/// # Panics
/// When the simulation does not yield every kind of record.
#[must_use]
pub fn plan(seed: u64, count: usize, partitions: u32) -> Vec<Planned> {
    let config = SimConfig {
        seed,
        bad_share: 0.01,
        ..SimConfig::default()
    };
    let closers = partitions as usize;
    let traces = TRACES;
    let simulated = Simulation::new(config).take(count - closers - traces);
    let mut all: Vec<Planned> = simulated.map(planned).collect();
    let time = all.last().expect("some records").input.timestamp_ms;
    // DashFlow's schema has it, its producers do not send it.
    all.extend((0..traces).map(|n| good(&format!("trace-{n}"), vec![0x00, 0x4a, 0x00], time)));
    for planned in all.iter_mut().rev().take(traces) {
        planned.kind = kind_name(&Message::ExecutionTrace(Default::default()));
    }
    all.extend((0..partitions).map(|partition| {
        let key = key_of(partition, partitions);
        good(&key, payload::event(&key, "last", 1), time)
    }));
    assert_eq!(all.len(), count);
    assert_every_kind(&all);
    all
}

fn planned(record: SimRecord) -> Planned {
    let bad = Bad::ALL.into_iter().find(|bad| bad.name() == record.kind);
    Planned {
        verdict: bad.map_or(Verdict::Record, verdict),
        kind: record.kind,
        input: Input {
            key: record.key,
            value: record.value,
            timestamp_ms: record.timestamp_ms,
        },
    }
}

fn verdict(bad: Bad) -> Verdict {
    match bad {
        Bad::Undecodable => Verdict::Reject(RejectCode::Protobuf),
        Bad::TruncatedZstd => Verdict::Reject(RejectCode::Decompress),
        Bad::UnknownFrame => Verdict::Reject(RejectCode::BadFrame),
        Bad::NullValue => Verdict::Gap(GapCause::NullValue),
        Bad::Empty => Verdict::Reject(RejectCode::Empty),
        Bad::Oversized => Verdict::Reject(RejectCode::DecompressedTooLarge),
        // It is delivered: whether it can be applied is the reader's business.
        Bad::NewerSchema => Verdict::Record,
    }
}

fn good(key: &str, value: Vec<u8>, timestamp_ms: i64) -> Planned {
    Planned {
        input: Input {
            key: key.into(),
            value: Some(value),
            timestamp_ms,
        },
        verdict: Verdict::Record,
        kind: "event",
    }
}

/// A key that goes to the partition.
fn key_of(partition: u32, partitions: u32) -> String {
    let mut keys = (0..).map(|n: u32| format!("last-{n}"));
    let found = keys.find(|key| crc32fast::hash(key.as_bytes()) % partitions == partition);
    found.expect("every partition has keys")
}

fn assert_every_kind(all: &[Planned]) {
    let kinds: BTreeSet<&str> = all.iter().map(|planned| planned.kind).collect();
    for kind in MessageKind::ALL {
        assert!(kinds.contains(kind.code()), "no {kind} among the records");
    }
    for bad in Bad::ALL {
        assert!(
            kinds.contains(bad.name()),
            "no {} among the records",
            bad.name()
        );
    }
}

const TRACES: usize = 5;
