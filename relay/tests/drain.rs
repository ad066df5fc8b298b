//! SIGTERM as whoever balances over replicas sees it: the port stays, /ready and /ws answer 503 until the
//! drain time is over, and clients come back spread over time.

mod common;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use common::{
    Client, PATIENCE, Rig, get,
    proxies::{Proxy, free_port, haproxy, nginx, until_up},
    send,
};
use decode_core::wire::{control, from};
use tokio::net::TcpStream;

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: dashstream.v1\r\n";

async fn statuses(address: SocketAddr) -> (u16, u16, u16) {
    let upgrade = format!("GET /ws HTTP/1.1\r\nHost: {address}\r\n{UPGRADE}\r\n");
    (
        get(address, "/ready").await.status,
        send(address, &upgrade).await.status,
        get(address, "/health").await.status,
    )
}

/// X16: with and without a client.
#[tokio::test]
async fn the_port_answers_503_until_the_drain_is_over() {
    for with_client in [false, true] {
        let rig = Rig::start(&["--drain-secs=3"]).await;
        let address = rig.address();
        let mut client = None;
        if with_client {
            let mut stays = Client::connect(&rig).await;
            stays.resume(from::LATEST).await;
            client = Some(stays);
        }
        assert_eq!(get(address, "/ready").await.status, 200);
        let idle = TcpStream::connect(address).await.expect("connects");
        let begin = Instant::now();
        let stopping = tokio::spawn(rig.relay.drain_and_stop(std::future::pending()));
        if let Some(client) = &mut client {
            client.control(control::GOING_AWAY).await;
        }
        let mut asked = 0;
        while begin.elapsed() < Duration::from_millis(2_500) {
            assert_eq!(
                statuses(address).await,
                (503, 503, 200),
                "after {:?}",
                begin.elapsed()
            );
            asked += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(asked > 3, "it was asked {asked} times");
        drop((client, idle));
        tokio::time::timeout(PATIENCE, stopping)
            .await
            .expect("in time")
            .expect("no panic");
        assert!(
            begin.elapsed() >= Duration::from_secs(3),
            "{:?}",
            begin.elapsed()
        );
        assert!(
            TcpStream::connect(address).await.is_err(),
            "the port is closed"
        );
    }
}

/// A second signal ends it at once.
#[tokio::test]
async fn a_drain_can_be_cut_short() {
    let rig = Rig::start(&["--drain-secs=600"]).await;
    let stopped = rig
        .relay
        .drain_and_stop(tokio::time::sleep(Duration::from_millis(100)));
    tokio::time::timeout(PATIENCE, stopped)
        .await
        .expect("it does not wait");
}

/// X16: what clients are told spreads them over at least a second.
#[tokio::test]
async fn clients_are_told_different_times() {
    let rig = Rig::start(&["--max-connections-per-ip=100"]).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(&rig).await;
        client.resume(from::LATEST).await;
        clients.push(client);
    }
    let stopping = tokio::spawn(rig.relay.stop());
    let mut told = Vec::new();
    for client in &mut clients {
        let message = client.control(control::GOING_AWAY).await;
        told.push(message["retryAfterMs"].as_u64().expect("a number"));
    }
    drop(clients);
    stopping.await.expect("no panic");
    told.sort_unstable();
    let (first, last) = (told[0], told[told.len() - 1]);
    assert!(
        first >= 1_000 && last <= 2_000 && last - first >= 200,
        "{told:?}"
    );
}

type Start = fn(u16, [SocketAddr; 2]) -> Option<Proxy>;

/// X16, on the real balancers: while one relay drains no request through them fails, and its client ends up
/// at the other one.
#[tokio::test]
async fn a_balancer_moves_clients_within_the_drain() {
    for start in [haproxy as Start, nginx as Start] {
        let mut rigs = Vec::new();
        for _ in 0..2 {
            rigs.push(Rig::start(&["--drain-secs=3", "--max-connections-per-ip=100"]).await);
        }
        let port = free_port();
        let Some(_proxy) = start(port, [rigs[0].address(), rigs[1].address()]) else {
            continue;
        };
        let proxy: SocketAddr = ([127, 0, 0, 1], port).into();
        until_up(proxy).await;
        let mut client = Client::try_connect(proxy).await.expect("upgrades");
        client.resume(from::LATEST).await;
        let connected = "websocket_connected_clients";
        let at = usize::from(rigs[0].metric(connected).await == 0.0);
        let leaving = rigs.remove(at);
        let stays = rigs.remove(0);
        let begin = Instant::now();
        let stopping = tokio::spawn(leaving.relay.drain_and_stop(std::future::pending()));
        let told = client.control(control::GOING_AWAY).await;
        let wait = told["retryAfterMs"].as_u64().expect("a number");
        assert!(wait >= 1_000, "{told}");
        while begin.elapsed() < Duration::from_millis(wait) {
            assert_eq!(get(proxy, "/version").await.status, 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut client = Client::try_connect(proxy)
            .await
            .expect("the other one lets it in");
        client.resume(from::LATEST).await;
        assert_eq!(stays.metric(connected).await, 1.0);
        stopping.await.expect("no panic");
    }
}
