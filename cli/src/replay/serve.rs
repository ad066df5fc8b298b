//! The capture as a relay would serve it: a listener, the session protocol at the usual path, and
//! the page if it was asked for. Nothing that a client sends changes anything.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use decode_core::Mode;
use decode_core::wire::mode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use session::{Millis, ServerConfig, TailLog};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::connection;
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
    pub(super) duration: Option<Duration>,
    pub(super) pace: Pace,
    pub(super) memory_bytes_max: u64,
    pub(super) mode: Mode,
}

/// What all connections share.
pub(super) struct Shared {
    log: Mutex<TailLog>,
    /// Rises when the log grows.
    pub(super) grown: watch::Sender<u64>,
    pub(super) closing: watch::Sender<bool>,
    pub(super) config: ServerConfig,
    pub(super) page: Page,
    pub(super) is_local: bool,
    started: std::time::Instant,
}

impl Shared {
    pub(super) fn log(&self) -> MutexGuard<'_, TailLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Millis {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When the session's clock shows that time.
    pub(super) fn instant(&self, ms: Millis) -> Instant {
        (self.started + Duration::from_millis(ms)).into()
    }
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
        let mut log = Feeder::log(&all);
        let mut feeder = Feeder::new(self.mode);
        let mut due = Vec::new();
        if self.pace.is_timed() {
            due = self.schedule(all);
        } else {
            feeder.append(&mut log, all).map_err(failed)?;
        }
        let shared = Arc::new(Shared {
            log: Mutex::new(log),
            grown: watch::Sender::new(0),
            closing: watch::Sender::new(false),
            config: self.config(),
            page,
            is_local: self.address.ip().is_loopback(),
            started: std::time::Instant::now(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| Failure::Io(format!("runtime: {error}")))?;
        runtime.block_on(async {
            let listener = listen(self.address).await?;
            eprintln!("dashstream: {name}: {count} entries, until Ctrl-C");
            let ended = async {
                match self.duration {
                    Some(duration) => sleep(duration).await,
                    None => std::future::pending().await,
                }
            };
            let feeding = feed(&shared, &mut feeder, due);
            let served = async {
                tokio::select! {
                    () = accept(listener, Arc::clone(&shared)) => Ok(()),
                    fed = feeding => fed.map(|_| ()).map_err(failed),
                    () = ended => Ok(()),
                    () = interrupted() => Ok(()),
                }
            };
            served.await?;
            // Open connections are told; whoever does not listen is left.
            shared.closing.send_replace(true);
            let _ = timeout(CLOSE_TIMEOUT, shared.closing.closed()).await;
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
    shared: &Shared,
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
        feeder.append(&mut shared.log(), ready.take(TURN_RECORDS_MAX))?;
        shared.grown.send_modify(|version| *version += 1);
    }
    std::future::pending().await
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, mostly: trying again at once would only burn time.
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Without a slot the socket is closed at once: waiting would make others wait.
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            answer(stream, shared, Arc::new(slot)).await;
        });
    }
}

async fn answer(stream: TcpStream, shared: Arc<Shared>, slot: Arc<impl Send + Sync + 'static>) {
    // Small frames go out at once; without it they only come later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        // An upgraded connection keeps its slot.
        let response = connection::respond(&shared, request, Arc::clone(&slot));
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // How it ended matters to nobody.
    let _ = timeout(HTTP_TIMEOUT, connection).await;
}

const CONNECTIONS_MAX: usize = 64;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Appended in one go.
const TURN_RECORDS_MAX: usize = 10_000;
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A plain HTTP connection as a whole; an upgrade takes its socket out of this.
const HTTP_TIMEOUT: Duration = Duration::from_secs(120);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
