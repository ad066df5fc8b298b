//! Recorded transcripts: seeded scripts of everything that can happen to a log and to connections over it,
//! and every byte that a [`ServerSession`] answered, as it was recorded.
//!
//! `transcripts/digests.txt` has a line for each script: seed, outputs, bytes of data, SHA-256. The scripts in
//! [`WHOLE`] are there in full too, so that a difference can be read. A change that is meant to change the
//! wire rewrites them with `DASHSTREAM_TRANSCRIPTS=write`, and the difference belongs into its review.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use decode_core::frame::FrameReader;
use decode_core::wire::{GapCause, RejectCode};
use session::control::Fingerprint;
use session::{SegmentBuilder, ServerConfig, ServerInput, ServerOutput, ServerSession, TailLog};
use sha2::{Digest as _, Sha256};

const SCRIPTS: u64 = 400;
/// Scripts that are kept in full.
const WHOLE: [u64; 6] = [1, 2, 3, 4, 5, 6];
const STEPS: usize = 160;

/// The causes that there were when the scripts were recorded: another one must not change what a seed means.
const CAUSES: [GapCause; 6] = [
    GapCause::Retention,
    GapCause::Evicted,
    GapCause::Oversized,
    GapCause::NullValue,
    GapCause::UnreadableBatch,
    GapCause::TopicReset,
];

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

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// What the script knows of a partition.
#[derive(Clone, Copy, Default)]
struct Partition {
    end: u64,
    stamp: i64,
    paused: bool,
}

struct Script {
    random: Random,
    now: u64,
    log: TailLog,
    partitions: BTreeMap<u32, Partition>,
    session: ServerSession,
    config: ServerConfig,
    /// Bytes of data that the connection brought.
    received: u64,
    acked: u64,
    outputs: u64,
    bytes: u64,
    digest: Sha256,
    text: String,
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut log = TailLog::new(random.of(&[2_000, 20_000, 4 << 20]));
        let mut partitions = BTreeMap::new();
        for partition in 0..1 + random.below(4) as u32 {
            let start = random.of(&[0, 0, 7, 5_000_000_000]);
            log.add_partition(partition, start);
            let state = Partition {
                end: start,
                stamp: 1_000,
                ..Partition::default()
            };
            partitions.insert(partition, state);
        }
        let config = ServerConfig {
            namespace: "5f1d".to_owned(),
            topic: "events".to_owned(),
            relay_version: "0".to_owned(),
            window_bytes: random.of(&[100, 900, 20_000, 16 << 20]),
            ..ServerConfig::default()
        };
        let session = ServerSession::new(config.clone(), &log, 0);
        Self {
            random,
            now: 0,
            log,
            partitions,
            session,
            config,
            received: 0,
            acked: 0,
            outputs: 0,
            bytes: 0,
            digest: Sha256::new(),
            text: String::new(),
        }
    }

    fn any(&mut self) -> u32 {
        let at = self.random.below(self.partitions.len() as u64) as usize;
        *self.partitions.keys().nth(at).expect("one of them")
    }

    fn append(&mut self) {
        let partition = self.any();
        let state = self.partitions.get_mut(&partition).expect("added");
        let mut builder = SegmentBuilder::new(partition, state.end);
        for _ in 0..1 + self.random.below(12) {
            let offset = state.end;
            state.end += 1;
            state.stamp += 1;
            match self.random.below(12) {
                0 => {
                    let last = offset + self.random.below(5);
                    state.end = last + 1;
                    let cause = self.random.of(&CAUSES);
                    builder.gap(offset, last, cause);
                }
                1 => builder.reject(offset, state.stamp, RejectCode::Protobuf, b"?"),
                2 => builder.mark(state.end),
                _ => {
                    let length = self.random.of(&[1, 9, 60, 400]);
                    let byte = self.random.next() as u8;
                    builder.record(offset, state.stamp, &vec![byte; length]);
                }
            }
        }
        let segment = builder.finish().expect("frames");
        self.log.append(segment).expect("continuous");
    }

    fn change_log(&mut self) {
        let partition = self.any();
        let known = self.partitions.len();
        let state = self.partitions.get_mut(&partition).expect("added");
        match self.random.below(6) {
            0 => {
                let start = self.random.of(&[0, 0, 3]);
                self.log.restart_partition(partition, start);
                *state = Partition {
                    end: start,
                    stamp: state.stamp + 1_000,
                    ..Partition::default()
                };
            }
            1 => {
                state.paused = !state.paused;
                self.log.set_paused(partition, state.paused);
            }
            2 => {
                let record = Fingerprint {
                    offset: state.end.saturating_sub(1),
                    timestamp_ms: state.stamp,
                };
                self.log.set_before(partition, record);
            }
            3 if known < 7 => {
                let found = self.partitions.keys().last().map_or(0, |last| last + 1);
                let end = self.random.of(&[0, 12]);
                self.log.add_partition(found, end);
                let state = Partition {
                    end,
                    stamp: 1_000,
                    ..Partition::default()
                };
                self.partitions.insert(found, state);
            }
            _ => {
                let ahead = self.random.of(&[0, 1, 40]);
                self.log.set_kafka_end(partition, state.end + ahead);
            }
        }
    }

    /// A resume: mostly one that can be taken.
    fn resume(&mut self) -> String {
        let from = self
            .random
            .of(&["cursor", "cursor", "cursor", "earliest", "latest", "never"]);
        let mut positions = Vec::new();
        let mut fingerprints = Vec::new();
        for (&partition, state) in &self.partitions {
            if self.random.one_in(4) {
                continue;
            }
            let position = match self.random.below(6) {
                0 => 0,
                1 => state.end,
                2 => state.end + self.random.of(&[1, 30]),
                _ => self.random.below(state.end + 1),
            };
            positions.push(format!("\"{partition}\":\"{position}\""));
            if position > 0 && self.random.one_in(2) {
                let stamp = state.stamp - (state.end.saturating_sub(position)) as i64;
                let stamp = stamp - i64::from(self.random.one_in(3));
                fingerprints.push(format!(
                    "\"{partition}\":{{\"offset\":\"{}\",\"timestampMs\":\"{stamp}\"}}",
                    position - 1
                ));
            }
        }
        if self.random.one_in(12) {
            positions.push("\"99\":\"1\"".to_owned());
        }
        let namespace = self.random.of(&["5f1d", "5f1d", "5f1d", "5f1d", "other"]);
        format!(
            r#"{{"type":"resume","protocol":1,"namespace":"{namespace}","from":"{from}","positions":{{{}}},"fingerprints":{{{}}}}}"#,
            positions.join(","),
            fingerprints.join(",")
        )
    }

    fn say(&mut self, input: ServerInput<'_>) {
        if let ServerInput::Text(text) = input {
            let now = self.now;
            self.note(&format!("{now} > {text}"), &[]);
        } else {
            let now = self.now;
            self.note(&format!("{now} > {input:?}"), &[]);
        }
        self.session.handle(input, &self.log, self.now);
        let report = self.session.take_report().is_some();
        let refusal = self
            .session
            .take_refusal()
            .map(|refusal| refusal.code.code());
        if report || refusal.is_some() {
            self.note(&format!("report {report} refusal {refusal:?}"), &[]);
        }
    }

    fn client_says(&mut self) {
        match self.random.below(20) {
            0..=7 => {
                self.acked = self.received;
                let text = format!(r#"{{"type":"ack","bytes":"{}"}}"#, self.received);
                self.say(ServerInput::Text(&text));
            }
            8 => {
                let bytes = self.random.of(&[0, 1_u64 << 40]);
                let text = format!(r#"{{"type":"ack","bytes":"{bytes}","offsets":{{"0":"4"}}}}"#);
                self.say(ServerInput::Text(&text));
            }
            9 => self.say(ServerInput::Text(r#"{"type":"ping"}"#)),
            10 => {
                let text =
                    r#"{"type":"report","applyLagMs":"7","backlogFrames":"2","rejects":"1"}"#;
                self.say(ServerInput::Text(text));
            }
            11 if self.random.one_in(3) => {
                let junk = self.random.of(&[
                    "{",
                    "[]",
                    r#"{"type":"nothing"}"#,
                    r#"{"type":"ping","a":1,"a":2}"#,
                    r#"{"type":"resume","protocol":2}"#,
                    r#"{"type":"resume","protocol":1,"from":"cursor","positions":{"x":"1","1":"-1"}}"#,
                    r#"{"type":"resume","protocol":1,"from":"active"}"#,
                ]);
                self.say(ServerInput::Text(junk));
            }
            12 if self.random.one_in(6) => self.say(ServerInput::Binary),
            13 if self.random.one_in(12) => self.say(ServerInput::Oversized),
            14 if self.random.one_in(12) => self.say(ServerInput::SendStalled),
            15 if self.random.one_in(20) => self.say(ServerInput::Shutdown {
                retry_after_ms: 250,
            }),
            16 | 17 => {
                let text = self.resume();
                self.say(ServerInput::Text(&text));
            }
            _ => {}
        }
    }

    /// Takes outputs until the session waits; `false` when it has closed.
    fn drain(&mut self) -> bool {
        for _ in 0..400 {
            match self.session.poll(&self.log, self.now) {
                ServerOutput::Text(text) => self.note(&format!("< {}", without_prose(&text)), &[]),
                ServerOutput::Data(bytes) => {
                    self.received += bytes.len() as u64;
                    self.bytes += bytes.len() as u64;
                    self.note(&described(&bytes), &bytes);
                }
                ServerOutput::Fetch(fetch) => panic!("nothing lies behind memory: {fetch:?}"),
                ServerOutput::Close(code, _) => {
                    self.note(&format!("close {}", code.number()), &[]);
                    return false;
                }
                ServerOutput::Wait { until_ms } => {
                    self.note(&format!("wait {until_ms:?}"), &[]);
                    return true;
                }
            }
        }
        panic!("it never waits");
    }

    /// One thing that happened; data counts byte for byte and is described in the text.
    fn note(&mut self, line: &str, data: &[u8]) {
        self.outputs += 1;
        self.digest.update(line);
        self.digest.update(b"\n");
        self.digest.update(data);
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn connect(&mut self) {
        self.count();
        self.session = ServerSession::new(self.config.clone(), &self.log, self.now);
        self.received = 0;
        self.acked = 0;
        if self.drain() && !self.random.one_in(5) {
            let text = self.resume();
            self.say(ServerInput::Text(&text));
        }
    }

    fn run(mut self) -> Self {
        self.connect();
        for _ in 0..STEPS {
            let long = if self.random.one_in(30) { 16_000 } else { 400 };
            self.now += self.random.below(long);
            match self.random.below(10) {
                0..=4 => self.append(),
                5 => self.change_log(),
                _ => self.client_says(),
            }
            if !self.drain() || self.random.one_in(40) {
                self.connect();
            }
        }
        self.count();
        self
    }

    fn count(&mut self) {
        let stats = self.session.stats();
        let replay = stats.replay;
        let line = format!(
            "sent {} {} stale {} {} refused {} replay {:?} {} {} {} {} {:?}",
            stats.frames,
            stats.bytes,
            stats.stale_gaps,
            stats.stale_positions,
            stats.refused,
            replay.from,
            replay.frames,
            replay.bytes,
            replay.gaps,
            replay.gap_positions,
            replay.took_ms
        );
        self.note(&line, &[]);
    }

    fn line(&self, seed: u64) -> String {
        let mut hex = String::new();
        for byte in self.digest.clone().finalize() {
            let _ = write!(hex, "{byte:02x}");
        }
        format!("{seed} {} {} {hex}", self.outputs, self.bytes)
    }
}

/// A data message as text: each frame by kind, partition, where it continues, its offset and next position.
fn described(bytes: &[u8]) -> String {
    let mut text = format!("< data {}", bytes.len());
    for frame in FrameReader::new(bytes) {
        let header = frame.expect("whole").header;
        let _ = write!(
            text,
            " {}:{} {}>{}..{} t{} c{}",
            header.kind,
            header.partition,
            header.prev_next,
            header.offset,
            header.next(),
            header.timestamp_ms,
            header.code
        );
    }
    text
}

/// The text of a control message without its sentence for people, whose words are nobody's contract.
fn without_prose(text: &str) -> String {
    const FIELD: &str = r#""message":""#;
    let Some((before, after)) = text.split_once(FIELD) else {
        return text.to_owned();
    };
    let mut escaped = false;
    let end = after.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let rest = &after[end.expect("a string that ends")..];
    format!("{before}{FIELD}{rest}")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// RES-26, VER-05: what a relay sends in answer to what happens is, byte for byte, what was recorded.
#[test]
fn recorded_sessions_replay_byte_for_byte() {
    let write = std::env::var("DASHSTREAM_TRANSCRIPTS").is_ok_and(|value| value == "write");
    let digests = folder().join("digests.txt");
    let recorded = std::fs::read_to_string(&digests).unwrap_or_default();
    let mut lines = String::new();
    for seed in 1..=SCRIPTS {
        let script = Script::new(seed).run();
        if WHOLE.contains(&seed) {
            let path = folder().join(format!("{seed}.txt"));
            if write {
                std::fs::write(&path, &script.text).expect("writable");
            }
            let whole = std::fs::read_to_string(&path).expect("recorded");
            let differs = whole.lines().zip(script.text.lines()).find(|(a, b)| a != b);
            assert_eq!(differs, None, "script {seed}");
            assert_eq!(whole, script.text, "script {seed}");
        }
        lines.push_str(&script.line(seed));
        lines.push('\n');
    }
    if write {
        std::fs::write(&digests, &lines).expect("writable");
        return;
    }
    let differ: Vec<_> = recorded
        .lines()
        .zip(lines.lines())
        .filter(|(recorded, replayed)| recorded != replayed)
        .map(|(recorded, _)| recorded)
        .collect();
    assert!(differ.is_empty(), "{} differ: {differ:#?}", differ.len());
    assert_eq!(recorded, lines);
}
