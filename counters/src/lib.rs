//! The numbers that are counted: relaxed atomics, written on hot paths and read by whoever shows them.
//!
//! - [`Counter`], [`Gauge`], [`Level`] and [`LastTime`] hold one number each.
//! - [`Histogram`] counts how often values fell into which bucket.
//! - [`Family`] has one of these for each value of a [`Label`].
//!
//! A label is an enum, never a text: a value that nobody listed does not compile, so nothing can be
//! counted under the name of something else. Names, help texts and exposition are not decided here.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod family;
mod histogram;
mod number;

pub use family::{Family, Label};
pub use histogram::{Bounds, Histogram, Latencies, Snapshot};
pub use number::{Counter, Gauge, LastTime, Level, LevelGuard};
