//! Opening handshakes and names, a row each: what RFC 6455, RFC 9112 and docs/protocol.md say.

mod common;

use common::{Client, Rig, send};
use decode_core::wire::{self, CloseCode};
use tokio::io::AsyncWriteExt as _;

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const PROTOCOL: &str = "Sec-WebSocket-Protocol: dashstream.v1\r\n";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

/// A part of a sound handshake, what stands in its place, and the status of the answer.
const CHANGED: [(&str, &str, u16); 18] = [
    ("Upgrade: websocket", "Upgrade: h2c, WebSocket", 101),
    (
        "Connection: Upgrade",
        "Connection: keep-alive, uPGRADE",
        101,
    ),
    (
        PROTOCOL,
        "Sec-WebSocket-Protocol: chat, dashstream.v1\r\n",
        101,
    ),
    (
        PROTOCOL,
        "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: dashstream.v1\r\n",
        101,
    ),
    ("Upgrade: websocket", "Upgrade: websocket2", 426),
    ("Connection: Upgrade", "Connection: close", 426),
    (VERSION, "", 426),
    (VERSION, "Sec-WebSocket-Version: 8\r\n", 426),
    (VERSION, "Sec-WebSocket-Version: 13, 8\r\n", 426),
    (KEY, "", 400),
    (KEY, "Sec-WebSocket-Key:\r\n", 400),
    (KEY, "Sec-WebSocket-Key: c2hvcnQ=\r\n", 400),
    (KEY, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n", 400),
    (KEY, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n", 400),
    (KEY, "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n", 400),
    (PROTOCOL, "", 400),
    (PROTOCOL, "Sec-WebSocket-Protocol: DashStream.v1\r\n", 400),
    (PROTOCOL, "Sec-WebSocket-Protocol: dashstream.v1x\r\n", 400),
];

/// X28, RFC 6455 section 4.2.1.
#[tokio::test]
async fn a_handshake_is_whole_or_refused() {
    let rig = Rig::start(&["--max-connections-per-ip=100"]).await;
    let address = rig.address();
    let all = [UPGRADE, VERSION, KEY, PROTOCOL].concat();
    let close = "Connection: close\r\n".to_owned();
    let mut rows = vec![
        ("GET", all.clone(), 101),
        ("GET", all.replace(VERSION, &VERSION.repeat(2)), 426),
        ("GET", all.replace(KEY, &KEY.repeat(2)), 400),
        ("HEAD", all.clone(), 426),
        ("HEAD", close.clone(), 426),
        ("OPTIONS", close.clone(), 426),
        ("POST", all.clone(), 405),
        ("DELETE", close, 405),
    ];
    rows.extend(CHANGED.map(|(part, instead, status)| ("GET", all.replace(part, instead), status)));
    for (line, headers, status) in rows {
        let request = format!("{line} /ws HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        let answer = send(address, &request).await;
        assert_eq!(answer.status, status, "{line} {headers}: {}", answer.body);
        assert_eq!(
            answer.headers.contains_key("allow"),
            status == 405,
            "{line} {headers}"
        );
        let version = answer
            .headers
            .get("sec-websocket-version")
            .map(String::as_str);
        assert_eq!(version, (status == 426).then_some("13"), "{line} {headers}");
    }
    let old = format!("GET /ws HTTP/1.0\r\nHost: {address}\r\n{all}\r\n");
    assert_eq!(send(address, &old).await.status, 400);
}

/// The origins a request names, its host, and the status of the answer; `own` is the page of this relay at `address`.
fn origins<'a>(own: &'a str, address: &str) -> Vec<(Vec<&'a str>, String, u16)> {
    vec![
        (vec![own], address.to_string(), 101),
        (vec!["https://ops.example"], address.to_string(), 101),
        (vec!["https://ops.example:443"], "relay".to_owned(), 101),
        (vec!["https://relay"], "relay:443".to_owned(), 101),
        (vec!["http://relay:80"], "relay".to_owned(), 101),
        (vec!["http://relay"], "relay:3002".to_owned(), 403),
        (vec!["https://evil.example"], address.to_string(), 403),
        (
            vec!["http://rebound.example"],
            "rebound.example".to_owned(),
            403,
        ),
        (vec!["null"], address.to_string(), 403),
        (vec![own, "https://evil.example"], address.to_string(), 403),
        (vec![own, own], address.to_string(), 403),
    ]
}

/// X3, X17: whatever the bind address, a name nobody listed is not this relay's; with an Origin it is a
/// page that resolved it here (DNS rebinding).
#[tokio::test]
async fn only_known_names_are_answered() {
    let listed = [
        "--allowed-host=relay",
        "--allowed-origin=https://ops.example",
        "--max-connections-per-ip=100",
        "--insecure-allow-anyone",
    ];
    for bind in ["--host=127.0.0.1", "--host=0.0.0.0"] {
        let rig = Rig::start(&[&listed[..], &[bind]].concat()).await;
        let address = rig.reachable();
        let own = format!("http://{address}");
        for (host, known) in [
            ("127.0.0.1", true),
            ("10.1.2.3:3002", true),
            ("[::1]", true),
            ("localhost:80", true),
            ("Relay:3002", true),
            ("relay.", true),
            ("ops.example", true),
            ("rebound.example:3002", false),
            ("relay.example", false),
            ("127.0.0.1.example", false),
        ] {
            for path in ["/", "/health", "/ready", "/version", "/metrics", "/nothing"] {
                let request =
                    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
                let answer = send(address, &request).await;
                assert_eq!(
                    answer.status != 421,
                    known,
                    "{path} {host}: {}",
                    answer.status
                );
                assert!(
                    known || answer.body.contains("--allowed-host"),
                    "{}",
                    answer.body
                );
            }
            let request = format!(
                "GET /ws HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}{VERSION}{KEY}{PROTOCOL}\r\n"
            );
            let status = send(address, &request).await.status;
            assert_eq!(status, if known { 101 } else { 403 }, "{host}");
        }
        let absolute = "GET http://rebound.example/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        assert_eq!(send(address, absolute).await.status, 421);
        for (origins, host, status) in origins(&own, &address.to_string()) {
            let origin: String = origins
                .iter()
                .map(|origin| format!("Origin: {origin}\r\n"))
                .collect();
            let request = format!(
                "GET /ws HTTP/1.1\r\nHost: {host}\r\n{origin}{UPGRADE}{VERSION}{KEY}{PROTOCOL}\r\n"
            );
            assert_eq!(
                send(address, &request).await.status,
                status,
                "{origins:?} at {host}"
            );
        }
    }
}

/// No extension is negotiated: compressed beside secrets, data tells of them by its length.
#[tokio::test]
async fn a_handshake_negotiates_no_extension() {
    let rig = Rig::start(&[]).await;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
         {UPGRADE}{VERSION}{KEY}{PROTOCOL}\r\n",
        rig.address()
    );
    let answer = send(rig.address(), &request).await;
    assert_eq!(answer.status, 101);
    assert!(!answer.headers.contains_key("sec-websocket-extensions"));
}

/// X28: what no message shows is bounded too: pings, pongs, and fragments that hold nothing.
#[tokio::test]
async fn floods_of_frames_are_closed() {
    let text = [0x01, 0x80, 0, 0, 0, 0];
    for (begin, frame) in [
        (&[][..], [0x89, 0x80, 0, 0, 0, 0]),
        (&[], [0x8A, 0x80, 0, 0, 0, 0]),
        (&text, [0x00, 0x80, 0, 0, 0, 0]),
    ] {
        let rig = Rig::start(&[]).await;
        let mut client = Client::connect(&rig).await;
        client.resume(wire::from::LATEST).await;
        let stream = client.stream.get_mut();
        stream.write_all(begin).await.expect("sends");
        stream.write_all(&frame.repeat(1_000)).await.expect("sends");
        assert_eq!(
            client.closed().await,
            Some(CloseCode::Policy.number()),
            "{frame:?}"
        );
        rig.until_metric(
            "dashstream_relay_session_closes_total{code=\"policy\"}",
            1.0,
        )
        .await;
    }
}
