//! Requests as nobody should send them, against the real router: each gets the answer that RFC 9112 and
//! RFC 6455 ask for, and none ends a task by a panic.

mod common;

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    time::Duration,
};

use common::{PATIENCE, Rig, send};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Whatever the method and the form of its target, a request is answered.
#[tokio::test]
async fn no_request_line_ends_its_task() {
    let rig = Rig::start(&[]).await;
    let address = rig.address();
    for (line, status) in [
        ("CONNECT a:80 HTTP/1.1", 405),
        ("CONNECT / HTTP/1.1", 405),
        ("GET a HTTP/1.1", 400),
        ("GET a:80 HTTP/1.1", 400),
        ("OPTIONS * HTTP/1.1", 405),
        ("OPTIONS / HTTP/1.1", 405),
        ("GET * HTTP/1.1", 400),
        ("GET ? HTTP/1.1", 400),
        ("TRACE / HTTP/1.1", 405),
        ("BREW /health HTTP/1.1", 405),
        ("GET http://127.0.0.1/health HTTP/1.1", 200),
        ("GET http://127.0.0.1 HTTP/1.1", 200),
        ("GET //health HTTP/1.1", 404),
        ("GET /health?x=%00 HTTP/1.1", 200),
        ("GET /health HTTP/1.0", 200),
    ] {
        let request = format!("{line}\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let answer = send(address, &request).await;
        assert_eq!(answer.status, status, "{line}: {}", answer.body);
        assert_eq!(
            answer.headers.contains_key("allow"),
            status == 405,
            "{line}: {:?}",
            answer.headers
        );
    }
    let panics = "dashstream_relay_connection_panics_total";
    assert_eq!(rig.metric(panics).await, 0.0);
}

/// Below a base path everything is where it is without it, and stays there too. Only the path without a slash leads
/// elsewhere, by an address that holds behind further proxies.
#[tokio::test]
async fn a_base_path_is_taken_off() {
    let rig = Rig::start(&["--base-path=/ops/dash"]).await;
    let address = rig.address();
    for (path, status, location) in [
        ("/ops/dash/health", 200, None),
        ("/ops/dash/ready", 200, None),
        ("/ops/dash/", 200, None),
        ("/ops/dash/ws", 426, None),
        ("/ops/dash/nothing", 404, None),
        ("/ops/dash/ops/dash/health", 404, None),
        ("/ops/dashhealth", 404, None),
        ("/ops/dash", 308, Some("dash/")),
        ("/ops/dash?at=0:1", 308, Some("dash/?at=0:1")),
        ("/health", 200, None),
        ("/ws", 426, None),
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let answer = send(address, &request).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        let leads = answer.headers.get("location").map(String::as_str);
        assert_eq!(leads, location, "{path}");
    }
}

/// X30: of a file of the page that is gone nobody may remember that it is.
#[tokio::test]
async fn a_file_that_is_gone_is_not_remembered_as_gone() {
    let rig = Rig::start(&[]).await;
    let address = rig.address();
    let request = format!(
        "GET /assets/index-older.js HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    );
    let answer = send(address, &request).await;
    assert_eq!(answer.status, 404);
    let control = answer.headers.get("cache-control").map(String::as_str);
    assert_eq!(control, Some("no-store"));
    assert!(answer.body.contains("reload the page"), "{}", answer.body);
}

/// RFC 9112, section 3.2.
#[tokio::test]
async fn a_request_names_one_valid_host() {
    let rig = Rig::start(&[]).await;
    let address = rig.address();
    for (hosts, status) in [
        ("", 400),
        ("Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n", 400),
        ("Host:\r\n", 400),
        ("Host: a b\r\n", 400),
        ("Host: user@127.0.0.1\r\n", 400),
        ("Host: 127.0.0.1:port\r\n", 400),
        ("Host: 127.0.0.1:99999\r\n", 400),
        ("Host: 127.0.0.1/\r\n", 400),
        ("Host: [::1\r\n", 400),
        ("Host: 127.0.0.1\r\n", 200),
        ("Host: 127.0.0.1:\r\n", 200),
        ("Host: LOCALHOST:80\r\n", 200),
        ("Host: [::1]:3002\r\n", 200),
    ] {
        for path in ["/health", "/", "/metrics"] {
            let request = format!("GET {path} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
            let answer = send(address, &request).await;
            assert_eq!(answer.status, status, "{path} {hosts:?}: {}", answer.body);
        }
    }
    let old = "GET /version HTTP/1.0\r\n\r\n";
    assert_eq!(
        send(address, old).await.status,
        200,
        "HTTP/1.0 knows no Host"
    );
}

/// X13: connections that say nothing leave room for others.
#[tokio::test]
async fn one_address_cannot_take_every_slot() {
    let rig = Rig::start(&["--max-connections=14"]).await;
    let address = rig.address();
    let mut silent = Vec::new();
    for _ in 0..270 {
        silent.push(TcpStream::connect(address).await.expect("connects"));
    }
    // The last ones are closed, so the share of their address is used up.
    let last = silent.last_mut().expect("there are some");
    let read = timeout(PATIENCE, last.read(&mut [0; 1])).await;
    assert_eq!(read.expect("it is closed").unwrap_or(0), 0);
    let other = tokio::net::TcpSocket::new_v4().expect("a socket");
    let own = "127.0.0.9:0".parse().expect("an address");
    other.bind(own).expect("loopback is a /8");
    let mut other = other.connect(address).await.expect("connects");
    let request = format!("GET /ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    other.write_all(request.as_bytes()).await.expect("sends");
    let mut answer = String::new();
    let read = timeout(PATIENCE, other.read_to_string(&mut answer)).await;
    read.expect("in time").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    drop(silent);
    rig.until_answered().await;
    let refused = "dashstream_relay_refused_upgrades_total{reason=\"per_ip\"}";
    assert!(rig.metric(refused).await >= 200.0);
}

/// Requests made at random of the pieces that routers look at, on a real relay: each is answered or its
/// connection closed, and standard error never holds a panic.
#[test]
fn random_requests_cause_no_panic() {
    let mut relay = Command::new(env!("CARGO_BIN_EXE_dashstream-relay"))
        .args(["--port=0", "--kafka-brokers=127.0.0.1:1", "--drain-secs=0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the relay starts");
    let mut stderr = relay.stderr.take().expect("piped");
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(relay.stdout.take().expect("piped"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("it says where it listens");
    let address = line.trim().strip_prefix("listening on http://");
    let address = address.expect("an address").to_owned();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..3_000 {
        let request = request_of(&mut random);
        let mut stream = std::net::TcpStream::connect(&address).expect("connects");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a limit");
        stream.write_all(&request).expect("sends");
        stream.shutdown(std::net::Shutdown::Write).expect("open");
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer) {
            let kind = error.kind();
            let request = String::from_utf8_lossy(&request);
            assert_eq!(
                kind,
                std::io::ErrorKind::ConnectionReset,
                "{round}: {request}"
            );
        }
    }
    relay.kill().expect("it runs");
    relay.wait().expect("it ends");
    let log = log.join().expect("a reader").expect("UTF-8");
    assert!(!log.contains("panicked"), "{log}");
    assert!(!log.contains("this is a bug"), "{log}");
}

fn request_of(random: &mut u64) -> Vec<u8> {
    const METHODS: [&str; 9] = [
        "GET", "HEAD", "POST", "CONNECT", "OPTIONS", "PUT", "TRACE", "x", "",
    ];
    const TARGETS: [&str; 19] = [
        "/",
        "/ws",
        "/health",
        "/session",
        "/admin/partitions/0/release",
        "/admin/partitions//release",
        "*",
        "a",
        "a:80",
        "a:b",
        "http://a/ws",
        "http://",
        "//",
        "/%",
        "/%00%ff",
        "?",
        "/?",
        "#",
        "",
    ];
    const VERSIONS: [&str; 5] = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", ""];
    const HEADERS: [&str; 18] = [
        "Host: 127.0.0.1",
        "Host: ",
        "Host: \u{e9}",
        "Host: [",
        "Origin: null",
        "Origin: http://[",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Key: ",
        "Sec-WebSocket-Key: \u{e9}",
        "Sec-WebSocket-Protocol: dashstream.v1",
        "X-DashStream-Admin: release",
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
        "If-None-Match: \"",
        ": ",
    ];
    let mut pick = |from: &[&str]| {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        from[usize::try_from(*random >> 8).unwrap_or(0) % from.len()].to_owned()
    };
    let mut text = format!(
        "{} {} {}\r\n",
        pick(&METHODS),
        pick(&TARGETS),
        pick(&VERSIONS)
    );
    for _ in 0..8 {
        text += &format!("{}\r\n", pick(&HEADERS));
    }
    (text + "\r\n").into_bytes()
}
