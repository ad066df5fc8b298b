//! What the parts of the relay share. Nothing in it belongs to one connection or one partition.

use std::sync::Arc;

use dashstream_serve::{Clock, Doors, Hub, Rules, Server};
use session::ServerConfig;

use crate::{
    access,
    auth::{Admission, Auth},
    checkpoint::Checkpoints,
    config::Config,
    counts::Counts,
    dlq::Dlq,
    ingest::IngestStatus,
    kafka::TopicReader,
    metrics::{Metrics, MetricsError, Sources},
    recent::Window,
    tasks::Tasks,
};

/// Built before anything runs.
#[derive(Debug)]
pub struct Shared {
    pub config: Config,
    pub clock: Clock,
    pub counts: Counts,
    pub hub: Arc<Hub>,
    pub ingest: Arc<IngestStatus>,
    /// The topic as it is read; connects when reading begins.
    pub kafka: Arc<TopicReader>,
    pub metrics: Metrics,
    pub window: Window,
    pub server: Arc<Server>,
    /// Who is let in.
    pub auth: Arc<Auth>,
    pub tasks: Arc<Tasks>,
    /// Where records go that cannot be used, if anywhere.
    pub dlq: Option<Dlq>,
    /// What is remembered over restarts, if anything.
    pub checkpoints: Option<Checkpoints>,
}

impl Shared {
    /// `sockets_max` bounds how many may connect, where descriptors do.
    pub fn new(config: Config, sockets_max: Option<usize>) -> Result<Arc<Self>, MetricsError> {
        let clock = Clock::start();
        let hub = Arc::new(Hub::new(config.serve.log_bytes_max));
        let auth = Arc::new(Auth::new(admission(&config)));
        let doors = Doors {
            gate: access::gate(Arc::<Auth>::clone(&auth)),
            ..Doors::default()
        };
        let server = Server::with_doors(
            rules(&config, sockets_max),
            session_config(&config),
            clock,
            Arc::clone(&hub),
            doors,
        );
        let counts = Counts::new(Arc::clone(&server.counters));
        let ingest = Arc::new(IngestStatus::default());
        let tasks = Arc::<Tasks>::default();
        let kafka = Arc::new(TopicReader::new(&config.kafka));
        let dlq = Dlq::new(&config.kafka, Arc::clone(&counts.dlq), Arc::clone(&tasks));
        let metrics = Metrics::new(Arc::new(Sources {
            clock,
            counts: counts.clone(),
            hub: Arc::clone(&hub),
            ingest: Arc::clone(&ingest),
            tasks: Arc::clone(&tasks),
            kafka: Arc::clone(&kafka),
            dlq: dlq.clone(),
            auth: Arc::clone(&auth),
            log_bytes_max: config.serve.log_bytes_max,
        }))?;
        let checkpoints = Checkpoints::new(&config, Arc::clone(&counts.checkpoints));
        Ok(Arc::new(Self {
            config,
            clock,
            counts,
            hub,
            ingest,
            kafka,
            metrics,
            window: Window::default(),
            server,
            auth,
            tasks,
            dlq,
            checkpoints,
        }))
    }
}

fn admission(config: &Config) -> Admission {
    let auth = &config.auth;
    Admission {
        tokens: auth.tokens.clone(),
        file: auth.file.clone(),
        allows_anyone: auth.insecure_allow_anyone,
        loopback_needs_token: auth.loopback_needs_token,
        session: auth.session,
        namespace: config.kafka.namespace.to_string(),
    }
}

fn rules(config: &Config, sockets_max: Option<usize>) -> Rules {
    let listen = &config.listen;
    Rules {
        connections_max: listen.connections_max,
        connections_per_address_max: listen.connections_per_ip_max,
        allowed_origins: listen.allowed_origins.clone(),
        allowed_hosts: listen.allowed_hosts.clone(),
        trusted_proxies: listen.trusted_proxies.clone(),
        base_path: listen.base_path.clone(),
        send_timeout: config.serve.send_timeout,
        sockets_max,
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
