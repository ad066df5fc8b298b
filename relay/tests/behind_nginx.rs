//! A relay behind nginx that changes Host or names for whom it asks.

mod common;

use std::net::SocketAddr;

use common::{
    Rig,
    proxies::{free_port, nginx_with, until_up},
    send,
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
    let rig = Rig::start(&[]).await;
    rig.shared().ingest.partition(2);
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
        assert_eq!(send(proxy, &request).await.status, 403, "{headers}");
    }
}
