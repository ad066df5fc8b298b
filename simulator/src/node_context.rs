//! What a streaming node reports itself while it runs. Each execution counts from 1 again, on the
//! same thread id as the callback, and its messages do not wait in the callback's queue.

use std::collections::BTreeMap;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::error::Severity;
use dashstream_proto::v1::tool_execution::ExecutionStage;
use dashstream_proto::v1::{
    AttributeValue, Error, Event, EventType, MessageType, Metrics, TokenChunk, ToolExecution,
    attribute_value, metric_value,
};

use crate::telemetry::{Telemetry, metric, string, value};

/// Time between two reports of a node.
const STEP_US: u64 = 7_000;
/// Time between two tokens of a model that streams.
const TOKEN_US: u64 = 5_000;
/// Time between two tokens that were all there at once.
const BURST_US: u64 = 8;

pub(crate) struct NodeContext<'a> {
    telemetry: &'a mut Telemetry,
    node: &'a str,
    sequence: u64,
}

impl<'a> NodeContext<'a> {
    pub(crate) fn new(telemetry: &'a mut Telemetry, node: &'a str) -> Self {
        Self {
            telemetry,
            node,
            sequence: 0,
        }
    }

    pub(crate) fn progress(&mut self, message: &str, percent: f64) {
        let percent = value(attribute_value::Value::FloatValue(percent));
        self.event(
            EventType::NodeProgress,
            [("message", string(message)), ("percent", percent)],
        );
    }

    pub(crate) fn thinking(&mut self, thought: &str, step: i64) {
        let step = value(attribute_value::Value::IntValue(step));
        self.event(
            EventType::NodeThinking,
            [("thought", string(thought)), ("step", step)],
        );
    }

    pub(crate) fn substep(&mut self, name: &str, status: &str) {
        let attributes = [("substep_name", string(name)), ("status", string(status))];
        self.event(EventType::NodeSubstep, attributes);
    }

    /// Arguments and results are not reported.
    pub(crate) fn tool(&mut self, call: &str, tool: &str, stage: ExecutionStage, duration_us: i64) {
        let header = self.header(MessageType::ToolExecution);
        self.send(Message::ToolExecution(ToolExecution {
            header: Some(header),
            call_id: call.to_owned(),
            tool_name: tool.to_owned(),
            stage: stage.into(),
            duration_us,
            ..ToolExecution::default()
        }));
        self.telemetry.work(STEP_US);
    }

    pub(crate) fn metric(&mut self, name: &str, number: f64, unit: &str) {
        let header = self.header(MessageType::Metrics);
        let number = metric(metric_value::Value::FloatValue(number), unit);
        self.send(Message::Metrics(Metrics {
            header: Some(header),
            scope: "node".to_owned(),
            scope_id: self.node.to_owned(),
            metrics: BTreeMap::from([(name.to_owned(), number)]),
            tags: BTreeMap::new(),
        }));
        self.telemetry.work(STEP_US);
    }

    /// The chunks of one request, one after the other.
    pub(crate) fn tokens(&mut self, request: &str, texts: &[&str]) {
        for at in 0..texts.len() {
            self.token(request, texts, at);
            self.telemetry.work(TOKEN_US);
        }
    }

    /// All chunks of one request at once; they overtake each other.
    pub(crate) fn burst(&mut self, request: &str, texts: &[&str]) {
        for at in 0..texts.len() {
            self.token(request, texts, at);
            self.telemetry.wait(BURST_US);
        }
    }

    pub(crate) fn error(&mut self, code: &str, message: &str, severity: Severity) {
        let header = self.header(MessageType::Error);
        self.send(Message::Error(Error {
            header: Some(header),
            error_code: code.to_owned(),
            message: message.to_owned(),
            severity: severity.into(),
            ..Error::default()
        }));
        self.telemetry.wait(BURST_US);
    }

    fn token(&mut self, request: &str, texts: &[&str], at: usize) {
        let header = self.header(MessageType::TokenChunk);
        self.send(Message::TokenChunk(TokenChunk {
            header: Some(header),
            request_id: request.to_owned(),
            text: texts.get(at).copied().unwrap_or_default().to_owned(),
            chunk_index: u32::try_from(at).unwrap_or(u32::MAX),
            is_final: at + 1 == texts.len(),
            ..TokenChunk::default()
        }));
    }

    fn event<const N: usize>(&mut self, kind: EventType, attributes: [(&str, AttributeValue); N]) {
        let header = self.header(MessageType::Event);
        self.send(Message::Event(Event {
            header: Some(header),
            event_type: kind.into(),
            node_id: self.node.to_owned(),
            attributes: attributes
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect(),
            ..Event::default()
        }));
        self.telemetry.work(STEP_US);
    }

    fn header(&mut self, kind: MessageType) -> dashstream_proto::v1::Header {
        self.sequence += 1;
        self.telemetry.header(kind, self.sequence)
    }

    fn send(&mut self, message: Message) {
        self.telemetry.direct(message);
    }
}
