//! JSON and JSON Patch against public suites, read where they lie below `DASHSTREAM_CORPUS`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dashstream_proto::v1::DiffOperation;
use dashstream_proto::v1::diff_operation::OpType;
use run_model::state::Value;
use serde_json::Value as Json;

/// JSONTestSuite: what must be read is read, what must not is refused.
///
/// STA-01
#[test]
fn every_parsing_case_gets_its_verdict() {
    let Some(cases) = suite("json-test-suite.json") else {
        return;
    };
    let (mut accepted, mut refused, mut either) = (0, 0, Vec::new());
    for case in &cases {
        let name = case["name"].as_str().expect("a name");
        let bytes = case["base64"].as_str().expect("a content");
        let bytes = STANDARD.decode(bytes).expect("base64");
        let read = Value::parse(&bytes);
        match name.split_once('_').map(|(verdict, _)| verdict) {
            Some("y") => {
                assert!(read.is_ok(), "{name}: {read:?}");
                accepted += 1;
            }
            Some("n") => {
                assert!(read.is_err(), "{name} was read");
                refused += 1;
            }
            _ => either.push((name, read.is_ok())),
        }
    }
    assert_eq!((accepted, refused, either.len()), (95, 187, 35));
    // What the suite leaves open is decided once: numbers of any size are kept as they are written,
    // half a surrogate pair and bytes that are not UTF-8 are refused.
    for (name, read) in either {
        assert_eq!(read, name.starts_with("i_number"), "{name}");
    }
}

/// RFC 6902 by json-patch-tests: 112 cases, of which some cannot be said in the protobuf.
///
/// STA-01
#[test]
fn every_patch_that_can_be_said_does_what_it_should() {
    let (mut run, mut left_out) = (0, Vec::new());
    for file in ["json-patch-tests.json", "json-patch-spec-tests.json"] {
        let Some(cases) = suite(file) else {
            return;
        };
        for (index, case) in cases.iter().enumerate() {
            let what = format!("{file} {index}: {}", case["comment"]);
            match operations(case) {
                Ok(operations) => {
                    check(case, &operations, &what);
                    run += 1;
                }
                Err(reason) => left_out.push((reason, what)),
            }
        }
    }
    for (reason, what) in &left_out {
        eprintln!("left out, {reason}: {what}");
    }
    let count = |reason| left_out.iter().filter(|(why, _)| *why == reason).count();
    assert_eq!(run, RUN);
    assert_eq!(
        [count(DISABLED), count(NO_MEMBER)],
        LEFT_OUT,
        "{left_out:#?}"
    );
}

fn check(case: &Json, operations: &[DiffOperation], what: &str) {
    let document = |json: &Json| Value::parse(json.to_string().as_bytes()).expect("a document");
    let before = document(&case["doc"]);
    let mut value = before.clone();
    let applied = value.apply(operations);
    if case.get("error").is_some() {
        assert!(applied.is_err(), "{what}: applied");
        assert!(value.same(&before), "{what}: changed");
        return;
    }
    assert!(applied.is_ok(), "{what}: {applied:?}");
    if let Some(expected) = case.get("expected") {
        assert!(
            value.same(&document(expected)),
            "{what}: {}",
            value.to_text()
        );
    }
}

/// The operations of a case, or why there is no saying them.
fn operations(case: &Json) -> Result<Vec<DiffOperation>, &'static str> {
    if case["disabled"] == true {
        return Err(DISABLED);
    }
    let patch = case["patch"].as_array().expect("a patch");
    patch.iter().map(operation).collect()
}

fn operation(operation: &Json) -> Result<DiffOperation, &'static str> {
    let text = |name: &str| operation[name].as_str().ok_or(NO_MEMBER);
    let op = text("op")?;
    let number = [
        ("add", OpType::Add),
        ("remove", OpType::Remove),
        ("replace", OpType::Replace),
        ("move", OpType::Move),
        ("copy", OpType::Copy),
        ("test", OpType::Test),
    ]
    .iter()
    .find(|(name, _)| *name == op)
    // A number that nobody knows for a name that nobody knows.
    .map_or(99, |(_, number)| *number as i32);
    let mut said = DiffOperation {
        op: number,
        path: text("path")?.to_owned(),
        ..DiffOperation::default()
    };
    match op {
        "add" | "replace" | "test" => {
            let value = operation.get("value").ok_or(NO_MEMBER)?;
            said.value = value.to_string().into_bytes();
        }
        "move" | "copy" => said.from = text("from")?.to_owned(),
        _ => {}
    }
    Ok(said)
}

fn suite(file: &str) -> Option<Vec<Json>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var_os("DASHSTREAM_CORPUS").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(corpus.join("json-suites").join(file)) else {
        eprintln!("SKIPPED: no JSON suites (DASHSTREAM_CORPUS)");
        return None;
    };
    Some(serde_json::from_str(&text).expect("a list of cases"))
}

/// The suite itself leaves it out.
const DISABLED: &str = "disabled in the suite";
/// In the protobuf an absent member is an empty one.
const NO_MEMBER: &str = "a member is absent or no text";

/// Cases that are run, and those left out: disabled in the suite, and not to be said.
const RUN: usize = 100;
const LEFT_OUT: [usize; 2] = [4, 8];
