//! Every task of a running relay has an owner: each is ended here, and `/health` names it.

mod common;

use clap::Parser as _;
use common::{PATIENCE, get};
use dashstream_relay::{
    app::App,
    config::{Cli, Config},
    shared::Shared,
};
use serde_json::Value;
use tokio::time::timeout;

async fn start(name: &str) -> App {
    let dir = std::env::temp_dir().join(format!("dashstream-tasks-{}-{name}", std::process::id()));
    let checkpoints = format!("--checkpoint-dir={}", dir.display());
    let all = [
        "dashstream-relay",
        "--port=0",
        "--drain-secs=1",
        "--kafka-brokers=127.0.0.1:1",
        &checkpoints,
    ];
    let options = Cli::try_parse_from(all)
        .expect("options clap knows")
        .options;
    let config = Config::from_args(&options).expect("a usable configuration");
    let shared = Shared::new(config, None).expect("metrics register");
    App::start(shared).await.expect("a free port")
}

/// X2: the tasks that the relay can be asked without.
#[tokio::test]
async fn a_task_that_ends_is_named_in_health_and_readiness() {
    for name in [
        "sampling for health",
        "looking for partitions",
        "writing checkpoints",
    ] {
        let mut app = start(&name.replace(' ', "-")).await;
        assert_eq!(app.shared.tasks.ended(), [""; 0]);
        app.end_task(name).await;
        assert_eq!(app.shared.tasks.ended(), [name]);
        let health: Value =
            serde_json::from_str(&get(app.address, "/health").await.body).expect("JSON");
        assert_eq!(health["status"], "degraded");
        assert!(health["reasons"].to_string().contains(name), "{health}");
        let ready = get(app.address, "/ready").await;
        assert_eq!(ready.status, 503);
        assert!(ready.body.contains(name), "{}", ready.body);
        app.stop().await;
    }
}

/// X2: nobody could ask without the one that accepts connections, so the process ends.
#[tokio::test]
async fn the_end_of_the_accepting_task_breaks_the_relay() {
    let mut app = start("accepting").await;
    app.end_task("accepting connections").await;
    let broken = timeout(PATIENCE, app.broken()).await;
    assert!(broken.is_ok(), "whoever runs the relay is told");
    app.stop().await;
}

/// A relay that is stopped has no task that ended by mistake.
#[tokio::test]
async fn a_stop_is_no_fault() {
    let app = start("stop").await;
    let tasks = std::sync::Arc::clone(&app.shared.tasks);
    app.stop().await;
    assert_eq!(tasks.ended(), [""; 0]);
}
