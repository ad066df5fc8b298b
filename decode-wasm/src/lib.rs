//! The core in the browser.
//!
//! [`MessageDecoder`] turns one whole WebSocket message into columns with one call.
//! [`start_worker`] is all of the worker: it owns the socket, the session and the history, and
//! answers the page's queries. Each export is a call and a conversion; what interprets bytes lives
//! in `decode-core`, `session` and `run-model`.

mod columns;
mod decoder;
mod wire_names;
mod worker;

pub use columns::{ColumnDecoder, Columns};
pub use decoder::{MessageDecoder, canonical_json};
pub use wire_names::{
    not_authorised_close, protocol_error_close, refusal_header, session_path, unauthenticated_code,
    ws_path,
};
pub use worker::start_worker;
