//! Tokens and sessions stay where they are: whatever the relay writes or answers is searched for them.

mod common;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{Answer, send};
use decode_core::wire;

const VALID: &str = "valid-0123456789abcdef0123456789abcdef";
const WRONG: &str = "wrong-0123456789abcdef0123456789abcdef";

/// Killed when dropped.
struct Relay(Child);

impl Drop for Relay {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// As a stranger sends it, with the token in every place that is looked at and in some that are not.
fn requests(address: SocketAddr, token: &str) -> Vec<String> {
    let coded = URL_SAFE_NO_PAD.encode(token);
    let form = serde_json::json!({ "token": token }).to_string();
    let broken = format!("{{\"token\": \"{token}\", \"x\": 1}}");
    let offered = format!("{}{coded}, {}", wire::BEARER_SUBPROTOCOL, wire::SUBPROTOCOL);
    let upgrade = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let own = format!("Origin: http://{address}\r\nContent-Type: application/json\r\n");
    let post = |headers: &str, body: &str| {
        let length = body.len();
        format!("{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    };
    let close = "Connection: close\r\n\r\n";
    let requests = [
        ("GET /health", format!("{bearer}{close}")),
        ("GET /metrics", format!("{bearer}{close}")),
        ("GET /version", format!("{bearer}{close}")),
        ("GET /nothing", format!("{bearer}{close}")),
        ("GET /ws", format!("{bearer}{close}")),
        (
            "GET /ws",
            format!("{upgrade}Connection: Upgrade\r\nSec-WebSocket-Protocol: {offered}\r\n\r\n"),
        ),
        (
            "GET /ws",
            format!("{bearer}Origin: https://evil.example\r\n{upgrade}Connection: Upgrade\r\n\r\n"),
        ),
        (
            "POST /admin/partitions/0/release",
            post(&format!("{bearer}X-DashStream-Admin: release\r\n"), ""),
        ),
        ("POST /session", post(&own, &form)),
        ("POST /session", post(&own, &broken)),
        ("POST /session", post("", &form)),
        (
            "DELETE /session",
            format!("{own}Cookie: a={token}\r\n{close}"),
        ),
        (
            "GET /health",
            format!("Cookie: dashstream_session_00000000={token}\r\n{close}"),
        ),
    ];
    let proxied = "X-Forwarded-For: 192.0.2.1\r\n";
    requests
        .into_iter()
        .map(|(line, rest)| format!("{line} HTTP/1.1\r\nHost: {address}\r\n{proxied}{rest}"))
        .collect()
}

/// The cookie's value, which is as good as a token.
fn session_of(answer: &Answer) -> Option<String> {
    let cookie = answer.headers.get("set-cookie")?;
    let value = cookie.split_once('=')?.1.split(';').next()?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// SEC-01, SEC-08: no token and no session is in a log at its most talkative, in an answer, or in a metric.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_ever_shown() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dashstream-relay"));
    let child = command
        .args(["--port=0", "--kafka-brokers=127.0.0.1:1", "--drain-secs=0"])
        .env("DASHSTREAM_TOKENS", format!("admin {VALID} alice"))
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut relay = Relay(child.expect("the relay starts"));
    let mut stderr = relay.0.stderr.take().expect("piped");
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut line = String::new();
    let mut stdout = BufReader::new(relay.0.stdout.take().expect("piped"));
    stdout
        .read_line(&mut line)
        .expect("it says where it listens");
    let address = line.trim().strip_prefix("listening on http://");
    let address: SocketAddr = address
        .and_then(|text| text.parse().ok())
        .expect("an address");

    let (mut written, mut sessions) = (Vec::new(), Vec::new());
    for token in [VALID, WRONG] {
        for request in requests(address, token) {
            let answer = send(address, &request).await;
            sessions.extend(session_of(&answer));
            let head = answer
                .headers
                .iter()
                .filter(|(name, _)| *name != "set-cookie");
            written.push(format!(
                "{head:?} {}",
                answer.body,
                head = head.collect::<Vec<_>>()
            ));
        }
    }
    assert_eq!(sessions.len(), 1, "one of them signs in");
    let cookie = format!(
        "GET /health HTTP/1.1\r\nHost: {address}\r\nCookie: x={}\r\nConnection: close\r\n\r\n",
        sessions[0]
    );
    written.push(send(address, &cookie).await.body);
    for path in ["/health", "/metrics", "/version", "/ready"] {
        written.push(common::get(address, path).await.body);
    }
    drop(relay);
    let log = log.join().expect("a reader").expect("UTF-8");
    assert!(log.contains("signed in") && log.contains("TRACE"), "{log}");
    written.push(log);
    let mut secrets = sessions;
    for token in [VALID, WRONG] {
        secrets.extend([token.to_owned(), URL_SAFE_NO_PAD.encode(token)]);
    }
    for (text, secret) in written
        .iter()
        .flat_map(|text| secrets.iter().map(move |s| (text, s)))
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// SEC-12: a relay that others could reach, and that would ask nobody for a token, does not start: it says both ways.
#[test]
fn an_unguarded_port_is_not_opened() {
    let run = |variables: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_dashstream-relay"))
            .arg("--host=0.0.0.0")
            .args(variables.is_empty().then_some("--port=0"))
            .args((!variables.is_empty()).then_some("check-config"))
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), text)
    };
    let (code, told) = run(&[]);
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("DASHSTREAM_TOKENS_FILE")
            && told.contains("DASHSTREAM_INSECURE_ALLOW_ANYONE=true")
    );
    let listed = format!("viewer {VALID}");
    for variable in [
        ("DASHSTREAM_INSECURE_ALLOW_ANYONE", "true"),
        ("DASHSTREAM_TOKENS", listed.as_str()),
    ] {
        assert_eq!(run(&[variable]), (Some(0), String::new()));
    }
    let swapped = format!("{VALID} viewer");
    let (code, told) = run(&[("DASHSTREAM_TOKENS", &swapped)]);
    assert_eq!(code, Some(2));
    assert!(
        told.contains("DASHSTREAM_TOKENS): entry 1") && !told.contains(VALID),
        "{told}"
    );
}
