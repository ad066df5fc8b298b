//! What the build of the page needs of `decode_core::wire`, so that the page holds no second definition of it.

use decode_core::wire;
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
