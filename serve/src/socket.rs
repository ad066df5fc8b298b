//! A TCP stream that counts what the kernel takes, so that progress can be told from its absence,
//! and that can hold back tungstenite's writes while a data frame of ours is half sent.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// The stream under one connection, before and after its upgrade.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    written_bytes: u64,
    writes: u64,
    /// While set, writes through [`AsyncWrite`] wait: a control frame must not land inside a data
    /// frame. Whoever clears it polls the sink again.
    held: bool,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            written_bytes: 0,
            writes: 0,
            held: false,
        }
    }

    /// Bytes the kernel has taken.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// System calls that wrote.
    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    pub(crate) fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Writes whether or not others are held back.
    pub(crate) fn poll_write_slices(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.count(result)
    }

    fn count(&mut self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = &result {
            self.written_bytes += *written as u64;
            self.writes += 1;
        }
        result
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.held {
            return Poll::Pending;
        }
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.held {
            return Poll::Pending;
        }
        self.poll_write_slices(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
