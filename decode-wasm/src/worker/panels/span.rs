//! One line of a run's waterfall from inside: its messages, what they say, the text of a model's answer.

use js_sys::Object;
use run_model::runs::{
    RemarkKind, RunMessage, RunQuery as ModelQuery, RunText, Said, WaterfallQuery,
};
use run_model::{SpanDetail, SpanQuery as ModelSpanQuery, Store};

use super::Panel;
use super::run::{judged, run_version};
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Span;

asked! {
    /// A line of a run from inside.
    SpanQuery {
        /// Address of the run.
        run = "run": Text,
        /// Id of the line; null = the run itself.
        line = "line": MaybeText,
        /// First message wanted, in the order of their times.
        first = "first": Number,
        /// How many.
        count = "count": Number,
        /// From which byte on the text of a model's answer is wanted.
        text_from = "textFrom": Number,
        /// Bytes of it at most.
        text_max = "textMax": Number,
    }
}

columns! {
    /// Messages of a line, one entry each.
    RunMessageColumns as fill_messages(_store: &Store, message => RunMessage) {
        /// Address PARTITION:OFFSET:INDEX.
        at: ColumnText = message.at.to_string(),
        /// Its row of the event list, if that is still held.
        row: ColumnF64 = message.row,
        /// "event", "token", "tool", "metrics", "error", "alert" or "other".
        role: ColumnText = role(message.role),
        /// Event type number, 0 where it is no event.
        eventType: ColumnI32 = event_type(message.role),
        /// µs since 1970 by the producer's clock.
        timeUs: ColumnF64 = message.time_us,
        /// Node it names, or empty.
        node: ColumnText = message.node,
        /// Request id, call id or error code, or empty.
        key: ColumnText = message.key,
        /// Chunk index, stage or severity.
        number: ColumnU32 = message.number,
    }
}

columns! {
    /// What messages say, one entry each.
    SaidColumns as fill_said(_store: &Store, said => Said) {
        /// What it is: "arguments", "stack_trace", the name of a metric or attribute.
        name: ColumnText = said.name,
        /// Its text, cut where it is long; empty where it is not text.
        text: ColumnText = said.text,
        /// Bytes of the whole.
        bytes: ColumnF64 = said.bytes as f64,
        /// Unit of a metric, or empty.
        unit: ColumnText = said.unit,
    }
}

object! {
    /// A line of a run from inside.
    SpanView as fill(messages: &Object, said: &Object, detail: &SpanDetail, text: &RunText) {
        /// Its messages, those of the window.
        messages: Any as "RunMessageColumns" = messages,
        /// How many there are.
        total: Number = detail.total as f64,
        /// What they say.
        said: Any as "SaidColumns" = said,
        /// Things they say that a bound left out, and messages that are not held or were not looked at.
        leftOut: Number = detail.left_out as f64,
        /// Whether it is a model call, which has a text.
        hasText: Flag = detail.text.is_some(),
        /// The text's window.
        text: Text = text.text,
        /// Bytes of the whole text, as far as it can be read.
        textBytes: Number = text.total_bytes as f64,
        /// Byte at which the window begins.
        textFrom: Number = text.from as f64,
        /// Bytes of the window.
        textLength: Number = text.text.len() as f64,
        /// Pieces joined.
        pieces: Number = text.pieces as f64,
        /// Pieces whose index is missing.
        missing: Number = text.missing as f64,
        /// Pieces that are no longer held.
        notHeld: Number = text.not_held as f64,
        /// How often the answer was begun again.
        restarts: Number = text.restarts.into(),
    }
}

impl Panel for Span {
    type Query = SpanQuery;

    fn read(fields: &Fields) -> Result<SpanQuery, String> {
        SpanQuery::read(fields)
    }

    fn version(query: &SpanQuery, engine: &Engine, now: u64) -> f64 {
        run_version(&query.run, true, engine, now)
    }

    fn answer(
        query: &SpanQuery,
        engine: &mut Engine,
        now: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let list = judged(true, engine, now);
        let mut detail = query.run.parse().map_or_else(
            |()| SpanDetail::default(),
            |id| {
                engine.store.span_detail(&ModelSpanQuery {
                    run: WaterfallQuery {
                        run: ModelQuery {
                            id,
                            list,
                            ..ModelQuery::default()
                        },
                        ..WaterfallQuery::default()
                    },
                    line: query.line.as_ref().and_then(|line| line.parse().ok()),
                    first: index(query.first),
                    count: index(query.count),
                    text_from: index(query.text_from),
                })
            },
        );
        let messages = fill_messages(columns, &engine.store, &detail.messages);
        let said = fill_said(columns, &engine.store, &detail.said);
        if let Some(text) = &mut detail.text {
            let mut end = index(query.text_max).min(text.text.len());
            while !text.text.is_char_boundary(end) {
                end -= 1;
            }
            text.text.truncate(end);
        }
        let none = RunText::default();
        let text = detail.text.as_ref().unwrap_or(&none);
        fill(out, &messages, &said, &detail, text);
    }
}

const fn role(role: RemarkKind) -> &'static str {
    match role {
        RemarkKind::Event(_) => "event",
        RemarkKind::Token => "token",
        RemarkKind::Tool => "tool",
        RemarkKind::Metrics => "metrics",
        RemarkKind::Error => "error",
        RemarkKind::Alert => "alert",
        RemarkKind::Other => "other",
    }
}

const fn event_type(role: RemarkKind) -> i32 {
    match role {
        RemarkKind::Event(number) => number,
        RemarkKind::Token
        | RemarkKind::Tool
        | RemarkKind::Metrics
        | RemarkKind::Error
        | RemarkKind::Alert
        | RemarkKind::Other => 0,
    }
}
