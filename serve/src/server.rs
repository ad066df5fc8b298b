//! What all connections share, from the first request to the last goodbye.

use std::{sync::Arc, time::Duration};

use hyper::{
    header::{HOST, ORIGIN},
    http::HeaderMap,
};
use parking_lot::Mutex;
use session::ServerConfig;
use tokio::sync::watch;

use crate::{
    ClientCounters, Clock, Hub, Peer,
    history::{NoHistory, SharedReads},
    log_limit::LogLimit,
    permit::Permits,
    rules::Rules,
    tasks::Tasks,
};

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
    pub(crate) history: SharedReads,
    /// Whatever is open to a client holds a receiver.
    open: watch::Sender<()>,
    tasks: Tasks,
    /// Bounds what refused resumes write.
    pub(crate) refusal_lines: Mutex<LogLimit>,
    foreign_lines: Mutex<LogLimit>,
}

impl Server {
    /// Serves what the hub's log holds and nothing behind it.
    pub fn new(rules: Rules, session: ServerConfig, clock: Clock, hub: Arc<Hub>) -> Arc<Self> {
        let history = SharedReads::new(Arc::new(NoHistory), 0);
        Self::with_history(rules, session, clock, hub, history)
    }

    /// Serves what the hub's log holds and what `history` has behind it.
    pub fn with_history(
        rules: Rules,
        session: ServerConfig,
        clock: Clock,
        hub: Arc<Hub>,
        history: SharedReads,
    ) -> Arc<Self> {
        let permits = Permits::new(rules.connections_max, rules.connections_per_address_max);
        Arc::new(Self {
            clock,
            counters: Arc::default(),
            hub,
            rules,
            session,
            permits,
            history,
            open: watch::Sender::default(),
            tasks: Tasks::default(),
            refusal_lines: Mutex::default(),
            foreign_lines: Mutex::default(),
        })
    }

    /// Says in the log which page or name was refused: its own users see a sentence, but operators do not.
    pub(crate) fn log_foreign(&self, headers: &HeaderMap, peer: Peer) {
        if let Some(left_out) = self.foreign_lines.lock().allow(self.clock.now_ms()) {
            let (origin, host) = (headers.get(ORIGIN), headers.get(HOST));
            tracing::warn!(
                ?origin, ?host, peer = %peer.0, left_out,
                "a page or host name was refused; see --allowed-origin and --allowed-host"
            );
        }
    }

    /// Runs what belongs to one connection, on a task of the server's. While it runs the server is not closed.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let open = self.open.subscribe();
        self.tasks.spawn(Arc::clone(&self.counters), async move {
            task.await;
            drop(open);
        });
    }

    /// Tells every client that it may come back after so long, and waits until they are gone; `false`
    /// when some are not gone by then.
    pub async fn close(&self, retry_after_ms: u64, patience: Duration) -> bool {
        self.hub.close(retry_after_ms);
        let all_left = tokio::time::timeout(patience, self.open.closed())
            .await
            .is_ok();
        self.tasks.abort();
        all_left
    }

    /// Brings the log up to date on how far back can be served.
    pub(crate) fn refresh_floors(&self) {
        for floor in self.history.floors() {
            self.hub.set_floor(&floor);
        }
    }
}
