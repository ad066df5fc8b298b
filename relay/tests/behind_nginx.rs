//! A relay behind nginx that changes Host or names for whom it asks.

mod common;

use std::net::{IpAddr, SocketAddr};

use common::{
    PATIENCE, Rig, get_with,
    proxies::{free_port, haproxy_with, nginx_as_it_is, nginx_with, until_up},
    send,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: dashstream.v1\r\n";

/// A request for an upgrade, or for the reason why there is none, as the page behind the proxy sends it.
async fn of_page(proxy: SocketAddr, method: &str, headers: &str) -> (u16, String) {
    let origin = format!("http://localhost:{}", proxy.port());
    let request = format!(
        "{method} /ws HTTP/1.1\r\nHost: localhost:{}\r\nOrigin: {origin}\r\n{headers}\r\n",
        proxy.port()
    );
    let answer = send(proxy, &request).await;
    (answer.status, answer.body)
}

/// X17: nginx sends its own Host unless it is told otherwise. The page then learns which setting is missing;
/// with it, or with the Host as it came, it is let in.
#[tokio::test]
async fn a_page_behind_a_rewritten_host_is_told_the_setting() {
    let port = free_port();
    let proxy: SocketAddr = ([127, 0, 0, 1], port).into();
    let allowed = format!("--allowed-origin=http://localhost:{port}");
    for (is_rewritten, options, is_let_in) in [
        (true, vec![], false),
        (true, vec![allowed.as_str()], true),
        (false, vec![], true),
    ] {
        let rig = Rig::start(&options).await;
        let host = if is_rewritten {
            rig.address().to_string()
        } else {
            "$http_host".to_owned()
        };
        let headers = format!("proxy_set_header Host {host};");
        let Some(_nginx) = nginx_with(port, &[rig.address()], &headers) else {
            return;
        };
        until_up(proxy).await;
        let (status, _) = of_page(proxy, "GET", UPGRADE).await;
        assert_eq!(
            status,
            if is_let_in { 101 } else { 403 },
            "{headers:?} {options:?}"
        );
        let (status, sentence) = of_page(proxy, "OPTIONS", "Connection: close\r\n").await;
        assert_eq!(status, if is_let_in { 426 } else { 403 }, "{sentence}");
        let names_it = sentence.contains("--allowed-origin (WEBSOCKET_ALLOWED_ORIGINS)");
        assert_eq!(names_it, !is_let_in, "{sentence}");
    }
}

/// X4: behind a proxy everybody comes from loopback, so that nobody who came through one may release.
#[tokio::test]
async fn nobody_releases_through_a_proxy() {
    for (options, status) in [(&[][..], 401), (&["--insecure-allow-anyone"], 403)] {
        let rig = Rig::start(options).await;
        rig.shared().ingest.partition(2);
        releases_through_no_proxy(&rig, status).await;
    }
}

async fn releases_through_no_proxy(rig: &Rig, status: u16) {
    for headers in [
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "proxy_set_header X-Real-IP $remote_addr;",
        "proxy_set_header Forwarded for=$remote_addr;",
        "proxy_set_header Via '1.1 nginx';",
        "proxy_set_header Host 10.1.2.3;",
    ] {
        let port = free_port();
        let proxy: SocketAddr = ([127, 0, 0, 1], port).into();
        let own = format!("proxy_set_header Host {};", rig.address());
        let headers = if headers.contains(" Host ") {
            headers.to_owned()
        } else {
            own + headers
        };
        let Some(_nginx) = nginx_with(port, &[rig.address()], &headers) else {
            return;
        };
        until_up(proxy).await;
        let request = format!(
            "POST /admin/partitions/2/release HTTP/1.1\r\nHost: localhost:{port}\r\n\
             X-DashStream-Admin: release\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(send(proxy, &request).await.status, status, "{headers}");
    }
}

/// SEC-01: where there are tokens, what nginx sends without a word about its client needs one: a block that is only
/// told where to ask, and one for WebSockets as it is often copied.
#[tokio::test]
async fn a_proxy_that_names_nobody_is_not_the_operator() {
    let rig = Rig::start(&["--tokens=viewer 0123456789abcdef0123456789abcdef"]).await;
    for lines in [
        "proxy_http_version 1.0;",
        "proxy_http_version 1.1; proxy_set_header Connection upgrade;",
    ] {
        let port = free_port();
        let proxy: SocketAddr = ([127, 0, 0, 1], port).into();
        let own = format!("{lines} proxy_set_header Host {};", rig.address());
        let Some(_nginx) = nginx_as_it_is(port, &[rig.address()], &own) else {
            return;
        };
        until_up(proxy).await;
        let request =
            format!("GET /health HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        assert_eq!(send(proxy, &request).await.status, 401, "{lines}");
    }
    assert_eq!(get_with(rig.address(), "/health", "").await.status, 200);
}

/// Who came through a proxy needs a token else; here only the way counts.
const ANYONE: &str = "--insecure-allow-anyone";

/// The status of an upgrade that a client of this address asks for, and its connection.
async fn upgrade_from(client: [u8; 4], proxy: SocketAddr, headers: &str) -> (u16, TcpStream) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let source = SocketAddr::new(IpAddr::from(client), 0);
    socket.bind(source).expect("an address of loopback");
    let mut stream = socket.connect(proxy).await.expect("connects");
    let request = format!("GET /ws HTTP/1.1\r\nHost: localhost\r\n{headers}{UPGRADE}\r\n");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut head = [0; "HTTP/1.1 101".len()];
    let read = timeout(PATIENCE, stream.read_exact(&mut head)).await;
    read.expect("in time").expect("an answer");
    let status = String::from_utf8_lossy(&head[9..]).parse();
    (status.expect("a status"), stream)
}

type Start = fn(u16, &[SocketAddr]) -> Option<common::proxies::Proxy>;

/// How proxies say for whom they ask; each removes what it does not say itself.
const STARTS: [Start; 3] = [
    |port, relays| {
        let headers = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
            proxy_set_header Forwarded ''; proxy_set_header Host $http_host;";
        nginx_with(port, relays, headers)
    },
    |port, relays| {
        let lines = "  option forwardfor\n  http-request del-header Forwarded\n";
        haproxy_with(port, relays, lines)
    },
    |port, relays| {
        let lines = "  http-request del-header X-Forwarded- -m beg\n\
            \x20 http-request set-header Forwarded \"for=%[src];proto=http\"\n";
        haproxy_with(port, relays, lines)
    },
];

/// SEC-06: through a trusted proxy each client has its own limit, whatever it says of itself; through one that is not
/// trusted all have one.
#[tokio::test]
async fn clients_of_a_trusted_proxy_are_told_apart() {
    for start in STARTS {
        for trusted in [
            "--trusted-proxies=127.0.0.1",
            "--trusted-proxies=10.0.0.0/8",
        ] {
            let is_trusted = trusted.ends_with("127.0.0.1");
            let rig = Rig::start(&[trusted, "--max-connections-per-ip=1", ANYONE]).await;
            let port = free_port();
            let proxy: SocketAddr = ([127, 0, 0, 1], port).into();
            let Some(_proxy) = start(port, &[rig.address()]) else {
                return;
            };
            until_up(proxy).await;
            let (first, _kept) = upgrade_from([127, 0, 0, 2], proxy, "").await;
            assert_eq!(first, 101);
            for lie in [
                "",
                "X-Forwarded-For: 198.51.100.1\r\n",
                "Forwarded: for=198.51.100.1\r\n",
                "X-Forwarded-For: 127.0.0.1\r\n",
            ] {
                let (again, _) = upgrade_from([127, 0, 0, 2], proxy, lie).await;
                assert_eq!(again, 429, "{lie:?}");
            }
            let (other, _kept) = upgrade_from([127, 0, 0, 3], proxy, "").await;
            assert_eq!(other, if is_trusted { 101 } else { 429 }, "{trusted}");
            // Whoever reaches the port without the proxy is believed as little as before.
            let lie = "X-Forwarded-For: 198.51.100.2\r\n";
            let (past, _kept) = upgrade_from([127, 0, 0, 4], rig.address(), lie).await;
            assert_eq!(past, 101);
            let (past, _) = upgrade_from([127, 0, 0, 4], rig.address(), "").await;
            assert_eq!(past, 429);
        }
    }
}

/// SEC-06, X17: a page may connect by the name and the scheme that a trusted proxy says its browser used.
#[tokio::test]
async fn a_trusted_proxy_says_how_the_page_was_reached() {
    for (trusted, ours, other) in [("127.0.0.0/8", 101, 403), ("10.0.0.0/8", 403, 403)] {
        let trusted = format!("--trusted-proxies={trusted}");
        let rig = Rig::start(&[&trusted, "--allowed-host=relay.example", ANYONE]).await;
        let port = free_port();
        let proxy: SocketAddr = ([127, 0, 0, 1], port).into();
        let own = format!("proxy_set_header Host {};", rig.address());
        let headers = "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Forwarded ''; \
            proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host relay.example;";
        let Some(_nginx) = nginx_with(port, &[rig.address()], &(own + headers)) else {
            return;
        };
        until_up(proxy).await;
        for (origin, status) in [
            ("https://relay.example", ours),
            ("http://relay.example", other),
            ("https://relay.example:8443", other),
            ("https://other.example", other),
        ] {
            let origin = format!("Origin: {origin}\r\n");
            let (got, _) = upgrade_from([127, 0, 0, 2], proxy, &origin).await;
            assert_eq!(got, status, "{origin}");
        }
    }
}

/// SEC-06: headers that contradict each other are refused, with what to do about it, and counted.
#[tokio::test]
async fn unclear_headers_are_refused() {
    let rig = Rig::start(&["--trusted-proxies=127.0.0.1"]).await;
    for headers in [
        "Forwarded: for=198.51.100.1\r\nX-Forwarded-For: 198.51.100.1\r\n",
        "Forwarded: for=\"198.51.100.1\r\n",
        "X-Forwarded-Proto: gopher\r\n",
        "X-Forwarded-Host: a b\r\n",
    ] {
        let answer = get_with(rig.address(), "/health", headers).await;
        assert_eq!(answer.status, 400, "{headers}");
        let refusal = answer.headers.get("x-dashstream-refusal");
        assert_eq!(refusal.map(String::as_str), Some("forwarded"));
        assert!(answer.body.contains("--trusted-proxies"), "{}", answer.body);
        let (status, _) = upgrade_from([127, 0, 0, 1], rig.address(), headers).await;
        assert_eq!(status, 400, "{headers}");
    }
    for kind in ["requests", "upgrades"] {
        let series = format!("dashstream_relay_refused_{kind}_total{{reason=\"forwarded\"}}");
        assert_eq!(rig.metric(&series).await, 4.0, "{kind}");
    }
    let named = "X-Forwarded-Host: rebound.example\r\n";
    let answer = get_with(rig.address(), "/health", named).await;
    assert_eq!(answer.status, 421);
}
