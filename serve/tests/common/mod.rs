//! A server on a free port whose log is filled by hand, and clients for it.
#![allow(dead_code, reason = "each test file uses its part of this")]

mod client;
mod steady;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use dashstream_serve::{
    BasePath, ClientCounters, Clock, Doors, Hub, Rules, Server, TrustedProxies, upgrade,
};
use decode_core::wire;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming as Body, upgrade::OnUpgrade};
use session::{SegmentBuilder, ServerConfig};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};

#[allow(unused_imports, reason = "each test file uses its part of this")]
pub(crate) use client::{At, Client, Incoming, upgrade_request};
#[allow(unused_imports, reason = "each test file uses its part of this")]
pub(crate) use steady::Steady;

/// Nothing in these tests takes longer, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a test may want otherwise.
pub(crate) struct Setup {
    pub(crate) rules: Rules,
    pub(crate) session: ServerConfig,
    pub(crate) log_bytes_max: usize,
    pub(crate) doors: Doors,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            rules: Rules {
                connections_max: 200,
                connections_per_address_max: 100,
                allowed_origins: Vec::new(),
                allowed_hosts: Vec::new(),
                trusted_proxies: TrustedProxies::default(),
                base_path: BasePath::default(),
                send_timeout: Duration::from_secs(30),
                sockets_max: None,
            },
            session: ServerConfig::default(),
            log_bytes_max: 1 << 30,
            doors: Doors::default(),
        }
    }
}

pub(crate) struct Rig {
    pub(crate) server: Arc<Server>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl At for Rig {
    fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Rig {
    /// A server of the partitions 0 to 3 from offset 0, all empty.
    pub(crate) async fn start(setup: Setup) -> Self {
        let hub = Arc::new(Hub::new(setup.log_bytes_max));
        (0..4).for_each(|partition| hub.add_partition(partition, 0, 0));
        hub.set_settled();
        let Setup {
            rules,
            session,
            doors,
            ..
        } = setup;
        let server = Server::with_doors(rules, session, Clock::start(), hub, doors);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let answer = {
            let server = Arc::clone(&server);
            move |mut request: Request<Body>, peer| {
                let upgrade = request.extensions_mut().remove::<OnUpgrade>();
                let answer = if request.uri().path() == wire::WS_PATH {
                    upgrade::answer(&server, request.headers(), upgrade, peer)
                } else {
                    Response::new(Bytes::from_static(b"something else"))
                };
                std::future::ready(answer.map(Full::new))
            }
        };
        let task = tokio::spawn(Arc::clone(&server).run(listener, answer));
        Self {
            server,
            address,
            task,
        }
    }

    pub(crate) fn counters(&self) -> &ClientCounters {
        &self.server.counters
    }

    /// Appends records with the given payloads to a partition.
    pub(crate) fn append<'a>(&self, partition: u32, payloads: impl IntoIterator<Item = &'a [u8]>) {
        let hub = &self.server.hub;
        let end = hub.log().partition(partition).expect("a partition").end;
        let mut builder = SegmentBuilder::new(partition, end);
        for (offset, payload) in (end..).zip(payloads) {
            builder.record(offset, 1_700_000_000_000, payload);
        }
        hub.append(builder.finish().expect("payloads"))
            .expect("continues the log");
    }

    /// Waits until a count has that value.
    pub(crate) async fn until(
        &self,
        what: &str,
        value: u64,
        count: impl Fn(&ClientCounters) -> u64,
    ) {
        let reached = async {
            while count(self.counters()) != value {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(PATIENCE, reached).await.is_err() {
            panic!("{what} is {} and not {value}", count(self.counters()));
        }
    }

    /// Says goodbye to everybody, and waits until they are gone or a second has passed.
    pub(crate) async fn stop(self) -> bool {
        let gone = self.server.close(1_000, Duration::from_secs(1)).await;
        // Until then it says to whoever asks that it goes away.
        self.task.abort();
        let ended = self.task.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "a panic");
        gone
    }
}
