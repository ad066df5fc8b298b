//! The checked pass against prost: one verdict on the same bytes, and the same facts.

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{DashStreamMessage, Header};
use decode_core::scan::{MAP_WIRE_TYPE, scan};
use decode_core::wire::{INNER_EVENTS_MAX, RejectCode};
use decode_core::{EventFacts, EventSink};
use prost::Message as _;

#[derive(Default)]
struct Events(Vec<(u64, u32, i32, String, i64)>);

impl<'a> EventSink<'a> for Events {
    fn event(&mut self, event: &EventFacts<'a>) {
        let header = &event.header;
        self.0.push((
            header.sequence,
            header.schema_version_raw,
            event.event_type,
            format!("{}/{}", header.thread, event.node),
            event.duration_us,
        ));
    }
    fn restart(&mut self) {
        self.0.clear();
    }
}

pub(super) fn run(body: &[u8]) {
    let mut events = Events::default();
    let scanned = scan(body, &mut events);
    // The two places where the pass is stricter.
    match &scanned {
        Err(reject) if reject.what() == MAP_WIRE_TYPE => return,
        Err(reject) if reject.code() == RejectCode::TooManyEvents => {
            let events = events.0.len();
            assert_eq!(events, INNER_EVENTS_MAX as usize, "exactly those before it");
            return;
        }
        _ => {}
    }
    let full = DashStreamMessage::decode(body);
    assert_eq!(scanned.is_ok(), full.is_ok(), "{scanned:?} {full:?}");
    let (Ok(summary), Ok(full)) = (scanned, full) else {
        return;
    };
    let Some(message) = full.message else {
        assert_eq!(summary.kind, None);
        return;
    };
    let none = Header::default();
    let header = message.header().unwrap_or(&none);
    let facts = &summary.header;
    assert_eq!(facts.present, message.header().is_some());
    assert_eq!(facts.thread, header.thread_id);
    assert_eq!(facts.tenant, header.tenant_id);
    assert_eq!(facts.sequence, header.sequence);
    assert_eq!(facts.timestamp_us, header.timestamp_us);
    assert_eq!(facts.message_id, header.message_id);
    assert_eq!(facts.schema_version_raw, header.schema_version);
    assert_eq!(facts.message_type, header.r#type);
    let own = (
        summary.event_type,
        summary.node.as_str(),
        summary.duration_us,
    );
    match &message {
        Message::Event(m) => assert_eq!(own, (m.event_type, m.node_id.as_str(), m.duration_us)),
        Message::ToolExecution(m) => {
            assert_eq!(
                (summary.text.as_str(), summary.duration_us),
                (&*m.tool_name, m.duration_us)
            );
        }
        Message::TokenChunk(m) => assert_eq!(summary.text, m.text),
        Message::Error(m) => assert_eq!(summary.text, m.message),
        Message::Metrics(m) => assert_eq!(
            (summary.scope.as_str(), summary.text.as_str()),
            (&*m.scope, &*m.scope_id)
        ),
        Message::EventBatch(batch) => {
            let full = batch.events.iter().map(|event| {
                let header = event.header.as_ref().unwrap_or(&none);
                (
                    header.sequence,
                    header.schema_version,
                    event.event_type,
                    format!("{}/{}", header.thread_id, event.node_id),
                    event.duration_us,
                )
            });
            assert_eq!(events.0, full.collect::<Vec<_>>());
        }
        Message::StateDiff(_) | Message::Checkpoint(_) | Message::ExecutionTrace(_) => {}
    }
}
