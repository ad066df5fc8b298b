//! The DashStream wire schema, generated from `dashstream.proto` by `cargo xtask proto`.
//!
//! Two faces of one file, so that they cannot disagree: [`v1`] holds the messages as Rust types
//! for whoever builds or fully decodes them, [`schema`] holds the same as static tables for a
//! walker that reads bytes in place. Framing, limits and verdicts live in `decode-core`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod header;
pub mod schema;

/// Package `dashstream.v1` as prost types. Maps are ordered, so that encoding is deterministic.
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    unreachable_pub,
    missing_docs
)]
pub mod v1 {
    include!("generated/dashstream.v1.rs");
}
