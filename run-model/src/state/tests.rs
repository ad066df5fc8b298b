use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use dashstream_proto::v1::{Checkpoint, CompressionInfo, DiffOperation, StateDiff};
use decode_core::zstd::Decompressor;

use super::*;

fn parse(text: &str) -> Value {
    Value::parse(text.as_bytes()).expect("JSON")
}

fn op(op: i32, path: &str, value: &str, from: &str) -> DiffOperation {
    DiffOperation {
        op,
        path: path.into(),
        value: value.into(),
        from: from.into(),
        encoding: 0,
    }
}

const ADD: i32 = 0;
const REMOVE: i32 = 1;
const REPLACE: i32 = 2;
const MOVE: i32 = 3;
const COPY: i32 = 4;
const TEST: i32 = 5;

/// The state's text after one operation, or the code of what is wrong with it.
fn after(state: &str, operation: DiffOperation) -> Result<String, &'static str> {
    let mut value = parse(state);
    let before = value.to_text();
    let result = value.apply(&[operation]);
    let size = value.size();
    assert_eq!(size.bytes, value.to_text().len(), "the known length");
    assert_eq!(size.values, parse(&value.to_text()).size().values);
    assert!(size.depth >= value.depth());
    match result {
        Ok(()) => Ok(value.to_text()),
        Err(error) => {
            assert_eq!(
                value.to_text(),
                before,
                "a failed operation changes nothing"
            );
            Err(error.fault.code())
        }
    }
}

/// STA-01: the examples of RFC 6902, appendix A, and the corners of its section 4.
#[test]
fn operations_do_what_rfc_6902_says() {
    let mut seen = 0;
    for line in OPERATIONS.lines().filter(|line| line.contains('|')) {
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        let [state, name, path, argument, expected] = columns[..] else {
            panic!("not five columns: {line}")
        };
        let number = ["add", "remove", "replace", "move", "copy", "test"]
            .iter()
            .position(|known| *known == name)
            .expect("an operation") as i32;
        let (value, from) = if matches!(number, MOVE | COPY) {
            ("", argument)
        } else {
            (argument, "")
        };
        let got = after(state, op(number, path, value, from));
        assert_eq!(
            got.unwrap_or_else(|code| format!("!{code}")),
            expected,
            "{line}"
        );
        seen += 1;
    }
    assert!(seen > 50);
}

/// State, operation, path, value or source, and the state after it or the code of what is wrong.
const OPERATIONS: &str = r#"
    {"foo":"bar"}                   | add     | /baz    | "qux"             | {"baz":"qux","foo":"bar"}
    {"foo":["bar","baz"]}           | add     | /foo/1  | "qux"             | {"foo":["bar","qux","baz"]}
    {"baz":"qux","foo":"bar"}       | remove  | /baz    |                   | {"foo":"bar"}
    {"foo":["bar","qux","baz"]}     | remove  | /foo/1  |                   | {"foo":["bar","baz"]}
    {"baz":"qux","foo":"bar"}       | replace | /baz    | "boo"             | {"baz":"boo","foo":"bar"}
    {"foo":{"a":1,"b":2},"q":{}}    | move    | /q/c    | /foo/b            | {"foo":{"a":1},"q":{"c":2}}
    {"foo":["all","grass","cows"]}  | move    | /foo/2  | /foo/1            | {"foo":["all","cows","grass"]}
    {"baz":"qux"}                   | test    | /baz    | "qux"             | {"baz":"qux"}
    {"baz":"qux"}                   | test    | /baz    | "bar"             | !patch_test
    {"foo":"bar"}  | add | /child | {"grand":{}} | {"child":{"grand":{}},"foo":"bar"}
    {"foo":"bar"}                   | add     | /baz/b  | "qux"             | !patch_missing
    {"/":9,"~1":10}                 | test    | /~01    | 10                | {"/":9,"~1":10}
    {"/":9,"~1":10}                 | test    | /~01    | "10"              | !patch_test
    {"foo":["bar"]}                 | add     | /foo/-  | ["abc","def"]     | {"foo":["bar",["abc","def"]]}

    1                               | add     |         | [2]               | [2]
    1                               | replace |         | {}                | {}
    [1]                             | remove  |         |                   | !patch_root
    [1]                             | move    |         | /0                | 1
    {"a":1}                         | copy    | /b      |                   | {"a":1,"b":{"a":1}}

    [0]                             | add     | /1      | 1                 | [0,1]
    [0]                             | add     | /2      | 1                 | !patch_index
    [0]                             | add     | /01     | 1                 | !patch_index
    [0]                             | add     | /+1     | 1                 | !patch_index
    [0]                             | add     | /       | 1                 | !patch_index
    [0]                             | add     | /18446744073709551616 | 1   | !patch_index
    [0]                             | replace | /1      | 1                 | !patch_index
    [0]                             | replace | /-      | 1                 | !patch_index
    [0]                             | remove  | /-      |                   | !patch_index
    [0]                             | test    | /-      | 0                 | !patch_index
    [0,1]                           | copy    | /-      | /0                | [0,1,0]
    [0,1]                           | move    | /-      | /0                | [1,0]
    [0,1]                           | move    | /2      | /0                | !patch_index
    [0,1]                           | copy    | /0      | /-                | !patch_index

    {}                              | remove  | /a      |                   | !patch_missing
    {}                              | replace | /a      | 1                 | !patch_missing
    {}                              | move    | /b      | /a                | !patch_missing
    {}                              | move    | /a      | /a                | !patch_missing
    {}                              | copy    | /b      | /a                | !patch_missing
    {"a":1}                         | add     | /a/b    | 1                 | !patch_missing
    {"a":{"b":1}}                   | move    | /a/b/c  | /a                | !patch_into_itself
    {"a":1}                         | move    | /a      | /a                | {"a":1}
    {"a":1,"ab":2}                  | move    | /ab     | /a                | {"ab":1}

    {}                              | add     | a       | 1                 | !patch_pointer
    {}                              | add     | /~      | 1                 | !patch_pointer
    {}                              | add     | /~2     | 1                 | !patch_pointer
    {}                              | add     | /       | 1                 | {"":1}
    {"":{"":1}}                     | remove  | //      |                   | {"":{}}

    {"a":[1,{"b":2.0}]}             | test    |         | {"a":[1.0,{"b":2}]} | {"a":[1,{"b":2.0}]}
    {"a":[1,2]}                     | test    | /a      | [1]               | !patch_test
    null                            | test    |         | false             | !patch_test
    {}                              | add     | /a      |                   | {"a":null}
"#;

/// STA-01
#[test]
fn a_failed_operation_undoes_those_before_it() {
    let mut value = parse(r#"{"a":[1,2]}"#);
    let operations = [
        op(ADD, "/b", "1", ""),
        op(REMOVE, "/a/0", "", ""),
        op(REMOVE, "/a/1", "", ""),
    ];
    let error = value.apply(&operations).expect_err("one too many");
    assert_eq!((error.index, error.op, &*error.path), (2, REMOVE, "/a/1"));
    assert_eq!(value.to_text(), r#"{"a":[1,2]}"#);
    assert_eq!(
        format!("{error}"),
        r#"patch_index: operation 2 (OP_TYPE_REMOVE) at "/a/1""#
    );
}

/// STA-02
#[test]
fn every_key_is_an_ordinary_key() {
    let mut value = parse("{}");
    for key in [
        "__proto__",
        "constructor",
        "toString",
        "prototype",
        "0",
        "-",
    ] {
        let pointer = format!("/{key}");
        value.apply(&[op(ADD, &pointer, "{}", "")]).expect("a key");
        let inner = format!("/{key}/__proto__");
        value.apply(&[op(ADD, &inner, "1", "")]).expect("a key");
        value
            .apply(&[op(TEST, &pointer, r#"{"__proto__":1}"#, "")])
            .expect("there");
    }
    let Value::Object(object) = &value else {
        panic!("an object")
    };
    assert_eq!(object.members().len(), 6);
}

/// STA-03: the texts and hashes that the producers' own code gives.
#[test]
fn hashes_are_those_of_the_producers() {
    for (text, hash) in [
        (
            "{}",
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        ),
        (
            r#"{ "count" : 2 }"#,
            "57413ce83ee1d989e384dfd3a82c6e2d9052a23c4204706bd2d7df11aa4c2d7c",
        ),
        (
            r#"{"b":1,"a":[true,null,"x"]}"#,
            "54a65415ad370228851a1da4b31b6fd42dc58b19a50d35cae759325f7388ce64",
        ),
        (
            r#"{"messages":["Hello","World"],"counter":6}"#,
            "529cd9536255ec1c3c253c2cfb5879f52bdd74d4a5d33d30d9e93490da186c30",
        ),
        (
            r#"{"x":1}"#,
            "5041bf1f713df204784353e82f6a4a535931cb64f1f4b4a5aeaffcb720918b22",
        ),
        (
            r#"{"x":1.0}"#,
            "bf32f56236899e13ef54db875d136c6cbcc65244464829c54911aa9069b0ae25",
        ),
        (
            r#"{"x":1e16}"#,
            "38f352477535e2c126fdcccdc771a14c77cdb7aeac6570ded9169163c021cf52",
        ),
        (
            r#"{"x":1e+16}"#,
            "21d6bea42b17fd31195fc9fc560ab7d0494ba833cdd094be2836c21506e84464",
        ),
        (
            r#"{"x":10000000000000000}"#,
            "d9ea702067d662ee3f58b5c6d52a45908d3759be54b49ff5689eabdae1b0a9d8",
        ),
    ] {
        let hex: String = parse(text)
            .sha256()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(hex, hash, "{text}");
    }
}

/// STA-03, STA-04
#[test]
fn the_canonical_text_keeps_numbers_and_sorts_keys_by_bytes() {
    for (text, canonical) in [
        (" [ 1 , 2 ] ", "[1,2]"),
        (
            "[-0.0,1.0,1e+16,1E5,18446744073709551615,-9223372036854775808,0.1000]",
            "",
        ),
        ("123456789012345678901234567890.123456789e-400", ""),
        // U+E000 sorts before U+1F600 by UTF-8 bytes, after it by UTF-16 units.
        (
            "{\"\u{1F600}\":1,\"\u{E000}\":2,\"b\":3,\"a\":4,\"B\":5}",
            "{\"B\":5,\"a\":4,\"b\":3,\"\u{E000}\":2,\"\u{1F600}\":1}",
        ),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (
            r#""\u0041\/\u001f\u007f\ud83d\ude00\u0008\t""#,
            "\"A/\\u001f\u{7f}\u{1F600}\\b\\t\"",
        ),
        ("{}", ""),
        ("[[],{}]", ""),
    ] {
        let expected = if canonical.is_empty() {
            text
        } else {
            canonical
        };
        let value = parse(text);
        assert_eq!(value.to_text(), expected);
        assert_eq!(value.size().bytes, expected.len(), "{text}");
    }
}

/// DEC-12, DEC-13
#[test]
fn what_is_not_json_is_an_error() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "tru",
        "[1,]",
        "[1 2]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "-Infinity",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\\ud800\\n\"",
        "\"\n\"",
        "\"\t\"",
        "1 2",
        "[1]]",
        "//",
        "\u{feff}1",
        "[",
        "{",
        "{\"a\":1",
        "\u{a0}1",
    ] {
        assert!(Value::parse(text.as_bytes()).is_err(), "{text:?}");
        if !text.is_empty() {
            assert_eq!(
                after("{}", op(ADD, "/a", text, "")),
                Err("patch_json"),
                "{text:?}"
            );
        }
    }
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\x80\"",
        b"[1]\xff",
    ] {
        assert_eq!(
            Value::parse(bytes).map_err(|e| e.what).err(),
            Some("invalid UTF-8")
        );
    }
}

/// DEC-14
#[test]
fn unknown_operations_and_encodings_are_named() {
    let error = |operation| {
        let result = parse("{}").apply(&[operation]);
        format!("{}", result.expect_err("not applied"))
    };
    let encoded = |encoding| DiffOperation {
        encoding,
        ..op(ADD, "/a", "1", "")
    };
    assert_eq!(
        error(op(77, "/a", "1", "")),
        r#"patch_operation: operation 0 (number 77) at "/a""#
    );
    for (encoding, name) in [
        (1, "VALUE_ENCODING_MSGPACK"),
        (2, "VALUE_ENCODING_PROTOBUF"),
        (3, "VALUE_ENCODING_RAW"),
        (9, "encoding 9"),
    ] {
        let text = format!(r#"patch_encoding: operation 0 (OP_TYPE_ADD) at "/a": {name}"#);
        assert_eq!(error(encoded(encoding)), text);
    }
    // Nothing is read of it where no value is wanted.
    let mut value = parse(r#"{"a":1}"#);
    value
        .apply(&[DiffOperation {
            encoding: 1,
            ..op(REMOVE, "/a", "", "")
        }])
        .expect("no value to read");
}

/// DEC-11: bounds hold for what operations make, too.
#[test]
fn operations_cannot_outgrow_the_limits() {
    // Each copy doubles the state; sharing keeps it small in memory, its text would not be.
    let mut value = parse(r#"{"a":"0123456789"}"#);
    let doubling: Vec<_> = (0..40)
        .map(|n| op(COPY, &format!("/a{n}"), "", ""))
        .collect();
    let error = value.apply(&doubling).expect_err("too large");
    assert_eq!(error.fault, Fault::TooLarge);
    assert!(error.index < 30);

    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Value::parse(nested(STATE_DEPTH_MAX as usize).as_bytes()).is_ok());
    assert!(Value::parse(nested(STATE_DEPTH_MAX as usize + 1).as_bytes()).is_err());
    assert!(Value::parse(nested(1_000_000).as_bytes()).is_err());
    let inside = nested(STATE_DEPTH_MAX as usize - 1);
    assert!(after("[]", op(ADD, "/0", &inside, "")).is_ok());
    assert_eq!(
        after("[[]]", op(ADD, "/0/0", &inside, "")),
        Err("patch_too_large")
    );

    let many = vec![op(TEST, "", "{}", ""); OPERATIONS_MAX + 1];
    let mut value = parse("{}");
    assert_eq!(value.apply(&many[1..]), Ok(()));
    assert_eq!(
        value.apply(&many).expect_err("too many").fault,
        Fault::TooManyOperations
    );
    let long = format!("/{}", "a".repeat(POINTER_BYTES_MAX));
    assert_eq!(
        after("{}", op(ADD, &long, "1", "")),
        Err("patch_pointer_too_long")
    );
    let zeros = format!("[{}0]", "0,".repeat(STATE_VALUES_MAX - 1));
    assert!(Value::parse(zeros.as_bytes()).is_err());
}

/// The depth that is known may be too large after something deep was removed; the limit is exact.
#[test]
fn what_was_removed_does_not_count_as_nesting() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let mut value = parse(r#"{"a":[],"b":[]}"#);
    value.apply(&[op(ADD, "/a/0", &deep, "")]).expect("fits");
    value.apply(&[op(REMOVE, "/a/0", "", "")]).expect("there");
    let forty = format!("{}{}", "[".repeat(40), "]".repeat(40));
    value.apply(&[op(ADD, "/b/0", &forty, "")]).expect("fits");
    let inside = format!("/b{}", "/0".repeat(40));
    value
        .apply(&[op(MOVE, &inside, "", "/a")])
        .expect("shallow by now");
    assert!(value.size().depth > STATE_DEPTH_MAX && value.depth() < 50);
}

/// STA-17
#[test]
fn clones_share_and_never_alias() {
    let mut first = parse(r#"{"a":{"b":[1]},"c":[2]}"#);
    let second = first.clone();
    first
        .apply(&[op(ADD, "/a/b/-", "3", "")])
        .expect("an array");
    assert_eq!(first.to_text(), r#"{"a":{"b":[1,3]},"c":[2]}"#);
    assert_eq!(second.to_text(), r#"{"a":{"b":[1]},"c":[2]}"#);
}

/// STA-05, STA-06
#[test]
fn a_diff_is_checked_on_the_state_after_it() {
    let state = parse(r#"{"count":1}"#);
    let two = parse(r#"{"count":2}"#);
    let mut diff = StateDiff {
        operations: vec![op(REPLACE, "/count", "2", "")],
        state_hash: two.sha256().to_vec(),
        ..StateDiff::default()
    };
    let next = after_diff(&state, &diff).expect("applies");
    assert_eq!(check_hash(&next, &diff), HashCheck::Same);
    assert_eq!(check_hash(&state, &diff), HashCheck::Different);
    diff.operations.clear();
    let unchanged = after_diff(&two, &diff).expect("a valid no-op");
    assert_eq!(check_hash(&unchanged, &diff), HashCheck::Same);
    assert_eq!(
        check_hash(&after_diff(&state, &diff).expect("a no-op"), &diff),
        HashCheck::Different
    );
    diff.state_hash.clear();
    assert_eq!(check_hash(&state, &diff), HashCheck::Absent);
    // The full state wins.
    diff.full_state = br#"{"count":3}"#.to_vec();
    diff.operations = vec![op(REMOVE, "/nothing", "", "")];
    assert_eq!(
        after_diff(&state, &diff).expect("full").to_text(),
        r#"{"count":3}"#
    );
    diff.full_state = b"{".to_vec();
    assert_eq!(
        after_diff(&state, &diff).map(|_| ()).map_err(|e| e.code()),
        Err("diff_full_state")
    );
}

/// The state `{"a":1}`, as a checkpoint holds it plainly.
fn plain() -> Checkpoint {
    Checkpoint {
        state: br#"{"a":1}"#.to_vec(),
        checksum: parse(r#"{"a":1}"#).sha256().to_vec(),
        ..Checkpoint::default()
    }
}

fn compressed(kind: i32, size: u64, state: Vec<u8>) -> Checkpoint {
    let info = CompressionInfo {
        r#type: kind,
        uncompressed_size: size,
        ..CompressionInfo::default()
    };
    Checkpoint {
        state,
        compression_info: Some(info),
        ..plain()
    }
}

fn text_of(checkpoint: &Checkpoint) -> Result<Vec<u8>, &'static str> {
    let read = checkpoint_text(checkpoint, &mut Decompressor::new());
    read.map(|text| text.into_owned())
        .map_err(|error| error.code())
}

/// DEC-17, BND-14
#[test]
fn a_checkpoint_is_proven_by_its_checksum() {
    let text = plain().state;
    let good = [
        plain(),
        compressed(1, 7, frame_of(&text)),
        compressed(0, 7, text.clone()),
    ];
    for checkpoint in &good {
        assert_eq!(text_of(checkpoint).as_deref(), Ok(&text[..]));
    }
    // A frame that declares more than any state may have is refused before it is decompressed.
    let mut bomb = vec![0x28, 0xB5, 0x2F, 0xFD, 0xE0];
    bomb.extend((STATE_BYTES_MAX as u64 + 1).to_le_bytes());
    let checksum = |checksum| Checkpoint {
        checksum,
        ..plain()
    };
    for (code, checkpoint) in [
        ("checkpoint_compression", compressed(2, 7, text.clone())),
        ("checkpoint_compression", compressed(99, 7, text.clone())),
        ("checkpoint_decompress", compressed(1, 7, text.clone())),
        ("checkpoint_decompress", compressed(1, 0, bomb)),
        ("checkpoint_length", compressed(1, 8, frame_of(&text))),
        ("checkpoint_no_checksum", checksum(vec![])),
        ("checkpoint_checksum", checksum(vec![0; 32])),
    ] {
        assert_eq!(text_of(&checkpoint), Err(code));
    }
    let elsewhere = Checkpoint {
        state: vec![],
        storage_uri: "s3://bucket/key".into(),
        ..plain()
    };
    assert_eq!(text_of(&elsewhere), Err("checkpoint_elsewhere"));
}

/// A frame of one raw block with its size declared.
fn frame_of(content: &[u8]) -> Vec<u8> {
    let block = ((content.len() as u32) << 3 | 1).to_le_bytes();
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x20, content.len() as u8];
    frame.extend(&block[..3]);
    frame.extend(content);
    frame
}
