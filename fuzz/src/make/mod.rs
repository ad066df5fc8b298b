//! Inputs that know the format: most of what they make is nearly valid.

pub mod capture;
pub mod control;
pub mod kafka;
pub mod protobuf;
pub mod state;
pub mod zstd;
