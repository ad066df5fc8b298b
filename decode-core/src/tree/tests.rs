use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Value, walk};
use crate::scan;

/// `at depth number value`, a line for each field.
fn tree(body: &[u8], failure_at: usize) -> Vec<String> {
    let mut lines = Vec::new();
    walk(body, failure_at, &mut |field| {
        let value = match field.value {
            Value::Varint(value) => format!("{value}"),
            Value::Fixed64(value) => format!("{value:016x}"),
            Value::Fixed32(value) => format!("{value:08x}"),
            Value::Len { announced, bytes } => format!("{}/{announced}", bytes.len()),
            Value::Group => "group".into(),
            Value::Cut => "cut".into(),
        };
        let name = field.known.map_or("?", |known| known.name);
        lines.push(format!(
            "{} {} {}={name} {value}",
            field.at, field.depth, field.number
        ));
    });
    lines
}

/// The tree down to where the pass refuses it.
fn refused(body: &[u8]) -> Vec<String> {
    let reject = scan::scan(body, &mut ()).expect_err("not valid");
    tree(body, reject.at())
}

fn len_field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = [number << 3 | 2, content.len() as u8].to_vec();
    out.extend_from_slice(content);
    out
}

#[test]
fn only_the_way_to_the_failure_is_opened() {
    let header = len_field(1, &[0x22, 1, b't', 0x28, 7]);
    let mut second = header.clone();
    // event_type as text.
    second.extend([0x12, 1, b'x', 0x1A, 1, b'n']);
    let mut batch = len_field(2, &header);
    batch.extend(len_field(2, &second));
    batch.extend(len_field(2, &header));
    assert_eq!(
        refused(&len_field(8, &batch)),
        [
            "0 0 8=event_batch 33/33",
            "2 1 2=events 7/7",
            "11 1 2=events 13/13",
            "13 2 1=header 5/5",
            "20 2 2=event_type 1/1",
        ]
    );
}

#[test]
fn a_cut_message_shows_what_is_there() {
    let mut event = len_field(1, &[0x22, 1, b't', 0x28, 7]);
    event.extend([0x10, 10, 0x1A, 7, b'a', b'n']);
    let mut body = [0x0A, 60].to_vec();
    body.extend(&event);
    assert_eq!(
        refused(&body),
        [
            "0 0 1=event 13/60",
            "2 1 1=header 5/5",
            "9 1 2=event_type 10",
            "11 1 3=node_id 2/7",
        ]
    );
    body.truncate(7);
    assert_eq!(
        refused(&body),
        [
            "0 0 1=event 5/60",
            "2 1 1=header 3/5",
            "4 2 4=thread_id 1/1",
        ]
    );
}

#[test]
fn a_failure_at_the_end_of_a_message_is_in_it() {
    // The header's last field is a tag without a value, and another event follows.
    let mut body = len_field(1, &len_field(1, &[0x28]));
    body.extend(len_field(1, &[]));
    assert_eq!(
        refused(&body),
        ["0 0 1=event 3/3", "2 1 1=header 1/1", "4 2 5=sequence cut",]
    );
    // The next tag is the failure: what is before it stays closed.
    let mut body = len_field(1, &len_field(1, &[0x28, 1]));
    body.push(0x02);
    assert_eq!(refused(&body), ["0 0 1=event 4/4"]);
}

#[test]
fn groups_and_unknown_fields() {
    // Field 15 as a group with one inside, both ended; then a group ended by another number.
    let mut event = [0x7B, 0x83, 0x01, 0x08, 1, 0x84, 0x01, 0x7C].to_vec();
    event.extend([0x7B, 0x08, 2, 0x0D, 1, 0, 0, 0, 0x74]);
    assert_eq!(
        refused(&len_field(1, &event)),
        [
            "0 0 1=event 17/17",
            "2 1 15=? group",
            "10 1 15=? group",
            "11 2 1=? 2",
            "13 2 1=? 00000001",
        ]
    );
    // Without an end.
    assert_eq!(
        refused(&len_field(1, &[0x7B, 0x09, 1, 0, 0, 0, 0, 0, 0, 0])),
        [
            "0 0 1=event 10/10",
            "2 1 15=? group",
            "3 2 1=? 0000000000000001",
        ]
    );
}

#[test]
fn nesting_over_the_limit_ends() {
    // AttributeArray in AttributeValue in AttributeArray ..
    let mut value = Vec::new();
    for _ in 0..60 {
        value = lengthy(0x0A, &value);
        value = lengthy(0x32, &value);
    }
    let entry = lengthy(0x12, &value);
    let body = lengthy(0x0A, &lengthy(0x22, &entry));
    let lines = refused(&body);
    assert_eq!(lines.len(), 101, "{lines:#?}");
}

fn lengthy(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = [tag].to_vec();
    let mut len = content.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(content);
    out
}

/// DEC-11: whatever the bytes and wherever the failure is said to be, the walk ends, goes forward
/// and stays inside.
#[test]
fn every_cut_and_every_byte_is_walked_to_an_end() {
    let mut event = len_field(1, &[0x22, 1, b't', 0x28, 7]);
    event.extend([0x7B, 0x08, 1, 0x7C, 0x10, 10]);
    event.extend(len_field(4, &len_field(2, &[0x19, 1, 2, 3, 4, 5, 6, 7, 8])));
    let body = len_field(8, &len_field(2, &event));
    let check = |body: &[u8], failure_at: usize| {
        let mut before = None;
        walk(body, failure_at, &mut |field| {
            assert!(before < Some(field.at) && field.at < body.len());
            before = Some(field.at);
        });
    };
    for end in 0..=body.len() {
        let cut = body.get(..end).unwrap_or_default();
        for failure_at in 0..=end {
            check(cut, failure_at);
        }
        if let Err(reject) = scan::scan(cut, &mut ()) {
            check(cut, reject.at());
        }
    }
    for at in 0..body.len() {
        for byte in 0..=u8::MAX {
            let mut changed = body.clone();
            changed[at] = byte;
            if let Err(reject) = scan::scan(&changed, &mut ()) {
                check(&changed, reject.at());
            }
        }
    }
}
