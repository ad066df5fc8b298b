//! A TCP connection to a name, whichever of its addresses answers: they are tried in turn, a quarter of
//! a second apart (RFC 8305, "Happy Eyeballs"), and the first that answers is taken.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

/// Connects, or says of each address why not.
pub(super) async fn dial(host: &str, port: u16) -> Result<TcpStream, String> {
    let found = timeout(ANSWER_WAIT_MAX, lookup_host((host, port))).await;
    let found = match found {
        Ok(Ok(found)) => in_turn(found),
        Ok(Err(error)) => return Err(format!("{host} cannot be resolved: {error}")),
        Err(_) => return Err(format!("{host} cannot be resolved: no answer")),
    };
    if found.is_empty() {
        return Err(format!("{host} has no address"));
    }
    let connected = first_of(found).await.map_err(|failures| {
        let failures = failures.iter().map(Failed::to_string);
        failures.collect::<Vec<_>>().join("; ")
    })?;
    for silent in &connected.silent {
        let address = connected.address;
        say!("dashstream: {silent} does not answer, connected to {address}");
    }
    Ok(connected.stream)
}

/// IPv6 and IPv4 by turns, each in the order of the resolver.
fn in_turn(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let found: Vec<_> = found.take(ADDRESSES_MAX).collect();
    let is_first =
        |address: &&SocketAddr| found.first().map(SocketAddr::is_ipv6) == Some(address.is_ipv6());
    let mut first = found.iter().filter(is_first);
    let mut second = found.iter().filter(|address| !is_first(address));
    let mut turns = Vec::with_capacity(found.len());
    loop {
        let turn = [first.next(), second.next()];
        if turn == [None, None] {
            return turns;
        }
        turns.extend(turn.into_iter().flatten());
    }
}

struct Connected {
    stream: TcpStream,
    address: SocketAddr,
    /// Tried before it, and without an answer until then.
    silent: Vec<SocketAddr>,
}

struct Failed {
    address: SocketAddr,
    error: io::Error,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.address, self.error)
    }
}

async fn first_of(addresses: Vec<SocketAddr>) -> Result<Connected, Vec<Failed>> {
    let mut attempts = FuturesUnordered::new();
    let (mut silent, mut failures) = (Vec::new(), Vec::new());
    let mut untried = addresses.into_iter();
    let mut next = untried.next();
    loop {
        if let Some(address) = next.take() {
            silent.push(address);
            attempts.push(attempt(address));
        }
        let more = untried.len() > 0;
        tokio::select! {
            finished = attempts.next() => match finished {
                None => return Err(failures),
                Some((address, result)) => {
                    silent.retain(|tried| *tried != address);
                    match result {
                        Ok(stream) => return Ok(Connected { stream, address, silent }),
                        Err(error) => failures.push(Failed { address, error }),
                    }
                }
            },
            () = sleep(STAGGER), if more => {}
        }
        next = untried.next();
    }
}

async fn attempt(address: SocketAddr) -> (SocketAddr, io::Result<TcpStream>) {
    let connected = timeout(ANSWER_WAIT_MAX, TcpStream::connect(address)).await;
    let silence = || io::Error::new(io::ErrorKind::TimedOut, "no answer");
    let connected = connected.unwrap_or_else(|_| Err(silence()));
    let prepared = connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
    (address, prepared)
}

/// Between the start of two attempts, where none has ended (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// For one address. The client gives up later than this.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);
const ADDRESSES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_are_tried_early() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect()
        };
        let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"]);
        let expected = addresses(&["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"]);
        assert_eq!(in_turn(found.into_iter()), expected);
        assert_eq!(in_turn(std::iter::empty()), []);
    }

    /// A listener whose queue is full: the kernel drops what wants to connect, as a network that
    /// swallows packets does.
    #[cfg(target_os = "linux")]
    fn black_hole() -> (socket2::Socket, Vec<std::net::TcpStream>, SocketAddr) {
        use socket2::{Domain, Socket, Type};
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        listener.bind(&any.into()).expect("a free port");
        listener.listen(0).expect("it listens");
        let address = listener
            .local_addr()
            .expect("bound")
            .as_socket()
            .expect("IPv4");
        let fill = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300));
        let queued = std::iter::from_fn(|| fill().ok()).take(8).collect();
        (listener, queued, address)
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_does_not_answer_costs_a_moment() {
        let (_listener, _queued, hole) = black_hole();
        let refuses: SocketAddr = ([127, 0, 0, 1], 1).into();
        let live = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let live = (live.local_addr().expect("bound"), live);
        let since = std::time::Instant::now();
        let connected = first_of(vec![hole, refuses, live.0]).await;
        let Ok(connected) = connected else {
            panic!("the third answers")
        };
        assert_eq!(
            (connected.address, &connected.silent[..]),
            (live.0, &[hole][..])
        );
        assert!(
            since.elapsed() < Duration::from_secs(5),
            "{:?}",
            since.elapsed()
        );

        let Err(failures) = first_of(vec![refuses]).await else {
            panic!("nothing listens on port 1")
        };
        assert_eq!(failures.len(), 1);
        assert!(failures[0].to_string().starts_with("127.0.0.1:1: "));
    }
}
