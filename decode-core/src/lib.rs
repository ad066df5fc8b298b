//! Bytes to messages: everything that interprets a DashStream payload, without I/O, clock or
//! threads, so that the relay, the CLI and the browser run the same code.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod wire;
