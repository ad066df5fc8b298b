//! The fixtures themselves: a broker that comes up, keeps what it was given over a restart, and answers
//! two independent clients alike.

use std::process::Command;

use dashstream_e2e::{
    java::JavaClient,
    kafka::{Kafka, unique},
    producer::{Input, Topic, now_ms},
    requirement::{Tool, need},
};

fn input(key: &str, value: &str) -> Input {
    Input {
        key: key.into(),
        value: Some(value.into()),
        timestamp_ms: now_ms(),
    }
}

#[test]
fn kafka_keeps_records_over_a_restart() {
    let Some(mut kafka) = Kafka::start("restart") else {
        return;
    };
    let topic = kafka.topic("restart", 2);
    let produced = topic.produce((0..100).map(|n| input(&format!("k{}", n % 7), &format!("v{n}"))));
    assert_eq!(produced.len(), 100);

    kafka.stop();
    assert!(!Topic::answers(kafka.brokers()));
    kafka.start_again();

    let again = Topic::open(kafka.brokers(), topic.name(), 2);
    for partition in 0..2 {
        let wanted: Vec<_> = produced
            .iter()
            .filter(|one| one.partition == partition)
            .collect();
        let read = again.read(partition);
        assert_eq!(read.len(), wanted.len());
        for (read, wanted) in read.iter().zip(wanted) {
            assert_eq!(u64::try_from(read.offset), Ok(wanted.offset));
            assert_eq!(read.record.value, wanted.input.value);
            assert_eq!(
                read.record.timestamp.timestamp_millis(),
                wanted.input.timestamp_ms
            );
        }
    }
}

#[test]
fn kcat_reads_and_partitions_as_the_producer_does() {
    let (Some(kafka), Some(kcat)) = (Kafka::shared(), need(Tool::Kcat)) else {
        return;
    };
    let topic = kafka.topic("kcat", 8);
    let keys = ["session-1", "поток/α 1", "", "x", "session-2"];
    let produced = topic.produce(keys.iter().map(|key| input(key, "value")));
    let output = Command::new(kcat)
        .args(["-b", kafka.brokers(), "-C", "-e", "-q", "-t", topic.name()])
        .args(["-f", "%p %o %k\n"])
        .output()
        .expect("kcat runs");
    let mut read: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect();
    let mut wanted: Vec<String> = produced
        .iter()
        .map(|one| {
            let key = String::from_utf8_lossy(&one.input.key);
            format!("{} {} {key}", one.partition, one.offset)
        })
        .collect();
    read.sort();
    wanted.sort();
    assert_eq!(read, wanted);
}

#[test]
fn transactions_leave_offsets_without_records() {
    let Some(kafka) = Kafka::shared() else {
        return;
    };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let name = unique("transactions");
    java.create_topic(&name, 1, &["max.message.bytes=2000000"]);
    java.begin();
    java.add((&name, 0), Some(b"k"), Some(b"first"), &[]);
    java.add(
        (&name, 0),
        Some(b"k"),
        None,
        &[("h", None), ("h", Some(b"v"))],
    );
    assert_eq!(java.flush(), [0, 1]);
    java.commit();
    java.add((&name, 0), None, Some(b""), &[]);
    assert_eq!(
        java.flush(),
        [3],
        "the commit marker has an offset of its own"
    );
    let topic = Topic::open(kafka.brokers(), &name, 1);
    assert_eq!((topic.earliest(0), topic.end(0)), (0, 4));
}
