//! A topic that is deleted and created again under its name while the relay runs: the relay goes on
//! with the new one by itself, and its clients are told.

use std::{process::Command, time::Duration};

use dashstream_e2e::{
    cli::Cli,
    http,
    kafka::Kafka,
    payload,
    producer::{Input, Topic, now_ms},
    relay::Relay,
    watcher::{Watcher, integer, outline},
};
use decode_core::frame::FrameHeader;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const QUICK: [&str; 4] = [
    "--kafka-metadata-interval-secs=1",
    "--kafka-lag-check-interval-secs=1",
    "--kafka-backoff-max-ms=500",
    "--kafka-operation-timeout-secs=5",
];

fn produce(topic: &Topic, partition: u32, thread: &str, count: u64) -> Vec<Vec<u8>> {
    let inputs: Vec<Input> = (1..=count)
        .map(|n| Input {
            key: thread.as_bytes().to_vec(),
            value: Some(payload::event(thread, "node", n)),
            timestamp_ms: now_ms(),
        })
        .collect();
    let produced = topic.produce_batch(partition, inputs);
    let values = produced.into_iter().map(|one| one.input.value);
    values.map(|value| value.expect("an event")).collect()
}

fn from_earliest(relay: &Relay) -> Watcher {
    Watcher::resume(relay.address(), &json!({"from": "earliest"})).0
}

fn payloads(watcher: &mut Watcher, partition: u32, position: u64) -> Vec<Vec<u8>> {
    let frames = watcher.frames_to(partition, position);
    frames.into_iter().map(|(_, payload)| payload).collect()
}

fn resets(relay: &Relay) -> f64 {
    relay
        .metrics()
        .sum("dashstream_relay_topic_resets_total", &[])
}

fn told(reset: &Value) -> (u64, u64, u64) {
    let partition = reset["partition"].as_u64().expect("a partition");
    let (requested, position) = (&reset["requested"], &reset["position"]);
    (partition, integer(requested), integer(position))
}

fn signal(relay: &Relay, signal: &str) {
    let pid = relay.pid().to_string();
    let sent = Command::new("kill").args([signal, &pid]).status();
    assert!(sent.expect("kill runs").success());
}

/// RES-19: the new topic is shorter. The connection stands, `topic_reset` comes, then the new records
/// from the beginning; nobody restarts anything, and what comes later flows.
#[test]
fn a_shorter_topic_is_followed_on_the_same_connection() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("reset-shorter", 1);
    let name = topic.name().to_owned();
    let Some(mut relay) = Relay::start(kafka.brokers(), &name, &QUICK) else {
        return;
    };
    let mut early = from_earliest(&relay);
    let old = produce(&topic, 0, "old", 50);
    assert_eq!(payloads(&mut early, 0, 50), old);

    topic.delete();
    let topic = Topic::create(kafka.brokers(), &name, 1);
    let new = produce(&topic, 0, "new", 5);
    assert_eq!(told(&early.control("topic_reset")), (0, 50, 0));
    assert_eq!(payloads(&mut early, 0, 5), new);
    let more = produce(&topic, 0, "more", 3);
    assert_eq!(payloads(&mut early, 0, 8), more);

    assert_eq!(resets(&relay), 1.0);
    let metrics = relay.metrics();
    let cause = [("cause", "topic_reset")];
    assert_eq!(metrics.sum("dashstream_relay_gaps_total", &cause), 1.0);
    assert_eq!(
        metrics.sum("dashstream_relay_gap_offsets_total", &cause),
        50.0
    );
    relay.wait_ready();
    let whole: Vec<_> = new.into_iter().chain(more).collect();
    assert_eq!(payloads(&mut from_earliest(&relay), 0, 8), whole);
}

/// RES-19, RES-20: the new topic is longer than the old one was, so no offset tells them apart. A client
/// that had not got all of the old one is told by a gap what is gone with it.
#[test]
fn a_longer_topic_is_known_by_its_records() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("reset-longer", 1);
    let name = topic.name().to_owned();
    let Some(mut relay) = Relay::start(kafka.brokers(), &name, &QUICK) else {
        return;
    };
    let old = produce(&topic, 0, "old", 20);
    let mut early = from_earliest(&relay);
    assert_eq!(payloads(&mut early, 0, 20), old);
    // Asleep, the relay sees neither the deletion nor the topic while it is short.
    signal(&relay, "-STOP");
    topic.delete();
    let topic = Topic::create(kafka.brokers(), &name, 1);
    let new = produce(&topic, 0, "new", 60);
    // Its last fetch may have been answered before: that answer waits in the socket and says nothing.
    std::thread::sleep(Duration::from_secs(2));
    signal(&relay, "-CONT");
    assert_eq!(told(&early.control("topic_reset")), (0, 20, 0));
    assert_eq!(payloads(&mut early, 0, 60), new);
    assert_eq!(resets(&relay), 1.0);

    // One that comes with a cursor beyond the end of the new topic is told as well.
    let cursor = json!({"from": "cursor", "lastOffsetsByPartition": {"0": "99"}});
    let (mut late, _) = Watcher::resume(relay.address(), &cursor);
    assert_eq!(told(&late.control("topic_reset")), (0, 100, 0));
    let list = outline(&late.frames_to(0, 60));
    let wanted: Vec<_> = (0..60).map(|offset| format!("record {offset}")).collect();
    assert_eq!(list, wanted);
    relay.wait_ready();
}

fn resume_after(relay: &Relay, position: u64, last: Option<&FrameHeader>) -> Watcher {
    let mut fields = json!({"from": "cursor", "positions": {"0": position.to_string()}});
    if let Some(last) = last {
        let (offset, timestamp_ms) = (last.offset.to_string(), last.timestamp_ms.to_string());
        fields["fingerprints"] = json!({"0": {"offset": offset, "timestampMs": timestamp_ms}});
    }
    Watcher::resume(relay.address(), &fields).0
}

/// RES-19, RES-20: a client that was away while the topic was recreated, and whose cursor fits into the
/// new one, is told by its last record: what it had not got of the old one is a gap, then it gets the new
/// one from its beginning. One that was not away goes on.
#[test]
fn a_client_that_was_away_is_told_where_its_cursor_fits() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("reset-away", 1);
    let name = topic.name().to_owned();
    let Some(mut relay) = Relay::start(kafka.brokers(), &name, &QUICK) else {
        return;
    };
    produce(&topic, 0, "old", 20);
    let mut client = from_earliest(&relay);
    let (old, _) = client.frames_to(0, 20).pop().expect("the last of them");
    client.leave();
    produce(&topic, 0, "old", 10);
    assert_eq!(from_earliest(&relay).frames_to(0, 30).len(), 30);

    topic.delete();
    let topic = Topic::create(kafka.brokers(), &name, 1);
    let new = produce(&topic, 0, "new", 60);
    relay.wait_for("the new topic", PATIENCE, |relay| resets(relay) == 1.0);
    assert_eq!(payloads(&mut from_earliest(&relay), 0, 60), new);

    let mut back = resume_after(&relay, 20, Some(&old));
    let gap = back.frames_to(0, 30);
    assert_eq!(outline(&gap), ["gap 20-29 topic_reset"]);
    assert_eq!(told(&back.control("topic_reset")), (0, 30, 0));
    let all = back.frames_to(0, 60);
    let found: Vec<_> = all.iter().map(|(_, payload)| payload.clone()).collect();
    assert_eq!(found, new);

    let (of_new, _) = &all[39];
    let mut same = resume_after(&relay, 40, Some(of_new));
    assert_eq!(payloads(&mut same, 0, 60), new[40..]);
    // Without it nobody can know.
    let mut untold = resume_after(&relay, 20, None);
    assert_eq!(payloads(&mut untold, 0, 60), new[20..]);
}

/// RES-19, OPS-02: the client of this project sends its last record by itself. The relay was restarted
/// after the topic was, knows nothing of the old one, and tells when it has read so far.
#[test]
fn the_tool_is_told_by_a_relay_that_never_saw_the_old_topic() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("reset-tool", 1);
    let name = topic.name().to_owned();
    let Some(mut relay) = Relay::start(kafka.brokers(), &name, &QUICK) else {
        return;
    };
    produce(&topic, 0, "old", 20);
    let url = relay.ws_url();
    let arguments = [
        "tail",
        &url,
        "--json",
        "--until-records",
        "80",
        "--timeout",
        "100",
    ];
    let Some(tool) = Cli::start("tail", &arguments) else {
        return;
    };
    relay.wait_for("the tool has the old topic", PATIENCE, |_| {
        tool.output().lines().count() == 20
    });
    relay.kill();
    topic.delete();
    let topic = Topic::create(kafka.brokers(), &name, 1);
    produce(&topic, 0, "new", 60);
    relay.start_again();
    let finished = tool.wait(2 * PATIENCE);
    assert_eq!(finished.status.code(), Some(0), "{}", finished.errors);
    assert!(
        finished.errors.contains("topic_reset: partition 0"),
        "{}",
        finished.errors
    );
    let offsets: Vec<u64> = finished
        .output
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            integer(&line["offset"])
        })
        .collect();
    let wanted: Vec<u64> = (0..20).chain(0..60).collect();
    assert_eq!(offsets, wanted, "the old topic, then the new one whole");
}

/// RES-19, OPS-08: a partition that the new topic does not have holds nothing up: it is served as empty,
/// and the relay is ready.
#[test]
fn a_topic_made_anew_with_fewer_partitions_is_served() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("reset-fewer", 2);
    let name = topic.name().to_owned();
    let Some(mut relay) = Relay::start(kafka.brokers(), &name, &QUICK) else {
        return;
    };
    let mut early = from_earliest(&relay);
    for partition in 0..2 {
        let old = produce(&topic, partition, "old", 7);
        assert_eq!(payloads(&mut early, partition, 7), old);
    }
    topic.delete();
    let topic = Topic::create(kafka.brokers(), &name, 1);
    let new = produce(&topic, 0, "new", 3);
    let mut reset = [
        told(&early.control("topic_reset")),
        told(&early.control("topic_reset")),
    ];
    reset.sort_unstable();
    assert_eq!(reset, [(0, 7, 0), (1, 7, 0)]);
    let mut late = from_earliest(&relay);
    assert_eq!(payloads(&mut late, 0, 3), new);
    relay.wait_for("both partitions settled", PATIENCE, |relay| {
        let health = relay.get("/health").body;
        health.contains("\"phase\":\"gone\"") && health.contains("\"status\":\"ok\"")
    });
    // Long enough for the probe of a partition that is gone to become too old.
    std::thread::sleep(Duration::from_secs(4));
    let ready = http::get(relay.address(), "/ready").expect("an answer");
    assert_eq!(ready.status, 200, "{}", ready.body);
}
