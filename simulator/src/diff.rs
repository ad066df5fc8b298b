//! RFC 6902 patches between two states, in the form and order json-patch 3 writes them, because
//! that is what DashFlow's producer uses: members by key, array elements by index, removals last.

use dashstream_proto::v1::DiffOperation;
use dashstream_proto::v1::diff_operation::OpType;
use serde_json::Value;

/// The operations that turn `from` into `to`, and the length of the patch as JSON text.
pub(crate) fn diff(from: &Value, to: &Value) -> (Vec<DiffOperation>, usize) {
    let mut patch = Patch {
        operations: Vec::new(),
        text_bytes: "[]".len(),
    };
    patch.compare(&mut String::new(), from, to);
    let commas = patch.operations.len().saturating_sub(1);
    (patch.operations, patch.text_bytes + commas)
}

struct Patch {
    operations: Vec<DiffOperation>,
    text_bytes: usize,
}

impl Patch {
    fn compare(&mut self, path: &mut String, from: &Value, to: &Value) {
        match (from, to) {
            (Value::Object(from), Value::Object(to)) => {
                for (key, value) in to {
                    within(path, key, |path| match from.get(key) {
                        Some(old) => self.compare(path, old, value),
                        None => self.push(OpType::Add, path, Some(value)),
                    });
                }
                for key in from.keys().filter(|key| !to.contains_key(*key)) {
                    within(path, key, |path| self.push(OpType::Remove, path, None));
                }
            }
            (Value::Array(from), Value::Array(to)) => {
                for (at, (old, new)) in from.iter().zip(to).enumerate() {
                    within(path, &at.to_string(), |path| self.compare(path, old, new));
                }
                for (at, added) in to.iter().enumerate().skip(from.len()) {
                    within(path, &at.to_string(), |path| {
                        self.push(OpType::Add, path, Some(added))
                    });
                }
                // The tail moves up with each removal, so the index stays.
                for _ in to.len()..from.len() {
                    within(path, &to.len().to_string(), |path| {
                        self.push(OpType::Remove, path, None)
                    });
                }
            }
            (from, to) if from == to => {}
            (_, to) => self.push(OpType::Replace, path, Some(to)),
        }
    }

    fn push(&mut self, op: OpType, path: &str, value: Option<&Value>) {
        let value = value.map_or_else(Vec::new, |value| value.to_string().into_bytes());
        let (name, value_member) = match op {
            OpType::Remove => ("remove", 0),
            OpType::Add => ("add", ",\"value\":".len() + value.len()),
            OpType::Replace | OpType::Move | OpType::Copy | OpType::Test => {
                ("replace", ",\"value\":".len() + value.len())
            }
        };
        let path_text = Value::from(path).to_string();
        self.text_bytes +=
            "{\"op\":\"\",\"path\":}".len() + name.len() + path_text.len() + value_member;
        self.operations.push(DiffOperation {
            op: op.into(),
            path: path.to_owned(),
            value,
            from: String::new(),
            encoding: 0,
        });
    }
}

/// Runs `act` with one more reference token on the pointer.
fn within(path: &mut String, token: &str, act: impl FnOnce(&mut String)) {
    let before = path.len();
    path.push('/');
    for letter in token.chars() {
        match letter {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            other => path.push(other),
        }
    }
    act(path);
    path.truncate(before);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The patch as JSON, for a library nobody here wrote.
    fn as_json(operations: &[DiffOperation]) -> Value {
        let each = operations.iter().map(|operation| {
            let name = match operation.op() {
                OpType::Add => "add",
                OpType::Remove => "remove",
                OpType::Replace | OpType::Move | OpType::Copy | OpType::Test => "replace",
            };
            let mut object = json!({"op": name, "path": operation.path});
            if operation.op() != OpType::Remove {
                object["value"] = serde_json::from_slice(&operation.value).expect("value is JSON");
            }
            object
        });
        each.collect()
    }

    fn check(from: &Value, to: &Value, expected: &[&str]) {
        let (operations, text_bytes) = diff(from, to);
        let json = as_json(&operations);
        let shown: Vec<_> = operations
            .iter()
            .map(|o| {
                format!(
                    "{:?} {} {}",
                    o.op(),
                    o.path,
                    String::from_utf8_lossy(&o.value)
                )
            })
            .collect();
        assert_eq!(shown, expected);
        assert_eq!(text_bytes, json.to_string().len());
        let patch: json_patch::Patch = serde_json::from_value(json).expect("a patch");
        let mut patched = from.clone();
        json_patch::patch(&mut patched, &patch).expect("applies");
        assert_eq!(&patched, to);
    }

    #[test]
    fn members_come_by_key_and_removals_last() {
        check(
            &json!({"a": 1, "b": {"x": 1, "z": 2}, "gone": true}),
            &json!({"a": 1.0, "b": {"x": 1, "y": [1]}, "c": null}),
            &[
                "Replace /a 1.0",
                "Add /b/y [1]",
                "Remove /b/z ",
                "Add /c null",
                "Remove /gone ",
            ],
        );
    }

    #[test]
    fn arrays_are_compared_by_index() {
        check(
            &json!({"l": [1, 2, 3, 4], "m": [1]}),
            &json!({"l": [2], "m": [1, "é", {"k": -0.0}]}),
            &[
                "Replace /l/0 2",
                "Remove /l/1 ",
                "Remove /l/1 ",
                "Remove /l/1 ",
                "Add /m/1 \"é\"",
                "Add /m/2 {\"k\":-0.0}",
            ],
        );
    }

    #[test]
    fn pointers_are_escaped() {
        check(
            &json!({"a/b~c": {"~": [1, 2]}, "": 1}),
            &json!({"a/b~c": {"~": [1], "~0": 2, "\"": 0}, "": 2}),
            &[
                "Replace / 2",
                "Add /a~1b~0c/\" 0",
                "Remove /a~1b~0c/~0/1 ",
                "Add /a~1b~0c/~00 2",
            ],
        );
    }

    #[test]
    fn nothing_changed_and_everything_changed() {
        check(&json!({"a": []}), &json!({"a": []}), &[]);
        check(&json!({"a": []}), &json!(7), &["Replace  7"]);
        check(&json!({"a": {}}), &json!({"a": []}), &["Replace /a []"]);
    }
}
