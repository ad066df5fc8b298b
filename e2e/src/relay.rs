//! The relay: the real binary on a port of loopback.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use crate::{
    child::Running,
    http,
    place::{self, free_port},
    requirement::{Tool, need, skip, test_name},
};

/// A relay, running or not. Killed when dropped.
#[derive(Debug)]
pub struct Relay {
    /// A program that starts it, with the arguments before the relay's own.
    within: Vec<String>,
    binary: PathBuf,
    arguments: Vec<String>,
    address: SocketAddr,
    log: PathBuf,
    running: Option<Running>,
}

impl Relay {
    /// Starts it and waits until it is ready, or says SKIPPED.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn start(brokers: &str, topic: &str, more: &[&str]) -> Option<Self> {
        let mut relay = Self::launch(brokers, topic, more)?;
        relay.wait_ready();
        Some(relay)
    }

    /// Starts it with simulated runs in place of a topic and waits until it is ready, or says SKIPPED.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn demo() -> Option<Self> {
        let words = |address: SocketAddr| {
            let port = format!("--port={}", address.port());
            vec!["demo".to_owned(), "--host=127.0.0.1".to_owned(), port]
        };
        let mut relay = Self::launch_with(&[], Ipv4Addr::LOCALHOST.into(), words)?;
        relay.wait_ready();
        Some(relay)
    }

    /// Starts it and waits only until it answers HTTP, or says SKIPPED.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn launch(brokers: &str, topic: &str, more: &[&str]) -> Option<Self> {
        Self::launch_on(Ipv4Addr::LOCALHOST.into(), brokers, topic, more)
    }

    /// As [`Self::start`], listening on another address of this machine.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn start_on(host: IpAddr, brokers: &str, topic: &str, more: &[&str]) -> Option<Self> {
        let mut relay = Self::launch_on(host, brokers, topic, more)?;
        relay.wait_ready();
        Some(relay)
    }

    /// As [`Self::launch`], by another program that becomes the relay: `within` is it and its own arguments.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn launch_within(
        within: &[&str],
        brokers: &str,
        topic: &str,
        more: &[&str],
    ) -> Option<Self> {
        Self::launch_as(within, Ipv4Addr::LOCALHOST.into(), brokers, topic, more)
    }

    fn launch_on(host: IpAddr, brokers: &str, topic: &str, more: &[&str]) -> Option<Self> {
        Self::launch_as(&[], host, brokers, topic, more)
    }

    fn launch_as(
        within: &[&str],
        host: IpAddr,
        brokers: &str,
        topic: &str,
        more: &[&str],
    ) -> Option<Self> {
        let words = |address| arguments(brokers, topic, address, more);
        Self::launch_with(within, host, words)
    }

    fn launch_with(
        within: &[&str],
        host: IpAddr,
        words: impl Fn(SocketAddr) -> Vec<String>,
    ) -> Option<Self> {
        let binary = need(Tool::Relay)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let address = SocketAddr::new(host, free_port());
            let port = address.port();
            let mut relay = Self {
                within: within.iter().map(ToString::to_string).collect(),
                binary: binary.clone(),
                arguments: words(address),
                address,
                log: place::log_file(&format!("{}-relay-{port}", test_name())),
                running: None,
            };
            match relay.run() {
                Ok(()) => return Some(relay),
                // Another process may have taken the port in between.
                Err(why) if tries < START_TRIES_MAX => eprintln!("relay, try {tries}: {why}"),
                Err(why) => panic!("the relay does not start: {why}"),
            }
        }
    }

    /// Starts it again on the same port.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn start_again(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        self.run().expect("it came up before");
        self.wait_ready();
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Address of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Address of the WebSocket.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}{}", self.address, decode_core::wire::WS_PATH)
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").pid()
    }

    /// Everything it has logged, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// GET of one of its pages.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn get(&self, path: &str) -> http::Answer {
        let answer = http::get(self.address, path);
        answer.unwrap_or_else(|error| panic!("GET {path}: {error}; {}", self.log.display()))
    }

    /// Whether the page was there when this relay was built; says SKIPPED if not.
    ///
    /// # Panics
    /// Where nothing may be skipped.
    #[must_use]
    pub fn has_page(&self) -> bool {
        let has_page = self.get("/").body.contains("<script");
        if !has_page {
            skip("the relay was built without the page: build web before it");
        }
        has_page
    }

    /// What `/metrics` says.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::parse(&self.get("/metrics").body)
    }

    /// Waits until `/ready` says so.
    ///
    /// # Panics
    /// When it does not within a generous time.
    pub fn wait_ready(&mut self) {
        let address = self.address;
        self.wait_for("ready", READY_MAX, |_| {
            http::get(address, "/ready").is_ok_and(|answer| answer.status == 200)
        });
    }

    /// Waits for a condition, and fails at once when the relay ends.
    ///
    /// # Panics
    /// When the relay ends or the condition does not hold within `patience`.
    pub fn wait_for(&mut self, what: &str, patience: Duration, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + patience;
        while !holds(self) {
            let log = self.log.display().to_string();
            let running = self.running.as_mut().expect("it runs");
            if let Some(status) = running.ended() {
                panic!("the relay ended ({status}) before: {what}; {log}");
            }
            assert!(
                Instant::now() < deadline,
                "not within {patience:?}: {what}; {log}"
            );
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// SIGKILL.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    /// SIGTERM, without waiting.
    ///
    /// # Panics
    /// When it does not run.
    pub fn terminate(&self) {
        self.running.as_ref().expect("it runs").terminate();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within `patience`.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        self.running.take().expect("it runs").wait(patience)
    }

    fn run(&mut self) -> Result<(), String> {
        let mut words = self.within.iter().map(OsStr::new);
        let mut words = words.by_ref().chain([self.binary.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        // Nothing of the developer's environment may configure it.
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("NO_COLOR", "1")
            .args(&self.arguments);
        if let Ok(filter) = env::var("DASHSTREAM_E2E_LOG") {
            command.env("RUST_LOG", filter);
        }
        let mut running = Running::server(&mut command, &self.log, None);
        let deadline = Instant::now() + START_MAX;
        while http::get(self.address, "/version").is_err() {
            if let Some(status) = running.ended() {
                return Err(format!("{status}; {}", self.log.display()));
            }
            if Instant::now() > deadline {
                return Err(format!("no answer; {}", self.log.display()));
            }
            thread::sleep(Duration::from_millis(30));
        }
        // Whoever else may have taken the port answers too, but then ours has ended.
        if let Some(status) = running.ended() {
            return Err(format!("{status}; {}", self.log.display()));
        }
        self.running = Some(running);
        Ok(())
    }
}

fn arguments(brokers: &str, topic: &str, address: SocketAddr, more: &[&str]) -> Vec<String> {
    let host = address.ip().to_string();
    let port = address.port().to_string();
    let fixed = [
        "--kafka-brokers",
        brokers,
        "--kafka-topic",
        topic,
        "--host",
        &host,
        "--port",
        &port,
    ];
    fixed
        .iter()
        .chain(more)
        .map(|text| (*text).to_owned())
        .collect()
}

/// The samples of a Prometheus text exposition, by name and labels as they stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    /// Parses the text format; comments are passed over.
    ///
    /// # Panics
    /// On a line that is no sample.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let samples = lines.map(|line| {
            let parts = line
                .rsplit_once(' ')
                .map(|(name, value)| (name, value.parse()));
            match parts {
                Some((name, Ok(value))) => (name.to_owned(), value),
                _ => panic!("no sample: {line}"),
            }
        });
        Self {
            samples: samples.collect(),
        }
    }

    /// The sum of all samples of a name whose labels hold every given `name="value"`.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let matching = self.samples.iter().filter(|(sample, _)| {
            let (own, rest) = sample.split_once('{').unwrap_or((sample, ""));
            let own_labels: Vec<&str> = rest.trim_end_matches('}').split(',').collect();
            own == name
                && wanted
                    .iter()
                    .all(|label| own_labels.contains(&label.as_str()))
        });
        matching.map(|(_, value)| value).sum()
    }

    /// Every sample of a counter, and the counters of histograms, with its value.
    pub fn counters(&self) -> impl Iterator<Item = (&str, f64)> {
        self.samples.iter().filter_map(|(sample, value)| {
            let name = sample.split('{').next().unwrap_or(sample);
            let counts = ["_total", "_count", "_bucket"];
            let is_counter = counts.iter().any(|end| name.ends_with(end));
            is_counter.then_some((sample.as_str(), *value))
        })
    }

    /// Whether there is any sample of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.samples
            .keys()
            .any(|sample| sample.split('{').next() == Some(name))
    }
}

const START_TRIES_MAX: u32 = 3;
const START_MAX: Duration = Duration::from_secs(30);
const READY_MAX: Duration = Duration::from_secs(60);
