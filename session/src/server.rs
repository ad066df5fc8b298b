//! The relay's end of one connection: a cursor over the log with a byte credit.
//!
//! ```text
//! loop {
//!     session.handle(input, &log, now);            // whatever arrived
//!     loop { match session.poll(&log, now) {       // until it waits
//!         Text | Data => send, Close => send and stop, Wait => break,
//!         Fetch => ask, and handle what comes of it as Fetched } }
//! }
//! ```
//! It holds no payload: [`ServerOutput::Data`] is a slice of the log's own segment.

mod behind;
mod bucket;
mod lane;
mod lanes;
mod resume;
mod stats;

use alloc::collections::VecDeque;
use alloc::string::{String, ToString as _};

use bytes::Bytes;
use decode_core::wire::{
    ACK_STALL_MS_MAX, CONTROL_BYTES_MAX, CloseCode, ErrorCode, PAYLOAD_BYTES_MAX, PROTOCOL_VERSION,
    RESUME_PARTITIONS_MAX, SCHEMA_VERSION, WINDOW_BYTES_DEFAULT,
};

use crate::Millis;
use crate::control::{
    Ack, ByPartition, ClientMessage, ControlError, Cursors, Decimal, From, Partition, RelayMessage,
    Report, Resume, Span, Welcome, WireLimits, parse_client,
};
use crate::history::{Answer, Fetch};
use crate::limits::{
    JUNK_MESSAGES_MAX, MISSING_NAMED_MAX, OUTBOX_MESSAGES_MAX, PROGRESS_INTERVAL_MS,
    RESUME_DEADLINE_MS,
};
use crate::log::TailLog;
use behind::Verdict;
use bucket::Bucket;
use lanes::{Lanes, Next};
use resume::Parts;
pub use stats::{HistoryStats, Refusal, ReplayStats, ServerStats};

/// What a relay tells every client.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// What cursors belong to.
    pub namespace: String,
    /// Kafka topic.
    pub topic: String,
    /// Version of the relay.
    pub relay_version: String,
    /// Name of the decode mode.
    pub mode: &'static str,
    /// Text to show to people, or empty.
    pub notice: String,
    /// Credit window in bytes.
    pub window_bytes: usize,
    /// Largest payload in bytes, without the frame byte.
    pub payload_bytes_max: usize,
    /// Longest wait for `resume`.
    pub resume_deadline_ms: Millis,
    /// Longest wait for an `ack` while data is held back.
    pub ack_stall_ms: Millis,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            topic: String::new(),
            relay_version: String::new(),
            mode: decode_core::Mode::Strict.name(),
            notice: String::new(),
            window_bytes: WINDOW_BYTES_DEFAULT,
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            resume_deadline_ms: RESUME_DEADLINE_MS,
            ack_stall_ms: ACK_STALL_MS_MAX,
        }
    }
}

/// What can happen to a connection.
#[derive(Clone, Debug)]
pub enum ServerInput<'a> {
    /// A text message arrived.
    Text(&'a str),
    /// A binary message arrived.
    Binary,
    /// A message over the control limit arrived.
    Oversized,
    /// A send made no progress within the timeout.
    SendStalled,
    /// The relay shuts down.
    Shutdown {
        /// When the client may come back.
        retry_after_ms: u64,
    },
    /// The client's credentials are no longer valid.
    Revoked,
    /// What came of a question.
    Fetched {
        /// The question as it was asked.
        fetch: Fetch,
        /// The answer.
        answer: Answer,
    },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerOutput {
    /// Send a text message.
    Text(String),
    /// Send a binary message.
    Data(Bytes),
    /// Read behind memory, and answer with [`ServerInput::Fetched`]. A question about a partition replaces the
    /// one before it.
    Fetch(Fetch),
    /// Send a close frame and stop; nothing follows.
    Close(CloseCode, String),
    /// Nothing to do before the next input, a change of the log, or this time.
    Wait {
        /// When to poll again at the latest.
        until_ms: Option<Millis>,
    },
}

/// One connection. See the module text.
#[derive(Debug)]
pub struct ServerSession {
    config: ServerConfig,
    phase: Phase,
    outbox: VecDeque<String>,
    lanes: Lanes,
    acked_bytes: u64,
    /// Since when data is held back for want of credit.
    blocked_since: Option<Millis>,
    replay: Option<Replay>,
    bucket: Bucket,
    stats: ServerStats,
    last_report: Option<Report>,
    last_refusal: Option<Refusal>,
    parts: Parts,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    AwaitResume { deadline_ms: Millis },
    Streaming,
    Closing(CloseCode, String),
    Closed,
}

#[derive(Debug)]
struct Replay {
    mode: From,
    since_ms: Millis,
    estimated_total: u64,
    progress_due_ms: Millis,
}

impl ServerSession {
    /// A connection that was just upgraded; its first output is `welcome`.
    #[must_use]
    pub fn new(config: ServerConfig, log: &TailLog, now: Millis) -> Self {
        let mut session = Self {
            phase: Phase::AwaitResume {
                deadline_ms: now + config.resume_deadline_ms,
            },
            outbox: VecDeque::new(),
            lanes: Lanes::default(),
            acked_bytes: 0,
            blocked_since: None,
            replay: None,
            bucket: Bucket::new(now),
            stats: ServerStats::default(),
            last_report: None,
            last_refusal: None,
            parts: Parts::default(),
            config,
        };
        let welcome = session.welcome(log);
        session.send(RelayMessage::Welcome(welcome));
        session
    }

    /// Takes what happened.
    pub fn handle(&mut self, input: ServerInput<'_>, log: &TailLog, now: Millis) {
        if matches!(self.phase, Phase::Closing(..) | Phase::Closed) {
            return;
        }
        let result = match input {
            ServerInput::Text(text) => self.text(text, log, now),
            ServerInput::Binary => {
                let text = "clients may only send text messages";
                Err(ControlError::new(ErrorCode::UnexpectedBinary, text))
            }
            ServerInput::Oversized => {
                let text = "control message too large";
                self.refuse(&ControlError::new(ErrorCode::TooLarge, text));
                self.close(CloseCode::TooLarge, text);
                Ok(())
            }
            ServerInput::SendStalled => {
                self.close(CloseCode::SendStalled, "the client accepted no data");
                Ok(())
            }
            ServerInput::Shutdown { retry_after_ms } => {
                let reason = CloseCode::Shutdown.code().to_string();
                let going = RelayMessage::GoingAway {
                    reason,
                    retry_after_ms,
                };
                self.outbox.push_back(going.to_text());
                self.close(CloseCode::Shutdown, "the relay is shutting down");
                Ok(())
            }
            ServerInput::Revoked => {
                let text = "the credentials are no longer valid";
                self.close(CloseCode::NotAuthorised, text);
                Ok(())
            }
            ServerInput::Fetched { fetch, answer } => {
                self.fetched(&fetch, answer, now);
                Ok(())
            }
        };
        if let Err(error) = result {
            self.refuse(&error);
        }
    }

    fn fetched(&mut self, fetch: &Fetch, answer: Answer, now: Millis) {
        let history = &mut self.stats.history;
        match self.lanes.answered(fetch, answer, now) {
            Verdict::Taken => history.taken += 1,
            Verdict::Busy => history.busy += 1,
            Verdict::Failed => history.failed += 1,
            Verdict::Wrong => history.wrong += 1,
            Verdict::Stale => {}
        }
    }

    /// What to do next; call until it says wait.
    pub fn poll(&mut self, log: &TailLog, now: Millis) -> ServerOutput {
        if let Some(text) = self.outbox.pop_front() {
            return ServerOutput::Text(text);
        }
        match &mut self.phase {
            Phase::Closed => ServerOutput::Wait { until_ms: None },
            Phase::Closing(code, reason) => {
                let (code, reason) = (*code, core::mem::take(reason));
                self.phase = Phase::Closed;
                ServerOutput::Close(code, reason)
            }
            Phase::AwaitResume { deadline_ms } if now >= *deadline_ms => {
                self.close(CloseCode::NoResume, "no resume within the deadline");
                self.poll(log, now)
            }
            Phase::AwaitResume { deadline_ms } => ServerOutput::Wait {
                until_ms: Some(*deadline_ms),
            },
            Phase::Streaming => self.stream(log, now),
        }
    }

    /// Whether data is held back until an `ack` comes.
    #[must_use]
    pub const fn waits_for_ack(&self) -> bool {
        self.blocked_since.is_some()
    }

    /// Restarts the wait for an `ack`: what was sent has not all been taken yet, so that none can come.
    pub fn defer_ack(&mut self, now: Millis) {
        if self.blocked_since.is_some() {
            self.blocked_since = Some(now);
        }
    }

    /// Bytes of data that the client has acknowledged.
    #[must_use]
    pub const fn acked_bytes(&self) -> u64 {
        self.acked_bytes
    }

    /// What it did so far.
    #[must_use]
    pub const fn stats(&self) -> ServerStats {
        self.stats
    }

    /// The client's newest report, once.
    pub const fn take_report(&mut self) -> Option<Report> {
        self.last_report.take()
    }

    /// The newest refusal, once.
    pub const fn take_refusal(&mut self) -> Option<Refusal> {
        self.last_refusal.take()
    }

    fn text(&mut self, text: &str, log: &TailLog, now: Millis) -> Result<(), ControlError> {
        if !self.bucket.take(now) {
            let text = "too many control messages";
            return Err(ControlError::new(ErrorCode::TooManyMessages, text));
        }
        match parse_client(text)? {
            ClientMessage::Resume(resume) => {
                let resumed = self.resume(resume, log, now);
                self.of_resume(resumed)
            }
            ClientMessage::Part(cursors) => {
                let taken = self.part(cursors, log);
                self.of_resume(taken)
            }
            ClientMessage::Ack(ack) => self.ack(&ack),
            ClientMessage::Ping => {
                self.outbox.push_back(RelayMessage::Pong.to_text());
                Ok(())
            }
            ClientMessage::Report(report) => {
                self.last_report = Some(report);
                Ok(())
            }
        }
    }

    /// A `resume` is refused with all its parts.
    fn of_resume<T>(&mut self, result: Result<T, ControlError>) -> Result<T, ControlError> {
        result.map_err(|e| {
            self.parts = Parts::default();
            ControlError {
                of_resume: true,
                ..e
            }
        })
    }

    fn part(&mut self, cursors: Cursors, log: &TailLog) -> Result<(), ControlError> {
        self.await_resume()?;
        self.parts.add(cursors, log)
    }

    fn await_resume(&self) -> Result<(), ControlError> {
        if matches!(self.phase, Phase::AwaitResume { .. }) {
            return Ok(());
        }
        Err(ControlError::new(
            ErrorCode::OutOfOrder,
            "resume was already sent",
        ))
    }

    fn resume(&mut self, resume: Resume, log: &TailLog, now: Millis) -> Result<(), ControlError> {
        self.await_resume()?;
        if resume
            .namespace
            .as_ref()
            .is_some_and(|n| *n != self.config.namespace)
        {
            let text = "the cursors belong to another topic or cluster";
            return Err(ControlError::new(ErrorCode::WrongNamespace, text));
        }
        let resume = self.parts.complete(resume, log)?;
        self.lanes = Lanes::open(&resume, log, now);
        let (heads, positions) = self.lanes.heads_and_positions();
        self.send(RelayMessage::Resumed {
            heads,
            positions,
            parts: 0,
        });
        self.replay = Some(Replay {
            mode: resume.from,
            since_ms: now,
            estimated_total: self.lanes.behind(),
            progress_due_ms: now + PROGRESS_INTERVAL_MS,
        });
        self.stats.replay.from = Some(resume.from);
        self.phase = Phase::Streaming;
        Ok(())
    }

    fn ack(&mut self, ack: &Ack) -> Result<(), ControlError> {
        if self.phase != Phase::Streaming {
            return Err(ControlError::new(
                ErrorCode::OutOfOrder,
                "ack before resume",
            ));
        }
        if ack.bytes > self.stats.bytes || ack.bytes < self.acked_bytes {
            let text = "acknowledged bytes must not fall or exceed the bytes sent";
            return Err(ControlError::new(ErrorCode::InvalidAck, text));
        }
        let partitions = ack.offsets.keys().map(|partition| partition.0);
        let unknown: alloc::vec::Vec<_> = partitions.filter(|p| !self.lanes.has(*p)).collect();
        if !unknown.is_empty() {
            let text = alloc::format!("{} unknown partitions", unknown.len());
            let mut error = ControlError::new(ErrorCode::InvalidPartition, text);
            let named = unknown.iter().take(crate::control::LISTED_MAX);
            error.invalid_partitions = named.map(|partition| partition.to_string()).collect();
            return Err(error);
        }
        if ack.bytes > self.acked_bytes {
            self.acked_bytes = ack.bytes;
            self.blocked_since = None;
        }
        Ok(())
    }

    fn stream(&mut self, log: &TailLog, now: Millis) -> ServerOutput {
        if let Some(message) = self.lanes.adopt_new(log, now) {
            return self.tell(message);
        }
        if let Some(done) = self.replay_complete(log, now) {
            return self.tell(done);
        }
        if let Some(progress) = self.replay_progress(now) {
            return ServerOutput::Text(progress.to_text());
        }
        let unacked = self.stats.bytes - self.acked_bytes;
        let credit = (self.config.window_bytes as u64).saturating_sub(unacked);
        match self.lanes.next(log, now, credit, unacked == 0) {
            Next::Data(slice) => {
                self.stats.bytes += slice.bytes.len() as u64;
                self.stats.frames += slice.frames as u64;
                if self.replay.is_some() {
                    self.stats.replay.frames += slice.frames as u64;
                    self.stats.replay.bytes += slice.bytes.len() as u64;
                }
                self.blocked_since = None;
                ServerOutput::Data(slice.bytes)
            }
            Next::Tell(message) => {
                self.note_stale(&message);
                ServerOutput::Text(message.to_text())
            }
            Next::Ask(fetch) => {
                self.stats.history.asked += 1;
                ServerOutput::Fetch(fetch)
            }
            Next::NoCredit => {
                let since = *self.blocked_since.get_or_insert(now);
                let deadline = since + self.config.ack_stall_ms;
                if now >= deadline {
                    self.close(CloseCode::AckStalled, "data is waiting and no ack arrived");
                    return self.poll(log, now);
                }
                self.wait(Some(deadline))
            }
            // What the lanes saw of the log may just have decided the last of them.
            Next::Idle { until_ms } => match self.replay_complete(log, now) {
                Some(done) => self.tell(done),
                None => self.wait(until_ms),
            },
        }
    }

    fn send(&mut self, message: RelayMessage) {
        self.outbox.extend(message.to_texts());
    }

    /// A message at once; where it is one of several, the others follow.
    fn tell(&mut self, message: RelayMessage) -> ServerOutput {
        let mut texts = message.to_texts().into_iter();
        let first = texts.next().unwrap_or_default();
        self.outbox.extend(texts);
        ServerOutput::Text(first)
    }

    fn wait(&self, until_ms: Option<Millis>) -> ServerOutput {
        let progress = self.replay.as_ref().map(|replay| replay.progress_due_ms);
        ServerOutput::Wait {
            until_ms: until_ms.into_iter().chain(progress).min(),
        }
    }

    fn note_stale(&mut self, message: &RelayMessage) {
        let RelayMessage::CursorStale {
            requested, oldest, ..
        } = message
        else {
            return;
        };
        let positions = oldest.0.saturating_sub(requested.0);
        self.stats.stale_gaps += 1;
        self.stats.stale_positions += positions;
        if self.replay.is_some() {
            self.stats.replay.gaps += 1;
            self.stats.replay.gap_positions += positions;
        }
    }

    /// The message that ends the replay, exactly once.
    fn replay_complete(&mut self, log: &TailLog, now: Millis) -> Option<RelayMessage> {
        if self.replay.is_none() || !self.lanes.passed_heads(log) {
            return None;
        }
        let replay = self.replay.take()?;
        let paused = log.partitions().filter(|view| view.paused);
        self.stats.replay.took_ms = Some(now.saturating_sub(replay.since_ms));
        Some(RelayMessage::ReplayComplete {
            mode: replay.mode.name().to_string(),
            total_replayed: Decimal(self.stats.replay.frames),
            last_offsets_by_partition: self.lanes.last_offsets(),
            blocked: paused.map(|view| view.partition).collect(),
            missing: log.unplaced().take(MISSING_NAMED_MAX).collect(),
            parts: 0,
        })
    }

    fn replay_progress(&mut self, now: Millis) -> Option<RelayMessage> {
        let sent = self.stats.replay.frames;
        let replay = self.replay.as_mut()?;
        if now < replay.progress_due_ms {
            return None;
        }
        replay.progress_due_ms = now + PROGRESS_INTERVAL_MS;
        Some(RelayMessage::ReplayProgress {
            sent: Decimal(sent),
            estimated_total: Decimal(replay.estimated_total.max(sent)),
        })
    }

    fn refuse(&mut self, error: &ControlError) {
        self.stats.refused += 1;
        self.last_refusal = Some(Refusal {
            code: error.code,
            of_resume: error.of_resume,
            invalid_partitions: error.invalid_counts.0,
            invalid_offsets: error.invalid_counts.1,
        });
        if matches!(self.phase, Phase::Closing(..)) {
            return;
        }
        self.outbox
            .push_back(RelayMessage::refusal(error).to_text());
        let junk = self.stats.refused >= u64::from(JUNK_MESSAGES_MAX);
        if junk || self.outbox.len() > OUTBOX_MESSAGES_MAX {
            self.close(CloseCode::Policy, "too many refused messages");
        }
    }

    fn close(&mut self, code: CloseCode, reason: &str) {
        self.phase = Phase::Closing(code, reason.to_string());
    }

    fn welcome(&self, log: &TailLog) -> Welcome {
        let config = &self.config;
        let partitions = log
            .partitions()
            .map(|p| {
                let span = Span {
                    earliest: Decimal(p.earliest),
                    head: Decimal(p.head),
                };
                (Partition(p.partition), span)
            })
            .collect::<ByPartition<Span>>();
        Welcome {
            protocol: PROTOCOL_VERSION,
            relay_version: config.relay_version.clone(),
            namespace: config.namespace.clone(),
            topic: config.topic.clone(),
            schema_version: SCHEMA_VERSION,
            mode: config.mode.to_string(),
            notice: config.notice.clone(),
            window_bytes: config.window_bytes as u64,
            payload_bytes_max: config.payload_bytes_max as u64,
            limits: WireLimits {
                control_bytes_max: CONTROL_BYTES_MAX as u64,
                resume_partitions_max: RESUME_PARTITIONS_MAX as u64,
                resume_deadline_ms: config.resume_deadline_ms,
                ack_stall_ms_max: config.ack_stall_ms,
            },
            partitions,
            parts: 0,
        }
    }
}

#[cfg(test)]
mod tests;
