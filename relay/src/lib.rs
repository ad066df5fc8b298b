//! The relay: from a Kafka topic to WebSocket clients.
//!
//! This crate is the shell. What a record is, is decided by `decode-core`; what a client gets, by
//! `session`, whose shell is `dashstream-serve`. Here are Kafka, configuration, metrics and the page:
//!
//! - [`config`] turns flags and environment into typed values, once.
//! - [`ingest`] reads every partition into the log; [`dlq`] gets what it cannot use.
//! - [`checkpoint`] remembers over restarts how far that is settled.
//! - [`listen`] binds the port; [`http`] serves the page and says how the relay is; [`metrics`] counts.
//! - [`relay`] starts and stops all of it.

#[allow(clippy::wildcard_enum_match_arm, reason = "JSON has no further types")]
pub mod checkpoint;
pub mod config;
pub mod dashflow_names;
pub mod dlq;
pub mod http;
pub mod ingest;
pub mod limits;
pub mod listen;
pub mod metrics;
pub mod relay;

pub use dashstream_serve::{clock, hub};
