//! A relay on a free port whose log is filled by hand, and plain clients for it.
#![allow(dead_code, reason = "each test file uses its part of this")]

pub(crate) mod proxies;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use clap::Parser as _;
use dashstream_relay::{
    app::App,
    config::{Cli, Config},
    ingest::TopicState,
    shared::Shared,
};
use session::SegmentBuilder;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

// The client is that of serve's own tests.
#[path = "../../../serve/tests/common/client.rs"]
mod client;
#[path = "../../../serve/tests/common/steady.rs"]
mod steady;

#[allow(unused_imports, reason = "each test file uses its part of this")]
pub(crate) use client::{At, Client, Incoming, upgrade_request};
#[allow(unused_imports, reason = "each test file uses its part of this")]
pub(crate) use steady::Steady;

/// Nothing in these tests takes longer, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Rig {
    pub(crate) relay: App,
}

impl Rig {
    /// A relay that serves partitions 0 to 3 from offset 0, all empty.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let rig = Self::start_without_partitions(arguments).await;
        let shared = rig.shared();
        shared.ingest.set_topic(TopicState::Present);
        for partition in 0..4 {
            shared.hub.add_partition(partition, 0, 0);
        }
        shared.hub.set_settled();
        rig
    }

    pub(crate) async fn start_without_partitions(arguments: &[&str]) -> Self {
        let is_drain = |argument: &&str| argument.starts_with("--drain-secs");
        let drain = (!arguments.iter().any(is_drain)).then_some("--drain-secs=1");
        let all = ["dashstream-relay", "--port=0"].into_iter();
        let all = all.chain(drain).chain(arguments.iter().copied());
        let options = Cli::try_parse_from(all)
            .expect("options clap knows")
            .options;
        let config = Config::from_args(&options).expect("a usable configuration");
        let shared = Shared::new(config, None).expect("metrics register");
        Self {
            relay: App::start_by_hand(shared).await.expect("a free port"),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.relay.shared
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.relay.address
    }

    /// Its address as a client names it.
    pub(crate) fn reachable(&self) -> SocketAddr {
        SocketAddr::new([127, 0, 0, 1].into(), self.address().port())
    }

    /// Appends records with the given payloads to a partition.
    pub(crate) fn append<'a>(&self, partition: u32, payloads: impl IntoIterator<Item = &'a [u8]>) {
        let hub = &self.shared().hub;
        let head = hub.log().partition(partition).expect("a partition").end;
        let mut builder = SegmentBuilder::new(partition, head);
        for (offset, payload) in (head..).zip(payloads) {
            builder.record(offset, 1_700_000_000_000, payload);
        }
        hub.append(builder.finish().expect("payloads"))
            .expect("continues the log");
    }

    /// The value of one series of `/metrics`.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let text = get(self.address(), "/metrics").await.body;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} in {text}"))
            .parse()
            .expect("a number")
    }

    /// Waits until this address has a slot again.
    pub(crate) async fn until_answered(&self) {
        let asked = async {
            loop {
                let mut stream = TcpStream::connect(self.address()).await.expect("connects");
                let request = format!("GET /version HTTP/1.0\r\nHost: {}\r\n\r\n", self.address());
                let mut answer = Vec::new();
                let sent = stream.write_all(request.as_bytes()).await;
                if sent.is_ok()
                    && stream
                        .read_to_end(&mut answer)
                        .await
                        .is_ok_and(|read| read > 0)
                {
                    return;
                }
            }
        };
        timeout(PATIENCE, asked).await.expect("in time");
    }

    /// Waits until a series has that value.
    pub(crate) async fn until_metric(&self, series: &str, value: f64) {
        let reached = async {
            while self.metric(series).await != value {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(PATIENCE, reached).await.is_err() {
            panic!("{series} is {} and not {value}", self.metric(series).await);
        }
    }
}

impl At for Rig {
    fn address(&self) -> SocketAddr {
        self.relay.address
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// One request on a connection of its own.
pub(crate) async fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let has_body = !request.starts_with("HEAD ");
    let answer = timeout(PATIENCE, read_answer(&mut stream, has_body))
        .await
        .expect("in time");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .expect("a status");
    Answer {
        status: status.parse().expect("a number"),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

/// Reads a head and as much of a body as the head announces, or all there is.
async fn read_answer(stream: &mut TcpStream, has_body: bool) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            if !has_body || head.starts_with("http/1.1 101") {
                return format!("{head}\r\n\r\n");
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map(|length| length.parse::<usize>().expect("a number"));
            if length.is_some_and(|length| body.len() >= length) {
                return text.into_owned();
            }
        }
        if stream.read_buf(&mut bytes).await.expect("answers") == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    get_with(address, path, "").await
}

/// `headers` are whole lines, each with its end.
pub(crate) async fn get_with(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    send(address, &request).await
}
