//! Bounds of one side only. What both sides must agree on is in `decode_core::wire`.

use decode_core::wire::{ACK_STALL_MS_MAX, MESSAGE_BYTES_TARGET, WINDOW_BYTES_DEFAULT};

/// How long a client may take to send `resume`.
pub const RESUME_DEADLINE_MS: u64 = 10_000;
/// How long a cursor beyond the log's end is waited for before it counts as a reset.
pub const AHEAD_WAIT_MS: u64 = 15_000;
/// Refused control messages after which a connection is closed.
pub const JUNK_MESSAGES_MAX: u32 = 5;
/// Control messages a client may send at once, and per second.
pub const CONTROL_PER_SECOND_MAX: u32 = 200;
/// Bytes a partition may send per turn.
pub const TURN_BYTES: usize = MESSAGE_BYTES_TARGET;
/// Small segments of a partition are joined to at most this: what one message may hold.
pub const JOINED_BYTES_MAX: usize = MESSAGE_BYTES_TARGET;
/// In a small log they are joined to at most this share of it, so that no partition holds it all.
pub const JOINED_LOG_SHARE: usize = 16;
/// Most partitions that `replay_complete` names as missing.
pub const MISSING_NAMED_MAX: usize = 1_024;
/// Time between two `replay_progress` messages.
pub const PROGRESS_INTERVAL_MS: u64 = 1_000;
/// Control messages waiting to be sent after which a connection is closed.
pub const OUTBOX_MESSAGES_MAX: usize = 64;
/// Bytes asked for at once of what lies behind memory. The same for all, so that equal questions are equal.
pub const FETCH_BYTES: usize = 256 * 1024;
/// Partitions of one client that may have a question open, or an answer that is not sent yet: what a client
/// that is behind costs.
pub const FETCHES_MAX: usize = 2;
/// A question that takes longer counts as failed.
pub const FETCH_ANSWER_MS_MAX: u64 = 15_000;
/// Shortest and longest wait before a question is asked again.
pub const FETCH_RETRY_MS_MIN: u64 = 50;
/// See [`FETCH_RETRY_MS_MIN`].
pub const FETCH_RETRY_MS_MAX: u64 = 5_000;
/// Time without anything after which what was asked for becomes a gap.
pub const FETCH_PATIENCE_MS: u64 = 60_000;
/// Wrong answers in a row after which what was asked for becomes a gap.
pub const FETCH_WRONG_MAX: u32 = 3;

/// A client acknowledges when this share of the window is disposed of ...
pub const ACK_WINDOW_SHARE: usize = 4;
/// ... or when this long has passed since it first had something to acknowledge.
pub const ACK_INTERVAL_MS: u64 = 500;
/// A client reports this long after something came that no report covers, so at most so often.
pub const REPORT_INTERVAL_MS: u64 = 5_000;
/// First reconnect delay's upper bound; doubles with each attempt.
pub const RETRY_BASE_MS: u64 = 500;
/// Largest reconnect delay.
pub const RETRY_MS_MAX: u64 = 30_000;
/// Largest `retryAfterMs` a client obeys.
pub const RETRY_AFTER_MS_MAX: u64 = 60_000;
/// Streaming for this long makes the next reconnect start from the base delay again.
pub const GOOD_SERVICE_MS: u64 = 10_000;
/// A connection attempt that takes longer is given up.
pub const CONNECT_MS_MAX: u64 = 15_000;
/// Silence after which a client asks with `ping`.
pub const PING_IDLE_MS: u64 = 15_000;
/// How long a client that was woken waits for a sign of life from a connection it had before.
pub const WAKE_ANSWER_MS_MAX: u64 = 3_000;
/// Silence after which a client takes the connection for dead.
pub const SILENCE_MS_MAX: u64 = 45_000;
/// Problems a client remembers.
pub const PROBLEMS_MAX: usize = 20;
/// Longest text of a remembered problem, in characters.
pub const PROBLEM_CHARS_MAX: usize = 200;

const _: () = assert!(ACK_INTERVAL_MS * 4 < ACK_STALL_MS_MAX);
const _: () = assert!(PING_IDLE_MS * 2 < SILENCE_MS_MAX);
const _: () = assert!(TURN_BYTES * ACK_WINDOW_SHARE <= WINDOW_BYTES_DEFAULT);
const _: () = assert!(RETRY_BASE_MS < RETRY_MS_MAX);
const _: () = assert!(FETCH_ANSWER_MS_MAX < FETCH_PATIENCE_MS);
