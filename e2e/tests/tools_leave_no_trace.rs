//! The tool and the relay on a real Kafka are guests: no consumer group knows of them afterwards.

use std::{fs, time::Duration};

use dashstream_e2e::{
    cli::Cli,
    java::JavaClient,
    kafka::{Kafka, unique},
    payload, place,
    producer::{Input, now_ms},
    relay::Relay,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// OPS-10: whatever a command of the tool does with Kafka, it commits no offset and joins no group; nor
/// does the relay it looks at.
#[test]
fn the_tool_joins_no_group_and_commits_no_offset() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let (source, target) = (kafka.topic("source", 1), kafka.topic("target", 1));
    let before = java.groups();
    let produced = source.produce((0..100).map(|number| Input {
        key: b"t".to_vec(),
        value: Some(payload::event("t", "node", number)),
        timestamp_ms: now_ms(),
    }));
    assert_eq!(produced.len(), 100);
    let Some(relay) = Relay::start(kafka.brokers(), source.name(), &[]) else {
        return;
    };
    let dir = place::fresh_dir("no-trace");
    let file = dir.join("recorded.dscap");
    let file = file.to_str().expect("UTF-8");
    let url = relay.ws_url();
    let commands: [&[&str]; 4] = [
        &[
            "tail",
            &url,
            "--until-records",
            "100",
            "--timeout",
            "60",
            "--quiet",
        ],
        &[
            "record",
            &url,
            "--until-complete",
            "--timeout",
            "60",
            "-o",
            file,
        ],
        &["validate", file],
        &[
            "replay",
            file,
            "--brokers",
            kafka.brokers(),
            "--topic",
            target.name(),
        ],
    ];
    for command in commands {
        let Some(running) = Cli::start(&format!("no-trace-{}", command[0]), command) else {
            return;
        };
        let finished = running.wait(PATIENCE);
        assert_eq!(
            finished.status.code(),
            Some(0),
            "{command:?}: {}",
            finished.errors
        );
    }
    assert_eq!(target.end(0), 100);
    assert_eq!(java.groups(), before);
    // A group that only ever committed would have been seen.
    let group = unique("group");
    java.commit_for(&group, source.name());
    assert!(java.groups().contains(&group));
    fs::remove_dir_all(dir).expect("a folder of ours");
}
