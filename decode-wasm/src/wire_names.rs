//! What the build of the page needs of `decode_core::wire`, so that the page holds no second definition of it.

use decode_core::wire::{self, CloseCode};
use wasm_bindgen::prelude::*;

/// Path of the relay's WebSocket endpoint, below wherever the page is.
#[wasm_bindgen(js_name = wsPath)]
#[must_use]
pub fn ws_path() -> String {
    wire::WS_PATH.to_owned()
}

/// Header of an answer by which a relay says that it refuses, and why.
#[wasm_bindgen(js_name = refusalHeader)]
#[must_use]
pub fn refusal_header() -> String {
    wire::REFUSAL_HEADER.to_owned()
}

/// Path of the session that the page gets for a token, below wherever the page is.
#[wasm_bindgen(js_name = sessionPath)]
#[must_use]
pub fn session_path() -> String {
    wire::SESSION_PATH.to_owned()
}

/// Code of a refusal for want of a valid token or session.
#[wasm_bindgen(js_name = unauthenticatedCode)]
#[must_use]
pub fn unauthenticated_code() -> String {
    wire::UNAUTHENTICATED.to_owned()
}

/// Close code of a connection whose credentials are no longer valid.
#[wasm_bindgen(js_name = notAuthorisedClose)]
#[must_use]
pub fn not_authorised_close() -> u16 {
    CloseCode::NotAuthorised.number()
}

/// Close code with which a client and a relay of different protocols part.
#[wasm_bindgen(js_name = protocolErrorClose)]
#[must_use]
pub fn protocol_error_close() -> u16 {
    CloseCode::Protocol.number()
}
