//! Everything about a client's connection: the listener, the upgrade, the limits, and the task that
//! drives one [`session::ServerSession`] over one socket.

mod accept;
mod connection;
mod outbox;
mod permit;
mod socket;
pub mod upgrade;

pub use accept::{Listener, serve};
pub use permit::{Permit, Permits, Refused};

use std::net::IpAddr;

/// Who is at the other end; put into the extensions of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);
