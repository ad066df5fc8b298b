//! The client that reads, on a real Kafka: what brokers send, and how it is understood.

use std::{fs, sync::Arc, time::Duration};

use dashstream_e2e::{
    java::JavaClient,
    kafka::{Kafka, unique},
    mock::MockKafka,
    producer::{Input, Topic, now_ms},
};
use dashstream_kafka::{Ask, Cluster, Error, Item, Limits, PartitionReader, Settings};
use rskafka::client::partition::Compression;
use tokio::runtime::Runtime;

fn settings(brokers: &str) -> Settings {
    Settings {
        brokers: brokers.split(',').map(str::to_owned).collect(),
        client_id: "dashstream-e2e".into(),
        tls: None,
        login: None,
        timeout: Duration::from_secs(20),
        wait: Duration::from_millis(500),
        partition_bytes: 1024 * 1024,
        limits: Limits::default(),
    }
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be started")
}

fn inputs(values: impl IntoIterator<Item = Vec<u8>>, timestamp_ms: i64) -> Vec<Input> {
    let input = |value| Input {
        key: b"k".to_vec(),
        value: Some(value),
        timestamp_ms,
    };
    values.into_iter().map(input).collect()
}

fn produce(topic: &Topic, count: u64) {
    let values = (0..count).map(|n| n.to_string().into_bytes());
    let produced = topic.produce_batch(0, inputs(values, now_ms()));
    assert_eq!(produced.len() as u64, count);
}

const fn ask(offset: u64) -> Ask {
    Ask {
        offset,
        last_epoch: None,
        is_patient: false,
    }
}

/// What was read, up to `end`.
#[derive(Debug, Default)]
struct Seen {
    records: Vec<(u64, i64, Vec<u8>)>,
    aborted: u64,
    fetches: u64,
    position: u64,
    epoch: i32,
}

impl Seen {
    fn offsets(&self) -> Vec<u64> {
        self.records.iter().map(|(offset, ..)| *offset).collect()
    }
}

async fn read(reader: &mut PartitionReader, from: u64, end: u64) -> Seen {
    let mut seen = Seen {
        position: from,
        ..Seen::default()
    };
    while seen.position < end {
        let mut fetched = reader.fetch(ask(seen.position)).await.expect("an answer");
        seen.fetches += 1;
        while let Some(item) = fetched.next().await {
            match item {
                Item::Records(records) => seen.records.extend(records.iter().map(|one| {
                    (
                        one.offset,
                        one.timestamp_ms,
                        one.value.unwrap_or_default().to_vec(),
                    )
                })),
                Item::Lost { .. } => panic!("{item:?}"),
            }
        }
        seen.position = fetched.position();
        seen.epoch = fetched.epoch();
        seen.aborted += fetched.aborted_records();
    }
    seen
}

#[test]
fn every_compression_gives_the_values_that_were_sent() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("client-codecs", 1);
    let sent = [
        Compression::NoCompression,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    let value = |n: u64| format!("{n} ").repeat(40).into_bytes();
    for compression in sent {
        let from = topic.end(0);
        let batch = inputs((from..from + 500).map(value), now_ms());
        assert_eq!(topic.produce_packed(0, batch, compression).len(), 500);
    }
    runtime().block_on(async {
        let cluster = Cluster::new(settings(kafka.brokers()));
        let mut reader = reader(&cluster, topic.name(), 0).await;
        let seen = read(&mut reader, 0, 2_500).await;
        assert_eq!(seen.records.len(), 2_500);
        for (n, (offset, _, sent)) in (0..).zip(&seen.records) {
            assert_eq!((*offset, sent), (n, &value(n)));
        }
        assert_eq!(reader.earliest().await, Ok(0));
        assert_eq!(reader.last_stable().await, Ok(2_500));
        assert_eq!(reader.at_time(0).await, Ok(Some(0)));
        assert_eq!(reader.at_time(now_ms() + 3_600_000).await, Ok(None));
        assert_eq!(cluster.topic("nobody-made-this").await, Ok(None));
    });
}

/// X1: Kafka's own compression a thousandfold and more costs the client no more than its limits.
#[test]
fn a_thousandfold_compression_stays_within_the_limits() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("client-ratio", 1);
    for _ in 0..20 {
        let batch = inputs((0..600).map(|_| vec![b'x'; 16_384]), now_ms());
        assert_eq!(topic.produce_packed(0, batch, Compression::Zstd).len(), 600);
    }
    runtime().block_on(async {
        let cluster = Cluster::new(settings(kafka.brokers()));
        let mut reader = reader(&cluster, topic.name(), 0).await;
        let (mut records, mut position, mut most) = (0, 0, 0);
        while position < 12_000 {
            let mut fetched = reader.fetch(ask(position)).await.expect("an answer");
            while let Some(item) = fetched.next().await {
                if let Item::Records(some) = item {
                    records += some.len();
                }
                most = most.max(cluster.held().fetched + cluster.held().unpacked);
            }
            position = fetched.position();
        }
        assert_eq!(records, 12_000);
        assert!(most < 16 * 1024 * 1024, "{most} bytes held");
        assert_eq!(cluster.held().unpacked, 0);
    });
}

/// X6: a transaction every ten records costs no fetch of its own, and aborted ones did not happen.
#[test]
fn transactions_cost_no_fetches_and_aborted_ones_are_left_out() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let topic = kafka.topic("client-transactions", 1);
    let mut expected = Vec::new();
    for transaction in 0..60_u64 {
        let aborts = transaction % 3 == 1;
        java.begin();
        for n in 0..10 {
            let value = format!("{transaction}.{n}").into_bytes();
            java.add((topic.name(), 0), None, Some(&value), &[("null", None)]);
        }
        let offsets = java.flush();
        if aborts {
            java.abort();
        } else {
            java.commit();
            expected.extend(offsets);
        }
    }
    java.begin();
    java.add((topic.name(), 0), None, Some(b"open"), &[]);
    let open = java.flush()[0];
    runtime().block_on(async {
        let cluster = Cluster::new(settings(kafka.brokers()));
        let mut reader = reader(&cluster, topic.name(), 0).await;
        let seen = read(&mut reader, 0, open).await;
        assert_eq!(seen.offsets(), expected);
        assert_eq!((seen.aborted, seen.position), (200, open));
        assert_eq!(seen.fetches, 1, "600 records and 60 markers fit one answer");
        // X5: what the open one hides is known.
        let fetched = reader.fetch(ask(open)).await.expect("an answer");
        assert_eq!(
            (fetched.last_stable(), fetched.high_watermark()),
            (open, open + 1)
        );
        assert_eq!(fetched.position(), open);
        assert_eq!(reader.last_stable().await, Ok(open));
        assert_eq!(reader.high_watermark().await, Ok(open + 1));
        java.abort();
        let seen = read(&mut reader, open, open + 2).await;
        assert_eq!(
            (seen.records.len(), seen.aborted, seen.position),
            (0, 1, open + 2)
        );
    });
}

/// X14: the time of a record is what Kafka says it is, on both kinds of topic.
#[test]
fn the_time_is_the_brokers_where_the_topic_says_so() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let long_ago = 1_577_836_800_000;
    for (kind, compression) in [
        ("CreateTime", Compression::NoCompression),
        ("LogAppendTime", Compression::NoCompression),
        ("LogAppendTime", Compression::Zstd),
    ] {
        let name = unique("client-time");
        java.create_topic(&name, 1, &[&format!("message.timestamp.type={kind}")]);
        let topic = Topic::open(kafka.brokers(), &name, 1);
        let before = now_ms();
        let batch = inputs([b"a".to_vec(), b"b".to_vec()], long_ago);
        assert_eq!(topic.produce_packed(0, batch, compression).len(), 2);
        runtime().block_on(async {
            let cluster = Cluster::new(settings(kafka.brokers()));
            let mut reader = reader(&cluster, &name, 0).await;
            for (_, time, _) in read(&mut reader, 0, 2).await.records {
                let is_right = if kind == "CreateTime" {
                    time == long_ago
                } else {
                    (before..=now_ms()).contains(&time)
                };
                assert!(is_right, "{kind}: {time}");
            }
        });
    }
}

/// X7: a log that lost its end says where, and a topic that was created again says that it is another one.
#[test]
fn a_truncated_log_is_told_from_another_topic() {
    let Some(mut kafka) = Kafka::start("client-truncated") else {
        return;
    };
    let topic = kafka.topic("truncated", 1);
    for _ in 0..10 {
        produce(&topic, 10);
    }
    let runtime = runtime();
    let cluster = Cluster::new(settings(kafka.brokers()));
    let epoch = runtime.block_on(async {
        let mut reader = reader(&cluster, topic.name(), 0).await;
        read(&mut reader, 0, 100).await.epoch
    });
    kafka.stop();
    kafka.cut_log(topic.name(), 0, |len| len * 8 / 10);
    kafka.start_again();
    let topic = Topic::open(kafka.brokers(), topic.name(), 1);
    assert_eq!(topic.end(0), 80);
    runtime.block_on(async {
        let mut reader = again(&cluster, topic.name()).await;
        let beyond = Ask {
            last_epoch: Some(epoch),
            ..ask(100)
        };
        let told = reader.fetch(beyond).await.map(|fetched| fetched.position());
        assert_eq!(told, Err(Error::Truncated { epoch, end: 80 }));
        assert_eq!(reader.end_of_epoch(epoch).await, Ok(Some((epoch, 80))));
        let without = reader
            .fetch(ask(100))
            .await
            .map(|fetched| fetched.position());
        assert_eq!(
            without,
            Err(Error::OutOfRange),
            "nobody said what was read before"
        );
        // Also once the log is as long as it was.
        tokio::task::block_in_place(|| produce(&topic, 30));
        let told = reader.fetch(beyond).await.map(|fetched| fetched.position());
        assert_eq!(told, Err(Error::Truncated { epoch, end: 80 }));
    });

    runtime.block_on(is_another_when_created_again(&kafka, &cluster, topic));
}

async fn is_another_when_created_again(kafka: &Kafka, cluster: &Cluster, topic: Topic) {
    let name = topic.name().to_owned();
    let mut old = again(cluster, &name).await;
    let id = old.topic_id();
    assert!(!id.is_unknown());
    tokio::task::block_in_place(|| {
        topic.delete();
        produce(&Topic::create(kafka.brokers(), &name, 1), 120);
    });
    let told = loop {
        match old.fetch(ask(100)).await.map(|fetched| fetched.position()) {
            // The broker has not taken the old one out of memory yet.
            Err(Error::NotLeader | Error::Absent) => continue,
            told => break told,
        }
    };
    assert_eq!(told, Err(Error::AnotherTopic));
    while again(cluster, &name).await.topic_id() == id {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn reader(cluster: &Cluster, topic: &str, partition: u32) -> PartitionReader {
    let reader = cluster.partition(topic, partition).await;
    reader.expect("it is there")
}

/// The reader, once the cluster knows the partition's leader again.
async fn again(cluster: &Cluster, topic: &str) -> PartitionReader {
    loop {
        match cluster.partition(topic, 0).await {
            Ok(reader) if reader.high_watermark().await.is_ok() => return reader,
            // Answers about a topic are kept for half a second.
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// X12: 600 partitions, two connections.
#[test]
fn all_partitions_of_a_broker_share_its_connections() {
    let Some(kafka) = Kafka::start("client-many") else {
        return;
    };
    let partitions = 600;
    let topic = kafka.topic("many", partitions);
    for partition in 0..partitions {
        let batch = inputs([partition.to_string().into_bytes()], now_ms());
        assert_eq!(topic.produce_batch(partition, batch).len(), 1);
    }
    let name = topic.name().to_owned();
    drop(topic);
    let port = kafka
        .brokers()
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    runtime().block_on(async {
        let cluster = Arc::new(Cluster::new(settings(kafka.brokers())));
        let mut tasks = tokio::task::JoinSet::new();
        for partition in 0..partitions {
            let (cluster, name) = (Arc::clone(&cluster), name.clone());
            tasks.spawn(async move {
                let mut reader = reader(&cluster, &name, partition).await;
                assert_eq!(reader.high_watermark().await, Ok(1));
                let seen = read(&mut reader, 0, 1).await;
                assert_eq!(seen.records[0].2, partition.to_string().into_bytes());
                // Waiting for the next one.
                let patient = Ask {
                    is_patient: true,
                    ..ask(1)
                };
                let waited = reader.fetch(patient).await.expect("an answer");
                assert_eq!(waited.position(), 1);
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no task fails");
        }
        // The one it began with, and two for the one broker it found.
        let count = connections(&port);
        assert!((2..=3).contains(&count), "{count} connections");
    });
}

/// Established connections of this process to that port of loopback.
fn connections(port: &str) -> usize {
    let port: u16 = port.parse().expect("a port");
    let mine: Vec<String> = fs::read_dir("/proc/self/fd")
        .expect("descriptors")
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|link| {
            link.to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')
                .map(str::to_owned)
        })
        .collect();
    let remote = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/self/net/tcp").expect("connections");
    let is_counted = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(2).is_some_and(|to| to.ends_with(&remote))
            && fields.get(3) == Some(&"01")
            && fields
                .get(9)
                .is_some_and(|inode| mine.iter().any(|one| one == inode))
    };
    table.lines().filter(is_counted).count()
}

/// A record is there as soon as Kafka has it, also while others are waited for.
#[test]
fn a_waiting_partition_is_woken_by_its_record() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("client-wake", 3);
    runtime().block_on(async {
        let mut settings = settings(kafka.brokers());
        settings.wait = Duration::from_secs(15);
        let cluster = Cluster::new(settings);
        let mut reader = reader(&cluster, topic.name(), 1).await;
        let waiting = tokio::spawn(async move {
            let patient = Ask {
                is_patient: true,
                ..ask(0)
            };
            let begun = std::time::Instant::now();
            let mut fetched = reader.fetch(patient).await.expect("an answer");
            let is_there =
                matches!(fetched.next().await, Some(Item::Records(one)) if one.len() == 1);
            (is_there, begun.elapsed())
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let produced = tokio::task::block_in_place(|| {
            topic.produce_batch(1, inputs([b"now".to_vec()], now_ms()))
        });
        assert_eq!(produced.len(), 1);
        let (is_there, took) = waiting.await.expect("it ends");
        assert!(is_there && took < Duration::from_secs(10), "{took:?}");
    });
}

/// librdkafka's mock cluster speaks other versions, and answers as no real broker does.
#[test]
fn the_mock_cluster_is_understood() {
    let Some(mock) = MockKafka::start(3, "mocked", 4) else {
        return;
    };
    let topic = Topic::open(mock.brokers(), "mocked", 4);
    produce(&topic, 50);
    runtime().block_on(async {
        let cluster = Cluster::new(settings(mock.brokers()));
        let found = cluster
            .topic("mocked")
            .await
            .expect("an answer")
            .expect("a topic");
        assert_eq!(found.partitions.len(), 4);
        let mut reader = reader(&cluster, "mocked", 0).await;
        assert_eq!(reader.last_stable().await, Ok(50));
        assert_eq!(read(&mut reader, 0, 50).await.records.len(), 50);
    });
}
