//! What is counted of clients and their connections.

use std::sync::Arc;

use dashstream_counters::{Bounds, Counter, Family, Histogram, Latencies, Level, labels};
use decode_core::wire::{CloseCode, ErrorCode, from};
use session::{control::From as ReplayFrom, server::ReplayStats};

labels! {
    /// Why an upgrade was refused.
    pub enum Refusal {
        /// As many of one address as may be.
        PerAddress = "per_ip",
        /// As many as may be.
        Total = "total",
        /// A page of another origin.
        Origin = "origin",
        /// A name that is not one of the server's.
        Host = "host",
        /// Headers of a proxy that cannot be understood.
        Forwarded = "forwarded",
        /// The subprotocol was not offered.
        Subprotocol = "subprotocol",
        /// Not a handshake of WebSocket version 13.
        Handshake = "handshake",
        /// Nothing can be served yet.
        Starting = "starting",
        /// The server goes away.
        Shutdown = "shutdown",
        /// Without valid credentials.
        Unauthenticated = "unauthenticated",
        /// With credentials that are not enough.
        NotAllowed = "not_allowed",
        /// After too many wrong credentials.
        Attempts = "attempts",
    }
}

labels! {
    /// Who ended a WebSocket. Where the relay did, its close code says why.
    pub enum Ending {
        /// The peer, in order.
        PeerClosed = "peer_closed",
        /// Nobody: the connection broke.
        PeerLost = "peer_lost",
        /// The server.
        RelayClosed = "relay_closed",
    }
}

labels! {
    /// How a replay was asked for.
    pub enum ReplayMode {
        /// From the client's cursors.
        Cursor = from::CURSOR,
        /// From the earliest that can be served.
        Earliest = from::EARLIEST,
        /// Only what is new.
        Latest = from::LATEST,
    }
}

impl From<ReplayFrom> for ReplayMode {
    fn from(from: ReplayFrom) -> Self {
        match from {
            ReplayFrom::Cursor => Self::Cursor,
            ReplayFrom::Earliest => Self::Earliest,
            ReplayFrom::Latest => Self::Latest,
        }
    }
}

/// Frames that wait for a client to take them.
#[derive(Debug)]
pub struct Backlogs;

impl Bounds for Backlogs {
    const BOUNDS: &'static [f64] = &[0.0, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5];
}

/// What clients were given to catch up with, by how they asked for it.
#[derive(Debug, Default)]
pub struct Replays {
    /// Replays begun.
    pub requests: Family<ReplayMode>,
    /// Data frames sent.
    pub frames: Family<ReplayMode>,
    /// Bytes of them.
    pub bytes: Family<ReplayMode>,
    /// Gaps made for a client whose cursor was too old.
    pub gaps: Family<ReplayMode>,
    /// Offsets in those gaps.
    pub gap_offsets: Family<ReplayMode>,
    /// Replays with at least one such gap.
    pub capped: Family<ReplayMode>,
    /// How long they took, ms.
    pub took: Family<ReplayMode, Histogram<Latencies>>,
}

impl Replays {
    /// Adds what happened to one connection between two looks at it.
    pub fn add(&self, now: ReplayStats, before: ReplayStats) {
        let Some(from) = now.from.map(ReplayMode::from) else {
            return;
        };
        self.requests.add(from, u64::from(before.from.is_none()));
        self.frames.add(from, now.frames - before.frames);
        self.bytes.add(from, now.bytes - before.bytes);
        self.gaps.add(from, now.gaps - before.gaps);
        self.gap_offsets
            .add(from, now.gap_positions - before.gap_positions);
        let capped = before.gaps == 0 && now.gaps > 0;
        self.capped.add(from, u64::from(capped));
        if let (Some(took_ms), None) = (now.took_ms, before.took_ms) {
            self.took.of(from).observe(took_ms as f64);
        }
    }
}

/// Everything that is counted of clients and their connections.
#[derive(Debug, Default)]
pub struct ClientCounters {
    /// WebSockets open.
    pub connected: Arc<Level>,
    /// WebSockets opened.
    pub sessions: Counter,
    /// Those that the server closed, by code.
    pub closes: Family<CloseCode>,
    /// Those that ended.
    pub endings: Family<Ending>,
    /// Refusals of requests for a WebSocket.
    pub refusals: Family<Refusal>,
    /// Refusals of requests for anything but a WebSocket.
    pub refused_requests: Family<Refusal>,
    /// Control messages refused.
    pub control_errors: Family<ErrorCode>,
    /// Of them, those of a `resume`, its parts included.
    pub resume_errors: Family<ErrorCode>,
    /// Gaps made for one client whose cursor was too old.
    pub stale_cursors: Counter,
    /// Offsets in those gaps.
    pub stale_offsets: Counter,
    /// What clients were given to catch up with.
    pub replays: Replays,
    /// Reports of clients about themselves.
    pub client_reports: Counter,
    /// Records that clients said they could not decode.
    pub client_rejects: Counter,
    /// The lag that clients reported, ms.
    pub client_apply_lag: Histogram<Latencies>,
    /// The backlog that clients reported, frames.
    pub client_backlog: Histogram<Backlogs>,
    /// Data frames sent.
    pub sent_frames: Counter,
    /// Bytes of them.
    pub sent_bytes: Counter,
    /// Binary messages sent.
    pub sent_data_messages: Counter,
    /// Control messages sent.
    pub sent_control_messages: Counter,
    /// System calls that wrote to a WebSocket.
    pub socket_writes: Counter,
    /// Sends that failed.
    pub send_failures: Counter,
    /// Bytes copied for clients that take long, so that they keep nothing else in memory.
    pub copied_bytes: Arc<Level>,
    /// TCP connections open that are not upgraded.
    pub http_connections: Arc<Level>,
    /// Connections that could not be accepted.
    pub accept_failures: Counter,
    /// Tasks of connections that ended by a panic.
    pub connection_panics: Counter,
}
