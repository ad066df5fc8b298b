//! Connects to a name: its addresses in turn, each a moment after the one before, until one answers (RFC
//! 8305). An address that swallows what is sent to it costs that moment and not the connection.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use tokio::{
    net::TcpStream,
    task::{JoinError, JoinSet},
};

use crate::error::Error;

/// How long an address has before the next one is tried as well (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Host and port of `host:port`, where the host may be an IPv6 address in brackets.
pub(crate) fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let port = port.parse().ok()?;
    (!host.is_empty()).then_some((host, port))
}

/// A connection to the first address that answers.
pub(crate) async fn dial(host: &str, port: u16, limit: Duration) -> Result<TcpStream, Error> {
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((host, port))).await;
    let found = match found {
        Ok(Ok(found)) => in_turn(found.collect()),
        Ok(Err(error)) => return Err(Error::Dns(format!("{host}: {error}"))),
        Err(_) => {
            return Err(Error::Dns(format!(
                "{host}: the name service does not answer"
            )));
        }
    };
    if found.is_empty() {
        return Err(Error::Dns(format!("{host}: the name has no address")));
    }
    let name = format!("{host}:{port}");
    first(&name, &found, limit, TcpStream::connect::<SocketAddr>).await
}

/// The families take turns, beginning with that of the first address.
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_first_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == is_first_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered: Vec<SocketAddr> = Vec::new();
    loop {
        let (one, two) = (first.next(), second.next());
        if one.is_none() && two.is_none() {
            return ordered;
        }
        ordered.extend(one.into_iter().chain(two));
    }
}

/// The first connection that comes about. Says in the log which addresses failed or kept silent meanwhile.
async fn first<T, C, F>(
    name: &str,
    addresses: &[SocketAddr],
    limit: Duration,
    connect: C,
) -> Result<T, Error>
where
    T: Send + 'static,
    C: Fn(SocketAddr) -> F,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let begun = Instant::now();
    let deadline = tokio::time::sleep(limit);
    tokio::pin!(deadline);
    let mut waiting = addresses.iter().copied();
    let mut pending: Vec<IpAddr> = Vec::new();
    let mut failed: Vec<String> = Vec::new();
    let mut attempts = JoinSet::new();
    let mut is_due = true;
    loop {
        if is_due || attempts.is_empty() {
            is_due = false;
            if let Some(address) = waiting.next() {
                let attempt = connect(address);
                pending.push(address.ip());
                attempts.spawn(async move { (address.ip(), attempt.await) });
            } else if attempts.is_empty() {
                return Err(Error::Connect(format!("{name}: {}", failed.join(", "))));
            }
        }
        tokio::select! {
            Some(ended) = attempts.join_next() => {
                let Some((address, result)) = whole(ended) else { continue };
                pending.retain(|one| *one != address);
                match result {
                    Ok(connection) => {
                        report(name, address, &pending, &failed, begun.elapsed());
                        return Ok(connection);
                    }
                    Err(error) => failed.push(format!("{address}: {error}")),
                }
                is_due = true;
            }
            () = tokio::time::sleep(HEAD_START), if waiting.len() > 0 => is_due = true,
            () = &mut deadline => {
                failed.extend(pending.iter().map(|address| format!("{address}: no answer")));
                let failed = failed.join(", ");
                return Err(Error::Timeout(format!("{name}: connecting timed out; {failed}")));
            }
        }
    }
}

/// What a task gave. One that panicked does not end in silence: the panic goes on in the task that waits, which is
/// counted and reported.
pub(crate) fn whole<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(given) => Some(given),
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // It was aborted, which happens only with whoever waits for it.
        Err(Err(_)) => None,
    }
}

fn report(name: &str, used: IpAddr, silent: &[IpAddr], failed: &[String], took: Duration) {
    for address in silent {
        tracing::warn!(broker = name, %address, ?took, connected = %used, "an address does not answer");
    }
    for problem in failed {
        tracing::warn!(broker = name, problem, connected = %used, "an address cannot be reached");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X2: no task ends in silence: what one panics with goes on where it is waited for.
    #[tokio::test]
    async fn a_panic_goes_on_where_it_is_waited_for() {
        let mut attempts = JoinSet::new();
        attempts.spawn(async { 1 });
        assert_eq!(attempts.join_next().await.and_then(whole), Some(1));
        attempts.spawn(async { panic!("broken") });
        let waiting = tokio::spawn(async move { attempts.join_next().await.map(whole) });
        assert!(waiting.await.is_err_and(|ended| ended.is_panic()));
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn hosts_are_told_from_ports() {
        assert_eq!(split("kafka:9092"), Some(("kafka", 9092)));
        assert_eq!(split("[::1]:9092"), Some(("::1", 9092)));
        for wrong in ["kafka", "kafka:x", ":9092", "kafka:99999"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn families_take_turns() {
        let all = ["[::1]:1", "[::2]:1", "1.1.1.1:1", "[::3]:1"].map(address);
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"].map(address);
        assert_eq!(in_turn(all.to_vec()), expected);
    }

    async fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<SocketAddr, Error> {
        first("kafka:1", addresses, limit, |address| async move {
            match address.ip().to_string().as_str() {
                // A black hole.
                "10.0.0.1" => std::future::pending().await,
                "10.0.0.2" => Err(io::ErrorKind::ConnectionRefused.into()),
                _ => Ok(address),
            }
        })
        .await
    }

    /// X18: a first address that swallows everything does not keep the second from being used.
    #[tokio::test(start_paused = true)]
    async fn the_second_address_is_tried_while_the_first_keeps_silent() {
        let begun = tokio::time::Instant::now();
        let hole = ["10.0.0.1:1", "10.0.0.3:1"].map(address);
        let connected = connect(&hole, Duration::from_secs(10)).await;
        assert_eq!(connected, Ok(address("10.0.0.3:1")));
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
        let refused = ["10.0.0.2:1", "10.0.0.3:1"].map(address);
        let begun = tokio::time::Instant::now();
        assert!(connect(&refused, Duration::from_secs(10)).await.is_ok());
        assert!(
            begun.elapsed() < HEAD_START,
            "a refusal is no reason to wait"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_names_every_address_with_its_reason() {
        let both = ["10.0.0.1:1", "10.0.0.2:1"].map(address);
        let error = connect(&both, Duration::from_secs(3))
            .await
            .expect_err("neither answers");
        let text = error.to_string();
        assert!(matches!(error, Error::Timeout(_)), "{text}");
        assert!(
            text.contains("10.0.0.1: no answer") && text.contains("10.0.0.2"),
            "{text}"
        );
        let refused = connect(&both[1..], Duration::from_secs(3)).await;
        assert!(matches!(refused, Err(Error::Connect(_))), "{refused:?}");
    }
}
