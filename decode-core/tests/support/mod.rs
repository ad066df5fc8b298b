//! What several tests of this crate share: where outside input lies, hex, a small random source.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};

/// Values of the captured records, in the order of the file.
pub fn real_capture() -> Option<Vec<Vec<u8>>> {
    let file = corpus()?.join("dashflow-real/dashflow-real.capture");
    let bytes = std::fs::read(file).expect("the real capture can be read");
    let mut rest = &bytes[..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        // Partition, offset and time stand before the two length-prefixed fields.
        rest = &rest[4 + 8 + 8..];
        let (_key, after) = prefixed(rest);
        let (value, after) = prefixed(after);
        records.push(value.to_vec());
        rest = after;
    }
    Some(records)
}

fn prefixed(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (len, rest) = bytes.split_first_chunk().expect("a length");
    rest.split_at(u32::from_le_bytes(*len) as usize)
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let dir = std::env::var_os("DASHSTREAM_CORPUS").map_or(beside, PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    // Never required: it is what no set-up can fetch.
    eprintln!("SKIPPED: no captured traffic (DASHSTREAM_CORPUS)");
    None
}

/// A Python with the official protobuf runtime.
pub fn python() -> Option<PathBuf> {
    let prepared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python");
    let python = std::env::var_os("DASHSTREAM_PYTHON").map_or(prepared, PathBuf::from);
    if python.is_file() {
        return Some(python);
    }
    skip("no Python with protobuf (DASHSTREAM_PYTHON)");
    None
}

pub fn skip(reason: &str) {
    assert!(
        std::env::var("DASHSTREAM_REQUIRE").as_deref() != Ok("all"),
        "required: {reason}"
    );
    eprintln!("SKIPPED: {reason}");
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .map(|digit| digit.to_digit(16).expect("hex"))
        .collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// splitmix64: enough for test input, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// One line of `vectors/payloads.tsv`.
pub struct Vector {
    pub name: String,
    pub payload: Vec<u8>,
    pub strict: String,
    pub compatible: String,
    pub text: String,
}

/// The vectors that every build of the decoder runs.
pub fn vectors() -> Vec<Vector> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/payloads.tsv");
    let lines = std::fs::read_to_string(file).expect("the vectors");
    lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(vector)
        .collect()
}

fn vector(line: &str) -> Vector {
    let columns: Vec<&str> = line.split('\t').collect();
    let [name, pieces, strict, compatible, text] = columns[..] else {
        panic!("not five columns: {line}")
    };
    let mut payload = Vec::new();
    for piece in pieces.split(' ').filter(|piece| *piece != "-") {
        let (hex, times) = piece.split_once('*').unwrap_or((piece, "1"));
        payload.extend(unhex(hex).repeat(times.parse().expect("a number")));
    }
    Vector {
        name: name.to_owned(),
        payload,
        strict: strict.to_owned(),
        compatible: compatible.to_owned(),
        text: text.to_owned(),
    }
}
