//! Sessions over real sockets, with a log filled by hand.

mod common;

use std::time::{Duration, Instant};

use common::{At as _, Client, Incoming, PATIENCE, Rig, Setup, Steady, upgrade_request};
use dashstream_serve::{ClientCounters, Rules, limits};
use decode_core::wire::{
    self, CloseCode, ErrorCode, FRAME_HEADER_LEN, PAYLOAD_BYTES_MAX, control, from,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use session::ServerConfig;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Bytes, Message},
};

const PAYLOAD: &[u8] = &[wire::FRAME_RAW, 0x0A, 0x00];

/// A server that waits so long for a peer that takes nothing, with a window.
fn patient(send_timeout: Duration, window_bytes: usize) -> Setup {
    let setup = Setup::default();
    Setup {
        rules: Rules {
            send_timeout,
            ..setup.rules
        },
        session: ServerConfig {
            window_bytes,
            ..setup.session
        },
        ..setup
    }
}

fn invalid_json(counts: &ClientCounters) -> u64 {
    counts.control_errors.get(ErrorCode::InvalidJson)
}

fn payloads(count: usize) -> impl Iterator<Item = &'static [u8]> {
    std::iter::repeat_n(PAYLOAD, count)
}

// holds RES-02 at the socket: history, then live, one stream, each offset once.
#[tokio::test]
async fn history_and_live_are_one_stream() {
    let rig = Rig::start(Setup::default()).await;
    rig.append(0, payloads(1000));
    rig.append(3, payloads(10));
    let mut client = Client::connect(&rig).await;
    let resumed = client.resume(from::EARLIEST).await;
    assert_eq!(resumed["heads"]["0"], "1000");
    client.frames(1010).await;
    let complete = client.control(control::REPLAY_COMPLETE).await;
    assert_eq!(complete["totalReplayed"], "1010");
    for _ in 0..50 {
        rig.append(0, payloads(3));
        rig.append(1, payloads(1));
    }
    client.frames(1010 + 200).await;
    assert_eq!(client.offsets(0), (0..1150).collect::<Vec<_>>());
    assert_eq!(client.offsets(1), (0..50).collect::<Vec<_>>());
    assert_eq!(client.offsets(3), (0..10).collect::<Vec<_>>());
    assert_eq!(rig.counters().sent_frames.get(), 1210);
    let bytes = 1210 * (FRAME_HEADER_LEN + PAYLOAD.len());
    assert_eq!(rig.counters().sent_bytes.get(), bytes as u64);
}

#[tokio::test]
async fn many_clients_get_the_same() {
    let rig = Rig::start(Setup::default()).await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = Client::connect(&rig).await;
        client.resume(from::LATEST).await;
        clients.push(client);
    }
    for _ in 0..20 {
        rig.append(2, payloads(100));
    }
    for client in &mut clients {
        client.frames(2000).await;
        assert_eq!(client.offsets(2), (0..2000).collect::<Vec<_>>());
    }
}

// The largest legal record passes, and what comes after it as well.
#[tokio::test]
async fn the_largest_record_passes() {
    let rig = Rig::start(Setup::default()).await;
    let mut large = vec![0x5A; PAYLOAD_BYTES_MAX + 1];
    large[0] = wire::FRAME_RAW;
    rig.append(0, [PAYLOAD, &large, PAYLOAD]);
    let mut client = Client::connect(&rig).await;
    client.resume(from::EARLIEST).await;
    client.frames(3).await;
    let lengths: Vec<_> = client
        .frames
        .iter()
        .map(|frame| frame.payload_len as usize)
        .collect();
    assert_eq!(lengths, [PAYLOAD.len(), large.len(), PAYLOAD.len()]);
}

#[tokio::test]
async fn without_credit_nothing_more_comes() {
    let window = wire::WINDOW_BYTES_DEFAULT;
    let rig = Rig::start(Setup::default()).await;
    let payload = vec![wire::FRAME_RAW; 1 << 20];
    (0..40).for_each(|_| rig.append(0, [payload.as_slice()]));
    let mut client = Client::connect(&rig).await;
    client.resume(from::EARLIEST).await;
    let read = async { while let Incoming::Data | Incoming::Control(_) = client.next().await {} };
    assert!(
        tokio::time::timeout(Duration::from_millis(500), read)
            .await
            .is_err(),
        "it waits"
    );
    assert!(client.bytes as usize <= window && client.bytes as usize > window - (2 << 20));
    client.ack().await;
    client.frames(40).await;
}

// holds BND-05 and SEC-04 in part: control messages are bounded and answered.
#[tokio::test]
async fn pings_are_answered_and_junk_is_refused() {
    let rig = Rig::start(Setup::default()).await;
    let mut client = Client::connect(&rig).await;
    client.resume(from::LATEST).await;
    client.send(&json!({ "type": control::PING })).await;
    client.control(control::PONG).await;
    client
        .stream
        .send(Message::Ping(Bytes::from_static(b"hello")))
        .await
        .expect("sends");
    let pong = loop {
        match client
            .stream
            .next()
            .await
            .expect("an answer")
            .expect("whole")
        {
            Message::Pong(bytes) => break bytes,
            Message::Text(_)
            | Message::Binary(_)
            | Message::Ping(_)
            | Message::Close(_)
            | Message::Frame(_) => continue,
        }
    };
    assert_eq!(&pong[..], b"hello");

    client.send_text("{".to_owned()).await;
    let error = client.control(control::ERROR).await;
    assert_eq!(error["code"], wire::ErrorCode::InvalidJson.code());
    assert_eq!(invalid_json(rig.counters()), 1);
    for _ in 0..20 {
        client.stream.feed(Message::text("{")).await.ok();
    }
    client.stream.flush().await.ok();
    assert_eq!(client.closed().await, Some(CloseCode::Policy.number()));
    rig.until("closes", 1, |counts| counts.closes.get(CloseCode::Policy))
        .await;
}

#[tokio::test]
async fn a_control_message_over_the_limit_closes() {
    let rig = Rig::start(Setup::default()).await;
    let mut client = Client::connect(&rig).await;
    client.resume(from::LATEST).await;
    let text = "x".repeat(wire::CONTROL_BYTES_MAX + 1);
    client.send_text(text).await;
    let error = client.control(control::ERROR).await;
    assert_eq!(error["code"], wire::ErrorCode::TooLarge.code());
    assert_eq!(client.closed().await, Some(CloseCode::TooLarge.number()));
    let too_large = rig.counters().control_errors.get(ErrorCode::TooLarge);
    assert_eq!(too_large, 1);

    let mut client = Client::connect(&rig).await;
    client.resume(from::LATEST).await;
    let padded = format!(
        "{{\"type\":\"ping\"}}{}",
        " ".repeat(wire::CONTROL_BYTES_MAX - 15)
    );
    assert_eq!(padded.len(), wire::CONTROL_BYTES_MAX);
    client.send_text(padded).await;
    client.control(control::PONG).await;
}

#[tokio::test]
async fn silence_instead_of_resume_closes() {
    let rig = Rig::start(Setup {
        session: ServerConfig {
            resume_deadline_ms: 300,
            ..ServerConfig::default()
        },
        ..Setup::default()
    })
    .await;
    let mut client = Client::connect(&rig).await;
    assert_eq!(client.closed().await, Some(CloseCode::NoResume.number()));
}

/// A peer whose kernel takes little, so that a stall shows soon.
async fn narrow(rig: &Rig) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .set_recv_buffer_size(16 * 1024)
        .expect("a small buffer");
    socket.connect(rig.address()).await.expect("connects")
}

// holds BND-02: a client that reads nothing costs itself only.
#[tokio::test]
async fn a_client_that_reads_nothing_is_closed_and_hurts_nobody() {
    let rig = Rig::start(patient(Duration::from_secs(1), 64 << 20)).await;
    let payload = vec![wire::FRAME_RAW; 60_000];
    (0..700).for_each(|_| rig.append(0, [payload.as_slice()]));
    let mut stuck = Client::over(narrow(&rig).await, rig.address())
        .await
        .expect("upgrades");
    stuck.resume(from::EARLIEST).await;

    let mut other = Client::connect(&rig).await;
    other.resume(from::LATEST).await;
    let begin = Instant::now();
    rig.append(1, payloads(5));
    other.frames(5).await;
    assert!(
        begin.elapsed() < Duration::from_millis(900),
        "others wait for nobody"
    );

    rig.until("closes", 1, |counts| {
        counts.closes.get(CloseCode::SendStalled)
    })
    .await;
    rig.until("clients", 1, |counts| counts.connected.get())
        .await;
}

/// M-1009: the same where all that the client may be sent lies in the kernel on this side, so that no send waits.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_reads_nothing_is_closed_though_all_was_handed_over() {
    let rig = Rig::start(patient(Duration::from_secs(1), 256 << 10)).await;
    let payload = vec![wire::FRAME_RAW; 60_000];
    (0..20).for_each(|_| rig.append(0, [payload.as_slice()]));
    let mut stuck = Client::over(narrow(&rig).await, rig.address())
        .await
        .expect("upgrades");
    stuck.resume(from::EARLIEST).await;
    rig.until("closes", 1, |counts| {
        counts.closes.get(CloseCode::SendStalled)
    })
    .await;
    rig.until("clients", 0, |counts| counts.connected.get())
        .await;
}

// A slow reader makes progress and is not a stalled one.
#[tokio::test]
async fn a_client_that_reads_slowly_stays() {
    let rig = Rig::start(patient(Duration::from_secs(1), wire::WINDOW_BYTES_DEFAULT)).await;
    let payload = vec![wire::FRAME_RAW; 60_000];
    (0..80).for_each(|_| rig.append(0, [payload.as_slice()]));
    let mut slow = Client::over(narrow(&rig).await, rig.address())
        .await
        .expect("upgrades");
    slow.resume(from::EARLIEST).await;
    while slow.frames.len() < 80 {
        tokio::time::sleep(Duration::from_millis(40)).await;
        if let Incoming::Closed(code) = slow.next().await {
            panic!("closed with {code:?} after {} frames", slow.frames.len());
        }
    }
}

/// M-1009: the wait for an `ack` begins once all that was sent has been read, and not once a kernel has it.
#[tokio::test]
async fn the_wait_for_an_ack_begins_when_all_was_read() {
    let mut setup = patient(Duration::from_secs(2), 20_000);
    setup.session.ack_stall_ms = 1_000;
    let rig = Rig::start(setup).await;
    let payload = vec![wire::FRAME_RAW; 4_900];
    (0..9).for_each(|_| rig.append(0, [payload.as_slice()]));
    let stream = TcpStream::connect(rig.address()).await.expect("connects");
    let steady = Steady::new(stream, Duration::from_millis(250));
    let upgraded = client_async(upgrade_request(rig.address()), steady).await;
    let (mut client, _) = upgraded.expect("upgrades");
    while !matches!(client.next().await, Some(Ok(Message::Text(_)))) {}
    let resume = json!({
        "type": control::RESUME, "protocol": wire::PROTOCOL_VERSION, "from": from::EARLIEST,
    });
    let sent = client.send(Message::text(resume.to_string())).await;
    sent.expect("sends");
    let begin = Instant::now();
    let mut bytes = 0;
    loop {
        match client.next().await {
            Some(Ok(Message::Binary(data))) => bytes += data.len(),
            Some(Ok(Message::Close(Some(close)))) => {
                assert_eq!(u16::from(close.code), CloseCode::AckStalled.number());
                break;
            }
            Some(Ok(_)) => {}
            end => panic!("{end:?} after {bytes} bytes"),
        }
    }
    assert!((15_000..=20_000).contains(&bytes), "{bytes} without an ack");
    assert!(
        begin.elapsed() > Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
}

/// X1: a client that takes long keeps what is to be sent to it, and not the segments that this is a part of.
#[tokio::test]
async fn slow_clients_keep_a_stated_amount() {
    const CLIENTS: usize = 30;
    let mut setup = patient(Duration::from_secs(30), 64 << 20);
    setup.log_bytes_max = 16 << 20;
    let rig = Rig::start(setup).await;
    let payload = vec![wire::FRAME_RAW; 60_000];
    let append = || rig.append(0, [payload.as_slice(); 4]);
    (0..CLIENTS + 2).for_each(|_| append());
    let mut clients = Vec::new();
    for segment in 0..CLIENTS {
        let stream = narrow(&rig).await;
        let mut client = Client::over(stream, rig.address()).await.expect("upgrades");
        client.control(control::WELCOME).await;
        let position = (4 * segment).to_string();
        client
            .send(&json!({
                "type": control::RESUME, "protocol": wire::PROTOCOL_VERSION,
                "from": from::CURSOR, "positions": { "0": position },
            }))
            .await;
        client.control(control::RESUMED).await;
        clients.push(client);
    }
    // The log goes on without what they are at.
    (0..80).for_each(|_| append());
    let kept = || rig.server.hub.log().bytes_held_elsewhere();
    let begin = Instant::now();
    while kept() > 0 && begin.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (kept, copied) = (kept(), rig.counters().copied_bytes.get());
    assert!(kept == 0 && copied > 1_000_000, "{kept} and {copied}");
    let most = CLIENTS * limits::SLOW_CLIENT_BYTES_USUAL;
    assert!(copied as usize <= most, "{copied} bytes, {most} allowed");
    drop(clients);
    rig.until("copies", 0, |counts| counts.copied_bytes.get())
        .await;
}

// Acks and pings arrive while a large send is stuck.
#[tokio::test]
async fn reads_go_on_while_a_send_waits() {
    let rig = Rig::start(Setup::default()).await;
    let large = vec![wire::FRAME_RAW; 8 << 20];
    rig.append(0, [large.as_slice()]);
    let mut client = Client::over(narrow(&rig).await, rig.address())
        .await
        .expect("upgrades");
    client.resume(from::EARLIEST).await;
    // The record is on its way and does not fit into the kernel; junk must be seen nevertheless.
    tokio::time::sleep(Duration::from_millis(200)).await;
    client.send_text("{".to_owned()).await;
    rig.until("refusals", 1, invalid_json).await;
    assert!(client.frames.is_empty());
    client.frames(1).await;
    client.control(control::ERROR).await;
}

// holds RES-35 at the socket: goodbye, a code, and nothing is cut off.
#[tokio::test]
async fn shutdown_says_goodbye() {
    let rig = Rig::start(Setup::default()).await;
    rig.append(0, payloads(100));
    let mut client = Client::connect(&rig).await;
    client.resume(from::EARLIEST).await;
    client.frames(100).await;
    let address = rig.address();
    let stop = tokio::spawn(rig.stop());
    let going = client.control(control::GOING_AWAY).await;
    assert!(going["retryAfterMs"].is_number(), "{going}");
    assert_eq!(client.closed().await, Some(CloseCode::Shutdown.number()));
    tokio::time::timeout(PATIENCE, stop)
        .await
        .expect("it ends")
        .expect("without a panic");
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn shutdown_does_not_wait_for_those_who_never_leave() {
    let rig = Rig::start(patient(Duration::from_secs(30), 64 << 20)).await;
    let payload = vec![wire::FRAME_RAW; 60_000];
    (0..700).for_each(|_| rig.append(0, [payload.as_slice()]));
    let mut stuck = Client::over(narrow(&rig).await, rig.address())
        .await
        .expect("upgrades");
    stuck.resume(from::EARLIEST).await;
    let begin = Instant::now();
    assert!(!rig.stop().await, "one never leaves");
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn a_cursor_older_than_the_log_gets_a_gap() {
    let rig = Rig::start(Setup {
        log_bytes_max: 16 << 20,
        ..Setup::default()
    })
    .await;
    let payload = vec![wire::FRAME_RAW; 1 << 20];
    (0..40).for_each(|_| rig.append(0, [payload.as_slice()]));
    let earliest = rig.server.hub.log().partition(0).expect("there").held_from;
    assert!(earliest > 20);
    let mut client = Client::connect(&rig).await;
    client.control(control::WELCOME).await;
    client
        .send(&json!({
            "type": control::RESUME, "protocol": wire::PROTOCOL_VERSION, "from": from::CURSOR,
            "lastOffsetsByPartition": { "0": "4" },
        }))
        .await;
    let stale = client.control(control::CURSOR_STALE).await;
    assert_eq!(stale["oldest"], earliest.to_string());
    client.frames(1 + 40 - earliest as usize).await;
    assert_eq!(client.frames[0].kind, wire::FrameKind::Gap);
    assert_eq!(
        (client.frames[0].offset, client.frames[0].last_offset()),
        (5, earliest - 1)
    );
    assert_eq!(rig.counters().stale_cursors.get(), 1);
}

/// RES-19, RES-22: a resume with a bad fingerprint is refused whole and counted by its code; the good one
/// that follows is taken, and its cursor, of another topic, starts over.
#[tokio::test]
async fn a_bad_fingerprint_is_refused_and_a_good_one_compared() {
    let rig = Rig::start(Setup::default()).await;
    rig.append(0, payloads(20));
    let mut client = Client::connect(&rig).await;
    let resume = |offset: &str| {
        json!({
            "type": control::RESUME, "protocol": 1, "from": from::CURSOR, "positions": {"0": "12"},
            "fingerprints": {"0": {"offset": offset, "timestampMs": "-7"}},
        })
    };
    client.send(&resume("12")).await;
    let error = client.control(control::RESUME_ERROR).await;
    assert_eq!(error["code"], wire::ErrorCode::InvalidFingerprint.code());
    let counts = rig.counters();
    let code = ErrorCode::InvalidFingerprint;
    assert_eq!(
        (
            counts.control_errors.get(code),
            counts.resume_errors.get(code)
        ),
        (1, 1)
    );
    client.send(&resume("11")).await;
    let reset = client.control(control::TOPIC_RESET).await;
    assert_eq!(
        (&reset["requested"], &reset["position"]),
        (&json!("12"), &json!("0"))
    );
    let complete = client.control(control::REPLAY_COMPLETE).await;
    assert_eq!(complete["totalReplayed"], "20");
}
