//! What the relay counts of its clients: replays, what was gone before they came, what failed to be sent,
//! and what they say of themselves.

mod common;

use common::{Client, Rig, get};
use decode_core::wire::{self, FRAME_HEADER_LEN, control, from};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

const PAYLOAD: &[u8] = &[wire::FRAME_RAW, 0x0A, 0x00];

async fn resume_after(client: &mut Client, offset: u64) {
    client.control(control::WELCOME).await;
    let resume = json!({
        "type": control::RESUME, "protocol": wire::PROTOCOL_VERSION, "from": from::CURSOR,
        "lastOffsetsByPartition": { "0": offset.to_string() },
    });
    client.send(&resume).await;
}

/// MET-11: each replay is counted by how it was asked for, and live frames are no replay.
#[tokio::test]
async fn replays_are_counted_by_mode() {
    let rig = Rig::start(&[]).await;
    rig.append(0, [PAYLOAD; 10]);
    let mut all = Client::connect(&rig).await;
    all.resume(from::EARLIEST).await;
    all.control(control::REPLAY_COMPLETE).await;
    let mut some = Client::connect(&rig).await;
    resume_after(&mut some, 5).await;
    some.control(control::REPLAY_COMPLETE).await;
    let mut none = Client::connect(&rig).await;
    none.resume(from::LATEST).await;
    none.control(control::REPLAY_COMPLETE).await;
    rig.append(0, [PAYLOAD; 7]);
    none.frames(7).await;
    let metric = async |name: &str, mode: &str| {
        let series = format!("dashstream_relay_replay_{name}{{mode=\"{mode}\"}}");
        rig.metric(&series).await
    };
    let frame = (FRAME_HEADER_LEN + PAYLOAD.len()) as f64;
    for (mode, frames) in [
        (from::EARLIEST, 10.0),
        (from::CURSOR, 4.0),
        (from::LATEST, 0.0),
    ] {
        assert_eq!(metric("requests_total", mode).await, 1.0, "{mode}");
        assert_eq!(metric("frames_total", mode).await, frames, "{mode}");
        assert_eq!(metric("bytes_total", mode).await, frames * frame, "{mode}");
        assert_eq!(metric("duration_ms_count", mode).await, 1.0, "{mode}");
        for name in ["gaps_total", "gap_offsets_total", "capped_total"] {
            assert_eq!(metric(name, mode).await, 0.0, "{name} {mode}");
        }
    }
}

/// MET-11, MET-12: what left the log is one event, however many clients are told that they missed it.
#[tokio::test]
async fn what_was_evicted_is_counted_once_and_for_each_client() {
    let rig = Rig::start(&["--log-bytes-max=16M"]).await;
    let payload = vec![wire::FRAME_RAW; 1 << 20];
    (0..40).for_each(|_| rig.append(0, [payload.as_slice()]));
    let earliest = rig
        .shared()
        .hub
        .log()
        .partition(0)
        .expect("there")
        .held_from;
    let evicted = "dashstream_relay_log_evicted_frames_total{partition=\"0\"}";
    assert_eq!(rig.metric(evicted).await, earliest as f64);
    for count in 1..=3_u32 {
        let mut client = Client::connect(&rig).await;
        resume_after(&mut client, 4).await;
        client.control(control::CURSOR_STALE).await;
        client.frames(1).await;
        let clients = f64::from(count);
        let missed = clients * (earliest - 5) as f64;
        for (series, value) in [
            ("dashstream_relay_stale_cursors_total", clients),
            ("dashstream_relay_stale_offsets_total", missed),
            (
                "dashstream_relay_replay_gaps_total{mode=\"cursor\"}",
                clients,
            ),
            (
                "dashstream_relay_replay_gap_offsets_total{mode=\"cursor\"}",
                missed,
            ),
            (
                "dashstream_relay_replay_capped_total{mode=\"cursor\"}",
                clients,
            ),
            (evicted, earliest as f64),
        ] {
            rig.until_metric(series, value).await;
        }
    }
    // Alerts go by the event.
    let rules = include_str!("../../deploy/prometheus/alerts.yml");
    assert!(rules.contains("dashstream_relay_log_evicted_frames_total"));
    for by_client in ["dashstream_relay_stale_", "dashstream_relay_replay_"] {
        assert!(!rules.contains(by_client), "{by_client}");
    }
}

/// MET-13: a connection that takes nothing is a timeout in the totals and in the recent window.
#[tokio::test]
async fn a_stalled_send_is_in_the_totals_and_in_the_window() {
    let rig = Rig::start(&["--send-timeout-secs=1", "--window-bytes=64M"]).await;
    let window = async || {
        let health: Value =
            serde_json::from_str(&get(rig.address(), "/health").await.body).expect("JSON");
        [
            &health["window"]["sendFailures"],
            &health["window"]["sendTimeouts"],
        ]
        .map(|n| n.as_u64().expect("a number"))
    };
    assert_eq!(window().await, [0, 0]);
    let payload = vec![wire::FRAME_RAW; 60_000];
    (0..700).for_each(|_| rig.append(0, [payload.as_slice()]));
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .set_recv_buffer_size(16 * 1024)
        .expect("a small buffer");
    let stream = socket.connect(rig.address()).await.expect("connects");
    let mut stuck = Client::over(stream, rig.address()).await.expect("upgrades");
    stuck.resume(from::EARLIEST).await;
    rig.until_metric("websocket_send_timeout_total", 1.0).await;
    assert_eq!(window().await, [0, 1]);
    assert_eq!(rig.metric("websocket_send_failed_total").await, 0.0);
}

/// MET-14: reports become metrics without a word about who sent them, and none is believed beyond what
/// can be true.
#[tokio::test]
async fn reports_of_clients_become_metrics() {
    let rig = Rig::start(&[]).await;
    rig.append(0, [PAYLOAD; 10]);
    let mut client = Client::connect(&rig).await;
    client.resume(from::EARLIEST).await;
    client.frames(10).await;
    let report = |lag: &str, backlog: &str, rejects: &str| {
        json!({
            "type": control::REPORT,
            "applyLagMs": lag, "backlogFrames": backlog, "rejects": rejects,
        })
    };
    let most = u64::MAX.to_string();
    client.send(&report("0", "3", "2")).await;
    client.send(&report("0", "0", "5")).await;
    // The total of a connection never falls.
    client.send(&report("0", "0", "1")).await;
    rig.until_metric("dashstream_relay_client_reports_total", 3.0)
        .await;
    let rejects = "dashstream_relay_client_rejects_total";
    assert_eq!(rig.metric(rejects).await, 5.0);
    assert_eq!(
        rig.metric("dashstream_relay_client_backlog_frames_sum")
            .await,
        3.0
    );
    assert_eq!(
        rig.metric("dashstream_relay_client_apply_lag_ms_count")
            .await,
        3.0
    );
    client.send(&report(&most, &most, &most)).await;
    rig.until_metric("dashstream_relay_client_reports_total", 4.0)
        .await;
    assert_eq!(rig.metric(rejects).await, 10.0);
    assert_eq!(
        rig.metric("dashstream_relay_client_backlog_frames_sum")
            .await,
        13.0
    );
    let lag_ms = rig.metric("dashstream_relay_client_apply_lag_ms_sum").await;
    assert!(lag_ms < 60_000.0, "{lag_ms}");
}

#[tokio::test]
async fn health_counts_clients() {
    let rig = Rig::start(&[]).await;
    let _client = Client::connect(&rig).await;
    let health = get(rig.address(), "/health").await.body;
    assert!(health.contains("\"clients\":1"), "{health}");
}
