//! `dashstream-relay demo`: simulated runs go the way of records from Kafka, without Kafka.
#![cfg(feature = "demo")]

mod common;

use clap::Parser as _;
use common::{PATIENCE, get};
use dashstream_relay::{
    app::App,
    config::{Cli, Command, Config},
    ingest::simulated::Demo,
    shared::Shared,
};
use tokio::time::timeout;

#[tokio::test]
async fn simulated_runs_are_served_without_kafka() {
    let words = [
        "dashstream-relay",
        "demo",
        "--rate=2000",
        "--seed=7",
        "--port=0",
        "--drain-secs=1",
    ];
    let mut cli = Cli::try_parse_from(words).expect("options clap knows");
    let Some(Command::Demo { rate, seed }) = cli.command else {
        panic!("{:?}", cli.command);
    };
    cli.options.for_demo("test");
    let config = Config::from_args(&cli.options).expect("a usable configuration");
    let shared = Shared::new(config, None).expect("metrics register");
    let relay = App::start_demo(shared, Demo { rate, seed })
        .await
        .expect("a free port");
    let hub = &relay.shared.hub;
    let mut signal = hub.subscribe();
    let records = |hub: &dashstream_serve::Hub| -> u64 {
        hub.partitions().iter().map(|partition| partition.end).sum()
    };
    timeout(PATIENCE, signal.wait_for(|_| records(hub) >= 500))
        .await
        .expect("records in time")
        .expect("the hub lives");

    assert_eq!(get(relay.address, "/ready").await.status, 200);
    let health = get(relay.address, "/health").await;
    assert_eq!(health.status, 200, "{}", health.body);
    assert!(health.body.contains("\"ok\""), "{}", health.body);
    let metrics = get(relay.address, "/metrics").await.body;
    let accepted = metrics
        .lines()
        .filter(|line| line.starts_with("websocket_kafka_messages_total{"))
        .find(|line| line.contains("status=\"success\""))
        .and_then(|line| line.split_whitespace().last()?.parse::<f64>().ok());
    assert!(accepted.is_some_and(|count| count >= 450.0), "{accepted:?}");
    assert_eq!(relay.shared.config.serve.notice, "Simulated data");
    assert!(relay.shared.tasks.ended().is_empty());
    relay.stop().await;
}
