//! What all connections share, from the first request to the last goodbye.

use std::{sync::Arc, time::Duration};

use session::ServerConfig;

use crate::{ClientCounters, Clock, Hub, Origin, permit::Permits};

/// Who may connect, and for how long a client may take nothing.
#[derive(Clone, Debug)]
pub struct Rules {
    pub connections_max: usize,
    pub connections_per_address_max: usize,
    /// Pages of these origins may connect besides the page that is served here.
    pub allowed_origins: Vec<Origin>,
    /// Only this machine can reach the listener.
    pub is_loopback: bool,
    pub send_timeout: Duration,
}

/// Serves one log.
#[derive(Debug)]
pub struct Server {
    pub clock: Clock,
    pub counters: Arc<ClientCounters>,
    pub hub: Arc<Hub>,
    pub(crate) rules: Rules,
    /// What every session starts with.
    pub(crate) session: ServerConfig,
    pub(crate) permits: Arc<Permits>,
}

impl Server {
    pub fn new(rules: Rules, session: ServerConfig, clock: Clock, hub: Arc<Hub>) -> Arc<Self> {
        let permits = Permits::new(rules.connections_max, rules.connections_per_address_max);
        Arc::new(Self {
            clock,
            counters: Arc::default(),
            hub,
            rules,
            session,
            permits,
        })
    }

    /// Tells every client that it may come back after so long, and waits until they are gone; `false`
    /// when some are not gone by then.
    pub async fn close(&self, retry_after_ms: u64, patience: Duration) -> bool {
        self.hub.close(retry_after_ms);
        let gone = async {
            while self.counters.connected.get() + self.counters.http_connections.get() > 0 {
                tokio::time::sleep(GONE_INTERVAL).await;
            }
        };
        tokio::time::timeout(patience, gone).await.is_ok()
    }
}

const GONE_INTERVAL: Duration = Duration::from_millis(10);
