//! One answer to the page's query: columns that are transferred, and a little text.

use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{
    Array, ArrayBuffer, BigUint64Array, Float64Array, JsString, Object, Uint8Array, Uint16Array,
    Uint32Array,
};
use run_model::{Store, StoredRow};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::DedicatedWorkerGlobalScope;

use super::messages::Query;
use super::shell::{Shell, set};

/// A message and the buffers that move with it.
pub(super) struct Outgoing {
    message: Object,
    transfer: Array,
}

impl Outgoing {
    pub(super) fn post(&self, scope: &DedicatedWorkerGlobalScope) {
        // A message of our own making can be cloned.
        let _ = scope.post_message_with_transfer(&self.message, &self.transfer);
    }
}

/// A serialisable value as plain objects. Our own types can be; anything else is a defect to show.
pub(super) fn to_js(value: &impl Serialize) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    let refused = |error: serde_wasm_bindgen::Error| wasm_bindgen::throw_str(&error.to_string());
    value.serialize(&serializer).unwrap_or_else(refused)
}

pub(super) fn view(shell: &mut Shell, query: &Query, now: u64) -> Outgoing {
    let mut out = Builder::new();
    set(&out.message, "type", &"view".into());
    set(&out.message, "id", &query.id.into());
    set(&out.message, "connection", &to_js(&connection(shell, now)));
    set(&out.message, "totals", &to_js(&totals(shell)));
    partitions(shell, &mut out);
    threads(shell, query, &mut out);
    events(shell, query, &mut out);
    out.finish()
}

fn partitions(shell: &Shell, out: &mut Builder) {
    let all: Vec<_> = shell.session.positions().collect();
    let columns = Object::new();
    let u32s = |f: fn(&session::client::PartitionPosition) -> u32| all.iter().map(f).collect();
    let u64s = |f: fn(&session::client::PartitionPosition) -> u64| all.iter().map(f).collect();
    out.column(&columns, "partition", Values::U32(u32s(|p| p.partition)));
    out.column(&columns, "position", Values::U64(u64s(|p| p.committed)));
    // Live records go beyond the end that was told at the start.
    out.column(
        &columns,
        "head",
        Values::U64(u64s(|p| p.head.max(p.expected))),
    );
    let records = all.iter().map(|p| p.records as f64).collect();
    out.column(&columns, "records", Values::F64(records));
    out.column(&columns, "rejects", Values::U32(u32s(|p| p.rejects as u32)));
    out.column(&columns, "gaps", Values::U32(u32s(|p| p.gaps as u32)));
    let hex = |p: u32| {
        shell
            .digest
            .as_ref()
            .map_or_else(String::new, |digest| digest.hex(p))
    };
    let digests: Array = all
        .iter()
        .map(|p| JsString::from(hex(p.partition)))
        .collect();
    set(&columns, "digest", &digests);
    set(&out.message, "partitions", &columns);
}

fn threads(shell: &Shell, query: &Query, out: &mut Builder) {
    let (sort, first, count) = query.threads();
    let page = shell.store.threads(sort, first, count);
    let columns = Object::new();
    let names = page.iter().map(|(name, _)| out.text(name)).collect();
    out.column(&columns, "thread", Values::U32(names));
    let partition = page.iter().map(|(_, t)| t.partition).collect();
    out.column(&columns, "partition", Values::U32(partition));
    let records = page.iter().map(|(_, t)| t.records as f64).collect();
    out.column(&columns, "records", Values::F64(records));
    let last = page.iter().map(|(_, t)| t.last_ms as f64).collect();
    out.column(&columns, "lastMs", Values::F64(last));
    let offset = page.iter().map(|(_, t)| t.last_offset).collect();
    out.column(&columns, "lastOffset", Values::U64(offset));
    let nodes = page.iter().map(|(_, t)| out.text(&t.node)).collect();
    out.column(&columns, "node", Values::U32(nodes));
    let status = page
        .iter()
        .map(|(_, t)| out.text(t.status.name()))
        .collect();
    out.column(&columns, "status", Values::U32(status));
    let errors = page.iter().map(|(_, t)| t.errors).collect();
    out.column(&columns, "errors", Values::U32(errors));
    let newer = page.iter().map(|(_, t)| u8::from(t.newer_schema)).collect();
    out.column(&columns, "newerSchema", Values::U8(newer));
    set(&out.message, "threads", &columns);
    set(
        &out.message,
        "threadTotal",
        &(shell.store.thread_count() as f64).into(),
    );
}

fn events(shell: &mut Shell, query: &Query, out: &mut Builder) {
    let page = shell.store.events(&query.events());
    let (total, newer, newest) = (page.total, page.newer, page.newest);
    let rows: Vec<(u64, StoredRow)> = page
        .rows
        .into_iter()
        .map(|(id, r)| (id, r.clone()))
        .collect();
    let columns = event_columns(&rows, &shell.store, out);
    set(&out.message, "events", &columns);
    set(&out.message, "eventTotal", &(total as f64).into());
    set(
        &out.message,
        "newestRow",
        &newest.map_or(-1.0, |id| id as f64).into(),
    );
    set(&out.message, "newerRows", &(newer as f64).into());
}

fn event_columns(rows: &[(u64, StoredRow)], store: &Store, out: &mut Builder) -> Object {
    let columns = Object::new();
    let u8s = |f: fn(&StoredRow) -> u8| Values::U8(rows.iter().map(|(_, r)| f(r)).collect());
    let u16s = |f: fn(&StoredRow) -> u16| Values::U16(rows.iter().map(|(_, r)| f(r)).collect());
    let u32s = |f: fn(&StoredRow) -> u32| Values::U32(rows.iter().map(|(_, r)| f(r)).collect());
    let u64s = |f: fn(&StoredRow) -> u64| Values::U64(rows.iter().map(|(_, r)| f(r)).collect());
    let f64s = |f: fn(&StoredRow) -> f64| Values::F64(rows.iter().map(|(_, r)| f(r)).collect());
    out.column(
        &columns,
        "row",
        Values::F64(rows.iter().map(|(id, _)| *id as f64).collect()),
    );
    out.column(&columns, "kind", u8s(|r| r.kind.number()));
    out.column(
        &columns,
        "eventType",
        u16s(|r| r.event_type.clamp(0, 0xFFFF) as u16),
    );
    out.column(&columns, "partition", u32s(|r| r.partition));
    out.column(&columns, "offset", u64s(|r| r.offset));
    out.column(&columns, "lastOffset", u64s(|r| r.last_offset));
    out.column(&columns, "timestampMs", f64s(|r| r.timestamp_ms as f64));
    out.column(&columns, "sequence", u64s(|r| r.sequence));
    let threads = rows
        .iter()
        .map(|(_, r)| out.text(store.names_of(r).0))
        .collect();
    out.column(&columns, "thread", Values::U32(threads));
    let nodes = rows
        .iter()
        .map(|(_, r)| out.text(store.names_of(r).1))
        .collect();
    out.column(&columns, "node", Values::U32(nodes));
    out.column(&columns, "code", u32s(|r| r.code));
    let summaries = rows
        .iter()
        .map(|(_, r)| out.text(&store.summary_of(r)))
        .collect();
    out.column(&columns, "summary", Values::U32(summaries));
    out.column(&columns, "bytes", u32s(|r| r.bytes));
    out.column(&columns, "newerSchema", u8s(|r| u8::from(r.newer_schema)));
    out.column(&columns, "repeat", u8s(|r| u8::from(r.repeat)));
    columns
}

/// One column before it becomes a typed array.
enum Values {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F64(Vec<f64>),
}

/// Collects columns, their buffers, and the texts they index.
struct Builder {
    message: Object,
    transfer: Array,
    texts: Array,
    numbers: BTreeMap<Rc<str>, u32>,
}

impl Builder {
    fn new() -> Self {
        let texts = Array::of1(&JsString::from(""));
        let mut numbers = BTreeMap::new();
        numbers.insert(Rc::from(""), 0);
        Self {
            message: Object::new(),
            transfer: Array::new(),
            texts,
            numbers,
        }
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.push(&JsString::from(text)) - 1;
        self.numbers.insert(Rc::from(text), number);
        number
    }

    fn column(&mut self, columns: &Object, name: &str, values: Values) {
        let (array, buffer): (JsValue, ArrayBuffer) = match values {
            Values::U8(v) => typed(Uint8Array::from(v.as_slice()), Uint8Array::buffer),
            Values::U16(v) => typed(Uint16Array::from(v.as_slice()), Uint16Array::buffer),
            Values::U32(v) => typed(Uint32Array::from(v.as_slice()), Uint32Array::buffer),
            Values::U64(v) => typed(BigUint64Array::from(v.as_slice()), BigUint64Array::buffer),
            Values::F64(v) => typed(Float64Array::from(v.as_slice()), Float64Array::buffer),
        };
        set(columns, name, &array);
        self.transfer.push(&buffer);
    }

    fn finish(self) -> Outgoing {
        set(&self.message, "strings", &self.texts);
        Outgoing {
            message: self.message,
            transfer: self.transfer,
        }
    }
}

fn typed<A: Into<JsValue>>(array: A, buffer: fn(&A) -> ArrayBuffer) -> (JsValue, ArrayBuffer) {
    let buffer = buffer(&array);
    (array.into(), buffer)
}

/// `ConnectionView` of messages.ts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection<'a> {
    phase: &'static str,
    epoch: f64,
    retry_in_ms: Option<f64>,
    last_close: Option<Close<'a>>,
    notice: &'a str,
    relay_version: &'a str,
    topic: &'a str,
    namespace: &'a str,
    mode: &'a str,
    replay_progress: Option<f64>,
    problems: Vec<Problem<'a>>,
    unacked_bytes: f64,
    backlog_frames: f64,
    apply_lag_ms: f64,
}

#[derive(Serialize)]
struct Close<'a> {
    code: u16,
    reason: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    at_ms: f64,
    code: &'a str,
    text: &'a str,
}

fn connection(shell: &Shell, now: u64) -> Connection<'_> {
    let session = &shell.session;
    let welcome = session.welcome();
    Connection {
        phase: session.phase().name(),
        epoch: session.epoch() as f64,
        retry_in_ms: session
            .retry_at_ms()
            .map(|at| at.saturating_sub(now) as f64),
        last_close: session
            .last_close()
            .map(|(code, reason)| Close { code, reason }),
        notice: welcome.map_or("", |w| &w.notice),
        relay_version: welcome.map_or("", |w| &w.relay_version),
        topic: welcome.map_or("", |w| &w.topic),
        namespace: welcome.map_or("", |w| &w.namespace),
        mode: welcome.map_or("", |w| &w.mode),
        replay_progress: session.replay().map(|(sent, total)| {
            if total == 0 {
                1.0
            } else {
                sent as f64 / total as f64
            }
        }),
        problems: session
            .problems()
            .map(|p| Problem {
                at_ms: shell.clock_origin_ms() + p.at_ms as f64,
                code: p.code,
                text: &p.text,
            })
            .collect(),
        unacked_bytes: session.unacked_bytes() as f64,
        backlog_frames: session.backlog_frames() as f64,
        apply_lag_ms: session.apply_lag_ms(now) as f64,
    }
}

/// `Totals` of messages.ts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    records: f64,
    bytes: f64,
    rows: f64,
    rejects: f64,
    gaps: f64,
    gap_offsets: f64,
    newer_schema: f64,
    newer_threads: f64,
    repeats: f64,
    evicted_rows: f64,
    threads: f64,
}

fn totals(shell: &Shell) -> Totals {
    let totals = shell.store.totals();
    Totals {
        records: totals.records as f64,
        bytes: totals.bytes as f64,
        rows: totals.rows as f64,
        rejects: totals.rejects as f64,
        gaps: totals.gaps as f64,
        gap_offsets: totals.gap_offsets as f64,
        newer_schema: totals.newer_schema as f64,
        newer_threads: totals.newer_threads as f64,
        repeats: totals.repeats as f64,
        evicted_rows: totals.evicted_rows as f64,
        threads: shell.store.thread_count() as f64,
    }
}
