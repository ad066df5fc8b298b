//! The client's inputs and outputs: one connection after another.

use alloc::format;
use alloc::string::ToString as _;

use decode_core::wire::{CloseCode, ErrorCode, MESSAGE_PARTITIONS_MAX, PROTOCOL_VERSION, control};

use super::{ClientInput, ClientOutput, ClientSession, Flow, KeepingUp, Parts, Phase, Refused};
use crate::Millis;
use crate::control::{
    Ack, ByPartition, ClientMessage, From, Partition, RelayMessage, RelayText, Resume, Start,
    Welcome, parse_relay,
};
use crate::limits::{
    ACK_INTERVAL_MS, ACK_WINDOW_SHARE, CONNECT_MS_MAX, GOOD_SERVICE_MS, PING_IDLE_MS,
    RETRY_AFTER_MS_MAX, RETRY_BASE_MS, RETRY_MS_MAX, SILENCE_MS_MAX, WAKE_ANSWER_MS_MAX,
};

impl ClientSession {
    /// Takes what happened.
    pub fn handle(&mut self, input: ClientInput<'_>, now: Millis) {
        self.now = now;
        match input {
            ClientInput::Start => {
                if matches!(self.phase, Phase::Idle | Phase::Stopped) {
                    self.connect();
                }
            }
            ClientInput::Opened => {
                if self.phase == Phase::Connecting {
                    self.heard(now);
                    self.enter(Phase::Resuming);
                }
            }
            ClientInput::Text(text) => {
                if self.is_open() {
                    self.heard(now);
                    self.text(text);
                }
            }
            ClientInput::Closed { code, reason } => self.closed(code, reason),
            ClientInput::Wake => self.wake(),
            ClientInput::Reset(from) => self.reset(from),
            ClientInput::Stop => {
                self.hang_up(CloseCode::Normal, "client stops");
                self.enter(Phase::Stopped);
            }
        }
    }

    /// What to do next; call until it says wait.
    pub fn poll(&mut self, now: Millis) -> ClientOutput {
        self.now = now;
        self.timers();
        if let Some(output) = self.outbox.pop_front() {
            return output;
        }
        if let Some(ack) = self.ack_due() {
            let acks = ack.split(MESSAGE_PARTITIONS_MAX);
            let texts = acks.map(|ack| ClientOutput::Send(ack.to_text()));
            self.outbox.extend(texts);
            return self.poll(now);
        }
        if matches!(self.phase, Phase::Replaying | Phase::Live)
            && let Some(report) = self.keeping_up.report_if_due(now)
        {
            return ClientOutput::Send(ClientMessage::Report(report).to_text());
        }
        ClientOutput::Wait {
            until_ms: self.next_timer(),
        }
    }

    /// A person or a machine came back: the next attempt may succeed, and an open connection may be dead
    /// without anybody having noticed, as the other end of a sleeping machine's socket cannot say so.
    fn wake(&mut self) {
        match self.phase {
            Phase::Waiting => {
                // A failure of this attempt is the first again: asking for it must not lengthen the wait.
                self.retry.attempt = 0;
                self.connect();
            }
            Phase::Resuming | Phase::Replaying | Phase::Live if self.verdict_ms.is_none() => {
                self.verdict_ms = Some(self.now + WAKE_ANSWER_MS_MAX);
                self.pinged = true;
                self.outbox
                    .push_back(ClientOutput::Send(ClientMessage::Ping.to_text()));
            }
            Phase::Idle
            | Phase::Connecting
            | Phase::Resuming
            | Phase::Replaying
            | Phase::Live
            | Phase::Stopped => {}
        }
    }

    fn timers(&mut self) {
        let is_late = self.verdict_ms.is_some_and(|due| self.now >= due);
        let silence = self.now.saturating_sub(self.last_heard_ms);
        match self.phase {
            Phase::Waiting if self.now >= self.retry.due_ms => self.connect(),
            Phase::Connecting if self.now >= self.phase_since_ms + CONNECT_MS_MAX => {
                self.problem("connect_timeout", "the relay did not answer");
                self.fail(CloseCode::Normal, "connect timeout");
            }
            Phase::Resuming | Phase::Replaying | Phase::Live
                if silence >= SILENCE_MS_MAX || is_late =>
            {
                self.problem("silence", "the relay stopped sending");
                self.fail(CloseCode::Normal, "the relay stopped sending");
            }
            Phase::Resuming | Phase::Replaying | Phase::Live
                if silence >= PING_IDLE_MS && !self.pinged =>
            {
                self.pinged = true;
                self.outbox
                    .push_back(ClientOutput::Send(ClientMessage::Ping.to_text()));
            }
            Phase::Idle
            | Phase::Connecting
            | Phase::Resuming
            | Phase::Replaying
            | Phase::Live
            | Phase::Waiting
            | Phase::Stopped => {}
        }
    }

    fn next_timer(&self) -> Option<Millis> {
        match self.phase {
            Phase::Idle | Phase::Stopped => None,
            Phase::Waiting => Some(self.retry.due_ms),
            Phase::Connecting => Some(self.phase_since_ms + CONNECT_MS_MAX),
            Phase::Resuming | Phase::Replaying | Phase::Live => {
                let silence = if self.pinged {
                    SILENCE_MS_MAX
                } else {
                    PING_IDLE_MS
                };
                let ack = self.flow.owed_since.map(|since| since + ACK_INTERVAL_MS);
                let timers = ack.into_iter().chain(self.keeping_up.due_ms());
                let timers = timers.chain(self.verdict_ms);
                timers.chain([self.last_heard_ms + silence]).min()
            }
        }
    }

    fn ack_due(&mut self) -> Option<Ack> {
        let since = self.flow.owed_since?;
        let window = self.welcome.as_ref().map_or(0, |w| w.window_bytes);
        let owed = self.flow.disposed - self.flow.acked;
        let share = window / ACK_WINDOW_SHARE as u64;
        if !self.is_open() || (owed < share && self.now < since + ACK_INTERVAL_MS) {
            return None;
        }
        self.flow.acked = self.flow.disposed;
        self.flow.owed_since = None;
        Some(Ack {
            bytes: self.flow.acked,
            offsets: self.positions.moved_offsets(),
        })
    }

    fn text(&mut self, text: &str) {
        match parse_relay(text) {
            Ok(Some(RelayMessage::Part(part))) => {
                if !self.parts.add(part) {
                    self.broken_parts();
                }
            }
            Ok(Some(mut message)) => {
                if self.parts.complete(&mut message) {
                    self.message(message);
                } else {
                    self.broken_parts();
                }
            }
            Ok(None) => self.unknown_control += 1,
            Err(error) => {
                self.problem(CloseCode::Protocol.code(), &error.to_string());
                self.fail(CloseCode::Protocol, "unreadable control message");
            }
        }
    }

    /// Partitions found while connected. A relay that does not know cursors of partitions which it did not list
    /// begins one elsewhere than this client is; it will know the cursor once it lists the partition.
    fn found(&mut self, partitions: &ByPartition<Start>) {
        let mut is_known = true;
        for (&Partition(partition), start) in partitions {
            let p = self.positions.start(partition, start.position.0);
            is_known &= p.expected == start.position.0;
        }
        if !is_known {
            self.fail(
                CloseCode::Normal,
                "the relay announced a known partition again",
            );
        }
    }

    fn broken_parts(&mut self) {
        let text = "parts of a message are missing or do not belong together";
        self.problem(CloseCode::Protocol.code(), text);
        self.fail(CloseCode::Protocol, "broken parts");
    }

    fn message(&mut self, message: RelayMessage) {
        match message {
            RelayMessage::Welcome(welcome) => self.welcomed(welcome),
            RelayMessage::Resumed {
                heads, positions, ..
            } => self.resumed(&heads, &positions),
            RelayMessage::ReplayProgress {
                sent,
                estimated_total,
            } => {
                self.replay = Some((sent.0, estimated_total.0));
            }
            RelayMessage::ReplayComplete {
                blocked, missing, ..
            } => {
                if self.phase == Phase::Replaying {
                    self.name_partitions(PAUSED, PAUSED_TEXT, &blocked);
                    self.name_partitions(MISSING, MISSING_TEXT, &missing);
                    self.incomplete = blocked;
                    self.incomplete.extend(missing);
                    self.replay = None;
                    self.replays_completed += 1;
                    self.enter(Phase::Live);
                }
            }
            RelayMessage::Pong | RelayMessage::Part(_) | RelayMessage::SchemaStatus { .. } => {}
            RelayMessage::CursorStale {
                partition,
                requested,
                oldest,
            } => {
                let text = format!(
                    "partition {partition}: offset {} is no longer in memory; continuing at {}",
                    requested.0, oldest.0
                );
                self.problem(control::CURSOR_STALE, &text);
            }
            RelayMessage::TopicReset {
                partition,
                requested,
                position,
            } => {
                let text = format!(
                    "partition {partition}: the topic was recreated, offset {} belonged to the old topic; continuing at {}",
                    requested.0, position.0
                );
                self.problem(control::TOPIC_RESET, &text);
                self.positions.reset(partition, position.0);
            }
            RelayMessage::Partitions { partitions } => self.found(&partitions),
            RelayMessage::GoingAway {
                reason,
                retry_after_ms,
            } => {
                self.retry.hint_ms = Some(retry_after_ms.min(RETRY_AFTER_MS_MAX));
                self.problem(control::GOING_AWAY, &reason);
            }
            RelayMessage::ResumeError(error) => self.resume_refused(&error),
            RelayMessage::Error(error) => {
                self.problem(
                    control::ERROR,
                    &format!("{}: {}", error.code, error.message),
                );
            }
        }
    }

    /// Nothing was waited for in these, so a replay that ended is not all that Kafka holds.
    fn name_partitions(&mut self, code: &'static str, text: &str, partitions: &[u32]) {
        if partitions.is_empty() {
            return;
        }
        let mut text = text.to_string();
        for partition in partitions {
            text.push(' ');
            text.push_str(&partition.to_string());
        }
        self.problem(code, &text);
    }

    fn welcomed(&mut self, welcome: Welcome) {
        if self.phase != Phase::Resuming {
            return;
        }
        if welcome.protocol != PROTOCOL_VERSION {
            let text = format!("the relay speaks protocol {}", welcome.protocol);
            self.problem(ErrorCode::UnsupportedProtocol.code(), &text);
            self.fail(CloseCode::Protocol, "unsupported protocol");
            return;
        }
        let moved = self
            .welcome
            .as_ref()
            .is_some_and(|old| old.namespace != welcome.namespace);
        if moved {
            self.problem(
                ErrorCode::WrongNamespace.code(),
                "the relay now serves a different topic or cluster",
            );
            self.positions.clear();
        }
        self.positions.rewind();
        let from = if self.positions.is_empty() {
            self.config.from
        } else {
            From::Cursor
        };
        let resume = Resume {
            namespace: Some(welcome.namespace.clone()),
            from,
            cursors: self.positions.cursors(&welcome.partitions),
            parts: 0,
        };
        let texts = resume.to_texts().into_iter();
        self.outbox.extend(texts.map(ClientOutput::Send));
        self.welcome = Some(welcome);
    }

    fn resumed(&mut self, heads: &ByPartition, positions: &ByPartition) {
        if self.phase != Phase::Resuming {
            return;
        }
        if !self.positions.resumed(heads, positions) {
            self.problem(
                CloseCode::Protocol.code(),
                "the relay resumed at a different position than requested",
            );
            self.fail(CloseCode::Protocol, "resumed elsewhere");
            return;
        }
        let behind = self
            .positions
            .iter()
            .map(|p| p.head.saturating_sub(p.expected))
            .fold(0, u64::saturating_add);
        self.replay = Some((0, behind));
        self.enter(Phase::Replaying);
    }

    fn resume_refused(&mut self, error: &RelayText) {
        self.problem(
            control::RESUME_ERROR,
            &format!("{}: {}", error.code, error.message),
        );
        self.fail(CloseCode::Normal, "resume refused");
    }

    fn reset(&mut self, from: From) {
        self.config.from = from;
        self.positions.clear();
        if matches!(self.phase, Phase::Idle | Phase::Stopped) {
            return;
        }
        self.hang_up(CloseCode::Normal, "client resets");
        self.retry.attempt = 0;
        self.connect();
    }

    fn connect(&mut self) {
        self.epoch += 1;
        self.parts = Parts::default();
        self.flow = Flow::default();
        self.keeping_up = KeepingUp::default();
        self.replay = None;
        self.enter(Phase::Connecting);
        self.outbox
            .push_back(ClientOutput::Connect { epoch: self.epoch });
    }

    fn closed(&mut self, code: u16, reason: &str) {
        if !self.is_open() && self.phase != Phase::Connecting {
            return;
        }
        self.last_close = Some((
            code,
            reason.chars().take(super::PROBLEM_CHARS_MAX).collect(),
        ));
        self.wait_for_retry();
    }

    /// Ends the connection for a reason of ours and tries again later.
    pub(super) fn fail(&mut self, code: CloseCode, reason: &str) {
        self.hang_up(code, reason);
        self.wait_for_retry();
    }

    fn hang_up(&mut self, code: CloseCode, reason: &str) {
        if self.is_open() || self.phase == Phase::Connecting {
            self.outbox.clear();
            self.last_close = Some((code.number(), reason.to_string()));
            self.outbox.push_back(ClientOutput::Close {
                code,
                reason: reason.to_string(),
            });
        }
    }

    fn wait_for_retry(&mut self) {
        let served = self.now.saturating_sub(self.phase_since_ms);
        if matches!(self.phase, Phase::Replaying | Phase::Live) && served >= GOOD_SERVICE_MS {
            self.retry.attempt = 0;
        }
        let cap = RETRY_BASE_MS
            .saturating_mul(1 << self.retry.attempt.min(16))
            .min(RETRY_MS_MAX);
        let jitter = self.retry.next_random() % (cap + 1);
        let delay = self.retry.hint_ms.take().unwrap_or(0) + jitter;
        self.retry.attempt = self.retry.attempt.saturating_add(1);
        self.retry.due_ms = self.now + delay;
        self.replay = None;
        self.enter(Phase::Waiting);
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.phase_since_ms = self.now;
        self.verdict_ms = None;
    }
}

/// The code under which a paused partition is told.
const PAUSED: &str = "paused";
const PAUSED_TEXT: &str = "partitions paused at the relay until an operator releases them:";
const MISSING: &str = "missing";
const MISSING_TEXT: &str = "partitions of the topic that the relay cannot serve yet:";

impl super::Retry {
    const fn next_random(&mut self) -> u64 {
        let mut x = self.random;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random = x;
        x
    }
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Stale => f.write_str("the message belongs to an earlier connection"),
            Self::Undisposed => f.write_str("a message before it was not disposed of"),
            Self::TooEarly => f.write_str("data arrived before the answer to resume"),
            Self::Frame(error) => error.fmt(f),
            Self::Discontinuous(d) => write!(
                f,
                "partition {}: expected {}, the frame at {} continues from {}",
                d.partition, d.expected, d.offset, d.prev_next
            ),
        }
    }
}

impl core::error::Error for Refused {}
