//! What a client has to know.

use std::{fmt, sync::Arc, time::Duration};

use rustls::ClientConfig;

use crate::{budget::Limits, login::Login};

/// How brokers are reached, and what reading may take.
#[derive(Clone)]
pub struct Settings {
    /// Brokers to begin with, each `host:port`.
    pub brokers: Vec<String>,
    /// What the client calls itself.
    pub client_id: Arc<str>,
    /// TLS, where brokers speak it.
    pub tls: Option<Arc<ClientConfig>>,
    /// The login, where brokers ask for one.
    pub login: Option<Login>,
    /// Longest time for a connection, and for a call beyond what the broker may hold it back.
    pub timeout: Duration,
    /// How long a broker may hold a fetch back until there is something.
    pub wait: Duration,
    /// Most bytes of one partition in one answer, packed as they are in Kafka. A single larger batch comes
    /// nevertheless.
    pub partition_bytes: usize,
    /// Memory.
    pub limits: Limits,
}

/// Shows no name of a broker, no user and no password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("brokers", &self.brokers.len())
            .field("client_id", &self.client_id)
            .field("tls", &self.tls.is_some())
            .field("login", &self.login)
            .field("timeout", &self.timeout)
            .field("wait", &self.wait)
            .field("partition_bytes", &self.partition_bytes)
            .field("limits", &self.limits)
            .finish()
    }
}
