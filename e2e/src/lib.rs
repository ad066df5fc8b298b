//! Fixtures for tests on the real thing: an Apache Kafka broker, the relay and CLI binaries, the page
//! in Chromium, and producers. The tests themselves are in `tests/`.
//!
//! Nothing here imitates a part of the system. What is absent from the machine makes a test say
//! SKIPPED (see [`requirement`]), never pass quietly.

pub mod capture;
mod certificate;
pub mod child;
pub mod cli;
pub mod digest;
pub mod disk;
pub mod http;
pub mod java;
pub mod kafka;
pub mod memory;
pub mod mock;
pub mod page;
pub mod payload;
pub mod place;
pub mod producer;
pub mod proxy;
pub mod readers;
pub mod reconcile;
pub mod relay;
pub mod requirement;
pub mod secure_kafka;
pub mod simulated;
pub mod watcher;
