//! The worker: the shell around a client session and a run store.
//!
//! Everything that decides lives in [`session`] and [`run_model`]; here are the socket, the timer
//! and the conversion to what the page asked for.

#[macro_use]
mod table;
mod engine;
mod file;
mod intake;
mod js;
mod messages;
mod names;
mod panels;
mod save;
mod shell;
mod socket;
mod take;
mod turns;

pub use shell::start_worker;
