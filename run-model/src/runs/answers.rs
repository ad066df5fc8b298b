//! Usage that models' messages carry when a state diff adds them to the state: the only built-in source of tokens
//! of graphs.

use alloc::vec::Vec;
use core::hash::Hasher as _;

use dashstream_proto::v1::diff_operation::{OpType, ValueEncoding};
use decode_core::fields::Fields;
use fnv::FnvHasher;

use super::usage::{Source, Usage};
use crate::limits::ANSWERS_PER_DIFF_MAX;
use crate::row::Row;
use crate::state::{Object, Value};

/// A model's message in a diff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// By what the same message is known again: its id, else where it stands.
    pub(super) key: u64,
    pub(super) usage: Usage,
}

/// The models' messages with usage that a diff adds or replaces. What a full state holds was there before.
pub(super) fn answers(row: &Row<'_>) -> Vec<Answer> {
    let mut found = Vec::new();
    for (number, operation) in row.fields() {
        if number == DIFF_OPERATIONS {
            of_operation(operation.bytes(), &mut found);
        }
    }
    found.truncate(ANSWERS_PER_DIFF_MAX);
    found
}

fn of_operation(operation: &[u8], found: &mut Vec<Answer>) {
    let (mut kind, mut path, mut value, mut encoding) = (0, "", &[][..], 0);
    for (number, field) in Fields::new(operation) {
        match number {
            1 => kind = field.bits() as i32,
            2 => path = field.text(),
            3 => value = field.bytes(),
            5 => encoding = field.bits() as i32,
            _ => {}
        }
    }
    let adds = kind == OpType::Add as i32 || kind == OpType::Replace as i32;
    let is_json = encoding == ValueEncoding::Json as i32;
    // Few values hold one, and looking for the name costs less than reading them.
    let names = || {
        value
            .windows(USAGE.len())
            .any(|window| window == USAGE.as_bytes())
    };
    if adds
        && is_json
        && names()
        && let Ok(value) = Value::parse(value)
    {
        walk(&value, hash(path.as_bytes(), ROOT), found);
    }
}

/// Depth is bounded by the parser.
fn walk(value: &Value, place: u64, found: &mut Vec<Answer>) {
    match value {
        Value::Object(object) => {
            if let Some(usage) = usage_of(object) {
                let id = text(object, "id");
                let key = id.map_or(place, |id| hash(id.as_bytes(), ROOT));
                found.push(Answer { key, usage });
            }
            for (name, member) in object.members() {
                walk(member, hash(name.as_bytes(), place), found);
            }
        }
        Value::Array(array) => {
            for (index, item) in array.items().iter().enumerate() {
                walk(item, hash(&index.to_le_bytes(), place), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

fn usage_of(object: &Object) -> Option<Usage> {
    let Some(Value::Object(usage)) = object.members().get(USAGE) else {
        return None;
    };
    if text(object, "type") != Some("ai") {
        return None;
    }
    let count = |key: &str| match usage.members().get(key) {
        Some(Value::Number(number)) => number.text().parse().ok(),
        _ => None,
    };
    let usage = Usage {
        input: count("input_tokens"),
        output: count("output_tokens"),
        total: count("total_tokens"),
        cost_nanos: None,
        source: Source::State,
    };
    (!usage.is_empty()).then_some(usage)
}

fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    match object.members().get(key) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    }
}

fn hash(bytes: &[u8], from: u64) -> u64 {
    let mut hash = FnvHasher::with_key(from);
    hash.write(bytes);
    // Ends a name, so that two names in a row are not the same as one.
    hash.write_u8(0xFF);
    hash.finish()
}

/// What a hash starts from.
const ROOT: u64 = 1;
const USAGE: &str = "usage_metadata";
/// `StateDiff.operations`.
const DIFF_OPERATIONS: u32 = 3;
