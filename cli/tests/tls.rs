//! A relay behind TLS: `tail` reaches it by `wss` and `https`, trusts whom it was told to trust, and
//! sends the headers that a proxy asks for.

#[path = "support/relay.rs"]
mod relay;
mod support;

use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use relay::{Manners, Relay};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use session::{SegmentBuilder, TailLog};
use support::{Finished, Folder, dashstream, event};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[test]
fn a_relay_behind_tls_is_reached_with_a_header() {
    let folder = Folder::new("tls");
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let ca = folder.file("ca.pem", cert.pem().as_bytes());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a configuration");
    let log = one_record();
    let plain = Relay::start(&log, Manners::default());
    let proxy = Proxy::start(config, plain.address);
    let port = proxy.port;

    let tail = |url: &str, more: &[&str]| -> Finished {
        let args = ["tail", url, "--until-complete", "--timeout", "30"];
        dashstream(&[&args, more].concat(), b"")
    };
    let header = "X-Team: graphs and s3cret";
    for url in [
        format!("wss://localhost:{port}"),
        format!("https://localhost:{port}/ws"),
    ] {
        let finished = tail(&url, &["--ca", &ca, "--header", header]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");
        let request = proxy.requests.recv().expect("a request");
        assert!(
            request.contains("x-team: graphs and s3cret\r\n"),
            "{request}"
        );
        assert!(
            request.contains(&format!("Host: localhost:{port}\r\n")),
            "{request}"
        );
        assert!(!finished.stderr.contains("s3cret"), "{finished:?}");
    }
    // A server with an untrusted certificate or another name gets no request and no retry.
    let other = format!("wss://127.0.0.1:{port}");
    for (url, trust) in [
        (&format!("wss://localhost:{port}"), &[][..]),
        (&other, &["--ca", &ca]),
    ] {
        let finished = tail(url, trust);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(
            finished.stderr.contains("TLS: invalid peer certificate"),
            "{finished:?}"
        );
        assert!(proxy.requests.try_recv().is_err());
    }
    let finished = tail(
        &format!("wss://localhost:{}", answers_plainly()),
        &["--ca", &ca],
    );
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains("TLS is not spoken there"),
        "{finished:?}"
    );
    let finished = tail(&plain.url(), &["--ca", &ca]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
}

fn one_record() -> Arc<Mutex<TailLog>> {
    let mut log = TailLog::new(1 << 20);
    log.add_partition(0, 0);
    let mut segment = SegmentBuilder::new(0, 0);
    segment.record(0, 1, &event(1));
    let segment = segment.finish().expect("a record");
    log.append(segment).expect("it continues");
    Arc::new(Mutex::new(log))
}

/// A port where one client is answered as a relay without TLS answers what it does not understand.
fn answers_plainly() -> u16 {
    let listener = std::net::TcpListener::bind("localhost:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the client");
        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        std::io::Write::write_all(&mut stream, answer).expect("it reads");
        // Not closed before the client has read it.
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    port
}

/// Takes TLS off and passes on what is inside, as a proxy before a relay does.
struct Proxy {
    port: u16,
    /// The head of each request.
    requests: mpsc::Receiver<String>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Proxy {
    fn start(config: ServerConfig, relay: SocketAddr) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (bound, listening) = mpsc::channel();
        let (heads, requests) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::bind("localhost:0").await.expect("a free port");
                let address = listener.local_addr().expect("bound");
                bound.send(address.port()).expect("a waiting test");
                let acceptor = TlsAcceptor::from(Arc::new(config));
                let accept = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        let (acceptor, heads) = (acceptor.clone(), heads.clone());
                        tokio::spawn(async move { forward(acceptor, stream, relay, heads).await });
                    }
                };
                tokio::select! {
                    () = accept => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            port: listening.recv().expect("it listens"),
            requests,
            _stop: stop,
        }
    }
}

async fn forward(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    relay: SocketAddr,
    heads: mpsc::Sender<String>,
) {
    // A client that does not trust us goes away here.
    let Ok(mut inner) = acceptor.accept(stream).await else {
        return;
    };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match inner.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    heads
        .send(String::from_utf8_lossy(&head).into_owned())
        .expect("the test runs");
    let mut outer = TcpStream::connect(relay).await.expect("the relay");
    outer.write_all(&head).await.expect("the relay reads");
    let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
}
