//! The relay as a whole: how its parts start, and how they stop.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use dashstream_serve::Peer;
use hyper::{Request, body::Incoming};
use tokio::task::JoinHandle;

use crate::{http, ingest, listen, shared::Shared};

/// A running relay.
#[derive(Debug)]
pub struct App {
    pub address: SocketAddr,
    pub shared: Arc<Shared>,
    /// By name.
    tasks: Vec<(&'static str, JoinHandle<()>)>,
}

impl App {
    /// Binds and starts everything; connections are accepted when this returns.
    ///
    /// # Errors
    /// The port is taken, or another relay has the folder of the checkpoints.
    pub async fn start(shared: Arc<Shared>) -> io::Result<Self> {
        if let Some(checkpoints) = &shared.checkpoints {
            checkpoints.claim().await?;
        }
        let mut app = Self::serve(shared).await?;
        let shared = Arc::clone(&app.shared);
        let kafka = Arc::clone(&shared.kafka);
        let reading = ingest::run(shared.config.clone(), kafka, context(&shared));
        app.own("looking for partitions", reading);
        if let Some(checkpoints) = shared.checkpoints.clone() {
            app.own("writing checkpoints", checkpoints.run());
        }
        Ok(app)
    }

    /// The same with simulated runs in place of a topic.
    ///
    /// # Errors
    /// The port is taken.
    #[cfg(feature = "demo")]
    pub async fn start_demo(
        shared: Arc<Shared>,
        demo: ingest::simulated::Demo,
    ) -> io::Result<Self> {
        let mut app = Self::serve(shared).await?;
        let config = app.shared.config.clone();
        let simulating = ingest::simulated::run(config, context(&app.shared), demo);
        app.own("simulating runs", simulating);
        Ok(app)
    }

    /// The same without Kafka: whoever holds [`Shared`] fills the log.
    ///
    /// # Errors
    /// The port is taken.
    #[cfg(feature = "test-support")]
    pub async fn start_by_hand(shared: Arc<Shared>) -> io::Result<Self> {
        Self::serve(shared).await
    }

    async fn serve(shared: Arc<Shared>) -> io::Result<Self> {
        let listener = listen::bind(shared.config.listen.host, shared.config.listen.port).await?;
        let address = listener.local_addr()?;
        let routes = http::routes(Arc::clone(&shared));
        let answer = move |mut request: Request<Incoming>, peer: Peer| {
            request.extensions_mut().insert(peer);
            let mut service = warp::service(routes.clone());
            let answer = tower_service::Service::call(&mut service, request);
            async move {
                answer
                    .await
                    .unwrap_or_else(|never: Infallible| match never {})
            }
        };
        let server = Arc::clone(&shared.server).run(listener, answer);
        let name = "accepting connections";
        let accepting = tokio::spawn(shared.tasks.own_essential(name, server));
        let sampling = sample(Arc::clone(&shared));
        let mut app = Self {
            address,
            shared,
            tasks: vec![(name, accepting)],
        };
        app.own("sampling for health", sampling);
        let auth = Arc::clone(&app.shared.auth);
        if auth.has_file() {
            app.own("reading the token file", auth.watch());
        }
        Ok(app)
    }

    fn own(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(self.shared.tasks.own(name, task));
        self.tasks.push((name, task));
    }

    /// Ends a task as a fault in it would.
    ///
    /// # Panics
    /// There is no such task.
    #[cfg(feature = "test-support")]
    pub async fn end_task(&mut self, name: &str) {
        let task = self.tasks.iter_mut().find(|(known, _)| *known == name);
        let (_, task) = task.expect("a task of the relay");
        task.abort();
        // Dropped by then, and with it what it held.
        let _aborted: Result<(), tokio::task::JoinError> = task.await;
    }

    /// Completes when a task ended without which the relay cannot go on.
    pub async fn broken(&self) {
        self.shared.tasks.essential_ended().await;
    }

    /// Keeps the port for the whole drain time, so that whoever balances over replicas sees that `/ready` and
    /// `/ws` answer 503, and asks clients to reconnect; then stops. `hurry` cuts it short.
    pub async fn drain_and_stop(self, hurry: impl Future<Output = ()>) {
        self.shared.hub.close(RETRY_AFTER_MS);
        let drain = self.shared.config.listen.drain;
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            () = hurry => {}
        }
        self.finish(Duration::ZERO).await;
    }

    /// Says goodbye to every client, waits until they are gone or the drain time is over, stops
    /// reading, gives dead letters on their way as much time again, and writes the last checkpoints.
    pub async fn stop(self) {
        let drain = self.shared.config.listen.drain;
        self.finish(drain).await;
    }

    async fn finish(self, patience: Duration) {
        let drain = self.shared.config.listen.drain;
        self.shared.tasks.stop();
        if !self.shared.server.close(RETRY_AFTER_MS, patience).await {
            let clients = self.shared.counts.clients.connected.get();
            tracing::warn!(
                clients,
                "the drain time is over; dropping the remaining connections"
            );
        }
        for (_, task) in self.tasks {
            task.abort();
        }
        if let Some(dlq) = &self.shared.dlq
            && tokio::time::timeout(drain, dlq.drain()).await.is_err()
        {
            let letters = dlq.in_flight();
            tracing::warn!(
                letters,
                "the drain time is over; dead letters are left unsent"
            );
        }
        if let Some(checkpoints) = &self.shared.checkpoints
            && tokio::time::timeout(drain, checkpoints.write())
                .await
                .is_err()
        {
            tracing::warn!("the drain time is over; the last checkpoints may not be written");
        }
    }
}

/// When clients of a relay that shuts down may come back: long enough for a restart, and other
/// replicas are there at once.
const RETRY_AFTER_MS: u64 = 1_000;

/// What ingest needs of the whole.
fn context(shared: &Shared) -> ingest::Context {
    ingest::Context {
        clock: shared.clock,
        counts: Arc::clone(&shared.counts.ingest),
        hub: Arc::clone(&shared.hub),
        status: Arc::clone(&shared.ingest),
        tasks: Arc::clone(&shared.tasks),
        dlq: shared.dlq.clone(),
        checkpoints: shared.checkpoints.clone(),
    }
}

/// Feeds the window by which health judges.
async fn sample(shared: Arc<Shared>) {
    let mut interval = tokio::time::interval(Duration::from_secs(5));
    loop {
        interval.tick().await;
        let now_ms = shared.clock.now_ms();
        shared.window.sample(&shared.counts, now_ms);
    }
}
