//! Releasing a paused partition over HTTP: who may, and what it says.

mod common;

use common::{Rig, get, send};
use dashstream_relay::ingest::Pause;

const RELEASE: &str = "X-DashStream-Admin: release\r\n";

async fn release(rig: &Rig, query: &str, headers: &str) -> u16 {
    release_of(rig, "2", query, headers).await
}

async fn release_of(rig: &Rig, partition: &str, query: &str, headers: &str) -> u16 {
    let request = format!(
        "POST /admin/partitions/{partition}/release{query} HTTP/1.1\r\nHost: localhost\r\n{headers}\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    send(rig.address(), &request).await.status
}

fn pause(rig: &Rig) {
    rig.shared().ingest.partition(2).pause(Pause {
        offset: 4711,
        code: "bad_frame",
        reason: "the record cannot be used".to_owned(),
    });
}

/// DLQ-02: a pause is seen in health and metrics with partition, offset and reason, and is lifted
/// without a restart; SEC-12: whatever is not sure to be the operator is refused.
#[tokio::test]
async fn a_pause_is_seen_and_lifted() {
    let rig = Rig::start(&["--allowed-host=relay"]).await;
    assert_eq!(release(&rig, "", RELEASE).await, 404, "not there yet");
    rig.shared().ingest.partition(2);
    assert_eq!(release(&rig, "", RELEASE).await, 409, "nothing is paused");
    for strange in ["7", "99999999999", "x"] {
        assert_eq!(release_of(&rig, strange, "", RELEASE).await, 404);
    }
    pause(&rig);
    let health = get(rig.address(), "/health").await.body;
    let health: serde_json::Value = serde_json::from_str(&health).expect("JSON");
    let paused = &health["partitions"]["2"]["paused"];
    assert_eq!(paused["offset"], "4711");
    assert_eq!(paused["reason"], "the record cannot be used");
    let series = "dashstream_relay_paused_offset{partition=\"2\",reason=\"bad_frame\"}";
    assert_eq!(rig.metric(series).await, 4711.0);

    let page = format!("{RELEASE}Origin: http://localhost:5173\r\n");
    for headers in ["", "X-DashStream-Admin: yes\r\n", &page] {
        assert_eq!(release(&rig, "", headers).await, 403, "{headers:?}");
    }
    for proxy in [
        "Forwarded: for=10.1.2.3",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Real-IP: ::1",
        "Via: 1.1 nginx",
        "X-Forwarded: for",
        "X-Original-URI: /",
    ] {
        let headers = format!("{RELEASE}{proxy}\r\n");
        assert_eq!(release(&rig, "", &headers).await, 401, "{proxy}");
    }
    for (host, status) in [
        ("10.1.2.3", 401),
        ("0.0.0.0", 401),
        ("relay", 401),
        ("localhost.example", 421),
        ("[::1]:3002", 409),
        ("127.0.0.1:80", 409),
    ] {
        let request = format!(
            "POST /admin/partitions/2/release?offset=1 HTTP/1.1\r\nHost: {host}\r\n{RELEASE}\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(send(rig.address(), &request).await.status, status, "{host}");
    }
    for query in ["?offset=", "?offset=-1", "?all", "?offset=1&x=2"] {
        assert_eq!(release(&rig, query, RELEASE).await, 400, "{query}");
    }
    assert_eq!(release(&rig, "?offset=4710", RELEASE).await, 409);
    assert!(rig.shared().ingest.partition(2).paused().is_some());
    assert_eq!(release(&rig, "?offset=4711", RELEASE).await, 200);
    assert_eq!(release(&rig, "", RELEASE).await, 409, "once");
    pause(&rig);
    assert_eq!(release(&rig, "", RELEASE).await, 200);
    assert_eq!(
        rig.metric("dashstream_relay_paused{partition=\"2\"}").await,
        0.0
    );
}

/// X4: the documented command, as it is run beside the relay: it releases what is paused, and else says why not.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_releases_a_paused_partition() {
    for host in ["--host=127.0.0.1", "--host=0.0.0.0", "--host=::"] {
        let rig = Rig::start(&[host, "--insecure-allow-anyone"]).await;
        let port = format!("--port={}", rig.address().port());
        let run = |more: &[&str]| {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_dashstream-relay"))
                .args(["release", "2", host, &port, "--insecure-allow-anyone"])
                .args(more)
                .output()
                .expect("it runs");
            let text = [output.stdout, output.stderr].concat();
            (
                output.status.code(),
                String::from_utf8_lossy(&text).into_owned(),
            )
        };
        rig.shared().ingest.partition(2);
        let (code, text) = run(&[]);
        assert!(
            code == Some(1) && text.contains("409: nothing is paused there"),
            "{text}"
        );
        pause(&rig);
        assert_eq!(run(&["--offset", "1"]).0, Some(1));
        let (code, text) = run(&["--offset", "4711"]);
        assert!(
            code == Some(0) && text.contains("\"offset\":\"4711\""),
            "{text}"
        );
        assert!(rig.shared().ingest.partition(2).paused().is_none());
    }
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_dashstream-relay"))
        .args(["release", "2", "--port=1"])
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(1) && text.contains("no relay answers at 127.0.0.1:1"),
        "{text}"
    );
}
