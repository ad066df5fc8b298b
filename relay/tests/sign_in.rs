//! Tokens and sessions on a real socket: who is let in, with what, and for how long.

mod common;

use std::{path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{Answer, Client, Rig, get_with, send, upgrade_request};
use dashstream_relay::auth::{CHECK_INTERVAL, WRONG_PER_MINUTE_MAX};
use decode_core::wire::{self, CloseCode};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;

const VIEWER: &str = "v0123456789abcdef0123456789/+~==";
const ADMIN: &str = "a0123456789abcdef0123456789abcdef";
/// As a proxy on this machine sends requests on: nobody is taken for the operator then.
const PROXIED: &str = "X-Forwarded-For: 192.0.2.1\r\n";

fn tokens() -> String {
    format!("--tokens=viewer {VIEWER} grafana, admin {ADMIN} alice")
}

/// A file of tokens, removed when dropped.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let file = Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).expect("a temporary file");
    }

    fn option(&self) -> String {
        format!("--tokens-file={}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A test may have removed it.
        let _removed = std::fs::remove_file(&self.0);
    }
}

fn bearer(token: &str) -> String {
    format!("{PROXIED}Authorization: Bearer {token}\r\n")
}

async fn status(rig: &Rig, path: &str, headers: &str) -> u16 {
    get_with(rig.address(), path, headers).await.status
}

/// What the page sends, from this origin.
async fn sign_in(rig: &Rig, origin: &str, body: &str, headers: &str) -> Answer {
    let host = rig.address();
    let request = format!(
        "POST /session HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n{headers}\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    send(host, &request).await
}

fn form(token: &str) -> String {
    serde_json::json!({ "token": token }).to_string()
}

fn cookie_of(answer: &Answer) -> String {
    let cookie = answer.headers["set-cookie"].split(';').next();
    format!(
        "{PROXIED}Cookie: other=1; {}\r\n",
        cookie.unwrap_or_default()
    )
}

/// SEC-01: whoever does not come from this machine shows a token, and what is refused says how.
#[tokio::test]
async fn a_token_lets_in() {
    let rig = Rig::start(&[&tokens()]).await;
    assert_eq!(status(&rig, "/health", "").await, 200, "from this machine");
    let refused = get_with(rig.address(), "/health", PROXIED).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    assert_eq!(
        refused.headers["x-dashstream-refusal"],
        wire::UNAUTHENTICATED
    );
    assert!(refused.body.contains("--tokens-file"), "{}", refused.body);
    for (credentials, expected) in [
        (bearer(VIEWER), 200),
        (bearer(ADMIN), 200),
        (bearer(&VIEWER[..31]), 401),
        (bearer(&format!("{VIEWER}x")), 401),
        (bearer(""), 401),
        // Of several none counts: whatever stands before the relay may have looked at another one.
        (bearer(VIEWER) + &bearer(VIEWER), 401),
        (
            format!("{}Authorization: Basic eDp5\r\n", bearer(ADMIN)),
            401,
        ),
        (format!("{PROXIED}Authorization: Basic {VIEWER}\r\n"), 401),
        (
            format!("{PROXIED}Cookie: dashstream_session_00000000={VIEWER}\r\n"),
            401,
        ),
    ] {
        assert_eq!(
            status(&rig, "/health", &credentials).await,
            expected,
            "{credentials}"
        );
    }
    assert_eq!(
        status(&rig, &format!("/health?token={VIEWER}"), PROXIED).await,
        401
    );
    let elsewhere = "GET /health HTTP/1.1\r\nHost: 10.1.2.3\r\nConnection: close\r\n\r\n";
    assert_eq!(send(rig.address(), elsewhere).await.status, 401);
    let series = "dashstream_relay_refused_requests_total{reason=\"unauthenticated\"}";
    assert!(rig.metric(series).await >= 8.0);
    assert_eq!(
        rig.metric("dashstream_relay_tokens{role=\"admin\"}").await,
        1.0
    );
}

/// SEC-01: on a machine with a forwarder that leaves no trace, loopback can be asked too.
#[tokio::test]
async fn loopback_can_be_asked_too() {
    let rig = Rig::start(&[&tokens(), "--loopback-needs-token"]).await;
    assert_eq!(status(&rig, "/health", "").await, 401);
    let credentials = format!("Authorization: Bearer {VIEWER}\r\n");
    assert_eq!(status(&rig, "/health", &credentials).await, 200);
    assert_eq!(status(&rig, "/ready", "").await, 200, "probes need none");
}

/// SEC-01: what a proxy, a balancer or a tunnel on this machine sends on is not taken for the operator's, whatever Host
/// it writes.
#[tokio::test]
async fn traces_of_a_proxy_need_a_token() {
    let rig = Rig::start(&[&tokens()]).await;
    for header in [
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Server: a",
        "Forwarded: for=127.0.0.1",
        "Via: 1.1 a",
        "X-Real-IP: 127.0.0.1",
        "X-Client-IP: 127.0.0.1",
        "Client-IP: 127.0.0.1",
        "True-Client-IP: 127.0.0.1",
        "Fastly-Client-IP: 127.0.0.1",
        "X-Azure-ClientIP: 127.0.0.1",
        "X-Cluster-Client-IP: 127.0.0.1",
        "X-Originating-IP: 127.0.0.1",
        "X-ProxyUser-Ip: 127.0.0.1",
        "CF-Connecting-IP: 127.0.0.1",
        "CF-Ray: 1",
        "CDN-Loop: a",
        "Fly-Region: a",
        "Tailscale-User-Login: a",
        "X-Amzn-Trace-Id: a",
        "X-ARR-LOG-ID: a",
        "X-Envoy-External-Address: 127.0.0.1",
        "X-Original-URL: /",
        "X-Remote-Addr: 127.0.0.1",
        "X-Scheme: https",
        "Proxy-Connection: keep-alive",
        // As in a block for WebSockets that writes it into every request.
        "Connection: upgrade",
    ] {
        let seen = status(&rig, "/health", &format!("{header}\r\n")).await;
        assert_eq!(seen, 401, "{header}");
    }
    // nginx asks so unless it is told otherwise. In itself the old version is nothing.
    for (header, expected) in [("Connection: close\r\n", 401), ("", 200)] {
        let host = rig.address();
        let old = format!("GET /health HTTP/1.0\r\nHost: {host}\r\n{header}\r\n");
        assert_eq!(send(host, &old).await.status, expected, "{header}");
    }
    let of_browser = "User-Agent: Mozilla/5.0\r\nAccept: */*\r\nAccept-Language: de\r\nDNT: 1\r\n\
        Sec-Fetch-Site: same-origin\r\nSec-GPC: 1\r\nReferer: http://localhost/\r\nPriority: u=0\r\n\
        Cache-Control: no-cache\r\nX-Requested-With: XMLHttpRequest\r\n";
    assert_eq!(status(&rig, "/health", of_browser).await, 200);
    // A connection of a proxy that is listed is the proxy's, also where it does not say for whom it asks.
    let listed = Rig::start(&[&tokens(), "--trusted-proxies=127.0.0.1"]).await;
    assert_eq!(status(&listed, "/health", "").await, 401);
    let credentials = format!("Authorization: Bearer {VIEWER}\r\n");
    assert_eq!(status(&listed, "/health", &credentials).await, 200);
    // Where nobody has a token, none is asked for because of how a request looks.
    let free = Rig::start(&["--trusted-proxies=127.0.0.1"]).await;
    assert_eq!(
        status(&free, "/health", "Connection: upgrade\r\n").await,
        200
    );
    assert_eq!(status(&free, "/health", PROXIED).await, 401);
}

/// SEC-03: a change needs the role admin, whatever else a request has.
#[tokio::test]
async fn a_change_needs_the_role_admin() {
    let rig = Rig::start(&[&tokens()]).await;
    rig.shared().ingest.partition(2);
    let release = async |headers: &str| {
        let request = format!(
            "POST /admin/partitions/2/release HTTP/1.1\r\nHost: {}\r\n{headers}\
             Content-Length: 0\r\nConnection: close\r\n\r\n",
            rig.address()
        );
        send(rig.address(), &request).await.status
    };
    let header = "X-DashStream-Admin: release\r\n";
    let with = |token: &str, more: &str| format!("{}{header}{more}", bearer(token));
    assert_eq!(release(&format!("{PROXIED}{header}")).await, 401);
    assert_eq!(release(&with(VIEWER, "")).await, 403);
    assert_eq!(
        release(&with(ADMIN, "")).await,
        409,
        "let in: nothing is paused"
    );
    assert_eq!(release(&bearer(ADMIN)).await, 403, "without the header");
    let own = format!("Origin: http://{}\r\n", rig.address());
    assert_eq!(release(&with(ADMIN, &own)).await, 409);
    // SEC-02: no page of another origin, with whatever cookie.
    let foreign = "Origin: https://evil.example\r\n";
    assert_eq!(release(&with(ADMIN, foreign)).await, 403);
    let page = format!("http://{}", rig.address());
    let cookie = cookie_of(&sign_in(&rig, &page, &form(ADMIN), PROXIED).await);
    assert_eq!(release(&format!("{cookie}{header}{own}")).await, 409);
    assert_eq!(release(&format!("{cookie}{header}{foreign}")).await, 403);
    assert_eq!(release(&format!("{cookie}{own}")).await, 403);
}

/// SEC-02: a page gets a session for a token, in a cookie that scripts and other pages cannot use.
#[tokio::test]
async fn a_page_signs_in() {
    let rig = Rig::start(&[&tokens(), "--allowed-origin=https://ops.example"]).await;
    let own = format!("http://{}", rig.address());
    let answer = sign_in(&rig, &own, &form(VIEWER), PROXIED).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "{\"role\":\"viewer\"}")
    );
    let cookie = answer.headers["set-cookie"].clone();
    assert!(
        cookie.ends_with("; Max-Age=43200; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert!(!cookie.contains(&VIEWER[..20]));
    let session = cookie_of(&answer);
    assert_eq!(status(&rig, "/health", &session).await, 200);
    let (path, expected) = ("/admin/partitions/2/release", 403);
    assert_eq!(status(&rig, path, &session).await, expected, "a viewer's");
    assert_eq!(
        status(&rig, "/ws", &session).await,
        426,
        "an upgrade would do"
    );
    // Behind a proxy that speaks TLS the browser keeps it to TLS.
    let outer = sign_in(&rig, "https://ops.example", &form(ADMIN), PROXIED).await;
    assert!(outer.headers["set-cookie"].ends_with("; Secure"));
    for (origin, body, expected) in [
        (own.as_str(), form("wrong"), 401),
        (&own, form(""), 401),
        ("https://evil.example", form(VIEWER), 403),
        ("null", form(VIEWER), 403),
        (&own, format!("token={VIEWER}"), 400),
        (&own, "{}".to_owned(), 400),
        (&own, form(&"x".repeat(2_000)), 413),
    ] {
        let answer = sign_in(&rig, origin, &body, PROXIED).await;
        assert_eq!(
            answer.status, expected,
            "{origin} {body:.60}: {}",
            answer.body
        );
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    let request = |method: &str, headers: &str| {
        format!(
            "{method} /session HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n",
            rig.address()
        )
    };
    let no_page = send(rig.address(), &request("POST", "Content-Length: 0\r\n")).await;
    assert_eq!(no_page.status, 403, "a tool needs no cookie");
    assert_eq!(send(rig.address(), &request("GET", "")).await.status, 405);
    for (outcome, count) in [("accepted", 2.0), ("wrong", 2.0), ("refused", 5.0)] {
        let series = format!("dashstream_relay_sign_ins_total{{outcome=\"{outcome}\"}}");
        assert_eq!(rig.metric(&series).await, count, "{outcome}");
    }
}

/// SEC-01, SEC-02: signing out ends a session and its connections at once; no other page can do it.
#[tokio::test]
async fn signing_out_ends_a_session() {
    let rig = Rig::start(&[&tokens()]).await;
    let own = format!("http://{}", rig.address());
    let session = cookie_of(&sign_in(&rig, &own, &form(VIEWER), PROXIED).await);
    let sign_out = async |origin: &str, cookie: &str| {
        let request = format!(
            "DELETE /session HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\n\
             Connection: close\r\n\r\n",
            rig.address()
        );
        send(rig.address(), &request).await
    };
    let cookie = session.split_once("Cookie: ").expect("a cookie").1.trim();
    let mut client = socket(&rig, None, &[("Cookie", cookie)]).await;
    client.resume(wire::from::LATEST).await;
    assert_eq!(sign_out("https://evil.example", cookie).await.status, 403);
    assert_eq!(
        status(&rig, "/health", &session).await,
        200,
        "no other page signs out"
    );
    let out = sign_out(&own, cookie).await;
    let ended = Some(CloseCode::NotAuthorised.number());
    assert_eq!(
        client.closed().await,
        ended,
        "what was opened with it is closed"
    );
    assert_eq!(
        status(&rig, "/health", &session).await,
        401,
        "and the cookie is worth nothing"
    );
    assert!(
        out.headers["set-cookie"].contains("=; Max-Age=0; HttpOnly"),
        "{:?}",
        out.headers
    );
}

/// SEC-02: a browser has one session. Signing in again ends the earlier one and what was opened with it; of
/// several cookies any that is valid will do, and signing out ends all.
#[tokio::test]
async fn a_browser_has_one_session() {
    let rig = Rig::start(&[&tokens()]).await;
    let own = format!("http://{}", rig.address());
    let of_viewer = cookie_of(&sign_in(&rig, &own, &form(VIEWER), PROXIED).await);
    let cookie = of_viewer.split_once("other=1; ").expect("a cookie").1;
    let mut client = socket(&rig, None, &[("Cookie", cookie.trim())]).await;
    client.resume(wire::from::LATEST).await;
    let wrong = sign_in(&rig, &own, &form("wrong"), &of_viewer).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(status(&rig, "/health", &of_viewer).await, 200);
    let of_admin = cookie_of(&sign_in(&rig, &own, &form(ADMIN), &of_viewer).await);
    let ended = Some(CloseCode::NotAuthorised.number());
    assert_eq!(client.closed().await, ended);
    assert_eq!(status(&rig, "/health", &of_viewer).await, 401);
    let valid = of_admin.split_once("other=1; ").expect("a cookie").1;
    let both = format!("{PROXIED}Cookie: {}; {valid}", cookie.trim());
    assert_eq!(status(&rig, "/health", &both).await, 200);
    let out = format!(
        "DELETE /session HTTP/1.1\r\nHost: {}\r\nOrigin: {own}\r\n{both}Connection: close\r\n\r\n",
        rig.address()
    );
    assert_eq!(send(rig.address(), &out).await.status, 200);
    assert_eq!(status(&rig, "/health", &of_admin).await, 401);
}

/// SEC-12: whoever guesses is not listened to for a while, at whichever door; others are, and so is whoever asks for
/// what needs no token.
#[tokio::test]
async fn guessing_is_limited() {
    let rig = Rig::start(&[&tokens()]).await;
    for _ in 0..2 * WRONG_PER_MINUTE_MAX {
        assert_eq!(status(&rig, "/", &bearer("of before")).await, 200);
    }
    for _ in 0..WRONG_PER_MINUTE_MAX {
        assert_eq!(status(&rig, "/health", &bearer("wrong")).await, 401);
    }
    let limited = get_with(rig.address(), "/health", &bearer(VIEWER)).await;
    assert_eq!(limited.status, 429, "also with the right one");
    assert_eq!(limited.headers["x-dashstream-refusal"], "attempts");
    for path in ["/", "/version", "/ready", "/assets/none", "/session"] {
        let seen = status(&rig, path, &bearer("wrong")).await;
        assert!(![401, 429].contains(&seen), "{path}: {seen}");
    }
    let own = format!("http://{}", rig.address());
    let form = sign_in(&rig, &own, &form(ADMIN), PROXIED).await;
    assert_eq!(form.status, 429);
    assert_eq!(
        rig.metric("dashstream_relay_sign_ins_total{outcome=\"limited\"}")
            .await,
        1.0
    );
    assert_eq!(
        status(&rig, "/health", "Authorization: Bearer x\r\n").await,
        200,
        "who needs none"
    );
}

/// A WebSocket with these subprotocols besides the relay's, and these headers.
async fn socket(rig: &Rig, token: Option<&str>, headers: &[(&'static str, &str)]) -> Client {
    let mut request = upgrade_request(rig.address());
    let proxied = ("X-Forwarded-For", "192.0.2.1");
    for (name, value) in headers.iter().chain([&proxied]) {
        request
            .headers_mut()
            .insert(*name, value.parse().expect("a value"));
    }
    if let Some(token) = token {
        let token = URL_SAFE_NO_PAD.encode(token);
        let offered = format!("{}{token}, {}", wire::BEARER_SUBPROTOCOL, wire::SUBPROTOCOL);
        let offered = offered.parse().expect("a value");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", offered);
    }
    let stream = TcpStream::connect(rig.address()).await.expect("connects");
    let (stream, response) = client_async(request, stream).await.expect("upgrades");
    assert_eq!(
        response.headers()["sec-websocket-protocol"],
        wire::SUBPROTOCOL
    );
    Client::over_stream(stream)
}

/// SEC-01: a token that is taken out of the file ends what was opened with it within 30 s, with 4001; the others go
/// on, and so does everything while the file is missing for a moment, which is reported.
#[tokio::test]
async fn a_token_taken_out_of_the_file_ends_its_connections() {
    let both = format!("viewer {VIEWER} grafana\nadmin {ADMIN} alice\n");
    let file = File::new("tokens", &both);
    let rig = Rig::start(&[&file.option()]).await;
    let own = format!("http://{}", rig.address());
    let page = sign_in(&rig, &own, &form(VIEWER), PROXIED).await;
    let session = cookie_of(&page);
    let cookie = session.split_once("Cookie: ").expect("a cookie").1.trim();
    let mut leaving = vec![
        socket(&rig, Some(VIEWER), &[]).await,
        socket(
            &rig,
            None,
            &[("Authorization", &format!("Bearer {VIEWER}"))],
        )
        .await,
        socket(&rig, None, &[("Cookie", cookie)]).await,
    ];
    let mut staying = socket(&rig, Some(ADMIN), &[]).await;
    for client in leaving.iter_mut().chain([&mut staying]) {
        client.resume(wire::from::LATEST).await;
    }

    std::fs::remove_file(&file.0).expect("it exists");
    let unusable = "dashstream_relay_token_file_unusable";
    rig.until_metric(unusable, 1.0).await;
    let health = get_with(rig.address(), "/health", &bearer(VIEWER)).await;
    assert_eq!(health.status, 200, "it is still valid");
    assert!(
        health
            .body
            .contains("if that lasts, no token is valid within 30 s"),
        "{}",
        health.body
    );
    assert!(health.body.contains("\"status\":\"degraded\"") || health.body.contains("starting"));

    file.write(&format!("admin {ADMIN} alice\n"));
    let begin = std::time::Instant::now();
    for client in &mut leaving {
        assert_eq!(
            client.closed().await,
            Some(CloseCode::NotAuthorised.number())
        );
    }
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "{:?}",
        begin.elapsed()
    );
    assert!(begin.elapsed() < CHECK_INTERVAL * 3);
    assert_eq!(rig.metric(unusable).await, 0.0);
    assert_eq!(status(&rig, "/health", &bearer(VIEWER)).await, 401);
    assert_eq!(status(&rig, "/health", &session).await, 401);
    assert_eq!(status(&rig, "/health", &bearer(ADMIN)).await, 200);
    rig.append(0, [b"\x00\x0A\x00".as_slice()]);
    staying.frames(1).await;
}

/// SEC-01: an emptied file is one out of which every token was taken. That takes effect neither at once, as somebody
/// may be writing it, nor later than after 30 s, and is reported; what is in the file again is valid again.
#[tokio::test]
async fn an_emptied_file_ends_all_connections() {
    let both = format!("viewer {VIEWER} grafana\nadmin {ADMIN} alice\n");
    let file = File::new("emptied", &both);
    let rig = Rig::start(&[&file.option()]).await;
    let mut clients = [
        socket(&rig, Some(VIEWER), &[]).await,
        socket(&rig, Some(ADMIN), &[]).await,
    ];
    for client in &mut clients {
        client.resume(wire::from::LATEST).await;
    }
    let begin = std::time::Instant::now();
    file.write("");
    tokio::time::sleep(CHECK_INTERVAL * 3).await;
    assert_eq!(status(&rig, "/health", &bearer(VIEWER)).await, 200);
    for client in &mut clients {
        let ended = Some(CloseCode::NotAuthorised.number());
        assert_eq!(client.closed().await, ended);
    }
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    for token in [VIEWER, ADMIN] {
        assert_eq!(status(&rig, "/health", &bearer(token)).await, 401);
    }
    for role in ["viewer", "admin"] {
        let series = format!("dashstream_relay_tokens{{role=\"{role}\"}}");
        assert_eq!(rig.metric(&series).await, 0.0);
    }
    let unusable = "dashstream_relay_token_file_unusable";
    assert_eq!(rig.metric(unusable).await, 1.0);
    let health = get_with(rig.address(), "/health", "").await.body;
    let told = "the token file: there is no token; no token is valid";
    assert!(health.contains(told), "{health}");
    file.write(&both);
    rig.until_metric(unusable, 0.0).await;
    assert_eq!(status(&rig, "/health", &bearer(VIEWER)).await, 200);
}

/// SEC-01: a session that is over ends its connection, and is not taken again.
#[tokio::test]
async fn a_session_ends_with_its_time() {
    let rig = Rig::start(&[&tokens(), "--session-secs=2"]).await;
    let own = format!("http://{}", rig.address());
    let answer = sign_in(&rig, &own, &form(ADMIN), PROXIED).await;
    let session = cookie_of(&answer);
    let cookie = session.split_once("Cookie: ").expect("a cookie").1.trim();
    let mut client = socket(&rig, None, &[("Cookie", cookie)]).await;
    client.resume(wire::from::LATEST).await;
    assert_eq!(
        client.closed().await,
        Some(CloseCode::NotAuthorised.number())
    );
    assert_eq!(status(&rig, "/health", &session).await, 401);
}
