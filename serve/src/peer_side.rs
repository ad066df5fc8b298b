//! How far the other side of a TCP connection has come, as the kernel knows it.

use tokio::net::TcpStream;

/// Bytes that the peer has acknowledged since the connection began; nothing where the kernel does not tell.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "no safe wrapper has this field")]
pub(crate) fn acked_bytes(stream: &TcpStream) -> Option<u64> {
    use std::os::fd::AsRawFd as _;
    let mut info = [0_u8; BYTES_ACKED_AT + size_of::<u64>()];
    let mut len = libc::socklen_t::try_from(info.len()).ok()?;
    // SAFETY: the descriptor is open as long as `stream` lives; the kernel writes at most `len` bytes, which
    // `info` has, and any bytes are a valid `info`.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    let is_whole = result == 0 && usize::try_from(len) == Ok(info.len());
    let bytes = info.last_chunk().filter(|_| is_whole)?;
    Some(u64::from_ne_bytes(*bytes))
}

/// Where the kernel's `struct tcp_info` (linux/tcp.h) has `tcpi_bytes_acked`; fields are only added at its end.
#[cfg(target_os = "linux")]
const BYTES_ACKED_AT: usize = 120;

#[cfg(not(target_os = "linux"))]
pub(crate) fn acked_bytes(_stream: &TcpStream) -> Option<u64> {
    None
}
