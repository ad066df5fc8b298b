//! A log of frames served to clients: the shell around [`session::ServerSession`], used by the relay,
//! which fills its log from Kafka, and by `dashstream replay`, which fills one from a file.
//!
//! What a client gets is decided by `session`. Here are the sockets and the clock:
//!
//! - [`hub`] holds the log and wakes the sessions.
//! - [`history`] is what lies behind memory, where somebody has it.
//! - [`server`] is what all connections share; its accept loop bounds how many there are and how long
//!   they may take.
//! - [`gate`] is what every request passes, with every reason to be refused; [`TrustedProxies`] are those whose word
//!   on who sent it is believed.
//! - [`upgrade`] makes a WebSocket of a request; then a task drives one session over one socket.
//! - [`answer`] and [`mime`] make plain answers, [`coding`] says in which coding a file is sent; every answer is
//!   hardened in one place.
//! - [`misplaced`] keeps tokens out of messages about a command line.
//! - [`counters`] are what is counted of clients; who shows the numbers is not decided here.
//!
//! Which paths there are besides the session's is left to whoever serves.

#![warn(missing_docs)]

pub mod answer;
pub mod clock;
pub mod coding;
pub mod counters;
pub mod gate;
pub mod history;
pub mod hub;
pub mod limits;
pub mod mime;
pub mod misplaced;
pub mod server;
pub mod upgrade;

mod accept;
mod arrival;
mod base_path;
mod connection;
mod frame_rate;
mod handshake;
mod hardening;
mod host;
mod log_limit;
mod origin;
mod outbox;
mod pace;
mod peer_side;
mod permit;
mod request;
mod rules;
mod socket;
mod tasks;

pub use arrival::TrustedProxies;
pub use base_path::BasePath;
pub use clock::Clock;
pub use counters::ClientCounters;
pub use gate::{Gate, Peer};
pub use host::HostName;
pub use hub::Hub;
pub use log_limit::LogLimit;
pub use origin::Origin;
pub use rules::Rules;
pub use server::{Doors, Server};
