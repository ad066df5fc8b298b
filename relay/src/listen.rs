//! The port: the configured one, or the first of the defaults that is free.

use std::{io, net::IpAddr};

use tokio::net::TcpListener;

use crate::{config::Port, limits::PORTS_DEFAULT};

pub async fn bind(host: IpAddr, port: Port) -> io::Result<TcpListener> {
    let ports: &[u16] = match &port {
        Port::Exactly(port) => std::slice::from_ref(port),
        Port::FirstFree => &PORTS_DEFAULT,
    };
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for &port in ports {
        result = TcpListener::bind((host, port)).await;
        if result.is_ok() {
            break;
        }
    }
    result.map_err(|error: io::Error| {
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        let text = format!("--host {host} --port {}: {error}", ports.join(", "));
        io::Error::new(error.kind(), text)
    })
}
