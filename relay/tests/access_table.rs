//! The table of SECURITY.md, tried: each request in each role, and no route beside it.

mod common;

use common::{Rig, send};
use dashstream_relay::ingest::Pause;
use decode_core::wire;

const VIEWER: &str = "v0123456789abcdef0123456789abcdef";
const ADMIN: &str = "a0123456789abcdef0123456789abcdef";
const SECURITY: &str = include_str!("../../SECURITY.md");
const ROUTES: &str = include_str!("../src/http.rs");
const ROLES: [&str; 3] = ["nobody", "viewer", "admin"];

struct Row {
    method: &'static str,
    path: &'static str,
    /// Of nobody, a viewer and an admin.
    statuses: [u16; 3],
}

fn table() -> Vec<Row> {
    let (_, table) = SECURITY
        .split_once("<!-- access: begin -->")
        .expect("the table");
    let (table, _) = table.split_once("<!-- access: end -->").expect("its end");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, request, nobody, viewer, admin, ..] = cells.as_slice() else {
            panic!("{line}");
        };
        let (method, path) = request
            .trim_matches('`')
            .split_once(' ')
            .expect("method and path");
        let status = |cell: &str| cell.parse().expect("a status");
        let statuses = [status(nobody), status(viewer), status(admin)];
        Row {
            method,
            path,
            statuses,
        }
    };
    rows.map(row).collect()
}

/// What a request of the table has besides its credentials, so that only they decide.
fn rest_of(row: &Row, rig: &Rig) -> String {
    let origin = format!("Origin: http://{}\r\n", rig.address());
    let form = serde_json::json!({ "token": VIEWER }).to_string();
    let length = format!("Content-Length: {}\r\n", form.len());
    match (row.method, row.path) {
        ("GET", wire::WS_PATH) => format!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
            wire::SUBPROTOCOL
        ),
        ("POST", wire::SESSION_PATH) => format!(
            "Connection: close\r\n{origin}Content-Type: application/json\r\n{length}\r\n{form}"
        ),
        ("DELETE", wire::SESSION_PATH) => format!("Connection: close\r\n{origin}\r\n"),
        ("POST", _) => "Connection: close\r\nX-DashStream-Admin: release\r\n\
            Content-Length: 0\r\n\r\n"
            .to_owned(),
        _ => "Connection: close\r\n\r\n".to_owned(),
    }
}

async fn status(rig: &Rig, row: &Row, credentials: &str) -> u16 {
    // Ready, and something to release, whatever was asked for before.
    let partition = rig.shared().ingest.partition(2);
    partition.last_probe.set(rig.shared().clock.now_ms());
    partition.set_phase(dashstream_relay::ingest::Phase::Reading);
    partition.pause(Pause {
        offset: 1,
        code: "bad_frame",
        reason: String::new(),
    });
    let (method, path, rest) = (row.method, row.path, rest_of(row, rig));
    let host = rig.address();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{credentials}");
    send(host, &(head + &rest)).await.status
}

fn credentials(role: usize) -> String {
    let proxied = "X-Forwarded-For: 192.0.2.1\r\n";
    match role {
        0 => proxied.to_owned(),
        1 => format!("{proxied}Authorization: Bearer {VIEWER}\r\n"),
        _ => format!("{proxied}Authorization: Bearer {ADMIN}\r\n"),
    }
}

/// SEC-01, SEC-03: every request in every role; this machine's operator is an admin, and where anyone is let in they
/// are viewers.
#[tokio::test]
async fn each_role_gets_what_the_table_says() {
    let table = table();
    assert!(table.len() >= 14, "{}", table.len());
    let tokens = format!("--tokens=viewer {VIEWER}, admin {ADMIN}");
    let guarded = Rig::start(&[&tokens, "--max-connections-per-ip=100"]).await;
    let open = Rig::start(&["--insecure-allow-anyone"]).await;
    // A relay that was built without its page has none of its files, and says so at "/".
    let is_there = |row: &&Row| dashstream_relay::http::is_built() || row.path != "/boot.js";
    for row in table.iter().filter(is_there) {
        let (method, path) = (row.method, row.path);
        for (role, expected) in row.statuses.iter().enumerate() {
            let seen = status(&guarded, row, &credentials(role)).await;
            assert_eq!(seen, *expected, "{method} {path} as {}", ROLES[role]);
        }
        let [_, viewer, admin] = row.statuses;
        assert_eq!(
            status(&guarded, row, "").await,
            admin,
            "{method} {path} from this machine"
        );
        if path != wire::SESSION_PATH {
            let anyone = status(&open, row, &credentials(0)).await;
            assert_eq!(anyone, viewer, "{method} {path} where anyone may");
        }
    }
}

/// SEC-01: a route that nobody put into the table does not go unnoticed.
#[test]
fn every_route_is_in_the_table() {
    let paths = ROUTES.split("warp::path!(\"").skip(1);
    let paths = paths.filter_map(|rest| rest.split('"').next());
    let paths: Vec<_> = paths.map(|path| format!("/{path}")).collect();
    assert!(paths.len() >= 5, "{paths:?}");
    let named = ["warp::path(wire::WS_PATH", "warp::path(wire::SESSION_PATH"];
    let other = ROUTES.matches("warp::path(").count();
    assert_eq!(
        other,
        named.iter().filter(|name| ROUTES.contains(**name)).count()
    );
    let named = [wire::WS_PATH, wire::SESSION_PATH].map(str::to_owned);
    let table = table();
    for path in paths.iter().chain(&named) {
        let below = format!("{path}/");
        let is_there = |row: &Row| row.path == path.as_str() || row.path.starts_with(&below);
        assert!(table.iter().any(is_there), "{path} is not in SECURITY.md");
    }
}

/// SEC-01: whoever may not see learns from a probe whether the relay is ready, and nothing else.
#[tokio::test]
async fn probes_tell_nobody_more_than_they_must() {
    let tokens = format!("--tokens=viewer {VIEWER}");
    let rig = Rig::start_without_partitions(&[&tokens]).await;
    let body = async |path: &str, role| {
        let text = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{}Connection: close\r\n\r\n",
            rig.address(),
            credentials(role)
        );
        send(rig.address(), &text).await.body
    };
    assert_eq!(body("/ready", 0).await, "{\"ready\":false}");
    assert!(body("/ready", 1).await.contains("missing"));
    let told = body("/version", 0).await;
    assert_eq!(told, "{\"component\":\"dashstream-relay\",\"protocol\":1}");
    assert!(body("/version", 1).await.contains("dashstream-quality"));
}

/// Every file of the page is public: without them nobody could sign in.
#[tokio::test]
async fn the_page_loads_for_nobody() {
    let tokens = format!("--tokens=viewer {VIEWER}");
    let rig = Rig::start(&[&tokens]).await;
    for path in dashstream_relay::http::page_paths() {
        let text = format!(
            "GET /{path} HTTP/1.1\r\nHost: {}\r\n{}Connection: close\r\n\r\n",
            rig.address(),
            credentials(0)
        );
        assert_eq!(send(rig.address(), &text).await.status, 200, "{path}");
    }
}
