//! The worker: the shell around a client session and a run store.
//!
//! Everything that decides lives in [`session`] and [`run_model`]; here are the socket, the timer
//! and the conversion to what the page asked for.

mod messages;
mod shell;
mod socket;
mod view;

pub(crate) use shell::set;
pub use shell::start_worker;
