//! M-1009: who reads slowly stays, at any window and however large the buffers in between; who stops reading is
//! closed within the send timeout.
#![cfg(target_os = "linux")]

mod common;

use std::time::Duration;

use common::{Client, PATIENCE, Rig, Steady, upgrade_request};
use decode_core::wire::{self, control, from};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{client_async, tungstenite::Message};

const STALLED: &str = "dashstream_relay_session_closes_total{code=\"send_stalled\"}";

/// A relay with much to send.
async fn rig(window: &str, timeout_secs: u64) -> Rig {
    let timeout = format!("--send-timeout-secs={timeout_secs}");
    let window = format!("--window-bytes={window}");
    let rig = Rig::start(&[&timeout, &window, "--max-connections-per-ip=100"]).await;
    let payload = vec![wire::FRAME_RAW; 60_000];
    (0..400).for_each(|_| rig.append(0, [payload.as_slice()]));
    rig
}

async fn connect(rig: &Rig, receive_bytes: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    if let Some(bytes) = receive_bytes {
        socket.set_recv_buffer_size(bytes).expect("a size");
    }
    socket.connect(rig.address()).await.expect("connects")
}

/// Resumes, and returns the socket below: from there on nothing answers pings.
async fn reader(rig: &Rig, receive_bytes: Option<u32>) -> TcpStream {
    let stream = connect(rig, receive_bytes).await;
    let mut client = Client::over(stream, rig.address()).await.expect("upgrades");
    client.resume(from::EARLIEST).await;
    client.stream.into_inner()
}

/// Reads so many bytes every so often, and says how long that went well.
async fn read_slowly(
    mut stream: TcpStream,
    bytes: usize,
    pause: Duration,
    length: Duration,
) -> Duration {
    let begin = Instant::now();
    let mut part = vec![0; bytes];
    while begin.elapsed() < length {
        if stream.read_exact(&mut part).await.is_err() {
            break;
        }
        sleep(pause).await;
    }
    begin.elapsed()
}

/// Resumes, and reads for as long as it may. It never acknowledges: not one message is whole by then.
async fn read_steadily(rig: &Rig, receive_bytes: Option<u32>, length: Duration) -> Duration {
    let stream = connect(rig, receive_bytes).await;
    let request = upgrade_request(rig.address());
    let upgraded = client_async(request, Steady::new(stream, Duration::from_secs(1))).await;
    let (mut client, _) = upgraded.expect("upgrades");
    while !matches!(client.next().await, Some(Ok(Message::Text(_)))) {}
    let resume = json!({
        "type": control::RESUME, "protocol": wire::PROTOCOL_VERSION, "from": from::EARLIEST,
    });
    client
        .send(Message::text(resume.to_string()))
        .await
        .expect("sends");
    let begin = Instant::now();
    let read = async { while let Some(Ok(_)) = client.next().await {} };
    timeout(length, read).await.ok();
    begin.elapsed()
}

/// Default buffers and large ones hold more than such a client reads in a minute or an hour.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_kilobyte_every_second_stays() {
    let length = Duration::from_secs(20);
    let mut readers = Vec::new();
    for window in ["11M", "64M"] {
        for receive_bytes in [None, Some(4 * 1024), Some(1 << 20), Some(4 << 20)] {
            let reading = tokio::spawn(async move {
                let rig = rig(window, 5).await;
                let lasted = read_steadily(&rig, receive_bytes, length).await;
                let stalled = rig.metric(STALLED).await;
                (lasted, stalled)
            });
            readers.push((window, receive_bytes, reading));
        }
    }
    for (window, receive_bytes, reading) in readers {
        let (lasted, stalled) = reading.await.expect("no panic");
        let case = format!("window {window}, buffer {receive_bytes:?}: {lasted:?}, {stalled}");
        assert!(lasted >= length && stalled == 0.0, "{case}");
    }
}

/// The same without answers to pings, with the default of 5 s. A peer's kernel acknowledges in steps of up to half of
/// its receive buffer, so that one that takes 1 KB a second has a small one, and one with a large buffer reads more.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_stays() {
    let length = Duration::from_secs(30);
    let mut readers = Vec::new();
    for window in ["11M", "64M"] {
        for (receive_bytes, bytes, pause_ms) in [
            (Some(2 * 1024), 1_024, 1_000),
            (Some(4 * 1024), 1_024, 80),
            (Some(64 * 1024), 8_192, 80),
            (None, 8_192, 80),
            (None, 16_384, 80),
        ] {
            let rig = rig(window, 5).await;
            let stream = reader(&rig, receive_bytes).await;
            let pause = Duration::from_millis(pause_ms);
            let reading = tokio::spawn(async move {
                let lasted = read_slowly(stream, bytes, pause, length).await;
                (lasted, rig.metric(STALLED).await)
            });
            readers.push((window, receive_bytes, bytes, pause_ms, reading));
        }
    }
    for (window, receive_bytes, bytes, pause_ms, reading) in readers {
        let (lasted, stalled) = reading.await.expect("no panic");
        let case =
            format!("{bytes} bytes every {pause_ms} ms, window {window}, buffer {receive_bytes:?}");
        assert!(lasted >= length && stalled == 0.0, "{case}: {lasted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_reading_is_closed_within_the_send_timeout() {
    for receive_bytes in [None, Some(4 * 1024), Some(1 << 20)] {
        let rig = rig("16M", 2).await;
        let stream = reader(&rig, receive_bytes).await;
        let begin = Instant::now();
        rig.until_metric(STALLED, 1.0).await;
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(6), "{receive_bytes:?}: {took:?}");
        rig.until_metric("websocket_connected_clients", 0.0).await;
        drop(stream);
    }
}

/// One that read fast and then stops is no different.
#[tokio::test(flavor = "multi_thread")]
async fn a_quick_reader_that_stops_is_closed_too() {
    let rig = rig("16M", 2).await;
    let mut stream = reader(&rig, None).await;
    let mut part = vec![0; 4 << 20];
    timeout(PATIENCE, stream.read_exact(&mut part))
        .await
        .expect("fast")
        .expect("data");
    let begin = Instant::now();
    rig.until_metric(STALLED, 1.0).await;
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "{:?}",
        begin.elapsed()
    );
}
