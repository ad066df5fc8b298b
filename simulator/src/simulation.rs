//! The pull machine: many runs at once over virtual time, one record after the other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dashstream_proto::v1::DashStreamMessage;
use dashstream_proto::v1::dash_stream_message::Message;
use decode_core::encode::{EncodeOptions, encode};

use crate::bad::Bad;
use crate::rng::Rng;
use crate::scenario::{self, Scenario, Setting, ThreadRun};
use crate::zstd::compress;

/// What is simulated. The same configuration gives the same bytes.
#[derive(Clone, Debug)]
pub struct SimConfig {
    pub seed: u64,
    /// Where virtual time starts, microseconds of the Unix epoch.
    pub start_us: u64,
    pub pace: Pace,
    /// Scenarios and how often each is chosen, relative to the others.
    pub mix: Vec<(Scenario, u32)>,
    /// Share of records that something is wrong with.
    pub bad_share: f64,
    /// Stretches the time nodes work, in half of the runs that allow it.
    pub work_scale: f64,
}

/// When the next run starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As soon as one of so many ends.
    Concurrent(u32),
    /// So that on average so many records are due a second.
    RecordsPerSecond(f64),
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            // 2026-01-01T00:00:00Z
            start_us: 1_767_225_600_000_000,
            pace: Pace::Concurrent(8),
            mix: Scenario::ALL
                .iter()
                .map(|scenario| (*scenario, scenario.weight()))
                .collect(),
            bad_share: 0.002,
            work_scale: 1.0,
        }
    }
}

/// One Kafka record, when it is to be sent, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimRecord {
    pub due_us: u64,
    pub key: Vec<u8>,
    pub value: Option<Vec<u8>>,
    pub timestamp_ms: i64,
    /// What the value holds: the envelope's choice, or what is wrong with it.
    pub kind: &'static str,
    pub scenario: &'static str,
    pub thread: String,
}

/// Endless, ordered by due time.
pub struct Simulation {
    config: SimConfig,
    rng: Rng,
    runs: u64,
    /// When the next runs start, earliest first.
    starts: BinaryHeap<Reverse<u64>>,
    due: BinaryHeap<Reverse<Due>>,
    made: u64,
}

impl Simulation {
    pub fn new(config: SimConfig) -> Self {
        let slots = match config.pace {
            Pace::Concurrent(runs) => runs.max(1),
            Pace::RecordsPerSecond(_) => 1,
        };
        let mut rng = Rng::new(config.seed);
        let starts = (0..slots)
            .map(|slot| {
                let spread_us = if slot == 0 { 0 } else { rng.range(0, 500_000) };
                Reverse(config.start_us + spread_us)
            })
            .collect();
        Self {
            config,
            rng,
            runs: 0,
            starts,
            due: BinaryHeap::new(),
            made: 0,
        }
    }

    /// Plays one run from `start_us` and says when the next of its slot starts.
    fn start_run(&mut self, start_us: u64) -> u64 {
        self.runs += 1;
        let mut rng = Rng::derived(self.config.seed, self.runs);
        let Some(scenario) = choose(&self.config.mix, &mut rng) else {
            return u64::MAX;
        };
        let is_paced = rng.chance(0.5);
        let setting = Setting {
            start_us,
            work_scale: if is_paced {
                self.config.work_scale * (0.5 + rng.unit())
            } else {
                1.0
            },
            id: rng.hex(8),
        };
        let mut records = play(scenario, Rng::new(rng.word()), setting);
        let bad_share = self.config.bad_share;
        let bad = records
            .iter()
            .filter(|_| rng.chance(bad_share))
            .map(|r| (r.due_us, r.thread.clone()));
        let bad: Vec<_> = bad.collect();
        records.extend(
            bad.into_iter()
                .map(|(due_us, thread)| bad_record(&mut rng, due_us, thread)),
        );

        let count = records.len();
        let end_us = records
            .iter()
            .map(|record| record.due_us)
            .max()
            .unwrap_or(start_us);
        for record in records {
            self.made += 1;
            self.due.push(Reverse(Due {
                order: self.made,
                record,
            }));
        }
        match self.config.pace {
            Pace::Concurrent(_) => end_us + self.rng.range(20_000, 400_000),
            Pace::RecordsPerSecond(rate) => start_us + micros(count, rate),
        }
    }
}

impl Iterator for Simulation {
    type Item = SimRecord;

    fn next(&mut self) -> Option<SimRecord> {
        // Nothing that starts later can be due earlier than what starts first.
        while let Some(Reverse(start_us)) = self.starts.peek().copied() {
            if self
                .due
                .peek()
                .is_some_and(|Reverse(due)| due.record.due_us < start_us)
            {
                break;
            }
            self.starts.pop();
            let next_us = self.start_run(start_us);
            if next_us < u64::MAX {
                self.starts.push(Reverse(next_us));
            }
        }
        self.due.pop().map(|Reverse(due)| due.record)
    }
}

/// One run on its own, in the order of sending.
pub fn play(scenario: Scenario, rng: Rng, setting: Setting) -> Vec<SimRecord> {
    let mut records: Vec<SimRecord> = scenario::run(scenario, rng, setting)
        .into_iter()
        .flat_map(|run| encoded(scenario, run))
        .collect();
    // Threads of one run interleave; within each the order is already right.
    records.sort_by_key(|record| record.due_us);
    records
}

/// The thread's records. What is too large for the producer is refused, so it is not there.
fn encoded(scenario: Scenario, run: ThreadRun) -> Vec<SimRecord> {
    let options = EncodeOptions {
        threshold_bytes: run.threshold_bytes,
        ..EncodeOptions::default()
    };
    let mut out = Vec::with_capacity(run.sent.len());
    for sent in run.sent {
        let kind = kind_name(&sent.message);
        let message = DashStreamMessage {
            message: Some(sent.message),
        };
        let Ok(value) = encode(&message, &options, &mut compress) else {
            continue;
        };
        out.push(record(
            sent.at_us,
            run.thread.clone(),
            Some(value),
            kind,
            scenario.name(),
        ));
    }
    out
}

fn bad_record(rng: &mut Rng, due_us: u64, thread: String) -> SimRecord {
    let bad = rng.pick(&Bad::ALL).copied().unwrap_or(Bad::NullValue);
    // A thread that speaks a newer schema does so from its start.
    let thread = if bad == Bad::NewerSchema {
        format!("newer-{}", rng.hex(8))
    } else {
        thread
    };
    let value = bad.value(rng, &thread, due_us);
    record(due_us, thread, value, bad.name(), "bad")
}

fn record(
    due_us: u64,
    thread: String,
    value: Option<Vec<u8>>,
    kind: &'static str,
    scenario: &'static str,
) -> SimRecord {
    SimRecord {
        due_us,
        key: thread.clone().into_bytes(),
        value,
        timestamp_ms: i64::try_from(due_us / 1000).unwrap_or(i64::MAX),
        kind,
        scenario,
        thread,
    }
}

/// The name of the envelope's choice, as in the schema.
pub fn kind_name(message: &Message) -> &'static str {
    match message {
        Message::Event(_) => "event",
        Message::StateDiff(_) => "state_diff",
        Message::TokenChunk(_) => "token_chunk",
        Message::ToolExecution(_) => "tool_execution",
        Message::Checkpoint(_) => "checkpoint",
        Message::Metrics(_) => "metrics",
        Message::Error(_) => "error",
        Message::EventBatch(_) => "event_batch",
        Message::ExecutionTrace(_) => "execution_trace",
    }
}

fn choose(mix: &[(Scenario, u32)], rng: &mut Rng) -> Option<Scenario> {
    let total: u64 = mix.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let mut left = rng.range(0, total);
    for (scenario, weight) in mix {
        match left.checked_sub(u64::from(*weight)) {
            Some(rest) => left = rest,
            None => return Some(*scenario),
        }
    }
    None
}

/// The time `count` records take at a rate.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn micros(count: usize, rate: f64) -> u64 {
    (count as f64 / rate.max(0.001) * 1e6) as u64
}

/// A record in the queue: by due time, then as made, which keeps the order within a thread.
struct Due {
    order: u64,
    record: SimRecord,
}

impl Due {
    fn key(&self) -> (u64, u64) {
        (self.record.due_us, self.order)
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
