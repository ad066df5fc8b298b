//! The relay in surroundings that lack something: file descriptors, a broker's first address.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use dashstream_e2e::{
    http,
    kafka::Kafka,
    place::{free_port, fresh_dir},
    relay::Relay,
    requirement::skip,
    watcher::Watcher,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// X12: where clients have used up the descriptors there are, `/health`, `/ready` and `/metrics` are still answered,
/// and what is short is said at the start.
#[test]
fn health_answers_while_descriptors_are_used_up() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("few-descriptors", 4);
    let limit = 120;
    let few = format!("--nofile={limit}:{limit}");
    let more = [
        "--max-connections-per-ip=1000",
        "--kafka-lag-check-interval-secs=1",
    ];
    let within = ["prlimit", &few];
    let Some(mut relay) = Relay::launch_within(&within, kafka.brokers(), topic.name(), &more)
    else {
        return;
    };
    relay.wait_ready();
    assert!(
        relay.log().contains(&format!("may open {limit} files")),
        "the shortage is named"
    );
    // As many clients as are let in, and then some who only connect.
    let mut clients = Vec::new();
    while let Ok(client) = Watcher::try_connect(relay.address()) {
        clients.push(client);
        assert!(clients.len() < limit, "each has a descriptor");
    }
    assert!(clients.len() > limit / 4, "{} clients", clients.len());
    let _silent: Vec<TcpStream> = (0..2 * limit)
        .filter_map(|_| TcpStream::connect(relay.address()).ok())
        .collect();
    // The silent ones hold this address's share until they are given up; another address is not theirs.
    let elsewhere = SocketAddr::new([127, 0, 0, 2].into(), 0);
    for path in ["/health", "/ready", "/metrics"] {
        let begun = Instant::now();
        let answer = http::get_from(elsewhere, relay.address(), path).expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(begun.elapsed() < Duration::from_secs(5), "{path}");
    }
    let scrape = || http::get_from(elsewhere, relay.address(), "/metrics").expect("an answer");
    let refused = scrape().body;
    assert!(
        refused.contains("dashstream_relay_accept_failures_total 0"),
        "none had to be left in the queue"
    );
    drop(clients);
}

/// X18: a broker whose name has two addresses, the first of which swallows what is sent to it, is reached by the second
/// within 5 s, and the log names the first. The name is resolved by a file of hosts of the test's own.
#[test]
fn a_second_address_of_a_broker_is_tried() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("two-addresses", 1);
    let dir = fresh_dir("hosts");
    let hosts = dir.join("hosts");
    std::fs::write(&hosts, "127.0.0.2 two.test\n127.0.0.3 two.test\n").expect("it is written");
    let mount = format!(
        "mount --bind {} /etc/hosts && exec \"$0\" \"$@\"",
        hosts.display()
    );
    let within = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &mount,
    ];
    let tried = Command::new(within[0])
        .args(&within[1..])
        .arg("true")
        .output();
    if !tried.is_ok_and(|output| output.status.success()) {
        skip("no mount namespace here");
        return;
    }
    let port = free_port();
    forward(([127, 0, 0, 3], port).into(), kafka.brokers());
    let _hole = black_hole(([127, 0, 0, 2], port).into());
    let begun = Instant::now();
    let brokers = format!("two.test:{port}");
    let Some(mut relay) = Relay::launch_within(&within, &brokers, topic.name(), &[]) else {
        return;
    };
    relay.wait_for("ready", Duration::from_secs(5), |relay| {
        relay.get("/ready").status == 200
    });
    eprintln!("ready after {:?}", begun.elapsed());
    relay.wait_for("the address in the log", PATIENCE, |relay| {
        let log = relay.log();
        let mut lines = log.lines();
        lines.any(|line| line.contains("does not answer") && line.contains("127.0.0.2"))
    });
}

/// X18, of a list of brokers: the first of them, whose machine is gone without a word, keeps nobody from the second.
#[test]
fn a_second_broker_is_asked_while_the_first_keeps_silent() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("silent-broker", 1);
    let silent = SocketAddr::from(([127, 0, 0, 10], free_port()));
    let _hole = black_hole(silent);
    let brokers = format!("{silent},{}", kafka.brokers());
    let begun = Instant::now();
    let Some(mut relay) = Relay::launch(&brokers, topic.name(), &[]) else {
        return;
    };
    relay.wait_for("ready", Duration::from_secs(5), |relay| {
        relay.get("/ready").status == 200
    });
    eprintln!("ready after {:?}", begun.elapsed());
}

/// Hands on whatever comes to `at`, for as long as this process lives.
fn forward(at: SocketAddr, to: &str) {
    let listener = TcpListener::bind(at).expect("nobody else is there");
    let to: SocketAddr = to.parse().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(to) else {
                continue;
            };
            let pairs = [
                (client.try_clone(), server.try_clone()),
                (Ok(server), Ok(client)),
            ];
            for pair in pairs {
                let (Ok(mut from), Ok(mut to)) = pair else {
                    continue;
                };
                thread::spawn(move || {
                    // Whoever ends first ends both.
                    let _copied: std::io::Result<u64> = std::io::copy(&mut from, &mut to);
                    let _closed: std::io::Result<()> = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
}

/// A listener whose queue is full: the kernel drops who wants to connect. Holds what fills it.
fn black_hole(at: SocketAddr) -> (socket2::Socket, Vec<TcpStream>) {
    let hole = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let hole = hole.expect("a socket");
    hole.bind(&at.into()).expect("nobody else is there");
    hole.listen(0).expect("it listens");
    let fill = || TcpStream::connect_timeout(&at, Duration::from_millis(300));
    let queued = std::iter::from_fn(|| fill().ok()).take(8).collect();
    (hole, queued)
}
