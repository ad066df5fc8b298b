//! The floor: a process that does nothing but write to sockets, one socket after the other: all bytes as
//! fast as they are taken, or one message to every socket at an even rate. How many bytes a write should hold
//! depends on the machine, so several sizes are tried and the cheapest counts.

use std::{
    io::{BufRead as _, BufReader, IoSlice, Read as _, Write as _, stdin},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What the process is to write.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Order {
    /// Sockets to wait for
    #[arg(long)]
    pub(crate) sockets: usize,
    /// Bytes to write to each
    #[arg(long)]
    pub(crate) bytes: u64,
    /// Bytes of one write
    #[arg(long)]
    pub(crate) write_bytes: usize,
    /// Writes a second to each socket; 0 is as fast as they are taken
    #[arg(long)]
    pub(crate) per_second: u64,
}

/// The process, seen from the one that reads.
#[derive(Debug)]
pub(crate) struct Floor {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Floor {
    pub(crate) fn start(order: Order) -> Self {
        let program = std::env::current_exe().expect("a running program has a path");
        let mut child = Command::new(program)
            .arg("floor")
            .args(["--sockets", &order.sockets.to_string()])
            .args(["--bytes", &order.bytes.to_string()])
            .args(["--write-bytes", &order.write_bytes.to_string()])
            .args(["--per-second", &order.per_second.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let orders = child.stdin.take().expect("a piped input");
        let mut answers = BufReader::new(child.stdout.take().expect("a piped output"));
        let address = line(&mut answers).parse().expect("an address");
        Self {
            child,
            orders,
            answers,
            address,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until all sockets are accepted.
    pub(crate) fn wait_accepted(&mut self) {
        assert_eq!(line(&mut self.answers), "accepted");
    }

    /// Lets it write.
    pub(crate) fn go(&mut self) {
        writeln!(self.orders, "go").expect("the floor waits");
    }

    /// Waits until everything is written; it lives on until it is dropped, to be looked at.
    pub(crate) fn wait_written(&mut self) {
        assert_eq!(line(&mut self.answers), "written");
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone: std::io::Result<()> = self.child.kill();
        let _gone: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}

/// The process itself.
pub(crate) fn serve(order: &Order) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    println!("{}", listener.local_addr().expect("a bound address"));
    let accepted = (0..order.sockets).map(|_| listener.accept().expect("a connection").0);
    let mut sockets: Vec<TcpStream> = accepted.collect();
    println!("accepted");
    let mut go = [0; 3];
    stdin().read_exact(&mut go).expect("an order");
    write_all(order, &mut sockets);
    println!("written");
    let mut rest = Vec::new();
    stdin().read_to_end(&mut rest).expect("an end");
}

fn write_all(order: &Order, sockets: &mut [TcpStream]) {
    let chunk = vec![0xa5_u8; order.write_bytes.min(PIECE_BYTES)];
    let begun = Instant::now();
    let (mut left, mut written) = (order.bytes, 0_u64);
    while left > 0 {
        if let Some(due_us) = (written * 1_000_000).checked_div(order.per_second) {
            let due = begun + Duration::from_micros(due_us);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let length = left.min(order.write_bytes as u64);
        let length = usize::try_from(length).expect("one write");
        let whole = [&*chunk].repeat(length / chunk.len());
        let rest = chunk.get(..length % chunk.len()).unwrap_or_default();
        for socket in &mut *sockets {
            let pieces = whole.iter().chain([&rest]).filter(|one| !one.is_empty());
            write_pieces(
                socket,
                &mut pieces.map(|one| IoSlice::new(one)).collect::<Vec<_>>(),
            );
        }
        left -= length as u64;
        written += 1;
    }
}

/// One vectored write, or as many as the socket's buffer makes of it.
fn write_pieces(socket: &mut TcpStream, mut pieces: &mut [IoSlice<'_>]) {
    while !pieces.is_empty() {
        let count = socket.write_vectored(pieces).expect("a reader");
        assert!(count > 0, "a reader takes bytes");
        IoSlice::advance_slices(&mut pieces, count);
    }
}

fn line(answers: &mut BufReader<ChildStdout>) -> String {
    let mut text = String::new();
    answers.read_line(&mut text).expect("the floor answers");
    text.trim_end().to_owned()
}

/// Sizes of a write that are tried.
pub(crate) const WRITE_BYTES: [usize; 3] = [64 * 1024, 256 * 1024, 1024 * 1024];
/// A larger write is gathered from pieces of this size, as the relay gathers its messages.
const PIECE_BYTES: usize = 64 * 1024;
