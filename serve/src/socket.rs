//! A TCP stream that counts what the kernel takes, so that progress can be told from its absence,
//! and that can hold back tungstenite's writes while a data frame of ours is half sent.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{frame_rate::FrameRate, peer_side};

/// Why nothing more is read.
#[derive(Debug)]
pub(crate) struct TooManyFrames;

impl std::fmt::Display for TooManyFrames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("too many frames")
    }
}

impl std::error::Error for TooManyFrames {}

/// The stream under one connection, before and after its upgrade.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    written_bytes: u64,
    writes: u64,
    /// While set, writes through [`AsyncWrite`] wait: a control frame must not land inside a data
    /// frame. Whoever clears it polls the sink again.
    held: bool,
    reading: Reading,
}

/// What becomes of bytes that are read.
#[derive(Debug)]
enum Reading {
    /// They are of HTTP, or of nobody any more.
    Uncounted,
    /// They are of a WebSocket.
    Frames(FrameRate),
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            written_bytes: 0,
            writes: 0,
            held: false,
            reading: Reading::Uncounted,
        }
    }

    /// From here on what is read are frames, and too many of them are an error.
    pub(crate) fn count_frames(&mut self) {
        self.reading = Reading::Frames(FrameRate::new(Instant::now()));
    }

    /// Bytes that the peer took: what lies in buffers on this side is not taken. Where the kernel does not tell,
    /// what the kernel took.
    pub(crate) fn taken_bytes(&self) -> u64 {
        let acked = peer_side::acked_bytes(&self.stream);
        acked.map_or(self.written_bytes, |acked| acked.min(self.written_bytes))
    }

    /// Whether something that was written was not taken yet.
    pub(crate) fn is_untaken(&self) -> bool {
        self.taken_bytes() < self.written_bytes
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
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        if let Reading::Frames(rate) = &mut self.reading
            && !rate.take(read, Instant::now())
        {
            // The rest is only read to be thrown away.
            self.reading = Reading::Uncounted;
            return Poll::Ready(Err(io::Error::other(TooManyFrames)));
        }
        Poll::Ready(Ok(()))
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
