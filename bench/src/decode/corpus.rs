//! The corpora: made by `bench/corpus/generate.py`, kept under the target directory, and read once.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use decode_core::{
    frame::FrameWriter,
    wire::{FRAME_HEADER_LEN, MESSAGE_BYTES_TARGET},
};

pub(crate) const NAMES: [&str; 3] = ["small", "batch", "checkpoint"];

pub(crate) struct Corpus {
    pub(super) name: &'static str,
    pub(crate) payloads: Vec<Vec<u8>>,
    /// The same payloads as the relay sends them: WebSocket messages of frames.
    pub(super) messages: Vec<Vec<u8>>,
}

impl Corpus {
    pub(super) fn load(folder: &Path, name: &'static str) -> Self {
        let file = folder.join(format!("{name}.bin"));
        Self::of(
            name,
            undelimited(&fs::read(&file).expect("the corpus was provided")),
        )
    }

    pub(crate) fn of(name: &'static str, payloads: Vec<Vec<u8>>) -> Self {
        let messages = messages(&payloads);
        Self {
            name,
            payloads,
            messages,
        }
    }

    pub(super) fn payload_bytes(&self) -> usize {
        self.payloads.iter().map(Vec::len).sum()
    }

    /// What decompression has to do: the bodies of the compressed payloads.
    pub(super) fn compressed(&self) -> impl Iterator<Item = &[u8]> {
        self.payloads
            .iter()
            .filter_map(|payload| match &payload[..] {
                [1, body @ ..] => Some(body),
                _ => None,
            })
    }
}

/// The folder of the corpora, which are made where they are missing.
pub(crate) fn provide(percent: u64) -> PathBuf {
    let root = root();
    let folder = root.join(format!("target/bench/corpora-{percent}"));
    if folder.join(COMPLETE).exists() {
        return folder;
    }
    eprintln!("making the corpora, {percent} %");
    let python = env::var_os("DASHSTREAM_PYTHON").unwrap_or_else(|| "python3".into());
    let status = Command::new(python)
        .arg(root.join("bench/corpus/generate.py"))
        .arg(&folder)
        .args(["--percent", &percent.to_string()])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "generate.py failed: DASHSTREAM_PYTHON names a Python with protobuf, grpcio-tools and zstandard"
    );
    for name in NAMES {
        let bytes = fs::read(folder.join(format!("{name}.bin"))).expect("the script wrote it");
        let messages = delimited(&messages(&undelimited(&bytes)));
        fs::write(folder.join(format!("{name}.messages")), messages).expect("room for the corpus");
    }
    let schema = root.join("proto/dashstream.proto");
    fs::copy(schema, folder.join("dashstream.proto")).expect("the schema can be copied");
    fs::write(folder.join(COMPLETE), "").expect("room for a file");
    folder
}

/// The checkout, from wherever in it this is compiled.
pub(super) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = manifest.ancestors();
    let root = folders.find(|folder| folder.join("proto/dashstream.proto").exists());
    root.expect("a checkout around this crate").to_path_buf()
}

/// At least one frame each, and no further frame that would cross the target.
fn messages(payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut message = Vec::new();
    let mut writer = FrameWriter::new(0, 0);
    for (offset, payload) in payloads.iter().enumerate() {
        if !message.is_empty()
            && message.len() + FRAME_HEADER_LEN + payload.len() > MESSAGE_BYTES_TARGET
        {
            messages.push(std::mem::take(&mut message));
        }
        writer.record(&mut message, offset as u64, 1_767_225_600_000, payload);
    }
    messages.push(message);
    messages
}

fn undelimited(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (part, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        parts.push(part.to_vec());
        bytes = rest;
    }
    parts
}

fn delimited(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Written last.
const COMPLETE: &str = "complete";
