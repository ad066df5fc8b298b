//! One line of a run's waterfall from inside: its messages, what they say, and the text of a model's answer.

use alloc::vec::Vec;

use decode_core::fields::Fields;
use decode_core::wire::MessageKind;

use super::Store;
use crate::limits::QUERY_ROWS_MAX;
use crate::row::{Body, Row, RowKind};
use crate::runs::{
    Line, LineId, LineKind, MessagesOf, RemarkKind, RunMessage, RunText, Said, Saying, SpanKind,
    WaterfallQuery,
};

/// Which line of which run, and which part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanQuery {
    /// The run, and how it is judged.
    pub run: WaterfallQuery,
    /// The line; none = the run itself.
    pub line: Option<LineId>,
    /// First message wanted, in the order of their times.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// From which byte on the text of a model's answer is wanted.
    pub text_from: usize,
}

/// A line from inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanDetail {
    /// The line; none where it is the run itself or not known.
    pub line: Option<Line>,
    /// Its messages, those of the window.
    pub messages: Vec<RunMessage>,
    /// How many there are.
    pub total: usize,
    /// What they say.
    pub said: Vec<Said>,
    /// Things they say that a bound left out, and messages that were not looked at or are no longer held.
    pub left_out: usize,
    /// Of a model call: its text.
    pub text: Option<RunText>,
}

impl Store {
    /// One line of a run's waterfall from inside.
    pub fn span_detail(&mut self, query: &SpanQuery) -> SpanDetail {
        let id = query.run.run.id;
        let runs = &mut self.reducers.runs;
        let line = query.line.and_then(|line| runs.line_of(id, line));
        let of = match (query.line, &line) {
            (None, _) => Some(MessagesOf::default()),
            (Some(_), Some(line)) => messages_of(line),
            (Some(_), None) => None,
        };
        let mut detail = SpanDetail {
            line,
            ..SpanDetail::default()
        };
        if let Some(of) = &of {
            let count = query.count.min(QUERY_ROWS_MAX);
            let runs = &mut self.reducers.runs;
            (detail.messages, detail.total) = runs.messages_of(id, of, query.first, count);
        }
        // A whole run says too much.
        if let (Some(of), Some(line)) = (&of, detail.line.clone()) {
            self.say(id, of, &line, &mut detail);
            if let LineKind::Span(span) = &line.kind
                && span.kind == SpanKind::ModelCall
            {
                let text = self.run_text(id, span.attempt, &span.name, query.text_from);
                detail.text = Some(text);
            }
        }
        detail
    }

    fn say(
        &mut self,
        id: crate::runs::EventAddress,
        of: &MessagesOf,
        line: &Line,
        detail: &mut SpanDetail,
    ) {
        let mut rows = Vec::new();
        if let LineKind::Span(span) = &line.kind {
            let ends = [Some(span.start_at), span.end_at];
            let is_call = matches!(span.kind, SpanKind::ModelCall | SpanKind::ToolCall);
            let ends = ends.into_iter().flatten().filter(|_| !is_call);
            rows.extend(ends.filter_map(|at| self.row_of(at)));
        }
        let runs = &mut self.reducers.runs;
        let (messages, total) = runs.messages_of(id, of, 0, MESSAGES_READ_MAX);
        detail.left_out = total.saturating_sub(messages.len());
        let says = messages.iter().filter(|message| says_more(message.role));
        rows.extend(says.map(|message| message.row));
        let mut saying = Saying::default();
        for row in rows {
            if !self.take_said(row, &mut saying) {
                saying.left_out += 1;
            }
        }
        detail.left_out += saying.left_out;
        detail.said = saying.said;
    }

    /// Adds what the message of a row says; false where it is not held.
    fn take_said(&mut self, id: u64, saying: &mut Saying) -> bool {
        let Some(row) = self.reducers.rows.get(id) else {
            return false;
        };
        let (kind, index) = (row.kind, row.index);
        let Some(message) = self.messages.get(row.payload.message) else {
            return false;
        };
        let start = row.payload.start as usize;
        let Some(payload) = message.get(start..start + row.bytes as usize) else {
            return false;
        };
        let Ok(decoded) = self.projector.decoder().decode(payload, &mut ()) else {
            return false;
        };
        let envelope = decoded.summary.kind;
        let body = match (kind, envelope) {
            (RowKind::Message(_), Some(MessageKind::EventBatch)) => {
                let member = u32::from(MessageKind::EventBatch.number());
                let parts = Fields::new(decoded.body).filter(move |(number, _)| *number == member);
                let mut events = parts
                    .flat_map(|(_, part)| Fields::new(part.bytes()))
                    .filter(|(number, _)| *number == BATCH_EVENTS);
                let event = events.nth(index as usize);
                event.map_or(Body::None, |(_, event)| Body::Event(event.bytes()))
            }
            (RowKind::Message(kind), _) => Body::Envelope(u32::from(kind.number()), decoded.body),
            (RowKind::Unknown | RowKind::Gap | RowKind::Reject, _) => Body::None,
        };
        saying.take(&Row {
            kind,
            body,
            ..Row::default()
        });
        true
    }
}

/// The messages of a line; none for what is missing or waited for.
fn messages_of(line: &Line) -> Option<MessagesOf> {
    let LineKind::Span(span) = &line.kind else {
        return None;
    };
    let attempt = Some(span.attempt);
    let call = match span.kind {
        SpanKind::ModelCall => Some((RemarkKind::Token, span.name.clone())),
        SpanKind::ToolCall => Some((RemarkKind::Tool, span.key.clone())),
        SpanKind::Attempt | SpanKind::Branch | SpanKind::Point => None,
    };
    Some(MessagesOf { attempt, call })
}

const fn says_more(role: RemarkKind) -> bool {
    match role {
        RemarkKind::Event(_)
        | RemarkKind::Tool
        | RemarkKind::Metrics
        | RemarkKind::Error
        | RemarkKind::Alert => true,
        RemarkKind::Token | RemarkKind::Other => false,
    }
}

/// Messages of a line that are looked at for what they say.
const MESSAGES_READ_MAX: usize = 200;
/// `EventBatch.events`.
const BATCH_EVENTS: u32 = 2;
