//! The floor: a process that does nothing but write to sockets, in 64 KiB writes, one socket after the
//! other. No relay can deliver these bytes for less.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _, stdin},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

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
    pub(crate) fn start(sockets: usize, bytes: u64) -> Self {
        let program = std::env::current_exe().expect("a running program has a path");
        let mut child = Command::new(program)
            .arg("floor")
            .args([
                "--sockets",
                &sockets.to_string(),
                "--bytes",
                &bytes.to_string(),
            ])
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
pub(crate) fn serve(sockets: usize, bytes: u64) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    println!("{}", listener.local_addr().expect("a bound address"));
    let accepted = (0..sockets).map(|_| listener.accept().expect("a connection").0);
    let mut sockets: Vec<TcpStream> = accepted.collect();
    println!("accepted");
    let mut order = [0; 3];
    stdin().read_exact(&mut order).expect("an order");
    let chunk = vec![0xa5u8; WRITE_BYTES];
    let mut left = bytes;
    while left > 0 {
        let length = left.min(WRITE_BYTES as u64);
        let part = chunk.get(..usize::try_from(length).expect("a part of a chunk"));
        for socket in &mut sockets {
            socket
                .write_all(part.expect("a part of a chunk"))
                .expect("a reader");
        }
        left -= length;
    }
    println!("written");
    let mut rest = Vec::new();
    stdin().read_to_end(&mut rest).expect("an end");
}

fn line(answers: &mut BufReader<ChildStdout>) -> String {
    let mut text = String::new();
    answers.read_line(&mut text).expect("the floor answers");
    text.trim_end().to_owned()
}

/// What a write of the floor holds.
const WRITE_BYTES: usize = 64 * 1024;
