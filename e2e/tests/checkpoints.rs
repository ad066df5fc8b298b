//! Checkpoints of the real relay: files of no use, a topic recreated while it is away, and kills.

use std::{
    collections::BTreeSet,
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use dashstream_e2e::{
    child::until,
    disk::SmallDisk,
    kafka::Kafka,
    payload,
    place::fresh_dir,
    producer::{Input, Topic, now_ms},
    reconcile::reconcile,
    relay::Relay,
    watcher::{Watcher, outline},
};
use dashstream_relay::checkpoint::{Checkpoint, FileKey, load};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const KILLS: u64 = 200;
const BROKEN: &[u8] = b"{\"not\": \"framed\"}";

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // A leftover in the temporary folder is no reason to fail a test.
        let _left: std::io::Result<()> = fs::remove_dir_all(&self.0);
    }
}

fn produce(topic: &Topic, partition: u32, values: impl IntoIterator<Item = Vec<u8>>) -> u64 {
    let input = |value| Input {
        key: b"kept".to_vec(),
        value: Some(value),
        timestamp_ms: now_ms(),
    };
    let inputs = values.into_iter().map(input).collect();
    let produced = topic.produce_batch(partition, inputs);
    produced.first().expect("one at least").offset
}

fn good(sequence: u64) -> Vec<u8> {
    payload::event("kept", "node", sequence)
}

fn checkpoint(dir: &Path, topic: &str, partition: u32) -> Option<Checkpoint> {
    let found = load(dir, FileKey { topic, partition });
    found.unwrap_or_else(|fault| panic!("partition {partition}: {fault}"))
}

fn everything(relay: &Relay, partition: u32, position: u64) -> Vec<String> {
    let (mut watcher, _) = Watcher::resume(relay.address(), &json!({"from": "earliest"}));
    let mut frames = watcher.frames_to(partition, position);
    frames.retain(|(header, _)| header.partition == partition);
    outline(&frames)
}

/// OPS-02: whatever lies where a checkpoint should, the relay starts, reads everything and says so.
#[test]
fn files_of_no_use_stop_nothing() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("faulty", 5);
    let folder = Folder(fresh_dir("faulty"));
    let of_topic = folder.0.join(topic.name());
    fs::create_dir_all(&of_topic).expect("a folder of our own");
    let files: [(&[u8], &str); 5] = [
        (b"", "empty"),
        (b" \n", "empty"),
        (
            br#"{"topic":"another","partition":2,"offset":1}"#,
            "foreign",
        ),
        (b"-7", "negative"),
        (b"\x7fELF", "garbage"),
    ];
    for (partition, (text, _)) in (0..).zip(files) {
        let file = of_topic.join(format!("{partition}.json"));
        fs::write(file, text).expect("a folder of our own");
        produce(&topic, partition, [good(1), good(2)]);
    }
    let dir = format!("--checkpoint-dir={}", folder.0.display());
    let flags = [dir.as_str(), "--checkpoint-interval-ms=100"];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &flags) else {
        return;
    };
    let metrics = relay.metrics();
    for fault in ["empty", "foreign", "negative", "garbage"] {
        let wanted = files.iter().filter(|(_, is)| *is == fault).count();
        let labels = [("fault", fault)];
        let counted = metrics.sum("dashstream_relay_checkpoint_faults_total", &labels);
        assert_eq!(counted, wanted as f64, "{fault}");
    }
    for (partition, (text, _)) in (0..).zip(files) {
        assert_eq!(everything(&relay, partition, 2), ["record 0", "record 1"]);
        let aside = of_topic.join(format!("{partition}.unusable"));
        assert_eq!(fs::read(aside).expect("moved aside"), text);
        let settled = || checkpoint(&folder.0, topic.name(), partition);
        until("a checkpoint in its place", PATIENCE, || {
            settled().filter(|found| found.offset == 2)
        });
    }
    relay.wait_ready();
}

/// RES-19, OPS-02: a topic recreated while the relay was away is read from its beginning, although its
/// end lies beyond the checkpoint.
#[test]
fn a_topic_made_anew_while_the_relay_is_away_is_noticed() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("away", 1);
    let name = topic.name().to_owned();
    let folder = Folder(fresh_dir("away"));
    let dir = format!("--checkpoint-dir={}", folder.0.display());
    let flags = [dir.as_str(), "--kafka-auto-offset-reset=latest"];
    let Some(mut relay) = Relay::start(kafka.brokers(), &name, &flags) else {
        return;
    };
    produce(&topic, 0, (0..10).map(good));
    assert_eq!(everything(&relay, 0, 10).len(), 10);
    relay.terminate();
    assert_eq!(relay.wait(Duration::from_secs(30)).code(), Some(0));
    let found = checkpoint(&folder.0, &name, 0).expect("written at the end");
    assert_eq!(found.offset, 10);
    topic.delete();
    let topic = Topic::create(kafka.brokers(), &name, 1);
    produce(&topic, 0, (0..30).map(good));
    relay.start_again();
    let wanted: Vec<_> = (0..30).map(|offset| format!("record {offset}")).collect();
    assert_eq!(everything(&relay, 0, 30), wanted);
    let metrics = reconcile(&mut relay, 30);
    assert_eq!(metrics.sum("dashstream_relay_topic_resets_total", &[]), 1.0);
}

/// OPS-02: a disk that is full costs checkpoints, each counted, and no record; with room again they come.
#[test]
fn a_full_disk_costs_checkpoints_only() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(disk) = SmallDisk::mount("full") else {
        return;
    };
    let filler = disk.path().join("filler");
    let mut file = fs::File::create(&filler).expect("a disk of our own");
    let full = std::iter::repeat_with(|| file.write_all(&[0; 4096])).find_map(Result::err);
    assert!(full.is_some_and(|error| error.kind() == ErrorKind::StorageFull));
    let topic = kafka.topic("full", 1);
    let dir = format!("--checkpoint-dir={}", disk.path().display());
    let flags = [dir.as_str(), "--checkpoint-interval-ms=50"];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &flags) else {
        return;
    };
    produce(&topic, 0, (0..10).map(good));
    let count = |relay: &Relay, name| relay.metrics().sum(name, &[]);
    let failures = "dashstream_offset_checkpoint_failures_total";
    relay.wait_for("failures counted", PATIENCE, |relay| {
        count(relay, failures) >= 2.0
    });
    assert_eq!(everything(&relay, 0, 10).len(), 10);
    assert_eq!(
        count(&relay, "dashstream_offset_checkpoint_writes_total"),
        0.0
    );
    assert_eq!(
        checkpoint(&disk.path(), topic.name(), 0),
        None,
        "nothing half written"
    );
    drop(file);
    fs::remove_file(&filler).expect("a disk of our own");
    until("a checkpoint", PATIENCE, || {
        checkpoint(&disk.path(), topic.name(), 0).filter(|found| found.offset == 10)
    });
    relay.wait_ready();
    let _agreed = reconcile(&mut relay, 10);
}

/// OPS-02, DLQ-05: killed again and again at moments of no choice, the relay leaves readable files that
/// never go back, and loses neither a record nor a dead letter.
#[test]
fn two_hundred_kills_lose_nothing() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("kills", 2);
    let letters_topic = kafka.topic("kills-letters", 1);
    let folder = Folder(fresh_dir("kills"));
    let dir = format!("--checkpoint-dir={}", folder.0.display());
    let flags = [
        dir.as_str(),
        "--checkpoint-interval-ms=10",
        "--kafka-dlq-topic",
        letters_topic.name(),
    ];
    let settled = |partition| checkpoint(&folder.0, topic.name(), partition);
    let mut before = [0; 2];
    let (mut broken, mut end) = (BTreeSet::new(), 0);
    for kill in 0..KILLS {
        let Some(mut relay) = Relay::launch(kafka.brokers(), topic.name(), &flags) else {
            return;
        };
        if kill == 0 {
            // Without any checkpoint what is in the topic at start is history.
            until("the first checkpoints", PATIENCE, || {
                settled(0).and_then(|_| settled(1))
            });
        }
        // An odd multiplier walks through all delays in no order that the relay could follow.
        let delay_ms = kill * 7_919 % 400;
        std::thread::sleep(Duration::from_millis(delay_ms / 2));
        for partition in 0..2 {
            let values = (0..8).map(|n| if n % 4 == 1 { BROKEN.to_vec() } else { good(n) });
            let first = produce(&topic, partition, values);
            broken.extend([(partition, first + 1), (partition, first + 5)]);
            end = first + 8;
        }
        std::thread::sleep(Duration::from_millis(delay_ms / 2));
        relay.kill();
        for (partition, before) in (0..).zip(&mut before) {
            let found = settled(partition).expect("never without one again");
            assert!(found.offset >= *before, "{} after {before}", found.offset);
            assert!(found.offset <= end, "{} of {end}", found.offset);
            *before = found.offset;
        }
    }
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &flags) else {
        return;
    };
    for partition in 0..2 {
        assert_eq!(everything(&relay, partition, end).len() as u64, end);
        until("the end settled", PATIENCE, || {
            settled(partition).filter(|found| found.offset == end)
        });
    }
    let letters = letters_topic.read(0).into_iter().map(|read| {
        let value = read.record.value.expect("a letter");
        let letter: Value = serde_json::from_slice(&value).expect("JSON");
        let partition = letter["source_partition"].as_u64().expect("a partition");
        let offset = letter["source_offset"].as_u64().expect("an offset");
        (u32::try_from(partition).expect("a partition"), offset)
    });
    let letters: BTreeSet<_> = letters.collect();
    let lost: Vec<_> = broken.difference(&letters).collect();
    assert!(lost.is_empty(), "no letter about {lost:?}");
    assert_eq!(letters.len(), broken.len(), "letters about sound records");
    relay.wait_ready();
}
