//! The relay: from a Kafka topic to WebSocket clients.
//!
//! This crate is the shell. What a record is, is decided by `decode-core`; what a client gets, by
//! `session`. Here are the sockets, the clock, Kafka, configuration, metrics and the page:
//!
//! - [`config`] turns flags and environment into typed values, once.
//! - [`ingest`] reads every partition into the log; [`dlq`] gets what it cannot use.
//! - [`checkpoint`] remembers over restarts how far that is settled.
//! - [`hub`] holds the log and wakes the sessions.
//! - [`client`] accepts connections and drives one session per socket.
//! - [`http`] serves the page and says how the relay is; [`metrics`] counts.
//! - [`relay`] starts and stops all of it.

pub mod checkpoint;
pub mod client;
pub mod clock;
pub mod config;
pub mod dlq;
pub mod http;
pub mod hub;
pub mod ingest;
pub mod limits;
pub mod metrics;
pub mod relay;
