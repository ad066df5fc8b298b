//! Bytes to messages: everything that interprets a DashStream payload, without I/O, clock or
//! threads, so that the relay, the CLI and the browser run the same code.
//!
//! A value from Kafka goes through [`framing`] (which wrapping), [`zstd`] (bounded), and
//! [`scan`] (one checked pass that keeps the facts); [`Decoder`] holds the buffers. [`frame`] is
//! the codec of the session protocol's data frames; [`wire`] the only copy of every shared
//! constant. What is deliberately absent: sockets, clocks, threads, `unsafe`, and any guess about
//! a payload that failed once.
//!
//! ```
//! use decode_core::{Decoder, Mode};
//!
//! let mut decoder = Decoder::new(Mode::Strict);
//! let empty_envelope = [decode_core::wire::FRAME_RAW];
//! let decoded = decoder.decode(&empty_envelope, &mut ()).expect("valid, though it says nothing");
//! assert_eq!(decoded.summary.kind, None);
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod capture;
mod checksum;
mod decoder;
#[cfg(feature = "encode")]
pub mod encode;
mod error;
pub mod fields;
pub mod frame;
pub mod framing;
pub mod json;
mod reader;
pub mod scan;
pub mod text;
pub mod tree;
pub mod wire;
pub mod zstd;

pub use decoder::{Decoded, Decoder, Limits};
pub use error::Reject;
pub use framing::{Framing, Mode};
pub use scan::{Checked, EventFacts, EventSink, HeaderFacts, Summary};
