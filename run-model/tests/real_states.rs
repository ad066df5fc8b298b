//! Checkpoints and state hashes of real traffic: every checkpoint's checksum, and every hash whose
//! chain of diffs is whole.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "a test looks at the cases it is about"
)]

#[path = "../../decode-core/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{Checkpoint, Event, EventType, StateDiff, attribute_value};
use decode_core::zstd::Decompressor;
use decode_core::{Decoder, Mode};
use run_model::state::{HashCheck, Value, after_diff, check_hash, checkpoint_text};

/// What is known of one thread's state while its records pass.
#[derive(Default)]
struct Thread {
    /// The latest state, right or not: a lost diff shows as a hash that differs.
    state: Option<Value>,
    diffs: usize,
    same: usize,
    failed: Vec<String>,
    checkpoints: usize,
    /// Checkpoints that hold exactly the state their thread had.
    as_applied: usize,
}

fn threads() -> Option<BTreeMap<String, Thread>> {
    let mut threads = BTreeMap::<String, Thread>::new();
    let mut decoder = Decoder::new(Mode::Strict);
    let mut zstd = Decompressor::new();
    for record in support::real_capture()? {
        let decoded = decoder.decode(&record, &mut ()).expect("valid");
        let thread = decoded.summary.header.thread.to_string();
        let message = decoded.message().expect("valid").message.expect("a kind");
        let thread = threads.entry(thread).or_default();
        match message {
            Message::Event(event) => thread.event(&event),
            Message::EventBatch(batch) => batch.events.iter().for_each(|e| thread.event(e)),
            Message::StateDiff(diff) => thread.diff(&diff),
            Message::Checkpoint(checkpoint) => thread.checkpoint(&checkpoint, &mut zstd),
            _ => {}
        }
    }
    Some(threads)
}

impl Thread {
    fn event(&mut self, event: &Event) {
        if event.event_type != EventType::GraphStart as i32 {
            return;
        }
        let initial = event.attributes.get("initial_state_json");
        if let Some(attribute_value::Value::StringValue(text)) =
            initial.and_then(|attribute| attribute.value.as_ref())
        {
            // The redactor breaks one of them; then nothing is known until a full state comes.
            self.state = Value::parse(text.as_bytes()).ok();
        }
    }

    fn diff(&mut self, diff: &StateDiff) {
        self.diffs += 1;
        assert_eq!(diff.state_hash.len(), 32, "every captured diff has a hash");
        let base = match &self.state {
            Some(state) => state.clone(),
            None if diff.full_state.is_empty() => {
                self.failed.push("no base".to_owned());
                return;
            }
            None => Value::Null,
        };
        match after_diff(&base, diff) {
            Ok(next) => {
                match check_hash(&next, diff) {
                    HashCheck::Same => self.same += 1,
                    other => self.failed.push(format!("{other:?}")),
                }
                self.state = Some(next);
            }
            Err(error) => self.failed.push(error.to_string()),
        }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint, zstd: &mut Decompressor) {
        self.checkpoints += 1;
        let text = checkpoint_text(checkpoint, zstd).expect("its checksum proves it");
        let state = Value::parse(&text).expect("JSON");
        assert_eq!(
            state.to_text().as_bytes(),
            &text[..],
            "producers write the canonical text"
        );
        let applied = self.state.as_ref().map(Value::sha256);
        self.as_applied += usize::from(applied == Some(state.sha256()));
        self.state = Some(state);
    }
}

/// DEC-17: 48 of 48, among them 16 compressed ones.
#[test]
fn every_captured_checkpoint_has_its_checksum() {
    let Some(threads) = threads() else { return };
    let count = |of: fn(&Thread) -> usize| threads.values().map(of).sum::<usize>();
    assert_eq!(count(|thread| thread.checkpoints), 48);
}

/// STA-03, STA-04, STA-05, STA-06: the hash of every diff whose chain is whole. The others follow
/// lost diffs (cap-drop, cap-oversize) or an initial state that the redactor made unreadable.
#[test]
fn every_captured_hash_with_a_whole_chain_is_recomputed() {
    let Some(threads) = threads() else { return };
    let (mut diffs, mut same) = (0, 0);
    let mut failed = BTreeMap::new();
    for (name, thread) in &threads {
        diffs += thread.diffs;
        same += thread.same;
        if !thread.failed.is_empty() {
            failed.insert(name.as_str(), thread.failed.len());
            eprintln!("{name}: {:?}", thread.failed);
        }
    }
    assert_eq!((diffs, same), (177, 167));
    assert_eq!(
        failed,
        BTreeMap::from([("cap-drop", 6), ("cap-oversize", 1), ("cap-redact-url", 3)])
    );
}
