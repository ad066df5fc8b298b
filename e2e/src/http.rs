//! One HTTP request over loopback. HTTP/1.0, so that the answer ends with the connection and is never
//! chunked.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Head, without the status line.
    pub head: String,
    /// Body as text.
    pub body: String,
}

/// GET.
///
/// # Errors
/// When there is no complete answer.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    ask(address, "GET", path, "")
}

/// POST without a body, with further header lines, each ended by CR LF.
///
/// # Errors
/// When there is no complete answer.
pub fn post(address: SocketAddr, path: &str, headers: &str) -> io::Result<Answer> {
    let headers = format!("{headers}Content-Length: 0\r\n");
    ask(address, "POST", path, &headers)
}

/// GET from another address of this machine.
///
/// # Errors
/// When there is no complete answer.
pub fn get_from(own: SocketAddr, address: SocketAddr, path: &str) -> io::Result<Answer> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&own.into())?;
    socket.connect_timeout(&address.into(), ANSWER_MAX)?;
    ask_over(socket.into(), address, "GET", path, "")
}

fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> io::Result<Answer> {
    let socket = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
    ask_over(socket, address, method, path, headers)
}

fn ask_over(
    mut socket: TcpStream,
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
) -> io::Result<Answer> {
    socket.set_read_timeout(Some(ANSWER_MAX))?;
    write!(
        socket,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n"
    )?;
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    parse(&text).ok_or_else(|| io::Error::other(format!("no HTTP answer: {text:.200}")))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (status_line, head) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = status_line.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

const ANSWER_MAX: Duration = Duration::from_secs(10);
