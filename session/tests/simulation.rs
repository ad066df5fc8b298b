//! A relay and a client over an imagined wire, in virtual time, with every trouble a seed brings:
//! cut connections, lost tails, evicted memory, new partitions, slow clients, tiny windows, recreated topics,
//! and a tier behind memory that is slow, short, busy, failing or lying.
//!
//! The oracle is simple: per partition, what the client disposed of is every position exactly once,
//! in order, as record or inside a gap, and every record has the bytes that were appended.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "a test looks at the cases it is about"
)]

use std::collections::{BTreeMap, VecDeque};

use decode_core::frame::FrameReader;
use decode_core::wire::{FrameKind, GapCause, RejectCode};
use session::control::{From, RelayMessage, parse_relay};
use session::server::HistoryStats;
use session::{
    Answer, ClientConfig, ClientInput, ClientOutput, ClientSession, Fetch, Phase, SegmentBuilder,
    ServerConfig, ServerInput, ServerOutput, ServerSession, TailLog,
};

#[path = "simulation/tier.rs"]
mod tier;

use tier::Tier;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What was put into the log at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Put {
    Record(u8),
    Reject,
    Gap,
    Hole,
}

enum Wire {
    Text(String),
    Data(Vec<u8>),
}

struct World {
    tier: Tier,
    /// Questions, when they are answered, and how; those of an earlier connection too.
    asked: Vec<(u64, Fetch, Answer)>,
    history: HistoryStats,
    evicted_gaps: u64,
    left_half_done: bool,
    random: Random,
    now: u64,
    log: TailLog,
    truth: BTreeMap<u32, Vec<Put>>,
    server: Option<ServerSession>,
    down: VecDeque<Wire>,
    client: ClientSession,
    epoch: u64,
    got: BTreeMap<u32, Vec<(u64, u64, Put)>>,
    /// Where the first connection began: what memory had lost before is not the client's to have.
    began: BTreeMap<u32, u64>,
    window: usize,
    reports: u64,
    /// Whether topics are recreated. Then there are records only and none is evicted, so that a cursor of
    /// a former one can always be known.
    resets: bool,
    /// Kafka timestamps, no two alike.
    stamp: i64,
    told: u64,
    /// What was shown as the place of each partition.
    shown: BTreeMap<u32, u64>,
}

impl World {
    fn new(seed: u64, resets: bool, tier: Tier) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let window = [200, 2_000, 1 << 20][random.below(3) as usize];
        // Logs in which nearly no segments are joined, some are, all are.
        let memory = [3_000, 100_000, 4 << 20][random.below(3) as usize];
        let memory = if resets { 4 << 20 } else { memory };
        let memory = if tier == Tier::None { memory } else { 3_000 };
        let mut world = Self {
            tier,
            asked: Vec::new(),
            history: HistoryStats::default(),
            evicted_gaps: 0,
            left_half_done: false,
            log: TailLog::new(memory),
            now: 0,
            truth: BTreeMap::new(),
            server: None,
            down: VecDeque::new(),
            client: ClientSession::new(ClientConfig {
                from: From::Earliest,
                seed,
            }),
            epoch: 0,
            got: BTreeMap::new(),
            began: BTreeMap::new(),
            window,
            reports: 0,
            resets,
            stamp: 0,
            told: 0,
            shown: BTreeMap::new(),
            random,
        };
        for partition in 0..1 + world.random.below(3) as u32 {
            world.add_partition(partition);
        }
        world.client.handle(ClientInput::Start, 0);
        world
    }

    fn add_partition(&mut self, partition: u32) {
        self.log.add_partition(partition, 0);
        if self.tier != Tier::None {
            self.log.set_floor(partition, 0, Some(0));
        }
        self.truth.insert(partition, Vec::new());
    }

    fn recreate(&mut self) {
        let partition = self.random.below(self.truth.len() as u64) as u32;
        self.log.restart_partition(partition, 0);
        self.truth.insert(partition, Vec::new());
    }

    fn append(&mut self) {
        let partition = self.random.below(self.truth.len() as u64) as u32;
        let truth = self.truth.get_mut(&partition).expect("added");
        let mut builder = SegmentBuilder::new(partition, truth.len() as u64);
        for _ in 0..1 + self.random.below(20) {
            let offset = truth.len() as u64;
            let kinds = if self.resets { 4..12 } else { 0..12 };
            match kinds.start + self.random.below(kinds.end - kinds.start) {
                0 => {
                    builder.gap(offset, offset, GapCause::NullValue);
                    truth.push(Put::Gap);
                }
                1 => {
                    builder.reject(offset, 0, RejectCode::Protobuf, b"?");
                    truth.push(Put::Reject);
                }
                2 => truth.push(Put::Hole),
                _ => {
                    let byte = self.random.next() as u8;
                    let len = self.random.below(120) as usize;
                    self.stamp += 1;
                    builder.record(offset, self.stamp, &vec![byte; len + 1]);
                    truth.push(Put::Record(byte));
                }
            }
        }
        builder.mark(truth.len() as u64);
        let segment = builder.finish().expect("something");
        self.log.append(segment).expect("continuous");
    }

    /// Adds what a connection asked behind memory.
    fn count(&mut self) {
        if let Some(server) = self.server.take() {
            let stats = server.stats().history;
            self.history.asked += stats.asked;
            self.history.taken += stats.taken;
            self.history.busy += stats.busy;
            self.history.failed += stats.failed;
            self.history.wrong += stats.wrong;
        }
    }

    fn cut(&mut self) {
        self.count();
        // What was under way may be lost or may still arrive: both must be harmless.
        if self.random.one_in(2) {
            self.down.clear();
        }
        self.client.handle(
            ClientInput::Closed {
                code: 1006,
                reason: "cut",
            },
            self.now,
        );
    }

    fn client_says(&mut self) {
        loop {
            match self.client.poll(self.now) {
                ClientOutput::Connect { epoch } => {
                    self.epoch = epoch;
                    self.down.clear();
                    if self.random.one_in(5) {
                        self.client.handle(
                            ClientInput::Closed {
                                code: 1006,
                                reason: "",
                            },
                            self.now,
                        );
                        continue;
                    }
                    let config = ServerConfig {
                        window_bytes: self.window,
                        ..ServerConfig::default()
                    };
                    self.server = Some(ServerSession::new(config, &self.log, self.now));
                    self.client.handle(ClientInput::Opened, self.now);
                }
                ClientOutput::Send(text) => {
                    if let Some(server) = &mut self.server {
                        server.handle(ServerInput::Text(&text), &self.log, self.now);
                        if let Some(report) = server.take_report() {
                            self.reports += 1;
                            assert!(report.backlog_frames <= server.stats().frames);
                            assert!(report.apply_lag_ms <= self.now);
                        }
                    }
                }
                ClientOutput::Close { code, reason } => {
                    let expected = core::mem::take(&mut self.left_half_done);
                    assert!(expected, "client closes: {code} {reason}");
                }
                ClientOutput::Wait { .. } => return,
            }
        }
    }

    fn server_says(&mut self) {
        let Some(server) = &mut self.server else {
            return;
        };
        let mut fetches = Vec::new();
        for _ in 0..8 {
            match server.poll(&self.log, self.now) {
                ServerOutput::Fetch(fetch) => fetches.push(fetch),
                ServerOutput::Text(text) => self.down.push_back(Wire::Text(text)),
                ServerOutput::Data(bytes) => self.down.push_back(Wire::Data(bytes.to_vec())),
                ServerOutput::Close(code, reason) => panic!("server closes: {code} {reason}"),
                ServerOutput::Wait { .. } => break,
            }
        }
        for fetch in fetches {
            let answer = self.answer(fetch);
            // Now and then it never answers; the question is given up then.
            let never = self.random.one_in(20);
            let after = if never {
                1 << 40
            } else {
                self.random.below(900)
            };
            self.asked.push((self.now + after, fetch, answer));
        }
    }

    fn client_hears(&mut self) {
        for _ in 0..self.random.below(6) {
            match self.down.pop_front() {
                None => return,
                Some(Wire::Text(text)) => {
                    self.client.handle(ClientInput::Text(&text), self.now);
                    self.hear_reset(&text);
                    if self.began.is_empty() {
                        let positions = self.client.positions();
                        self.began = positions.map(|p| (p.partition, p.expected)).collect();
                    }
                }
                Some(Wire::Data(bytes)) => self.apply(&bytes),
            }
        }
    }

    /// What came before it is of a former topic.
    fn hear_reset(&mut self, text: &str) {
        let message = parse_relay(text).expect("readable");
        if let Some(RelayMessage::TopicReset { partition, .. }) = message {
            assert!(self.resets, "a topic that was not recreated: {text}");
            self.got.remove(&partition);
            self.shown.remove(&partition);
            self.told += 1;
        }
    }

    fn apply(&mut self, bytes: &[u8]) {
        let Ok(mut delivery) = self.client.accept(self.epoch, bytes, self.now) else {
            assert!(matches!(
                self.client.phase(),
                Phase::Waiting | Phase::Connecting
            ));
            return;
        };
        // A client may also stop between taking a message and disposing of all of it.
        let stop_after = if self.random.one_in(30) {
            self.random.below(5)
        } else {
            u64::MAX
        };
        for (n, frame) in FrameReader::new(bytes).enumerate() {
            if n as u64 >= stop_after {
                drop(delivery);
                self.left_half_done = true;
                self.cut();
                return;
            }
            let frame = frame.expect("accepted");
            let header = frame.header;
            let put = match header.kind {
                FrameKind::Record => Put::Record(*frame.payload.first().expect("not empty")),
                FrameKind::Reject => Put::Reject,
                FrameKind::Gap => Put::Gap,
                _ => Put::Hole,
            };
            let is_evicted = header.code == GapCause::Evicted.number();
            self.evicted_gaps += u64::from(put == Put::Gap && is_evicted);
            let got = self.got.entry(header.partition).or_default();
            got.push((header.offset, header.next(), put));
            delivery.disposed(&header);
            // Not by chance, which would change every walk.
            if header.offset.is_multiple_of(3) {
                let undisposed = delivery.leave();
                delivery = self.client.go_on(undisposed).expect("the same connection");
            }
        }
        delivery.finish(self.now);
    }

    fn step(&mut self, calm: bool) {
        self.now += self.random.below(300);
        if !calm {
            match self.random.below(40) {
                0 => self.cut(),
                1 if self.truth.len() < 5 => self.add_partition(self.truth.len() as u32),
                13 if self.resets => self.recreate(),
                2..=12 => self.append(),
                _ => {}
            }
        }
        self.client_says();
        self.tier_says();
        self.server_says();
        self.client_hears();
        self.look();
    }

    /// What people see as the place of a partition moves forward only, through whatever happens.
    fn look(&mut self) {
        for position in self.client.positions() {
            let shown = self.shown.entry(position.partition).or_default();
            assert!(*shown <= position.committed, "{shown}, then {position:?}");
            *shown = position.committed;
        }
    }

    fn caught_up(&self) -> bool {
        let positions: BTreeMap<_, _> = self
            .client
            .positions()
            .map(|p| (p.partition, p.committed))
            .collect();
        self.truth
            .iter()
            .all(|(p, truth)| positions.get(p) == Some(&(truth.len() as u64)))
    }

    fn check(&self, seed: u64) {
        for (partition, truth) in &self.truth {
            let got = self
                .got
                .get(partition)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let mut position = self.began.get(partition).copied().unwrap_or(0);
            for &(offset, next, put) in got {
                let context = format!("seed {seed} partition {partition} at {offset}");
                let skipped = &truth[position as usize..(offset.max(position)) as usize];
                assert!(
                    skipped.iter().all(|t| *t == Put::Hole),
                    "{context}: {skipped:?} left out"
                );
                match put {
                    Put::Gap | Put::Hole => assert!(next > position, "{context}: twice"),
                    _ => {
                        assert!(offset >= position, "{context}: twice");
                        assert_eq!(truth[offset as usize], put, "{context}");
                    }
                }
                position = next;
            }
            assert_eq!(
                position,
                truth.len() as u64,
                "seed {seed} partition {partition}: the end"
            );
        }
    }
}

/// RES-02, RES-16, RES-01, RES-12, RES-13, BND-03, SEQ-02, SEQ-10, MET-14
#[test]
fn every_position_is_disposed_of_exactly_once_whatever_happens() {
    let mut reports = 0;
    for seed in 1..=300 {
        let mut world = World::new(seed, false, Tier::None);
        for _ in 0..400 {
            world.step(false);
        }
        let mut calm = 0;
        while !world.caught_up() {
            world.step(true);
            calm += 1;
            assert!(calm < 20_000, "seed {seed} never catches up");
        }
        world.check(seed);
        reports += world.reports;
    }
    assert!(reports > 300, "clients report how they keep up: {reports}");
}

/// RES-19, RES-05: a client is told of every recreated topic, connected or away, whether its cursor fits
/// into the new one or not, and has the new one whole.
#[test]
fn a_topic_made_anew_is_never_mixed_with_the_former_one() {
    let mut told = 0;
    for seed in 1..=200 {
        let mut world = World::new(seed, true, Tier::None);
        for _ in 0..400 {
            world.step(false);
        }
        // Ends may agree by chance before the client is told, or while its cursor is waited for.
        let (mut calm, mut quiet) = (0, 0);
        while quiet < 200 {
            world.step(true);
            calm += 1;
            quiet = if world.caught_up() { quiet + 1 } else { 0 };
            assert!(calm < 20_000, "seed {seed} never catches up");
        }
        world.check(seed);
        told += world.told;
    }
    assert!(told > 200, "clients are told: {told}");
}

/// RES-02, RES-13, RES-28: through connections and evictions a client reads what memory does not hold
/// from a tier that is slow, short, busy or failing at times, and nothing of it is lost.
#[test]
fn what_lies_behind_memory_arrives_whole() {
    let mut history = HistoryStats::default();
    for seed in 1..=150 {
        let world = settled(seed, Tier::Troubled);
        world.check(seed);
        assert_eq!(world.evicted_gaps, 0, "seed {seed}");
        assert_eq!(world.history.wrong, 0, "seed {seed}");
        history.taken += world.history.taken;
        history.busy += world.history.busy;
        history.failed += world.history.failed;
    }
    let HistoryStats {
        taken,
        busy,
        failed,
        ..
    } = history;
    assert!(taken > 1_000 && busy > 100 && failed > 100, "{history:?}");
}

/// RES-16: what a lying tier says is asked for again or becomes a gap with a name; a client never sees it.
#[test]
fn a_lying_tier_costs_a_retry_or_a_named_gap() {
    let (mut wrong, mut gaps) = (0, 0);
    for seed in 1..=150 {
        let world = settled(seed, Tier::Lying);
        world.check(seed);
        wrong += world.history.wrong;
        gaps += world.evicted_gaps;
    }
    assert!(wrong > 500 && gaps > 0, "{wrong} lies, {gaps} gaps");
}

fn settled(seed: u64, tier: Tier) -> World {
    let mut world = World::new(seed, false, tier);
    for _ in 0..400 {
        world.step(false);
    }
    let mut calm = 0;
    while !world.caught_up() {
        world.step(true);
        calm += 1;
        assert!(calm < 20_000, "seed {seed} never catches up");
    }
    world.count();
    world
}
