//! Both ends of a session and the log between them, driven by a script of bytes: an honest pair on
//! a bad wire, and each end against a peer that says anything at all.

use std::collections::VecDeque;

use decode_core::frame::FrameReader;
use decode_core::wire::{GapCause, RejectCode};
use session::control::From;
use session::{
    Answer, ClientConfig, ClientInput, ClientOutput, ClientSession, Phase, SegmentBuilder,
    ServerConfig, ServerInput, ServerOutput, ServerSession, TailLog,
};

use crate::make;
use crate::random::Random;

/// Steps, and now and then a message of someone else.
pub(super) fn script(random: &mut Random) -> Vec<u8> {
    let mut out = random.bytes(1);
    for _ in 0..random.below(200) {
        let step = random.byte();
        out.push(step);
        if matches!(step % STEPS, FOREIGN_TO_SERVER | FOREIGN_TO_CLIENT) {
            let text = make::control::message(random);
            out.extend((text.len() as u16).to_le_bytes());
            out.extend(text);
        } else if step % STEPS == FOREIGN_DATA {
            let frames = make::capture::frames(random);
            out.extend((frames.len() as u16).to_le_bytes());
            out.extend(frames);
        } else {
            out.push(random.byte());
        }
    }
    out
}

const STEPS: u8 = 14;
const FOREIGN_TO_SERVER: u8 = 0;
const FOREIGN_TO_CLIENT: u8 = 1;
const FOREIGN_DATA: u8 = 2;

pub(super) fn run(script: &[u8]) {
    let Some((&first, mut rest)) = script.split_first() else {
        return;
    };
    let mut world = World::new(first);
    while let Some((&step, after)) = rest.split_first() {
        let (argument, after) = match step % STEPS {
            FOREIGN_TO_SERVER | FOREIGN_TO_CLIENT | FOREIGN_DATA => piece(after),
            _ => after.split_at(after.len().min(1)),
        };
        rest = after;
        world.step(step % STEPS, argument);
    }
}

fn piece(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((len, rest)) = bytes.split_first_chunk::<2>() else {
        return (bytes, &[]);
    };
    rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()))
}

enum Wire {
    Text(String),
    Data(Vec<u8>),
}

struct World {
    now: u64,
    log: TailLog,
    partitions: u32,
    server: Option<ServerSession>,
    client: ClientSession,
    epoch: u64,
    down: VecDeque<Wire>,
    window: usize,
    /// Once a stranger spoke, nothing is promised but that nobody panics.
    honest: bool,
}

impl World {
    fn new(first: u8) -> Self {
        let window = [200, 2_000, 1 << 20][usize::from(first % 3)];
        let memory = [600, 100_000][usize::from(first >> 2 & 1)];
        let from = [From::Earliest, From::Cursor, From::Latest][usize::from(first >> 3) % 3];
        let seed = u64::from(first);
        let mut world = Self {
            now: 0,
            log: TailLog::new(memory),
            partitions: 0,
            server: None,
            client: ClientSession::new(ClientConfig { from, seed }),
            epoch: 0,
            down: VecDeque::new(),
            window,
            honest: true,
        };
        world.add_partition(0);
        world.client.handle(ClientInput::Start, 0);
        world
    }

    fn step(&mut self, step: u8, argument: &[u8]) {
        let number = u64::from(argument.first().copied().unwrap_or_default());
        match step {
            FOREIGN_TO_SERVER => {
                if let (Some(server), Ok(text)) = (&mut self.server, std::str::from_utf8(argument))
                {
                    self.honest = false;
                    server.handle(ServerInput::Text(text), &self.log, self.now);
                }
            }
            FOREIGN_TO_CLIENT => {
                if let Ok(text) = std::str::from_utf8(argument) {
                    self.honest = false;
                    self.client.handle(ClientInput::Text(text), self.now);
                }
            }
            FOREIGN_DATA => {
                self.honest = false;
                self.apply(argument);
            }
            3 => self.now += number * 400,
            4 => self.append(number),
            5 if self.partitions < 4 => self.add_partition(number << (number % 57)),
            6 => self.cut(number),
            7 => self.client.handle(ClientInput::Wake, self.now),
            8 => self.odd(number),
            9 | 10 => self.client_says(),
            11 => self.server_says(),
            _ => self.client_hears(number % 8),
        }
        self.now += 1;
    }

    fn add_partition(&mut self, position: u64) {
        self.log.add_partition(self.partitions, position);
        self.partitions += 1;
    }

    fn append(&mut self, number: u64) {
        let partition = (number % u64::from(self.partitions)) as u32;
        let start = self.log.partition(partition).expect("added").end;
        if start > u64::MAX - 1_000 {
            return;
        }
        let mut builder = SegmentBuilder::new(partition, start);
        let payload = vec![7; number as usize];
        for index in 0..1 + number % 7 {
            let offset = builder.position() + index % 2;
            match (number + index) % 5 {
                0 => builder.gap(offset, offset + 2, GapCause::NullValue),
                1 => builder.reject(offset, -1, RejectCode::Utf8, &payload),
                _ => builder.record(offset, index as i64, &payload),
            }
        }
        builder.mark(builder.position() + 1);
        let segment = builder.finish().expect("something");
        self.log.append(segment).expect("continuous");
        self.log.set_kafka_end(partition, start + number);
    }

    fn cut(&mut self, number: u64) {
        self.server = None;
        if number.is_multiple_of(2) {
            self.down.clear();
        }
        let code = (1000 + number) as u16;
        self.client.handle(
            ClientInput::Closed {
                code,
                reason: "cut",
            },
            self.now,
        );
    }

    fn odd(&mut self, number: u64) {
        if let Some(server) = &mut self.server {
            match number % 5 {
                0 => server.handle(ServerInput::Binary, &self.log, self.now),
                1 => server.handle(ServerInput::Oversized, &self.log, self.now),
                2 => server.handle(ServerInput::SendStalled, &self.log, self.now),
                3 => {
                    let retry_after_ms = number * 1_000;
                    let input = ServerInput::Shutdown { retry_after_ms };
                    server.handle(input, &self.log, self.now);
                }
                _ => {
                    self.client
                        .handle(ClientInput::Reset(From::Earliest), self.now);
                    return;
                }
            }
            self.honest = false;
        }
    }

    fn client_says(&mut self) {
        for _ in 0..16 {
            match self.client.poll(self.now) {
                ClientOutput::Connect { epoch } => {
                    assert!(epoch > self.epoch, "epochs rise");
                    self.epoch = epoch;
                    self.down.clear();
                    let config = ServerConfig {
                        window_bytes: self.window,
                        ..ServerConfig::default()
                    };
                    self.server = Some(ServerSession::new(config, &self.log, self.now));
                    self.honest = true;
                    self.client.handle(ClientInput::Opened, self.now);
                }
                ClientOutput::Send(text) => {
                    if let Some(server) = &mut self.server {
                        server.handle(ServerInput::Text(&text), &self.log, self.now);
                    }
                }
                ClientOutput::Close { .. } => self.server = None,
                ClientOutput::Wait { .. } => return,
            }
        }
    }

    fn server_says(&mut self) {
        let Some(server) = &mut self.server else {
            return;
        };
        for _ in 0..8 {
            match server.poll(&self.log, self.now) {
                ServerOutput::Text(text) => self.down.push_back(Wire::Text(text)),
                ServerOutput::Data(bytes) => self.down.push_back(Wire::Data(bytes.to_vec())),
                // A tier that lost what it was asked for.
                ServerOutput::Fetch(fetch) => {
                    let (until, cause) = (fetch.until, GapCause::Evicted);
                    let answer = Answer::Lost { until, cause };
                    let input = ServerInput::Fetched { fetch, answer };
                    server.handle(input, &self.log, self.now);
                }
                ServerOutput::Close(..) => {
                    self.server = None;
                    return;
                }
                ServerOutput::Wait { .. } => return,
            }
        }
    }

    fn client_hears(&mut self, messages: u64) {
        for _ in 0..messages {
            match self.down.pop_front() {
                None => return,
                Some(Wire::Text(text)) => self.client.handle(ClientInput::Text(&text), self.now),
                Some(Wire::Data(bytes)) => self.apply(&bytes),
            }
        }
    }

    fn apply(&mut self, bytes: &[u8]) {
        let open = matches!(self.client.phase(), Phase::Replaying | Phase::Live);
        let accepted = self.client.accept(self.epoch, bytes, self.now);
        if self.honest && open {
            assert!(
                accepted.is_ok(),
                "an honest relay's data is continuous: {accepted:?}"
            );
        }
        let Ok(mut delivery) = accepted else {
            return;
        };
        for frame in FrameReader::new(bytes) {
            delivery.disposed(&frame.expect("accepted").header);
        }
        delivery.finish(self.now);
    }
}
