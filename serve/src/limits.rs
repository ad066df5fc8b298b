//! The bounds of a connection. What a client must know too is in `decode_core::wire`.

use decode_core::wire;

/// Pause after a connection could not be accepted.
pub const ACCEPT_PAUSE_MS: u64 = 100;
/// TCP connections beyond the WebSocket limit, for pages, probes and scrapes ...
pub const HTTP_CONNECTIONS_SPARE: usize = 256;
/// ... or this share of it, where that is more; of all there may be, where descriptors are fewer.
pub const HTTP_CONNECTIONS_SPARE_SHARE: usize = 4;

/// TCP connections there may be with so many WebSockets.
#[must_use]
pub const fn sockets(websockets: usize) -> usize {
    let share = websockets / HTTP_CONNECTIONS_SPARE_SHARE;
    let spare = if share > HTTP_CONNECTIONS_SPARE {
        share
    } else {
        HTTP_CONNECTIONS_SPARE
    };
    websockets.saturating_add(spare)
}

/// Of the TCP connections that are no WebSockets one address holds at most this share ...
pub const HTTP_CONNECTIONS_SHARE: usize = 8;
/// ... or this many, where the share is less: a proxy before the relay is one address.
pub const HTTP_CONNECTIONS_SHARE_MIN: usize = 64;
/// Time to send a request head, on a new or a kept-alive connection.
pub const REQUEST_HEAD_MS_MAX: u64 = 15_000;
/// Most bytes of a request head.
pub const REQUEST_HEAD_BYTES_MAX: usize = 16 * 1024;
/// Time for a plain HTTP connection as a whole; the upgrade takes its socket out of this.
pub const HTTP_CONNECTION_MS_MAX: u64 = 120_000;

/// WebSocket frames a client may send at once, and per second: twice the control messages it may send.
pub const FRAMES_PER_SECOND_MAX: f64 = 2.0 * session::limits::CONTROL_PER_SECOND_MAX as f64;
/// Read buffer of one WebSocket, allocated at once. A client sends acks of about a hundred bytes.
pub const SOCKET_READ_BUFFER_BYTES: usize = 512;
/// Bytes handed to the kernel by one system call, about.
pub const SOCKET_WRITE_BYTES_TARGET: usize = 64 * 1024;
/// Most bytes that a client keeps in memory once it has taken nothing for [`SOCKET_TICK_MS`]: what is begun is
/// one message more.
pub const SLOW_CLIENT_BYTES_MAX: usize = SOCKET_WRITE_BYTES_TARGET + LARGEST_MESSAGE_BYTES;
/// One record, where it is larger than other messages may be.
const LARGEST_MESSAGE_BYTES: usize =
    wire::FRAME_HEADER_LEN + wire::FRAME_BYTE_LEN + wire::PAYLOAD_BYTES_MAX;
/// The same where no record is larger than a message should be.
pub const SLOW_CLIENT_BYTES_USUAL: usize = SOCKET_WRITE_BYTES_TARGET + wire::MESSAGE_BYTES_TARGET;
/// Data messages gathered into one system call.
pub const SOCKET_WRITE_MESSAGES_MAX: usize = 32;
/// Most bytes tungstenite may hold for control messages and pongs that the peer does not read.
pub const CONTROL_OUT_BYTES_MAX: usize = 1024 * 1024;
/// Pace of a client that is never taken for one that stopped, as long as it answers pings.
pub const STEADY_BYTES_PER_SECOND_MIN: u64 = 1_000;
/// What a client is sent at least before it has to show that it reads, however short the send timeout is ...
pub const AHEAD_BYTES_MIN: u64 = 512;
/// ... and at most, however fast it reads.
pub const AHEAD_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Pings sent along with as much as a client is sent ahead.
pub const AHEAD_STEPS: u64 = 4;
/// How long data waits for the answer to the first ping. Whoever answers at all does so with its `resume`.
pub const FIRST_ANSWER_MS_MAX: u64 = 250;
/// Pings that wait for an answer at most: more come about only where `ack` tells what was read.
pub const PINGS_OPEN_MAX: usize = 64;
/// How long the kernel of a client that does not answer pings may take to fill.
pub const LET_GO_MS: u64 = 750;
/// Time for a closing handshake before the socket is dropped.
pub const CLOSE_MS_MAX: u64 = 2_000;
/// What of memory the budget for reads behind memory counts by.
pub const HISTORY_UNIT_BYTES: usize = 4 * 1024;
/// Wait before a read is worth trying again where that budget is used up.
pub const HISTORY_BUSY_MS: u64 = 200;
/// Clients of a server that shuts down are asked to come back this much apart ...
pub const RETURN_MS_PER_CLIENT: u64 = 10;
/// ... over at least this time ...
pub const RETURN_SPREAD_MS_MIN: u64 = 1_000;
/// ... and at most this.
pub const RETURN_SPREAD_MS_MAX: u64 = 30_000;
/// Silence on a socket after which the kernel asks whether the peer is still there.
pub const KEEPALIVE_IDLE_MS: u64 = 60_000;
/// Time between two such questions.
pub const KEEPALIVE_INTERVAL_MS: u64 = 15_000;
/// The coarse clock of a socket: stalls are noticed within this much of their deadline.
pub const SOCKET_TICK_MS: u64 = 500;

const _: () = assert!(HTTP_CONNECTIONS_SHARE_MIN < HTTP_CONNECTIONS_SPARE);
const _: () = assert!(SOCKET_WRITE_BYTES_TARGET >= wire::MESSAGE_BYTES_TARGET);
const _: () = assert!(LARGEST_MESSAGE_BYTES >= wire::MESSAGE_BYTES_TARGET);
// What docs/operations.md states.
const _: () = assert!(SLOW_CLIENT_BYTES_USUAL == 128 * 1024);
const _: () = assert!(SLOW_CLIENT_BYTES_MAX < 11 * 1024 * 1024);
const _: () = assert!(CONTROL_OUT_BYTES_MAX >= 2 * wire::CONTROL_BYTES_MAX);
