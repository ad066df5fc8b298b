//! What stands before the log and behind it: the gate over real sockets, a tier behind memory, and what a refused
//! resume leaves in the log.

mod common;

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use common::{At as _, Client, PATIENCE, Rig, Setup, upgrade_request};
use dashstream_serve::{
    Doors, Gate,
    counters::Refusal,
    gate::{Access, Authenticating, Authenticator, Credentials, Identity, Role, Shown},
    history::{Floor, History, Reading, SharedReads},
};
use decode_core::wire::{self, CloseCode, ErrorCode, control, from};
use hyper::{Method, StatusCode};
use serde_json::json;
use session::{Answer, Fetch, SegmentBuilder};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    time::timeout,
};
use tokio_tungstenite::{client_async, tungstenite};

/// Has every record of partition 0 from offset 10 on, and counts how often it was read.
struct Tier(AtomicUsize);

impl History for Tier {
    fn floors(&self) -> Vec<Floor> {
        vec![Floor {
            partition: 0,
            incarnation: 0,
            position: Some(10),
        }]
    }

    fn read(&self, fetch: Fetch) -> Reading {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut builder = SegmentBuilder::new(fetch.partition, fetch.from);
            for offset in fetch.from..fetch.until {
                builder.record(offset, 1, &[wire::FRAME_RAW; 9_000]);
                if builder.len() >= fetch.bytes_max {
                    break;
                }
            }
            Answer::Frames {
                incarnation: fetch.incarnation,
                segment: builder.finish().expect("frames"),
            }
        })
    }
}

/// RES-13, RES-32: clients read what memory does not hold, from what a tier has on; those that come together share.
#[tokio::test(flavor = "multi_thread")]
async fn what_memory_does_not_hold_comes_from_behind_it() {
    let tier = Arc::new(Tier(AtomicUsize::new(0)));
    let rig = Rig::start(Setup {
        log_bytes_max: 100_000,
        doors: Doors {
            history: SharedReads::new(tier.clone(), 64 << 20),
            ..Doors::default()
        },
        ..Setup::default()
    })
    .await;
    let payload = [wire::FRAME_RAW; 9_000];
    (0..300).for_each(|_| rig.append(0, [payload.as_slice()]));
    let held_from = rig.server.hub.log().partition(0).expect("there").held_from;
    assert!(held_from > 280);
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Client::connect(&rig).await;
        let welcome = client.control(control::WELCOME).await;
        assert_eq!(welcome["partitions"]["0"]["earliest"], "10");
        clients.push(client);
    }
    for client in &mut clients {
        let resume = json!({"type": control::RESUME, "protocol": 1, "from": from::EARLIEST});
        client.send(&resume).await;
    }
    for client in &mut clients {
        client.frames(290).await;
        assert_eq!(client.offsets(0), (10..300).collect::<Vec<_>>());
    }
    // 290 records of 9,000 bytes are ten answers of 256 KiB; unshared it would be eighty.
    let reads = tier.0.load(Ordering::Relaxed);
    assert!((10..40).contains(&reads), "{reads} reads");
    assert_eq!(rig.counters().stale_cursors.get(), 0);
}

/// Who shows "see" may see, and who shows "all" may do everything, until they are taken away.
struct Tokens(watch::Sender<bool>);

impl Authenticator for Tokens {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> Authenticating<'a> {
        let shown = credentials.bearer();
        let shown = shown.or_else(|| credentials.subprotocol("token."));
        Box::pin(std::future::ready(Ok(match shown {
            Some(Shown::One("see")) => Identity::while_valid(Role::Viewer, self.0.subscribe()),
            Some(Shown::One("all")) => Identity::while_valid(Role::Admin, self.0.subscribe()),
            _ => Identity::unnamed(None),
        })))
    }
}

async fn guarded() -> (Rig, Arc<Tokens>) {
    let tokens = Arc::new(Tokens(watch::Sender::new(true)));
    let gate = Gate {
        authenticator: tokens.clone(),
        access: |method, path| match (method, path) {
            (_, "/public") => Access::Anybody,
            (&Method::POST, _) => Access::Needs(Role::Admin),
            _ => Access::Needs(Role::Viewer),
        },
        ..Gate::default()
    };
    let doors = Doors {
        gate,
        ..Doors::default()
    };
    let rig = Rig::start(Setup {
        doors,
        ..Setup::default()
    });
    (rig.await, tokens)
}

/// The head of the answer to a request.
async fn ask(rig: &Rig, line: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(rig.address()).await.expect("connects");
    let host = rig.address();
    let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(PATIENCE, read)
        .await
        .expect("in time")
        .expect("answers");
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    head.to_ascii_lowercase()
}

/// SEC-01, SEC-03: WebSocket and HTTP pass the same gate; what is refused says why, and is counted.
#[tokio::test]
async fn requests_and_sockets_pass_one_gate() {
    let (rig, _tokens) = guarded().await;
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    for (line, headers, expected) in [
        ("GET /public", String::new(), "200"),
        ("GET /other", String::new(), "401"),
        ("GET /other", bearer("wrong"), "401"),
        ("GET /other", bearer("see"), "200"),
        ("POST /other", bearer("see"), "403"),
        ("POST /other", bearer("all"), "200"),
    ] {
        let head = ask(&rig, line, &headers).await;
        assert!(
            head.starts_with(&format!("http/1.1 {expected}")),
            "{line} {head}"
        );
        let code = match expected {
            "401" => Some("x-dashstream-refusal: unauthenticated"),
            "403" => Some("x-dashstream-refusal: not_allowed"),
            _ => None,
        };
        assert!(code.is_none_or(|code| head.contains(code)), "{head}");
    }
    let refused = &rig.counters().refused_requests;
    assert_eq!(refused.get(Refusal::Unauthenticated), 2);
    assert_eq!(refused.get(Refusal::NotAllowed), 1);
    let connected = Client::try_connect(rig.address()).await;
    let Some(tungstenite::Error::Http(answer)) = connected.err() else {
        panic!("without a token there is no WebSocket");
    };
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let count = rig.counters().refusals.get(Refusal::Unauthenticated);
    assert_eq!(count, 1);
}

/// What a plain GET is told is what the upgrade is told: by one order of checks.
#[tokio::test]
async fn the_explanation_is_what_an_upgrade_would_be_told() {
    let setup = Setup::default();
    let rules = dashstream_serve::Rules {
        connections_per_address_max: 1,
        ..setup.rules
    };
    let rig = Rig::start(Setup { rules, ..setup }).await;
    let upgrade = format!(
        "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n",
        wire::SUBPROTOCOL
    );
    let foreign = "Origin: https://elsewhere.example\r\n";
    let plain = ask(&rig, "GET /ws", "").await;
    assert!(
        plain.starts_with("http/1.1 426") && !plain.contains("refusal"),
        "{plain}"
    );
    let first = Client::connect(&rig).await;
    for (headers, code) in [("", "per_ip"), (foreign, "origin")] {
        let explained = ask(&rig, "GET /ws", headers).await;
        let told = ask(&rig, "GET /ws", &format!("{upgrade}{headers}")).await;
        let line = format!("x-dashstream-refusal: {code}");
        for head in [&explained, &told] {
            assert!(head.contains(&line), "{code}: {head}");
        }
        assert_eq!(explained.lines().next(), told.lines().next());
    }
    drop(first);
}

/// SEC-01: credentials that are taken away close what was opened with them, with 4001, also while it is idle.
#[tokio::test]
async fn a_revoked_token_closes_its_connections() {
    let (rig, tokens) = guarded().await;
    let mut request = upgrade_request(rig.address());
    let offered = format!("{}, token.see", wire::SUBPROTOCOL);
    let offered = offered.parse().expect("a header value");
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", offered);
    let stream = TcpStream::connect(rig.address()).await.expect("connects");
    let (stream, response) = client_async(request, stream).await.expect("upgrades");
    // The token is not repeated.
    assert_eq!(
        response.headers()["sec-websocket-protocol"],
        wire::SUBPROTOCOL
    );
    let mut client = Client::over_stream(stream);
    client.resume(from::LATEST).await;
    tokens.0.send_replace(false);
    assert_eq!(
        client.closed().await,
        Some(CloseCode::NotAuthorised.number())
    );
    let closes =
        |counts: &dashstream_serve::ClientCounters| counts.closes.get(CloseCode::NotAuthorised);
    rig.until("closes", 1, closes).await;
}

/// Where a test's log lines go.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// RES-38, BND-16: every refused resume is answered and counted by its code; a flood of them is a few log
/// lines, each with who, why and how much of it.
#[tokio::test]
async fn refused_resumes_are_counted_and_logged_within_bounds() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let rig = Rig::start(Setup::default()).await;
    let bad: serde_json::Map<_, _> = (0..40).map(|p| (format!("x{p}"), json!("1"))).collect();
    let resume = json!({
        "type": control::RESUME, "protocol": 1, "from": from::CURSOR, "positions": bad,
    });
    for _ in 0..5 {
        let mut client = Client::connect(&rig).await;
        for _ in 0..4 {
            client.send(&resume).await;
            let error = client.control(control::RESUME_ERROR).await;
            assert_eq!(error["code"], "invalid_partition");
            assert_eq!(
                error["invalidPartitions"].as_array().map(Vec::len),
                Some(16)
            );
        }
        // Nothing of it took effect: a good one is still awaited.
        let good = json!({"type": control::RESUME, "protocol": 1, "from": from::LATEST});
        client.send(&good).await;
        client.control(control::RESUMED).await;
    }
    let counted = rig
        .counters()
        .resume_errors
        .get(ErrorCode::InvalidPartition);
    assert_eq!(counted, 20);
    let text = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("text");
    let said: Vec<_> = text
        .lines()
        .filter(|line| line.contains("resume was refused"))
        .collect();
    assert_eq!(said.len(), 10, "{text}");
    for part in [
        "peer=127.0.0.1",
        "invalid_partition",
        "invalid_partitions=40",
        "invalid_offsets=0",
    ] {
        assert!(said[0].contains(part), "{part} in {}", said[0]);
    }
}
