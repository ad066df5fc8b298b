//! The binary: configuration in, exit code out. 0 after a shutdown that was asked for, 1 where the
//! relay cannot run, 2 where its configuration is of no use.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use dashstream_relay::{
    config::{Cli, Command, Config, unknown_variables},
    relay::{Feed, Relay, Shared},
};
use tracing_subscriber::EnvFilter;

/// rskafka writes a line for each refused request, thousands while a bad batch is probed; the
/// relay reports every failure itself, once.
const LOG_DEFAULT: &str = "info,rskafka=off";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match Config::from_args(&cli.options) {
        Ok(config) => config,
        Err(errors) => {
            for error in errors {
                eprintln!("dashstream-relay: {error}");
            }
            return ExitCode::from(2);
        }
    };
    let outcome = match cli.command {
        Some(Command::CheckConfig) => check_config(&config),
        None => run(config),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dashstream-relay: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn check_config(config: &Config) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(config)?;
    text.push('\n');
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn run(config: Config) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_DEFAULT));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in unknown_variables(names) {
        tracing::warn!(name, "this variable has no effect on the relay");
    }
    tracing::info!(config = %serde_json::to_string(&config)?, "effective configuration");
    if !config.listen.host.is_loopback() {
        tracing::warn!(host = %config.listen.host, "there is no login: whoever reaches this address reads everything");
    }
    if config.kafka.security.shows_password() {
        tracing::warn!("PLAIN without TLS: the password crosses the network in the clear");
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    let stopped = stop_signal()?;
    let relay = Relay::start(Shared::new(config)?, Feed::Kafka).await?;
    tracing::info!(address = %relay.address, "listening");
    let mut stdout = io::stdout();
    // Whoever started the relay may not read what it prints.
    writeln!(stdout, "listening on http://{}", relay.address)
        .and_then(|()| stdout.flush())
        .ok();
    let name = stopped.await;
    tracing::info!(signal = name, "shutting down");
    relay.stop().await;
    Ok(())
}

/// Completes at the first SIGTERM or SIGINT. The handlers are in place when this returns.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = &'static str>> {
    Ok(async {
        tokio::signal::ctrl_c().await.ok();
        "SIGINT"
    })
}
