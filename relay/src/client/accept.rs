//! The listener and its loop: a socket per connection, HTTP/1 with upgrades on each, a bound on how
//! many there are and how long they may take.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::{Request, body::Incoming, header::HOST, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use warp::{filters::BoxedFilter, reply::Response};

use super::{Peer, socket::Socket};
use crate::{config::Port, http::harden, limits, relay::Shared};

/// The bound listener.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Listener {
    /// Binds the configured port, or the first free one of the defaults.
    pub async fn bind(host: IpAddr, port: Port) -> io::Result<Self> {
        let ports: &[u16] = match &port {
            Port::Exactly(port) => std::slice::from_ref(port),
            Port::FirstFree => &limits::PORTS_DEFAULT,
        };
        let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
        for &port in ports {
            result = TcpListener::bind((host, port)).await;
            if result.is_ok() {
                break;
            }
        }
        let tried = |error: io::Error| {
            let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
            let text = format!("--host {host} --port {}: {error}", ports.join(", "));
            io::Error::new(error.kind(), text)
        };
        let listener = result.map_err(tried)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }
}

/// Accepts until the relay shuts down.
pub async fn serve(shared: Arc<Shared>, listener: Listener, routes: BoxedFilter<(Response,)>) {
    let slots = shared.config.listen.connections_max + limits::HTTP_CONNECTIONS_SPARE;
    let slots = Arc::new(Semaphore::new(slots));
    let mut signal = shared.hub.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.listener.accept() => accepted,
            _ = signal.wait_for(|signal| signal.closing_retry_after_ms.is_some()) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, mostly: trying again at once would only burn time.
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(limits::BACKOFF_MS_MIN)).await;
                continue;
            }
        };
        // Without a slot the socket is closed at once: waiting would make others wait.
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            shared.counters.refusals.add_text("total", 1);
            continue;
        };
        let shared = Arc::clone(&shared);
        let routes = routes.clone();
        tokio::spawn(Box::pin(async move {
            let _open = shared.counters.http_connections.hold();
            connection(&shared, stream, peer.ip(), routes).await;
            drop(slot);
        }));
    }
}

async fn connection(
    shared: &Shared,
    stream: TcpStream,
    peer: IpAddr,
    routes: BoxedFilter<(Response,)>,
) {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "socket options");
    }
    let allowed = &shared.config.listen.allowed_origins;
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let host = request.headers().get(HOST).cloned();
        let mut service = warp::service(routes.clone());
        let answer = tower_service::Service::call(&mut service, request);
        async move {
            let mut answer = answer.await?;
            harden(answer.headers_mut(), host.as_ref(), allowed);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits::REQUEST_HEAD_MS_MAX))
        .max_buf_size(limits::REQUEST_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Socket::new(stream)), service)
        .with_upgrades();
    tokio::pin!(connection);
    let mut signal = shared.hub.subscribe();
    let served = async {
        tokio::select! {
            result = connection.as_mut() => return result,
            _ = signal.wait_for(|signal| signal.closing_retry_after_ms.is_some()) => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    let limit = Duration::from_millis(limits::HTTP_CONNECTION_MS_MAX);
    if let Ok(Err(error)) = timeout(limit, served).await {
        tracing::debug!(%peer, %error, "HTTP connection");
    }
}

/// Small frames go out at once, and a peer that vanished is noticed although nothing is sent.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_millis(limits::KEEPALIVE_IDLE_MS))
        .with_interval(Duration::from_millis(limits::KEEPALIVE_INTERVAL_MS));
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
