//! The HTTP surface on a real socket.

mod common;

use common::{Client, Rig, get, get_with, send};
use dashstream_relay::{
    checkpoint::Checkpoint,
    config::Port,
    http::is_built,
    ingest::{Phase, TopicState},
    listen,
};
use decode_core::wire::{self, CloseCode};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

fn json(body: &str) -> Value {
    serde_json::from_str(body).expect("JSON")
}

/// SEC-11: the policy allows the worker's WASM, the relay's own sockets and nothing that evaluates
/// text or reaches another host.
#[tokio::test]
async fn every_answer_has_the_hardening_headers() {
    let rig = Rig::start(&[]).await;
    let address = rig.address();
    let own = format!("connect-src 'self' ws://{address} wss://{address};");
    for path in [
        "/", "/health", "/ready", "/version", "/metrics", "/nothing", "/ws",
    ] {
        let answer = get(address, path).await;
        let policy = &answer.headers["content-security-policy"];
        assert!(policy.contains(&own), "{path}: {policy}");
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"));
        for word in [
            "'unsafe-eval'",
            "'unsafe-inline'",
            "*",
            "http:",
            "ws: ",
            "wss:;",
        ] {
            assert!(!policy.contains(word), "{path}: {word}");
        }
        assert_eq!(
            answer.headers["x-content-type-options"], "nosniff",
            "{path}"
        );
        assert_eq!(answer.headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(answer.headers["x-frame-options"], "DENY", "{path}");
    }
    let other = "GET / HTTP/1.1\r\nHost: *\r\nConnection: close\r\n\r\n";
    assert_eq!(send(address, other).await.status, 400);
    let policy = &send(address, other).await.headers["content-security-policy"];
    assert!(policy.contains("connect-src 'self';"), "{policy}");
}

/// OPS-04: what cannot be is said with the options that ask for it.
#[tokio::test]
async fn a_port_in_use_is_named_with_its_option() {
    let rig = Rig::start(&[]).await;
    let address = rig.address();
    let port = Port::Exactly(address.port());
    let error = listen::bind(address.ip(), port).await.err();
    let text = error.expect("in use").to_string();
    assert!(text.contains(&address.port().to_string()), "{text}");
    assert!(text.contains("--port") && text.contains("in use"), "{text}");
}

#[tokio::test]
async fn the_page_is_served_or_its_absence_is_said() {
    let rig = Rig::start(&[]).await;
    let answer = get(rig.address(), "/").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    if !is_built() {
        assert!(answer.body.contains("cargo xtask web"), "{}", answer.body);
        return;
    }
    let tag = format!("If-None-Match: {}\r\n", answer.headers["etag"]);
    let again = get_with(rig.address(), "/", &tag).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(answer.headers["cache-control"], "no-cache");

    let quoted = answer
        .body
        .split('"')
        .filter(|part| part.contains("assets/"));
    let hashed: Vec<_> = quoted
        .map(|path| path.trim_start_matches(['.', '/']))
        .collect();
    assert!(
        !hashed.is_empty(),
        "the page loads something: {}",
        answer.body
    );
    for path in hashed {
        let asset = get(rig.address(), &format!("/{path}")).await;
        assert_eq!(asset.status, 200, "{path}");
        assert!(
            asset.headers["cache-control"].contains("immutable"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let rig = Rig::start(&[]).await;
    for path in [
        "/nothing",
        "/assets/",
        "/../Cargo.toml",
        "/health/more",
        "/%2e%2e/x",
    ] {
        assert_eq!(get(rig.address(), path).await.status, 404, "{path}");
    }
    let post = "POST /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(send(rig.address(), post).await.status, 405);
    let head = "HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let head = send(rig.address(), head).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn version_says_what_the_relay_speaks() {
    let rig = Rig::start(&["--kafka-brokers=secret-host:9092", "--notice=made up"]).await;
    let answer = get(rig.address(), "/version").await;
    let version = json(&answer.body);
    assert_eq!(version["subprotocol"], wire::SUBPROTOCOL);
    assert_eq!(version["schemaVersion"], wire::SCHEMA_VERSION);
    assert_eq!(version["topic"], "dashstream-quality");
    assert_eq!(
        version["limits"]["payloadBytesMax"],
        wire::PAYLOAD_BYTES_MAX
    );
    assert_eq!(version["config"]["serve"]["notice"], "made up");
    assert_eq!(
        version["namespace"],
        version["config"]["kafka"]["namespace"]
    );
    assert!(!answer.body.contains("secret-host"));
}

/// MET-06: failing checkpoints, for which there is an alert, are a reason in `/health` while they last.
#[tokio::test]
async fn checkpoints_that_cannot_be_written_are_reported() {
    let parent = std::env::temp_dir().join(format!("dashstream-health-{}", std::process::id()));
    let rig = Rig::start(&[&format!("--checkpoint-dir={}", parent.display())]).await;
    let checkpoints = rig.shared().checkpoints.clone().expect("a directory");
    let reach = |offset| {
        let settled = Checkpoint::at(offset, 0, None);
        checkpoints.progress(0).reach(settled);
    };
    let reported = || async {
        let body = get(rig.address(), "/health").await.body;
        body.contains("its checkpoint cannot be written")
    };
    // A file where the topic's directory should be.
    let blocking = parent.join(rig.shared().config.kafka.topic.as_str());
    std::fs::create_dir_all(&parent).expect("a temporary directory");
    std::fs::write(&blocking, "in the way").expect("a temporary file");
    reach(1);
    checkpoints.write().await;
    assert!(reported().await);
    std::fs::remove_file(&blocking).expect("it exists");
    reach(2);
    checkpoints.write().await;
    assert!(!reported().await, "it is written again");
    std::fs::remove_dir_all(&parent).expect("it exists");
}

// holds OPS-08: liveness and readiness differ and follow real answers.
#[tokio::test]
async fn health_and_readiness_follow_the_ingest() {
    let rig = Rig::start_without_partitions(&[]).await;
    let shared = rig.shared();
    let health = || async { json(&get(rig.address(), "/health").await.body) };
    let ready = || async { get(rig.address(), "/ready").await.status };

    let value = health().await;
    assert_eq!(
        (&value["status"], &value["topic"]["state"]),
        (&"starting".into(), &"connecting".into())
    );
    assert_eq!(ready().await, 503);

    shared.ingest.set_topic(TopicState::Absent);
    let value = health().await;
    assert_eq!(value["topic"]["state"], "absent");
    assert!(
        value["reasons"][0]
            .as_str()
            .expect("a reason")
            .contains("does not exist")
    );

    shared.ingest.set_topic(TopicState::Present);
    shared.hub.add_partition(0, 5, 9);
    let partition = shared.ingest.partition(0);
    assert_eq!(health().await["status"], "starting");
    partition.set_phase(Phase::Reading);
    partition.set_position(7);
    partition.set_end(9);
    assert_eq!(ready().await, 503, "no probe was answered yet");
    partition.last_probe.set(shared.clock.now_ms());
    let value = health().await;
    assert_eq!(value["status"], "ok");
    assert_eq!(value["partitions"]["0"]["lag"], "2");
    assert_eq!(value["partitions"]["0"]["earliest"], "5");
    assert_eq!(ready().await, 503, "clients are not let in yet");
    shared.hub.set_settled();
    assert_eq!(ready().await, 200);

    partition.set_phase(Phase::Retrying);
    assert_eq!(
        health().await["status"],
        "degraded",
        "it never had an answer"
    );
    partition.set_phase(Phase::Reset);
    assert_eq!(health().await["status"], "degraded");
    assert_eq!(get(rig.address(), "/health").await.status, 200, "it lives");
}

#[tokio::test]
async fn an_upgrade_that_cannot_be_says_why() {
    let rig = Rig::start(&["--allowed-origin=https://ops.example"]).await;
    let request = "GET /ws HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n";
    let asked = send(rig.address(), request).await;
    assert_eq!(asked.status, 403, "a page there would not be let in");
    assert!(asked.body.contains("--allowed-host"), "{}", asked.body);
    let request = format!(
        "OPTIONS /ws HTTP/1.1\r\nHost: {}\r\nOrigin: https://evil.example\r\nConnection: close\r\n\r\n",
        rig.address()
    );
    let asked = send(rig.address(), &request).await;
    assert_eq!(
        asked.status, 403,
        "browsers say the page's origin with OPTIONS"
    );
    assert!(asked.body.contains("--allowed-origin"), "{}", asked.body);
    let plain = get(rig.address(), "/ws").await;
    assert_eq!(plain.status, 426);
    assert_eq!(plain.headers["upgrade"], "websocket");

    let upgrade = |extra: &str| {
        let address = rig.address();
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
        );
        async move { send(address, &request).await }
    };
    let old =
        upgrade("Sec-WebSocket-Version: 8\r\nSec-WebSocket-Protocol: dashstream.v1\r\n").await;
    assert_eq!(
        (old.status, old.headers["sec-websocket-version"].as_str()),
        (426, "13")
    );
    for protocols in ["", "Sec-WebSocket-Protocol: graphql-ws, chat\r\n"] {
        let other = upgrade(&format!("Sec-WebSocket-Version: 13\r\n{protocols}")).await;
        assert_eq!(other.status, 400);
        assert!(other.body.contains(wire::SUBPROTOCOL), "{}", other.body);
    }
    let native = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, dashstream.v1\r\n";
    let foreign = upgrade(&format!("{native}Origin: https://evil.example\r\n")).await;
    assert_eq!(foreign.status, 403);
    assert_eq!(
        rig.metric("dashstream_relay_refused_upgrades_total{reason=\"origin\"}")
            .await,
        1.0
    );
    assert_eq!(
        rig.metric("dashstream_relay_refused_upgrades_total{reason=\"subprotocol\"}")
            .await,
        2.0
    );
    assert_eq!(
        rig.metric("dashstream_relay_refused_upgrades_total{reason=\"handshake\"}")
            .await,
        4.0
    );
}

#[tokio::test]
async fn clients_wait_outside_until_partitions_are_known() {
    let rig = Rig::start_without_partitions(&[]).await;
    assert!(Client::try_connect(rig.address()).await.is_err());
    assert_eq!(get(rig.address(), "/ws").await.status, 503);
    rig.shared().hub.add_partition(0, 0, 0);
    rig.shared().hub.set_settled();
    let mut client = Client::connect(&rig).await;
    let resumed = client.resume(wire::from::EARLIEST).await;
    assert_eq!(resumed["positions"]["0"], "0");
    assert_eq!(
        rig.metric("dashstream_relay_refused_upgrades_total{reason=\"starting\"}")
            .await,
        1.0
    );
}

/// MET-16
#[tokio::test]
async fn connections_from_one_address_are_bounded() {
    let rig = Rig::start(&["--max-connections-per-ip=2"]).await;
    let first = Client::connect(&rig).await;
    let _second = Client::connect(&rig).await;
    let refused = Client::try_connect(rig.address()).await;
    match refused.err() {
        Some(tokio_tungstenite::tungstenite::Error::Http(response)) => {
            assert_eq!(response.status().as_u16(), 429);
        }
        other => panic!("{other:?}"),
    }
    // A browser tells its page nothing of that, so that the page asks; all else is served as ever.
    let asked = get(rig.address(), "/ws").await;
    assert_eq!(asked.status, 429);
    assert!(
        asked
            .body
            .starts_with("Too many connections from this address")
    );
    for path in ["/", "/health", "/version"] {
        assert_eq!(get(rig.address(), path).await.status, 200, "{path}");
    }
    assert_eq!(
        rig.metric("websocket_rejected_connections_total").await,
        1.0
    );
    assert_eq!(rig.metric("websocket_connected_clients").await, 2.0);
    drop(first);
    rig.until_metric("websocket_connected_clients", 1.0).await;
    Client::connect(&rig).await;
}

/// What is no WebSocket message is answered with the code that RFC 6455 has for it.
#[tokio::test]
async fn broken_frames_are_closed_with_their_code() {
    for (frame, code) in [
        // Not masked; an opcode that is none; a text message that is not valid UTF-8.
        (&[0x81, 0x01, b'x'][..], 1002_u16),
        (&[0x83, 0x80, 0, 0, 0, 0], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
    ] {
        let rig = Rig::start(&[]).await;
        let mut client = Client::connect(&rig).await;
        client.control(wire::control::WELCOME).await;
        let stream = client.stream.get_mut();
        stream.write_all(frame).await.expect("sends");
        assert_eq!(client.closed().await, Some(code), "{frame:?}");
        let name = CloseCode::from_number(code).expect("a code of ours").code();
        let series = format!("dashstream_relay_session_closes_total{{code=\"{name}\"}}");
        rig.until_metric(&series, 1.0).await;
    }
}
