//! The capture as a relay would serve it, by the same crate: the session protocol at the usual path, and
//! the page if it was asked for. Nothing that a client sends changes anything.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use dashstream_serve::answer::{not_allowed, plain, respond};
use dashstream_serve::{
    BasePath, Clock, HostName, Hub, Peer, Rules, Server, TrustedProxies, upgrade,
};
use decode_core::Mode;
use decode_core::wire::{WS_PATH, mode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::HeaderMap;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use session::ServerConfig;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, sleep_until};

use super::held::{self, Held};
use super::log::Feeder;
use super::pace::Pace;
use super::page::Page;
use crate::follow::interrupted;
use crate::input::{Reading, Source, metadata};
use crate::outcome::{Failure, Outcome};

/// What to serve, where and how.
pub(super) struct Serving {
    pub(super) source: Source,
    pub(super) reading: Reading,
    pub(super) address: SocketAddr,
    pub(super) page: Option<PathBuf>,
    pub(super) hosts: Vec<HostName>,
    pub(super) duration: Option<Duration>,
    pub(super) pace: Pace,
    pub(super) memory_bytes_max: u64,
    pub(super) mode: Mode,
}

impl Serving {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let name = self.source.name();
        let failed = |text: String| Failure::Io(format!("{name}: {text}"));
        let page = match &self.page {
            Some(folder) => Page::load(folder)
                .map_err(|error| Failure::Io(format!("{}: {error}", folder.display())))?,
            None => Page::default(),
        };
        let all = held::all(&self.source, self.reading, self.memory_bytes_max)?;
        let count = all.len();
        let hub = Arc::new(Feeder::hub(&all));
        let mut feeder = Feeder::new(self.mode);
        let mut due = Vec::new();
        if self.pace.is_timed() {
            due = self.schedule(all);
        } else {
            feeder.append(&hub, all).map_err(failed)?;
        }
        let server = Server::new(
            self.rules(),
            self.config(),
            Clock::start(),
            Arc::clone(&hub),
        );
        let answer = {
            let (server, page) = (Arc::clone(&server), Arc::new(page));
            move |request, peer| std::future::ready(answer(&server, &page, request, peer))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| Failure::Io(format!("runtime: {error}")))?;
        runtime.block_on(async {
            let listener = listen(self.address).await?;
            say!("dashstream: {name}: {count} entries, until Ctrl-C");
            let ended = async {
                match self.duration {
                    Some(duration) => sleep(duration).await,
                    None => std::future::pending().await,
                }
            };
            let feeding = feed(&hub, &mut feeder, due);
            let served = async {
                tokio::select! {
                    () = Arc::clone(&server).run(listener, answer) => Ok(()),
                    fed = feeding => fed.map(|_| ()).map_err(failed),
                    () = ended => Ok(()),
                    () = interrupted() => Ok(()),
                }
            };
            served.await?;
            // Open connections are told; whoever does not listen is left.
            server.close(RETRY_AFTER_MS, CLOSE_TIMEOUT).await;
            Ok::<_, Failure>(())
        })?;
        Ok(if feeder.found > 0 {
            Outcome::Found
        } else {
            Outcome::Clean
        })
    }

    fn schedule(&self, all: Vec<Held>) -> Vec<(Duration, Held)> {
        (0..)
            .zip(held::in_time(all))
            .map(|(number, (since_first_ms, held))| (self.pace.due(number, since_first_ms), held))
            .collect()
    }

    /// A file has no operator who would ask for other limits.
    fn rules(&self) -> Rules {
        Rules {
            connections_max: CONNECTIONS_MAX,
            connections_per_address_max: CONNECTIONS_MAX,
            allowed_origins: Vec::new(),
            allowed_hosts: self.hosts.clone(),
            trusted_proxies: TrustedProxies::default(),
            base_path: BasePath::default(),
            send_timeout: SEND_TIMEOUT,
            sockets_max: None,
        }
    }

    /// Says what the file says about where it comes from. The namespace is the file's own: cursors
    /// of the topic it was taken from mean nothing here.
    fn config(&self) -> ServerConfig {
        let name = self.source.name();
        let Source::File(path) = &self.source else {
            return ServerConfig::default();
        };
        let file = path.metadata().ok();
        let len = file.as_ref().map_or(0, std::fs::Metadata::len);
        let changed = file
            .and_then(|file| file.modified().ok())
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let changed_ms = changed.map_or(0, |since| since.as_millis());
        let facts = metadata(path).and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let fact = |key: &str| Some(facts.as_ref()?.get(key)?.as_str()?.to_owned());
        let recorded_compatible = fact("mode").is_some_and(|text| text == mode::COMPATIBLE);
        ServerConfig {
            namespace: format!("file/{name}/{len}/{changed_ms}"),
            topic: fact("topic").unwrap_or_else(|| name.clone()),
            relay_version: concat!("dashstream ", env!("CARGO_PKG_VERSION")).to_owned(),
            mode: if recorded_compatible {
                mode::COMPATIBLE
            } else {
                self.mode.name()
            },
            notice: format!("A replay of {name}"),
            ..ServerConfig::default()
        }
    }
}

/// Binds, and says on stdout where.
async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let failed = |error: std::io::Error| Failure::Io(format!("{address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut out = std::io::stdout();
    writeln!(out, "http://{address}/")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::stdout(&error))?;
    Ok(listener)
}

/// Appends what is due when it is; does not return when all is there.
async fn feed(
    hub: &Hub,
    feeder: &mut Feeder,
    due: Vec<(Duration, Held)>,
) -> Result<Infallible, String> {
    let since = Instant::now();
    let mut due = due.into_iter().peekable();
    while let Some((at, _)) = due.peek() {
        sleep_until(since + *at).await;
        let now = since.elapsed();
        let ready = std::iter::from_fn(|| Some(due.next_if(|(at, _)| *at <= now)?.1));
        // Sessions get their turn in between.
        feeder.append(hub, ready.take(TURN_RECORDS_MAX))?;
        tokio::task::yield_now().await;
    }
    std::future::pending().await
}

fn answer(
    server: &Arc<Server>,
    page: &Page,
    mut request: Request<Incoming>,
    peer: Peer,
) -> Response<Full<Bytes>> {
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let method = request.method();
    let mut response = match request.uri().path() {
        WS_PATH if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) => {
            let upgrade = upgrade.filter(|_| method == Method::GET);
            upgrade::answer(server, request.headers(), upgrade, peer)
        }
        _ if !matches!(*method, Method::GET | Method::HEAD) => {
            not_allowed("Only GET is answered here.\n", "GET, HEAD")
        }
        path => file(page, path, request.headers()),
    };
    // The next file may be served at the same port.
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response.map(Full::new)
}

fn file(page: &Page, path: &str, headers: &HeaderMap) -> Response<Bytes> {
    let Some(sent) = page.file(path, headers) else {
        return if path == "/" {
            plain(StatusCode::OK, NO_PAGE)
        } else {
            plain(StatusCode::NOT_FOUND, "Not found\n")
        };
    };
    let mut response = respond(StatusCode::OK, sent.mime, sent.content);
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(name) = sent.coding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}

const NO_PAGE: &str = "A capture is served here. Watch it with `dashstream tail`, or serve the \
                       page too: `dashstream replay --serve .. --page web/dist`.\n";
const CONNECTIONS_MAX: usize = 64;
/// Appended in one go.
const TURN_RECORDS_MAX: usize = 10_000;
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// A file does not come back by itself.
const RETRY_AFTER_MS: u64 = 5_000;
