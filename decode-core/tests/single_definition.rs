//! `wire.rs` is the only place where a shared number or name is defined: this searches the tree
//! (Rust, TypeScript, Svelte, scripts) for a second one.
//!
//! Tests are left out: they pin values on purpose. So is generated code.

use std::fs;
use std::path::{Path, PathBuf};

use decode_core::wire::{CloseCode, ErrorCode, GapCause, RejectCode, control};

const LEFT_OUT: [&str; 15] = [
    "target",
    "node_modules",
    "dist",
    "generated",
    "tests",
    "e2e",
    "vectors",
    "docs",
    ".git",
    "deploy",
    "no-std-program",
    "bench",
    "fuzz",
    "node",
    "proto",
];

/// Other contracts that use the same texts or numbers: the page's own messages, which no other process
/// sees; Kafka's compression; the package name of the schema.
const OTHER_CONTRACT: [&str; 3] = [
    "decode-wasm/src/worker/messages.rs",
    "kafka-client/src/unpack/codec.rs",
    "tools/proto-gen/src/main.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if !LEFT_OUT.contains(&name.as_str()) {
                sources(&path, found);
            }
            continue;
        }
        let code = ["rs", "ts", "svelte", "mjs", "js"];
        let is_code = path
            .extension()
            .is_some_and(|e| code.iter().any(|c| e == *c));
        let is_test = name == "tests.rs" || name.contains(".test.") || name.contains(".spec.");
        if is_code && !is_test && !path.ends_with("decode-core/src/wire.rs") {
            found.push(path);
        }
    }
}

/// A source without its comments and without what follows `#[cfg(test)]`.
fn code_of(text: &str) -> String {
    let live = text.split("#[cfg(test)]").next().unwrap_or_default();
    live.lines()
        .filter(|line| !line.trim_start().starts_with("//") && !line.trim_start().starts_with('*'))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Texts nobody else may spell out. Single plain words ("ack", "empty") mean other things too.
fn forbidden_texts() -> Vec<String> {
    let codes = RejectCode::ALL
        .iter()
        .map(|c| c.code())
        .chain(GapCause::ALL.iter().map(|c| c.code()))
        .chain(CloseCode::ALL.iter().map(|c| c.code()))
        .chain([
            control::REPLAY_PROGRESS,
            control::REPLAY_COMPLETE,
            control::CURSOR_STALE,
            control::TOPIC_RESET,
            control::SCHEMA_STATUS,
            control::GOING_AWAY,
            control::RESUME_ERROR,
            ErrorCode::InvalidJson.code(),
            ErrorCode::UnknownType.code(),
            ErrorCode::UnknownFrom.code(),
            ErrorCode::InvalidPartition.code(),
            ErrorCode::InvalidOffset.code(),
            ErrorCode::WrongNamespace.code(),
            decode_core::wire::SUBPROTOCOL,
        ]);
    let distinctive = codes.filter(|text| text.contains(['_', '.']));
    distinctive
        .flat_map(|text| [format!("\"{text}\""), format!("'{text}'")])
        .collect()
}

/// Numbers nobody else may spell out, in the ways people write them.
const FORBIDDEN_NUMBERS: [&str; 13] = [
    "10485760",
    "10_485_760",
    "10 * 1024 * 1024",
    "10 << 20",
    "0x28, 0xB5",
    "0x28, 0xb5",
    "0xFD2FB528",
    "0xfd2fb528",
    "4001",
    "4002",
    "4003",
    "4004",
    "4005",
];

/// Names of the constants themselves.
fn constant_names() -> Vec<String> {
    let wire = fs::read_to_string(root().join("decode-core/src/wire.rs")).expect("wire.rs");
    wire.lines()
        .filter_map(|line| line.trim().strip_prefix("pub const "))
        .filter_map(|rest| rest.split(':').next())
        .filter(|name| name.contains('_') && !name.starts_with("fn "))
        .map(str::to_owned)
        .collect()
}

/// Whether `number` stands in `code` on its own, not inside a longer one.
fn has_number(code: &str, number: &str) -> bool {
    code.match_indices(number).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + number.len()..].chars().next();
        let part =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        !part(before) && !part(after)
    })
}

/// DEC-07
#[test]
fn single_definition() {
    let root = root();
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(
        files.len() > 60,
        "only {} sources found: is this the tree?",
        files.len()
    );
    let texts = forbidden_texts();
    let names = constant_names();
    assert!(names.len() > 20 && texts.len() > 30);
    let mut second = Vec::new();
    for file in files {
        let shown = file
            .strip_prefix(&root)
            .unwrap_or(&file)
            .display()
            .to_string();
        let code = code_of(&fs::read_to_string(&file).expect("a readable source"));
        if !OTHER_CONTRACT.contains(&shown.as_str()) {
            let hits = texts.iter().filter(|text| code.contains(text.as_str()));
            second.extend(hits.map(|text| format!("{shown}: {text}")));
            let hits = FORBIDDEN_NUMBERS
                .iter()
                .filter(|number| has_number(&code, number));
            second.extend(hits.map(|number| format!("{shown}: {number}")));
        }
        for name in &names {
            for keyword in ["const ", "static ", "let ", "var "] {
                let declared = format!("{keyword}{name}");
                if has_number(&code, &declared) {
                    second.push(format!("{shown}: {declared}"));
                }
            }
        }
    }
    assert!(
        second.is_empty(),
        "defined a second time:\n{}",
        second.join("\n")
    );
}

/// A new kind or code must be seen by the compiler at every place that tells them apart.
#[test]
fn no_enum_of_the_workspace_is_open_to_additions() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    assert!(files.len() > 100, "only {} sources were found", files.len());
    files.push(root().join("decode-core/src/wire.rs"));
    let open: Vec<_> = files
        .iter()
        .filter(|path| {
            let text = fs::read_to_string(path).expect("a readable source");
            text.lines().any(|line| line.trim() == "#[non_exhaustive]")
        })
        .collect();
    assert!(open.is_empty(), "non_exhaustive in {open:?}");
}
