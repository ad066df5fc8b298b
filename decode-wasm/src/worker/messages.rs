//! Messages between page and worker. Their definition for TypeScript is messages.ts.

use run_model::{EventFilter, EventQuery, ThreadSort};
use serde::{Deserialize, Serialize};
use session::control::From;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("messages.ts");

/// A message of the page.
#[derive(Debug)]
pub(super) enum PageMessage {
    Start(Start),
    Query(Query),
    Detail { id: f64, row: f64 },
    Reset(StartFrom),
    Wake,
    Stop,
}

/// Opens the connection.
#[derive(Debug, Deserialize)]
pub(super) struct Start {
    pub(super) url: String,
    pub(super) from: StartFrom,
    pub(super) digest: bool,
}

#[derive(Deserialize)]
struct DetailFields {
    id: f64,
    row: f64,
}

#[derive(Deserialize)]
struct ResetFields {
    from: StartFrom,
}

impl PageMessage {
    /// Reads a message by its `type`.
    pub(super) fn read(data: JsValue) -> Result<Self, String> {
        let kind = js_sys::Reflect::get(&data, &"type".into())
            .ok()
            .and_then(|k| k.as_string());
        let text = |error: serde_wasm_bindgen::Error| error.to_string();
        match kind.as_deref() {
            Some("query") => serde_wasm_bindgen::from_value(data)
                .map(Self::Query)
                .map_err(text),
            Some("start") => serde_wasm_bindgen::from_value(data)
                .map(Self::Start)
                .map_err(text),
            Some("detail") => serde_wasm_bindgen::from_value(data)
                .map(|DetailFields { id, row }| Self::Detail { id, row })
                .map_err(text),
            Some("reset") => serde_wasm_bindgen::from_value(data)
                .map(|ResetFields { from }| Self::Reset(from))
                .map_err(text),
            Some("wake") => Ok(Self::Wake),
            Some("stop") => Ok(Self::Stop),
            other => Err(format!("unknown message {other:?}")),
        }
    }
}

/// Where a connection without a cursor starts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StartFrom {
    Cursor,
    Earliest,
    Latest,
}

impl StartFrom {
    pub(super) const fn from(self) -> From {
        match self {
            Self::Cursor => From::Cursor,
            Self::Earliest => From::Earliest,
            Self::Latest => From::Latest,
        }
    }
}

/// What is on the screen.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query {
    pub(super) id: f64,
    events: Window,
    frozen_at: Option<f64>,
    filter: Filter,
    threads: ThreadWindow,
}

#[derive(Debug, Deserialize)]
struct Window {
    first: f64,
    count: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    text: String,
    thread: Option<String>,
    kinds: Vec<String>,
    trouble_only: bool,
}

#[derive(Debug, Deserialize)]
struct ThreadWindow {
    first: f64,
    count: f64,
    sort: Sort,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Recent,
    Name,
    Records,
}

impl Query {
    pub(super) fn events(&self) -> EventQuery {
        EventQuery {
            first: index(self.events.first),
            count: index(self.events.count),
            frozen_at: self.frozen_at.map(|id| index(id) as u64),
            filter: EventFilter {
                text: self.filter.text.clone(),
                thread: self.filter.thread.clone(),
                kinds: self.filter.kinds.clone(),
                trouble_only: self.filter.trouble_only,
            },
        }
    }

    /// Order, first and count of the thread table.
    pub(super) fn threads(&self) -> (ThreadSort, usize, usize) {
        let sort = match self.threads.sort {
            Sort::Recent => ThreadSort::Recent,
            Sort::Name => ThreadSort::Name,
            Sort::Records => ThreadSort::Records,
        };
        let count = index(self.threads.count).min(run_model::limits::QUERY_ROWS_MAX);
        (sort, index(self.threads.first), count)
    }
}

/// A JavaScript number as an index; what is none is 0.
pub(super) fn index(number: f64) -> usize {
    if number.is_finite() && number > 0.0 {
        number as usize
    } else {
        0
    }
}

/// `DetailAnswer` of messages.ts, without its bytes.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DetailAnswer {
    pub(super) r#type: &'static str,
    pub(super) id: f64,
    pub(super) row: f64,
    pub(super) held: bool,
    pub(super) partition: u32,
    pub(super) offset: String,
    pub(super) last_offset: String,
    pub(super) timestamp_ms: f64,
    pub(super) kind: &'static str,
    pub(super) code: String,
    pub(super) frame: &'static str,
    pub(super) payload_bytes: u32,
    pub(super) decoded_bytes: u32,
    pub(super) json: String,
    pub(super) error: String,
    pub(super) head_truncated: bool,
}
