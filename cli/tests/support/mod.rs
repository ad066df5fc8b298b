//! Runs the built binary and makes input files.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a finished command left.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn dashstream(args: &[&str], stdin: &[u8]) -> Finished {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dashstream"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("stdin is piped");
    let bytes = stdin.to_vec();
    // It may end before it has read everything.
    let feed = std::thread::spawn(move || drop(input.write_all(&bytes)));
    let output = child.wait_with_output().expect("the binary ends");
    feed.join().expect("feeder");
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Its exit code, whatever becomes of its streams.
pub fn exit_code(args: &[&str], stdin: &[u8], stdout: Stdio, stderr: Stdio) -> Option<i32> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dashstream"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("stdin is piped");
    // It may end before it has read everything.
    let _ = input.write_all(stdin);
    drop(input);
    child.wait().expect("it ends").code()
}

/// A pipe whose reader is gone.
pub fn closed() -> Stdio {
    let (_, writer) = std::io::pipe().expect("a pipe");
    writer.into()
}

/// A device that is always full.
pub fn full() -> Stdio {
    let device = std::fs::OpenOptions::new().write(true).open("/dev/full");
    device.expect("/dev/full").into()
}

/// A folder of its own for one test, removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8 path").to_owned()
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.0.join(name), bytes).expect("a temporary file");
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The captured traffic of the real library, if it is here.
pub fn real_capture() -> Option<String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let dir = std::env::var_os("DASHSTREAM_CORPUS").map_or(beside, PathBuf::from);
    let file = dir.join("dashflow-real/dashflow-real.capture");
    if file.is_file() {
        return Some(file.to_str().expect("UTF-8 path").to_owned());
    }
    // Never required: it is what no set-up can fetch.
    eprintln!("SKIPPED: no captured traffic (DASHSTREAM_CORPUS)");
    None
}

pub fn skip(reason: &str) {
    let required = std::env::var("DASHSTREAM_REQUIRE").as_deref() == Ok("all");
    assert!(!required, "required: {reason}");
    eprintln!("SKIPPED: {reason}");
}

/// What stands on each line of an output.
pub fn json_lines(output: &str) -> Vec<serde_json::Value> {
    output
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// A record as DashFlow's captures hold it.
pub fn dashflow_record(
    partition: u32,
    offset: u64,
    timestamp_ms: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
) -> Vec<u8> {
    let mut out = partition.to_le_bytes().to_vec();
    out.extend(offset.to_le_bytes());
    out.extend(timestamp_ms.to_le_bytes());
    for part in [key, value] {
        let len = part.map_or(u32::MAX, |part| part.len() as u32);
        out.extend(len.to_le_bytes());
        out.extend_from_slice(part.unwrap_or_default());
    }
    out
}

/// An event as a framed payload: thread `t`, this sequence.
pub fn event(sequence: u8) -> Vec<u8> {
    vec![
        0, 0x0A, 11, 0x0A, 5, 0x22, 1, b't', 0x28, sequence, 0x10, 10, 0x1A, 0,
    ]
}

pub fn delimited(payloads: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for payload in payloads {
        out.extend((payload.len() as u32).to_le_bytes());
        out.extend_from_slice(payload);
    }
    out
}
