//! Connections: one request at a time each, within stated sizes and times.

use std::{io, sync::Arc, time::Duration};

use kafka_wire::Malformed;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{broker::Broker, calls};

/// Bytes of one request, a producer's batches among them.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
const CONNECTIONS_MAX: usize = 32;
/// As Kafka's own brokers do.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// For the rest of a request, and for taking an answer.
const TRANSFER_MAX: Duration = Duration::from_secs(30);
/// First memory for a request.
const STEP_BYTES: usize = 64 * 1024;
/// After a connection could not be accepted, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers clients until it is dropped. `report` gets why a connection was ended, other than by its client.
pub async fn serve(listener: TcpListener, broker: Arc<Broker>, report: impl Fn(&str)) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = accept(&listener, &places) => match accepted {
                Ok((stream, place)) => {
                    connections.spawn(attend(stream, Arc::clone(&broker), place));
                }
                Err(error) => {
                    report(&format!("accepting a connection failed: {error}"));
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => match ended {
                Ok(Ok(())) => {}
                Ok(Err(why)) => report(&why.to_string()),
                Err(panicked) => report(&panicked.to_string()),
            },
        }
    }
}

/// One that is too many waits in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// Until the client leaves, or is silent or slow for too long; then it connects again.
async fn attend(
    mut stream: TcpStream,
    broker: Arc<Broker>,
    _place: OwnedSemaphorePermit,
) -> Result<(), Malformed> {
    // Small answers go out at once.
    if stream.set_nodelay(true).is_err() {
        return Ok(());
    }
    while let Ok(Ok(len)) = timeout(IDLE_MAX, stream.read_i32()).await {
        let len = usize::try_from(len).ok();
        let len = len.filter(|len| *len <= REQUEST_BYTES_MAX);
        let len = len.ok_or(Malformed("the length of a request is out of bounds"))?;
        let Ok(Ok(request)) = timeout(TRANSFER_MAX, receive(&mut stream, len)).await else {
            return Ok(());
        };
        if let Some(answer) = calls::answer(&broker, request.into()).await? {
            let sent = timeout(TRANSFER_MAX, send(&mut stream, &answer)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// In steps, so that a length that is only claimed costs nothing.
async fn receive(stream: &mut TcpStream, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut from = stream.take(len as u64);
    while bytes.len() < len {
        bytes.reserve_exact((len - bytes.len()).min(STEP_BYTES.max(bytes.len())));
        if from.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes)
}

async fn send(stream: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    let len = u32::try_from(answer.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    stream.write_all(&len.to_be_bytes()).await?;
    stream.write_all(answer).await
}
