//! The client's end of a connection, the same in the browser worker and in the CLI: when to
//! connect, where to resume, whether what arrives continues what was had, and what to acknowledge.
//!
//! The shell applies frames; this machine decides. [`ClientSession::accept`] gives a [`Delivery`] for a
//! message that is continuous; the shell walks its frames and says of each one that was applied, shown as
//! refused, or noted as a gap, that it is disposed of. Only that moves the cursor.

mod connection;
mod delivery;
mod parts;
mod positions;
mod recent;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use decode_core::frame::FrameError;
use decode_core::wire::CloseCode;

use crate::Millis;
use crate::control::{Fingerprint, From, Welcome};
use crate::limits::{PROBLEM_CHARS_MAX, PROBLEMS_MAX};
pub use delivery::{Delivery, Undisposed};
use parts::Parts;
use positions::Positions;
pub use positions::{Discontinuity, PartitionPosition};
use recent::KeepingUp;

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Where a connection without a cursor starts.
    pub from: From,
    /// Seed of the reconnect jitter.
    pub seed: u64,
}

/// What can happen to a client.
#[derive(Clone, Copy, Debug)]
pub enum ClientInput<'a> {
    /// Begin; also after [`Self::Stop`].
    Start,
    /// The socket is open.
    Opened,
    /// A text message arrived.
    Text(&'a str),
    /// The socket is closed, or could not be opened.
    Closed {
        /// Close code; 1006 when there was none.
        code: u16,
        /// Close reason.
        reason: &'a str,
    },
    /// The network is back or the page is visible again: do not wait for the timer.
    Wake,
    /// Forget every cursor and start over from there.
    Reset(From),
    /// End for good.
    Stop,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOutput {
    /// Open a socket; what it brings belongs to this epoch.
    Connect {
        /// Rises with every connection.
        epoch: u64,
    },
    /// Send a text message.
    Send(String),
    /// Close the socket and drop what it still brings.
    Close {
        /// Close code.
        code: CloseCode,
        /// Close reason.
        reason: String,
    },
    /// Nothing to do before the next input or this time.
    Wait {
        /// When to poll again at the latest.
        until_ms: Option<Millis>,
    },
}

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not started.
    Idle,
    /// Waits for the socket to open.
    Connecting,
    /// Open; waits for `welcome` and `resumed`.
    Resuming,
    /// Receives what was there when it resumed.
    Replaying,
    /// Receives what is new.
    Live,
    /// Waits before the next attempt.
    Waiting,
    /// Stopped.
    Stopped,
}

impl Phase {
    /// A stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Resuming => "resuming",
            Self::Replaying => "replaying",
            Self::Live => "live",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
        }
    }
}

/// Something a person should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// When.
    pub at_ms: Millis,
    /// A stable code.
    pub code: &'static str,
    /// An English text, bounded.
    pub text: String,
}

/// Why a binary message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It belongs to an earlier connection.
    Stale,
    /// It came before `resumed`.
    TooEarly,
    /// It is no run of frames.
    Frame(FrameError),
    /// A frame does not continue its partition.
    Discontinuous(Discontinuity),
    /// A message before it was left, and never gone on with.
    Undisposed,
}

/// One client. See the module text.
#[derive(Debug)]
pub struct ClientSession {
    config: ClientConfig,
    phase: Phase,
    epoch: u64,
    now: Millis,
    outbox: VecDeque<ClientOutput>,
    positions: Positions,
    parts: Parts,
    welcome: Option<Welcome>,
    flow: Flow,
    keeping_up: KeepingUp,
    retry: Retry,
    replay: Option<(u64, u64)>,
    last_heard_ms: Millis,
    pinged: bool,
    /// When a connection that was asked on waking is taken for dead.
    verdict_ms: Option<Millis>,
    phase_since_ms: Millis,
    last_close: Option<(u16, String)>,
    problems: VecDeque<Problem>,
    unknown_control: u64,
    unknown_frames: u64,
    replays_completed: u64,
    incomplete: Vec<u32>,
}

/// Bytes of the current connection.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    received: u64,
    disposed: u64,
    acked: u64,
    /// Since when something is disposed of and not acknowledged.
    owed_since: Option<Millis>,
}

/// Reconnecting: exponential with full jitter.
#[derive(Clone, Copy, Debug)]
struct Retry {
    attempt: u32,
    due_ms: Millis,
    hint_ms: Option<u64>,
    random: u64,
}

impl ClientSession {
    /// A client that has not started.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Self {
            phase: Phase::Idle,
            epoch: 0,
            now: 0,
            outbox: VecDeque::new(),
            positions: Positions::default(),
            parts: Parts::default(),
            welcome: None,
            flow: Flow::default(),
            keeping_up: KeepingUp::default(),
            // Xorshift needs a seed that is not zero.
            retry: Retry {
                attempt: 0,
                due_ms: 0,
                hint_ms: None,
                random: config.seed | 1,
            },
            replay: None,
            last_heard_ms: 0,
            pinged: false,
            verdict_ms: None,
            phase_since_ms: 0,
            last_close: None,
            problems: VecDeque::new(),
            unknown_control: 0,
            unknown_frames: 0,
            replays_completed: 0,
            incomplete: Vec::new(),
            config,
        }
    }

    /// Sets the next position wanted of a partition, before [`ClientInput::Start`]: a cursor kept
    /// from an earlier run, with the last record disposed of before it, if that was kept too.
    pub fn seek(&mut self, partition: u32, position: u64, last: Option<Fingerprint>) {
        self.positions.seek(partition, position, last);
    }

    /// Checks a binary message of connection `epoch`, which arrived at `now`, as a whole, before any frame of it is
    /// applied.
    ///
    /// # Errors
    /// Why it is not taken. Unless it was stale, the connection is then closed and reopened
    /// from the cursor; nothing is lost and nothing is applied twice.
    pub fn accept(
        &mut self,
        epoch: u64,
        message: &[u8],
        now: Millis,
    ) -> Result<Delivery<'_>, Refused> {
        if epoch != self.epoch || !self.is_open() {
            return Err(Refused::Stale);
        }
        if self.flow.received != self.flow.disposed {
            self.fail(CloseCode::Normal, "a message was not disposed of");
            return Err(Refused::Undisposed);
        }
        self.heard(now);
        let frames = if matches!(self.phase, Phase::Replaying | Phase::Live) {
            self.positions.receive(message, &mut self.unknown_frames)
        } else {
            Err(Refused::TooEarly)
        };
        match frames {
            Ok(frames) => {
                let bytes = message.len() as u64;
                self.flow.received += bytes;
                self.keeping_up.received(frames, now);
                let epoch = self.epoch;
                let message = Undisposed {
                    epoch,
                    bytes,
                    frames,
                };
                Ok(Delivery::new(self, message))
            }
            Err(refused) => {
                let text = alloc::format!("{refused}");
                self.problem(CloseCode::Protocol.code(), &text);
                self.fail(CloseCode::Protocol, "frames do not continue");
                Err(refused)
            }
        }
    }

    /// Notes that something arrived on connection `epoch`, for a shell that keeps it for later: a relay is not taken
    /// for silent because its messages wait.
    pub fn arrived(&mut self, epoch: u64, now: Millis) {
        if epoch == self.epoch && self.is_open() {
            self.heard(now);
        }
    }

    /// Goes on with a message that was left.
    ///
    /// # Errors
    /// Its connection is over: what was not disposed of comes again.
    pub fn go_on(&mut self, message: Undisposed) -> Result<Delivery<'_>, Refused> {
        if message.epoch != self.epoch || !self.is_open() {
            return Err(Refused::Stale);
        }
        Ok(Delivery::new(self, message))
    }

    /// Every frame of an accepted message is disposed of: its bytes can be acknowledged.
    fn disposed_message(&mut self, bytes: u64, now: Millis) {
        self.flow.disposed += bytes;
        self.flow.owed_since.get_or_insert(now);
        let everything = self.flow.disposed == self.flow.received;
        self.keeping_up.disposed_message(everything, now);
    }

    /// Where it is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Number of connections opened so far; what a socket brings belongs to the one it was opened
    /// for.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The relay's `welcome` of the current or latest connection.
    #[must_use]
    pub const fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// Every partition heard of, ascending.
    pub fn positions(&self) -> impl ExactSizeIterator<Item = PartitionPosition> + '_ {
        self.positions.iter()
    }

    /// When the next attempt is due, while waiting.
    #[must_use]
    pub fn retry_at_ms(&self) -> Option<Millis> {
        (self.phase == Phase::Waiting).then_some(self.retry.due_ms)
    }

    /// How the latest connection ended.
    #[must_use]
    pub fn last_close(&self) -> Option<(u16, &str)> {
        self.last_close
            .as_ref()
            .map(|(code, reason)| (*code, reason.as_str()))
    }

    /// Frames sent and estimated in all, while replaying.
    #[must_use]
    pub const fn replay(&self) -> Option<(u64, u64)> {
        self.replay
    }

    /// Replays that reached their end.
    #[must_use]
    pub const fn replays_completed(&self) -> u64 {
        self.replays_completed
    }

    /// Partitions whose records were not all there when the latest replay ended: paused at the relay, or
    /// not served by it yet.
    #[must_use]
    pub fn incomplete(&self) -> &[u32] {
        &self.incomplete
    }

    /// The newest problems, oldest first.
    pub fn problems(&self) -> impl ExactSizeIterator<Item = &Problem> + '_ {
        self.problems.iter()
    }

    /// Bytes received and not acknowledged.
    #[must_use]
    pub const fn unacked_bytes(&self) -> u64 {
        self.flow.received - self.flow.acked
    }

    /// Frames received and not disposed of.
    #[must_use]
    pub const fn backlog_frames(&self) -> u64 {
        self.keeping_up.backlog_frames()
    }

    /// The longest that something received had to wait until it, and all that came with it, was
    /// disposed of: in the last one to two [`crate::limits::REPORT_INTERVAL_MS`].
    #[must_use]
    pub fn apply_lag_ms(&self, now: Millis) -> Millis {
        self.keeping_up.lag_ms(now)
    }

    /// The mean lag of the messages of the same time.
    #[must_use]
    pub fn mean_apply_lag_ms(&self, now: Millis) -> Millis {
        self.keeping_up.mean_lag_ms(now)
    }

    /// Binary messages received and not disposed of.
    #[must_use]
    pub const fn backlog_messages(&self) -> u64 {
        self.keeping_up.backlog_messages()
    }

    /// Control messages and frames of types this build does not know.
    #[must_use]
    pub const fn unknown(&self) -> (u64, u64) {
        (self.unknown_control, self.unknown_frames)
    }

    const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Resuming | Phase::Replaying | Phase::Live)
    }

    /// A shell may process a message long after it arrived; one that arrived before the last says nothing new.
    fn heard(&mut self, arrived_ms: Millis) {
        self.now = self.now.max(arrived_ms);
        if arrived_ms < self.last_heard_ms {
            return;
        }
        self.last_heard_ms = arrived_ms;
        self.pinged = false;
        self.verdict_ms = None;
    }

    fn problem(&mut self, code: &'static str, text: &str) {
        if self.problems.len() == PROBLEMS_MAX {
            self.problems.pop_front();
        }
        let text = text.chars().take(PROBLEM_CHARS_MAX).collect();
        self.problems.push_back(Problem {
            at_ms: self.now,
            code,
            text,
        });
    }
}

#[cfg(test)]
mod tests;
