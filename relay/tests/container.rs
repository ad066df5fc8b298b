//! The binary under the conditions of its container, without an engine: an ordinary user without
//! capabilities, a root file system that cannot be written, the first process of its namespace.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Makes the root read-only, makes sure of it, and becomes the relay as user 65532.
const SCRIPT: &str = r#"
mount -o remount,bind,ro / || exit 90
if touch /written-by-the-test 2>/dev/null; then exit 91; fi
[ $$ = 1 ] || exit 92
exec unshare --user --map-user=65532 --map-group=65532 "$@"
"#;

/// As the image has it, and what it does not start without.
const OF_CONTAINER: [(&str, &str); 2] = [
    ("WEBSOCKET_HOST", "0.0.0.0"),
    (
        "DASHSTREAM_TOKENS",
        "admin 0123456789abcdef0123456789abcdef",
    ),
];

/// A command in namespaces of its own.
fn confined(command: &[&str]) -> Command {
    let mut unshare = Command::new("unshare");
    unshare
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
        ])
        .args(["sh", "-c", SCRIPT, "sh"])
        .args(command);
    unshare
}

/// A command in the namespaces of a confined process.
fn confined_beside(pid: &str, command: &[&str]) -> Command {
    let mut nsenter = Command::new("nsenter");
    let namespaces = ["--user", "--mount", "--pid", "--preserve-credentials"];
    nsenter
        .args(["--target", pid])
        .args(namespaces)
        .args(command);
    nsenter
}

/// Whether this kernel allows it; else says SKIPPED past the harness's capture.
fn possible() -> bool {
    let reason = match confined(&["true"]).output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let reason = format!("no namespaces here: {reason}");
    assert!(
        env::var("DASHSTREAM_REQUIRE").as_deref() != Ok("all"),
        "{reason}"
    );
    let line = format!("SKIPPED the_binary_runs_as_its_container_runs_it: {reason}\n");
    io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error can be written");
    false
}

/// Killed, with all in its namespace, when dropped.
struct Confined(Child);

impl Drop for Confined {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended: io::Result<()> = self.0.kill();
        let _ended: io::Result<std::process::ExitStatus> = self.0.wait();
    }
}

/// The value of a line of `/proc/<pid>/status`.
fn status_of(pid: &str, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.expect("the kernel tells").trim().to_owned()
}

fn get(address: &str, path: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("it listens");
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    write!(socket, "GET {path} HTTP/1.0\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn the_binary_runs_as_its_container_runs_it() {
    if !possible() {
        return;
    }
    let binary = env!("CARGO_BIN_EXE_dashstream-relay");
    let child = confined(&[binary])
        .env("WEBSOCKET_PORT", "0")
        .envs(OF_CONTAINER)
        // Nobody listens there: the relay waits for its brokers and serves meanwhile.
        .env("KAFKA_BROKERS", "127.0.0.1:1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut confined = Confined(child.expect("unshare can be started"));
    let output = confined.0.stdout.take().expect("a piped output");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    let address = line
        .trim()
        .strip_prefix("listening on http://")
        .expect("its address");
    let address = &address.replace("0.0.0.0", "127.0.0.1");

    let outer = confined.0.id();
    let children = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children"));
    let children = children.expect("it has a child");
    let pid = children.trim();
    let in_namespaces = status_of(pid, "NSpid");
    assert_eq!(
        in_namespaces.split_whitespace().last(),
        Some("1"),
        "{in_namespaces}"
    );
    assert_eq!(status_of(pid, "CapEff"), "0000000000000000");
    let user = fs::read_to_string(format!("/proc/{pid}/uid_map")).expect("a map");
    assert_eq!(user.split_whitespace().next(), Some("65532"));
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("mounts");
    let root = mounts
        .lines()
        .find(|line| line.split(' ').nth(4) == Some("/"));
    let options = root
        .and_then(|line| line.split(' ').nth(5))
        .unwrap_or_default();
    assert!(options.split(',').any(|option| option == "ro"), "{options}");

    assert!(get(address, "/version").contains(" 200 "));
    assert!(get(address, "/ready").contains(" 503 "));
    // As `docker compose exec relay dashstream-relay release 0`: let in, and there is no partition yet.
    let port = address.rsplit(':').next().expect("a port");
    let released = confined_beside(pid, &[binary, "release", "0"])
        .env("WEBSOCKET_PORT", port)
        .envs(OF_CONTAINER)
        .output()
        .expect("nsenter can be started");
    let text = String::from_utf8_lossy(&released.stderr);
    assert!(
        text.contains("404: the topic has no such partition"),
        "{text}"
    );
    let sent = Command::new("kill").args(["-TERM", pid]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let deadline = Instant::now() + Duration::from_secs(20);
    let ended = loop {
        if let Some(status) = confined.0.try_wait().expect("a child") {
            break status;
        }
        assert!(Instant::now() < deadline, "SIGTERM was not enough");
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(0));
}
