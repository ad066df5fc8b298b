//! Messages of invented runs, one call each.

use dashstream_proto::v1::attribute_value::Value;
use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{
    AttributeValue, DashStreamMessage, Event, EventType, Header, StateDiff, TokenChunk,
};
use decode_core::encode::{EncodeOptions, encode};

use super::Record;

/// 2026-01-01T00:00:00Z
pub const START_US: i64 = 1_767_225_600_000_000;

/// A graph of two nodes in a row, and one with a condition that may end it.
pub const LINE: &str = r#"{"name":"line","entry_point":"a","nodes":[{"name":"a"},{"name":"b"}],
    "edges":[{"from":"a","to":"b","edge_type":"direct"},{"from":"b","to":"__end__","edge_type":"direct"}]}"#;
pub const OTHER: &str = r#"{"name":"other","entry_point":"x","nodes":[{"name":"x"},{"name":"y"}],
    "edges":[{"from":"x","to":"y","edge_type":"direct"},{"from":"y","to":"__end__","edge_type":"conditional"},
    {"from":"y","to":"x","edge_type":"conditional"}]}"#;

/// Records of one thread in the order in which they are made.
pub struct Script {
    pub thread: String,
    pub records: Vec<Record>,
    pub now_us: i64,
    pub partition: u32,
    ids: u64,
}

impl Script {
    pub fn new(thread: &str) -> Self {
        Self {
            thread: thread.to_owned(),
            records: Vec::new(),
            now_us: START_US,
            partition: 0,
            ids: 0,
        }
    }

    pub fn header(&mut self, sequence: u64) -> Header {
        self.ids += 1;
        self.now_us += 1_000;
        let mut message_id = self.thread.clone().into_bytes();
        message_id.extend(self.ids.to_le_bytes());
        Header {
            message_id,
            timestamp_us: self.now_us,
            tenant_id: "tenant".to_owned(),
            thread_id: self.thread.clone(),
            sequence,
            schema_version: 1,
            ..Header::default()
        }
    }

    pub fn send(&mut self, message: Message) -> &mut Self {
        let message = DashStreamMessage {
            message: Some(message),
        };
        let value = encode(&message, &EncodeOptions::default(), &mut |_| None).expect("encodable");
        self.records.push(Record {
            partition: self.partition,
            offset: self.records.len() as u64,
            timestamp_ms: self.now_us / 1_000,
            value,
        });
        self
    }

    pub fn event(&mut self, sequence: u64, kind: EventType, node: &str) -> &mut Self {
        self.event_with(sequence, kind, node, &[])
    }

    pub fn event_with(
        &mut self,
        sequence: u64,
        kind: EventType,
        node: &str,
        attributes: &[(&str, &str)],
    ) -> &mut Self {
        let header = Some(self.header(sequence));
        let text = |text: &str| AttributeValue {
            value: Some(Value::StringValue(text.to_owned())),
        };
        let attributes = attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), text(value)));
        self.send(Message::Event(Event {
            header,
            event_type: kind as i32,
            node_id: node.to_owned(),
            attributes: attributes.collect(),
            ..Event::default()
        }))
    }

    pub fn start(&mut self, sequence: u64, schema: &str) -> &mut Self {
        let attributes = [("graph_schema_json", schema)];
        self.event_with(sequence, EventType::GraphStart, "", &attributes)
    }

    /// Start, diff, end and edge event of a node: four numbers.
    pub fn node(&mut self, sequence: u64, node: &str) -> &mut Self {
        self.event(sequence, EventType::NodeStart, node)
            .diff(sequence + 1)
            .event(sequence + 2, EventType::NodeEnd, node)
            .event(sequence + 3, EventType::EdgeTraversal, node)
    }

    pub fn diff(&mut self, sequence: u64) -> &mut Self {
        let header = Some(self.header(sequence));
        self.send(Message::StateDiff(StateDiff {
            header,
            ..StateDiff::default()
        }))
    }

    pub fn end(&mut self, sequence: u64) -> &mut Self {
        self.event(sequence, EventType::GraphEnd, "")
    }

    pub fn chunk(&mut self, sequence: u64, request: &str, index: u32, text: &str) -> &mut Self {
        let header = Some(self.header(sequence));
        self.send(Message::TokenChunk(TokenChunk {
            header,
            request_id: request.to_owned(),
            text: text.to_owned(),
            chunk_index: index,
            ..TokenChunk::default()
        }))
    }
}
