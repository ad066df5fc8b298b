//! The binary: configuration in, exit code out. 0 after a shutdown that was asked for, 1 where the
//! relay cannot run, 2 where its configuration is of no use, 70 where a part of it ended that it cannot
//! run without.

mod allocator;
mod release;

use std::{
    convert::Infallible,
    ffi::OsString,
    fmt,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    sync::{Arc, mpsc::sync_channel},
    thread,
    time::Duration,
};

use clap::{Parser as _, error::ErrorKind};
#[cfg(feature = "demo")]
use dashstream_relay::ingest::simulated::Demo;
use dashstream_relay::{
    app::App,
    config::{Cli, Command, Config, undecodable_variables, unknown_variables, without_secrets},
    descriptors,
    log_output::{self, LogOutput},
    shared::Shared,
};
use tracing_subscriber::EnvFilter;

/// rskafka writes a line for each refused request, thousands while a bad batch is probed; the
/// relay reports every failure itself, once.
const LOG_DEFAULT: &str = "info,rskafka=off";

fn main() -> ExitCode {
    allocator::keep_freed_memory_for_a_while();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse_command_line(&error),
    };
    let cli = named_for_demo(cli);
    let (config, filter) = match (Config::from_args(&cli.options), log_filter()) {
        (Ok(config), Ok(filter)) => (config, filter),
        (config, filter) => {
            let errors = config.err().unwrap_or_default();
            let errors = errors.iter().map(ToString::to_string);
            errors.chain(filter.err()).for_each(complain);
            return ExitCode::from(2);
        }
    };
    let outcome = match cli.command {
        Some(Command::CheckConfig) => check_config(&config),
        Some(Command::Release {
            partition,
            offset,
            token,
        }) => release(&config, partition, offset, token.text()),
        #[cfg(feature = "demo")]
        Some(Command::Demo { rate, seed }) => {
            run(config, filter, Reads::Simulation(Demo { rate, seed }))
        }
        None => run(config, filter, Reads::Topic),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let is_broken = error.is::<Broken>();
            complain(error);
            if is_broken {
                ExitCode::from(BROKEN)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Says what is wrong before there is a log, or after it. Standard error may take nothing.
fn complain(what: impl fmt::Display) {
    let line = format!("dashstream-relay: {what}\n");
    say_within(io::stderr(), line, LOG_FLUSH_MAX);
}

/// Writes a line, and waits for that no longer than said: a pipe that is full and not read, or a terminal that is
/// stopped, would hold the process up for ever, and no signal and no exit code would come through.
fn say_within(mut sink: impl io::Write + Send + 'static, line: String, patience: Duration) {
    let (done, written) = sync_channel(1);
    let writing = thread::Builder::new()
        .name("say".to_owned())
        .spawn(move || {
            // Whoever started the relay may not read what it prints.
            sink.write_all(line.as_bytes())
                .and_then(|()| sink.flush())
                .ok();
            done.send(()).ok();
        });
    if writing.is_ok() {
        written.recv_timeout(patience).ok();
    }
}

/// A task ended without which nobody could ask the relay how it is.
#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of the relay ended unexpectedly that it cannot run without")
    }
}

impl std::error::Error for Broken {}

/// The exit code for it, as `sysexits.h` has it for a fault of the program itself.
const BROKEN: u8 = 70;

type Failure = Box<dyn std::error::Error>;

/// What clap says, but with its variable where one is no text, and without secrets.
fn refuse_command_line(error: &clap::Error) -> ExitCode {
    let bad: Vec<_> = std::env::vars_os()
        .filter(|(_, value)| value.to_str().is_none())
        .map(|(name, _)| name)
        .collect();
    let bad = undecodable_variables(bad.iter().map(OsString::as_os_str));
    if error.kind() != ErrorKind::InvalidUtf8 || bad.is_empty() {
        let Some(text) = without_secrets(error, std::env::args_os()) else {
            error.exit();
        };
        write!(io::stderr(), "{text}").ok();
        return ExitCode::from(2);
    }
    bad.into_iter().for_each(complain);
    ExitCode::from(2)
}

/// What is logged: `RUST_LOG`, which has to make sense, or the default.
fn log_filter() -> Result<EnvFilter, String> {
    let name = EnvFilter::DEFAULT_ENV;
    match std::env::var_os(name) {
        Some(text) if !text.is_empty() => {
            let text = text
                .into_string()
                .map_err(|_| format!("{name}: is not UTF-8"))?;
            EnvFilter::try_new(&text).map_err(|error| format!("{name}: \"{text}\": {error}"))
        }
        _ => Ok(EnvFilter::new(LOG_DEFAULT)),
    }
}

fn variables_without_effect() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    unknown_variables(names)
}

fn check_config(config: &Config) -> Result<(), Failure> {
    for name in variables_without_effect() {
        complain(format_args!("{name} has no effect on the relay"));
    }
    let warnings = [config.dlq_warning(), config.loopback_warning()];
    warnings.into_iter().flatten().for_each(complain);
    let mut text = serde_json::to_string_pretty(config)?;
    text.push('\n');
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn release(
    config: &Config,
    partition: u32,
    offset: Option<u64>,
    token: &str,
) -> Result<(), Failure> {
    let lifted = release::run(&config.listen, partition, offset, token)?;
    // What was asked for is done, whoever reads of it.
    writeln!(io::stdout(), "{lifted}").ok();
    Ok(())
}

/// Where records come from.
#[derive(Clone, Copy, Debug)]
enum Reads {
    Topic,
    #[cfg(feature = "demo")]
    Simulation(Demo),
}

/// What is simulated has names of its own, other ones at every start.
#[cfg_attr(
    not(feature = "demo"),
    expect(unused_mut, reason = "only a demo changes it")
)]
fn named_for_demo(mut cli: Cli) -> Cli {
    #[cfg(feature = "demo")]
    if let Some(Command::Demo { .. }) = cli.command {
        cli.options
            .for_demo(&dashstream_serve::Clock::wall_ms().to_string());
    }
    cli
}

fn run(config: Config, filter: EnvFilter, reads: Reads) -> Result<(), Failure> {
    let log = LogOutput::start(io::stderr(), &log_output::DROPPED)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(Arc::clone(&log))
        .log_internal_errors(false)
        .init();
    // Written directly, the message of a panic could wait for ever for somebody who reads it.
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(%panic, "a fault of the relay");
    }));
    let outcome = run_logged(config, reads);
    log.flush_within(LOG_FLUSH_MAX);
    outcome
}

/// For the last lines.
const LOG_FLUSH_MAX: Duration = Duration::from_secs(1);

fn run_logged(config: Config, reads: Reads) -> Result<(), Failure> {
    for name in variables_without_effect() {
        tracing::warn!(name, "this variable has no effect on the relay");
    }
    tracing::info!(config = %serde_json::to_string(&config)?, "effective configuration");
    if config.auth.insecure_allow_anyone {
        let host = config.listen.host;
        tracing::warn!(%host, "--insecure-allow-anyone: anyone who can reach this address can read everything");
    }
    if config.kafka.security.shows_password() {
        tracing::warn!("PLAIN without TLS: the password crosses the network in clear text");
    }
    let warnings = [config.dlq_warning(), config.loopback_warning()];
    for warning in warnings.into_iter().flatten() {
        tracing::warn!("{warning}");
    }
    let descriptors = descriptors::raise(&config);
    if let Some(warning) = descriptors.warning {
        tracing::warn!(warning);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(serve(config, descriptors.sockets_max, reads));
    // What is left then are calls of files, which nobody can end: a folder on a network may hang for ever.
    runtime.shutdown_timeout(HUNG_CALLS_WAIT_MAX);
    outcome
}

/// Wait for calls that do not end, once all else has stopped.
const HUNG_CALLS_WAIT_MAX: Duration = Duration::from_secs(1);

async fn serve(config: Config, sockets_max: Option<usize>, reads: Reads) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let shared = Shared::new(config, sockets_max)?;
    let relay = match reads {
        Reads::Topic => App::start(shared).await?,
        #[cfg(feature = "demo")]
        Reads::Simulation(demo) => App::start_demo(shared, demo).await?,
    };
    tracing::info!(address = %relay.address, "listening");
    let line = format!("listening on http://{}\n", relay.address);
    say_within(io::stdout(), line, Duration::ZERO);
    let signal = tokio::select! {
        signal = signals.next() => signal,
        never = give_back_memory() => match never {},
        () = relay.broken() => {
            relay.stop().await;
            return Err(Broken.into());
        }
    };
    tracing::info!(signal = signal.name(), "shutting down");
    match signal {
        // Whoever sends this may balance over replicas.
        Signal::Terminate => {
            relay
                .drain_and_stop(async {
                    let _any = signals.next().await;
                })
                .await
        }
        Signal::Interrupt => {
            tokio::select! {
                () = relay.stop() => {}
                _ = signals.next() => {}
            }
        }
    }
    Ok(())
}

/// A relay that has caught up allocates little, and the heap looks only then for what it may give back.
async fn give_back_memory() -> Infallible {
    loop {
        tokio::time::sleep(GIVE_BACK_INTERVAL).await;
        allocator::give_back();
    }
}

const GIVE_BACK_INTERVAL: Duration = Duration::from_secs(1);

/// What asks the relay to stop.
#[derive(Clone, Copy, Debug)]
enum Signal {
    Terminate,
    /// Somebody at a terminal.
    Interrupt,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }
}

/// SIGTERM and SIGINT, as often as they come.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// The handlers are in place when this returns.
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        tokio::signal::ctrl_c().await.ok();
        Signal::Interrupt
    }
}
