//! The relay as a whole: what its parts share, how they start, and how they stop.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use dashstream_serve::{Peer, Rules, Server};
use hyper::{Request, body::Incoming};
use session::ServerConfig;
use tokio::task::JoinHandle;

use crate::{
    checkpoint::Checkpoints,
    clock::Clock,
    config::Config,
    dlq::{self, Dlq},
    http::{self, Window},
    hub::Hub,
    ingest::{self, IngestStatus},
    listen,
    metrics::{Counters, Metrics, MetricsError, Sources},
};

/// What all parts look at. Nothing in it belongs to one connection or one partition.
#[derive(Debug)]
pub struct Shared {
    pub config: Config,
    pub clock: Clock,
    pub counters: Arc<Counters>,
    pub hub: Arc<Hub>,
    pub ingest: Arc<IngestStatus>,
    pub metrics: Metrics,
    pub window: Window,
    pub server: Arc<Server>,
    /// Where records go that cannot be used, if anywhere.
    pub dlq: Option<Dlq>,
    pub dlq_counts: Arc<dlq::Counts>,
    /// What is remembered over restarts, if anything.
    pub checkpoints: Option<Checkpoints>,
}

impl Shared {
    pub fn new(config: Config) -> Result<Arc<Self>, MetricsError> {
        let clock = Clock::start();
        let hub = Arc::new(Hub::new(config.serve.log_bytes_max));
        let server = Server::new(
            rules(&config),
            session_config(&config),
            clock,
            Arc::clone(&hub),
        );
        let counters = Arc::new(Counters {
            clients: Arc::clone(&server.counters),
            ..Counters::default()
        });
        let ingest = Arc::new(IngestStatus::default());
        let dlq_counts = Arc::<dlq::Counts>::default();
        let metrics = Metrics::new(Arc::new(Sources {
            clock,
            counters: Arc::clone(&counters),
            hub: Arc::clone(&hub),
            ingest: Arc::clone(&ingest),
            dlq: Arc::clone(&dlq_counts),
            log_bytes_max: config.serve.log_bytes_max,
        }))?;
        let window = Window::default();
        let dlq = Dlq::new(&config.kafka, Arc::clone(&dlq_counts));
        let checkpoints = Checkpoints::new(&config, Arc::clone(&counters));
        Ok(Arc::new(Self {
            config,
            clock,
            counters,
            hub,
            ingest,
            metrics,
            window,
            server,
            dlq,
            dlq_counts,
            checkpoints,
        }))
    }
}

fn rules(config: &Config) -> Rules {
    let listen = &config.listen;
    Rules {
        connections_max: listen.connections_max,
        connections_per_address_max: listen.connections_per_ip_max,
        allowed_origins: listen.allowed_origins.clone(),
        is_loopback: listen.host.is_loopback(),
        send_timeout: config.serve.send_timeout,
    }
}

fn session_config(config: &Config) -> ServerConfig {
    ServerConfig {
        namespace: config.kafka.namespace.to_string(),
        topic: config.kafka.topic.to_string(),
        relay_version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: config.serve.decode_mode.as_str(),
        notice: config.serve.notice.clone(),
        window_bytes: config.serve.window_bytes,
        payload_bytes_max: config.serve.payload_bytes_max,
        resume_deadline_ms: u64::try_from(config.serve.resume_deadline.as_millis())
            .unwrap_or(u64::MAX),
        ..ServerConfig::default()
    }
}

/// A running relay.
#[derive(Debug)]
pub struct Relay {
    pub address: SocketAddr,
    pub shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// Where the records of a relay come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The configured topic.
    Kafka,
    /// Whoever holds [`Shared`] fills the log: for tests and benchmarks of the client side.
    ByHand,
}

impl Relay {
    /// Binds and starts everything; connections are accepted when this returns.
    pub async fn start(shared: Arc<Shared>, feed: Feed) -> io::Result<Self> {
        if let (Feed::Kafka, Some(checkpoints)) = (feed, &shared.checkpoints) {
            checkpoints.claim().await?;
        }
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
        let mut tasks = vec![
            tokio::spawn(Arc::clone(&shared.server).run(listener, answer)),
            tokio::spawn(sample(Arc::clone(&shared))),
        ];
        if feed == Feed::Kafka {
            tasks.push(tokio::spawn(ingest::run(Arc::clone(&shared))));
            if let Some(checkpoints) = shared.checkpoints.clone() {
                tasks.push(tokio::spawn(checkpoints.run()));
            }
        }
        Ok(Self {
            address,
            shared,
            tasks,
        })
    }

    /// Says goodbye to every client, waits until they are gone or the drain time is over, stops
    /// reading, gives dead letters on their way as much time again, and writes the last checkpoints.
    pub async fn stop(self) {
        let drain = self.shared.config.listen.drain;
        if !self.shared.server.close(RETRY_AFTER_MS, drain).await {
            let clients = self.shared.counters.clients.connected.get();
            tracing::warn!(clients, "the drain time is over; dropping who is left");
        }
        for task in self.tasks {
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

/// Feeds the window by which health judges.
async fn sample(shared: Arc<Shared>) {
    let mut interval = tokio::time::interval(Duration::from_secs(5));
    loop {
        interval.tick().await;
        let now_ms = shared.clock.now_ms();
        shared.window.sample(&shared.counters, now_ms);
    }
}
