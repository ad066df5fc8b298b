//! A topic of many partitions, read by the tool over a connection that breaks half way.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use dashstream_e2e::{
    cli::Cli,
    digest::{Expected, Verdict},
    java::JavaClient,
    kafka::{Kafka, unique},
    payload,
    producer::{Input, Produced, now_ms},
    relay::Relay,
};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(240);

/// As many partitions as are tested; 600 where `DASHSTREAM_PARTITIONS` asks for nothing else. 2,000 take minutes.
fn partitions() -> u32 {
    let given = std::env::var("DASHSTREAM_PARTITIONS").ok();
    given.map_or(600, |text| text.parse().expect("a number"))
}

/// Writes a record to every partition; all of them have `offset` before.
fn produce(
    java: &mut JavaClient,
    (topic, count): (&str, u32),
    offset: u64,
) -> Vec<(Produced, Verdict)> {
    let mut all = Vec::new();
    for partition in 0..count {
        let thread = format!("many-{partition}");
        let value = payload::event(&thread, "node", offset + 1);
        java.add(
            (topic, partition),
            Some(thread.as_bytes()),
            Some(&value),
            &[],
        );
        let input = Input {
            key: thread.into_bytes(),
            value: Some(value),
            timestamp_ms: now_ms(),
        };
        let produced = Produced {
            partition,
            offset,
            input,
        };
        all.push((produced, Verdict::Record));
    }
    let offsets = java.flush();
    assert_eq!(offsets.len(), count as usize);
    assert!(offsets.iter().all(|&one| one == offset));
    all
}

/// Between the tool and the relay: hands on what comes until it is cut, and takes new connections then.
struct Line {
    address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    fn to(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let open = Arc::<Mutex<Vec<TcpStream>>>::default();
        let connections = Arc::clone(&open);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(relay) else {
                    continue;
                };
                let pairs = [
                    (client.try_clone(), server.try_clone()),
                    (server.try_clone(), client.try_clone()),
                ];
                connections
                    .lock()
                    .expect("no panic")
                    .extend([client, server]);
                for pair in pairs {
                    let (Ok(mut from), Ok(mut to)) = pair else {
                        continue;
                    };
                    thread::spawn(move || {
                        // Whoever ends first ends both.
                        let _copied: io::Result<u64> = io::copy(&mut from, &mut to);
                        let _closed: io::Result<()> = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Self { address, open }
    }

    fn cut(&self) {
        for one in self.open.lock().expect("no panic").drain(..) {
            let _closed: io::Result<()> = one.shutdown(Shutdown::Both);
        }
    }
}

/// M-1008, X10: what a client has after a reconnect equals the topic, record for record.
#[test]
fn a_client_of_many_partitions_comes_back_and_has_all_of_them() {
    let Some(kafka) = Kafka::start("many-partitions") else {
        return;
    };
    let Some(mut java) = JavaClient::start(kafka.brokers()) else {
        return;
    };
    let (topic, count) = (unique("many"), partitions());
    java.create_topic(&topic, count, &[]);
    let mut produced = produce(&mut java, (&topic, count), 0);
    let count = u64::from(count);
    let Some(mut relay) = Relay::start(kafka.brokers(), &topic, &[]) else {
        return;
    };
    let line = Line::to(relay.address());
    let url = format!("ws://{}/ws", line.address);
    let Some(tail) = Cli::tail("many", &url, 2 * count, PATIENCE) else {
        return;
    };
    let sent = |relay: &Relay| {
        relay
            .metrics()
            .sum("dashstream_relay_sent_frames_total", &[])
    };
    relay.wait_for("the first half sent", PATIENCE, |relay| {
        sent(relay) >= count as f64
    });
    line.cut();
    produced.extend(produce(&mut java, (&topic, partitions()), 1));

    let finished = tail.wait(PATIENCE);
    assert_eq!(finished.status.code(), Some(0), "{}", finished.errors);
    let totals: Value = serde_json::from_str(finished.output.trim()).expect("JSON");
    let expected = Expected::of(&produced);
    assert_eq!(totals["records"].as_u64(), Some(2 * count), "{totals}");
    assert_eq!(totals["gaps"].as_u64(), Some(0));
    let shown = totals["partitions"].as_object().expect("partitions");
    assert_eq!(shown.len() as u64, count);
    for (partition, one) in shown {
        let number: u32 = partition.parse().expect("a partition");
        let digest = expected.digests.get(&number).map(String::as_str);
        assert_eq!(one["digest"].as_str(), digest, "partition {partition}");
    }
    let metrics = relay.metrics();
    let counted = |name: &str| metrics.sum(name, &[]);
    assert_eq!(counted("dashstream_relay_resume_errors_total"), 0.0);
    assert!(counted("dashstream_relay_sessions_total") >= 2.0);
    let resumed = metrics.sum(
        "dashstream_relay_replay_requests_total",
        &[("mode", "cursor")],
    );
    assert!(resumed >= 1.0, "it came back with its cursors");
    // Twice what is there, or a little more where messages were under way when the line was cut.
    assert!(
        sent(&relay) < 3.0 * count as f64,
        "nothing is read from the start"
    );
}
