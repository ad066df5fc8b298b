//! The relay's session machine behind a real WebSocket, without Kafka: what `tail` and `record`
//! meet, with the ways a connection can break.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use decode_core::wire::SUBPROTOCOL;
use futures_util::{SinkExt as _, StreamExt as _};
use session::{ServerConfig, ServerInput, ServerOutput, ServerSession, TailLog};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;

/// How the relay treats its clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// Every connection ends without a close frame after so many bytes of frames.
    pub cut_after_bytes: Option<usize>,
}

/// A relay in a thread of its own; stops when dropped.
pub struct Relay {
    pub address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Relay {
    pub fn start(log: &Arc<Mutex<TailLog>>, manners: Manners) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), log, manners)
    }

    /// Also on the port of one that was stopped.
    pub fn start_at(address: SocketAddr, log: &Arc<Mutex<TailLog>>, manners: Manners) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (bound, listening) = std::sync::mpsc::channel();
        let log = Arc::clone(log);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::bind(address).await.expect("a free port");
                bound
                    .send(listener.local_addr().expect("an address"))
                    .expect("a waiting test");
                tokio::select! {
                    () = accept(listener, log, manners) => {}
                    _ = stopped => {}
                }
            });
        });
        let address = listening.recv().expect("the relay listens");
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

impl Drop for Relay {
    /// Every connection is dropped with the runtime, as by a kill.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, log: Arc<Mutex<TailLog>>, manners: Manners) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&log), manners));
    }
}

#[allow(clippy::result_large_err, reason = "the library's signature")]
fn agree(
    request: &Request,
    mut response: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    let offered = request
        .headers()
        .get("Sec-WebSocket-Protocol")
        .expect("a subprotocol");
    assert_eq!(offered, SUBPROTOCOL);
    response
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", offered.clone());
    Ok(response)
}

async fn serve(stream: TcpStream, log: Arc<Mutex<TailLog>>, manners: Manners) {
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, agree)
        .await
        .expect("an upgrade");
    let started = Instant::now();
    let now = || started.elapsed().as_millis() as u64;
    let config = ServerConfig {
        namespace: "test/events".to_owned(),
        topic: "events".to_owned(),
        relay_version: "0".to_owned(),
        ..ServerConfig::default()
    };
    let mut session = ServerSession::new(config, &log.lock().expect("no panic"), now());
    let mut sent = 0;
    loop {
        let output = session.poll(&log.lock().expect("no panic"), now());
        let message = match output {
            ServerOutput::Text(text) => Message::text(text),
            ServerOutput::Data(bytes) => {
                sent += bytes.len();
                Message::binary(bytes)
            }
            ServerOutput::Fetch(fetch) => panic!("nothing lies behind memory: {fetch:?}"),
            ServerOutput::Close(code, reason) => {
                let frame = CloseFrame {
                    code: code.number().into(),
                    reason: reason.into(),
                };
                let _ = socket.close(Some(frame)).await;
                return;
            }
            ServerOutput::Wait { .. } => {
                match tokio::time::timeout(Duration::from_millis(5), socket.next()).await {
                    Ok(Some(Ok(Message::Text(text)))) => {
                        session.handle(
                            ServerInput::Text(&text),
                            &log.lock().expect("no panic"),
                            now(),
                        );
                    }
                    Ok(Some(Ok(_))) | Err(_) => {}
                    Ok(Some(Err(_)) | None) => return,
                }
                continue;
            }
        };
        if socket.send(message).await.is_err()
            || manners.cut_after_bytes.is_some_and(|max| sent >= max)
        {
            return;
        }
    }
}
