//! The canonical text against texts that `vectors/tools/official.py` writes from what the official
//! protobuf runtime reads, byte for byte.

mod support;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use decode_core::text::canonical_json;
use decode_core::{Decoder, Mode};

/// Messages of all kinds, none of them made by this project's encoder.
const RANDOM_MESSAGES: usize = 3000;

/// DEC-09: the random integers include the ends of their ranges.
#[test]
fn random_messages_of_every_kind_read_as_the_official_runtime_reads_them() {
    let Some(lines) = official(&["random", "20260730", &RANDOM_MESSAGES.to_string()], "") else {
        return;
    };
    let mut seen = 0;
    for line in lines.lines() {
        let (body, expected) = line.split_once('\t').expect("hex, tab, text");
        let body = support::unhex(body);
        assert_eq!(
            canonical_json(&body).as_deref(),
            Ok(expected),
            "body {}",
            support::hex(&body)
        );
        seen += 1;
    }
    assert_eq!(seen, RANDOM_MESSAGES);
}

#[test]
fn every_captured_record_reads_as_the_official_runtime_reads_it() {
    let Some(records) = support::real_capture() else {
        return;
    };
    let mut decoder = Decoder::new(Mode::Strict);
    let mut bodies = String::new();
    let mut texts = Vec::new();
    for record in &records {
        let decoded = decoder
            .decode(record, &mut ())
            .expect("captured records are valid");
        bodies.push_str(&support::hex(decoded.body));
        bodies.push('\n');
        texts.push(canonical_json(decoded.body).expect("captured records are valid"));
    }
    let Some(official) = official(&["text"], &bodies) else {
        return;
    };
    assert_eq!(official.lines().count(), texts.len());
    for (index, (ours, theirs)) in texts.iter().zip(official.lines()).enumerate() {
        assert_eq!(ours, theirs, "record {index}");
    }
}

/// VER-03: what the schema does not know is kept.
#[test]
fn merging_is_that_of_protobuf() {
    for (name, body, expected) in MERGES {
        let text = canonical_json(&support::unhex(body));
        if expected.is_empty() {
            assert!(text.is_err(), "{name}: {text:?}");
        } else {
            assert_eq!(text.as_deref(), Ok(*expected), "{name}");
        }
    }
}

/// DEC-11
#[test]
fn no_bytes_make_it_panic() {
    let valid = support::unhex(concat!(
        "0a440a370a10000102030405060708090a0b0c0d0e0f108080f9c0c1c482031a0764656661756c74",
        "220b73657373696f6e2d313233280130014801100a1a07616e616c797a65"
    ));
    for cut in 0..valid.len() {
        let _ = canonical_json(&valid[..cut]);
        for bit in 0..8 {
            let mut damaged = valid.clone();
            damaged[cut] ^= 1 << bit;
            let _ = canonical_json(&damaged);
        }
    }
    let mut random = support::Random::new(7);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.below(64))
            .map(|_| random.below(256) as u8)
            .collect();
        let _ = canonical_json(&bytes);
    }
}

/// What the script prints, or nothing where there is no Python to run it.
fn official(args: &[&str], input: &str) -> Option<String> {
    let python = support::python()?;
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../vectors/tools/official.py");
    let mut child = Command::new(python)
        .arg(script)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_owned();
    let feed = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("python ends");
    feed.join()
        .expect("feeder")
        .expect("python reads its input");
    assert!(output.status.success(), "official.py {args:?} failed");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

/// What it is about, body, text; no text where the body must be refused.
const MERGES: &[(&str, &str, &str)] = &[
    ("nothing at all", "", "{}"),
    ("an empty member of the oneof", "0a00", r#"{"event":{}}"#),
    (
        "the last scalar wins",
        "0a041001100b",
        r#"{"event":{"eventType":"EVENT_TYPE_NODE_END"}}"#,
    ),
    ("back to the default", "0a0410011000", r#"{"event":{}}"#),
    (
        "messages merge",
        "0a02100b0a031a0161",
        r#"{"event":{"eventType":"EVENT_TYPE_NODE_END","nodeId":"a"}}"#,
    ),
    (
        "the last member wins",
        "0a0210011200",
        r#"{"stateDiff":{}}"#,
    ),
    (
        "and starts empty when it comes back",
        "0a02100112000a00",
        r#"{"event":{}}"#,
    ),
    (
        "packed and single",
        "1a06220201022003",
        r#"{"tokenChunk":{"tokenIds":[1,2,3]}}"#,
    ),
    ("an empty packed list", "1a022200", r#"{"tokenChunk":{}}"#),
    (
        "the last map entry of a key wins",
        "320e2a050a001201612a050a00120162",
        r#"{"metrics":{"tags":{"":"b"}}}"#,
    ),
    (
        "an enum number without name",
        "0a0310e707",
        r#"{"event":{"eventType":999}}"#,
    ),
    (
        "a negative enum number",
        "0a0b10ffffffffffffffffff01",
        r#"{"event":{"eventType":-1}}"#,
    ),
    (
        "an entry with nothing",
        "0a022200",
        r#"{"event":{"attributes":{"":{}}}}"#,
    ),
    (
        "a default inside a oneof",
        "0a06220412021000",
        r#"{"event":{"attributes":{"":{"intValue":"0"}}}}"#,
    ),
    (
        "unknown in a map entry",
        "0a06220418010a00",
        r#"{"event":{"@unknown":[[4,2,"GAEKAA=="]]}}"#,
    ),
    (
        "an unknown group",
        "7b08017c",
        r#"{"@unknown":[[15,3,"CAE="]]}"#,
    ),
    (
        "unknown numbers of all layouts",
        "78ff017901020304050607087d010203047a0161",
        r#"{"@unknown":[[15,0,"/wE="],[15,1,"AQIDBAUGBwg="],[15,5,"AQIDBA=="],[15,2,"YQ=="]]}"#,
    ),
    ("a known field in another layout", "0801", ""),
    ("damage in a member that another replaces", "0a01101200", ""),
    (
        "text that is not UTF-8 and is replaced",
        "0a061a01ff1a0161",
        "",
    ),
];
