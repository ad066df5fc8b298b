//! `cargo xtask demo`: a small Kafka in memory, the real relay and the simulator, until Ctrl-C or for a time.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::{
    args::{Args, Usage},
    http, output, parts,
    project::Project,
    served,
    service::Service,
    test, wasm, web,
};

#[derive(Default)]
pub(crate) struct Demo {
    /// Records a second; `None` leaves the simulator's own.
    pub(crate) rate: Option<u32>,
    pub(crate) seed: Option<u64>,
    pub(crate) port: Option<u16>,
    pub(crate) length: Option<Duration>,
    pub(crate) capture: Option<PathBuf>,
    pub(crate) open: bool,
}

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let install = args.flag("--install");
    let demo = Demo {
        rate: args.value("--rate")?,
        seed: args.value("--seed")?,
        port: args.value("--port")?,
        length: args.value("--for")?.map(Duration::from_secs),
        capture: args.value("--capture")?,
        open: args.flag("--open"),
    };
    args.finish()?;
    if let Some(file) = &demo.capture {
        ensure!(
            file.is_file(),
            Usage(format!("--capture {}: no such file", file.display()))
        );
    }
    let mut ahead = None;
    let provided = parts::provide_while(project, parts::FOR_DEMO, install, || {
        ahead = test::ahead_of_page(project, test::STARTED_BY_DEMO)?;
        Ok(())
    })?;
    if let Some(missing) = provided.missing.first() {
        bail!("the demo needs {}: {}", missing.part, missing.why);
    }
    wasm::build(project)?;
    web::build(project)?;
    if let Some(ahead) = ahead {
        ahead.finish()?;
    }
    test::binaries(project, test::STARTED_BY_DEMO)?;
    demo.run(project)
}

impl Demo {
    /// The binaries exist. Ends well only if every part ran and stopped as it should.
    pub(crate) fn run(&self, project: &Project) -> Result<()> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
        }
        let port = self.free_port()?;
        let mut parts = self.start(project, port, &interrupted)?;
        let url = format!("http://127.0.0.1:{port}/");
        output::heading(&format!("{url}  (Ctrl-C ends it)"));
        if self.open {
            open_browser(&url);
        }
        let started = Instant::now();
        while !interrupted.load(Ordering::Relaxed) && self.goes_on(started) {
            parts.check()?;
            thread::sleep(POLL);
        }
        if !interrupted.load(Ordering::Relaxed) {
            served::check(port)?;
        }
        parts.stop()
    }

    fn start(&self, project: &Project, port: u16, interrupted: &AtomicBool) -> Result<Running> {
        let mut broker = Command::new(project.binary("dashstream-demo-broker"));
        let broker = Service::start(
            "broker",
            broker.arg(format!("--topic={TOPIC}:{PARTITIONS}")),
        )?;
        let line = broker.first_line(START_TIMEOUT)?;
        let brokers = line
            .strip_prefix("bootstrap=")
            .context("the broker names no address")?;
        let relay = Service::start("relay", &mut self.relay(project, brokers, port))?;
        let mut running = Running {
            broker,
            relay,
            simulator: None,
        };
        let started = Instant::now();
        while !http::get(port, "/ready").is_ok_and(|answer| answer.status == 200) {
            running.check()?;
            ensure!(
                started.elapsed() < START_TIMEOUT,
                "the relay did not become ready"
            );
            ensure!(!interrupted.load(Ordering::Relaxed), "interrupted");
            thread::sleep(POLL);
        }
        running.simulator = Some(Service::start(
            "simulator",
            &mut self.simulator(project, brokers),
        )?);
        Ok(running)
    }

    fn relay(&self, project: &Project, brokers: &str, port: u16) -> Command {
        let notice = if self.capture.is_some() {
            "Recorded data"
        } else {
            "Simulated data"
        };
        let mut command = Command::new(project.binary("dashstream-relay"));
        command.args(["--kafka-brokers", brokers, "--kafka-topic", TOPIC]);
        command.args(["--port", &port.to_string(), "--notice", notice]);
        command
    }

    fn simulator(&self, project: &Project, brokers: &str) -> Command {
        let mut command = Command::new(project.binary("dashstream-simulator"));
        command.args([
            "--brokers",
            brokers,
            "--topic",
            TOPIC,
            "--partitions",
            PARTITIONS,
        ]);
        if let Some(rate) = self.rate {
            command.args(["--rate", &rate.to_string()]);
        }
        if let Some(seed) = self.seed {
            command.args(["--seed", &seed.to_string()]);
        }
        if let Some(file) = &self.capture {
            command.arg("--capture").arg(file);
        }
        command
    }

    fn goes_on(&self, started: Instant) -> bool {
        self.length.is_none_or(|length| started.elapsed() < length)
    }

    fn free_port(&self) -> Result<u16> {
        let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        match self.port {
            Some(port) if free(&port) => Ok(port),
            Some(port) => bail!("port {port} is in use"),
            None => (PORT..PORT + PORTS_TRIED_MAX)
                .find(free)
                .context("no free port"),
        }
    }
}

/// In the order in which they are dropped, if starting fails half-way.
struct Running {
    simulator: Option<Service>,
    relay: Service,
    broker: Service,
}

impl Running {
    fn check(&mut self) -> Result<()> {
        if let Some(status) = self.broker.ended()? {
            bail!("the broker ended on its own with {status}");
        }
        if let Some(status) = self.relay.ended()? {
            bail!("the relay ended on its own with {status}");
        }
        // A capture that was played to its end is no reason to stop looking at it.
        if let Some(status) = self
            .simulator
            .as_mut()
            .map(Service::ended)
            .transpose()?
            .flatten()
            && !status.success()
        {
            bail!("the simulator ended with {status}");
        }
        Ok(())
    }

    /// In the direction of the data, so that nobody's peer goes away first. All are stopped even if one fails.
    fn stop(self) -> Result<()> {
        output::say("stopping");
        let simulator = self
            .simulator
            .map_or(Ok(()), |simulator| simulator.stop(STOP_TIMEOUT));
        let relay = self.relay.stop(STOP_TIMEOUT);
        let broker = self.broker.stop(STOP_TIMEOUT);
        simulator.and(relay).and(broker)
    }
}

/// Only a convenience: the address is on the terminal anyway.
fn open_browser(url: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    if let Err(error) = Command::new(opener).arg(url).spawn() {
        output::say(&format!("cannot start {opener}: {error}"));
    }
}

const TOPIC: &str = "dashstream-demo";
const PARTITIONS: &str = "4";
const PORT: u16 = 3002;
const PORTS_TRIED_MAX: u16 = 100;
const POLL: Duration = Duration::from_millis(100);
const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
