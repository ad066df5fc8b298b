//! Where records come from, a simulation or a capture, and when each is to go.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dashstream_simulator::capture::{self, CapturedRecord};
use dashstream_simulator::{Pace, Scenario, SimConfig, Simulation, partition_of};
use decode_core::{Decoder, Mode};

use crate::args::Args;
use crate::error::Error;

/// Records a second of a simulation that is not told otherwise.
const RATE_DEFAULT: f64 = 100.0;
/// Pauses of a capture are played no longer than this.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// 2026-01-01T00:00:00Z, for files that are to be the same each time.
const DUMP_START_US: u64 = 1_767_225_600_000_000;
const SCENARIO_OF_CAPTURES: &str = "capture";

/// A record on its way.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// Time from the start at which it is to be sent; nothing means at once.
    pub(crate) due: Option<Duration>,
    pub(crate) partition: u32,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    /// Nothing means the time of sending.
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) kind: &'static str,
    pub(crate) scenario: &'static str,
}

pub(crate) enum Source {
    Simulation {
        records: Box<Simulation>,
        start_us: u64,
        paced: bool,
        partitions: u32,
    },
    Capture(Playback),
}

impl Source {
    /// `live` when records go to Kafka now, rather than to a file.
    pub(crate) fn open(args: &Args, partitions: u32, live: bool) -> Result<Self, Error> {
        if let Some(path) = &args.capture {
            return Ok(Self::Capture(Playback::open(path, args, partitions, live)?));
        }
        let rate = args.rate.unwrap_or(RATE_DEFAULT);
        let paced = live && rate > 0.0;
        let start_us = args
            .start_us
            .unwrap_or_else(|| if live { now_us() } else { DUMP_START_US });
        let pace = if rate > 0.0 {
            Pace::RecordsPerSecond(rate)
        } else {
            Pace::Concurrent(args.concurrency)
        };
        let mix = if args.scenarios.is_empty() {
            Scenario::ALL
                .iter()
                .map(|scenario| (*scenario, scenario.weight()))
                .collect()
        } else {
            args.scenarios.clone()
        };
        let config = SimConfig {
            seed: args.seed,
            start_us,
            pace,
            mix,
            bad_share: args.bad_share,
            work_scale: args.work_scale,
        };
        let records = Box::new(Simulation::new(config));
        Ok(Self::Simulation {
            records,
            start_us,
            paced,
            partitions,
        })
    }
}

impl Iterator for Source {
    type Item = Outgoing;

    fn next(&mut self) -> Option<Outgoing> {
        match self {
            Self::Simulation {
                records,
                start_us,
                paced,
                partitions,
            } => {
                let record = records.next()?;
                let since_start = Duration::from_micros(record.due_us.saturating_sub(*start_us));
                Some(Outgoing {
                    due: paced.then_some(since_start),
                    partition: partition_of(&record.key, *partitions),
                    key: Some(record.key),
                    value: record.value,
                    timestamp_ms: Some(record.timestamp_ms),
                    kind: record.kind,
                    scenario: record.scenario,
                })
            }
            Self::Capture(playback) => playback.next(),
        }
    }
}

/// A capture being played.
pub(crate) struct Playback {
    records: Vec<CapturedRecord>,
    kinds: Vec<&'static str>,
    next: usize,
    due: Duration,
    rate: Option<f64>,
    repeats: bool,
    keep_timestamps: bool,
    live: bool,
    partitions: u32,
}

impl Playback {
    fn open(path: &Path, args: &Args, partitions: u32, live: bool) -> Result<Self, Error> {
        let path = PathBuf::from(path);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(Error::File { path, source }),
        };
        let records = match capture::read(&bytes) {
            Ok(records) => capture::play_order(records),
            Err(source) => return Err(Error::Capture { path, source }),
        };
        let mut decoder = Decoder::new(Mode::Compatible);
        let kinds = records
            .iter()
            .map(|record| kind_of(&mut decoder, record))
            .collect();
        Ok(Self {
            records,
            kinds,
            next: 0,
            due: Duration::ZERO,
            rate: args.rate,
            repeats: args.repeats,
            // A file is a copy, so it keeps them too.
            keep_timestamps: args.keep_timestamps || !live,
            live,
            partitions,
        })
    }

    /// The time between the record before `at` and the one there.
    fn pause(&self, at: usize) -> Duration {
        if let Some(rate) = self.rate {
            let seconds = if rate > 0.0 { 1.0 / rate } else { 0.0 };
            return Duration::try_from_secs_f64(seconds).unwrap_or(PAUSE_MAX);
        }
        let time_of = |at: usize| self.records.get(at).map(|record| record.timestamp_ms);
        match (at.checked_sub(1).and_then(time_of), time_of(at)) {
            (Some(before), Some(now)) => {
                let pause_ms = u64::try_from(now.saturating_sub(before)).unwrap_or(0);
                Duration::from_millis(pause_ms).min(PAUSE_MAX)
            }
            // Between the last record and the first of the next round.
            _ => PAUSE_MAX,
        }
    }

    fn next(&mut self) -> Option<Outgoing> {
        let is_first = self.next == 0 && self.due.is_zero();
        if self.next == self.records.len() && self.repeats {
            self.next = 0;
        }
        let record = self.records.get(self.next)?.clone();
        let kind = self.kinds.get(self.next).copied().unwrap_or_default();
        if !is_first {
            self.due += self.pause(self.next);
        }
        self.next += 1;
        let partition = match &record.key {
            _ if record.partition < self.partitions => record.partition,
            Some(key) => partition_of(key, self.partitions),
            None => record.partition % self.partitions.max(1),
        };
        Some(Outgoing {
            due: (self.live && self.rate != Some(0.0)).then_some(self.due),
            partition,
            key: record.key,
            value: record.value,
            timestamp_ms: self.keep_timestamps.then_some(record.timestamp_ms),
            kind,
            scenario: SCENARIO_OF_CAPTURES,
        })
    }
}

fn kind_of(decoder: &mut Decoder, record: &CapturedRecord) -> &'static str {
    let Some(value) = &record.value else {
        return "null";
    };
    match decoder.decode(value, &mut ()) {
        Ok(decoded) => decoded.summary.kind.map_or("none", |kind| kind.code()),
        Err(_) => "undecodable",
    }
}

pub(crate) fn now_us() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}
