//! Messages between page and worker. Their definition for TypeScript is messages.ts.

use js_sys::{Array, Reflect};
use run_model::{EventFilter, EventQuery, ThreadSort};
use serde::Serialize;
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
#[derive(Debug)]
pub(super) struct Start {
    pub(super) url: String,
    pub(super) from: StartFrom,
    pub(super) digest: bool,
}

impl PageMessage {
    /// Reads a message by its `type`.
    pub(super) fn read(data: &JsValue) -> Result<Self, String> {
        let message = Fields(data.clone());
        let kind = message.text("type")?;
        Ok(match kind.as_str() {
            "query" => Self::Query(Query::read(&message)?),
            "start" => Self::Start(Start {
                url: message.text("url")?,
                from: StartFrom::read(&message)?,
                digest: message.flag("digest")?,
            }),
            "detail" => Self::Detail {
                id: message.number("id")?,
                row: message.number("row")?,
            },
            "reset" => Self::Reset(StartFrom::read(&message)?),
            "wake" => Self::Wake,
            "stop" => Self::Stop,
            _ => return Err(["unknown message ", &kind].concat()),
        })
    }
}

/// The properties of an object of the page, which must be there. Read one by one: a generated reader for
/// each type is many times the size.
struct Fields(JsValue);

impl Fields {
    fn any(&self, name: &str) -> Option<JsValue> {
        let value = Reflect::get(&self.0, &name.into()).ok()?;
        (!value.is_undefined() && !value.is_null()).then_some(value)
    }

    fn object(&self, name: &str) -> Result<Self, String> {
        self.any(name).map(Self).ok_or_else(|| missing(name))
    }

    fn text(&self, name: &str) -> Result<String, String> {
        let text = self.any(name).and_then(|value| value.as_string());
        text.ok_or_else(|| missing(name))
    }

    fn number(&self, name: &str) -> Result<f64, String> {
        let number = self.any(name).and_then(|value| value.as_f64());
        number.ok_or_else(|| missing(name))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        let flag = self.any(name).and_then(|value| value.as_bool());
        flag.ok_or_else(|| missing(name))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let list = self.any(name).ok_or_else(|| missing(name))?;
        if !Array::is_array(&list) {
            return Err(missing(name));
        }
        let list = Array::from(&list);
        let texts: Option<_> = list.iter().map(|text| text.as_string()).collect();
        texts.ok_or_else(|| missing(name))
    }
}

fn missing(name: &str) -> String {
    [name, " is missing or not what it must be"].concat()
}

/// Where a connection without a cursor starts.
#[derive(Clone, Copy, Debug)]
pub(super) enum StartFrom {
    Cursor,
    Earliest,
    Latest,
}

impl StartFrom {
    fn read(message: &Fields) -> Result<Self, String> {
        match message.text("from")?.as_str() {
            "cursor" => Ok(Self::Cursor),
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            _ => Err(missing("from")),
        }
    }

    pub(super) const fn from(self) -> From {
        match self {
            Self::Cursor => From::Cursor,
            Self::Earliest => From::Earliest,
            Self::Latest => From::Latest,
        }
    }
}

/// What is on the screen.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) id: f64,
    events: Window,
    frozen_at: Option<f64>,
    filter: EventFilter,
    threads: Window,
    sort: ThreadSort,
}

#[derive(Debug)]
struct Window {
    first: f64,
    count: f64,
}

impl Window {
    fn read(window: &Fields) -> Result<Self, String> {
        Ok(Self {
            first: window.number("first")?,
            count: window.number("count")?,
        })
    }
}

impl Query {
    fn read(message: &Fields) -> Result<Self, String> {
        let filter = message.object("filter")?;
        let threads = message.object("threads")?;
        Ok(Self {
            id: message.number("id")?,
            events: Window::read(&message.object("events")?)?,
            frozen_at: message.number("frozenAt").ok(),
            filter: EventFilter {
                text: filter.text("text")?,
                thread: filter.text("thread").ok(),
                kinds: filter.texts("kinds")?,
                trouble_only: filter.flag("troubleOnly")?,
            },
            threads: Window::read(&threads)?,
            sort: match threads.text("sort")?.as_str() {
                "recent" => ThreadSort::Recent,
                "name" => ThreadSort::Name,
                "records" => ThreadSort::Records,
                _ => return Err(missing("sort")),
            },
        })
    }

    pub(super) fn events(&self) -> EventQuery {
        EventQuery {
            first: index(self.events.first),
            count: index(self.events.count),
            frozen_at: self.frozen_at.map(|id| index(id) as u64),
            filter: self.filter.clone(),
        }
    }

    /// Order, first and count of the thread table.
    pub(super) fn threads(&self) -> (ThreadSort, usize, usize) {
        let count = index(self.threads.count).min(run_model::limits::QUERY_ROWS_MAX);
        (self.sort, index(self.threads.first), count)
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
