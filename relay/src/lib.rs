//! The relay: from a Kafka topic to WebSocket clients.
//!
//! This crate is the shell. What a record is, is decided by `decode-core`; what a client gets, by
//! `session`, whose shell is `dashstream-serve`. Here are Kafka, configuration, metrics and the page:
//!
//! - [`config`] turns flags and environment into typed values, once.
//! - [`ingest`] reads every partition into the log; [`dlq`] gets what it cannot use.
//! - [`checkpoint`] remembers over restarts how far that is settled.
//! - [`kafka`] is the one client for both.
//! - [`listen`] binds the port; [`http`] serves the page; [`health`] judges; [`metrics`] shows the [`counts`].
//! - [`app`] starts and stops all of it; [`shared`] is what its parts share.

mod access;
pub mod age;
pub mod app;
pub mod auth;
pub mod checkpoint;
pub mod config;
pub mod counts;
pub mod dashflow_names;
pub mod descriptors;
pub mod dlq;
pub mod health;
pub mod heap;
pub mod http;
pub mod ingest;
pub mod kafka;
pub mod limits;
pub mod listen;
pub mod log_output;
pub mod metrics;
pub mod recent;
pub mod shared;
pub mod tasks;

mod backoff;
mod reading;
