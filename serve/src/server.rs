//! What all connections share, from the first request to the last goodbye.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    Response,
    header::{HOST, ORIGIN},
    http::{HeaderMap, uri::Authority},
};
use parking_lot::Mutex;
use session::ServerConfig;
use tokio::sync::watch;

use crate::{
    ClientCounters, Clock, Hub, Peer,
    counters::Refusal,
    gate::{Gate, Refused},
    history::SharedReads,
    log_limit::LogLimit,
    permit::Permits,
    rules::Rules,
    tasks::Tasks,
};

/// Serves one log.
#[derive(Debug)]
pub struct Server {
    /// The one clock of everything that is served.
    pub clock: Clock,
    /// What is counted of clients.
    pub counters: Arc<ClientCounters>,
    /// The log, and who waits for it.
    pub hub: Arc<Hub>,
    pub(crate) rules: Rules,
    /// What every session starts with.
    pub(crate) session: ServerConfig,
    pub(crate) permits: Arc<Permits>,
    pub(crate) gate: Gate,
    pub(crate) history: SharedReads,
    /// Whatever is open to a client holds a receiver.
    open: watch::Sender<()>,
    tasks: Tasks,
    /// Bounds what refused resumes write.
    pub(crate) refusal_lines: Mutex<LogLimit>,
    foreign_lines: Mutex<LogLimit>,
}

/// What a server may be given besides a log.
#[derive(Debug, Default)]
pub struct Doors {
    /// Who gets in; everybody where nothing else is said.
    pub gate: Gate,
    /// What can be read further back than memory; nothing where nothing else is said.
    pub history: SharedReads,
}

impl Server {
    /// Serves what the hub's log holds to everybody.
    #[must_use]
    pub fn new(rules: Rules, session: ServerConfig, clock: Clock, hub: Arc<Hub>) -> Arc<Self> {
        Self::with_doors(rules, session, clock, hub, Doors::default())
    }

    /// The same with what lies behind memory, and a gate before all of it.
    #[must_use]
    pub fn with_doors(
        rules: Rules,
        session: ServerConfig,
        clock: Clock,
        hub: Arc<Hub>,
        doors: Doors,
    ) -> Arc<Self> {
        let Doors { gate, history } = doors;
        let room = rules.room();
        let permits = Permits::new(room.websockets, rules.connections_per_address_max);
        Arc::new(Self {
            clock,
            counters: Arc::default(),
            hub,
            rules,
            session,
            permits,
            gate,
            history,
            open: watch::Sender::default(),
            tasks: Tasks::default(),
            refusal_lines: Mutex::default(),
            foreign_lines: Mutex::default(),
        })
    }

    /// Says in the log which page or name was refused: its own users see a sentence, but operators do not.
    pub(crate) fn log_foreign(&self, headers: &HeaderMap, peer: &Peer) {
        if let Some(left_out) = self.foreign_lines.lock().allow(self.clock.now_ms()) {
            let (origin, host) = (headers.get(ORIGIN), headers.get(HOST));
            let asked = peer.place.as_ref().map(Authority::as_str);
            tracing::warn!(
                ?origin, ?host, ?asked, peer = %peer.address, left_out,
                "a page or host name was refused: it is not among those that are allowed"
            );
        }
    }

    /// Runs what belongs to one connection, on a task of the server's. While it runs the server is not closed.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let open = self.open.subscribe();
        // On the heap as it is: a future around another holds it twice, and that of an idle connection is most of
        // what the connection costs.
        let task = Box::pin(task);
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

    /// Whether the page that sent a request is served here or from an allowed origin. A request without an
    /// Origin does not come from a page.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check_page(&self, headers: &HeaderMap, peer: &Peer) -> Result<(), Refused> {
        self.rules.check(headers, peer.place.as_ref(), peer.is_tls)
    }

    /// Counts a refused request for anything but a WebSocket, and answers it.
    pub fn refuse_request(&self, refused: Refused) -> Response<Bytes> {
        self.counters.refused_requests.inc(refused.label());
        self.gate.answer(refused)
    }

    /// Counts a refused request for a WebSocket, and answers it.
    pub(crate) fn refuse(&self, refused: Refused) -> Response<Bytes> {
        self.refuse_as(refused, refused.label())
    }

    /// The same, counted under another label.
    pub(crate) fn refuse_as(&self, refused: Refused, label: Refusal) -> Response<Bytes> {
        self.counters.refusals.inc(label);
        self.gate.answer(refused)
    }

    /// Brings the log up to date on how far back can be served.
    pub(crate) fn refresh_floors(&self) {
        for floor in self.history.floors() {
            self.hub.set_floor(&floor);
        }
    }
}
