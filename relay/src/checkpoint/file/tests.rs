use super::*;
use crate::checkpoint::{PauseCause, lock::claim, tests::Folder};

const PLACE: FileKey<'static> = FileKey {
    topic: "runs",
    partition: 3,
};

fn plain(offset: u64) -> Checkpoint {
    Checkpoint::at(offset, 0, None)
}

/// OPS-02: both forms are read, and what is written is DashFlow's form with the next offset.
#[test]
fn both_forms_are_read() {
    let dashflow = br#"{"topic":"runs","partition":3,"offset":123}
"#;
    assert_eq!(parse(dashflow, PLACE), Ok(plain(123)));
    let written = plain(123).to_text("runs", 3).expect("serialises");
    assert_eq!(written.as_bytes(), dashflow);
    for number in ["123", " 123\n", "\t123\r\n\n"] {
        assert_eq!(
            parse(number.as_bytes(), PLACE),
            Ok(plain(123)),
            "{number:?}"
        );
    }
    let largest = i64::MAX.to_string();
    assert_eq!(parse(largest.as_bytes(), PLACE), Ok(plain(i64::MAX as u64)));
    let with_more = br#"{"offset":5,"partition":3,"topic":"runs","later":[1]}"#;
    assert_eq!(parse(with_more, PLACE), Ok(plain(5)));
}

#[test]
fn what_this_relay_adds_comes_back() {
    let fingerprint = Fingerprint {
        offset: 122,
        timestamp_ms: -1,
    };
    let pause = StoredPause {
        offset: 124,
        cause: PauseCause::Sequence {
            expected: 3,
            received: 5,
        },
    };
    let checkpoint = Checkpoint::at(123, 500, Some(fingerprint));
    for checkpoint in [checkpoint, checkpoint.paused(Some(pause))] {
        let text = checkpoint.to_text("runs", 3).expect("serialises");
        assert_eq!(parse(text.as_bytes(), PLACE), Ok(checkpoint), "{text}");
    }
}

/// OPS-02: every file that is no checkpoint of this partition has a defined end.
#[test]
fn what_is_no_checkpoint_is_told_apart() {
    let check = |text: &[u8], fault| {
        assert_eq!(parse(text, PLACE), Err(fault), "{}", text.escape_ascii());
    };
    check(b"", Fault::Empty);
    check(b" \n\t\r\n", Fault::Empty);
    check(
        br#"{"topic":"walks","partition":3,"offset":1}"#,
        Fault::Foreign,
    );
    check(
        br#"{"topic":"runs","partition":4,"offset":1}"#,
        Fault::Foreign,
    );
    check(b"-5", Fault::Negative);
    check(
        br#"{"topic":"runs","partition":3,"offset":-1}"#,
        Fault::Negative,
    );
    let garbage: [&[u8]; 16] = [
        b"later",
        b"12 34",
        b"1.5",
        b"+5",
        b"0x10",
        b"007",
        b"9223372036854775808",
        b"\"123\"",
        b"[123]",
        b"null",
        b"{}",
        b"\xff\xfe1\x002\x00",
        b"\0\0\0\0\0\0\0\0",
        br#"{"topic":"runs","partition":3,"offset":1"#,
        br#"{"topic":"runs","partition":3,"offset":"1"}"#,
        br#"{"topic":"runs","partition":3,"offset":1,"fingerprint":{"offset":1}}"#,
    ];
    for text in garbage {
        check(text, Fault::Garbage);
    }
}

#[test]
fn a_stored_checkpoint_is_loaded_and_replaced() {
    let folder = Folder::new("stored");
    let dir = folder.path().join("made/when/needed");
    assert_eq!(load(&dir, PLACE), Ok(None));
    for offset in [1, 99, 7] {
        store(&dir, PLACE, plain(offset)).expect("a fresh folder can be written");
        assert_eq!(load(&dir, PLACE), Ok(Some(plain(offset))));
    }
    let names: Vec<_> = fs::read_dir(dir.join("runs"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["3.json"], "nothing is left lying about");
}

/// A write that was killed leaves its temporary file; who takes the folder removes it, and nothing else.
/// Reading alone removes nothing, as the writer may be alive.
#[test]
fn leftovers_of_killed_writes_go_at_the_next_start() {
    let folder = Folder::new("leftovers");
    let dir = folder.path();
    store(dir, PLACE, plain(7)).expect("a fresh folder can be written");
    let of = |name: &str| dir.join("runs").join(name);
    for name in ["3.tmp.1.2-3", "3.tmp.99.0-0", "33.tmp.1.2-3", "3.unusable"] {
        fs::write(of(name), b"{\"top").expect("a folder of our own");
    }
    assert_eq!(load(dir, PLACE), Ok(Some(plain(7))));
    let names = [
        "3.tmp.1.2-3",
        "3.tmp.99.0-0",
        "33.tmp.1.2-3",
        "3.unusable",
        "3.json",
    ];
    let left = || names.map(|name| of(name).exists());
    assert_eq!(left(), [true; 5]);
    let _lock = claim(&dir.join("runs")).expect("nobody else is there");
    assert_eq!(left(), [false, false, false, true, true]);
}

#[test]
fn files_that_are_huge_or_no_files_are_faults() {
    let folder = Folder::new("odd");
    let dir = folder.path();
    let path = PLACE.file(dir);
    fs::create_dir_all(&path).expect("a folder of our own");
    assert_eq!(load(dir, PLACE), Err(Fault::Unreadable), "a directory");
    assert!(store(dir, PLACE, plain(1)).is_err());
    fs::remove_dir(&path).expect("an empty folder");
    let mut huge = b"1".to_vec();
    huge.resize(CHECKPOINT_BYTES_MAX as usize + 1, b' ');
    fs::write(&path, &huge).expect("a folder of our own");
    assert_eq!(load(dir, PLACE), Err(Fault::Garbage));
    huge.pop();
    fs::write(&path, &huge).expect("a folder of our own");
    assert_eq!(load(dir, PLACE), Ok(Some(plain(1))));
}

#[test]
fn a_failed_write_leaves_the_former_file() {
    let folder = Folder::new("failed");
    let file = folder.path().join("no-folder");
    fs::write(&file, b"").expect("a folder of our own");
    assert!(
        store(&file, PLACE, plain(1)).is_err(),
        "its directory is a file"
    );
    assert_eq!(load(&file, PLACE), Err(Fault::Unreadable));
}
