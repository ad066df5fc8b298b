//! What is counted of clients and their connections.

use std::sync::Arc;

use dashstream_counters::{Bounds, Counter, Family, Histogram, Latencies, Level, labels};
use decode_core::wire::{CloseCode, ErrorCode, from};
use session::{control::From as ReplayFrom, server::ReplayStats};

labels! {
    /// Why an upgrade was refused.
    pub enum Refusal {
        PerAddress = "per_ip",
        Total = "total",
        Origin = "origin",
        Host = "host",
        Subprotocol = "subprotocol",
        Handshake = "handshake",
        Starting = "starting",
        Shutdown = "shutdown",
        Unauthenticated = "unauthenticated",
        NotAllowed = "not_allowed",
    }
}

labels! {
    /// Who ended a WebSocket. Where the relay did, its close code says why.
    pub enum Ending {
        PeerClosed = "peer_closed",
        PeerLost = "peer_lost",
        RelayClosed = "relay_closed",
    }
}

labels! {
    /// How a replay was asked for.
    pub enum ReplayMode {
        Cursor = from::CURSOR,
        Earliest = from::EARLIEST,
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
    pub requests: Family<ReplayMode>,
    pub frames: Family<ReplayMode>,
    pub bytes: Family<ReplayMode>,
    pub gaps: Family<ReplayMode>,
    pub gap_offsets: Family<ReplayMode>,
    pub capped: Family<ReplayMode>,
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
    pub connected: Arc<Level>,
    pub sessions: Counter,
    pub closes: Family<CloseCode>,
    pub endings: Family<Ending>,
    pub refusals: Family<Refusal>,
    /// Refusals of requests for anything but a WebSocket.
    pub refused_requests: Family<Refusal>,
    pub control_errors: Family<ErrorCode>,
    /// Of them, those of a `resume`, its parts included.
    pub resume_errors: Family<ErrorCode>,
    pub stale_cursors: Counter,
    pub stale_offsets: Counter,
    pub replays: Replays,
    pub client_reports: Counter,
    pub client_rejects: Counter,
    pub client_apply_lag: Histogram<Latencies>,
    pub client_backlog: Histogram<Backlogs>,
    pub sent_frames: Counter,
    pub sent_bytes: Counter,
    pub sent_data_messages: Counter,
    pub sent_control_messages: Counter,
    pub socket_writes: Counter,
    pub send_failures: Counter,
    pub http_connections: Arc<Level>,
    /// Tasks of connections that ended by a panic.
    pub connection_panics: Counter,
}
