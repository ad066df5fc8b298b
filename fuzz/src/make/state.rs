//! JSON states and diffs of them: mostly valid operations, now and then one that is not.

use dashstream_proto::v1::{DiffOperation, StateDiff};
use prost::Message as _;

use crate::mutate::mutate;
use crate::random::Random;

/// A state, its length first (u16), and the protobuf of a diff.
#[must_use]
pub fn state_and_diff(random: &mut Random) -> Vec<u8> {
    let mut state = String::new();
    value(random, &mut state, 4);
    let mut state = state.into_bytes();
    if random.one_in(6) {
        let other = state.clone();
        mutate(random, &mut state, &other);
    }
    let mut diff = StateDiff::default();
    for _ in 0..random.below(8) {
        let mut text = String::new();
        value(random, &mut text, 2);
        diff.operations.push(DiffOperation {
            op: random.below(7) as i32,
            path: pointer(random),
            from: pointer(random),
            value: text.into_bytes(),
            encoding: i32::from(random.one_in(40)),
        });
    }
    if random.one_in(8) {
        let mut text = String::new();
        value(random, &mut text, 3);
        diff.full_state = text.into_bytes();
    }
    let mut out = (state.len() as u16).to_le_bytes().to_vec();
    out.extend(state);
    out.extend(diff.encode_to_vec());
    out
}

fn value(random: &mut Random, out: &mut String, depth: u32) {
    match random.below(if depth == 0 { 6 } else { 10 }) {
        0 => out.push_str("null"),
        1 => out.push_str("true"),
        2 | 3 => out.push_str(random.pick::<&str>(&NUMBERS)),
        4 | 5 => {
            out.push('"');
            out.push_str(random.pick::<&str>(&TEXTS));
            out.push('"');
        }
        6 | 7 => {
            out.push('[');
            for index in 0..random.below(4) {
                out.push_str(if index > 0 { ", " } else { "" });
                value(random, out, depth - 1);
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            for index in 0..random.below(4) {
                out.push_str(if index > 0 { "," } else { "" });
                out.push('"');
                out.push_str(random.pick::<&str>(&KEYS));
                out.push_str("\" :");
                value(random, out, depth - 1);
            }
            out.push('}');
        }
    }
}

fn pointer(random: &mut Random) -> String {
    let mut out = String::new();
    for _ in 0..random.below(4) {
        out.push('/');
        out.push_str(random.pick::<&str>(&TOKENS));
    }
    if random.one_in(30) {
        out.push('~');
    }
    out
}

const NUMBERS: [&str; 12] = [
    "0",
    "-0.0",
    "1",
    "1.0",
    "1e16",
    "1e+16",
    "18446744073709551615",
    "-9223372036854775808",
    "0.1",
    "1E-7",
    "123456789012345678901234567890",
    "1e999999999999999999999",
];
const TEXTS: [&str; 7] = [
    "",
    "a",
    "\\u0000\\n",
    "ß",
    "\\ud83d\\ude00",
    "\\\"\\\\\\/",
    "\u{1F600}",
];
const KEYS: [&str; 8] = ["a", "b", "0", "", "~", "__proto__", "a/b", "\u{E000}"];
const TOKENS: [&str; 10] = ["a", "b", "0", "1", "-", "", "~0", "a~1b", "__proto__", "00"];
