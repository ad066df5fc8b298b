//! A panic in the task of a connection is that connection's end, counted, and nobody else's.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use dashstream_serve::{BasePath, Clock, Hub, Rules, Server, TrustedProxies, answer};
use http_body_util::Full;
use hyper::{Request, StatusCode, body::Incoming};
use session::ServerConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

#[tokio::test]
async fn a_connection_that_panics_is_counted_and_others_go_on() {
    let rules = Rules {
        connections_max: 10,
        connections_per_address_max: 10,
        allowed_origins: Vec::new(),
        allowed_hosts: Vec::new(),
        trusted_proxies: TrustedProxies::default(),
        base_path: BasePath::default(),
        send_timeout: Duration::from_secs(5),
        sockets_max: None,
    };
    let hub = Arc::new(Hub::new(1 << 20));
    let server = Server::new(rules, ServerConfig::default(), Clock::start(), hub);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let answered = |request: Request<Incoming>, _| async move {
        assert_ne!(request.uri().path(), "/panic", "as a fault of ours would");
        answer::plain(StatusCode::OK, "fine").map(Full::<Bytes>::new)
    };
    let accepting = tokio::spawn(Arc::clone(&server).run(listener, answered));
    let ask = async |path: &str| {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it ends");
        answer
    };
    for panics in 1..=3 {
        assert_eq!(ask("/panic").await, "", "the connection just ends");
        assert!(ask("/").await.ends_with("fine"));
        assert_eq!(server.counters.connection_panics.get(), panics);
    }
    assert_eq!(
        server.counters.http_connections.get(),
        0,
        "slots are given back"
    );
    assert!(server.close(0, Duration::from_secs(20)).await);
    accepting.abort();
}
