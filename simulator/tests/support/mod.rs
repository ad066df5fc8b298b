//! What the tests share: decoding records with prost, writing a thread down as one line of steps,
//! and the real capture where it is there.

#![allow(dead_code)] // Each test file uses a part.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{DashStreamMessage, Event, Header};
use dashstream_simulator::capture::{self, CapturedRecord};
use dashstream_simulator::{Rng, Scenario, Setting, SimRecord, play};
use prost::Message as _;

pub(crate) const START_US: u64 = 1_767_225_600_000_000;

/// A run at the original pace.
pub(crate) fn played(scenario: Scenario, seed: u64) -> Vec<SimRecord> {
    let setting = Setting {
        start_us: START_US,
        work_scale: 1.0,
        id: "x".to_owned(),
    };
    play(scenario, Rng::new(seed), setting)
}

/// The message in a framed value, with its frame byte.
pub(crate) fn unframed(value: &[u8]) -> (u8, Message) {
    let (frame, body) = value.split_first().expect("a value has a frame byte");
    let body = match frame {
        0 => body.to_vec(),
        1 => zstd::stream::decode_all(body).expect("a zstd frame"),
        other => panic!("frame byte {other}"),
    };
    let message = DashStreamMessage::decode(body.as_slice()).expect("a message");
    (
        *frame,
        message.message.expect("an envelope that is not empty"),
    )
}

pub(crate) fn messages(records: &[SimRecord]) -> Vec<Message> {
    records
        .iter()
        .map(|r| unframed(r.value.as_ref().expect("a value")).1)
        .collect()
}

pub(crate) fn header(message: &Message) -> &Header {
    let header = match message {
        Message::Event(m) => &m.header,
        Message::StateDiff(m) => &m.header,
        Message::TokenChunk(m) => &m.header,
        Message::ToolExecution(m) => &m.header,
        Message::Checkpoint(m) => &m.header,
        Message::Metrics(m) => &m.header,
        Message::Error(m) => &m.header,
        Message::EventBatch(m) => &m.header,
        Message::ExecutionTrace(m) => &m.header,
    };
    header.as_ref().expect("each message has a header")
}

/// `7:NODE_START(draft)`, `8:DIFF<2>`, `9:DIFF<full>`, `10:CHECKPOINT`, `[1:.. 2:..]` for a batch.
pub(crate) fn step(message: &Message) -> String {
    let sequence = header(message).sequence;
    match message {
        Message::Event(event) => event_step(event),
        Message::EventBatch(batch) => {
            let events: Vec<_> = batch.events.iter().map(event_step).collect();
            format!("[{}]", events.join(" "))
        }
        Message::StateDiff(diff) if diff.full_state.is_empty() => {
            format!("{sequence}:DIFF<{}>", diff.operations.len())
        }
        Message::StateDiff(_) => format!("{sequence}:DIFF<full>"),
        Message::Checkpoint(_) => format!("{sequence}:CHECKPOINT"),
        Message::TokenChunk(chunk) => {
            format!(
                "{sequence}:TOKEN({},{})",
                chunk.request_id, chunk.chunk_index
            )
        }
        Message::ToolExecution(tool) => {
            format!("{sequence}:TOOL({},{:?})", tool.call_id, tool.stage())
        }
        Message::Metrics(metrics) => format!("{sequence}:METRICS({})", metrics.scope),
        Message::Error(error) => format!("{sequence}:ERROR({:?})", error.severity()),
        Message::ExecutionTrace(_) => format!("{sequence}:TRACE"),
    }
}

fn event_step(event: &Event) -> String {
    let sequence = event
        .header
        .as_ref()
        .expect("each event has a header")
        .sequence;
    let kind = event
        .event_type()
        .as_str_name()
        .trim_start_matches("EVENT_TYPE_");
    match event.node_id.as_str() {
        "" => format!("{sequence}:{kind}"),
        node => format!("{sequence}:{kind}({node})"),
    }
}

/// The real capture, by thread; nothing, with a word about it, where it is not there.
pub(crate) fn real_threads() -> Option<BTreeMap<String, Vec<CapturedRecord>>> {
    let folder = std::env::var_os("DASHSTREAM_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
        PathBuf::from,
    );
    let file = folder.join("dashflow-real/dashflow-real.capture");
    let Ok(bytes) = std::fs::read(&file) else {
        println!("SKIPPED: no captured traffic (DASHSTREAM_CORPUS)");
        return None;
    };
    let mut threads: BTreeMap<String, Vec<CapturedRecord>> = BTreeMap::new();
    for record in capture::read(&bytes).expect("the capture reads") {
        let key = record.key.clone().expect("every record has a key");
        let thread = String::from_utf8(key).expect("keys are thread ids");
        threads.entry(thread).or_default().push(record);
    }
    Some(threads)
}
