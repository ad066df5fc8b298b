//! The accept loop: a socket per connection, HTTP/1 with upgrades on each, a bound on how many there are
//! and how long they may take.

use std::{
    convert::Infallible,
    error::Error,
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use decode_core::wire::WS_PATH;
use http_body_util::{Either, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{CONNECTION, HeaderValue},
    http::uri::Authority,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    Peer, Server,
    answer::moved,
    arrival::{Arrival, Unclear},
    base_path::Below,
    gate::Refused,
    hardening::harden,
    limits,
    log_limit::LogLimit,
    permit::Permits,
    request::{self, Unfit},
    socket::Socket,
};

impl Server {
    /// Accepts for as long as it is run: also while the hub closes, so that whoever asks is told. Each request
    /// is answered by `answer`; at the path of the session protocol [`crate::upgrade::answer`] knows what to say.
    pub async fn run<A, F, B>(self: Arc<Self>, listener: TcpListener, answer: A)
    where
        A: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send,
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let room = self.rules.room();
        let slots = Permits::new(room.total, room.share);
        let mut lines = LogLimit::default();
        loop {
            let accepted = listener.accept().await;
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, mostly: trying again at once would only burn time.
                    self.counters.accept_failures.inc();
                    if let Some(left_out) = lines.allow(self.clock.now_ms()) {
                        tracing::warn!(%error, left_out, "accepting a connection failed");
                    }
                    tokio::time::sleep(Duration::from_millis(limits::ACCEPT_PAUSE_MS)).await;
                    continue;
                }
            };
            // Without a slot the socket is closed at once: waiting would make others wait.
            let slot = if self.rules.trusted_proxies.contain(peer.ip()) {
                slots.take_for_many(peer.ip())
            } else {
                slots.take(peer.ip())
            };
            let slot = match slot {
                Ok(slot) => slot,
                Err(refused) => {
                    self.counters.refusals.inc(refused.label());
                    continue;
                }
            };
            let server = Arc::clone(&self);
            let answer = answer.clone();
            self.spawn(async move {
                let _counted = server.counters.http_connections.hold();
                server.connection(stream, peer.ip(), answer).await;
                drop(slot);
            });
        }
    }

    async fn connection<A, F, B>(&self, stream: TcpStream, peer: IpAddr, answer: A)
    where
        A: Fn(Request<Incoming>, Peer) -> F,
        F: Future<Output = Response<B>>,
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
    {
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%error, "socket options");
        }
        let was_asked = AtomicBool::new(false);
        let service = service_fn(|request: Request<Incoming>| {
            was_asked.store(true, Ordering::Relaxed);
            let arrival = Arrival::of(peer, request.headers(), &self.rules.trusted_proxies);
            let place = arrival.as_ref().ok().and_then(|it| it.place.clone());
            let answer = &answer;
            async move {
                let mut answer = match self.admit(request, arrival).await {
                    Ok((request, peer)) => answer(request, peer).await.map(Either::Left),
                    Err(refused) => refused.map(|text| Either::Right(Full::new(text))),
                };
                let allowed = &self.rules.allowed_origins;
                let place = place.as_ref().map(Authority::as_str);
                harden(answer.headers_mut(), place, allowed);
                let is_upgraded = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
                if self.hub.is_closing() && !is_upgraded {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(CONNECTION, close);
                }
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
        let mut signal = self.hub.subscribe();
        let served = async {
            tokio::select! {
                result = connection.as_mut() => return result,
                _ = signal.wait_for(|signal| signal.closing_retry_after_ms.is_some()) => {}
            }
            // Whoever has just connected still gets its answer.
            if was_asked.load(Ordering::Relaxed) {
                connection.as_mut().graceful_shutdown();
            }
            connection.await
        };
        let limit = Duration::from_millis(limits::HTTP_CONNECTION_MS_MAX);
        if let Ok(Err(error)) = timeout(limit, served).await {
            tracing::debug!(%peer, %error, "HTTP connection");
        }
    }
}

impl Server {
    /// Lets a request through the gate, or answers it.
    async fn admit(
        &self,
        mut request: Request<Incoming>,
        arrival: Result<Arrival, Unclear>,
    ) -> Result<(Request<Incoming>, Peer), Response<Bytes>> {
        if let Below::WithoutSlash(place) = self.rules.base_path.take_off(&mut request) {
            return Err(moved(&place));
        }
        let is_session = request.uri().path() == WS_PATH;
        let refuse = |refused: Refused| {
            if is_session {
                self.refuse(refused)
            } else {
                self.refuse_request(refused)
            }
        };
        let arrival = arrival.map_err(|Unclear| refuse(Refused::Forwarded))?;
        match request::refuse(&request, arrival.place.as_ref(), &self.rules) {
            Ok(()) => {}
            Err(Unfit::Form(answer)) => return Err(*answer),
            Err(Unfit::Refused(refused)) => return Err(refuse(refused)),
        }
        let (parts, body) = request.into_parts();
        // Whoever asks for it, a page that may not connect is told so where the handshake is looked at.
        let (place, is_tls) = (arrival.place.as_ref(), arrival.is_tls);
        if is_session && self.rules.check(&parts.headers, place, is_tls).is_err() {
            let peer = Peer::unknown(arrival);
            return Ok((Request::from_parts(parts, body), peer));
        }
        match self.gate.admit(&parts, arrival).await {
            Ok(peer) => Ok((Request::from_parts(parts, body), peer)),
            Err(refused) => Err(refuse(refused)),
        }
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
