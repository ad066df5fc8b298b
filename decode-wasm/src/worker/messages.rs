//! Messages between page and worker, but for what each panel asks and answers.

use js_sys::Object;
use session::control::From;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::File;

use super::js::{Fields, set};
use super::names::names;
use super::panels::Asked;
use super::save::{SaveMessage, SaveOnMessage};
use super::take::TakeMessage;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Page to worker. Unknown types are answered with `failed`. */
export type PageMessage =
  | ({ readonly type: "start" } & StartMessage)
  | QueryMessage
  | ({ readonly type: "reset" } & ResetMessage)
  | ({ readonly type: "take" } & TakeMessage)
  | ({ readonly type: "save" } & SaveMessage)
  | ({ readonly type: "saveOn" } & SaveOnMessage)
  | { readonly type: "open"; readonly file: File }
  | { readonly type: "stopReading" }
  | { readonly type: "wake" }
  | { readonly type: "stop" };

/** Asks for what is on the screen; answered by one `view`. At most one is in flight. */
export interface QueryMessage {
  readonly type: "query";
  readonly id: number;
  readonly panels: PanelQueries;
}

/** Worker to page. */
export type WorkerMessage =
  | { readonly type: "ready"; readonly names: Names; readonly coreVersion: string }
  | ViewMessage
  | TakenMessage
  | SavedMessage
  | { readonly type: "failed"; readonly message: string };

/** The answer to `take`; without bytes where the record is no longer held. */
export interface TakenMessage {
  readonly type: "taken";
  readonly id: number;
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

/** Begins to save what the event list shows; answered by one `saved`. */
export interface SaveMessage {
  readonly id: number;
  readonly list: EventsQuery;
  /** Bytes that the file's metadata will have. */
  readonly metadataBytes: number;
}

/** The answer to `save` and `saveOn`; with the id alone where what was to be saved is gone. */
export type SavedMessage = { readonly type: "saved"; readonly id: number } & (
  | { readonly bytes?: undefined }
  | ({ readonly bytes: Uint8Array<ArrayBuffer> } & SavedCounts)
);

/** One answer to `query`: of what was asked, the panels whose content is not the one already known. */
export interface ViewMessage {
  readonly type: "view";
  readonly id: number;
  readonly panels: PanelAnswers;
}
"#;

/// A message of the page.
pub(super) enum PageMessage {
    Start(StartMessage),
    Query { id: f64, asked: Box<Asked> },
    Reset(ResetMessage),
    Take(TakeMessage),
    Save(SaveMessage),
    SaveOn(SaveOnMessage),
    Open(File),
    StopReading,
    Wake,
    Stop,
}

choices! {
    /// Where the page begins: it keeps no cursor beyond its own life.
    StartFrom { Earliest = "earliest", Latest = "latest" }
}

asked! {
    /// First message: opens the connection and keeps it open.
    StartMessage {
        /// Absolute ws: or wss: address of the relay.
        url = "url": Text,
        /// Where to begin.
        from = "from": StartFrom,
        /// Compute a SHA-256 per partition over what was received (costs CPU; for verification).
        digest = "digest": Flag,
    }
}

asked! {
    /// Drops everything held and starts over.
    ResetMessage {
        /// Where to begin.
        from = "from": StartFrom,
    }
}

impl PageMessage {
    /// Reads a message by its `type`.
    pub(super) fn read(data: JsValue) -> Result<Self, String> {
        let message = Fields::of(data);
        let kind: String = message.need("type")?;
        Ok(match kind.as_str() {
            "query" => Self::Query {
                id: message.need("id")?,
                asked: Box::new(Asked::read(&message.need("panels")?)?),
            },
            "start" => Self::Start(StartMessage::read(&message)?),
            "reset" => Self::Reset(ResetMessage::read(&message)?),
            "take" => Self::Take(TakeMessage::read(&message)?),
            "save" => Self::Save(SaveMessage::read(&message)?),
            "saveOn" => Self::SaveOn(SaveOnMessage::read(&message)?),
            "open" => Self::Open(message.need("file")?),
            "stopReading" => Self::StopReading,
            "wake" => Self::Wake,
            "stop" => Self::Stop,
            _ => return Err(["unknown message ", &kind].concat()),
        })
    }
}

impl StartFrom {
    pub(super) const fn from(self) -> From {
        match self {
            Self::Earliest => From::Earliest,
            Self::Latest => From::Latest,
        }
    }
}

/// The worker's first message.
pub(super) fn ready() -> Object {
    let ready = Object::new();
    set(&ready, "type", &"ready".into());
    set(&ready, "names", &names());
    set(&ready, "coreVersion", &env!("CARGO_PKG_VERSION").into());
    ready
}
