//! The session protocol as pure state machines.
//!
//! [`TailLog`] is the relay's memory: a byte-bounded log of ready-made frames. A [`ServerSession`]
//! is one client's cursor over it; a [`ClientSession`] is the other end, the same in the browser
//! worker and in the CLI. None of them reads a clock, a socket or a random source: time and input
//! are arguments, effects are returned. Their loop is the same everywhere:
//!
//! 1. `handle(input, now)` whatever arrived,
//! 2. `poll(now)` and do what it says, until it says wait,
//! 3. sleep until that time or the next input.
#![cfg_attr(
    test,
    allow(
        clippy::wildcard_enum_match_arm,
        clippy::match_wildcard_for_single_variants,
        reason = "a test looks at the cases it is about"
    )
)]
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod client;
pub mod control;
pub mod digest;
pub mod history;
pub mod limits;
pub mod log;
pub mod server;

pub use client::{ClientConfig, ClientInput, ClientOutput, ClientSession, Phase};
pub use control::{ClientMessage, ControlError, RelayMessage};
pub use history::{Answer, Fetch};
pub use log::{Segment, SegmentBuilder, TailLog};
pub use server::{ServerConfig, ServerInput, ServerOutput, ServerSession};

/// Milliseconds of a monotonic clock whose zero is anywhere.
pub type Millis = u64;
