//! `dashstream-relay release`: lifts a pause of the relay that runs with the same configuration on this
//! machine, or in this container, by the request that an operator would otherwise make by hand.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use dashstream_relay::{
    config::{ListenConfig, Port},
    limits::PORTS_DEFAULT,
};

/// Says what the relay answered, or why there was no answer.
pub(crate) fn run(
    listen: &ListenConfig,
    partition: u32,
    offset: Option<u64>,
    token: &str,
) -> Result<String, String> {
    let ports = match &listen.port {
        Port::Exactly(0) => return Err("--port 0 is any free one: name the one it took".to_owned()),
        Port::Exactly(port) => std::slice::from_ref(port),
        Port::FirstFree => &PORTS_DEFAULT,
    };
    let host = match listen.host {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host @ (IpAddr::V4(_) | IpAddr::V6(_)) => host,
    };
    let addresses: Vec<_> = ports
        .iter()
        .map(|port| SocketAddr::new(host, *port))
        .collect();
    let connected = addresses
        .iter()
        .find_map(|address| TcpStream::connect_timeout(address, WAIT_MAX).ok());
    let Some(stream) = connected else {
        let asked: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
        return Err(format!("no relay answers at {}", asked.join(", ")));
    };
    let query = offset.map_or_else(String::new, |offset| format!("?offset={offset}"));
    let answer = ask(
        stream,
        &format!("/admin/partitions/{partition}/release{query}"),
        token,
    );
    let answer = answer.map_err(|error| format!("the relay did not answer: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or("no status");
    match status {
        "200" => Ok(body.trim().to_owned()),
        _ => Err(format!("{status}: {}", body.trim())),
    }
}

fn ask(mut stream: TcpStream, target: &str, token: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(WAIT_MAX))?;
    stream.set_write_timeout(Some(WAIT_MAX))?;
    let host = stream.peer_addr()?;
    if token.contains(['\r', '\n']) {
        return Err(io::Error::other("a token has no line ends"));
    }
    let credentials = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nX-DashStream-Admin: release\r\n\
         {credentials}Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

const WAIT_MAX: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
