//! The broker as clients see it that know nothing of it: the simulator's library, the relay's own, and kcat.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::DateTime;
use dashstream_demo_broker::{Broker, serve};
use dashstream_kafka::{Ask, Cluster, Error, Item, Limits, PartitionReader, Settings};
use rskafka::{
    client::{
        Client, ClientBuilder,
        partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use tokio::{net::TcpListener, time::Instant};

/// A broker with one topic of two partitions.
async fn broker(partition_bytes_max: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let topics = vec!["runs:2".parse().expect("a topic")];
    let broker = Broker::new(address, topics, partition_bytes_max);
    tokio::spawn(serve(listener, Arc::new(broker), |why| {
        REPORTS
            .lock()
            .expect("no test panicked")
            .push(why.to_owned());
    }));
    address
}

/// What the brokers of these tests reported.
static REPORTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

async fn producer(address: SocketAddr) -> PartitionClient {
    let client: Client = ClientBuilder::new(vec![address.to_string()])
        .build()
        .await
        .expect("a connection");
    let topics = client.list_topics().await.expect("its topics");
    let names: Vec<_> = topics
        .iter()
        .map(|topic| (topic.name.as_str(), topic.partitions.len()))
        .collect();
    assert_eq!(names, [("runs", 2)]);
    client
        .partition_client("runs", 1, UnknownTopicHandling::Error)
        .await
        .expect("a partition")
}

fn records(from: i64, count: i64) -> Vec<Record> {
    let record = |n: i64| Record {
        key: Some(b"key".to_vec()),
        value: Some(value(n)),
        headers: BTreeMap::new(),
        timestamp: DateTime::from_timestamp_millis(1_000 + n).expect("a time"),
    };
    (from..from + count).map(record).collect()
}

fn value(n: i64) -> Vec<u8> {
    format!("record {n} ").repeat(20).into_bytes()
}

fn cluster(address: SocketAddr) -> Cluster {
    Cluster::new(Settings {
        brokers: vec![address.to_string()],
        client_id: "test".into(),
        tls: None,
        login: None,
        timeout: Duration::from_secs(20),
        wait: Duration::from_secs(10),
        partition_bytes: 1024 * 1024,
        limits: Limits::default(),
    })
}

/// What the relay's client reads from an offset on, in one answer.
async fn read(reader: &mut PartitionReader, offset: u64) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let ask = Ask {
        offset,
        last_epoch: Some(0),
        is_patient: true,
    };
    let mut fetched = reader.fetch(ask).await?;
    let mut seen = Vec::new();
    while let Some(item) = fetched.next().await {
        let Item::Records(records) = item else {
            panic!("{item:?}");
        };
        let own = |record: &dashstream_kafka::Record<'_>| {
            (record.offset, record.value.unwrap_or_default().to_vec())
        };
        seen.extend(records.iter().map(own));
    }
    Ok(seen)
}

#[tokio::test]
async fn what_is_produced_is_read_by_both_libraries() {
    let address = broker(1024 * 1024).await;
    let producer = producer(address).await;
    for (from, packing) in [
        (0, Compression::NoCompression),
        (50, Compression::Zstd),
        (100, Compression::Lz4),
    ] {
        let sent = producer.produce(records(from, 50), packing).await;
        assert_eq!(sent.expect("taken"), (from..from + 50).collect::<Vec<_>>());
    }
    let latest = producer.get_offset(OffsetAt::Latest).await;
    assert_eq!(latest.expect("an offset"), 150);
    let (read_back, end) = producer
        .fetch_records(70, 1..1_000_000, 1_000)
        .await
        .expect("records");
    assert_eq!((read_back.len(), end), (80, 150));
    assert_eq!(read_back[0].record.value, Some(value(70)));

    let cluster = cluster(address);
    assert_eq!(cluster.topic("nobody-made-this").await, Ok(None));
    let topic = cluster
        .topic("runs")
        .await
        .expect("an answer")
        .expect("a topic");
    assert!(!topic.id.is_unknown() && topic.partitions.len() == 2);
    let mut reader = cluster.partition("runs", 1).await.expect("a partition");
    assert_eq!(reader.earliest().await, Ok(0));
    assert_eq!(reader.last_stable().await, Ok(150));
    assert_eq!(reader.end_of_epoch(0).await, Ok(Some((0, 150))));
    assert_eq!(reader.at_time(1_060).await, Ok(Some(50)), "of the batch");
    assert_eq!(reader.at_time(9_000).await, Ok(None));
    let seen = read(&mut reader, 0).await.expect("records");
    let expected: Vec<_> = (0..150).map(|n| (n as u64, value(n))).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_patient_reader_gets_a_record_when_it_comes() {
    let address = broker(1024 * 1024).await;
    let producer = producer(address).await;
    let cluster = cluster(address);
    let mut reader = cluster.partition("runs", 1).await.expect("a partition");
    let begun = Instant::now();
    let produce = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        producer
            .produce(records(0, 1), Compression::NoCompression)
            .await
    };
    let (seen, sent) = tokio::join!(read(&mut reader, 0), produce);
    assert_eq!(seen, Ok(vec![(0, value(0))]));
    assert_eq!(sent.expect("taken"), [0]);
    // The wait that was asked for is ten seconds.
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn old_records_make_room_and_their_offsets_are_out_of_range() {
    let address = broker(40_000).await;
    let producer = producer(address).await;
    for from in (0..1_000).step_by(50) {
        let sent = producer
            .produce(records(from, 50), Compression::NoCompression)
            .await;
        assert_eq!(sent.expect("taken").first(), Some(&from));
    }
    let cluster = cluster(address);
    let mut reader = cluster.partition("runs", 1).await.expect("a partition");
    let start = reader.earliest().await.expect("an offset");
    assert!((800..950).contains(&start) && start % 50 == 0, "{start}");
    assert_eq!(read(&mut reader, start - 1).await, Err(Error::OutOfRange));
    let seen = read(&mut reader, start).await.expect("records");
    assert_eq!(seen.first(), Some(&(start, value(start as i64))));
    assert_eq!(seen.last(), Some(&(999, value(999))));
}

#[tokio::test]
async fn a_request_that_is_too_long_ends_its_connection_alone() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = broker(40_000).await;
    for (head, expected) in [
        (&[0x7f, 0xff, 0xff, 0xff][..], "out of bounds"),
        (&[0xff, 0xff, 0xff, 0xff], "out of bounds"),
        (&[0, 0, 0, 4, 9, 9, 9, 9], "ends too early"),
    ] {
        REPORTS.lock().expect("no test panicked").clear();
        let mut stream = tokio::net::TcpStream::connect(address)
            .await
            .expect("a connection");
        stream.write_all(head).await.expect("it listens");
        let ended = stream.read(&mut [0; 16]).await;
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
        let reported = async {
            let is_there = |why: &String| why.contains(expected);
            while !REPORTS
                .lock()
                .expect("no test panicked")
                .iter()
                .any(is_there)
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(10), reported).await;
        in_time.unwrap_or_else(|_| panic!("not reported: {expected}"));
    }
    assert_eq!(cluster(address).topic("nobody-made-this").await, Ok(None));
}

fn program(input: Stdio) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dashstream-demo-broker"))
        .args(["--topic", "runs:2"])
        .stdin(input)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    output.read_line(&mut line).expect("a line");
    let address = line.trim_end().strip_prefix("bootstrap=");
    (child, address.expect("an address").to_owned())
}

#[test]
fn kcat_writes_and_reads() {
    let Some(kcat) = kcat() else { return };
    let (mut child, address) = program(Stdio::piped());
    let kcat = |arguments: &[&str], input: &str| {
        let mut command = Command::new(&kcat);
        command.args(["-b", &address, "-t", "runs", "-p", "1", "-q"]);
        let mut running = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("kcat starts");
        let mut lines = running.stdin.take().expect("its input");
        lines.write_all(input.as_bytes()).expect("it reads");
        drop(lines);
        let output = running.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    kcat(&["-P", "-K:"], "a:one\nb:two\nc:three\n");
    let read = kcat(&["-C", "-o1", "-e", "-f%o %k %s\n"], "");
    assert_eq!(read, "1 b two\n2 c three\n");
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends with its input").success());
}

#[test]
fn sigterm_ends_it_cleanly() {
    let (mut child, _) = program(Stdio::piped());
    let id = child.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &id]).status();
    assert!(kill.expect("kill runs").success());
    assert!(child.wait().expect("it ends").success());
}

/// A client that nobody here wrote.
fn kcat() -> Option<std::path::PathBuf> {
    let given = std::env::var_os("DASHSTREAM_KCAT").map(std::path::PathBuf::from);
    let kcat = given.unwrap_or_else(|| "/usr/bin/kcat".into());
    if kcat.is_file() {
        return Some(kcat);
    }
    let required = std::env::var("DASHSTREAM_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required, "no kcat (DASHSTREAM_KCAT)");
    println!("SKIPPED: no kcat (DASHSTREAM_KCAT)");
    None
}
